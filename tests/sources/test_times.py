"""Times of every calendar against cftime and xarray; what cannot be decoded says why and keeps its raw value."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.sources.times import CALENDARS, EPOCH, decode_leads, decode_times, labels_of, raw_text
from dqwatch.types import NOT_A_TIME

ALIASES = [*CALENDARS, "gregorian", "365_day", "366_day"]


def labels(values, **attrs) -> list[str]:
    values = np.asarray(values)
    times = decode_times(values, attrs, "time")
    return labels_of(times.seconds, times.calendar, values)


@given(
    calendar=st.sampled_from(ALIASES),
    unit=st.sampled_from([("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)]),
    year=st.integers(1, 2400),
    month=st.integers(1, 12),
    day=st.integers(1, 28),
    hour=st.integers(0, 23),
    numbers=st.lists(st.integers(0, 100_000), min_size=1, max_size=5),
)
def test_times_are_those_of_cftime(calendar, unit, year, month, day, hour, numbers):
    units = f"{unit[0]} since {year:04d}-{month:02d}-{day:02d} {hour:02d}:00:00"
    dates = cftime.num2date(numbers, units, calendar, only_use_cftime_datetimes=True)
    times = decode_times(np.array(numbers, np.float64), {"units": units, "calendar": calendar}, "time")
    assert times.problem is None
    assert times.seconds.tolist() == np.rint(cftime.date2num(dates, EPOCH, calendar)).astype(int).tolist()
    iso = [d.strftime("%Y-%m-%dT%H:%M:%S") if d.year > 999 else d.isoformat() for d in dates]
    assert labels_of(times.seconds, times.calendar, np.array(numbers)) == iso


@given(st.lists(st.floats(0, 80_000), min_size=1, max_size=8))
def test_fractions_of_days_are_rounded_to_the_second(days):
    units = "days since 1850-01-01"
    theirs = xr.decode_cf(xr.Dataset({"time": ("time", days, {"units": units})}))["time"].values
    ours = decode_times(np.array(days), {"units": units}, "time").seconds
    # xarray cuts at the nanosecond or microsecond
    assert np.abs(theirs.astype("M8[ms]").astype(np.int64) / 1000 - ours).max() <= 0.501


@pytest.mark.parametrize("zone", ["-6:00", "-06:00", "+1", "-6", "+0530", "UTC", "Z", ""])
@pytest.mark.parametrize("date", ["1992-10-8 15:15:42.5", "1900-01-01 00:00:0.0", "2000-1-1", "2000-01-01T12:00:00"])
def test_reference_dates_are_read_as_xarray_reads_them(date, zone):
    units = f"seconds since {date} {zone}".strip()
    theirs = xr.decode_cf(xr.Dataset({"time": ("time", [0, 86400], {"units": units})}))["time"].values
    ours = decode_times(np.array([0.0, 86400]), {"units": units}, "time").seconds
    assert np.abs(theirs.astype("M8[ms]").astype(np.int64) / 1000 - ours).max() <= 0.5


def test_the_standard_calendar_leaves_out_ten_days_in_1582():
    assert labels([0.0, 1.0], units="days since 1582-10-04", calendar="standard") == [
        "1582-10-04T00:00:00",
        "1582-10-15T00:00:00",
    ]


def test_the_first_day_of_the_era_is_a_date_in_every_calendar():
    for calendar in CALENDARS:
        assert labels([0.0], units="days since 0001-01-01", calendar=calendar) == ["0001-01-01T00:00:00"]


@pytest.mark.parametrize(
    ("attrs", "why"),
    [
        ({}, "'time' has no units"),
        ({"units": "Months"}, "units 'Months' of 'time' name no reference date ('days since ...')"),
        ({"units": "day as %Y%m%d.%f"}, "units 'day as %Y%m%d.%f' of 'time' name no reference date ('days since ...')"),
        (
            {"units": "months since 1960-01-01"},
            "'months' in the units 'months since 1960-01-01' of 'time'",
        ),
        (
            {"units": "days since yesterday"},
            "the reference date in the units 'days since yesterday'",
        ),
        ({"units": "days since 2000-13-01"}, "the reference date in the units 'days since 2000-13-01'"),
        ({"units": "days since 2000-01-01", "calendar": "maya"}, "calendar 'maya' of 'time' is none that CF knows"),
        ({"units": 5}, "units '5' of 'time' name no reference date"),
    ],
)
def test_what_cannot_be_decoded_says_why_and_keeps_its_value(attrs, why):
    values = np.array([197901.0, 197902.5])
    times = decode_times(values, attrs, "time")
    assert (times.seconds == NOT_A_TIME).all()
    assert times.problem is not None
    assert times.problem.startswith(why)
    assert labels_of(times.seconds, times.calendar, values) == ["197901", "197902.5"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 9.96921e36, -1e30, 4e6])
def test_single_values_that_are_no_times(bad):
    values = np.array([0.0, bad, 2.0])
    times = decode_times(values, {"units": "days since 2000-01-01"}, "time")
    assert (times.seconds == NOT_A_TIME).tolist() == [False, True, False]
    assert times.problem == "1 of 3 values of 'time' are missing or no dates before the year 10000"
    assert labels_of(times.seconds, times.calendar, values)[1] == raw_text(values[1])


@given(
    st.lists(st.integers(-(2**33), 2**33), min_size=1, max_size=5), st.sampled_from(["s", "ms", "us", "ns", "m", "D"])
)
def test_datetime64_of_any_unit(seconds, unit):
    days = np.array(seconds) // 86400 * 86400
    times = decode_times(days.astype("M8[s]").astype(f"M8[{unit}]"), {}, "time")
    assert times.seconds.tolist() == days.tolist()
    assert times.calendar == "proleptic_gregorian"


def test_datetime64_is_rounded_and_may_be_missing():
    values = np.array(["2000-01-01T00:00:00.6", "1969-12-31T23:59:59.6", "NaT"], "M8[ms]")
    times = decode_times(values, {}, "time")
    assert times.seconds.tolist() == [946684801, 0, NOT_A_TIME]
    assert labels_of(times.seconds, times.calendar, values)[2] == "NaT"


@pytest.mark.parametrize("kind", ["S", "U", "O"])
def test_dates_as_text(kind):
    values = np.array(
        ["2000-01-24_12:00:00", "2000-01-24T12:00:01Z", "2000-01-24 12:00", "2000-01-25", "soon", ""]
    ).astype(kind)
    times = decode_times(values, {}, "Times")
    assert labels_of(times.seconds, times.calendar, values) == [
        "2000-01-24T12:00:00",
        "2000-01-24T12:00:01",
        "2000-01-24T12:00:00",
        "2000-01-25T00:00:00",
        "soon",
        "",
    ]
    assert decode_times(np.array(["a", "b"]), {}, "Times").problem == "the text in 'Times' is no ISO 8601 date"


@pytest.mark.parametrize("kind", ["c8", "m8[s]"])
def test_values_that_are_no_times_at_all(kind):
    times = decode_times(np.zeros(2, "i8").astype(kind), {"units": "days since 2000-01-01"}, "time")
    assert times.problem == f"'time' holds values of type {np.dtype(kind)}, no times"


def test_lead_times():
    assert decode_leads(np.array([0.0, 6, 12.5]), {"units": "hours"}).tolist() == [0, 21600, 45000]
    assert decode_leads(np.array([1, 2], "m8[D]"), {}).tolist() == [86400, 172800]
    assert decode_leads(np.array([1, "NaT"], "m8[h]"), {}).tolist() == [3600, NOT_A_TIME]
    assert decode_leads(np.array([1.0]), {"units": "months"}) is None
    assert decode_leads(np.array([1.0]), {}) is None


def test_labels_of_forecasts_tell_the_lead_time():
    seconds = np.array([0, 86400, 86400, NOT_A_TIME])
    leads = np.array([0, 86400, 5400, 3600])
    assert labels_of(seconds, "standard", np.array([0.0, 1, 2, np.nan]), leads) == [
        "1970-01-01T00:00:00+000h",
        "1970-01-02T00:00:00+024h",
        "1970-01-02T00:00:00+001h30",
        "nan",
    ]
