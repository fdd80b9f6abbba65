"""Where the fields of a source lie in its stored arrays: which axes are times, cells, members, and where a variable is.

Told by names and lengths of dimensions alone, so that it holds for the readers of others too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dqwatch.metrics.access import CACHE_LINE, Geometry, Part
from dqwatch.metrics.access_patterns import Pattern, choose_cells, choose_members, choose_times
from dqwatch.sources.coordinates import role_of_name
from dqwatch.types import Grid, Source, StoredArray

_TIMES = ("time", "reference", "lead", "index")
_MESSAGE = "message"
_ALL_IN_ONE = "data"


@dataclass(frozen=True)
class FieldArray:
    """A stored array that holds fields; axes are positions in its shape."""

    stored: StoredArray
    geometry: Geometry
    dims: tuple[str, ...]
    times: tuple[int, ...]
    cells: tuple[int, ...]
    members: tuple[int, ...]
    rest: tuple[int, ...]
    """Levels, variables and whatever else tells one variable from another."""
    variables: tuple[int, ...]
    """Indices into `Source.variables`, in the order in which they lie along `rest`."""
    axis: int
    """Index into `Source.times`."""
    grid: int
    """Index into `Source.grids`."""
    start: int = 0
    """Where its times begin on the axis: that of several files goes on from one to the next."""

    @property
    def n_times(self) -> int:
        """Times that the array holds."""
        return self._length(self.times)

    def parts(self, source: Source, pattern: Pattern, variables: Sequence[int]) -> list[Part]:
        """What a pattern wants of this array; `variables` are those that it wants of the source.

        Returns
        -------
        list of Part
            Together they name every axis once; empty if none of the variables lies here.
        """
        lengths = self.geometry.shape
        wanted = [i for i, v in enumerate(self.variables) if v in set(variables)]
        if not wanted:
            return []
        parts = [
            Part(tuple(self.cells[a] for a in p.axes), p.indices) for p in choose_cells(pattern, self._grid(source))
        ]
        parts += _spread(self.times, lengths, self._own_times(choose_times(pattern, source.times[self.axis])))
        parts += _spread(self.members, lengths, choose_members(pattern, self._length(self.members)))
        n_rest = self._length(self.rest)
        whole = len(wanted) == len(self.variables) or n_rest != len(self.variables)
        parts += _spread(self.rest, lengths, range(n_rest) if whole else np.array(wanted, np.int64))
        return [p for p in parts if p.axes]

    def _own_times(self, indices: range | np.ndarray) -> range | np.ndarray:
        """Of some indices into the time axis those that lie in this array, counted from its beginning."""
        end = self.start + self.n_times
        if isinstance(indices, range):
            inside = range(max(indices.start, self.start), max(min(indices.stop, end), self.start, indices.start))
            return range(inside.start - self.start, inside.stop - self.start)
        return indices[(indices >= self.start) & (indices < end)] - self.start

    def _length(self, axes: Sequence[int]) -> int:
        return math.prod(self.geometry.shape[a] for a in axes)

    def _grid(self, source: Source) -> Grid:
        """The grid with the cell axes in the order and number in which this array has them."""
        grid = source.grids[self.grid]
        shape = tuple(self.geometry.shape[a] for a in self.cells)
        return grid if grid.shape == shape else replace(grid, shape=shape)


def _spread(axes: tuple[int, ...], lengths: Sequence[int], indices: range | np.ndarray) -> list[Part]:
    """Indices along some axes together; each axis on its own where all of it is wanted."""
    if len(indices) == math.prod(lengths[a] for a in axes):
        return [Part((a,), range(lengths[a])) for a in axes]
    return [Part(axes, indices)]


def find_field_arrays(source: Source, arrays: Sequence[StoredArray]) -> tuple[list[FieldArray], list[str]]:
    """The arrays that hold the fields of a source, and the names of those of which that cannot be told."""
    found: list[FieldArray] = []
    unclear: list[str] = []
    for stored, variables in _holders(source, arrays):
        starts = [f.start + f.n_times for f in found if f.variables == tuple(variables)]
        made = _place(source, stored, variables, max(starts, default=0))
        if made is None:
            unclear.append(stored.name)
        else:
            found.append(made)
    return found, unclear


def own_name(array: StoredArray) -> str:
    """The name of an array in its file; of several files each array is called `file: array`."""
    return array.name.rpartition(": ")[2]


def _holders(source: Source, arrays: Sequence[StoredArray]) -> list[tuple[StoredArray, list[int]]]:
    """The arrays with the variables that each holds: named like them, or all variables in one named `data`."""
    names = {own_name(a) for a in arrays}
    by_source_name = all(v.source_name in names for v in source.variables)
    if by_source_name and len(names) != len(source.variables):
        keys = [v.source_name for v in source.variables]
    elif all(v.name in names for v in source.variables):
        keys = [v.name for v in source.variables]
    elif by_source_name:
        keys = [v.source_name for v in source.variables]
    else:
        keys = [_ALL_IN_ONE] * len(source.variables)
    holders: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        holders.setdefault(key, []).append(index)
    return [(a, holders[own_name(a)]) for a in arrays if own_name(a) in holders]


def _place(source: Source, stored: StoredArray, variables: list[int], start: int) -> FieldArray | None:
    first = source.variables[variables[0]]
    axis, grid = source.times[first.times], source.grids[first.grid]
    if stored.dims[:1] == (_MESSAGE,):
        shape = (len(axis), first.members, grid.n_cells)
        geometry = Geometry(shape, np.dtype(stored.dtype).itemsize, (1, 1, grid.n_cells))
        dims = ("time", "member", "cell")
        return FieldArray(
            stored, geometry, dims, (0,), (2,), (1,), (), tuple(variables), first.times, first.grid, start
        )
    left = list(range(len(stored.shape)))
    cells = _cell_axes(stored, grid, left)
    if cells is None:
        return None
    left = [a for a in left if a not in cells]
    times = _time_axes(stored, len(axis) if axis.kind != "static" else 1, axis.name, left)
    left = [a for a in left if a not in times]
    members = [a for a in left if role_of_name(stored.dims[a]) == "member"]
    if not members and first.members > 1:
        members = [a for a in left if stored.shape[a] == first.members][:1]
    rest = tuple(a for a in left if a not in members)
    unit = CACHE_LINE if stored.stored_bytes is None and stored.objects is None else Geometry.unit
    geometry = Geometry(stored.shape, np.dtype(stored.dtype).itemsize, stored.chunks, stored.shards, unit)
    return FieldArray(
        *(stored, geometry, stored.dims, times, cells, tuple(members), rest),
        *(tuple(variables), first.times, first.grid, start),
    )


def _cell_axes(stored: StoredArray, grid: Grid, left: list[int]) -> tuple[int, ...] | None:
    """The axes of the cells in the order of the grid's shape: by name, else the last ones of the right lengths."""
    if not grid.shape or (grid.n_cells == 1 and grid.kind == "profile"):
        return ()
    roles = {a: role_of_name(stored.dims[a]) for a in left}
    named = [a for a in left if roles[a] in ("latitude", "longitude", "y", "x", "cell")]
    if len(named) == len(grid.shape):
        lengths = tuple(stored.shape[a] for a in named)
        if lengths == grid.shape:
            return tuple(named)
        if lengths == grid.shape[::-1]:
            return tuple(named[::-1])
    if named and math.prod(stored.shape[a] for a in named) == grid.n_cells:
        return tuple(named)
    for order in (left, [a for a in left if a not in named] + named):
        for start in range(len(order) - len(grid.shape), -1, -1):
            tried = order[start : start + len(grid.shape)]
            if tuple(stored.shape[a] for a in tried) == grid.shape:
                return tuple(tried)
    return None


def _time_axes(stored: StoredArray, length: int, name: str, left: list[int]) -> tuple[int, ...]:
    """The axes along which time runs: by name, else the first one that is as long as the time axis."""
    roles = {a: role_of_name(stored.dims[a]) for a in left}
    named = [a for a in left if roles[a] in _TIMES or stored.dims[a] in (name, *name.split(", "))]
    if named:
        # As the axis is flattened: lead times run fastest.
        return tuple(sorted(named, key=lambda a: (roles[a] == "lead", a)))
    if length == 1:
        return ()
    return tuple([a for a in left if stored.shape[a] == length][:1])
