"""Time axes as CF variables have them: plain, of forecasts, of climatologies, scalar, missing, several."""

from __future__ import annotations

import numpy as np
import pytest
from sources.cf_data import Plain, axis, fields, places, plain, steps

from dqwatch.sources.cf import CFSource
from dqwatch.types import NOT_A_TIME, TimeAxis


def source_of(*arrays: Plain, **attributes) -> CFSource:
    return CFSource("test", "test", plain(*places(), *arrays), attributes)


def only_axis(*arrays: Plain, **attributes) -> TimeAxis:
    (found,) = source_of(*arrays, **attributes).times
    return found


def data(*dims: str, name: str = "t2m", lengths: tuple[int, ...] = (), **attrs) -> Plain:
    shape = (*lengths, 3, 4)
    return Plain(name, (*dims, "lat", "lon"), np.arange(np.prod(shape), dtype="f4").reshape(shape), **attrs)


def scalar(name: str, value: float, **attrs) -> Plain:
    return Plain(name, (), np.array(value), **attrs)


def test_a_plain_axis():
    found = only_axis(steps(), data("time", lengths=(5,)))
    assert (found.name, found.kind, found.calendar, len(found)) == ("time", "time", "standard", 5)
    assert found.labels[1] == "2020-01-01T06:00:00"
    assert found.lead_seconds is None
    assert found.problem is None


@pytest.mark.parametrize("name", ["time", "valid_time", "Time", "date", "t"])
def test_units_tell_a_time_whatever_its_name(name):
    found = only_axis(axis(name, [0, 1], units="days since 2020-01-01"), data(name, lengths=(2,)))
    assert found.kind == "time"
    assert found.labels == ["2020-01-01T00:00:00", "2020-01-02T00:00:00"]


def test_datetime64_is_a_time_whatever_its_name():
    when = axis("when", np.array(["2020-01-01", "NaT"], "M8[ns]"))
    found = only_axis(when, data("when", lengths=(2,)))
    assert found.labels == ["2020-01-01T00:00:00", "NaT"]
    assert found.problem == "1 of 2 values of 'when' are missing or no dates before the year 10000"


def test_missing_values_of_a_time():
    time = axis("time", np.array([0, -999, 12], "i4"), units="hours since 2020-01-01", _FillValue=np.int32(-999))
    found = only_axis(time, data("time", lengths=(3,)))
    assert found.seconds[1] == NOT_A_TIME
    assert found.labels[1] == "-999"


def test_packed_times():
    time = axis("time", np.array([0, 1], "i2"), units="hours since 2020-01-01", scale_factor=6.0)
    assert only_axis(time, data("time", lengths=(2,))).labels[1] == "2020-01-01T06:00:00"


def test_times_that_are_packed_nobody_knows_how():
    time = axis("time", np.array([0, 1], "i2"), units="hours since 2020-01-01", scale_factor="six")
    found = only_axis(time, data("time", lengths=(2,)))
    assert found.labels == ["0", "1"]
    assert found.problem == "2 of 2 values of 'time' are missing or no dates before the year 10000"


def test_undecodable_times_keep_their_values():
    found = only_axis(axis("time", [197901.0, 197902.0], units="Months"), data("time", lengths=(2,)))
    assert found.kind == "time"
    assert found.labels == ["197901", "197902"]
    assert "Months" in (found.problem or "")


def test_a_time_dimension_without_values():
    found = only_axis(data("time", lengths=(2,)))
    assert (found.kind, found.problem) == ("time", "dimension 'time' has no values")


def test_the_decodable_of_two_times_is_taken():
    found = only_axis(
        axis("time_counter", [0.0, 0.0], axis="T"),
        Plain("time_centered", ("time_counter",), [0.0, 1.0], units="days since 2000-01-01", standard_name="time"),
        data("time_counter", lengths=(2,), coordinates="time_centered"),
    )
    assert found.name == "time_centered"
    assert found.problem is None


def test_a_scalar_time():
    time = scalar("time", 6, units="hours since 2020-01-01")
    assert only_axis(time, data(coordinates="time")).labels == ["2020-01-01T06:00:00"]
    assert only_axis(time, data()).labels == ["2020-01-01T06:00:00"], "nothing refers to it: it is everybody's"


def test_constants_beside_fields_with_time_have_none():
    source = source_of(steps(), data("time", lengths=(5,)), data(name="lsm"))
    assert [a.kind for a in source.times] == ["time", "static"]
    assert [source.times[v.times].kind for v in source.variables] == ["time", "static"]
    assert source.times[1].labels == [""]


def test_months_are_an_index():
    found = only_axis(axis("month", [1, 7]), data("month", lengths=(2,)))
    assert (found.kind, found.labels) == ("index", ["1", "7"])
    assert (found.seconds == NOT_A_TIME).all()


def test_seasons_are_an_index_of_words():
    found = only_axis(axis("season", np.array(["DJF", "JJA"], object)), data("season", lengths=(2,)))
    assert found.labels == ["DJF", "JJA"]


def test_a_climatology_of_hours_and_days():
    found = only_axis(axis("hour", [0, 12]), axis("dayofyear", [1, 2, 3]), data("hour", "dayofyear", lengths=(2, 3)))
    assert found.kind == "index"
    assert len(found) == 6
    assert found.labels[4] == "hour=12,dayofyear=2"


def test_forecasts_by_start_and_lead_time():
    source = source_of(
        axis("forecast_reference_time", [0, 24], units="hours since 2020-01-01"),
        axis("forecast_period", [0, 6, 12], units="hours"),
        data("forecast_reference_time", "forecast_period", lengths=(2, 3)),
    )
    (found,) = source.times
    assert found.labels == [
        *("2020-01-01T00:00:00+000h", "2020-01-01T06:00:00+006h", "2020-01-01T12:00:00+012h"),
        *("2020-01-02T00:00:00+000h", "2020-01-02T06:00:00+006h", "2020-01-02T12:00:00+012h"),
    ]
    assert found.lead_seconds is not None
    assert found.lead_seconds.tolist() == [0, 21600, 43200] * 2
    assert {f.time: f.values[0] for f in fields(source)} == {i: 12.0 * i for i in range(6)}


def test_the_axis_of_forecasts_runs_by_start_however_it_is_stored():
    source = source_of(
        axis("step", np.array([0, 6, 12], "m8[h]")),
        axis("time", np.array(["2020-01-01", "2020-01-02"], "M8[ns]"), standard_name="forecast_reference_time"),
        data("step", "time", lengths=(3, 2)),
    )
    assert source.times[0].labels[1] == "2020-01-01T06:00:00+006h"
    # Stored by step, then by start: start 0 and step 1 is the third field.
    assert {f.time: f.values[0] for f in fields(source)} == {0: 0.0, 1: 24.0, 2: 48.0, 3: 12.0, 4: 36.0, 5: 60.0}


def test_time_beside_step_is_the_start_of_the_forecast():
    found = only_axis(
        axis("time", [0, 24], units="hours since 2020-01-01"),
        axis("step", [0, 6], units="hours"),
        data("time", "step", lengths=(2, 2)),
    )
    assert found.labels[3] == "2020-01-02T06:00:00+006h"


def test_valid_times_in_two_dimensions():
    valid = np.array([[0, 6], [24, 30]])
    found = only_axis(
        axis("time", [0, 24], units="hours since 2020-01-01"),
        axis("step", [0, 6], units="hours"),
        Plain("valid_time", ("time", "step"), valid, units="hours since 2020-01-01", standard_name="time"),
        data("time", "step", lengths=(2, 2), coordinates="valid_time"),
    )
    assert found.name == "valid_time"
    assert found.labels[3] == "2020-01-02T06:00:00+006h"


def test_one_forecast_with_a_scalar_start():
    found = only_axis(
        scalar("time", 0, units="hours since 2020-01-01", standard_name="forecast_reference_time"),
        axis("step", [6, 12], units="hours"),
        data("step", lengths=(2,), coordinates="time"),
    )
    assert found.labels == ["2020-01-01T06:00:00+006h", "2020-01-01T12:00:00+012h"]


def test_valid_times_with_their_starts():
    found = only_axis(
        axis("time", [6, 12], units="hours since 2020-01-01"),
        Plain("reftime", ("time",), [0, 0], units="hours since 2020-01-01", standard_name="forecast_reference_time"),
        data("time", lengths=(2,), coordinates="reftime"),
    )
    assert found.labels == ["2020-01-01T06:00:00+006h", "2020-01-01T12:00:00+012h"]


@pytest.mark.parametrize(("period", "what"), [(0, "an analysis"), (-12, "older than it is"), (24 * 500, "a free run")])
def test_lead_times_that_are_none(period, what):
    found = only_axis(
        axis("time", [0, 24], units="hours since 2020-01-01"),
        scalar("forecast_period", period, units="hours"),
        data("time", lengths=(2,), coordinates="forecast_period"),
    )
    assert found.lead_seconds is None, what
    assert found.labels[0] == "2020-01-01T00:00:00"


def test_several_axes_in_one_file():
    source = source_of(
        steps(5),
        axis("time_daily", [0, 1], units="days since 2020-01-01"),
        data("time", lengths=(5,)),
        data("time_daily", lengths=(2,), name="tp"),
        data("time", lengths=(5,), name="sp"),
    )
    assert [(a.name, len(a)) for a in source.times] == [("time", 5), ("time_daily", 2)]
    assert {v.source_name: v.times for v in source.variables} == {"t2m": 0, "tp": 1, "sp": 0}


@pytest.mark.parametrize(
    ("declared", "seconds"),
    [
        *[("day", 86400), ("6hr", 21600), ("3hrPt", 10800), ("1hr", 3600), ("hourly", 3600)],
        *[("mon", None), ("yr", None), ("fx", None), ("subhrPt", None), ("", None), ("sometimes", None)],
    ],
)
def test_the_declared_frequency(declared, seconds):
    assert only_axis(steps(), data("time", lengths=(5,)), frequency=declared).frequency == seconds
    assert only_axis(steps(), data("time", lengths=(5,), frequency=declared)).frequency == seconds


def test_the_declared_frequency_as_a_duration():
    assert only_axis(steps(), data("time", lengths=(5,)), time_coverage_resolution="PT6H").frequency == 21600
    assert only_axis(steps(), data("time", lengths=(5,)), time_coverage_resolution="P1D").frequency == 86400


def test_calendars_are_named_as_cf_prefers():
    for declared, name in {"gregorian": "standard", "365_day": "noleap", "360_day": "360_day"}.items():
        time = axis("time", [0, 1], units="days since 2020-01-01", calendar=declared)
        assert only_axis(time, data("time", lengths=(2,))).calendar == name


def test_times_as_characters():
    text = np.array([list("2000-01-24_12:00:00"), list("2000-01-24_18:00:00")], "S1")
    found = only_axis(Plain("Times", ("Time", "DateStrLen"), text), data("Time", lengths=(2,), coordinates="Times"))
    assert found.labels == ["2000-01-24T12:00:00", "2000-01-24T18:00:00"]
