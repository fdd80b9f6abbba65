"""Blocks in runs: a worker that goes through consecutive times has the field before at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dqwatch.types import Block, Source

_LONGEST = 64
"""Blocks of a run: one more is read for each run, so that a run of 64 costs 1.6 % more."""
_TOGETHER = 8
"""The same where variables of several lanes wait for one another: no more times than these wait in memory."""


def make_runs(
    source: Source, blocks: Sequence[Block], workers: int, *, previous: bool, together: bool = False
) -> list[tuple[Block, ...]]:
    """Blocks grouped so that the times of a run follow each other, each run with the same variables.

    Parameters
    ----------
    source : Source
    blocks : sequence of Block
    workers : int
        A few runs are made for each.
    previous : bool
        Whether a metric needs the field before; else each block is a run.
    together : bool
        Whether fields of one time are wanted together (relations), so that runs of other variables must keep up.

    Returns
    -------
    list of tuple of Block
        In order of their first times.
    """
    if not previous:
        return [(block,) for block in blocks]
    lanes: dict[tuple[int, ...], list[Block]] = defaultdict(list)
    for block in blocks:
        lanes[block.variables].append(block)
    longest = _TOGETHER if together and len(lanes) > 1 else _LONGEST
    length = max(1, min(longest, len(blocks) // (4 * workers)))
    runs = []
    for lane in lanes.values():
        ordered = sorted(lane, key=lambda b: b.times[0])
        runs += [tuple(ordered[k : k + length]) for k in range(0, len(ordered), length)]
    return sorted(runs, key=lambda run: (run[0].times[0], run[0].variables))


class Lookup:
    """Where the fields of the time just before a block lie."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._block_of = {(v, t): block for block in blocks for v in block.variables for t in block.times}

    def before(self, block: Block) -> list[Block]:
        """Parts of blocks that hold the time before the first of `block`, for its variables."""
        time = block.times[0] - 1
        parts: dict[int, tuple[Block, list[int]]] = {}
        for v in block.variables:
            holder = self._block_of.get((v, time))
            if holder is not None:
                parts.setdefault(id(holder), (holder, []))[1].append(v)
        return [Block((time,), tuple(variables)) for _, variables in parts.values()]
