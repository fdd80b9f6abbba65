"""The additive part: merging is adding, holding out is adding the others, and the climate is that of least squares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqwatch.baselines.climate import FLOOR, LEAST, MOST, fit
from dqwatch.baselines.harmonics import basis, choose_terms, find_hours, hour_indices, year_fractions
from dqwatch.baselines.quantity import QuantitySums, cut, lay_out
from dqwatch.baselines.sums import HarmonicSums
from dqwatch.buffers import Buffers
from dqwatch.types import Grid

DAY = 86400
HOURS, TERMS, CELLS = 2, 5, 7


def make(seed: int, n: int = 200, *, missing: float = 0.0, whole: bool = False) -> tuple[np.ndarray, ...]:
    """Fields, hour and functions of time. `whole`: small integers, of which every sum is exact."""
    rng = np.random.default_rng(seed)
    phi = basis(rng.uniform(0, 1, n), TERMS)
    fields = rng.integers(-8, 8, (n, CELLS)).astype(np.float32) if whole else rng.normal(280, 5, (n, CELLS))
    phi = np.rint(2 * phi) / 2 if whole else phi
    fields = fields.astype(np.float32)
    fields[rng.random(fields.shape) < missing] = np.nan
    return fields, rng.integers(0, HOURS, n), phi


def sum_up(first: np.ndarray, *parts: tuple[np.ndarray, ...]) -> HarmonicSums:
    made = HarmonicSums(first, hours=HOURS, terms=TERMS)
    for fields, hours, phi in parts:
        for field, hour, p in zip(fields, hours, phi, strict=True):
            made.add(field, int(hour), p)
    return made


def same(one: HarmonicSums, other: HarmonicSums) -> bool:
    a, b = one.arrays(), other.arrays()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def merged(*parts: HarmonicSums) -> HarmonicSums:
    total = HarmonicSums(parts[0].first, hours=HOURS, terms=TERMS)
    for part in parts:
        total.merge(part)
    return total


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.2]), st.permutations(range(3)))
def test_merging_is_adding_in_any_order(seed: int, missing: float, order: list[int]) -> None:
    """Of what float64 holds exactly the sums are the same bit for bit, however they are put together."""
    first = np.zeros(CELLS)
    parts = [make(seed + k, 40, missing=missing, whole=True) for k in range(3)]
    together = sum_up(first, *parts)
    a, b, c = (sum_up(first, parts[k]) for k in order)
    assert same(merged(a, b, c), together)
    assert same(merged(a, merged(b, c)), together)
    assert same(merged(merged(c, a), b), together)


@settings(max_examples=20)
@given(st.integers(0, 999), st.permutations(range(3)))
def test_of_any_numbers_the_order_matters_to_rounding_only(seed: int, order: list[int]) -> None:
    """Two sums merge to the same bits in either order; more of them within rounding of float64."""
    first = np.full(CELLS, 280.0)
    a, b, c = (sum_up(first, make(seed + k, 40)) for k in range(3))
    assert same(merged(a, b), merged(b, a))
    one, other = merged(a, b, c), merged(*((a, b, c)[k] for k in order))
    for name, values in one.arrays().items():
        assert np.allclose(values, other.arrays()[name], rtol=1e-12, atol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.2]))
def test_what_was_kept_and_restored_goes_on_as_before(seed: int, missing: float) -> None:
    first = np.full(CELLS, 280.0)
    fields, hours, phi = make(seed, 60, missing=missing)
    begun = sum_up(first, (fields[:30], hours[:30], phi[:30]))
    restored = HarmonicSums(first, hours=HOURS, terms=TERMS)
    restored.restore({name: values.copy() for name, values in begun.arrays().items()})
    for one in (begun, restored):
        for field, hour, p in zip(fields[30:], hours[30:], phi[30:], strict=True):
            one.add(field, int(hour), p)
    assert same(begun, restored)
    assert same(restored, sum_up(first, (fields, hours, phi)))


def test_the_sums_of_a_large_grid_merge_level_by_level() -> None:
    n = 9000
    lat, lon = np.linspace(-80, 80, n), np.arange(n) * 7.0 % 360
    layout = lay_out(Grid("unstructured", (n,), lat, lon, np.full(n, 1 / n)))
    rng = np.random.default_rng(2)
    fields, phi = rng.integers(-8, 8, (6, n)).astype(np.float32), np.rint(2 * basis(rng.uniform(0, 1, 6), 5)) / 2
    fields[1, :40] = np.nan
    parts = [QuantitySums(np.zeros(n), cut(layout), hours=2, terms=5) for _ in range(3)]
    for k, field in enumerate(fields):
        parts[k // 3].add(field, k % 2, phi[k])
        parts[2].add(field, k % 2, phi[k])
    parts[0].merge(parts[1])
    one, other = parts[0].arrays(), parts[2].arrays()
    assert one.keys() == other.keys()
    assert {name.partition("_")[0] for name in one} == {"cell", "area", "coarse"}
    for name, values in one.items():
        exact = name.startswith("cell_")
        assert np.array_equal(values, other[name]) if exact else np.allclose(values, other[name], atol=1e-9)


def test_only_sums_laid_out_alike_are_merged() -> None:
    with pytest.raises(ValueError, match="first guesses"):
        sum_up(np.zeros(CELLS)).merge(sum_up(np.ones(CELLS)))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_climate_is_least_squares_in_every_cell(missing: float) -> None:
    fields, hours, phi = make(3, 800, missing=missing)
    fields += (10 * phi[:, 1:2] + 3 * phi[:, 4:5] * np.arange(CELLS)).astype(np.float32)
    climate = fit(sum_up(fields[0], (fields, hours, phi)), np.full(CELLS, 1 / CELLS))
    mean, sd = np.empty((2, CELLS), np.float32)
    at = basis(np.array([0.37]), TERMS)[0]
    for hour in range(HOURS):
        climate.expect(at, hour, mean, sd)
        for cell in range(CELLS):
            known = (hours == hour) & np.isfinite(fields[:, cell])
            x = fields[known, cell].astype(np.float64)
            solved = np.linalg.lstsq(phi[known], np.stack([x - 280, (x - 280) ** 2], axis=1), rcond=None)[0]
            expected, square = at @ solved
            variance = np.mean((x - 280 - phi[known] @ solved[:, 0]) ** 2)
            assert mean[cell] == pytest.approx(280 + expected, abs=2e-3)
            seasonal = np.clip(square - expected**2, LEAST * variance, MOST * variance)
            assert sd[cell] == pytest.approx(np.sqrt(seasonal), rel=2e-3)


def test_a_cell_that_hardly_varies_has_the_least_deviation() -> None:
    fields, hours, phi = make(4, 400)
    fields[:, 2] = 5.0
    climate = fit(sum_up(fields[0], (fields, hours, phi)), np.full(CELLS, 1 / CELLS))
    mean, sd = np.empty((2, CELLS), np.float32)
    climate.expect(phi[0], 0, mean, sd)
    others = np.delete(np.sqrt(climate.variance.mean(axis=0)), 2)
    assert mean[2] == pytest.approx(5.0)
    assert sd[2] == pytest.approx(FLOOR * others.sum() / CELLS, rel=1e-4)


def test_a_cell_without_values_expects_nothing() -> None:
    fields, hours, phi = make(5, 100)
    fields[:, 1] = np.nan
    climate = fit(sum_up(fields[0], (fields, hours, phi)), np.full(CELLS, 1 / CELLS))
    mean, sd = np.empty((2, CELLS), np.float32)
    climate.expect(phi[0], 0, mean, sd)
    assert np.isnan(sd[1])
    assert np.isfinite(np.delete(sd, 1)).all()


def test_on_large_grids_season_and_hour_come_from_areas() -> None:
    """A mean that is the sum of a pattern in space, seasons and hours of areas is found in every cell."""
    n_lat, n_lon = 64, 160
    lat = np.repeat((np.arange(n_lat) + 0.5) * 180 / n_lat - 90, n_lon)
    lon = np.tile(np.arange(n_lon) * 360 / n_lon, n_lat)
    weights = np.cos(np.radians(lat))
    layout = lay_out(Grid("regular", (n_lat, n_lon), lat, lon, weights / weights.sum()))
    assert layout.coarse is not None
    rng = np.random.default_rng(1)
    fixed = 280 + rng.normal(0, 10, lat.size)
    sums = QuantitySums(fixed.astype(np.float32), cut(layout), hours=2, terms=5)

    def season(phi: np.ndarray, hour: int) -> np.ndarray:
        return 8 * np.sin(np.radians(lat)) * phi[1] + 3 * np.cos(np.radians(lat)) * (phi[3] + hour)

    for k in range(400):
        phi, hour = basis(np.array([k / 100 % 1]), 5)[0], k % 2
        noise = rng.normal(0, 0.5, lat.size)
        sums.add((fixed + season(phi, hour) + noise).astype(np.float32), hour, phi)
    at = basis(np.array([0.3]), 5)[0]
    expected = sums.fit().expect(layout, at, 1, Buffers())
    error = expected.mean - (fixed + season(at, 1))
    assert np.sqrt(np.mean(error**2)) < 0.25
    assert np.corrcoef(expected.mean, fixed)[0, 1] > 0.8


def test_the_year_goes_from_0_to_1_in_every_calendar() -> None:
    seconds = np.array(["2001-01-01", "2001-07-02T12", "2004-12-31T18"], "M8[s]").astype(np.int64)
    assert year_fractions(seconds, "standard") == pytest.approx([0, 182.5 / 365.25, 364.75 / 365.25], abs=1e-9)
    assert year_fractions(np.array([0, 180 * DAY, 359 * DAY]), "360_day") == pytest.approx([0, 0.5, 359 / 360])
    assert basis(np.array([0.25]), 5) == pytest.approx(np.array([[1, 0, 1, -1, 0]]), abs=1e-12)


@pytest.mark.parametrize(("years", "terms"), [(0.2, 1), (1.5, 1), (2.0, 3), (3.0, 5), (10, 5)])
def test_short_data_bear_no_seasons(years: float, terms: int) -> None:
    assert choose_terms(np.array([0, int(years * 365.25 * DAY)]), "standard") == terms


def test_hours_of_the_day_are_told_apart() -> None:
    hours = find_hours(np.arange(8) * 6 * 3600)
    assert hours.tolist() == [0, 21600, 43200, 64800]
    assert hour_indices(np.array([100, 23 * 3600, 7 * 3600]), hours).tolist() == [0, 0, 1]
    assert find_hours(np.arange(48) * 1800).size == 8
