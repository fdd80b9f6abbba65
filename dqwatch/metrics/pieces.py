"""Pieces of a scan: consecutive times of an axis, cut alike whoever scans them, so that their results can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.types import Block, Source

PIECE_BYTES = 1 << 28
"""A piece holds no less, so that what each one costs beside its fields is little."""
PIECE_TIMES = 16
"""Nor fewer times: the time before a piece is read once more, for what is told of changes."""
_WIDEST = 4
"""Times as large as it should be a piece may become before a block is cut, which is then decoded twice."""


class Piece(NamedTuple):
    """The times `start` to `stop` (excluded) of an axis, with all variables that have it."""

    axis: int
    start: int
    stop: int


class Cutting:
    """The blocks of a source by piece.

    Parameters
    ----------
    source : Source
    blocks : sequence of Block
        All of them.
    piece_bytes : int
        Least size of a piece, but for the last.
    piece_times : int
        Fewest times of one.
    """

    def __init__(
        self,
        source: Source,
        blocks: Sequence[Block],
        *,
        piece_bytes: int = PIECE_BYTES,
        piece_times: int = PIECE_TIMES,
    ) -> None:
        self._blocks: list[list[Block]] = [[] for _ in source.times]
        for block in blocks:
            if block.times and block.variables:
                self._blocks[source.variables[block.variables[0]].times].append(block)
        for own in self._blocks:
            own.sort(key=lambda block: (min(block.times), block.variables))
        self._first = [np.array([min(b.times) for b in own], np.int64) for own in self._blocks]
        self._last = [np.array([max(b.times) for b in own], np.int64) for own in self._blocks]
        self.pieces: list[Piece] = []
        for axis, times in enumerate(source.times):
            sizes = _sizes(source, self._blocks[axis], len(times))
            free = _free(self._first[axis], self._last[axis], len(times))
            self.pieces += [Piece(axis, a, b) for a, b in _cut(sizes, free, piece_bytes, piece_times)]

    def blocks(self, piece: Piece) -> list[Block]:
        """What there is to read of a piece, in order of time."""
        return self._between(piece.axis, piece.start, piece.stop)

    def before(self, piece: Piece, variables: Iterable[int]) -> list[Block]:
        """What there is to read of some variables at the time just before a piece."""
        wanted = frozenset(variables)
        found = []
        for block in self._between(piece.axis, piece.start - 1, piece.start) if wanted else ():
            kept = tuple(v for v in block.variables if v in wanted)
            if kept:
                found.append(Block(block.times, kept))
        return found

    def _between(self, axis: int, start: int, stop: int) -> list[Block]:
        touching = np.flatnonzero((self._last[axis] >= start) & (self._first[axis] < stop))
        found = []
        for block in (self._blocks[axis][i] for i in touching.tolist()):
            times = tuple(t for t in block.times if start <= t < stop)
            if times:
                found.append(Block(times, block.variables))
        return found


def _sizes(source: Source, blocks: Iterable[Block], n_times: int) -> np.ndarray:
    """Bytes of the fields of each time, as float32."""
    sizes = np.zeros(n_times, np.int64)
    for block in blocks:
        variables = (source.variables[v] for v in block.variables)
        sizes[list(block.times)] += sum(4 * source.grids[v.grid].n_cells * v.members for v in variables)
    return sizes


def _free(first: np.ndarray, last: np.ndarray, n_times: int) -> np.ndarray:
    """Bool (time,): whether no block lies on both sides of the beginning of a time."""
    crossing = np.zeros(n_times + 1, np.int64)
    np.add.at(crossing, first + 1, 1)
    np.add.at(crossing, last + 1, -1)
    return np.cumsum(crossing[:n_times]) == 0


def _cut(sizes: np.ndarray, free: np.ndarray, piece_bytes: int, piece_times: int) -> list[tuple[int, int]]:
    """Where pieces start and stop; times at which there is nothing to read belong to the piece before them."""
    if not sizes.any():
        return []
    cuts, size, times = [0], 0, 0
    for t, (own, uncrossed) in enumerate(zip(sizes.tolist(), free.tolist(), strict=True)):
        scale = 1 if uncrossed else _WIDEST
        if own and size >= scale * piece_bytes and times >= scale * piece_times:
            cuts.append(t)
            size = times = 0
        size, times = size + own, times + bool(own)
    return list(zip(cuts, [*cuts[1:], len(sizes)], strict=True))
