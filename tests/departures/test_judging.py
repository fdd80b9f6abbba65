"""Data held against a baseline: what is found of faults, of constants, of what is absent, and of small nulls."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from baselines.training_data import LAT, LON, SEA, make_fields, make_source
from metrics.fake_source import FakeSource, axis_of, grid_of

from dqwatch.baselines.baseline import Baseline, build
from dqwatch.departures.judging import Judgement, judge
from dqwatch.departures.slow_table import find_land
from dqwatch.errors import UsageError

N_TRAINING, N_NEW = 16 * 73, 146
BOX = (np.abs(LAT - 10) < 25) & (np.abs(LON - 90) < 40)


@pytest.fixture(scope="module")
def fields() -> dict[str, np.ndarray]:
    return make_fields(11, N_TRAINING + N_NEW)


@pytest.fixture(scope="module")
def baseline(fields: dict[str, np.ndarray]) -> Baseline:
    return build(make_source({name: f[:N_TRAINING] for name, f in fields.items()}))


def new(fields: dict[str, np.ndarray], number: int = 3, count: int = 1, **changes: np.ndarray) -> FakeSource:
    """Some times after the end of training, with what is changed added to the fields."""
    at = slice(N_TRAINING + number, N_TRAINING + number + count)
    given = {name: f[at] + np.asarray(changes.get(name, 0.0), np.float32) for name, f in fields.items()}
    return make_source(given, first=N_TRAINING + number)


def row(found: Judgement, variable: str) -> dict[str, Any]:
    table = found.tables["drift"]
    (only,) = table[table["variable"] == variable].to_dict("records")
    return only


def test_clean_cycles_alarm_about_as_often_as_they_may(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    cycles = judge(new(fields, 0, N_NEW), baseline).tables["cycles"]
    assert len(cycles) == N_NEW
    assert (cycles["p_cycle"] <= 0.05).mean() <= 0.12
    assert (cycles["p_cycle"] > 0.001).all()
    assert (cycles["n_variables"] == 2).all()
    assert (cycles["null_size"][1:] == N_TRAINING - 1).all()


def test_a_regional_change_is_named_and_located(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    found = judge(new(fields, t=np.where(BOX, 40.0, 0.0)), baseline, previous=new(fields, 2))
    cycle = found.tables["cycles"].iloc[0]
    assert cycle["p_cycle"] == cycle["p_critical"] == 1 / N_TRAINING
    assert cycle["variables"].split()[0] == "t"
    t = row(found, "t")
    assert t["named"]
    assert t["alarmed"]
    latitudes, longitudes = t["region"].split()
    south, north = (float(x[:-1]) * (-1 if x.endswith("S") else 1) for x in latitudes.split("-"))
    west, east = (float(x[:-1]) for x in longitudes.split("-"))
    assert -35 <= south < north <= 50
    assert 40 <= west < east <= 140
    assert not row(found, "sst")["named"]
    assert found.drift is not None
    assert found.drift["variables"][0]["variable"] == "t"
    assert found.drift["null_size"] == N_TRAINING - 1


def test_the_state_before_may_be_in_the_data_themselves(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    together = judge(new(fields, 3, 2), baseline).tables["drift"]
    apart = judge(new(fields, 4), baseline, previous=new(fields, 3)).tables["drift"]
    last = together[together["time_index"] == 1].reset_index(drop=True)
    assert np.allclose(last["p_value"], apart["p_value"], equal_nan=True)


@pytest.mark.parametrize("count", [1, 2])
def test_threads_that_share_a_cycle_find_the_same_bits(
    baseline: Baseline, fields: dict[str, np.ndarray], count: int
) -> None:
    spoilt = new(fields, 3, count, t=np.where(BOX, 40.0, 0.0))
    told: list[tuple[int, int]] = []
    alone, shared = (
        judge(spoilt, baseline, previous=new(fields, 2), workers=n, progress=lambda *done: told.append(done))
        for n in (1, 5)
    )
    for name, table in alone.tables.items():
        pd.testing.assert_frame_equal(table, shared.tables[name], check_exact=True)
    assert alone.drift == shared.drift
    assert told[count - 1] == told[-1] == (count, count)


def test_without_the_state_before_its_scores_leave_both_sides(
    baseline: Baseline, fields: dict[str, np.ndarray]
) -> None:
    found = judge(new(fields), baseline)
    assert found.tables["cycles"].iloc[0]["null_size"] == N_TRAINING
    assert not found.tables["drift"]["leading_score"].str.startswith("step_").any()
    assert any("--previous gives them" in note for note in found.notes)


def test_a_constant_is_compared_with_that_of_training(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    change = np.zeros(LAT.size)
    change[:3] = 0.5
    found = judge(new(fields, lsm=change), baseline)
    lsm = row(found, "lsm")
    assert (lsm["n_exact"], lsm["exact"]) == (1, "3 cells differ from training")
    assert np.isnan(lsm["p_value"])
    assert lsm["reason"] == "constant in training: compared with it"
    assert row(judge(new(fields), baseline), "lsm")["n_exact"] == 0


def test_what_cannot_be_scored_says_why(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    state = new(fields)
    other = {v: state.data[k] for k, v in enumerate(state.variables) if v.name != "lsm"}
    renamed = {(v if v.name == "t" else type(v)("sst", "sst", "sst", units="degC")): f for v, f in other.items()}
    renamed[type(state.variables[0])("new", "new", "new")] = state.data[0]
    source = FakeSource(renamed, axis=state.times[0], grid=state.grids[0])
    found = judge(source, baseline)
    assert row(found, "sst")["reason"] == "its units are degC, those of training K"
    assert row(found, "lsm")["reason"] == "the data lack it"
    assert "not in the baseline, hence not scored: new" in found.notes
    assert found.tables["cycles"].iloc[0]["n_variables"] == 1
    assert any("a variable of training is not there" in note for note in found.notes)
    assert not any("a variable of training is not there" in note for note in judge(new(fields), baseline).notes)


def test_units_may_be_spelt_otherwise(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    state = new(fields)
    spelt = {dataclasses.replace(v, units="kelvin"): state.data[k] for k, v in enumerate(state.variables)}
    found = judge(FakeSource(spelt, axis=state.times[0], grid=state.grids[0]), baseline)
    assert found.tables["drift"].equals(judge(state, baseline).tables["drift"])
    assert np.isfinite(row(found, "t")["p_value"])


def test_fill_values_that_nobody_declared_are_far_away(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    found = judge(new(fields, t=np.where(BOX, 1e21, 0.0)), baseline)
    assert row(found, "t")["p_value"] == 1 / (found.tables["cycles"].iloc[0]["null_size"] + 1)


def test_missing_values_where_training_has_values_do_not_hide_the_rest(
    baseline: Baseline, fields: dict[str, np.ndarray]
) -> None:
    gap = np.where(SEA & (LAT > 0), np.nan, 0.0)
    found = judge(new(fields, sst=gap), baseline)
    assert np.isfinite(row(found, "sst")["p_value"])
    empty = judge(new(fields, sst=np.full(LAT.size, np.nan)), baseline)
    assert row(empty, "sst")["reason"] == "no value"
    assert np.isfinite(row(empty, "t")["p_value"])


def test_another_hour_of_the_day_is_not_compared(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    state = new(fields)
    axis = axis_of(state.times[0].seconds + 6 * 3600)
    source = FakeSource(dict(zip(state.variables, state.data, strict=True)), axis=axis, grid=state.grids[0])
    found = judge(source, baseline)
    assert row(found, "t")["reason"] == "training has no such hour of the day"
    assert not any("a variable of training is not there" in note for note in found.notes)
    cycle = found.tables["cycles"].iloc[0]
    assert np.isnan(cycle["p_cycle"])
    assert cycle["n_variables"] == 0
    assert found.drift is not None
    assert found.drift["p_cycle"] is None


def test_other_data_are_refused(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    with pytest.raises(UsageError, match="not on the grid of the baseline"):
        judge(FakeSource({"t": np.zeros((1, 20), np.float32)}, grid=grid_of(20)), baseline)
    with pytest.raises(UsageError, match="no variable in common"):
        judge(make_source({"u": fields["t"][:1]}), baseline)


def test_a_small_null_says_which_levels_it_cannot_reach(fields: dict[str, np.ndarray]) -> None:
    few = build(make_source({"t": fields["t"][:80]}))
    found = judge(make_source({"t": fields["t"][81:82]}, first=81), few)
    cycle = found.tables["cycles"].iloc[0]
    assert np.isfinite(cycle["p_cycle"])
    assert np.isnan(cycle["p_critical"])
    assert np.isnan(cycle["p_warning"])
    assert any("80 null cycles cannot reach p <= 0.001, which needs 999" in note for note in found.notes)


def forecasts(fields: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Other estimates of the same fields: smooth errors, some missing values of their own."""
    rng = np.random.default_rng(seed)
    waves = np.stack([np.sin(np.radians(k * LON)) * np.cos(np.radians(LAT)) for k in range(5)])
    found = {}
    for name, values in fields.items():
        error = 0.3 * rng.standard_normal((len(values), len(waves))) @ waves + rng.normal(0, 0.1, values.shape)
        found[name] = (values + error).astype(np.float32)
    found["t"][:, 7] = np.nan
    return found


@pytest.fixture(scope="module")
def backgrounds(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return forecasts(fields, 5)


@pytest.fixture(scope="module")
def with_departures(fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]) -> Baseline:
    training = make_source({name: f[:N_TRAINING] for name, f in fields.items()})
    return build(training, background=make_source({name: f[:N_TRAINING] for name, f in backgrounds.items()}))


def test_a_fault_of_the_state_before_too_is_found_by_the_background(
    with_departures: Baseline, fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]
) -> None:
    fault = np.where(BOX, 2.0, 0.0)
    state, before = new(fields, t=fault), new(fields, 2, t=fault)
    without = judge(state, with_departures, previous=before)
    assert without.tables["cycles"].iloc[0]["p_cycle"] > 0.05
    assert any("--background gives one" in note for note in without.notes)
    found = judge(state, with_departures, previous=before, background=new(backgrounds, 3))
    assert found.tables["cycles"].iloc[0]["p_cycle"] == 1 / N_TRAINING
    t = row(found, "t")
    assert t["named"]
    assert t["leading_score"].startswith("background_")
    assert t["region"]
    assert not row(found, "sst")["named"]
    assert found.notes == ()


def test_clean_cycles_with_a_background_alarm_about_as_often_as_they_may(
    with_departures: Baseline, fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]
) -> None:
    cycles = judge(new(fields, 0, N_NEW), with_departures, background=new(backgrounds, 0, N_NEW)).tables["cycles"]
    assert (cycles["p_cycle"] <= 0.05).mean() <= 0.12
    assert (cycles["p_cycle"] > 0.001).all()


def test_departures_are_those_of_state_and_background(
    with_departures: Baseline, fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]
) -> None:
    """The mean of departures, each cell's about its own mean and in its own deviation, over all cells known."""
    ledger, names = with_departures.ledger, [s.name for s in with_departures.scores]
    departures = (fields["t"][:N_TRAINING] - backgrounds["t"][:N_TRAINING]).astype(np.float64)
    known = np.isfinite(departures[0])
    z = (departures - departures.mean(axis=0)) / departures.std(axis=0)
    means = np.average(z[:, known], weights=np.cos(np.radians(LAT))[known], axis=1)
    found = ledger.scores[:, 0, names.index("background_mean")]
    assert np.corrcoef(means, found)[0, 1] > 0.99
    assert np.isnan(ledger.scores[:, 2, names.index("background_mean")]).all()


def test_a_background_must_be_known_to_the_baseline_and_be_of_the_time(
    baseline: Baseline, with_departures: Baseline, fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]
) -> None:
    with pytest.raises(UsageError, match="knows no departures from a background; make one by"):
        judge(new(fields), baseline, background=new(backgrounds))
    with pytest.raises(UsageError, match="no field is valid at any time of fake"):
        judge(new(fields), with_departures, background=new(backgrounds, 4))
    with pytest.raises(UsageError, match="no variable in common"):
        judge(new(fields), with_departures, background=make_source({"u": fields["t"][:1]}))
    with pytest.raises(UsageError, match="no field is valid at any time"):
        build(make_source({"t": fields["t"][:80]}), background=make_source({"t": fields["t"][:5]}, first=80))


def test_a_background_of_some_times_serves_those(
    fields: dict[str, np.ndarray], backgrounds: dict[str, np.ndarray]
) -> None:
    made = build(
        make_source({"t": fields["t"][:400]}), background=make_source({"t": backgrounds["t"][100:400]}, first=100)
    )
    assert made.record["background"]["times"] == 300
    assert "a background is known at 300 of 400 times only" in made.limits()
    state, beside = make_source({"t": fields["t"][401:402]}, first=401), backgrounds["t"][401:402]
    cycle = judge(state, made, background=make_source({"t": beside}, first=401)).tables["cycles"].iloc[0]
    assert cycle["null_size"] == 300
    assert judge(state, made).tables["cycles"].iloc[0]["null_size"] == 400


def test_small_departures_that_last_are_slow_drift(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    count = 73
    change = np.zeros((count, LAT.size))
    change[30:, (LAT > 0)] = 1.5
    clean, moved = judge(new(fields, 0, count), baseline), judge(new(fields, 0, count, sst=change), baseline)
    table = moved.tables["slow"].set_index("variable")
    assert set(table.index) == {"t", "sst"}
    sst = table.loc["sst"]
    assert sst["alarmed"]
    assert sst["p_year"] == sst["p_warning"] == 1 / 17
    assert (sst["direction"], sst["null_years"]) == ("up", 16)
    labels = moved.tables["cycles"]["time"].tolist()
    assert 25 <= labels.index(sst["onset"]) <= 36
    assert labels.index(sst["reached"]) >= 30
    assert moved.drift is not None
    (entry,) = moved.drift["slow"]
    assert (entry["variable"], entry["onset"]) == ("sst", sst["onset"])
    assert not clean.tables["slow"]["alarmed"].any()
    assert clean.drift is not None
    assert clean.drift["slow"] == []


def test_a_single_cycle_has_no_slow_drift(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    found = judge(new(fields), baseline)
    assert found.tables["slow"].empty
    assert found.drift is not None
    assert "slow" not in found.drift
    assert not any("slow" in note for note in found.notes)


def test_few_years_cannot_tell_slow_drift(fields: dict[str, np.ndarray]) -> None:
    few = build(make_source({"t": fields["t"][: 3 * 73]}))
    found = judge(make_source({"t": fields["t"][3 * 73 : 4 * 73]}, first=3 * 73), few)
    assert found.tables["slow"].empty
    assert "slow drift: not looked for over 360 days: 3 years of training are too few" in found.notes
    some = build(make_source({"t": fields["t"][: 7 * 73]}))
    found = judge(make_source({"t": fields["t"][7 * 73 : 8 * 73]}, first=7 * 73), some)
    assert found.tables["slow"]["p_warning"].isna().all()
    assert any("7 years of training cannot reach p <= 0.1, which needs 9" in note for note in found.notes)


def test_land_is_where_areas_are_mostly_land(baseline: Baseline) -> None:
    land = find_land(baseline)
    assert land is not None
    of_cell = baseline.layout.place.areas.of_cell
    weights = np.cos(np.radians(LAT))
    for area in range(land.size):
        own = of_cell == area
        assert land[area] == (weights[own & ~SEA].sum() >= 0.5 * weights[own].sum())


def test_the_worst_cycle_has_a_scorecard_and_areas(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    change = np.zeros((3, LAT.size))
    change[2] = np.where(BOX, 40.0, 0.0)
    found = judge(new(fields, 3, 3, t=change), baseline)
    card, areas = found.tables["scorecard"], found.tables["areas"]
    assert set(card["time"]) == set(areas["time"]) == {found.tables["cycles"]["time"].iloc[2]}
    assert set(areas["variable"]) == {"t"}
    place = baseline.layout.place
    assert len(areas) == place.areas.size
    assert list(dict.fromkeys(card["region"])) == ["all", "n.hem", "tropics", "s.hem", "land", "sea"]
    far = areas.loc[areas["mean"].idxmax()]
    assert far["mean"] > 5
    assert -30 <= far["south"] < far["north"] <= 45
    assert 30 <= far["west"] < far["east"] <= 150
    # the whole: each area alike
    t = card[(card["variable"] == "t") & (card["region"] == "all")].iloc[0]
    assert bool(t["named"])
    state = judge(new(fields, 5, 1, t=change[2]), baseline).tables["areas"]
    assert set(state["kind"]) == {"state"}
    assert t["mean"] == pytest.approx(state["mean"].mean(), rel=1e-5)
    assert t["rms"] == pytest.approx(np.sqrt((state["rms"] ** 2).mean()), rel=1e-5)
