"""Arrays that follow the CF conventions, of whatever format, as a source of fields."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.boxes import boxes, runs
from dqwatch.sources.coordinates import Collection
from dqwatch.sources.decoding import decode
from dqwatch.sources.layout import Layout, make_plan
from dqwatch.sources.naming import make_variables, plain
from dqwatch.sources.raw import RawArray
from dqwatch.types import Block, Field, Grid, StoredArray, TimeAxis, Variable

_MOVING = ("time", "reference", "lead")


class CFSource:
    """A data set whose arrays describe themselves as CF has it; see `dqwatch.types.Source`.

    Parameters
    ----------
    name, kind : str
        As of a `Source`; `name` also stands in messages.
    arrays : mapping of name to RawArray
        Coordinates included; names of groups are paths.
    attributes : mapping
        Global attributes.
    close : callable
        Lets go of the file.

    Raises
    ------
    SourceError
        If arrays contradict one another about the length of a dimension other than time.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        arrays: Mapping[str, RawArray],
        attributes: Mapping[str, Any],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.attributes: Mapping[str, Any] = {str(k): plain(v) for k, v in attributes.items()}
        self._collection = Collection(arrays, attributes)
        _check_lengths(name, self._collection)
        plan = make_plan(self._collection)
        self._layouts = plan.layouts
        self.variables: tuple[Variable, ...] = make_variables(plan.layouts)
        self.times: tuple[TimeAxis, ...] = tuple(plan.axes)
        self.grids: tuple[Grid, ...] = tuple(plan.grids)
        self.notes: tuple[str, ...] = tuple(dict.fromkeys(plan.notes))
        self.left_out = tuple(plan.left_out)
        self._where = [(at, i) for at, layout in enumerate(plan.layouts) for i in range(len(layout.steps))]
        self._first = np.cumsum([0, *(len(layout.steps) for layout in plan.layouts)]).tolist()
        self._close = close
        self.identity = _identity(self._collection, self.grids, self.times)

    def arrays(self) -> list[StoredArray]:
        """The arrays as they lie in storage."""
        return [self._described(array) for array in self._collection.arrays.values()]

    def _described(self, array: RawArray) -> StoredArray:
        along = zip(map(self._collection.along, array.dims), array.shape, strict=True)
        lengths = [
            (c.shape[0], n)
            for c, n in along
            if c is not None and c.name != array.name and self._collection.role(c.name) in _MOVING
        ]
        length_ok = all(a == b for a, b in lengths) if lengths else None
        return dataclasses.replace(array.describe(), length_ok=length_ok)

    def blocks(self) -> Sequence[Block]:
        """All fields, each in one block, by axis and in order of time."""
        found = [
            (layout.axis, block) for at, layout in enumerate(self._layouts) for block in self._blocks_of(at, layout)
        ]
        return [block for _, block in sorted(found, key=lambda pair: (pair[0], pair[1].times[0], pair[1].variables[0]))]

    def _blocks_of(self, at: int, layout: Layout) -> Iterator[Block]:
        size, chunks = layout.array.dtype.itemsize, _chunks(layout)
        level_bytes = math.prod(layout.lengths((*layout.cells, *layout.members))) * size
        groups = _step_groups(layout, level_bytes)
        lengths = [chunks[p] for p in layout.times[:-1]]
        item_bytes = level_bytes * max(len(g) for g in groups) * math.prod(lengths)
        parts = [_cut(layout.array.shape[p], chunks[p]) for p in layout.times[:-1]]
        parts += [runs(layout.array.shape[p], chunks[p], max(item_bytes, 1)) for p in layout.times[-1:]]
        for window in _product(parts):
            times = _flat(window, layout.axis_shape)
            for group in groups if times else []:
                yield Block(times, tuple(self._first[at] + i for i in group))

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block, decoded one after the other into memory that the next field overwrites."""
        steps = defaultdict(list)
        for variable in block.variables:
            at, step = self._where[variable]
            steps[at].append(step)
        for at, wanted in steps.items():
            yield from self._read(at, block.times, wanted, buffers)

    def _read(self, at: int, times: Sequence[int], steps: Sequence[int], buffers: Buffers) -> Iterator[Field]:
        layout = self._layouts[at]
        outer = (*layout.times, *layout.levels, *layout.members)
        points, labels = self._points(at, times, steps)
        cell_bytes = math.prod(layout.lengths(layout.cells)) * layout.array.dtype.itemsize
        chunks = [_chunks(layout)[p] for p in outer]
        for chosen, low, high in boxes(np.column_stack([points, labels]), chunks, cell_bytes):
            selection: list[slice | int] = [slice(None)] * len(layout.array.shape)
            for position, a, b in zip(outer, low, high, strict=False):
                selection[position] = slice(int(a), int(b))
            shape = [n if s == slice(None) else s.stop - s.start for n, s in _pairs(layout.array.shape, selection)]
            raw = buffers.take("cf.raw", tuple(shape), layout.array.dtype)
            layout.array.read(tuple(selection), raw, buffers)
            inner = raw.transpose((*outer, *layout.cells))
            for row, values in _fields(layout, inner, chosen, low, buffers):
                time, variable, member = row[len(outer) :]
                yield Field(time, variable, member, values)

    def _points(self, at: int, times: Sequence[int], steps: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Where fields lie along times, levels and members, and their (time, variable, member); times first."""
        layout = self._layouts[at]
        shape = layout.axis_shape
        members = layout.lengths(layout.members)
        n_members = math.prod(members)
        time, step, member = (
            a.ravel() for a in np.meshgrid(np.asarray(times, np.int64), steps, np.arange(n_members), indexing="ij")
        )
        columns = [*(np.unravel_index(time, shape) if shape else ())]
        columns += list(np.array([layout.steps[i].at for i in range(len(layout.steps))], np.int64)[step].T)
        columns += [*(np.unravel_index(member, members) if members else ())]
        points = np.column_stack(columns).astype(np.int64) if columns else np.zeros((time.size, 0), np.int64)
        labels = np.column_stack([time, step + self._first[at], member])
        there = np.ones(time.size, bool)
        for column, length in zip(points.T, layout.lengths(layout.times), strict=False):
            there &= column < length
        return points[there], labels[there]

    def close(self) -> None:
        """Let go of the file; harmless when called twice."""
        close, self._close = self._close, lambda: None
        close()


def _pairs(shape: Sequence[int], selection: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    return zip(shape, selection, strict=True)


def _fields(
    layout: Layout, raw: np.ndarray, chosen: np.ndarray, low: np.ndarray, buffers: Buffers
) -> Iterator[tuple[list[int], np.ndarray]]:
    """The fields at some points of a box, decoded; small ones many at a time, which costs less.

    Parameters
    ----------
    layout : Layout
    raw : np.ndarray (outer dimensions, cell dimensions)
        The box; may be overwritten.
    chosen : np.ndarray (field, outer + further columns), ascending in the first
    low : np.ndarray (outer,)
        The corner of the box.
    buffers : Buffers

    Yields
    ------
    row, values : list of int, np.ndarray (cell,)
        Row of `chosen`, and the values.
    """
    width = low.size
    cells = raw.shape[width:]
    slab = math.prod(raw.shape[1:]) * layout.decoder.result.itemsize
    together = max(1, DECODED_BYTES // max(slab, 1)) if width else 1
    if together < 2:
        for row in chosen.tolist():
            place = tuple(i - a for i, a in zip(row, low.tolist(), strict=False))
            yield row, _decoded(layout, raw[(*place, ...)], buffers).reshape(-1)
        return
    n_cells, lowest = math.prod(cells), low.tolist()
    rows = chosen.tolist()
    flat = np.ravel_multi_index(tuple((chosen[:, :width] - low).T), raw.shape[:width]).tolist()
    first, values, offset = raw.shape[0] + 1, raw.reshape(-1)[:0].reshape(0, n_cells), 0
    for row, place in zip(rows, flat, strict=True):
        at = row[0] - lowest[0]
        if not first <= at < first + together:
            first = at
            part = raw[first : first + together]
            values = _decoded(layout, part, buffers).reshape(-1, n_cells)
            offset = first * math.prod(raw.shape[1:width])
        yield row, values[place - offset]


DECODED_BYTES = 262_144
"""What is decoded at once if fields are small: it stays in the cache of a core."""


def _decoded(layout: Layout, raw: np.ndarray, buffers: Buffers) -> np.ndarray:
    """Raw values decoded, in C order: in place where nothing but masking is to be done."""
    decoder = layout.decoder
    if raw.flags.c_contiguous and decoder.stored == decoder.result and decoder.scale is None and decoder.offset is None:
        if decoder.fills:
            decode(decoder, raw, raw, buffers)
        return raw
    out = buffers.take("cf.field", raw.shape, decoder.result)
    decode(decoder, raw, out, buffers)
    return out


def _chunks(layout: Layout) -> tuple[int, ...]:
    """Length of a chunk along each dimension; 1 where storage is contiguous, which may be cut anywhere."""
    return tuple(max(c, 1) for c in layout.array.chunks or (1,) * len(layout.array.shape))


def _step_groups(layout: Layout, level_bytes: int) -> list[list[int]]:
    """The levels in groups that fit into memory together, cut at the edges of chunks."""
    if not layout.levels:
        return [list(range(len(layout.steps)))]
    first = layout.levels[0]
    others = math.prod(layout.lengths(layout.levels[1:]))
    parts = runs(layout.array.shape[first], _chunks(layout)[first], max(level_bytes * others, 1), target=BOX_TARGET)
    return [[i for i, step in enumerate(layout.steps) if step.at[0] in part] for part in parts]


BOX_TARGET = 64_000_000
"""Bytes of the levels that stay together."""


def _cut(length: int, step: int) -> list[range]:
    return [range(a, min(a + step, length)) for a in range(0, length, step)]


def _product(parts: Sequence[Sequence[range]]) -> Iterator[tuple[range, ...]]:
    if not parts:
        yield ()
        return
    for first in parts[0]:
        for rest in _product(parts[1:]):
            yield (first, *rest)


def _flat(window: Sequence[range], shape: Sequence[int]) -> tuple[int, ...]:
    """Indices into the flattened axis of a window along each time dimension, as far as the axis goes."""
    inside = [range(r.start, min(r.stop, n)) for r, n in zip(window, shape, strict=True)]
    if not inside:
        return (0,)
    grids = np.meshgrid(*(np.asarray(r, np.int64) for r in inside), indexing="ij")
    return tuple(np.ravel_multi_index(tuple(g.ravel() for g in grids), tuple(shape)).tolist())


def _check_lengths(name: str, collection: Collection) -> None:
    """Zarr does not see to it that arrays agree about the length of a dimension."""
    lengths: dict[str, tuple[int, str]] = {}
    for array in collection.arrays.values():
        for dim, length in zip(array.dims, array.shape, strict=True):
            if collection.dim_role(dim) in _MOVING and collection.role(array.name) not in _MOVING:
                continue  # data that are still being written
            known, other = lengths.setdefault(dim, (length, array.name))
            if known != length:
                raise SourceError(
                    f"{name}: dimension '{dim}' has length {length} in array '{array.name}' but {known} in '{other}': "
                    f"the store is broken"
                )


def _identity(collection: Collection, grids: Sequence[Grid], axes: Sequence[TimeAxis]) -> str:
    """A digest of the metadata: names, shapes, types, attributes, places and times."""
    digest = hashlib.sha256()
    described = {
        name: [list(a.dims), list(a.shape), str(a.dtype), {str(k): plain(v) for k, v in sorted(a.attrs.items())}]
        for name, a in sorted(collection.arrays.items())
    }
    attributes = {str(k): plain(v) for k, v in collection.attributes.items()}
    digest.update(json.dumps([described, attributes], sort_keys=True, default=str).encode())
    for grid in grids:
        for values in (grid.latitudes, grid.longitudes):
            digest.update(b"" if values is None else np.ascontiguousarray(values).tobytes())
    for axis in axes:
        digest.update("\n".join(axis.labels).encode())
    return f"sha256:{digest.hexdigest()}"
