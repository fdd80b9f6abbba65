"""Grids of every kind with fields on them, and their neighbours found the slow way."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.rows import Rows
from dqwatch.sources.grids import curvilinear_grid, regular_grid, unstructured_grid
from dqwatch.types import Grid
from examples.sphere import Harmonics, octahedral_grid
from examples.weather import EPOCH, STEP, VARIABLES, Weather

NUMBER = 24
"""Of the octahedral grid of the weather: fine enough for its smallest waves."""


def rows_of(grid: Grid) -> Rows:
    """The rows of a grid that has rows."""
    rows = geometry_of(grid).rows
    assert rows is not None
    return rows


@cache
def regular() -> Grid:
    """Both poles, all longitudes."""
    return regular_grid(np.linspace(90, -90, 37), np.arange(72) * 5.0, "regular")


@cache
def limited() -> Grid:
    """A part of the globe, from south to north, across longitude 0."""
    return regular_grid(np.linspace(30, 60, 31), (np.arange(41) - 10.0) % 360, "limited")


@cache
def reduced(number: int = NUMBER) -> Grid:
    """Octahedral."""
    octahedral = octahedral_grid(number)
    return unstructured_grid(octahedral.latitudes, octahedral.longitudes, "reduced")


@cache
def curvilinear() -> Grid:
    """Rows and columns that cross those of latitude and longitude at an angle."""
    x, y = np.meshgrid(np.linspace(-12, 12, 33), np.linspace(-10, 10, 27))
    return curvilinear_grid(50 + 0.7 * y + 0.3 * x, 10 + 1.2 * x - 0.5 * y, "curvilinear")


@cache
def scattered(n: int = 1200) -> Grid:
    """A spiral of even density in no order."""
    i = np.random.default_rng(8).permutation(n) + 0.5
    latitudes = np.degrees(np.arcsin(1 - 2 * i / n))
    return unstructured_grid(latitudes, np.degrees(np.pi * (1 + 5**0.5) * i) % 360, "scattered")


def all_grids() -> list[Grid]:
    """One of each kind."""
    return [regular(), limited(), reduced(), curvilinear(), scattered()]


@cache
def _harmonics(grid: Grid, lmax: int) -> Harmonics:
    near_poles = np.clip(grid.latitudes, -89.99, 89.99)  # type: ignore[type-var]
    return Harmonics(SimpleNamespace(latitudes=near_poles, longitudes=grid.longitudes), lmax)  # type: ignore[arg-type]


def smooth(grid: Grid, seed: int = 0, *, lmax: int = 12, dtype: type = np.float32) -> np.ndarray:
    """A smooth random field about 280, standard deviation about 10."""
    waves = _harmonics(grid, lmax)
    degree = np.repeat(waves.degree, 2).astype(float)
    coefficients = np.random.default_rng(seed).normal(size=degree.size) * (1 + degree) ** -1.5
    field = coefficients @ waves.values.astype(np.float64)
    field = 280 + 10 * field / field.std()
    return field.astype(dtype)


def with_gaps(values: np.ndarray, seed: int = 0, share: float = 0.05) -> np.ndarray:
    """A copy with some NaN and one infinity."""
    spoilt = values.copy()
    rng = np.random.default_rng(seed)
    spoilt[rng.random(values.size) < share] = np.nan
    spoilt[rng.integers(values.size)] = np.inf
    return spoilt


@cache
def weather(days: int = 20) -> dict[str, np.ndarray]:
    """Clean fields by variable, float32 (date, cell), three days apart, on `reduced()`."""
    states = Weather(5, number=NUMBER).states(EPOCH + np.arange(days) * 12 * STEP)
    return {name: states[:, i] for i, name in enumerate(VARIABLES)}


def statistics(values: np.ndarray) -> dict[str, float]:
    """Mean, least and most of the finite values."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return dict.fromkeys(("mean", "least", "most"), np.nan)
    return {"mean": float(finite.mean()), "least": float(finite.min()), "most": float(finite.max())}


def std(values: np.ndarray) -> float:
    """Of the finite values."""
    finite = values[np.isfinite(values)].astype(np.float64)
    return float(finite.std()) if finite.size else np.nan


@cache
def neighbours(grid: Grid) -> list[list[int]]:
    """All neighbours of each cell: from a matrix of distances, or from shape or coordinates where there are rows."""
    if len(grid.shape) == 2:
        return _around_by_index(grid)
    if grid.kind == "reduced_gaussian":
        return _around_by_row(grid)
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    phi, lam = np.radians(grid.latitudes), np.radians(grid.longitudes)
    places = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], 1)
    away = ((places[:, None] - places[None]) ** 2).sum(2)
    np.fill_diagonal(away, np.inf)
    near = np.zeros(away.shape, bool)
    np.put_along_axis(near, np.argsort(away, axis=1)[:, :6], True, axis=1)
    return [np.flatnonzero(one).tolist() for one in near | near.T]


def _around_by_index(grid: Grid) -> list[list[int]]:
    n_rows, n_columns = grid.shape
    around: bool = grid.name == "regular"
    found = []
    for y in range(n_rows):
        for x in range(n_columns):
            places = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} - {(y, x)}
            if around:
                places = {(j, i % n_columns) for j, i in places}
            found.append(sorted(j * n_columns + i for j, i in places if 0 <= j < n_rows and 0 <= i < n_columns))
    return found


def _around_by_row(grid: Grid) -> list[list[int]]:
    """Within one and a half cells of longitude of the coarser of the two rows."""
    lat, lon = grid.latitudes, grid.longitudes
    assert lat is not None
    assert lon is not None
    row = np.unique(-lat, return_inverse=True)[1]
    width = 360.0 / np.bincount(row)
    found = []
    for i in range(lat.size):
        beside = np.abs((lon - lon[i] + 180) % 360 - 180) <= 1.5 * np.maximum(width[row], width[row[i]]) + 1e-6
        near = beside & (np.abs(row - row[i]) <= 1)
        near[i] = False
        found.append(np.flatnonzero(near).tolist())
    return found


def east_pairs(grid: Grid) -> list[tuple[int, int]]:
    """Each cell with the next of its row; on grids without rows each pair of neighbours once."""
    if grid.kind == "unstructured":
        return [(i, j) for i, others in enumerate(neighbours(grid)) for j in others if i < j]
    pairs = []
    for cells in row_cells(grid):
        pairs += list(pairwise(cells))
        if grid.name in ("regular", "reduced"):
            pairs.append((cells[-1], cells[0]))
    return pairs


def row_cells(grid: Grid) -> list[list[int]]:
    """The cells of each row."""
    if len(grid.shape) == 2:
        return np.arange(grid.n_cells).reshape(grid.shape).tolist()
    assert grid.latitudes is not None
    return [np.flatnonzero(grid.latitudes == lat).tolist() for lat in np.unique(grid.latitudes)[::-1]]


def doubled(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Each second cell of a row like the one before it, as nearest-neighbour refinement leaves it."""
    spoilt = values.copy()
    for cells in row_cells(grid):
        spoilt[cells[1::2]] = spoilt[cells[: len(cells) // 2 * 2 : 2]]
    return spoilt


def deviation(clean: Any, value: float) -> float:
    """How many standard deviations of some clean numbers a number lies off their mean."""
    return abs(value - np.mean(clean)) / np.std(clean)
