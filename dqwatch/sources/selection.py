"""A part of a source: some variables, a period, every n-th time."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.sources.left_out import left_out_of
from dqwatch.storage import CarriesStatistics, ChunkKind, GivesChunks, StoredArray, StoredChunk, StoredStatistics
from dqwatch.types import NOT_A_TIME, Block, DecodesInto, Field, Grid, Source, TimeAxis, Variable

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?)(?::?(\d\d)(?::?(\d\d)(?:\.\d*)?)?)?)?)?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)?(\d\d)?)?Z?")
_MOST = (9999, 12, 31, 23, 59, 59)
_SHORT_MONTHS = (2, 4, 6, 9, 11)
_SUGGESTIONS = 5
_UTC = (None, "Z", "+00", "+0000", "+00:00", "-00:00")
_WIDEST_ZONE = 14 * 60
"""Minutes."""


def narrow(
    source: Source,
    *,
    select: str | Iterable[str] | None = None,
    start: Any = None,
    end: Any = None,
    every: int = 1,
) -> Source:
    """A source narrowed to some variables and times; the source itself if nothing is asked for.

    Parameters
    ----------
    source : Source
    select : str or iterable of str, optional
        Names of variables: canonical (`t_850`), those of the source, or of a quantity for all its levels (`t`). A text
        may hold several, separated by commas.
    start, end : str, datetime or numpy.datetime64, optional
        ISO 8601; both ends included. What is left out runs over all of it: `2020-03-01` is the whole day, `2020-03` the
        month. Dates are those of the axis's own calendar. Axes that are no time are not narrowed, and times that
        cannot be decoded stay, for they may lie anywhere.
    every : int
        Fields of every n-th time only; the time axis stays whole, with `sampled` telling which are looked at.

    Raises
    ------
    UsageError
        If a name is unknown, `start` or `end` no date, `start` later than `end`, `every` below 1, or no time of an axis
        can be decoded although a period is asked for.
    """
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise UsageError(f"every: got {every!r}; give a whole number of 1 or more")
    period = Period(date_prefix("start", start), date_prefix("end", end))
    period.check()
    variables = _chosen(source, select)
    if len(variables) == len(source.variables) and period == Period("", "") and every == 1:
        return source
    return _Narrowed(source, variables, period, every)


class Period(NamedTuple):
    """The beginnings of ISO labels between which times lie; '' for an open end."""

    start: str
    end: str

    def check(self) -> None:
        """Refuse a period that ends before it starts."""
        shorter = min(len(self.start), len(self.end))
        if shorter and self.start[:shorter] > self.end[:shorter]:
            raise UsageError(f"start: {self.start} is later than end: {self.end}")

    def holds(self, axis: TimeAxis) -> np.ndarray:
        """Which times of an axis lie in the period, bool (time,)."""
        inside = np.ones(len(axis), bool)
        if axis.kind != "time" or not (self.start or self.end) or len(axis) == 0:
            return inside
        known = np.asarray(axis.seconds) != NOT_A_TIME
        if not known.any():
            why = f": {axis.problem}" if axis.problem else ""
            raise UsageError(f"start, end: no time of axis '{axis.name}' can be decoded{why}; leave the period out")
        labels = np.array(list(axis.labels), dtype=str)
        if self.start:
            inside &= labels.astype(f"U{len(self.start)}") >= self.start
        if self.end:
            inside &= labels.astype(f"U{len(self.end)}") <= self.end
        return inside | ~known


def date_prefix(name: str, given: Any) -> str:
    """A date as the beginning of an ISO label: '2020-03-01', '2020-03-01T06'; '' for None.

    A time with a zone (`+02:00`) becomes one in UTC, as labels are.

    Raises
    ------
    UsageError
        If it is no date; `name` stands in the message.
    """
    if given is None or given == "":
        return ""
    if isinstance(given, np.datetime64):
        given = str(given.astype("M8[s]"))
    text = given.isoformat() if hasattr(given, "isoformat") else str(given).strip()
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    zone = found.groupdict().get("zone") if found is not None else None
    parts = [int(p) for p in found.groups() if p not in (None, zone)] if found is not None else []
    good = bool(parts) and all(p <= most for p, most in zip(parts, _MOST, strict=False)) and 0 not in parts[1:3]
    if len(parts) > 2 and parts[1] in _SHORT_MONTHS and parts[2] > 30:
        good = False
    if not good:
        raise UsageError(f"{name}: got '{text}', no date; give one like 2020-03-01 or 2020-03-01T06:00")
    numbers = [f"{parts[0]:04d}", *(f"{p:02d}" for p in parts[1:])]
    prefix = "".join(mark + number for mark, number in zip(("", "-", "-", "T", ":", ":"), numbers, strict=False))
    return prefix if zone in _UTC else _to_utc(name, prefix, str(zone))


def _to_utc(name: str, prefix: str, zone: str) -> str:
    """A time of another zone in UTC."""
    minutes = int(zone[:3]) * 60 + int(zone[0] + (zone[3:].lstrip(":") or "0"))
    try:
        moment = np.datetime64(prefix, "m" if len(prefix) <= len("2020-03-01T06:00") else "s")
    except ValueError:
        moment = None
    if moment is None or "T" not in prefix or abs(minutes) > _WIDEST_ZONE:
        raise UsageError(
            f"{name}: got '{prefix}{zone}': a zone is for a time of a day that there is; leave it out for UTC"
        )
    return str(moment - np.timedelta64(minutes, "m"))[: len(prefix) if minutes % 60 == 0 else None]


def _chosen(source: Source, select: str | Iterable[str] | None) -> list[int]:
    """Indices of the variables that are asked for, in the order of the source."""
    if select is None:
        return list(range(len(source.variables)))
    texts = [select] if isinstance(select, str) else list(select)
    wanted = [name.strip() for text in texts for name in str(text).split(",") if name.strip()]
    if not wanted:
        raise UsageError("select: got no name; give names of variables, separated by commas")
    by_name: dict[str, set[int]] = {}
    for i, v in enumerate(source.variables):
        for name in (v.name, v.source_name, v.source_name.rsplit("/", 1)[-1], v.param):
            by_name.setdefault(name, set()).add(i)
    chosen: set[int] = set()
    for name in wanted:
        exact = [i for i, v in enumerate(source.variables) if v.name == name]
        if name not in by_name:
            raise UsageError(f"select: no variable '{name}' in {source.name}; {_suggestion(name, by_name)}")
        chosen |= set(exact) or by_name[name]
    return sorted(chosen)


def _suggestion(name: str, names: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, names, n=_SUGGESTIONS, cutoff=0.5)
    close = close or [n for n in names if n.lower() == name.lower()]
    if close:
        return f"did you mean {', '.join(close)}?"
    some = list(names)[:_SUGGESTIONS]
    return f"there are {', '.join(some)}{', ...' if len(names) > len(some) else ''}" if some else "it has none"


def _thinned(axis: TimeAxis, inside: np.ndarray, every: int, period: Period) -> TimeAxis:
    """An axis cut to a period, with a mark on the times to look at."""
    kept = np.flatnonzero(inside)
    sampled = np.arange(kept.size) % every == 0 if every > 1 and axis.kind == "time" else None

    def cut(values: np.ndarray | None) -> Any:
        return None if values is None else np.asarray(values)[kept]

    return dataclasses.replace(
        axis,
        labels=[axis.labels[i] for i in kept.tolist()],
        seconds=cut(axis.seconds),
        lead_seconds=cut(axis.lead_seconds),
        declared_missing=cut(axis.declared_missing),
        declared_range=_cut_range(axis, period),
        sampled=sampled,
    )


def _cut_range(axis: TimeAxis, period: Period) -> tuple[int, int] | None:
    """The declared range as far as it lies in the period; None if nothing of it does."""
    if axis.declared_range is None:
        return None
    first, last = axis.declared_range
    if period.start:
        first = max(first, int(np.datetime64(period.start, "s").astype(np.int64)))
    if period.end:
        # One second before the next day, month, ... begins.
        unit = {4: "Y", 7: "M", 10: "D", 13: "h", 16: "m", 19: "s"}[len(period.end)]
        after = np.datetime64(period.end, unit) + np.timedelta64(1, unit)  # type: ignore[call-overload]
        last = min(last, int(after.astype("M8[s]").astype(np.int64)) - 1)
    return (first, last) if first <= last else None


class _Narrowed:
    """A part of a source; see `dqwatch.types.Source`."""

    def __init__(self, source: Source, variables: Sequence[int], period: Period, every: int) -> None:
        self._source = source
        self.name, self.kind, self.identity = source.name, source.kind, source.identity
        self.attributes, self.notes = source.attributes, source.notes
        self.left_out = left_out_of(source) if len(variables) == len(source.variables) else ()
        axes = sorted({source.variables[i].times for i in variables})
        grids = sorted({source.variables[i].grid for i in variables})
        inside = {a: period.holds(source.times[a]) for a in axes}
        self.times: tuple[TimeAxis, ...] = tuple(_thinned(source.times[a], inside[a], every, period) for a in axes)
        self.grids: tuple[Grid, ...] = tuple(source.grids[g] for g in grids)
        self.variables: tuple[Variable, ...] = tuple(
            dataclasses.replace(v, times=axes.index(v.times), grid=grids.index(v.grid))
            for v in (source.variables[i] for i in variables)
        )
        self._inner_variables = list(variables)
        self._inner_times = [np.flatnonzero(inside[a]) for a in axes]
        self._own_variables = {inner: own for own, inner in enumerate(variables)}
        self._own_times = [{int(inner): own for own, inner in enumerate(kept)} for kept in self._inner_times]

    @property
    def whole(self) -> Source:
        """What this is a part of."""
        return self._source

    def arrays(self) -> list[StoredArray]:
        """The arrays as they lie in storage, without those of other variables."""
        mine = {v.source_name for v in self.variables}
        others = {v.source_name for v in self._source.variables} - mine
        return [a for a in self._source.arrays() if a.name not in others]

    def stored_statistics(self) -> Sequence[StoredStatistics | None]:
        """Those of the variables that are wanted, of the dates that the whole source has."""
        if not isinstance(self._source, CarriesStatistics):
            return [None] * len(self.variables)
        found = self._source.stored_statistics()
        return [found[i] for i in self._inner_variables]

    def blocks(self) -> list[Block]:
        """The parts of the source's blocks that are wanted."""
        found = []
        for block in self._source.blocks():
            variables = tuple(self._own_variables[v] for v in block.variables if v in self._own_variables)
            if not variables:
                continue
            at = self.variables[variables[0]].times
            own, sampled = self._own_times[at], self.times[at].sampled
            times = (own[t] for t in block.times if t in own)
            wanted = tuple(t for t in times if sampled is None or sampled[t])
            if wanted:
                found.append(Block(wanted, variables))
        return found

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block, with the numbers that they have here."""
        at = self.variables[block.variables[0]].times
        times = tuple(int(self._inner_times[at][t]) for t in block.times)
        own_times, own_variables = self._own_times[at], self._own_variables
        inner = Block(times, tuple(self._inner_variables[v] for v in block.variables))
        for field in self._source.read(inner, buffers):
            yield field._replace(time=own_times[field.time], variable=own_variables[field.variable])

    def read_into(self, block: Block, out: np.ndarray, buffers: Buffers) -> bool:
        """The fields of a block straight into `out`, where the source can do that."""
        if not isinstance(self._source, DecodesInto):
            return False
        at = self.variables[block.variables[0]].times
        times = tuple(int(self._inner_times[at][t]) for t in block.times)
        inner = Block(times, tuple(self._inner_variables[v] for v in block.variables))
        return self._source.read_into(inner, out, buffers)

    def chunk_kind(self) -> ChunkKind | str:
        """How chunks lie, where the source can give them; see `dqwatch.storage.GivesChunks`."""
        if isinstance(self._source, GivesChunks):
            return self._source.chunk_kind()
        return f"a source of kind '{self.kind}' gives none"

    def read_chunks(self, time: int, variables: Sequence[int], buffers: Buffers) -> Iterator[StoredChunk]:
        """Chunks as they are stored, with the numbers that variables have here."""
        if not isinstance(self._source, GivesChunks):
            return
        inner = int(self._inner_times[self.variables[variables[0]].times][time])
        for chunk in self._source.read_chunks(inner, [self._inner_variables[v] for v in variables], buffers):
            yield chunk._replace(variables=[self._own_variables.get(v, -1) for v in chunk.variables])

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()
