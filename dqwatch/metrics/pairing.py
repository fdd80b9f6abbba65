"""Which variable of the data is which of the reference, and which times they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch import units as units_of
from dqwatch.catalogue import Entry
from dqwatch.metrics.cadence import find_cadence
from dqwatch.metrics.known import Knowledge
from dqwatch.types import NOT_A_TIME, Source, TimeAxis, Variable
from dqwatch.units import Conversion

_SAME_LEVEL = 1e-4
"""Relative difference within which levels are one."""
_DENSER = 0.5
"""Times of the reference that are off the beat of the data, for each of the data: fewer are lost, not left out."""
_REAL = {"standard", "gregorian", "proleptic_gregorian"}
"""Calendars that differ only before 1582."""


class Match(NamedTuple):
    """A variable of the data and the same of the reference, by their indices."""

    data: int
    reference: int
    units: Conversion
    """From the units of the reference to those of the data."""
    relation: str
    """'same', 'converted', 'unknown' (of one of them; taken as they are) or 'conflict' (the same)."""

    @property
    def variables(self) -> tuple[int, int]:
        """Both indices."""
        return self.data, self.reference


class Alignment(NamedTuple):
    """The times of an axis of the data and one of the reference, in order; each that either should have."""

    labels: np.ndarray
    """object (time,)."""
    data: np.ndarray
    """int64 (time,), position on the axis of the data; -1 where it has not the time."""
    reference: np.ndarray
    """int64 (time,)."""


def match_variables(
    data: Source, reference: Source, known: Sequence[Knowledge], known_reference: Sequence[Knowledge]
) -> list[Match]:
    """The variables that both have, in the order of the data: by canonical name, else by quantity and level.

    Parameters
    ----------
    data, reference : Source
    known, known_reference : sequence of Knowledge
        What the catalogue says of the variables of each.
    """
    by_name = {v.name: i for i, v in enumerate(reference.variables)}
    by_place: dict[str, list[int]] = defaultdict(list)
    for i, v in enumerate(reference.variables):
        by_place[v.param].append(i)
    found, taken = [], set()
    for i, variable in enumerate(data.variables):
        other = by_name.get(variable.name)
        if other is None:
            alike = [k for k in by_place[variable.param] if _same_level(variable, reference.variables[k])]
            other = alike[0] if len(alike) == 1 else None
        if other is not None and other not in taken:
            taken.add(other)
            conversion, relation = _units(
                variable, reference.variables[other], known[i].entry, known_reference[other].entry
            )
            found.append(Match(i, other, conversion, relation))
    return found


def _same_level(one: Variable, other: Variable) -> bool:
    """Whether two variables of one quantity lie on one level; a level type that one of them lacks says nothing."""
    if one.level is None or other.level is None:
        return one.level is other.level
    if one.level_type != other.level_type and one.level_type is not None and other.level_type is not None:
        return False
    return abs(one.level - other.level) <= _SAME_LEVEL * max(abs(one.level), abs(other.level))


def _units(one: Variable, other: Variable, entry: Entry | None, other_entry: Entry | None) -> tuple[Conversion, str]:
    """How values of `other` become those of `one`; where a source gives no units, those of the catalogue are meant."""
    mine = one.units or (entry.units if entry is not None else None)
    theirs = other.units or (other_entry.units if other_entry is not None else None)
    direct = units_of.converter(theirs, mine)
    if direct is None and entry is not None:
        there, back = entry.conversion(theirs), entry.conversion(mine)
        if there is not None and back is not None:
            direct = Conversion(there.factor / back.factor, (there.offset - back.offset) / back.factor)
    if direct is not None:
        return direct, "same" if direct == Conversion(1.0) else "converted"
    return Conversion(1.0), "conflict" if units_of.comparable(mine, theirs) else "unknown"


def align(data: TimeAxis, reference: TimeAxis) -> Alignment:
    """The times of both axes.

    Times are the same if their labels are; the start of a forecast counts only where both tell it. A field without time
    is the same at any: it is compared with the first. Times of the reference that the rhythm of the data leaves out
    (hours between those of a six-hourly set) are not missing from the data, and not among the times; but where there
    are few of them, they are lost and not left out.
    """
    if "static" in (data.kind, reference.kind):
        return _first_of(data, reference)
    both_lead = data.lead_seconds is not None and reference.lead_seconds is not None
    own, other = (_keys(axis, both_lead) for axis in (data, reference))
    place = {key: i for i, key in reversed(list(enumerate(other)))}
    found = np.array([place.get(key, -1) for key in own], np.int64)
    mine = set(own)
    left = [i for i, key in enumerate(other) if key not in mine and place[key] == i]
    left = [i for i, due in zip(left, _due(data, reference, left), strict=True) if due]
    names = np.array([*data.labels, *(reference.labels[i] for i in left)], object)
    keys = [*own, *(other[i] for i in left)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    positions = np.concatenate([np.arange(len(data)), np.full(len(left), -1)]).astype(np.int64)
    others = np.concatenate([found, np.array(left, np.int64)]).astype(np.int64)
    return Alignment(names[order], positions[order], others[order])


def _first_of(data: TimeAxis, reference: TimeAxis) -> Alignment:
    """One row: the first time that is looked at on either."""
    one, other = (int(np.argmax(a.sampled)) if a.sampled is not None and len(a) else 0 for a in (data, reference))
    own, theirs = (at if len(axis) else -1 for at, axis in ((one, data), (other, reference)))
    label = data.labels[one] if own >= 0 else ""
    return Alignment(np.array([label], object), np.array([own], np.int64), np.array([theirs], np.int64))


def _keys(axis: TimeAxis, with_lead: bool) -> list[str]:
    return list(axis.labels) if with_lead else [label.partition("+")[0] for label in axis.labels]


def _due(data: TimeAxis, reference: TimeAxis, times: Sequence[int]) -> np.ndarray:
    """Which times of the reference the rhythm of the data has: all, where it has no rhythm."""
    due = np.ones(len(times), bool)
    seconds = np.asarray(reference.seconds, np.int64)[list(times)]
    same_calendar = data.calendar == reference.calendar or {data.calendar, reference.calendar} <= _REAL
    comparable = data.kind == reference.kind == "time" and same_calendar
    if not comparable or data.lead_seconds is not None or not (seconds != NOT_A_TIME).any():
        return due
    own = np.unique(np.asarray(data.seconds, np.int64))
    cadence = find_cadence(data, own[own != NOT_A_TIME])
    if cadence is not None:
        known = np.flatnonzero(seconds != NOT_A_TIME)
        ordered, inverse = np.unique(seconds[known], return_inverse=True)
        on_beat = cadence.on_beat(ordered)[inverse.reshape(-1)]
        if (~on_beat).sum() >= _DENSER * own.size:
            due[known] = on_beat
    return due
