"""Equal neighbours and roughness, against loops over pairs and waves whose roughness is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.neighbour_metrics import NeighbourMetrics, neighbour_metrics
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid


def of(values: np.ndarray, grid: Grid) -> NeighbourMetrics:
    return neighbour_metrics(values, geometry_of(grid), **cases.statistics(values))


def slow(values: np.ndarray, grid: Grid) -> tuple[float, float, float]:
    """The same, pair by pair."""
    x = values.astype(np.float64)
    w = np.ones(x.size) if grid.area_weights is None else grid.area_weights
    finite = np.isfinite(x)
    pairs = [(i, j) for i, j in cases.east_pairs(grid) if finite[i] and finite[j]]
    least, most = x[finite].min(), x[finite].max()
    equal = [x[i] == x[j] for i, j in pairs]
    inside = [e for e, (i, _) in zip(equal, pairs, strict=True) if not (e and x[i] in (least, most))]
    both = cases.geometry_of(grid).rows is None
    shares = [w[i] + w[j] if both else w[i] for i, j in pairs]
    square = math.fsum(s * (x[j] - x[i]) ** 2 for s, (i, j) in zip(shares, pairs, strict=True)) / math.fsum(shares)
    mean = np.average(x[finite], weights=w[finite])
    variance = np.average((x[finite] - mean) ** 2, weights=w[finite])
    return float(np.mean(equal)), float(np.mean(inside)), math.log(square / variance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_pair_by_pair(grid: Grid, weighted: bool, dtype: type) -> None:
    grid = grid if weighted else dataclasses.replace(grid, area_weights=None)
    for values in (
        cases.smooth(grid, dtype=dtype),
        cases.with_gaps(cases.smooth(grid, dtype=dtype)),
        np.maximum(np.round(cases.smooth(grid, 1, dtype=dtype) / 4) * 4, 280),  # coarsely packed, many at the minimum
    ):
        assert of(values, grid) == pytest.approx(slow(values, grid), rel=1e-11)


def test_weights_that_differ_within_rows() -> None:
    grid = regular_grid(np.linspace(-20, 20, 9), np.array([0.0, 1, 3, 4, 8, 9, 11]))
    assert geometry_of(grid).weights.size
    values = cases.with_gaps(cases.smooth(grid))
    assert of(values, grid) == pytest.approx(slow(values, grid), rel=1e-11)
    assert of(values, grid) != pytest.approx(slow(values, dataclasses.replace(grid, area_weights=None)), rel=1e-3)


@pytest.mark.parametrize("m", [1, 5, 17, 36])
def test_roughness_of_a_wave(m: int) -> None:
    # x = cos(2 pi m i / n): the difference of neighbours is a wave of amplitude 2 sin(pi m / n), so the ratio of mean
    # squares is 4 sin(pi m / n)^2 in every row, whatever the weights.
    wave = np.tile(7 + np.cos(2 * np.pi * m * np.arange(72) / 72), 37)
    assert of(wave, cases.regular()).roughness == pytest.approx(math.log(4 * math.sin(math.pi * m / 72) ** 2), rel=1e-9)


@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
@pytest.mark.parametrize("value", [0.0, 0.1, 273.15, np.nan, np.inf])
def test_a_field_without_differences_has_no_roughness(grid: Grid, value: float) -> None:
    found = of(np.full(grid.n_cells, value, np.float32), grid)
    assert math.isnan(found.roughness)
    assert math.isnan(found.equal_inside)
    assert found.equal == 1 if math.isfinite(value) else math.isnan(found.equal)


def test_rows_of_one_value_each_have_no_roughness() -> None:
    grid = cases.regular()
    found = of(np.repeat(np.arange(37.0), 72), grid)
    assert math.isnan(found.roughness)
    assert found.equal == 1


def test_unknown_neighbours() -> None:
    assert all(map(math.isnan, of(np.arange(5.0), Grid("unknown", (5,)))))
    assert all(map(math.isnan, of(np.arange(1.0), Grid("profile", ()))))


def test_too_large_to_square() -> None:
    values = np.tile([1e300, -1e300, 0.0, 1.0], 18 * 37)
    assert math.isnan(of(values, cases.regular()).roughness)


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "tp", "q_850"])
def test_faults_are_seen_and_other_days_are_not(name: str) -> None:
    grid, days = cases.reduced(), cases.weather()[name]
    *clean, other = (of(day, grid) for day in days)
    equal, inside, rough = np.transpose(clean)
    assert cases.deviation(equal, other.equal) < 4
    assert cases.deviation(inside, other.equal_inside) < 4
    assert cases.deviation(rough, other.roughness) < 4
    doubled = of(cases.doubled(days[-1], grid), grid)
    assert cases.deviation(equal, doubled.equal) > 8
    assert doubled.equal_inside > 0.4 > 2 * inside.max()
    near = cases.neighbours(grid)
    smoothed = np.array([days[-1][others].mean() for others in near])
    assert of(smoothed, grid).roughness < other.roughness - 0.05
    noisy = days[-1] + np.random.default_rng(0).normal(0, days[-1].std(), grid.n_cells)
    assert cases.deviation(rough, of(noisy, grid).roughness) > 7
