"""Which variables and times of two sources belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from metrics.fake_source import DAY, HOUR, FakeSource, axis_of

from dqwatch.catalogue import load_catalogue
from dqwatch.metrics.known import know
from dqwatch.metrics.pairing import Match, align, match_variables
from dqwatch.types import NOT_A_TIME, TimeAxis, Variable

START = int(np.datetime64("2020-01-01T00", "s").astype(np.int64))


def on_level(param: str, level: float | None = None, **rest: Any) -> Variable:
    full = param if level is None else f"{param}_{level:g}"
    return Variable(**{"name": full, "param": param, "source_name": param, "level": level, **rest})


def matched(data: list[Variable], reference: list[Variable]) -> list[Match]:
    sources = [FakeSource({v: np.zeros((1, 2)) for v in variables}) for variables in (data, reference)]
    known = [know(source, load_catalogue()) for source in sources]
    return match_variables(*sources, *known)


def names(data: list[Variable], reference: list[Variable]) -> list[tuple[str, str]]:
    return [(data[m.data].name, reference[m.reference].name) for m in matched(data, reference)]


def test_by_canonical_name_in_the_order_of_the_data() -> None:
    data = [on_level("2t"), on_level("t", 850.0), on_level("t", 500.0)]
    reference = [on_level("t", 500.0), on_level("msl"), on_level("2t", source_name="t2m")]
    assert names(data, reference) == [("2t", "2t"), ("t_500", "t_500")]


def test_by_quantity_and_level_where_names_differ() -> None:
    """What two readers call differently: a level type in the name, a suffix of a further dimension."""
    data = [
        on_level("t", 850.0, name="t_850"),
        on_level("x", 2.0, name="x_2", level_type="hl"),
        on_level("y", name="y#2"),
    ]
    reference = [
        on_level("t", 850.00001, name="t_850.00001", level_type="pl"),
        on_level("x", 2.0, name="x_hl_2", level_type="hl"),
        on_level("x", 2.0, name="x_depth_2", level_type="depth"),
        on_level("y", name="y_expver1"),
        on_level("y", name="y_expver5"),
    ]
    assert names(data, reference) == [("t_850", "t_850.00001"), ("x_2", "x_hl_2")]  # which y is meant cannot be told


def test_a_level_is_no_single_level_and_each_is_taken_once() -> None:
    assert names([on_level("t", 850.0)], [on_level("t")]) == []
    assert names([on_level("z")], [on_level("z", 500.0)]) == []
    data = [on_level("t", 850.0), on_level("t", 850.0, name="t_850#2")]
    assert names(data, [on_level("t", 850.0)]) == [("t_850", "t_850")]


@pytest.mark.parametrize(
    ("data", "reference", "relation", "value"),
    [
        (on_level("2t", units="K"), on_level("2t", units="K"), "same", 1.0),
        (on_level("2t", units="degC"), on_level("2t", units="K"), "converted", 1.0 - 273.15),
        (on_level("2t", units=None), on_level("2t", units="degC"), "converted", 274.15),  # K of the catalogue
        (on_level("2t", units="K"), on_level("2t", units=None), "same", 1.0),
        (on_level("tp", units="m"), on_level("tp", units="kg m-2"), "converted", 1e-3),  # by convention: water
        (on_level("msl", units="hPa"), on_level("msl", units="Pa"), "converted", 0.01),
        (on_level("2t", units="m"), on_level("2t", units="K"), "conflict", 1.0),
        (on_level("foo", units=None), on_level("foo", units="K"), "unknown", 1.0),
        (on_level("foo", units="quux"), on_level("foo", units="K"), "unknown", 1.0),
        (on_level("foo", units="km h-1"), on_level("foo", units="m s-1"), "converted", 3.6),
        (on_level("foo", units=None), on_level("foo", units=None), "unknown", 1.0),
    ],
)
def test_units(data: Variable, reference: Variable, relation: str, value: float) -> None:
    """`value` is what 1 of the reference is in the data."""
    (match,) = matched([data], [reference])
    assert match.relation == relation
    assert match.units(1.0) == pytest.approx(value)


def axis(*hours: float, **rest: Any) -> TimeAxis:
    return axis_of(START + (np.array(hours) * HOUR).astype(np.int64), **rest)


def forecast(starts: list[int], leads: list[int]) -> TimeAxis:
    pairs = [(s, lead) for s in starts for lead in leads]
    plain = axis(*(s + lead for s, lead in pairs))
    labels = [f"{label}+{lead:03d}h" for label, (_, lead) in zip(plain.labels, pairs, strict=True)]
    return replace(plain, labels=labels, lead_seconds=np.array([lead * HOUR for _, lead in pairs], np.int64))


def pairs_of(data: TimeAxis, reference: TimeAxis) -> list[tuple[str, int, int]]:
    found = align(data, reference)
    return [(str(a)[8:13], int(b), int(c)) for a, b, c in zip(*found, strict=True)]


def test_equal_axes() -> None:
    assert pairs_of(axis(0, 6, 12), axis(0, 6, 12)) == [("01T00", 0, 0), ("01T06", 1, 1), ("01T12", 2, 2)]


def test_times_of_one_only_stand_where_they_belong() -> None:
    """The data lack 06 and have 30, which the reference has not; stored order does not matter."""
    found = pairs_of(axis(0, 12, 18, 24, 30), axis(24, 18, 12, 6, 0))
    assert found == [
        ("01T00", 0, 4), ("01T06", -1, 3), ("01T12", 1, 2), ("01T18", 2, 1), ("02T00", 3, 0), ("02T06", 4, -1),
    ]  # fmt: skip


def test_hours_between_the_steps_of_the_data_are_not_missing_and_those_beyond_its_end_are() -> None:
    hours = [h for h in range(0, 97, 6) if h != 42]
    found = pairs_of(axis(*hours), axis(*range(104)))
    assert [label for label, own, _ in found if own < 0] == ["02T18", "05T06"]
    assert [other for _, own, other in found if own >= 0] == hours


def test_few_times_off_the_beat_are_lost() -> None:
    """Of six-hourly data 12 is lost; four times a day twice a day would be a rhythm too."""
    found = pairs_of(axis(0, 6, 18, 24, 30), axis(0, 6, 12, 18, 24, 30))
    assert [label for label, own, _ in found if own < 0] == ["01T12"]


def test_a_declared_cadence_says_what_is_due() -> None:
    """00 and 06 of every third day, as anemoi data may declare."""
    data = axis(0, 6, 72, 78, 144, hours=(0, 6), every=3 * DAY)
    found = pairs_of(data, axis(*range(0, 160, 6)))
    assert [label for label, own, _ in found if own < 0] == ["07T06"]


def test_without_a_rhythm_every_time_is_due() -> None:
    found = pairs_of(axis(0, 6), axis(0, 3, 6, 9))
    assert [label for label, own, _ in found if own < 0] == ["01T03", "01T09"]


def test_other_calendars_agree_by_date() -> None:
    data, reference = axis(0, 6, calendar="noleap"), axis(0, 6, calendar="standard")
    assert [p[1:] for p in pairs_of(data, reference)] == [(0, 0), (1, 1)]


def test_starts_of_forecasts_count_where_both_tell_them() -> None:
    """12 h from 00 and 0 h from 12 are valid at the same time."""
    one, other = forecast([0, 12], [0, 6, 12]), forecast([0, 12], [6, 12])
    both = {label: (own, theirs) for label, own, theirs in zip(*align(one, other), strict=True)}
    assert both["2020-01-01T12:00:00+012h"] == (2, 1)
    assert both["2020-01-01T12:00:00+000h"] == (3, -1)
    analysis = axis(0, 6, 12, 18, 24)
    assert [p[1:] for p in pairs_of(one, analysis)] == [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4)]
    assert {int(own) for own in align(analysis, one).data} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("sampled", [None, np.array([False, True, True])])
def test_a_field_without_time_goes_with_the_first_that_is_looked_at(sampled: np.ndarray | None) -> None:
    static = TimeAxis("static", [""], np.array([NOT_A_TIME]), kind="static")
    data = replace(axis(0, 6, 12), sampled=sampled)
    first = 0 if sampled is None else 1
    assert pairs_of(data, static) == [(f"01T{6 * first:02d}", first, 0)]
    assert [p[1:] for p in pairs_of(static, data)] == [(0, first)]
    assert [p[1:] for p in pairs_of(static, static)] == [(0, 0)]
    assert [p[1:] for p in pairs_of(static, axis())] == [(0, -1)]


def test_times_that_cannot_be_decoded_are_compared_by_what_they_say() -> None:
    data = axis_of([NOT_A_TIME, START])
    assert [p[1:] for p in pairs_of(data, axis_of([START, NOT_A_TIME]))] == [(1, 0), (0, 1)]


def test_doubled_times_meet_the_first_of_the_other() -> None:
    assert [p[1:] for p in pairs_of(axis(0, 0, 6), axis(0, 6, 6))] == [(0, 0), (1, 0), (2, 1)]
