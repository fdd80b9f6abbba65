"""Isolated rain and spikes against a look at every neighbour of every cell."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.isolation import RainLimits, find_isolated_rain, find_spikes, rain_limits, step_scale
from dqwatch.sources.grids import regular_grid, unstructured_grid
from dqwatch.types import Grid
from examples.faults import pox_cells
from examples.sphere import octahedral_grid

MM = RainLimits(1.0, 0.1)


def slow_rain(values: np.ndarray, grid: Grid, limits: RainLimits) -> tuple[int, int]:
    found = []
    for i, (x, others) in enumerate(zip(values, cases.neighbours(grid), strict=True)):
        around = [values[j] for j in others if np.isfinite(values[j])]
        if np.isfinite(x) and x >= limits.wet and around and max(around) < limits.dry:
            found.append(i)
    return len(found), max(found, key=lambda i: values[i], default=-1)


def slow_scale(values: np.ndarray, grid: Grid) -> float:
    if grid.kind == "unstructured":
        pairs = cases.east_pairs(grid)
    else:
        pairs = [pair for cells in cases.row_cells(grid) for pair in pairwise(cells)]
    x = values.astype(np.float64)
    steps = sorted(np.float32(abs(x[j] - x[i])) for i, j in pairs if np.isfinite(x[i]) and np.isfinite(x[j]))
    return float(steps[3 * (len(steps) - 1) // 4]) / NormalDist().inv_cdf(7 / 8)


def slow_spikes(values: np.ndarray, grid: Grid, strength: float) -> tuple[int, int]:
    threshold, x = strength * slow_scale(values, grid), values.astype(np.float64)
    heights = {}
    for i, others in enumerate(cases.neighbours(grid)):
        around = [x[j] for j in others if np.isfinite(x[j])]
        height = max(x[i] - max(around), min(around) - x[i]) if np.isfinite(x[i]) and around else 0.0
        if height > threshold:
            heights[i] = height
    return len(heights), max(heights, key=lambda i: heights[i], default=-1)


def showers(grid: Grid, dtype: type = np.float32) -> np.ndarray:
    """Rain (mm) on an eighth of the cells, much of it isolated, with drizzle between dry and wet."""
    rng = np.random.default_rng(grid.n_cells)
    rain = rng.choice([0.0, 0.05, 0.5, 1.0, 6.0], grid.n_cells, p=[0.7, 0.15, 0.025, 0.025, 0.1])
    return rain.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_isolated_rain_cell_by_cell(grid: Grid, dtype: type) -> None:
    rain = showers(grid, dtype)
    for values in (rain, cases.with_gaps(rain), cases.with_gaps(rain, share=0.6)):
        expected = slow_rain(values, grid, MM)
        assert expected[0] > 5
        assert find_isolated_rain(values, geometry_of(grid), MM) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_spikes_cell_by_cell(grid: Grid, dtype: type) -> None:
    values = cases.smooth(grid, dtype=dtype)
    rng = np.random.default_rng(3)
    spoilt = values.copy()
    spoilt[rng.choice(grid.n_cells, 25, replace=False)] += rng.choice([-60, 60], 25).astype(dtype)
    for field in (values, spoilt, cases.with_gaps(spoilt), cases.with_gaps(spoilt, share=0.6)):
        assert step_scale(field, geometry_of(grid)) == pytest.approx(slow_scale(field, grid), rel=1e-12)
        for strength in (0.5, 2.0, 8.0):
            expected = slow_spikes(field, grid, strength)
            assert find_spikes(field, geometry_of(grid), strength=strength) == expected
    assert find_spikes(spoilt, geometry_of(grid)).n > 5
    assert find_spikes(values, geometry_of(grid)).n == 0


@pytest.mark.parametrize(
    "grid",
    [
        unstructured_grid(np.repeat([40.0, 10.0, -20.0], [6, 9, 4]), np.concatenate([np.arange(n) for n in (6, 9, 4)])),
        unstructured_grid(
            np.repeat([40.0, 10.0, -20.0], [4, 8, 13]), np.concatenate([np.arange(n) * 360 / n for n in (4, 8, 13)])
        ),
        regular_grid(np.array([10.0, 0.0]), np.array([0.0, 120.0, 240.0])),
        regular_grid(np.array([10.0, 0.0]), np.array([0.0, 180.0])),
        regular_grid(np.array([10.0]), np.arange(9) * 40.0),
        regular_grid(np.arange(9.0), np.array([3.0])),
    ],
    ids=lambda g: f"{g.kind} {g.shape}",
)
def test_each_neighbour_is_seen(grid: Grid) -> None:
    # One wet cell, and one drizzling cell anywhere else: isolated unless they are neighbours. So the neighbours of
    # each cell are found one by one; they must be neighbours both ways.
    n = grid.n_cells
    table = np.zeros((n, n), bool)
    for i in range(n):
        for j in range(n):
            rain = np.zeros(n)
            rain[i], rain[j] = 2.0, 2.0 if i == j else 0.5
            table[i, j] = find_isolated_rain(rain, geometry_of(grid), MM).n == 0
    np.testing.assert_array_equal(table, table.T)
    assert not table.diagonal().any()
    if grid.kind == "regular":
        y, x = np.divmod(np.arange(n), grid.shape[1])
        away = np.abs(x[:, None] - x)
        if geometry_of(grid).rows is not None and cases.rows_of(grid).closed.all():
            away = np.minimum(away, grid.shape[1] - away)
        near = (away <= 1) & (np.abs(y[:, None] - y) <= 1) & ~np.eye(n, dtype=bool)
        np.testing.assert_array_equal(table, near)


def test_a_row_that_starts_elsewhere() -> None:
    # Rows of 8 and 8 cells, the second from 22.5 degrees on: one and a half cells reach two cells on either side.
    lon = np.concatenate([np.arange(8) * 45.0, np.arange(8) * 45.0 + 22.5])
    grid = unstructured_grid(np.repeat([10.0, -10.0], 8), lon)
    rain = np.zeros(16)
    rain[0] = 2.0
    for other, near in {8: True, 15: True, 9: True, 14: True, 10: False, 13: False, 1: True, 7: True, 2: False}.items():
        drizzle = rain.copy()
        drizzle[other] = 0.5
        assert find_isolated_rain(drizzle, geometry_of(grid), MM).n == (not near)


def test_limits_in_the_units_of_the_data() -> None:
    # 1 mm in 6 h is 1/21600 mm a second.
    for units, hours, wet in (
        ("mm", 6, 1.0),
        ("m", 6, 1e-3),
        ("m", 24, 4e-3),
        ("m", None, 1e-3),
        ("kg m**-2", 1, 1 / 6),
        ("kg m-2 s-1", None, 1 / 21600),
        ("m s-1", 3, 1e-3 / 21600),
        ("mm day-1", None, 4.0),
        ("mm h-1", 24, 1 / 6),
    ):
        found = rain_limits(units, hours)
        assert found is not None
        assert found == pytest.approx((wet, wet / 10))
    assert rain_limits("m", 6, wet=5, dry=0.5) == pytest.approx((5e-3, 5e-4))
    for other in ("K", None, "", "1", "nonsense"):
        assert rain_limits(other, 6) is None


@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_nothing_stands_out_of_a_constant(grid: Grid) -> None:
    for value in (0.0, 5.0, np.nan, np.inf):
        values = np.full(grid.n_cells, value, np.float32)
        assert find_isolated_rain(values, geometry_of(grid), MM).n == 0
        assert math.isnan(find_spikes(values, geometry_of(grid)).n)


def test_unknown_neighbours() -> None:
    for grid in (Grid("unknown", (5,)), Grid("profile", ())):
        values = np.arange(float(grid.n_cells))
        assert math.isnan(find_isolated_rain(values, geometry_of(grid), MM).n)
        assert math.isnan(find_spikes(values, geometry_of(grid)).n)


def test_a_wet_cell_without_neighbours_is_not_isolated() -> None:
    rain = np.full(cases.regular().n_cells, np.nan)
    rain[100] = 9.0
    assert find_isolated_rain(rain, geometry_of(cases.regular()), MM).n == 0


def test_pox_is_seen_and_clean_rain_is_not() -> None:
    grid, days = cases.reduced(), cases.weather()["tp"]
    limits = rain_limits("m", 6)
    assert limits is not None
    clean = [find_isolated_rain(day, geometry_of(grid), limits).n for day in days]
    assert max(clean) <= 3
    cells = pox_cells(days[-1], octahedral_grid(cases.NUMBER))
    assert cells.size >= 25
    spoilt = days[-1].copy()
    spoilt[cells] += np.float32(8e-3)
    assert find_isolated_rain(spoilt, geometry_of(grid), limits).n > 0.8 * cells.size


@pytest.mark.parametrize("name", ["2t", "t_850", "z_500", "msl", "u_850", "q_850"])
def test_spikes_are_seen_and_clean_weather_has_none(name: str) -> None:
    grid, days = cases.reduced(), cases.weather()[name]
    geometry = geometry_of(grid)
    assert all(find_spikes(day, geometry).n == 0 for day in days)
    spoilt = days[-1].copy()
    spoilt[[500, 1500, 2500]] += np.array([1, -1, 1], np.float32) * np.float32(20 * step_scale(days[-1], geometry))
    assert find_spikes(spoilt, geometry).n == 3
