"""The faults that drift detection is measured on do what they say, and nothing else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from examples.land import Land
from examples.sphere import octahedral_grid
from examples.weather import VARIABLES, Weather
from tests.benchmarks.drift_faults import (
    DAYS_APART,
    EARLIER,
    FAULTS,
    FAULTY_EVERY,
    LEAST_TEST_SEED,
    MOVING,
    TEST_SEEDS,
)
from tests.benchmarks.drift_series import Series
from tests.benchmarks.drift_spoiling import Moment, World, spoil

BY_NAME = {fault.name: fault for fault in FAULTS}
HOURS = (0, *EARLIER)


@cache
def clean() -> tuple[World, dict[int, dict[str, np.ndarray]]]:
    """The land, and one day of weather with the days before that faults look back to."""
    weather = Weather(7)
    date = np.datetime64("2001-07-19T06", "s")
    dates = sorted(date - np.timedelta64(h, "h") for h in HOURS)
    states = dict(zip(dates, weather.states(np.array(dates)), strict=True))
    fields = {h: dict(zip(VARIABLES, states[date - np.timedelta64(h, "h")], strict=True)) for h in HOURS}
    sd = {v: np.full(weather.grid.size, abs(float(fields[0][v].std())), np.float32) for v in MOVING}
    for soil in ("swvl1", "swvl2"):
        sd[soil] = (0.05 * weather.land.is_land).astype(np.float32)
    return World(weather.grid, weather.land, sd), fields


def spoilt(name: str, *, fresh: int = 1) -> dict[str, np.ndarray]:
    world, fields = clean()
    generators = np.random.default_rng(0), np.random.default_rng(fresh)
    return spoil(BY_NAME[name], Moment(world, lambda v, hours: fields[hours][v], 0.5, *generators))


def field(variable: str, hours: int = 0) -> np.ndarray:
    return clean()[1][hours][variable]


def test_seeds_for_publication_are_apart_and_hours_of_the_day_come_by_turns() -> None:
    assert min(TEST_SEEDS) >= LEAST_TEST_SEED
    assert len(set(TEST_SEEDS)) == len(TEST_SEEDS)
    assert FAULTY_EVERY % 2 == 1
    assert DAYS_APART * FAULTY_EVERY < 365


def test_names_are_told_apart() -> None:
    assert len(BY_NAME) == len(FAULTS)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_fault_changes_what_it_names_only_and_leaves_the_clean_fields(name: str) -> None:
    fault = BY_NAME[name]
    before = {(v, h): field(v, h).copy() for v in MOVING for h in HOURS}
    found = spoilt(name)
    assert tuple(found) == fault.variables
    for (v, h), values in before.items():
        np.testing.assert_array_equal(field(v, h), values)
    assert all(f.dtype == np.float32 and f.shape == field(v).shape for v, f in found.items())
    changed = [not np.array_equal(f, field(v), equal_nan=True) for v, f in found.items()]
    assert any(changed)
    if fault.packed:
        for v, f in found.items():
            assert np.array_equal(np.rint(f / VARIABLES[v].step) * np.float32(VARIABLES[v].step), f, equal_nan=True)


def test_units_and_signs() -> None:
    np.testing.assert_allclose(spoilt("unit 2t K as C")["2t"], field("2t") - 273.15, atol=2**-4)
    np.testing.assert_allclose(spoilt("unit tp m as mm")["tp"], field("tp") * 1000)
    np.testing.assert_array_equal(spoilt("sign v_850 negative")["v_850"], -field("v_850"))


def test_an_offset_is_of_the_size_told_and_on_land_only_for_soil() -> None:
    world, _ = clean()
    change = spoilt("offset swvl1 0.5 sd")["swvl1"] - field("swvl1")
    np.testing.assert_allclose(change[world.land.is_land], 0.025, atol=2**-13 + 1e-7)
    assert not change[~world.land.is_land].any()
    change = spoilt("offset t_850 0.5 sd")["t_850"] - field("t_850")
    np.testing.assert_allclose(change, 0.5 * field("t_850").std(), atol=2**-5 + 1e-4)


def test_a_shift_by_half_a_cell_done_twice_is_one_cell() -> None:
    world, _ = clean()
    fault = BY_NAME["shift t_850 1/2 cell"]._replace(packed=False)
    once = spoilt("shift t_850 1 cell")["t_850"]
    halves = field("t_850")
    for _ in range(2):
        generators = np.random.default_rng(0), np.random.default_rng(1)
        halves = spoil(fault, Moment(world, lambda v, hours, f=halves: f, 0.5, *generators))["t_850"]
    # a wave of two cells has no half shift: it is lost, and is all that differs
    rest = once - halves
    for row, whole in zip(world.rows(rest), world.rows(once), strict=True):
        alternating = abs(np.fft.rfft(whole)[-1]) / row.size
        assert np.abs(row).max() <= alternating + 1e-3


def test_flip_and_roll_done_twice_are_nothing() -> None:
    world, _ = clean()
    for name in ("latitude flip u_850 ", "longitude roll u_850 180"):
        generators = np.random.default_rng(0), np.random.default_rng(1)
        once = spoilt(name)["u_850"]
        twice = spoil(BY_NAME[name], Moment(world, lambda v, hours, f=once: f, 0.5, *generators))["u_850"]
        np.testing.assert_array_equal(twice, field("u_850"))
    north = world.grid.latitudes > 0
    flipped = spoilt("latitude flip u_850 ")["u_850"]
    assert flipped[north].mean() == pytest.approx(field("u_850")[~north].mean(), abs=1e-4)


@pytest.mark.parametrize(("share", "cells"), [("0.0001", 1), ("0.01", 16), ("0.2", 320)])
def test_holes_have_the_size_told(share: str, cells: int) -> None:
    assert np.isnan(spoilt(f"NaN patch t_850 {share} of cells")["t_850"]).sum() == cells


def test_local_faults_lie_within_a_disc() -> None:
    world, _ = clean()
    for radius in (10, 25):
        change = spoilt(f"local soil swvl1+swvl2 2 sd {radius} deg")["swvl1"] - field("swvl1")
        spoilt_cells = np.flatnonzero(change)
        np.testing.assert_allclose(change[spoilt_cells], 0.1, atol=2**-12)
        vectors = world.vectors[spoilt_cells]
        apart = np.degrees(np.arccos(np.clip(vectors @ vectors.T, -1, 1)))
        assert 0 < apart.max() <= 2 * radius + 1e-6


def test_what_was_repacked_has_so_many_levels() -> None:
    for bits in (8, 10, 12):
        found = spoilt(f"packing tp {bits} bit")["tp"]
        assert 2 ** (bits - 2) < np.unique(spoilt(f"packing q_850 {bits} bit")["q_850"]).size <= 2**bits
        assert np.unique(found).size <= 2**bits
        assert np.abs(found - field("tp")).max() <= 0.5001 * np.ptp(field("tp")) / (2**bits - 1)


def test_rain_pox_and_spikes_are_in_so_many_cells_and_others_each_time() -> None:
    pox = spoilt("rain pox tp 0.002 of cells")["tp"] - field("tp")
    assert (pox > 0).sum() == 3
    np.testing.assert_allclose(pox[pox > 0], 8e-3, atol=2**-18)
    for name in ("rain pox tp 0.002 of cells", "spike u_850 4 sd"):
        (one,), (other,) = spoilt(name).values(), spoilt(name, fresh=2).values()
        assert not np.array_equal(one, other)
    assert np.count_nonzero(spoilt("spike u_850 4 sd")["u_850"] - field("u_850")) == 1


def test_the_mask_moves_by_one_cell() -> None:
    world, _ = clean()
    land = world.land.is_land
    outward = spoilt("mask swvl1 1 of coast + 1")["swvl1"] > 0
    assert (outward & ~land).any()
    assert not (outward & ~land & ~land[world.near].any(axis=1)).any()
    inward = spoilt("mask swvl1 1 of coast - 1")["swvl1"] > 0
    np.testing.assert_array_equal(inward & land, (field("swvl1") > 0) & land & land[world.near].all(axis=1))


def test_old_fields_are_those_of_before() -> None:
    np.testing.assert_array_equal(spoilt("stuck t_850 6 h")["t_850"], field("t_850", 6))
    np.testing.assert_array_equal(spoilt("time label 2t 30 d")["2t"], field("2t", 720))
    partly = spoilt("partly old t_850 0.5 of cells")["t_850"]
    old = partly == field("t_850", 24)
    assert 0.45 < old.mean() < 0.6
    np.testing.assert_array_equal(partly[~old], field("t_850")[~old])


def test_swapping_exchanges() -> None:
    found = spoilt("swapped u_850+v_850 ")
    np.testing.assert_array_equal(found["u_850"], field("v_850"))
    np.testing.assert_array_equal(found["v_850"], field("u_850"))


def test_smoothing_and_regridding_take_variance_of_small_scales_away() -> None:
    near = octahedral_grid(16).neighbours(8)

    def rough(values: np.ndarray) -> float:
        return float(((values[near].mean(axis=1) - values) ** 2).mean())

    for names in (
        [f"smoothing v_850 {s}" for s in ("1/4", "1", "3")],
        [f"regridding 10u distances O{n}" for n in (14, 12, 8)],
    ):
        found = [rough(values) for name in names for values in spoilt(name).values()]
        before = rough(field(BY_NAME[names[0]].variables[0]))
        assert before > found[0] > found[1] > found[2]


def test_a_series_gives_the_weather_and_spoils_both_steps_alike() -> None:
    series = Series(7, training_years=1, test_years=1)
    date = series.faulty[1]
    index = list(VARIABLES).index("t_850")
    for hours in (0, 24):
        (state,) = Weather(7).states([date - np.timedelta64(hours, "h")])
        np.testing.assert_array_equal(series.field(date, "t_850", hours), state[index])
    with pytest.raises(KeyError, match="no field 17 h before"):
        series.field(date, "t_850", 17)
    apart = series.forecast(date, "t_850") - series.field(date, "t_850")
    assert 0.3 < apart.std() < 1.5
    local = series.spoil(BY_NAME["local soil swvl1+swvl2 3 sd 10 deg"], date)
    changed = [
        local.onset["swvl1"] != series.field(date, "swvl1"),
        local.before["swvl1"] != series.field(date, "swvl1", 6),
    ]
    np.testing.assert_array_equal(*changed)
    pox = series.spoil(BY_NAME["rain pox tp 0.01 of cells"], date)
    assert ((pox.onset["tp"] > series.field(date, "tp")) != (pox.before["tp"] > series.field(date, "tp", 6))).any()
    stuck = series.spoil(BY_NAME["stuck t_850 24 h"], date)
    np.testing.assert_array_equal(stuck.before["t_850"], stuck.onset["t_850"])
    again = series.spoil(BY_NAME["noise t_850 0.2 sd"], date).onset["t_850"]
    np.testing.assert_array_equal(again, series.spoil(BY_NAME["noise t_850 0.2 sd"], date).onset["t_850"])
    data = series.dataset()
    assert data.sizes["time"] == 2 * series.training.size
    assert data.time.values.max() < series.test[0].astype("M8[ns]")
    assert series.background().sizes["time"] == series.training.size


def test_the_land_of_the_world_is_that_of_the_weather() -> None:
    assert np.array_equal(Land(octahedral_grid(16)).is_land, clean()[0].land.is_land)
