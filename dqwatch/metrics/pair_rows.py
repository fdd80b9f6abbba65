"""The rows of the table `pairs`, filled by the pass over both sources, and the table made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch import tables
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.lag import best_lag
from dqwatch.metrics.likeness import COLUMNS, SERIES
from dqwatch.metrics.overlay import Overlay
from dqwatch.metrics.pair_reading import DATA, REFERENCE
from dqwatch.metrics.pairing import Alignment, Match, align
from dqwatch.metrics.registration import NOWHERE, Placing, judge
from dqwatch.types import Source, Variable

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("n_places", "n_valid")


class PairRows:
    """One row for each variable that both have, time that either should have and is looked at, and member.

    Attributes
    ----------
    matches : sequence of Match
    numbers : np.ndarray (row, column)
        What a Comparer fills.
    there : (np.ndarray, np.ndarray), bool (row,)
        Whether the data and the reference have the field.
    placings : list of Placing
    """

    def __init__(self, source: Source, reference: Source, matches: Sequence[Match], n_columns: int) -> None:
        self.source, self.reference, self.matches = source, reference, matches
        self._alignments: dict[tuple[int, int], Alignment] = {}
        self._at = [self._alignment(m) for m in matches]
        self._members = [
            min(source.variables[m.data].members, reference.variables[m.reference].members) for m in matches
        ]
        sizes = [len(a.labels) * members for a, members in zip(self._at, self._members, strict=True)]
        self._start = [0, *np.cumsum(sizes, dtype=np.int64).tolist()]
        self._both = {id(a): np.flatnonzero((a.data >= 0) & (a.reference >= 0)) for a in self._at}
        n = self._start[-1]
        self.numbers = np.full((n, n_columns), np.nan)
        self.placings: list[Placing] = [NOWHERE] * n
        self.there = self._one_sided(n), self._one_sided(n, REFERENCE)

    def _alignment(self, match: Match) -> Alignment:
        """The times of a match, those left out that are not sampled."""
        key = self.source.variables[match.data].times, self.reference.variables[match.reference].times
        if key not in self._alignments:
            axis = self.source.times[key[0]]
            found = align(axis, self.reference.times[key[1]])
            if axis.sampled is not None:
                looked_at = (found.data < 0) | (found.reference < 0) | np.asarray(axis.sampled, bool)[found.data]
                found = Alignment(*(part[looked_at] for part in found))
            self._alignments[key] = found
        return self._alignments[key]

    def _one_sided(self, n: int, side: int = DATA) -> np.ndarray:
        """True where only this source has the time; common fields are noted when they are read."""
        there = np.zeros(n, bool)
        for number, (at, members) in enumerate(zip(self._at, self._members, strict=True)):
            mine, others = (at.data, at.reference) if side == DATA else (at.reference, at.data)
            there[self._start[number] : self._start[number + 1]] = np.repeat((mine >= 0) & (others < 0), members)
        return there

    def common_times(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the times that both have, on the axes of the data and of the reference."""
        at = self._at[number]
        both = self._both[id(at)]
        return at.data[both], at.reference[both]

    def of(self, number: int, place: int, member: int) -> int | None:
        """The row of a match at one of its common times; None for a member that only one of them has."""
        if member >= self._members[number]:
            return None
        return int(self._start[number] + self._both[id(self._at[number])][place] * self._members[number] + member)

    def members(self, number: int) -> int:
        """Members that both have."""
        return self._members[number]

    def grids(self, number: int) -> tuple[int, int]:
        """Indices of the grids of a match."""
        match = self.matches[number]
        return self.source.variables[match.data].grid, self.reference.variables[match.reference].grid

    def part(self, number: int) -> slice:
        """The rows of a match."""
        return slice(self._start[number], self._start[number + 1])

    def times(self, number: int) -> Alignment:
        """The times of a match, each repeated for its members."""
        return Alignment(*(np.repeat(part, self._members[number]) for part in self._at[number]))


def pairs_table(
    rows: PairRows, overlays: Mapping[tuple[int, int], Overlay], known: Sequence[Knowledge], *, complete: bool
) -> pd.DataFrame:
    """The table `pairs`.

    Parameters
    ----------
    rows : PairRows
        Filled.
    overlays : mapping of (grid of the data, grid of the reference) to Overlay
    known : sequence of Knowledge
        What the catalogue says of the variables of the data.
    complete : bool
        Whether variables that only the reference has get a row.
    """
    parts = [_matched(rows, number, overlays[rows.grids(number)], known) for number in range(len(rows.matches))]
    _forget_moved_weather(parts)
    parts += _unmatched(rows, complete=complete)
    names = [column.name for column in tables.TABLES["pairs"]]
    empty: dict[str, list[Any]] = {name: [] for name in names}
    columns = {n: np.concatenate([p[n] for p in parts]) for n in names} if parts else empty
    return tables.frame("pairs", columns)


def _matched(rows: PairRows, number: int, overlay: Overlay, known: Sequence[Knowledge]) -> dict[str, np.ndarray]:
    """The rows of one variable that both have."""
    match, part, times = rows.matches[number], rows.part(number), rows.times(number)
    variable, other = rows.source.variables[match.data], rows.reference.variables[match.reference]
    members = rows.members(number)
    n = len(times.labels)
    numbers = dict(zip((*COLUMNS, *SERIES), rows.numbers[part].T, strict=True))
    there = [side[part] for side in rows.there]
    registration, east, north = judge(rows.placings[part])
    columns: dict[str, Any] = {
        **_key(variable, other, _kind(variable, known[match.data])),
        "time": times.labels,
        "time_index": times.data,
        "member": np.tile(np.arange(members), n // members) if n else np.empty(0, np.int64),
        "declared_missing": _declared_missing(rows, number, times),
        "quantity_in_data": True,
        "variable_in_data": True,
        "variable_in_reference": True,
        "in_data": there[DATA],
        "in_reference": there[REFERENCE],
        "present": there[DATA] & there[REFERENCE],
        "units_relation": match.relation,
        "period_same": _same_period(variable, other),
        "grid_relation": overlay.relation,
        "overlap": overlay.overlap,
        **{name: numbers[name] for name in COLUMNS},
        "lag": _lag(numbers, members),
        "registration": registration,
        "shift": float(np.hypot(east, north)),
        "shift_east": east,
        "shift_north": north,
    }
    for name in _COUNTS:
        columns[name] = np.nan_to_num(numbers[name]).astype(np.int64)
    return _spread(columns, n)


def _forget_moved_weather(parts: Sequence[dict[str, np.ndarray]]) -> None:
    """Weather of another time has moved on: where series are late, only what is constant tells of shifts in space."""
    if not any((np.abs(part["lag"]) > 0).any() for part in parts):
        return
    for part in parts:
        if part["kind"].size and part["kind"][0] != "constant":
            for name in ("shift", "shift_east", "shift_north"):
                part[name][:] = np.nan


def _lag(numbers: Mapping[str, np.ndarray], members: int) -> np.ndarray:
    """The lag of each member's series, at all its times."""
    own, other = (numbers[name].reshape(-1, members) for name in SERIES)
    lags = [best_lag(own[:, m], other[:, m]) for m in range(members)]
    return np.tile(lags, len(own))


def _declared_missing(rows: PairRows, number: int, times: Alignment) -> np.ndarray:
    """Whether either source declares the time missing."""
    match = rows.matches[number]
    declared = np.zeros(len(times.labels), bool)
    for axis, at in (
        (rows.source.times[rows.source.variables[match.data].times], times.data),
        (rows.reference.times[rows.reference.variables[match.reference].times], times.reference),
    ):
        if axis.declared_missing is not None:
            declared |= (at >= 0) & np.asarray(axis.declared_missing, bool)[at]
    return declared


def _kind(variable: Variable, known: Knowledge) -> str:
    if variable.kind == "instant" and known.entry is not None:
        return known.entry.kind
    return variable.kind


def _same_period(one: Variable, other: Variable) -> bool | None:
    """Whether both run over as many hours; None where either does not tell."""
    if one.period is None or other.period is None:
        return None
    return one.period == other.period


def _unmatched(rows: PairRows, *, complete: bool) -> list[dict[str, np.ndarray]]:
    """One row for each variable that only one of them has."""
    matched = {m.data for m in rows.matches}, {m.reference for m in rows.matches}
    quantities = {v.param for v in rows.source.variables}
    found = []
    for i, v in enumerate(rows.source.variables):
        if i not in matched[DATA]:
            found.append(_lone(v, DATA, quantity_in_data=True))
    for i, v in enumerate(rows.reference.variables):
        if complete and i not in matched[REFERENCE]:
            found.append(_lone(v, REFERENCE, quantity_in_data=v.param in quantities))
    return found


def _lone(variable: Variable, side: int, *, quantity_in_data: bool) -> dict[str, np.ndarray]:
    columns: dict[str, Any] = {
        **_key(variable, variable, variable.kind),
        "time": "",
        "time_index": -1,
        "member": 0,
        "declared_missing": False,
        "quantity_in_data": quantity_in_data,
        "variable_in_data": side == DATA,
        "variable_in_reference": side == REFERENCE,
        "in_data": side == DATA,
        "in_reference": side == REFERENCE,
        "present": False,
        "units_relation": "",
        "period_same": None,
        "grid_relation": "",
        "overlap": np.nan,
        **dict.fromkeys(COLUMNS, np.nan),
        **dict.fromkeys(_COUNTS, 0),
        "lag": np.nan,
        "registration": "",
        "shift": np.nan,
        "shift_east": np.nan,
        "shift_north": np.nan,
    }
    columns["reference_name" if side == DATA else "units"] = ""
    if side == DATA:
        columns["reference_units"] = ""
    return _spread(columns, 1)


def _key(variable: Variable, other: Variable, kind: str) -> dict[str, Any]:
    return {
        "variable": variable.name,
        "param": variable.param,
        "level": np.nan if variable.level is None else variable.level,
        "kind": kind,
        "reference_name": other.source_name,
        "units": variable.units or "",
        "reference_units": other.units or "",
    }


def _spread(columns: Mapping[str, Any], n: int) -> dict[str, np.ndarray]:
    """Single values at all rows; text, truth and None as objects."""
    found = {}
    for name, values in columns.items():
        dtype = _dtypes()[name]
        if isinstance(values, np.ndarray):
            found[name] = values
        elif dtype in ("str", "truth"):
            found[name] = np.full(n, values, object)
        else:
            found[name] = np.full(n, values)
    return found


@cache
def _dtypes() -> dict[str, str]:
    return {column.name: column.dtype for column in tables.TABLES["pairs"]}
