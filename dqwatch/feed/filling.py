"""Fields of a source decoded into the places of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.feed.workers import Worker
from dqwatch.types import Block, DecodesInto, Source


class Filler:
    """Puts the fields of a date where they belong; may be used by several threads at once.

    Parameters
    ----------
    source : Source
    variables : sequence of int
        Indices into `source.variables`, all of one time axis, one grid and as many members, in the order of a batch.
    points : np.ndarray or None
        int64, the cells that are wanted; None for all.
    """

    def __init__(self, source: Source, variables: Sequence[int], points: np.ndarray | None) -> None:
        self._source, self._variables, self._points = source, tuple(variables), points
        self._place = {v: k for k, v in enumerate(self._variables)}
        self._blocks: list[tuple[int, ...]] = []
        self._of_time: dict[int, list[int]] = {}
        for block in source.blocks():
            own = tuple(v for v in block.variables if v in self._place)
            if not own:
                continue
            for time in block.times:
                self._of_time.setdefault(time, []).append(len(self._blocks))
            self._blocks.append(own)
        self.blocks_of_a_date = max((len(blocks) for blocks in self._of_time.values()), default=1)
        """Parts in which a date can be decoded without decoding anything twice."""

    def fill(self, time: int, part: int, parts: int, target: np.ndarray, worker: Worker) -> None:
        """Decode one date, or a part of it, into its place.

        Parameters
        ----------
        time : int
            Position on the time axis.
        part, parts : int
            Which part of the date, of how many: the variables are shared between them.
        target : np.ndarray float32 (variable, member, cell)
            What is not stored becomes NaN.
        worker : Worker
        """
        first, last = (len(self._variables) * k // parts for k in (part, part + 1))
        wanted = set(range(first, last))
        for number in self._of_time.get(time, ()):
            block = Block((time,), tuple(v for v in self._blocks[number] if self._place[v] in wanted))
            if block.variables:
                worker.checkpoint()
                wanted -= self._fill_block(block, target, worker)
        for place in wanted:
            target[place] = np.nan

    def _fill_block(self, block: Block, target: np.ndarray, worker: Worker) -> set[int]:
        """The places of the variables of which every member was filled."""
        places = [self._place[v] for v in block.variables]
        if self._points is None and isinstance(self._source, DecodesInto):
            begin, end = min(places), max(places) + 1
            if [self._place[v] for v in sorted(block.variables)] == list(range(begin, end)):
                straight = Block(block.times, tuple(sorted(block.variables)))
                if self._source.read_into(straight, target[None, begin:end], worker.buffers):
                    return set(places)
        members = target.shape[1]
        seen = dict.fromkeys(places, 0)
        for place in places if members > 1 else ():
            target[place] = np.nan
        for one in self._source.read(block, worker.buffers):
            worker.checkpoint()
            out = target[self._place[one.variable], one.member]
            with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite
                out[...] = one.values if self._points is None else one.values[self._points]
            seen[self._place[one.variable]] += 1
        return {place for place, count in seen.items() if count}
