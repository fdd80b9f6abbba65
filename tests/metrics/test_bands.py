"""Variance by scale along rows, against sums of sines written out."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.grid_cases import limited, reduced, regular, scattered
from scipy.signal import periodogram

from dqwatch.metrics.bands import Bands
from dqwatch.metrics.latitude_rows import LatitudeRows, latitude_rows
from dqwatch.sources.grids import regular_grid
from dqwatch.types import Grid


def rows(grid: Grid) -> LatitudeRows | None:
    return latitude_rows(grid)


def wave(grid: Grid, number: int, height: float = 1.0) -> np.ndarray:
    return 280 + height * np.sin(number * np.radians(grid.longitudes) + 0.3)


@pytest.mark.parametrize(
    ("data", "reference", "limit"),
    [
        (regular(), regular(), 36),
        (regular(), regular_grid(np.linspace(90, -90, 19), np.arange(36) * 10.0), 18),
        # The row of O24 that is nearest to 60 degrees is the eighth from the pole, of 20 + 4 * 7 cells.
        (regular(), reduced(24), 24),
    ],
)
def test_waves_of_known_height(data: Grid, reference: Grid, limit: int) -> None:
    """Variance goes with the square of the height; each wavenumber is in one band, or in none."""
    bands = Bands(rows(data), rows(reference))
    assert bands.limit == limit
    for number in range(1, limit // 2 + 1):
        large, small = number <= max(1, limit // 8), limit // 4 <= number <= limit // 2
        found = bands.ratios(wave(data, number, 0.5), wave(reference, number, 2.0))
        assert found[0] == pytest.approx(1 / 16 if large else np.nan, rel=1e-6, nan_ok=True)
        assert found[1] == pytest.approx(1 / 16 if small else np.nan, rel=1e-6, nan_ok=True)
    both = bands.ratios(
        *(wave(g, 2, h) + wave(g, limit // 3, k) for g, h, k in ((data, 3.0, 1.0), (reference, 1.0, 2.0)))
    )
    assert both == pytest.approx((9, 1 / 4), rel=1e-6)


def test_noise_against_the_periodogram_of_scipy() -> None:
    grid = regular()
    fields = np.random.default_rng(0).normal(size=(2, *grid.shape))
    rows_used = np.abs(np.linspace(90, -90, 37)) <= 60
    weights = np.cos(np.radians(np.linspace(90, -90, 37)[rows_used]))
    energy = [periodogram(f[rows_used], scaling="spectrum", axis=1)[1] for f in fields]
    expected = [
        (weights @ energy[0][:, band]).sum() / (weights @ energy[1][:, band]).sum()
        for band in (slice(1, 5), slice(9, 19))
    ]
    assert Bands(rows(grid), rows(grid)).ratios(*(f.ravel() for f in fields)) == pytest.approx(tuple(expected))


def test_rows_with_missing_values_are_left_out_and_half_of_them_are_too_many() -> None:
    grid = regular()
    bands = Bands(rows(grid), rows(grid))
    field = wave(grid, 10, 2.0)
    holed = field.copy().reshape(grid.shape)
    holed[10, 5], holed[12, 0] = np.nan, np.inf
    assert bands.ratios(holed.ravel(), wave(grid, 10))[1] == pytest.approx(4)
    holed[:, 7] = np.nan
    assert np.isnan(bands.ratios(holed.ravel(), wave(grid, 10))).all()


@pytest.mark.parametrize(
    ("data", "reference"),
    [(regular(), limited()), (limited(), limited()), (regular(), scattered())],
    ids=lambda g: g.name,
)
def test_without_rows_around_the_globe_there_are_no_bands(data: Grid, reference: Grid) -> None:
    bands = Bands(rows(data), rows(reference))
    assert bands.limit == 0
    assert np.isnan(bands.ratios(np.zeros(data.n_cells), np.zeros(reference.n_cells))).all()


def test_few_cells_resolve_no_bands() -> None:
    coarse = regular_grid(np.linspace(80, -80, 9), np.arange(12) * 30.0)
    assert Bands(rows(coarse), rows(coarse)).limit == 0


def test_rounding_is_no_variance() -> None:
    """A constant field of 280 with float32 noise has nothing to be compared with."""
    grid = regular()
    noise = (280 + 1e-5 * np.random.default_rng(0).normal(size=grid.n_cells)).astype(np.float32)
    assert np.isnan(Bands(rows(grid), rows(grid)).ratios(wave(grid, 10), noise)).all()
