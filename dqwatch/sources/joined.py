"""Several files as one source: the same variable at other times follows on, other variables stand beside."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.left_out import LeftOut, left_out_of
from dqwatch.sources.splits import find_splits, repeated_of, same_calendar
from dqwatch.types import NOT_A_TIME, Block, Field, Grid, Source, StoredArray, TimeAxis, Variable
from dqwatch.units import normalise

_SAME_PLACE = 1e-4
"""Degrees (11 m): what is left of coordinates that were stored as float32."""


class _Piece(NamedTuple):
    """A variable of one part."""

    part: int
    variable: int


def join(parts: Sequence[Source]) -> Source:
    """One source of several; parts follow one another in order of their first time.

    A variable of the same name, units, grid and number of members continues over all parts that have it. What has no
    time is taken from the first part that has it, with a note.
    """
    return parts[0] if len(parts) == 1 else _Joined(sorted(parts, key=_first_time))


def _first_time(part: Source) -> int:
    known = [int(a.seconds[a.seconds != NOT_A_TIME].min()) for a in part.times if (a.seconds != NOT_A_TIME).any()]
    return min(known, default=NOT_A_TIME)


class _Joined:
    """Parts as one; see `dqwatch.types.Source`."""

    def __init__(self, parts: Sequence[Source]) -> None:
        self._parts = list(parts)
        self.name = f"{parts[0].name} (+{len(parts) - 1})"
        self.kind = parts[0].kind
        self.attributes: Mapping[str, Any] = parts[0].attributes
        self.identity = f"sha256:{hashlib.sha256(' '.join(p.identity for p in parts).encode()).hexdigest()}"
        self.grids, own_grids = _distinct_grids(parts)
        pieces, repeated = _pieces(parts, own_grids)
        notes = [note for part in parts for note in part.notes]
        notes += [f"{name} has no time and stands in several files: the first is looked at" for name in repeated]
        self.left_out: tuple[LeftOut, ...] = tuple(dict.fromkeys(x for part in parts for x in left_out_of(part)))
        self._axes: dict[tuple[tuple[int, int], ...], int] = {}
        axes: list[TimeAxis] = []
        variables: list[Variable] = []
        self._inner: list[dict[int, int]] = []
        for group in pieces:
            first = parts[group[0].part].variables[group[0].variable]
            key = tuple((p.part, parts[p.part].variables[p.variable].times) for p in group)
            if key not in self._axes:
                self._axes[key] = len(axes)
                axes.append(_continued([parts[part].times[axis] for part, axis in key]))
            grid = own_grids[group[0].part][first.grid]
            variables.append(dataclasses.replace(first, times=self._axes[key], grid=grid))
            self._inner.append({p.part: p.variable for p in group})
        self.times: tuple[TimeAxis, ...] = tuple(axes)
        self.variables: tuple[Variable, ...] = _named_apart(variables)
        notes += _disagreements(self.variables, self.times, self.grids)
        self.notes: tuple[str, ...] = tuple(dict.fromkeys(notes))
        self._own = {_Piece(part, v): own for own, inner in enumerate(self._inner) for part, v in inner.items()}
        self._starts = [self._offsets(key) for key in self._axes]

    def _offsets(self, key: Sequence[tuple[int, int]]) -> dict[int, tuple[int, int]]:
        """Part -> where its times begin on a joined axis, and where they end."""
        lengths = [len(self._parts[part].times[axis]) for part, axis in key]
        ends = np.cumsum(lengths).tolist()
        return {part: (end - n, end) for (part, _), n, end in zip(key, lengths, ends, strict=True)}

    def arrays(self) -> list[StoredArray]:
        """The arrays of all parts, their names behind those of the files."""
        return [dataclasses.replace(a, name=f"{part.name}: {a.name}") for part in self._parts for a in part.arrays()]

    def blocks(self) -> list[Block]:
        """The blocks of all parts, by axis and in order of time."""
        found = []
        for number, part in enumerate(self._parts):
            for block in part.blocks():
                by_axis = defaultdict(list)
                for v in block.variables:
                    own = self._own.get(_Piece(number, v))
                    if own is not None:
                        by_axis[self.variables[own].times].append(own)
                for axis, variables in by_axis.items():
                    start, _ = self._starts[axis][number]
                    found.append((axis, Block(tuple(start + t for t in block.times), tuple(variables))))
        return [b for _, b in sorted(found, key=lambda pair: (pair[0], pair[1].times[0], pair[1].variables[0]))]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block, each from its part."""
        axis = self.variables[block.variables[0]].times
        for number, (start, end) in self._starts[axis].items():
            times = tuple(t - start for t in block.times if start <= t < end)
            if not times:
                continue
            inner = {self._inner[v][number]: v for v in block.variables}
            for field in self._parts[number].read(Block(times, tuple(inner)), buffers):
                yield field._replace(time=field.time + start, variable=inner[field.variable])

    def close(self) -> None:
        """Let go of all parts."""
        for part in self._parts:
            part.close()


def _distinct_grids(parts: Sequence[Source]) -> tuple[tuple[Grid, ...], list[list[int]]]:
    """The different grids, and for each part the position of each of its own among them."""
    grids: list[Grid] = []
    positions = []
    for part in parts:
        own = []
        for grid in part.grids:
            at = next((i for i, g in enumerate(grids) if _same(g, grid)), len(grids))
            if at == len(grids):
                grids.append(grid)
            own.append(at)
        positions.append(own)
    return tuple(grids), positions


def _same(a: Grid, b: Grid) -> bool:
    if a.kind != b.kind or a.shape != b.shape:
        return False
    pairs = ((a.latitudes, b.latitudes), (a.longitudes, b.longitudes))
    return all(
        x is y or (x is not None and y is not None and np.allclose(x, y, rtol=0, atol=_SAME_PLACE, equal_nan=True))
        for x, y in pairs
    )


def _pieces(parts: Sequence[Source], grids: Sequence[Sequence[int]]) -> tuple[list[list[_Piece]], list[str]]:
    """What continues what, and the names of what has no time and is repeated."""
    groups: dict[tuple[Any, ...], list[_Piece]] = {}
    repeated: dict[str, None] = {}
    for number, part in enumerate(parts):
        for i, v in enumerate(part.variables):
            axis = part.times[v.times]
            grid = grids[number][v.grid]
            key = (v.name, normalise(v.units), v.members, grid, axis.kind, same_calendar(axis))
            if axis.kind != "time" and key in groups:
                repeated[v.name] = None
                continue
            groups.setdefault(key, []).append(_Piece(number, i))
    return list(groups.values()), list(repeated)


def _disagreements(variables: Sequence[Variable], times: Sequence[TimeAxis], grids: Sequence[Grid]) -> Iterator[str]:
    """A note on each variable of which the files make several."""
    for v, split in zip(variables, find_splits(variables, times, grids), strict=True):
        about = "; ".join(filter(None, (split.parts, split.beside and f"grid ({split.beside})")))
        if about:
            yield f"{repeated_of(v.name) or v.name}: the files disagree about {about}: taken for several variables"


def _continued(axes: Sequence[TimeAxis]) -> TimeAxis:
    """Axes one after the other."""
    if len(axes) == 1:
        return axes[0]
    leads = None
    if any(a.lead_seconds is not None for a in axes):
        leads = np.concatenate([np.zeros(len(a), np.int64) if a.lead_seconds is None else a.lead_seconds for a in axes])
    declared = {a.frequency for a in axes}
    return TimeAxis(
        name=axes[0].name,
        labels=[label for a in axes for label in a.labels],
        seconds=np.concatenate([a.seconds for a in axes]),
        calendar=axes[0].calendar,
        lead_seconds=leads,
        frequency=axes[0].frequency if len(declared) == 1 else None,
        problem=next((a.problem for a in axes if a.problem), None),
    )


def _named_apart(variables: Sequence[Variable]) -> tuple[Variable, ...]:
    """Variables with names that are all different: files that disagree about units or grid give several."""
    seen: Counter[str] = Counter()
    named = []
    for v in variables:
        seen[v.name] += 1
        named.append(v if seen[v.name] == 1 else dataclasses.replace(v, name=f"{v.name}#{seen[v.name]}"))
    return tuple(named)
