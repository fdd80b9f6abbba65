"""Which blocks of a source hold some of its times."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dqwatch.types import Block, Source


def blocks_at(source: Source, times: Iterable[int], variables: Collection[int]) -> dict[int, list[Block]]:
    """The parts of blocks that hold some variables at some times.

    Parameters
    ----------
    source : Source
    times : iterable of int
        Positions on the axis of the variables.
    variables : collection of int
        Indices into `source.variables`, all on one axis.

    Returns
    -------
    dict of time to list of Block
    """
    found: dict[int, list[Block]] = {int(time): [] for time in times}
    for block in source.blocks():
        own = tuple(v for v in block.variables if v in variables)
        for time in block.times if own else ():
            if time in found:
                found[time].append(Block((time,), own))
    return found
