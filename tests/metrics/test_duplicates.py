"""Doubled rows and columns against comparing each with the one before."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import grid_cases as cases

from dqwatch.metrics.duplicates import Duplicates, count_duplicates
from dqwatch.metrics.geometry import geometry_of
from dqwatch.sources.grids import regular_grid, unstructured_grid
from dqwatch.types import Grid


def slow_lines(lines: list[np.ndarray], *, around: bool = False) -> int:
    found = 0
    for before, line in zip(
        [lines[-1], *lines[:-1]] if around else lines[:-1], lines if around else lines[1:], strict=True
    ):
        if line.size == before.size and np.array_equal(line, before, equal_nan=True):
            steps = [a != b for a, b in pairwise(line) if np.isfinite(a) and np.isfinite(b)]
            found += sum(steps) >= max(4, min(8, line.size // 2))
    return found


def slow(values: np.ndarray, grid: Grid) -> Duplicates:
    rows = [values[cells] for cells in cases.row_cells(grid)]
    if len(grid.shape) != 2:
        return Duplicates(slow_lines(rows), math.nan)
    return Duplicates(slow_lines(rows), slow_lines(list(np.transpose(rows)), around=grid.name == "regular"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grid", [cases.regular(), cases.limited(), cases.curvilinear()], ids=lambda g: g.name)
def test_rows_and_columns(grid: Grid, dtype: type) -> None:
    clean = cases.with_gaps(cases.smooth(grid, dtype=dtype))
    assert count_duplicates(clean, geometry_of(grid)) == (0, 0)
    spoilt = clean.copy().reshape(grid.shape)
    spoilt[[5, 12, 13, -1]] = spoilt[[4, 11, 11, -2]]
    assert count_duplicates(spoilt.ravel(), geometry_of(grid)) == slow(spoilt.ravel(), grid) == (4, 0)
    spoilt[:, 9:12] = spoilt[:, 8:9]
    spoilt[:, -1] = spoilt[:, 0]
    expected = (4, 4 if grid.name == "regular" else 3)
    assert count_duplicates(spoilt.ravel(), geometry_of(grid)) == slow(spoilt.ravel(), grid) == expected


def test_rows_of_a_reduced_grid() -> None:
    grid = unstructured_grid(
        np.repeat([60.0, 45.0, 20.0, 0.0, -20.0], [12, 20, 20, 20, 12]),
        np.concatenate([np.arange(n) * 360 / n for n in (12, 20, 20, 20, 12)]),
    )
    values = np.random.default_rng(0).normal(size=84)
    values[7] = values[50] = np.nan
    found = count_duplicates(values, geometry_of(grid))
    assert found.rows == 0
    assert math.isnan(found.columns)
    values[52:72] = values[32:52] = values[12:32]
    assert count_duplicates(values, geometry_of(grid)).rows == 2


@given(st.integers(1, 12), st.integers(1, 19), st.booleans(), st.integers(0, 2**32 - 1))
def test_few_values(n_rows: int, n_columns: int, closed: bool, seed: int) -> None:
    step = 360 / n_columns if closed and n_columns > 2 else 1.0
    grid = regular_grid(np.arange(float(n_rows)), np.arange(n_columns) * step, "regular" if step > 1 else "part")
    rng = np.random.default_rng(seed)
    table = rng.choice([0.0, 1.0, 2.0, np.nan, -0.0], (n_rows, n_columns))
    table = table[rng.integers(0, (n_rows + 1) // 2, n_rows)][:, rng.integers(0, (n_columns + 1) // 2, n_columns)]
    assert count_duplicates(table.ravel(), geometry_of(grid)) == slow(table.ravel(), grid)


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan, np.inf])
def test_constants_are_exempt(value: float) -> None:
    for grid in (cases.regular(), cases.reduced()):
        found = count_duplicates(np.full(grid.n_cells, value), geometry_of(grid))
        assert found.rows == 0
        assert found.columns == 0 or grid.name == "reduced"


def test_an_island_two_rows_high_is_no_duplicate() -> None:
    land = np.zeros((37, 72))
    land[10:12, 5:9] = 1
    land[20:25, 40:42] = 1
    assert count_duplicates(land.ravel(), geometry_of(cases.regular())) == (0, 0)


def test_no_rows() -> None:
    for grid in (cases.scattered(), Grid("unknown", (9,)), Grid("profile", ())):
        assert all(map(math.isnan, count_duplicates(np.zeros(grid.n_cells), geometry_of(grid))))


def test_clean_weather_has_none() -> None:
    for name, days in cases.weather().items():
        assert all(count_duplicates(day, geometry_of(cases.reduced())).rows == 0 for day in days), name
