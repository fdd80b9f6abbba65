"""Parts of a source: variables by any of their names, periods in any calendar, every n-th time."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.cf_data import Plain, axis, by_place, fields, places, plain, steps

from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.selection import date_prefix, narrow
from dqwatch.types import Block, Source


def numbered(name: str, dims: tuple[str, ...], shape: tuple[int, ...], **attrs) -> Plain:
    return Plain(name, dims, np.arange(np.prod(shape), dtype="f4").reshape(shape), **attrs)


def sample(time: Plain | None = None, n: int = 12) -> CFSource:
    """Three days of six-hourly fields, a constant, a climatology, and daily rain on an axis of its own."""
    return CFSource(
        "sample",
        "test",
        plain(
            *(*places(), time or steps(n), axis("plev", [850.0, 500], units="hPa"), axis("month", [1, 7])),
            axis("day", np.arange(3.0), units="days since 2020-01-01"),
            numbered("ta", ("time", "plev", "lat", "lon"), (n, 2, 3, 4), units="K"),
            numbered("tas", ("time", "lat", "lon"), (n, 3, 4), units="K"),
            numbered("lsm", ("lat", "lon"), (3, 4), units="1"),
            numbered("clim", ("month", "lat", "lon"), (2, 3, 4)),
            numbered("rain", ("day", "lat", "lon"), (3, 3, 4)),
        ),
        {},
    )


def names(source: Source) -> list[str]:
    return [v.name for v in source.variables]


def labels(source: Source, name: str = "time") -> list[str]:
    (found,) = (a for a in source.times if a.name == name)
    return list(found.labels)


def test_nothing_asked_for_is_the_source_itself():
    source = sample()
    assert narrow(source) is source
    assert narrow(source, select="t,2t,lsm,clim,rain") is source


@pytest.mark.parametrize(
    ("select", "found"),
    [
        ("2t", ["2t"]),
        ("tas", ["2t"]),
        ("t", ["t_850", "t_500"]),
        ("ta", ["t_850", "t_500"]),
        ("t_500,lsm", ["t_500", "lsm"]),
        (["lsm", " 2t , t_850 "], ["t_850", "2t", "lsm"]),
        ("2t,2t", ["2t"]),
    ],
)
def test_variables_by_any_of_their_names(select, found):
    part = narrow(sample(), select=select)
    assert names(part) == found
    assert {part.variables[f.variable].name for f in fields(part)} == set(found)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("t_85", r"select: no variable 't_85' in sample; did you mean t_850.*\?"),
        ("LSM", r"select: no variable 'LSM' in sample; did you mean lsm\?"),
        ("zzzz", r"select: no variable 'zzzz' in sample; there are t_850, ta, t, t_500, 2t, \.\.\."),
        (",", "select: got no name"),
        ([], "select: got no name"),
    ],
)
def test_names_that_are_not_there(select, message):
    with pytest.raises(UsageError, match=message):
        narrow(sample(), select=select)


def test_values_axes_and_grids_follow_the_variables():
    source = sample()
    part = narrow(source, select="rain,t_500")
    assert isinstance(part, Source)
    assert [a.name for a in part.times] == ["time", "day"]
    assert len(part.grids) == 1
    whole = by_place(source)
    for (name, time, member), values in by_place(part).items():
        assert np.array_equal(values, whole[name, time, member])
    assert {a.name for a in part.arrays()} == {"lat", "lon", "time", "plev", "month", "day", "ta", "rain"}


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2020-01-02", "2020-01-02", "2020-01-02T00:00:00", "2020-01-02T18:00:00"),
        ("2020-01-01T06:00", "2020-01-02T12", "2020-01-01T06:00:00", "2020-01-02T12:00:00"),
        (None, "2020-01-01", "2020-01-01T00:00:00", "2020-01-01T18:00:00"),
        ("2020-01-03", None, "2020-01-03T00:00:00", "2020-01-03T18:00:00"),
        ("2020", "2020-01", "2020-01-01T00:00:00", "2020-01-03T18:00:00"),
        ("2020-1-2 6:00", "20200102T12", "2020-01-02T06:00:00", "2020-01-02T12:00:00"),
        (date(2020, 1, 2), datetime(2020, 1, 2, 12), "2020-01-02T00:00:00", "2020-01-02T12:00:00"),
        (np.datetime64("2020-01-02T06", "ns"), None, "2020-01-02T06:00:00", "2020-01-03T18:00:00"),
        ("2020-01-02T00:00:00Z", None, "2020-01-02T00:00:00", "2020-01-03T18:00:00"),
    ],
)
def test_periods_hold_both_ends(start, end, first, last):
    part = narrow(sample(), start=start, end=end, select="2t")
    assert (labels(part)[0], labels(part)[-1]) == (first, last)
    whole = by_place(sample())
    shift = labels(sample()).index(first)
    found = by_place(part)
    assert len(found) == len(labels(part))
    assert all(np.array_equal(v, whole[n, t + shift, m]) for (n, t, m), v in found.items())


def test_what_has_no_time_stays():
    part = narrow(sample(), start="2020-01-02")
    assert names(part) == names(sample())
    assert {a.kind: len(a) for a in part.times if a.kind != "time"} == {"static": 1, "index": 2}
    assert labels(part, "day") == ["2020-01-02T00:00:00", "2020-01-03T00:00:00"]


def test_a_period_in_which_nothing_lies_gives_no_field():
    part = narrow(sample(), start="1999", end="2000", select="2t")
    assert len(part.times[0]) == 0
    assert part.blocks() == []


def test_a_period_in_a_calendar_of_its_own():
    time = axis("time", np.arange(12.0), units="days since 2020-02-25", calendar="360_day")
    part = narrow(sample(time), end="2020-02-30", select="2t")
    assert labels(part)[-1] == "2020-02-30T00:00:00"
    part = narrow(sample(time), start="2020-02-29", end="2020-03-31", select="2t")
    assert labels(part)[0] == "2020-02-29T00:00:00"
    assert len(labels(part)) == 8


@given(st.integers(0, 11), st.integers(0, 11))
def test_a_period_between_two_times_holds_what_lies_between(first, last):
    whole = labels(sample())
    first, last = sorted((first, last))
    part = narrow(sample(), start=whole[first], end=whole[last], select="2t")
    assert labels(part) == whole[first : last + 1]


def test_times_that_cannot_be_decoded_stay():
    time = axis("time", [np.nan, *range(11)], units="days since 2020-01-01")
    part = narrow(sample(time), start="2020-01-05", end="2020-01-06", select="2t")
    assert labels(part) == ["nan", "2020-01-05T00:00:00", "2020-01-06T00:00:00"]


def test_a_period_of_an_axis_that_cannot_be_decoded_is_refused():
    with pytest.raises(UsageError, match=r"start, end: no time of axis 'time' can be decoded: units 'Months'"):
        narrow(sample(axis("time", np.arange(12.0), units="Months")), start="2020")


@pytest.mark.parametrize(
    "given",
    ["soon", "2020-13-01", "2020-00-01", "2020-01-32", "2020-02-31", "2020-04-31", "2020-01-01T25", "20", "1e3"],
)
def test_what_is_no_date_is_refused(given):
    with pytest.raises(UsageError, match=f"start: got '{given}', no date; give one like 2020-03-01"):
        narrow(sample(), start=given)


@pytest.mark.parametrize(("start", "end"), [("2020-01-03", "2020-01-02"), ("2021", "2020-12-31")])
def test_a_period_that_ends_before_it_starts_is_refused(start, end):
    with pytest.raises(UsageError, match=f"start: {start} is later than end: {end}"):
        narrow(sample(), start=start, end=end)


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", True])
def test_every_must_be_a_number(every):
    with pytest.raises(UsageError, match="every: got"):
        narrow(sample(), every=every)


@pytest.mark.parametrize(
    ("given", "prefix"), [("2020", "2020"), ("2020-3", "2020-03"), ("2020-03-01 6", "2020-03-01T06"), (None, "")]
)
def test_dates_as_the_beginnings_of_labels(given, prefix):
    assert date_prefix("start", given) == prefix


@pytest.mark.parametrize(
    ("given", "prefix"),
    [
        ("2020-01-01T00+02:00", "2019-12-31T22"),
        ("2020-01-01T00:30-0500", "2020-01-01T05:30"),
        ("2020-01-01T00+05:30", "2019-12-31T18:30"),
        ("2020-01-01T00:00:10+01", "2019-12-31T23:00:10"),
        ("2020-01-01T06-00:00", "2020-01-01T06"),
        ("2020-01-01T06Z", "2020-01-01T06"),
        (datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2019-12-31T22:00:00"),
    ],
)
def test_times_of_other_zones_become_utc(given, prefix):
    assert date_prefix("start", given) == prefix


@pytest.mark.parametrize("given", ["2020-01-01+02:00", "2020-02-30T00+01", "2020-01-01T00+15:00"])
def test_a_zone_without_a_time_of_a_day_that_there_is_is_refused(given):
    with pytest.raises(UsageError, match=r"start: got '.*': a zone is for a time of a day that there is"):
        date_prefix("start", given)


def test_every_n_th_time_is_looked_at_and_the_axis_stays_whole():
    part = narrow(sample(), every=5)
    found = {(part.variables[f.variable].name, f.time) for f in fields(part)}
    assert {t for name, t in found if name == "2t"} == {0, 5, 10}
    assert {t for name, t in found if name == "rain"} == {0}
    assert {t for name, t in found if name == "clim"} == {0, 1}, "months are few and no sample"
    assert {t for name, t in found if name == "lsm"} == {0}
    axes = {a.name: a for a in part.times}
    assert len(axes["time"]) == 12
    assert (axes["time"].n_sampled, axes["month"].n_sampled) == (3, 2)


def test_every_n_th_time_of_a_period():
    part = narrow(sample(), start="2020-01-02", every=4, select="2t")
    assert sorted(f.time for f in fields(part)) == [0, 4]
    assert by_place(part)["2t", 4, 0][0] == by_place(sample())["2t", 8, 0][0]


def test_a_part_of_a_block_may_be_read():
    part = narrow(sample(), start="2020-01-02", select="t")
    found = list(part.read(Block((3, 1), (1,)), Buffers()))
    whole = by_place(sample())
    assert {f.time: f.values[0] for f in found} == {t: whole["t_500", t + 4, 0][0] for t in (1, 3)}


def test_what_the_source_declares_is_cut_with_the_axis():
    source = sample()
    whole = source.times[0]
    day = 86400
    begin = int(whole.seconds[0])
    source.times = (
        dataclasses.replace(
            whole,
            declared_missing=np.arange(12) == 5,
            declared_range=(begin, begin + 3 * day - 1),
            lead_seconds=np.arange(12) * 3600,
        ),
        *source.times[1:],
    )
    (cut,) = narrow(source, start="2020-01-02", end="2020-01-02", select="2t").times
    assert cut.declared_missing is not None
    assert cut.declared_missing.tolist() == [False, True, False, False]
    assert cut.declared_range == (begin + day, begin + 2 * day - 1)
    assert cut.lead_seconds is not None
    assert cut.lead_seconds.tolist() == [4 * 3600, 5 * 3600, 6 * 3600, 7 * 3600]
    assert narrow(source, start="2021", select="2t").times[0].declared_range is None


def test_closing_a_part_closes_the_source():
    closed = []
    source = CFSource(
        "x", "test", plain(*places(), numbered("tas", ("lat", "lon"), (3, 4))), {}, lambda: closed.append(1)
    )
    narrow(source, every=2).close()
    assert closed == [1]
