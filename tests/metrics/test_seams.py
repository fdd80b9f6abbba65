"""Seams, tiles and poles against loops over rows, and jumps of known size."""

from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.seams import pole_ratio, seam_ratio, tile_ratio
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid


def turned(grid: Grid, longitude: float) -> Grid:
    """The regular grid with rows that begin elsewhere."""
    assert grid.latitudes is not None
    return regular_grid(grid.latitudes[:: grid.shape[1]], (np.arange(grid.shape[1]) * 5.0 + longitude) % 360, "regular")


def slow_seam(values: np.ndarray, grid: Grid) -> float:
    """Row by row and step by step."""
    x = values.astype(np.float64)
    area = np.ones(x.size) if grid.area_weights is None else grid.area_weights
    lon = np.zeros(x.size) if grid.longitudes is None else grid.longitudes
    rows = cases.row_cells(grid)
    ratios = []
    for seam in ("ends", 0.0, 180.0):
        across, within, n_rows = [], [], 0
        for cells in rows:
            steps = {}
            pair = (cells[-1], cells[0]) if seam == "ends" and grid.name in ("regular", "reduced") else None
            for i, j in pairwise(cells):
                steps[i, j] = abs(x[j] - x[i])
                if seam != "ends" and pair is None:
                    a, b = sorted((lon[k] - seam + 180) % 360 - 180 for k in (i, j))
                    pair = (i, j) if a < 0 <= b and b - a < 180 else None
            if pair is None:
                continue
            n_rows += 1
            step = abs(x[pair[1]] - x[pair[0]])
            others = [s for p, s in steps.items() if p != pair and np.isfinite(s)]
            if np.isfinite(step) and others:
                across.append(area[cells].sum() * step)
                within.append(area[cells].sum() * np.mean(others))
        if 2 * n_rows >= len(rows) and sum(within) > 0:
            ratios.append(sum(across) / sum(within))
    return max(ratios, default=math.nan)


def seam_grids() -> list[Grid]:
    wide = regular_grid(np.linspace(-60, 60, 25), np.arange(-40, 200, 4.0), "wide")
    return [
        *cases.all_grids()[:4],
        turned(cases.regular(), 180),
        turned(cases.regular(), 93),
        wide,
        regular_grid(np.linspace(-60, 60, 25), np.arange(-50.0, -70.0, -1.0) % 360, "nowhere"),
        regular_grid(np.linspace(60, -60, 25), (10.0 - np.arange(30.0)) % 360, "westward"),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("grid", seam_grids(), ids=lambda g: f"{g.name} from {g.longitudes[0]}")
def test_seams_row_by_row(grid: Grid, weighted: bool, dtype: type) -> None:
    grid = grid if weighted else dataclasses.replace(grid, area_weights=None)
    clean = cases.smooth(grid, dtype=dtype)
    torn = clean.copy()
    for cells in cases.row_cells(grid)[2:]:
        torn[cells[len(cells) // 3 :]] += 20
    for values in (clean, torn, cases.with_gaps(clean, share=0.2)):
        expected = slow_seam(values, grid)
        assert math.isnan(expected) == (grid.name == "nowhere")
        assert seam_ratio(values, geometry_of(grid)) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("start", [0.0, 90.0, 180.0, 270.0])
@pytest.mark.parametrize("seam", [0.0, 180.0])
def test_a_tear_at_a_meridian_wherever_rows_begin(start: float, seam: float) -> None:
    # A slope once around jumps at the seam by 71 cells, and steps by 1 everywhere else.
    grid = turned(cases.regular(), start)
    assert grid.longitudes is not None
    values = (grid.longitudes - seam) % 360 / 5
    assert seam_ratio(values, geometry_of(grid)) == pytest.approx(71, rel=0.03)


def test_no_seam() -> None:
    for grid in (cases.scattered(), Grid("unknown", (5,)), Grid("unknown", (4, 5)), Grid("profile", ())):
        assert math.isnan(seam_ratio(np.arange(float(grid.n_cells)), geometry_of(grid)))
    for value in (0.0, 0.1, np.nan, np.inf):
        assert math.isnan(seam_ratio(np.full(cases.regular().n_cells, value, np.float32), geometry_of(cases.regular())))


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "q_850"])
def test_seams_are_seen_and_clean_weather_has_none(name: str) -> None:
    grid, days = cases.reduced(), cases.weather()[name]
    assert all(seam_ratio(day, geometry_of(grid)) < 2.5 for day in days)
    # Regridded without going around the globe: the last cells of each row repeat an earlier one.
    torn = days[-1].copy()
    for cells in cases.row_cells(grid):
        torn[cells[-len(cells) // 6 :]] = torn[cells[-len(cells) // 6]]
    assert seam_ratio(torn, geometry_of(grid)) > 3


def slow_tiles(values: np.ndarray, shape: tuple[int, ...], tile: tuple[int, ...], starts: list[int]) -> float:
    x = values.astype(np.float64)
    cell = np.arange(x.size).reshape(shape if len(tile) > 1 else (1, -1))
    ratios = []
    for axis, width in enumerate(tile):
        lines = cell.T if axis == 0 and len(tile) > 1 else cell
        across, beside = [], []
        for line in lines.tolist():
            steps = {i: abs(x[line[i]] - x[line[i - 1]]) for i in range(1, len(line)) if i not in starts}
            steps = {i: step for i, step in steps.items() if np.isfinite(step)}
            for edge in range(width, len(line), width):
                near = [steps[edge + k] for k in (-2, -1, 1, 2) if edge + k in steps]
                if edge in steps and near:
                    across.append(steps[edge])
                    beside.append(np.mean(near))
        if len(across) >= 8:
            ratios.append(sum(across) / sum(beside))
    return max(ratios, default=math.nan)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("grid", "tile"),
    [
        *(
            (grid, tile)
            for grid in (cases.regular(), cases.curvilinear())
            for tile in ((5, 9), (3, 3), (9, 99), (99, 7))
        ),
        *((grid, tile) for grid in (cases.regular(), cases.reduced()) for tile in ((16,), (3,), (250,))),
        (cases.limited(), (48,)),
    ],
    ids=lambda case: getattr(case, "name", str(case)),
)
def test_tiles_step_by_step(grid: Grid, tile: tuple[int, ...], dtype: type) -> None:
    clean = cases.smooth(grid, dtype=dtype)
    assert tile_ratio(clean, geometry_of(grid), tile) > 0
    tiled = clean + np.arange(grid.n_cells) // tile[-1] % 2 * dtype(4)
    for values in (clean, tiled, cases.with_gaps(clean), cases.with_gaps(tiled, share=0.4)):
        ends = [cells[0] for cells in cases.row_cells(grid)] if len(tile) == 1 else []
        expected = slow_tiles(values, grid.shape, tile, ends)
        assert tile_ratio(values, geometry_of(grid), tile) == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_tiles_of_known_height() -> None:
    # A slope of 1 a cell, and 5 more from tile to tile: steps of 6 across, 1 beside.
    x = np.arange(72)
    values = np.tile(x + 5 * (x // 8), 37)
    assert tile_ratio(values, geometry_of(cases.regular()), (37, 8)) == pytest.approx(6)
    y = np.arange(37)
    values = np.repeat(y + 5 * (y // 8), 72)
    assert tile_ratio(values, geometry_of(cases.regular()), (8, 72)) == pytest.approx(6)
    assert tile_ratio(values, geometry_of(Grid("unknown", (37 * 72,))), (8 * 72,)) != 6


@pytest.mark.parametrize("tile", [(37, 72), (100, 100), (2, 2), (1, 1), (2664,)], ids=str)
def test_no_tiles(tile: tuple[int, ...]) -> None:
    assert math.isnan(tile_ratio(cases.smooth(cases.regular()), geometry_of(cases.regular()), tile))


def test_a_tile_has_a_length_for_each_axis() -> None:
    with pytest.raises(ValueError, match="a tile of 3 lengths on a grid of shape"):
        tile_ratio(cases.smooth(cases.regular()), geometry_of(cases.regular()), (3, 3, 3))


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_a_constant_has_no_tiles(value: float) -> None:
    values = np.full(cases.regular().n_cells, value)
    assert math.isnan(tile_ratio(values, geometry_of(cases.regular()), (8, 8)))


def test_tiles_are_seen_and_clean_weather_has_none() -> None:
    grid = cases.reduced()
    for name in ("2t", "z_500", "u_850", "q_850"):
        days = cases.weather()[name]
        assert all(tile_ratio(day, geometry_of(grid), (100,)) < 2 for day in days)
        offsets = np.random.default_rng(0).normal(0, days[-1].std(), grid.n_cells // 100 + 1)
        tiled = days[-1] + np.repeat(offsets, 100)[: grid.n_cells]
        assert tile_ratio(tiled, geometry_of(grid), (100,)) > 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poles(dtype: type) -> None:
    grid = cases.regular()
    values = cases.smooth(grid, dtype=dtype)
    table = values.reshape(grid.shape)
    for rows in ([0], [0, -1]):
        table[rows] = table[rows, :1]
        expected = 0.0 if len(rows) == 2 else table[-1].astype(float).std() / cases.std(values)
        assert pole_ratio(values, geometry_of(grid), std=cases.std(values)) == pytest.approx(expected)
    table[0, 10:14] += dtype(5)
    table[0, 30] = np.nan
    kept = np.delete(table[0], 30).astype(float)
    expected = kept.std() / cases.std(values)
    assert expected > 0.05
    assert pole_ratio(values, geometry_of(grid), std=cases.std(values)) == pytest.approx(expected, rel=1e-12)


def test_no_poles() -> None:
    for grid in (*cases.all_grids()[1:], Grid("unknown", (5,))):
        assert math.isnan(pole_ratio(np.arange(float(grid.n_cells)), geometry_of(grid), std=1.0))
    values = np.full(cases.regular().n_cells, 3.0)
    assert math.isnan(pole_ratio(values, geometry_of(cases.regular()), std=0.0))
    assert math.isnan(pole_ratio(values, geometry_of(cases.regular()), std=math.nan))
    values[: 72 * 36] = np.arange(72 * 36)
    values[:72] = values[-72:] = np.nan
    assert math.isnan(pole_ratio(values, geometry_of(cases.regular()), std=1.0))
