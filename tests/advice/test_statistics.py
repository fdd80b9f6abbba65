"""Statistics that a store carries, and those that are measured where it lacks them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.advice.statistics import MOST_PAIRS, Moments, read_statistics
from dqwatch.sources import open_source
from examples.stores import write_store
from examples.weather import VARIABLES, Weather

SIX = 21600


def data(n: int, hours: int = 6, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    times = np.datetime64("2001-01-01T00", "ns") + np.arange(n) * np.timedelta64(hours, "h")
    dims = ("time", "latitude", "longitude")
    values = {"2t": rng.normal(280, 9, (n, 6, 12)), "tp": rng.gamma(0.3, 1e-3, (n, 6, 12))}
    values["2t"][1, 2, 3:7] = np.nan
    places = {"latitude": np.linspace(75, -75, 6), "longitude": np.arange(12) * 30.0}
    return xr.Dataset({k: (dims, v.astype("f4")) for k, v in values.items()}, {"time": times, **places})


def test_measured_on_every_pair_of_a_short_data_set():
    given_data = data(20)
    found, notes = read_statistics(open_source(given_data), SIX)
    for one, name in zip(found, ("2t", "tp"), strict=True):
        values = given_data[name].values.astype(np.float64)
        later, change = values[1:], values[1:] - values[:-1]
        expected = (np.nanmean(later), np.nanstd(later), np.nanmin(later), np.nanmax(later), np.nanstd(change))
        assert tuple(one) == pytest.approx(expected, rel=1e-12)
    assert len(notes) == 1
    assert "carries no statistics of 6 h: measured on 19 pairs of fields 6 h apart" in notes[0]


def test_a_long_data_set_is_sampled():
    found, notes = read_statistics(open_source(data(200)), SIX)
    assert f"measured on {MOST_PAIRS} pairs" in notes[0]
    assert found[0].stdev == pytest.approx(9, rel=0.02)
    assert found[0].tendency == pytest.approx(9 * math.sqrt(2), rel=0.02)


def test_without_two_fields_a_step_apart_nothing_is_known():
    found, notes = read_statistics(open_source(data(5, hours=24)), SIX)
    assert all(math.isnan(x) for x in found[0])
    assert "no two fields lie 6 h apart" in notes[0]


def test_what_a_store_carries_is_used_as_it_is(tmp_path):
    weather = Weather(0, number=6)
    dates = np.datetime64("2001-03-01T00", "s") + np.arange(12) * np.timedelta64(6, "h")
    path = tmp_path / "era5.zarr"
    write_store(path, dates, [weather.states(dates)], weather.grid, description="three days")
    source = open_source(path)
    found, notes = read_statistics(source, SIX)
    assert notes == []
    for one, stored in zip(found, source.stored_statistics(), strict=True):
        assert tuple(one[:4]) == (stored.mean, stored.stdev, stored.minimum, stored.maximum)
        assert one.tendency == stored.tendencies[SIX][1]
    daily, notes = read_statistics(source, 4 * SIX)
    assert "carries no tendencies of 24 h: measured on 8 pairs" in notes[0]
    states = weather.states(dates).astype(np.float64)
    k = list(VARIABLES).index("2t")
    assert daily[k].stdev == found[k].stdev
    change = states[4:, k] - states[:-4, k]
    assert daily[k].tendency == pytest.approx(change.std(), rel=1e-6)


@given(st.lists(st.lists(st.floats(-1e3, 1e3), max_size=5), min_size=1, max_size=6))
def test_moments_merge_in_any_order(parts):
    def of(values: list[float]) -> Moments:
        if not values:
            return Moments()
        mean = math.fsum(values) / len(values)
        return Moments(len(values), mean, math.fsum((v - mean) ** 2 for v in values))

    total, backwards = Moments(), Moments()
    for part in parts:
        total = total.merged(of(part))
    for part in reversed(parts):
        backwards = backwards.merged(of(part))
    every = [v for part in parts for v in part]
    assert total.n == backwards.n == len(every)
    if every:
        assert total.stdev == pytest.approx(float(np.std(every)), rel=1e-9, abs=1e-6)
        assert backwards.stdev == pytest.approx(total.stdev, rel=1e-9, abs=1e-6)
