"""Dates of every calendar against cftime."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.metrics.calendars import dates, labels

CALENDARS = [
    "standard",
    "gregorian",
    "proleptic_gregorian",
    "julian",
    "noleap",
    "365_day",
    "all_leap",
    "366_day",
    "360_day",
]


@pytest.mark.parametrize("calendar", CALENDARS)
@given(st.lists(st.integers(-60_000_000_000, 60_000_000_000), max_size=5))
def test_dates_are_those_of_cftime(calendar: str, seconds: list[int]) -> None:
    found = dates(np.array(seconds, np.int64), calendar)
    for i, second in enumerate(seconds):
        expected = cftime.num2date(second, "seconds since 1970-01-01", calendar=calendar)
        of_day = expected.hour * 3600 + expected.minute * 60 + expected.second
        got = (found.year[i], found.month[i], found.day[i], found.second[i])
        assert got == (expected.year, expected.month, expected.day, of_day)


def test_labels() -> None:
    assert labels(np.array([0, 86399, 951_782_400]), "proleptic_gregorian") == [
        "1970-01-01T00:00:00",
        "1970-01-01T23:59:59",
        "2000-02-29T00:00:00",
    ]
    assert labels(np.array([29 * 86400 + 31 * 86400]), "360_day") == ["1970-03-01T00:00:00"]


def test_an_unknown_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        dates(np.array([0]), "martian")
