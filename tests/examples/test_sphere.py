"""The grid is the octahedral one, harmonics are orthonormal on it, random fields have the spectrum asked for."""

from __future__ import annotations

import numpy as np
import pytest

from examples.latents import LATENTS, Path
from examples.sphere import Harmonics, legendre, octahedral_grid, spectrum


def test_o16_has_the_octahedral_rows() -> None:
    grid = octahedral_grid(16)
    expected = [20 + 4 * i for i in range(16)]
    assert grid.rows.tolist() == expected + expected[::-1]
    assert grid.size == sum(grid.rows) == 1600
    assert grid.longitudes[:3].tolist() == [0.0, 18.0, 36.0]
    assert grid.longitudes.max() < 360
    assert (np.diff(grid.latitudes) <= 0).all()


def test_latitudes_are_the_roots_of_the_legendre_polynomial() -> None:
    # Newton's method on P_32 by its three-term recurrence, from the usual first guess.
    roots = []
    for i in range(32):
        x = np.cos(np.pi * (i + 0.75) / 32.5)
        for _ in range(20):
            before, value = 1.0, x
            for n in range(2, 33):
                before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
            x -= value * (x * x - 1) / (32 * (x * value - before))
        roots.append(np.degrees(np.arcsin(x)))
    np.testing.assert_allclose(np.unique(octahedral_grid(16).latitudes)[::-1], roots, rtol=0, atol=1e-11)


def test_area_weights_integrate_polynomials() -> None:
    grid = octahedral_grid(16)
    sine = np.sin(np.radians(grid.latitudes))
    assert (grid.area_weights > 0).all()
    for power in range(0, 20, 2):  # the mean of x ** p over -1..1 is 1 / (p + 1)
        assert (grid.area_weights * sine**power).sum() == pytest.approx(1 / (power + 1), rel=1e-12)


def test_neighbours_are_the_nearest_cells() -> None:
    grid = octahedral_grid(4)
    near = grid.neighbours(6)
    for cell in range(0, grid.size, 7):
        order = np.argsort(grid.distance(cell), kind="stable")
        assert order[0] == cell
        np.testing.assert_allclose(
            np.sort(grid.distance(cell)[near[cell]]), grid.distance(cell)[order[1:7]], rtol=0, atol=1e-9
        )


def test_legendre_functions_have_their_closed_forms() -> None:
    latitude = np.linspace(-85, 85, 9)
    s, c = np.sin(np.radians(latitude)), np.cos(np.radians(latitude))
    values = legendre(3, latitude)
    np.testing.assert_allclose(values[1, 0], np.sqrt(3) * s, atol=1e-14)
    np.testing.assert_allclose(values[1, 1], np.sqrt(3) * c, atol=1e-14)
    np.testing.assert_allclose(values[2, 0], np.sqrt(5) * (3 * s**2 - 1) / 2, atol=1e-14)
    np.testing.assert_allclose(values[3, 1], np.sqrt(7 / 6) * c * (15 * s**2 - 3) / 2, atol=1e-14)
    np.testing.assert_allclose(values[2, 2], np.sqrt(15) * c**2 / 2, atol=1e-14)
    assert not values[1, 2:].any()


def test_harmonics_are_orthonormal_on_the_grid() -> None:
    grid = octahedral_grid(16)
    harmonics = Harmonics(grid, 8)
    gram = (harmonics.values.astype(np.float64) * grid.area_weights) @ harmonics.values.T
    expected = np.ones(2 * harmonics.degree.size)
    expected[1::2] = harmonics.order > 0  # the sine of order 0 is nothing
    np.testing.assert_allclose(gram, np.diag(expected), atol=1e-6)


def test_derivatives() -> None:
    grid = octahedral_grid(8)
    harmonics = Harmonics(grid, 2)
    lat, lon = np.radians(grid.latitudes), np.radians(grid.longitudes)
    row = 2 * int(np.flatnonzero((harmonics.degree == 1) & (harmonics.order == 1))[0])
    root = np.sqrt(3)  # the harmonic is root * cos(lat) * cos(lon)
    np.testing.assert_allclose(harmonics.northward[row], -root * np.sin(lat) * np.cos(lon), atol=1e-6)
    np.testing.assert_allclose(harmonics.eastward[row], -root * np.sin(lon), atol=1e-6)


def test_fields_have_the_spectrum_and_memory_asked_for() -> None:
    grid = octahedral_grid(16)
    blocks = Path(grid, seed=1).blocks()
    coefficients = np.concatenate([next(blocks) for _ in range(8)])  # 512 days
    begin = 0
    for name, latent in LATENTS.items():
        harmonics = Harmonics(grid, latent.lmax)
        part = coefficients[:, begin : begin + harmonics.degree.size]
        begin += harmonics.degree.size
        if latent.memory > 100:
            continue
        expected = spectrum(latent.lmax, latent.peak, latent.slope)
        for degree in (6, 12, 18):
            inside = harmonics.degree == degree
            power = part[:, inside].real ** 2 + np.where(harmonics.order[inside] > 0, part[:, inside].imag ** 2, 0)
            assert power.sum(axis=1).mean() == pytest.approx(expected[degree], rel=0.25), (name, degree)
        inside = harmonics.degree == 6
        now, later = part[:-4, inside], part[4:, inside]
        kept = np.abs((now.conj() * later).sum()) / (np.abs(now) ** 2).sum()
        # Each order turns by speed * order in a day, so the sum over orders keeps the mean of those phases.
        turn = np.mean(np.exp(-1j * np.radians(latent.speed) * np.arange(7)))
        assert kept == pytest.approx(np.exp(-1 / latent.memory) * np.abs(turn), abs=0.08), name
    assert begin == coefficients.shape[1]


def test_slow_fields_remember_for_months() -> None:
    history = Path(octahedral_grid(4), seed=1)
    blocks = history.blocks()
    early, late = (history.field(block[:1], "slow_heat")[0] for block in (next(blocks), next(blocks)))
    assert np.corrcoef(early, late)[0, 1] > 0.5  # 64 days, exp(-64 / 300) = 0.8
