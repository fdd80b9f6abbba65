"""Months that lack days, against a count with Python's calendar; how old the newest time is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource, axis_of

from dqwatch.metrics import scan
from dqwatch.metrics.completeness import judge_months

DAY = 86400
BEGIN = int(datetime(2019, 11, 1, tzinfo=UTC).timestamp())


def rows(n_days: int, lost: set[int]) -> dict[str, np.ndarray]:
    labels = [f"{datetime.fromtimestamp(BEGIN + k * DAY, UTC):%Y-%m-%dT%H:%M:%S}" for k in range(n_days)]
    there = np.array([k not in lost for k in range(n_days)])
    same = {name: np.zeros(n_days, bool) for name in ("declared_missing", "all_nan")}
    ones = {name: np.ones(n_days, bool) for name in ("decodable", "expected")}
    return {"time": np.array(labels, object), "present": there, **same, **ones}


@given(st.integers(1, 130), st.sets(st.integers(0, 129), max_size=60), st.sampled_from(["present", "declared", "nan"]))
def test_months_day_by_day(n_days: int, lost: set[int], how: str) -> None:
    lost = {k for k in lost if k < n_days}
    given_rows = rows(n_days, lost)
    if how != "present":
        column = "declared_missing" if how == "declared" else "all_nan"
        given_rows |= {column: ~given_rows["present"], "present": np.ones(n_days, bool)}
    expected = []
    dates = [datetime.fromtimestamp(BEGIN, UTC) + timedelta(days=k) for k in range(n_days)]
    for date in dates:
        month = [k for k, other in enumerate(dates) if (other.year, other.month) == (date.year, date.month)]
        gone = [k in lost for k in month]
        in_a_row = any(all(gone[i : i + 5]) for i in range(len(gone) - 4))
        expected.append(all(gone) or not (sum(gone) >= 11 or in_a_row))
    assert judge_months(given_rows).tolist() == expected


def test_a_day_is_missing_if_one_of_its_times_is() -> None:
    hours = np.delete(np.arange(0, 30 * 24, 6), [4 * k + 1 for k in range(10, 15)])
    source = FakeSource({"2t": np.zeros((hours.size, 3))}, axis=axis_of(BEGIN + hours * 3600))
    table = scan(source, wanted={"times": {"month_ok"}}, now=datetime(2020, 1, 1)).tables["times"]
    assert not table["month_ok"].any()
    assert (~table["present"]).sum() == 5
    assert "month_ok" not in scan(source).tables["times"]


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=2))])
def test_the_age_of_the_newest_time(zone: timezone | None) -> None:
    source = FakeSource({"2t": np.zeros((4, 3))}, axis=axis_of(BEGIN + np.array([0, 6, 18, 12]) * 3600))
    now = datetime(2019, 11, 2, 4, 30, tzinfo=UTC).astimezone(zone) if zone else datetime(2019, 11, 2, 4, 30)
    table = scan(source, wanted={"times": {"age_h"}}, now=now).tables["times"]
    np.testing.assert_array_equal(table["age_h"], [np.nan, np.nan, 10.5, np.nan])


def test_forecasts_age_from_their_start() -> None:
    leads = np.array([0, 6, 240]) * 3600
    axis = axis_of(BEGIN + leads, lead_seconds=leads)
    table = scan(
        FakeSource({"2t": np.zeros((3, 3))}, axis=axis), wanted={"times": {"age_h"}}, now=datetime(2019, 11, 1, 9)
    ).tables["times"]
    np.testing.assert_array_equal(table["age_h"], [9, np.nan, np.nan])


def test_calendars_of_models_have_no_age() -> None:
    axis = axis_of(BEGIN + np.arange(3) * DAY, calendar="360_day")
    table = scan(FakeSource({"2t": np.zeros((3, 3))}, axis=axis), wanted={"times": {"age_h"}}).tables["times"]
    assert table["age_h"].isna().all()
