"""What a way of reading costs on a layout: the chunks it touches and the bytes that must be decoded for those wanted.

Pure arithmetic on shapes, chunks and indices; nothing is read. A chunk is decoded whole, as zarr-python and HDF5
do. Where an array is contiguous nothing is decoded: there the least that is fetched is a page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PAGE = 4096
"""Bytes that an operating system fetches at least of a contiguous file."""
CACHE_LINE = 64
"""Bytes that a processor fetches at least of its memory."""
_MOST_RUNS = 2_000_000


@dataclass(frozen=True)
class Geometry:
    """How an array is cut into what is fetched at once."""

    shape: tuple[int, ...]
    itemsize: int
    """Bytes of a value as decoded."""
    chunks: tuple[int, ...] | None = None
    """None: contiguous, in C order."""
    shards: tuple[int, ...] | None = None
    """Shape of the objects that hold several chunks; None: each chunk is an object."""
    unit: int = PAGE
    """Bytes fetched at once where there are no chunks."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a decoded chunk; of the unit where there are no chunks."""
        return self.unit if self.chunks is None else math.prod(self.chunks) * self.itemsize

    @property
    def n_chunks(self) -> int:
        """Chunks of the whole array."""
        if self.chunks is None:
            return -(-math.prod(self.shape) * self.itemsize // self.unit)
        return math.prod(-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True))

    @property
    def n_objects(self) -> int:
        """Shards, or chunks where there are none."""
        return (
            self.n_chunks
            if self.shards is None
            else math.prod(-(-n // s) for n, s in zip(self.shape, self.shards, strict=True))
        )


class Part(NamedTuple):
    """What is wanted along one axis, or of several axes together: then cell by cell, not row by column."""

    axes: tuple[int, ...]
    indices: range | np.ndarray
    """Ascending, without repeats; flat (C order) where there are several axes. A range has step 1."""

    def __len__(self) -> int:
        return len(self.indices)


class Access(NamedTuple):
    """What reading some parts of an array costs."""

    wanted_bytes: int
    """Of the values asked for."""
    decoded_bytes: int
    """Of the chunks that hold them, decoded; of the pages, where the array is contiguous."""
    chunks: int
    """Chunks (or pages) touched."""
    exact: bool = True
    """False: estimated from a part, because there were too many pieces to count."""

    @property
    def amplification(self) -> float:
        """Bytes decoded for each byte wanted; 1 if nothing is wanted."""
        return self.decoded_bytes / self.wanted_bytes if self.wanted_bytes else 1.0


def measure(geometry: Geometry, parts: Sequence[Part]) -> Access:
    """What reading the product of `parts` costs.

    Parameters
    ----------
    geometry : Geometry
    parts : sequence of Part
        Together they name every axis of the array once.

    Raises
    ------
    ValueError
        If an axis is named twice or not at all.
    """
    _check(geometry, parts)
    wanted = math.prod(len(p) for p in parts) * geometry.itemsize
    if not wanted:
        return Access(0, 0, 0)
    if geometry.chunks is None:
        pages, exact = _count_pages(geometry, parts)
        return Access(wanted, pages * geometry.unit, pages, exact)
    chunks = math.prod(count_chunks(geometry.shape, geometry.chunks, p) for p in parts)
    return Access(wanted, chunks * geometry.chunk_bytes, chunks)


def _check(geometry: Geometry, parts: Sequence[Part]) -> None:
    named = sorted(a for p in parts for a in p.axes)
    if named != list(range(len(geometry.shape))):
        raise ValueError(f"parts name the axes {named}; the array has {len(geometry.shape)}, each to be named once")


def count_chunks(shape: Sequence[int], chunks: Sequence[int], part: Part) -> int:
    """Number of chunks that a part touches along its own axes."""
    if isinstance(part.indices, range) and len(part.axes) == 1:
        length = chunks[part.axes[0]]
        return (part.indices.stop - 1) // length - part.indices.start // length + 1 if len(part) else 0
    return len(_touched(shape, chunks, part))


def _touched(shape: Sequence[int], chunks: Sequence[int], part: Part) -> np.ndarray:
    """The chunks that a part touches along its own axes, int64 (chunk, axis), in C order."""
    if isinstance(part.indices, range) and len(part.axes) == 1:
        length = chunks[part.axes[0]]
        numbers = range(part.indices.start // length, (part.indices.stop - 1) // length + 1 if len(part) else 0)
        return np.array(numbers, np.int64).reshape(-1, 1)
    indices = np.asarray(part.indices, np.int64)
    box = [shape[a] for a in part.axes]
    grid = [-(-shape[a] // chunks[a]) for a in part.axes]
    where = [i // chunks[a] for i, a in zip(np.unravel_index(indices, box), part.axes, strict=True)]
    flat = np.unique(np.ravel_multi_index(where, grid))
    return np.stack(np.unravel_index(flat, grid), axis=-1)


def touched_chunks(geometry: Geometry, parts: Sequence[Part]) -> Iterator[tuple[int, ...]]:
    """Index of every chunk that reading `parts` touches, each once, one after the other.

    Raises
    ------
    ValueError
        If the array has no chunks, or `parts` do not name every axis once.
    """
    if geometry.chunks is None:
        raise ValueError("a contiguous array has no chunks")
    _check(geometry, parts)
    sets = [(p.axes, _touched(geometry.shape, geometry.chunks, p).tolist()) for p in parts]
    index = [0] * len(geometry.shape)

    def descend(level: int) -> Iterator[tuple[int, ...]]:
        if level == len(sets):
            yield tuple(index)
            return
        axes, rows = sets[level]
        for row in rows:
            for axis, i in zip(axes, row, strict=True):
                index[axis] = i
            yield from descend(level + 1)

    yield from descend(0)


def _count_pages(geometry: Geometry, parts: Sequence[Part]) -> tuple[int, bool]:
    """Pages that hold the values of `parts`, the array beginning at a page; and whether that was counted in full."""
    starts, length, share = _runs(geometry, parts)
    first = starts * geometry.itemsize // geometry.unit
    last = ((starts + length) * geometry.itemsize - 1) // geometry.unit
    before = np.concatenate([[-1], np.maximum.accumulate(last)[:-1]])
    counted = int(np.maximum(last - np.maximum(first, before + 1) + 1, 0).sum())
    return round(counted / share), share == 1


def _runs(geometry: Geometry, parts: Sequence[Part]) -> tuple[np.ndarray, int, float]:
    """Where contiguous runs of values begin (ascending), how many values each has, and the share of runs listed."""
    strides = [math.prod(geometry.shape[a + 1 :]) for a in range(len(geometry.shape))]
    left = sorted(parts, key=lambda p: p.axes[0])
    length = 1
    while left and _is_whole(geometry, left[-1], strides, length):
        length *= len(left.pop())
    start = 0
    if left and isinstance(left[-1].indices, range) and left[-1].axes == (max(a for p in left for a in p.axes),):
        run = left.pop()  # part of one axis, whole below it: still in one piece
        assert isinstance(run.indices, range)  # noqa: S101 (said above; for the type checker)
        start, length = run.indices.start * strides[run.axes[0]], length * len(run)
    offsets = [_offsets(geometry, p, strides) for p in left]
    share = 1.0
    n = math.prod(len(o) for o in offsets)
    if n > _MOST_RUNS:
        widest = max(range(len(offsets)), key=lambda k: len(offsets[k]))
        few = max(1, len(offsets[widest]) * _MOST_RUNS // n)
        middle = (len(offsets[widest]) - few) // 2
        kept = offsets[widest][middle : middle + few]  # neighbours, which share pages
        share = len(kept) / len(offsets[widest])
        offsets[widest] = kept
    starts = np.array([start], np.int64)
    for more in offsets:
        starts = (starts[:, None] + more[None, :]).ravel()
    return np.sort(starts), length, share


def _is_whole(geometry: Geometry, part: Part, strides: Sequence[int], below: int) -> bool:
    """Whether a part takes all of its axes, and these are the next above what is `below` in one piece."""
    size = math.prod(geometry.shape[a] for a in part.axes)
    consecutive = list(part.axes) == list(range(part.axes[0], part.axes[-1] + 1))
    return len(part) == size and consecutive and strides[part.axes[-1]] == below


def _offsets(geometry: Geometry, part: Part, strides: Sequence[int]) -> np.ndarray:
    """Position of each index of a part in the flattened array, int64."""
    where = np.unravel_index(np.asarray(part.indices, np.int64), [geometry.shape[a] for a in part.axes])
    return sum((i * strides[a] for i, a in zip(where, part.axes, strict=True)), np.zeros(len(part), np.int64))
