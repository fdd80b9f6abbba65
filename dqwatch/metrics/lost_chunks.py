"""Whether an absent chunk is lost: what it reads as, held against the chunks before and after it at the same place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.metrics.field_arrays import FieldArray
from dqwatch.metrics.fills import FILLS
from dqwatch.metrics.known import Knowledge
from dqwatch.types import Block, Source

MOST_RUNS = 32
"""Runs of absent chunks of an array that are judged; where there are more, each stands for those that follow."""
NEIGHBOURS = 2
"""Chunks looked at before and after a run."""
FULL = 0.9
"""Share of fill values in a neighbour from which on a chunk of nothing else may be meant."""
REGULAR_RUNS, REGULAR_SHARE = 3, 0.1
"""A place that is absent so often, and in so many runs, is empty by its nature: darkness, a dry season."""


class _Run(NamedTuple):
    """Chunks absent one after the other in time, at one place."""

    place: int
    first: int
    last: int


class Judge:
    """Judges the absent chunks of one array that holds fields.

    A chunk is lost if what it reads as is impossible for one of its variables or is a well-known fill value, or if the
    array does write chunks of nothing but that. Else it depends on the chunks before and after it at the same place: if
    not even one of them is nearly full of the same value, a chunk of nothing else is out of place, unless such chunks
    come and go there regularly (which NaN must not, where they are not allowed). Dates declared missing have nothing to
    lose.

    Parameters
    ----------
    source : Source
    array : FieldArray
    sizes : np.ndarray
        Bytes of each chunk, -1 where it is absent.
    known : mapping of variable to Knowledge
    """

    def __init__(self, source: Source, array: FieldArray, sizes: np.ndarray, known: Mapping[str, Knowledge]) -> None:
        self._source, self._array, self._known = source, array, known
        self._chunks = array.stored.chunks or array.stored.shape
        others = tuple(a for a in range(sizes.ndim) if a not in array.times)
        self._order = (*array.times, *others)
        self._shape = tuple(sizes.shape[a] for a in self._order)
        n_times = math.prod(self._shape[: len(array.times)])
        self._sizes = sizes.transpose(self._order).reshape(n_times, -1)
        self._absent = self._sizes < 0
        self._buffers = Buffers()
        self._writes_empty: dict[str, bool] = {}
        missing = source.times[array.axis].declared_missing
        self._declared = frozenset() if missing is None else frozenset(np.flatnonzero(missing).tolist())

    def find_lost(self) -> np.ndarray:
        """Indices of the chunks that are lost, int64 (chunk, dimension), in order of time."""
        runs = self._runs()
        step = -(-len(runs) // MOST_RUNS)
        lost = np.zeros_like(self._absent)
        verdict = False
        for number, run in enumerate(runs):
            if number % max(step, 1) == 0:
                verdict = self._is_lost(run)
            if verdict:
                for at in range(run.first, run.last + 1):
                    lost[at, run.place] = self._time_of(at, run.place) is not None
        found = np.argwhere(lost)
        return np.array([self._index(at, place) for at, place in found.tolist()], np.int64).reshape(
            -1, len(self._order)
        )

    def count_fields(self, lost: np.ndarray, fields: dict[tuple[str, str], int]) -> tuple[list[str], list[str]]:
        """Count the lost chunks of each field into `fields`; returns labels of times and names of variables."""
        labels = self._source.times[self._array.axis].labels
        times: set[int] = set()
        variables: set[int] = set()
        for index in lost.tolist():
            mine = [t for t in self._times(index) if t not in self._declared]
            own = self._variables(index)
            times.update(mine)
            variables.update(own)
            for t, v in itertools.product(mine, own):
                key = (self._source.variables[v].name, labels[t])
                fields[key] = fields.get(key, 0) + 1
        return [labels[t] for t in sorted(times)], [self._source.variables[v].name for v in sorted(variables)]

    def _runs(self) -> list[_Run]:
        """All runs, in order of time."""
        runs = []
        for place in np.flatnonzero(self._absent.any(axis=0)).tolist():
            edges = np.flatnonzero(np.diff(np.concatenate([[0], self._absent[:, place].view(np.int8), [0]])))
            runs += [_Run(place, int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        return sorted(runs, key=lambda run: (run.first, run.place))

    def _is_lost(self, run: _Run) -> bool:
        at = next((at for at in range(run.first, run.last + 1) if self._time_of(at, run.place) is not None), None)
        if at is None:
            return False
        return any(self._is_lost_for(run, at, v) for v in self._variables(self._index(at, run.place)))

    def _is_lost_for(self, run: _Run, at: int, v: int) -> bool:
        """Whether what a chunk reads as cannot be meant for one of its variables."""
        values = self._read(at, run.place, v)
        if values is None or not values.size:
            return False
        value = float(values[0])
        if not _all_are(values, value):
            return False
        if self._is_impossible(v, value) or self._writes(value):
            return True
        shares = [share for share in self._shares(run, v, value) if share is not None]
        if not shares or max(shares) >= FULL:
            return False
        return not self._is_regular(run.place) or (math.isnan(value) and self._refuses_nan(v))

    def _is_impossible(self, v: int, value: float) -> bool:
        if math.isnan(value):
            return False
        known = self._known.get(self._source.variables[v].name)
        inside = known is None or known.limits.lo <= value <= known.limits.hi
        return not inside or math.isinf(value) or value in FILLS

    def _refuses_nan(self, v: int) -> bool:
        variable = self._source.variables[v]
        known = self._known.get(variable.name)
        if variable.nan_allowed is not None or known is None or known.entry is None:
            return variable.nan_allowed is False
        return not known.entry.allows_nan(variable.level, variable.level_type)

    def _writes(self, value: float) -> bool:
        """Whether the array has a chunk of nothing but this value; it would be the one that takes the fewest bytes."""
        if repr(value) not in self._writes_empty:
            self._writes_empty[repr(value)] = self._smallest_is(value)
        return self._writes_empty[repr(value)]

    def _smallest_is(self, value: float) -> bool:
        there = np.where(self._absent, np.iinfo(np.int64).max, self._sizes)
        if self._absent.all():
            return False
        at, place = (int(i) for i in np.unravel_index(int(there.argmin()), there.shape))
        index = self._index(at, place)
        times = self._times(index)
        for v, t in itertools.product(self._variables(index), dict.fromkeys((times[0], times[-1]))):
            values = self._read_at(t, index, v)
            if values is None or not _all_are(values, value):
                return False
        return True

    def _is_regular(self, place: int) -> bool:
        absent = self._absent[:, place]
        runs = np.count_nonzero(np.diff(absent.astype(np.int8)) == 1) + bool(absent[0])
        return bool(runs >= REGULAR_RUNS and absent.mean() >= REGULAR_SHARE)

    def _shares(self, run: _Run, v: int, value: float) -> Iterator[float | None]:
        """Share of the value in each of the nearest chunks that are there, at the same place; None where unknown."""
        there = np.flatnonzero(~self._absent[:, run.place])
        before, after = there[there < run.first][::-1], there[there > run.last]
        for at in (*before[:NEIGHBOURS].tolist(), *after[:NEIGHBOURS].tolist()):
            values = self._read(at, run.place, v)
            yield None if values is None or not values.size else float(np.mean(_are(values, value)))

    def _read(self, at: int, place: int, v: int) -> np.ndarray | None:
        """Values of a chunk at its first date that is not declared missing; None if there is none."""
        time = self._time_of(at, place)
        return None if time is None else self._read_at(time, self._index(at, place), v)

    def _read_at(self, time: int, index: Sequence[int], v: int) -> np.ndarray | None:
        member = self._flat(self._array.members, index)[0]
        for field in self._source.read(Block((time,), (v,)), self._buffers):
            if field.member == member:
                return field.values[self._cells(index)]
        return None

    def _time_of(self, at: int, place: int) -> int | None:
        return next((t for t in self._times(self._index(at, place)) if t not in self._declared), None)

    def _index(self, at: int, place: int) -> tuple[int, ...]:
        """Index of a chunk in the array."""
        n = len(self._array.times)
        parts = (*np.unravel_index(at, self._shape[:n] or (1,)), *np.unravel_index(place, self._shape[n:] or (1,)))
        ordered = parts if n else parts[1:]
        index = [0] * len(self._order)
        for axis, i in zip(self._order, ordered, strict=False):
            index[axis] = int(i)
        return tuple(index)

    def _flat(self, axes: Sequence[int], index: Sequence[int]) -> list[int]:
        """Positions of a chunk along some axes, flattened."""
        if not axes:
            return [0]
        lengths = [self._array.geometry.shape[a] for a in axes]
        begins = [index[a] * self._chunks[a] for a in axes]
        spans = [np.arange(b, min(b + self._chunks[a], n)) for a, b, n in zip(axes, begins, lengths, strict=True)]
        flat: list[int] = np.ravel_multi_index(np.ix_(*spans), lengths).ravel().tolist()
        return flat

    def _times(self, index: Sequence[int]) -> list[int]:
        n = len(self._source.times[self._array.axis])
        return [self._array.start + t for t in self._flat(self._array.times, index) if self._array.start + t < n]

    def _variables(self, index: Sequence[int]) -> list[int]:
        every = self._array.variables
        n = math.prod(self._array.geometry.shape[a] for a in self._array.rest)
        return [every[i] for i in self._flat(self._array.rest, index)] if n == len(every) else list(every)

    def _cells(self, index: Sequence[int]) -> np.ndarray:
        return np.array(self._flat(self._array.cells, index), np.int64)


def _are(values: np.ndarray, value: float) -> np.ndarray:
    return np.isnan(values) if math.isnan(value) else np.asarray(values == value)


def _all_are(values: np.ndarray, value: float) -> bool:
    return bool(_are(values, value).all())
