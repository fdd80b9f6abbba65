"""Spectra against transforms row by row, noise, and waves whose spectrum is known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.spectrum import BANDS, EDGES, Spectrum, slope_of, spectrum, spectrum_slope
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid


def slow(values: np.ndarray, grid: Grid) -> Spectrum:
    """Row by row and wave by wave, all rows."""
    waves: list[list[tuple[float, float, float]]] = [[] for _ in range(BANDS)]
    area = np.ones(values.size) if grid.area_weights is None else grid.area_weights
    for cells in cases.row_cells(grid):
        x, n, w = values[cells].astype(np.float64), len(cells), area[cells].mean()
        if not np.isfinite(x).all():
            continue
        for m in range(1, n):
            if grid.name in ("regular", "reduced"):
                wavenumber = m / n
                density = 2 / n * abs(np.exp(-2j * np.pi * m * np.arange(n) / n) @ x) ** 2
            else:
                wavenumber = m / (2 * n)
                density = 4 / n * (np.cos(np.pi * m * (np.arange(n) + 0.5) / n) @ x) ** 2
            for b in range(BANDS):
                if EDGES[b] <= wavenumber < EDGES[b + 1]:
                    waves[b].append((w, math.log(wavenumber), density))
    table = np.full((2, BANDS), np.nan)
    for b, some in enumerate(waves):
        if some:
            w, place, density = np.transpose(some)
            table[:, b] = np.average(place, weights=w), np.average(density, weights=w)
    return Spectrum(*table)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("grid", cases.all_grids()[:4], ids=lambda g: g.name)
def test_row_by_row(grid: Grid, weighted: bool, dtype: type) -> None:
    grid = grid if weighted else dataclasses.replace(grid, area_weights=None)
    clean = cases.smooth(grid, dtype=dtype) - 280
    spoilt = clean.copy()
    spoilt[[c[2] for c in cases.row_cells(grid)[1:8]]] = [np.nan, np.inf, -np.inf] * 2 + [np.nan]
    for values in (clean, spoilt):
        found, expected = spectrum(values, geometry_of(grid)), slow(values, grid)
        assert found is not None
        np.testing.assert_allclose(found.log_wavenumber, expected.log_wavenumber, rtol=1e-12)
        np.testing.assert_allclose(found.density, expected.density, rtol=1e-7)
        known = np.isfinite(expected.density)
        slope = np.polyfit(expected.log_wavenumber[known], np.log(expected.density[known]), 1)[0]
        assert spectrum_slope(values, geometry_of(grid)) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("closed", [True, False])
def test_white_noise_is_flat(closed: bool) -> None:
    grid = regular_grid(np.linspace(-40, 40, 150), np.arange(600) * (0.6 if closed else 0.3))
    found = spectrum(np.random.default_rng(0).normal(5, 3, grid.n_cells), geometry_of(grid))
    assert found is not None
    np.testing.assert_allclose(found.density, 2 * 3**2, rtol=0.05)
    assert abs(slope_of(found)) < 0.03


@pytest.mark.parametrize("power", [0.0, -5 / 3, -3.0, -5.0])
def test_a_power_law(power: float) -> None:
    # Waves a_m cos(2 pi (m i / n + phase)) have the density n a_m^2 / 2 at m / n: a_m^2 = m^power.
    rng = np.random.default_rng(1)
    m = np.arange(1, 361)
    phases = np.exp(2j * np.pi * rng.random((30, m.size)))
    coefficients = np.concatenate([np.zeros((30, 1)), phases * m ** (power / 2)], axis=1)
    rows = np.fft.irfft(coefficients, 720, axis=1)
    grid = regular_grid(np.linspace(-30, 30, 30), np.arange(720) * 0.5)
    # Bands are half an octave wide: the mean of the power within one is not quite that at its middle.
    assert spectrum_slope(rows.ravel(), geometry_of(grid)) == pytest.approx(power, abs=0.02 * (1 + abs(power)))


def test_one_wave() -> None:
    # x = a cos(2 pi 9 i / 72): density 72 a^2 / 2 at the wavenumber 1/8, alone among the waves 9, 10, 11, 12 of 72
    # that lie in the band from 1/8 to 0.177.
    wave = np.tile(3 * np.cos(2 * np.pi * 9 * np.arange(72) / 72), 37)
    found = spectrum(wave, geometry_of(cases.regular()))
    assert found is not None
    np.testing.assert_allclose(found.density, [0, 0, 0, 0, 72 * 9 / 2 / 4, 0], atol=1e-12)
    assert found.log_wavenumber[4] == pytest.approx(np.log(np.array([9, 10, 11, 12]) / 72).mean())


def test_many_rows_are_thinned_evenly() -> None:
    grid = regular_grid(np.linspace(-80, 80, 481), np.arange(36) * 10.0)
    values = np.zeros(grid.shape)
    looked_at = []
    for row in range(481):
        values[:] = 0
        values[row] = np.cos(np.arange(36))
        found = spectrum(values.ravel(), geometry_of(grid))
        assert found is not None
        if np.nansum(found.density) > 0:
            looked_at.append(row)
    assert len(looked_at) == 160
    assert looked_at[0] == 0
    assert looked_at[-1] == 480
    assert set(np.diff(looked_at)) == {3, 4}


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_half_of_the_rows_must_be_whole(share: float) -> None:
    grid = cases.regular()
    values = cases.smooth(grid)
    values.reshape(37, 72)[: round(share * 37), 5] = np.nan
    assert math.isnan(spectrum_slope(values, geometry_of(grid))) == (share > 0.5)


def test_neither_rows_nor_power_nor_bands() -> None:
    for grid in (cases.scattered(), Grid("unknown", (50,)), Grid("profile", ()), Grid("unknown", (9, 7))):
        assert math.isnan(spectrum_slope(np.arange(float(grid.n_cells)), geometry_of(grid)))
    for value in (0.0, 7.0, np.nan, np.inf):
        values = np.full(cases.regular().n_cells, value, np.float32)
        assert math.isnan(spectrum_slope(values, geometry_of(cases.regular())))
    short = regular_grid(np.arange(5.0), np.arange(8) * 45.0)  # waves of 8 cells only
    assert math.isnan(spectrum_slope(np.random.default_rng(0).normal(size=40), geometry_of(short)))


def test_a_slope_across_the_domain_is_no_jump_at_its_ends() -> None:
    # A Fourier transform would see a jump of the whole range, whose power falls as m^-2; that of a slope as m^-4.
    ramp = np.tile(np.arange(41.0), 31) + np.random.default_rng(0).normal(0, 1e-3, 41 * 31)
    assert spectrum_slope(ramp, geometry_of(cases.limited())) == pytest.approx(-4, abs=0.5)


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "q_850"])
def test_smoothing_and_noise_are_seen_and_other_days_are_not(name: str) -> None:
    grid, days = cases.reduced(), cases.weather()[name]
    *clean, other = (spectrum_slope(day, geometry_of(grid)) for day in days)
    assert cases.deviation(clean, other) < 4
    smoothed, noisy = days[-1].copy(), days[-1].copy()
    for cells in cases.row_cells(grid):
        x = days[-1][cells]
        smoothed[cells] = (np.roll(x, 1) + 2 * x + np.roll(x, -1)) / 4
    noisy += np.random.default_rng(0).normal(0, 0.5 * noisy.std(), noisy.size).astype(np.float32)
    assert spectrum_slope(smoothed, geometry_of(grid)) < other - 0.3
    assert spectrum_slope(noisy, geometry_of(grid)) > other + 0.3
