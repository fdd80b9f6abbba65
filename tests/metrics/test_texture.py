"""Texture against differences made one by one, and fields whose texture is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.texture import Texture, texture
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid


def of(values: np.ndarray, grid: Grid) -> Texture:
    return texture(values, geometry_of(grid), std=cases.std(values))


def slow(values: np.ndarray, pieces: list[list[int]]) -> Texture:
    """Along pieces of the cell axis."""
    x = values.astype(np.float64)
    x[~np.isfinite(x)] = np.nan
    energy, peaks = [np.nanvar(x)], []
    for k in range(1, 5):
        every = np.concatenate([np.diff(x[piece], n=k) for piece in pieces])
        squares = np.sort(every[np.isfinite(every)] ** 2)
        energy.append(squares.mean())
        peaks.append(math.log(squares[-8:].mean() / squares.mean()))
    return Texture(tuple(math.log(energy[k] / energy[k - 1]) for k in range(1, 5)), tuple(peaks))


def same(found: Texture, expected: Texture) -> bool:
    return found.ratios == pytest.approx(expected.ratios, rel=1e-9, abs=1e-9) and found.peaks == pytest.approx(
        expected.peaks, rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("grid", cases.all_grids()[:4], ids=lambda g: g.name)
def test_along_rows(grid: Grid, dtype: type) -> None:
    clean = cases.smooth(grid, dtype=dtype)
    for values in (clean, cases.with_gaps(clean), cases.with_gaps(clean, share=0.3)):
        assert same(of(values, grid), slow(values, cases.row_cells(grid)))


@pytest.mark.parametrize("n", [1023, 1024, 1025, 1028, 1029, 5000])
def test_rows_longer_than_a_piece_of_the_kernel(n: int) -> None:
    grid = regular_grid(np.array([0.0, 1.0]), np.arange(n) * (300 / n))
    values = np.random.default_rng(n).normal(size=2 * n)
    values[::97] = np.nan
    assert same(of(values, grid), slow(values, cases.row_cells(grid)))


def test_along_all_cells_where_nothing_is_known_of_them() -> None:
    values = cases.with_gaps(np.random.default_rng(0).normal(size=3000))
    assert same(of(values, Grid("unknown", (3000,))), slow(values, [list(range(3000))]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_the_laplacian_where_there_are_no_rows(dtype: type) -> None:
    grid = cases.scattered()
    for values in (cases.smooth(grid, dtype=dtype), cases.with_gaps(cases.smooth(grid, dtype=dtype), share=0.003)):
        x = values.astype(np.float64)
        x[~np.isfinite(x)] = np.nan
        energy, peaks = [np.nanvar(x)], []
        for _ in range(4):
            x = np.array([x[i] - x[others].mean() for i, others in enumerate(cases.neighbours(grid))])
            squares = np.sort(x[np.isfinite(x)] ** 2)
            energy.append(squares.mean())
            peaks.append(math.log(squares[-8:].mean() / squares.mean()))
        assert same(of(values, grid), Texture(tuple(np.diff(np.log(energy))), tuple(peaks)))


def test_a_checkerboard() -> None:
    # x = (-1)^i: the k-th differences are +-2^k, so E_k = 4^k, and all squares are alike.
    found = of(np.tile([1.0, -1.0], 36 * 37), cases.regular())
    assert found.ratios == pytest.approx([math.log(4)] * 4)
    assert found.peaks == pytest.approx([0] * 4)


def test_white_noise() -> None:
    # The k-th differences have the variance C(2k, k) sigma^2: 2, 6, 20, 70.
    noise = np.random.default_rng(1).normal(size=400_000)
    found = of(noise, Grid("unknown", (noise.size,)))
    assert found.ratios == pytest.approx(np.log([2, 3, 10 / 3, 3.5]), abs=0.01)


@pytest.mark.parametrize(
    "grid", [*cases.all_grids(), Grid("unknown", (50,)), Grid("profile", ())], ids=lambda g: g.name
)
@pytest.mark.parametrize("value", [0.0, 0.1, 273.15, np.nan, -np.inf])
def test_a_constant_has_no_texture(grid: Grid, value: float) -> None:
    found = of(np.full(grid.n_cells, value, np.float32), grid)
    assert all(map(math.isnan, (*found.ratios, *found.peaks)))


def test_a_slope_has_first_differences_only() -> None:
    found = of(np.tile(np.arange(72.0), 37), cases.regular())
    # Variance of 0..71: (72^2 - 1) / 12; all first differences are 1.
    assert found.ratios[0] == pytest.approx(-math.log((72**2 - 1) / 12))
    assert found.peaks[0] == pytest.approx(0)
    assert all(map(math.isnan, (*found.ratios[1:], *found.peaks[1:])))


def test_fewer_than_eight_differences_have_no_peak() -> None:
    found = of(np.array([1.0, 2.0, 4.0, 7.0, 5.0]), Grid("unknown", (5,)))
    assert all(map(math.isfinite, found.ratios))
    assert all(map(math.isnan, found.peaks))


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "tp", "q_850"])
def test_faults_are_seen_and_other_days_are_not(name: str) -> None:
    grid, days = cases.reduced(), cases.weather()[name]
    *clean, other = ((*t.ratios, *t.peaks) for t in (of(day, grid) for day in days))

    def farthest(values: np.ndarray) -> float:
        found = of(values, grid)
        numbers = zip(np.transpose(clean), (*found.ratios, *found.peaks), strict=True)
        return max(cases.deviation(some, one) for some, one in numbers)

    day = days[-1]
    assert max(cases.deviation(some, one) for some, one in zip(np.transpose(clean), other, strict=True)) < 4
    half_a_cell = day.copy()
    for cells in cases.row_cells(grid):
        half_a_cell[cells] = (day[cells] + day[np.roll(cells, -1)]) / 2
    assert farthest(half_a_cell) > 5, "a shift by half a cell, which smooths"
    assert farthest(cases.doubled(day, grid)) > 6
    spike = day.copy()
    spike[1000] += 6 * day.std()
    assert farthest(spike) > 5
    if name != "tp":  # rain is rough already
        assert farthest(day + np.random.default_rng(0).normal(0, 0.1 * day.std(), grid.n_cells)) > 10
