"""Scores on a device against those of the host: shares, extremes and quantiles the same, sums to rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from metrics import grid_cases as cases
from metrics.test_isolation import MM, showers
from scores.test_families import LAT, LON, N_LAT, N_LON, WEIGHTS

from dqwatch.buffers import Buffers
from dqwatch.departures.scoring import CONSTANT
from dqwatch.departures.scoring import count_changed as on_arrays
from dqwatch.feed.devices import Device
from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.histogram import linear_bins, skewed_bins
from dqwatch.scores import KINDS, Family, list_scores, load_families, score_family
from dqwatch.scores.areas import lay_areas
from dqwatch.scores.isolated import isolated_rain
from dqwatch.scores.on_device import DeviceView, count_changed
from dqwatch.scores.on_device_place import DevicePlace
from dqwatch.scores.view import Distribution, Expected, Place, ScoreView, score_field
from dqwatch.sources.grids import unstructured_grid
from dqwatch.types import Grid

RNG = np.random.default_rng(4)
GRIDS = {
    "rows": Grid("regular", (N_LAT, N_LON), LAT, LON, WEIGHTS),
    "neighbours, no rows": unstructured_grid(LAT[order := RNG.permutation(LAT.size)], LON[order], "g", None),
    "nothing known": Grid("unknown", (LAT.size,)),
    "few cells": Grid("unknown", (3,)),
}
EXACT = {"peak", "low_tail", "high_tail", "at_minimum", "at_maximum", "equal_beside"}
EXACT |= {"missing", "appeared", "distinct", "distinct_share", "minimum_mass", "maximum_mass", "equal_mass"}


def place_of(grid: Grid) -> Place:
    weights = np.full(grid.n_cells, 1 / grid.n_cells) if grid.area_weights is None else grid.area_weights
    return Place(geometry_of(grid), lay_areas(grid, 40), np.ascontiguousarray(weights))


def expected_of(seed: int, place: Place) -> Expected:
    rng, n = np.random.default_rng(seed), place.weights.size
    mean = (280 + 30 * np.cos(np.linspace(0, 20, n))).astype(np.float32)
    sd = rng.uniform(1, 3, n).astype(np.float32)
    sd[:: n // 3] = np.nan
    areas = place.areas.size
    bins = (linear_bins(240.0, 330.0), skewed_bins(300.0))[seed % 2]
    distribution = Distribution(bins, rng.integers(0, 99, bins.edges.size - 1))
    return Expected(mean, sd, np.full(areas, 295.0), np.linspace(1, 5, areas), distribution)


SPOILT = {
    "whole": lambda x: x,
    "missing": lambda x: np.where(np.arange(x.size) % 5 == 2, np.nan, x),
    "infinite": lambda x: np.where(np.arange(x.size) % 7 == 1, -np.inf, x),
    "a mass at an end": lambda x: np.maximum(x, 280),
    "constant": lambda x: np.full_like(x, 3.5),
    "nothing": lambda x: np.full_like(x, np.nan),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_scores_are_those_of_the_host(grid: Grid, spoil: object, dtype: str) -> None:
    place = place_of(grid)
    on = DevicePlace(place, Device("cpu"))
    families = load_families()
    for seed, kind in enumerate(KINDS):
        expected = expected_of(seed, place)
        noise = np.random.default_rng(seed + 9).standard_normal(grid.n_cells)
        values = spoil(expected.mean + 2 * noise).astype(dtype)  # type: ignore[operator]
        host = ScoreView(values, kind, expected, place, Buffers())
        names = [s.name for s in list_scores([f for f in families if not f.areas], [kind])]
        scores = score_field(host, families)
        own = DeviceView(torch.from_numpy(values.copy()), kind, expected, on, Buffers(), None)
        found = score_field(own, families)
        for name, a, b in zip(names, scores, found, strict=True):
            if name in EXACT or np.isnan(a):
                np.testing.assert_equal(b, a, err_msg=name)
            else:
                assert b == pytest.approx(a, rel=1e-9, abs=1e-9), name
        np.testing.assert_allclose(own.area_z, host.area_z, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(own.area_mean_square, host.area_mean_square, rtol=1e-9)
        assert own.std == pytest.approx(host.std, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_isolated_rain_is_that_of_the_host(grid: Grid, dtype: type) -> None:
    place = place_of(grid)
    on, expected = DevicePlace(place, Device("cpu")), expected_of(0, place)
    rain = showers(grid, dtype)
    rain[:: rain.size // 3], rain[1 :: rain.size // 2] = np.nan, np.inf
    for values in (rain, np.full_like(rain, np.nan), np.zeros_like(rain)):
        host = ScoreView(values, "state", expected, place, Buffers())
        own = DeviceView(torch.from_numpy(values.copy()), "state", expected, on, Buffers(), None)
        host.rain = own.rain = MM
        assert own.isolated == host.isolated
        assert isolated_rain(own) == pytest.approx(isolated_rain(host), nan_ok=True)
    host = ScoreView(rain, "state", expected, place, Buffers())
    host.rain = MM
    assert host.isolated[0] > 0


def test_isolated_rain_needs_neighbours() -> None:
    place = place_of(GRIDS["nothing known"])
    values = torch.ones(place.weights.size)
    view = DeviceView(values, "state", expected_of(0, place), DevicePlace(place, Device("cpu")), Buffers(), None)
    view.rain = MM
    assert np.isnan(view.isolated[0])
    assert view.isolated[1] == len(values)


@pytest.mark.parametrize("known", [[3.0, 4.0, np.nan, 5.0], [2.0, 2.0, 2.0, 2.0], [np.nan] * 4])
@pytest.mark.parametrize("now", [[3.0, 4.0, np.nan, 5.0], [3.001, 4.1, 1.0, np.nan], [np.inf, 2.0, 2.001, 2.01]])
def test_a_constant_that_changed_is_counted_as_on_the_host(known: list[float], now: list[float]) -> None:
    constant, values = np.array(known, np.float32), np.array(now, np.float32)
    assert count_changed(torch.from_numpy(values), constant, CONSTANT) == on_arrays(values, constant)


def test_a_family_that_wants_arrays_is_given_them() -> None:
    @score_family("own")
    def own(view: ScoreView) -> Sequence[float]:
        assert isinstance(view.values, np.ndarray)
        return (float(np.nansum(view.z) + np.nanmax(view.anomaly) + view.values[0]),)

    family: Family = own
    place = place_of(GRIDS["rows"])
    values = (expected_of(0, place).mean + RNG.standard_normal(LAT.size)).astype("f4")
    host = ScoreView(values, "state", expected_of(0, place), place, Buffers())
    on = DevicePlace(place, Device("cpu"))
    view = DeviceView(torch.from_numpy(values), "state", expected_of(0, place), on, Buffers(), None)
    assert family(view) == family(host)
