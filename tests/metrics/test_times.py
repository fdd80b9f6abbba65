"""The table `times`: order, steps, hours, and above all what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.fake_source import DAY, HOUR, FakeSource, axis_of

from dqwatch.metrics import scan
from dqwatch.metrics.calendars import labels
from dqwatch.types import NOT_A_TIME, TimeAxis

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = int(np.datetime64("2001-01-01", "s").astype(np.int64))
SIX_HOURLY = START + np.arange(400) * 6 * HOUR
PAIRS = np.sort(np.concatenate([START + np.arange(100) * DAY, START + np.arange(100) * DAY + 6 * HOUR]))
MONTHLY = np.arange("1990-01", "2000-01", dtype="datetime64[M]").astype("datetime64[s]").astype(np.int64)
YEARLY = np.arange("1900", "1960", dtype="datetime64[Y]").astype("datetime64[s]").astype(np.int64)
HOURLY = START + np.arange(1000) * HOUR
RHYTHMS = {
    "hourly": HOURLY,
    "six-hourly": SIX_HOURLY,
    "daily at noon": START + np.arange(300) * DAY + 12 * HOUR,
    "pairs each day": PAIRS,
    "pairs every fifth day": np.sort(np.concatenate([START + np.arange(80) * 5 * DAY + h * HOUR for h in (0, 6)])),
    "three a day": np.sort(np.concatenate([START + np.arange(80) * DAY + h * HOUR for h in (0, 6, 12)])),
    "monthly": MONTHLY,
    "middles of months": (MONTHLY + np.append(MONTHLY[1:], 946684800)) // 2,
    "seasonal": MONTHLY[::3],
    "yearly": YEARLY,
    "every ten minutes": START + np.arange(700) * 600,
    "every hundred seconds": START + np.arange(700) * 100,
    "every 7 hours": START + np.arange(300) * 7 * HOUR,
    "fractions of a day as float": START
    + np.rint(np.arange(300) * 3 * HOUR + np.tile([0, 1, -1], 100)).astype(np.int64),
}


def times_of(axis: TimeAxis, **data: Any) -> pd.DataFrame:
    values = data or {"x": np.arange(len(axis) * 2.0).reshape(-1, 2)}
    return scan(FakeSource(values, axis=axis, times_per_block=2000), workers=1, now=NOW).tables["times"]


def absent(table: pd.DataFrame) -> list[str]:
    return table["time"][~table["present"]].tolist()


@pytest.mark.parametrize("rhythm", list(RHYTHMS))
def test_a_complete_axis_is_right_in_every_way(rhythm: str) -> None:
    axis = axis_of(RHYTHMS[rhythm])
    table = times_of(axis)
    assert table["time"].tolist() == list(axis.labels)
    assert table["time_index"].tolist() == list(range(len(axis)))
    for name in ("present", "expected", "decodable", "in_order", "step_ok", "hour_ok", "missing_as_declared"):
        assert table[name].all(), name
    for name in ("duplicate", "in_future", "declared_missing", "all_nan"):
        assert not table[name].any(), name
    assert (table["n_missing_before"] == 0).all()
    assert (table["n_fields"] == 1).all()
    assert np.isnan(table["step_h"][0])
    np.testing.assert_allclose(table["step_h"][1:], np.diff(axis.seconds) / 3600)
    np.testing.assert_allclose(table["hour"], axis.seconds % DAY / 3600)


@pytest.mark.parametrize("rhythm", list(RHYTHMS))
@settings(max_examples=20)
@given(data=st.data())
def test_a_gap_is_found_wherever_it_is(rhythm: str, data: st.DataObject) -> None:
    times = RHYTHMS[rhythm]
    first = data.draw(st.integers(1, len(times) - 2))
    length = data.draw(st.integers(1, min(4, len(times) - 1 - first)))
    kept = np.delete(times, slice(first, first + length))
    table = times_of(axis_of(kept))
    assert len(absent(table)) == length
    after = table[table["time_index"] == first]
    assert after["n_missing_before"].tolist() == [length]
    assert after["step_ok"].tolist() == [False]
    assert table["n_missing_before"].sum() == length
    missing = table[~table["present"]]
    assert (missing["time_index"] == -1).all()
    assert missing["expected"].all()
    assert missing.index.tolist() == list(range(first, first + length))
    if rhythm not in ("middles of months", "fractions of a day as float"):
        assert absent(table) == labels(times[first : first + length], "proleptic_gregorian")


def test_a_series_of_winters_has_a_gap_each_year() -> None:
    days = np.arange("1982-12-01", "1986-03-01", dtype="datetime64[D]")
    months = days.astype("datetime64[M]").astype(int) % 12 + 1
    kept = days[np.isin(months, (12, 1, 2))].astype("datetime64[s]").astype(np.int64)
    table = times_of(axis_of(kept))
    gaps = table["n_missing_before"][table["n_missing_before"] > 0]
    assert gaps.tolist() == [275] * 3  # March to November
    assert len(absent(table)) == 825
    assert absent(table)[0] == "1983-03-01T00:00:00"


def test_many_missing_times_are_one_row_a_gap() -> None:
    kept = np.concatenate([START + np.arange(50) * HOUR, START + (20_000 + np.arange(50)) * HOUR])
    table = times_of(axis_of(kept))
    assert absent(table) == ["2001-01-03T02:00:00"]
    assert table["n_missing_before"].max() == 19_950


@pytest.mark.parametrize("calendar", ["360_day", "noleap", "julian", "standard"])
def test_gaps_in_other_calendars(calendar: str) -> None:
    days = np.arange(0, 2000) * DAY
    stamps = labels(days, calendar)
    kept = np.delete(days, [57, 58, 59, 1000])
    axis = TimeAxis("time", labels(kept, calendar), kept, calendar=calendar)
    assert absent(times_of(axis)) == [stamps[i] for i in (57, 58, 59, 1000)]


def test_months_of_360_days() -> None:
    months = np.arange(0, 240) * 30 * DAY
    kept = np.delete(months, [100])
    table = times_of(TimeAxis("time", labels(kept, "360_day"), kept, calendar="360_day"))
    assert absent(table) == ["1978-05-01T00:00:00"]


def test_steps_of_365_days_are_right_where_no_year_has_366() -> None:
    """From 1901 to 1959 a step is a day short wherever it goes over the 29th of February: 14 of 58."""
    times = YEARLY[1] + np.arange(59) * 365 * DAY
    steps = times_of(axis_of(times))["step_ok"]
    leap_days = [np.datetime64(f"{year}-02-29", "s").astype(np.int64) for year in range(1904, 1960, 4)]
    assert np.flatnonzero(~steps).tolist() == [int(np.searchsorted(times, day)) for day in leap_days]
    without = TimeAxis("time", labels(times, "noleap"), times, calendar="noleap")
    assert times_of(without)["step_ok"].all()


@pytest.mark.parametrize("hours", [[12, 18, 24, 36, 42, 48], [0, 12, 18, 24], [0, 6, 18, 24, 30, 42, 48]])
def test_a_hole_in_a_day_or_two_is_no_rhythm_of_the_day(hours: list[int]) -> None:
    table = times_of(axis_of(START + np.array(hours) * HOUR))
    assert len(absent(table)) == len(set(range(hours[0], hours[-1] + 1, 6)) - set(hours))


def test_the_same_hours_on_three_days_are_a_rhythm() -> None:
    hours = np.add.outer(np.arange(3) * 24, [0, 12, 18]).ravel()
    assert absent(times_of(axis_of(START + hours * HOUR))) == []


def test_disorder_and_duplicates() -> None:
    times = SIX_HOURLY[:20].copy()
    times[[5, 9]] = times[[9, 5]]
    times = np.insert(times, 15, times[14])
    table = times_of(axis_of(times))
    assert np.flatnonzero(~table["in_order"]).tolist() == [6, 7, 8, 9]
    assert np.flatnonzero(table["duplicate"]).tolist() == [15]
    assert absent(table) == []
    assert table["step_h"][15] == 0.0
    assert not table["step_ok"][15]


def test_a_wrong_step_and_a_wrong_hour() -> None:
    times = SIX_HOURLY.copy()
    times[100] += HOUR
    table = times_of(axis_of(times))
    assert np.flatnonzero(~table["step_ok"]).tolist() == [100, 101]
    assert np.flatnonzero(~table["hour_ok"]).tolist() == [100]
    assert np.flatnonzero(~table["expected"]).tolist() == [100]
    assert absent(table) == []


def test_an_extra_time() -> None:
    table = times_of(axis_of(np.sort(np.append(PAIRS, START + 10 * DAY + 9 * HOUR))))
    assert np.flatnonzero(~table["expected"]).tolist() == [22]
    assert np.flatnonzero(~table["hour_ok"]).tolist() == [22]
    assert absent(table) == []


def test_too_few_or_irregular_times_promise_nothing() -> None:
    for times in (SIX_HOURLY[[0, 1, 5]], START + np.cumsum(np.random.default_rng(0).integers(100, 90_000, 60))):
        table = times_of(axis_of(times))
        assert table["step_ok"].all()
        assert table["hour_ok"].all()
        assert absent(table) == []


def test_undecodable_times() -> None:
    times = SIX_HOURLY[:12].copy()
    times[4] = NOT_A_TIME
    table = times_of(axis_of(times, problem="units 'Months'"))
    undecoded = table[table["time"] == "not a time"]
    assert undecoded["decodable"].tolist() == [False]
    assert undecoded["in_order"].tolist() == [True]
    assert undecoded["duplicate"].tolist() == [False]
    assert undecoded[["hour", "step_h"]].isna().all(axis=None)
    assert absent(table) == [labels(SIX_HOURLY, "standard")[4]]

    nothing = times_of(axis_of(np.full(5, NOT_A_TIME)))
    assert not nothing["decodable"].any()
    assert not nothing["duplicate"].any()
    assert nothing["present"].all()


def test_a_declared_frequency_counts_from_few_times() -> None:
    table = times_of(axis_of(SIX_HOURLY[[0, 1, 3]], frequency=6 * HOUR))
    assert absent(table) == ["2001-01-01T12:00:00"]
    wrong = times_of(axis_of(SIX_HOURLY, frequency=3 * HOUR))
    assert wrong["step_ok"][wrong["present"]].sum() == 1  # the first, which has no step
    assert len(absent(wrong)) == 399


def test_declared_hours_each_day_or_less_often() -> None:
    daily = times_of(axis_of(np.delete(PAIRS, 7), hours=(0, 6)))
    assert absent(daily) == ["2001-01-04T06:00:00"]
    assert np.flatnonzero(~daily["step_ok"]).tolist() == [8]  # the row of the absent time stands before
    fifth = RHYTHMS["pairs every fifth day"]
    table = times_of(axis_of(np.delete(fifth, [3, 4]), hours=(0, 6), every=5 * DAY))
    assert absent(table) == ["2001-01-06T06:00:00", "2001-01-11T00:00:00"]
    strange = times_of(axis_of(np.insert(PAIRS, 4, START + 2 * DAY - 3 * HOUR), hours=(0, 6)))
    assert np.flatnonzero(~strange["hour_ok"]).tolist() == [4]


def test_the_declared_range_has_ends() -> None:
    declared = (int(SIX_HOURLY[0]), int(SIX_HOURLY[-1]))
    table = times_of(axis_of(SIX_HOURLY[2:-3], frequency=6 * HOUR, declared_range=declared))
    assert absent(table) == labels(SIX_HOURLY[[0, 1, -3, -2, -1]], "standard")
    assert table["present"].tolist() == [False] * 2 + [True] * 395 + [False] * 3
    assert table["n_missing_before"][2] == 2


def test_declared_missing_dates_and_empty_ones() -> None:
    values = np.random.default_rng(0).normal(size=(20, 4))
    values[[3, 8]] = np.nan
    declared = np.isin(np.arange(20), [3, 11])
    table = times_of(axis_of(SIX_HOURLY[:20], declared_missing=declared), a=values, b=values * 2)
    assert np.flatnonzero(table["all_nan"]).tolist() == [3, 8]
    assert np.flatnonzero(table["declared_missing"]).tolist() == [3, 11]
    assert np.flatnonzero(~table["missing_as_declared"]).tolist() == [8, 11]
    assert (table["n_fields"] == 2).all()


def test_one_variable_with_values_makes_a_time_full() -> None:
    values = np.random.default_rng(0).normal(size=(6, 4))
    empty = values.copy()
    empty[2] = np.nan
    assert not times_of(axis_of(SIX_HOURLY[:6]), a=values, b=empty)["all_nan"].any()


def test_a_date_in_the_future() -> None:
    near = int(np.datetime64("2026-02-14", "s").astype(np.int64))  # 44 days after now
    times = np.array([near - DAY, near, near + 2 * DAY, near + 100 * DAY])
    assert times_of(axis_of(times))["in_future"].tolist() == [False, False, True, True]
    steps = np.array([near - 5 * DAY + lead * DAY for lead in range(12)])
    leads = np.arange(12) * DAY
    assert not times_of(axis_of(steps, lead_seconds=leads))["in_future"].any()


def test_a_projection_reaches_into_the_future_by_right() -> None:
    century = np.arange("1990", "2100", dtype="datetime64[Y]").astype("datetime64[s]").astype(np.int64)
    assert not times_of(axis_of(century))["in_future"].any()


def test_an_axis_that_is_no_time_has_no_rows() -> None:
    months = TimeAxis("month", ("1", "7"), np.full(2, NOT_A_TIME), kind="index")
    assert len(times_of(months)) == 0
    static = TimeAxis("static", ("",), np.full(1, NOT_A_TIME), kind="static")
    assert len(times_of(static)) == 0


LEADS = np.concatenate([np.arange(0, 48, 3), np.arange(48, 241, 6)]) * HOUR


def forecast(starts: np.ndarray, leads: np.ndarray, dropped: list[int] | None = None) -> TimeAxis:
    valid = np.add.outer(starts, leads).reshape(-1)
    lead = np.tile(leads, len(starts))
    kept = np.delete(np.arange(len(valid)), dropped or [])
    stamps = [f"{name}+{hour:03d}h" for name, hour in zip(labels(valid, "standard"), lead // HOUR, strict=True)]
    return TimeAxis("time", [stamps[i] for i in kept], valid[kept], lead_seconds=lead[kept])


@pytest.mark.parametrize("n_starts", [1, 6])
def test_steps_of_a_forecast_may_widen(n_starts: int) -> None:
    table = times_of(forecast(START + np.arange(n_starts) * DAY, LEADS))
    assert len(table) == n_starts * len(LEADS)
    for name in ("in_order", "step_ok", "hour_ok", "expected"):
        assert table[name].all()
    assert not table["duplicate"].any()
    assert table["step_h"].isna().sum() == n_starts


@pytest.mark.parametrize("n_starts", [1, 6])
@pytest.mark.parametrize(("step", "lead"), [(1, "003h"), (10, "030h"), (20, "072h")])
def test_a_step_missing_from_a_forecast(n_starts: int, step: int, lead: str) -> None:
    axis = forecast(START + np.arange(n_starts) * DAY, LEADS, [step])
    valid = labels(np.array([START + LEADS[step]]), "standard")[0]
    assert absent(times_of(axis)) == [f"{valid}+{lead}"]


def test_a_whole_forecast_missing() -> None:
    starts = np.delete(START + np.arange(10) * DAY, 4)
    table = times_of(forecast(starts, LEADS))
    assert absent(table) == ["2001-01-05T00:00:00+000h"]
    assert np.flatnonzero(~table["present"]).tolist() == [4 * len(LEADS)]


def test_the_same_lead_time_every_day_is_a_series() -> None:
    axis = forecast(np.delete(START + np.arange(30) * DAY, 7), np.array([24 * HOUR]))
    assert [name[:19] for name in absent(times_of(axis))] == ["2001-01-09T00:00:00"]
