"""The order in which two sources are read so that their common fields meet, each block decoded as seldom as can be.

The source with the fewer, larger blocks leads: for each of its blocks the fields that both have are held, and those of
the other stream past. What is held is at most a block of the leader, or `MOST_HELD` if that is less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.types import Block, Source

MOST_HELD = 512_000_000
"""Bytes of fields that a worker holds; blocks beyond it are read in parts, by variable."""

DATA, REFERENCE = 0, 1


class Common(NamedTuple):
    """The times at which both sources have a variable."""

    variables: tuple[int, int]
    """Its index in the data and in the reference."""
    times: tuple[np.ndarray, np.ndarray]
    """int64 (k,), positions on the axis of the data and on that of the reference."""


class Unit(NamedTuple):
    """What one worker does at a time: part of a block of the leader."""

    block: int
    commons: tuple[int, ...]
    """Indices of the variables (`Common`) of this part."""


class Chosen(NamedTuple):
    """Of one variable, the common times of a unit."""

    common: int
    places: np.ndarray
    """int64, positions in `Common.times`."""


class Meeting:
    """The plan of reading.

    Parameters
    ----------
    sources : (Source, Source)
        Data and reference.
    commons : sequence of Common

    Attributes
    ----------
    leader, follower : int
        DATA or REFERENCE.
    units : list of Unit
    """

    def __init__(self, sources: tuple[Source, Source], commons: Sequence[Common]) -> None:
        self._sources, self._commons = sources, commons
        self._blocks = [_relevant(sources[side], commons, side) for side in (DATA, REFERENCE)]
        self.leader = REFERENCE if len(self._blocks[REFERENCE]) < len(self._blocks[DATA]) else DATA
        self.follower = REFERENCE if self.leader == DATA else DATA
        self._order = [np.argsort(c.times[self.leader], kind="stable") for c in commons]
        self._sorted = [c.times[self.leader][order] for c, order in zip(commons, self._order, strict=True)]
        self._of_variable: dict[int, list[int]] = defaultdict(list)
        for number, common in enumerate(commons):
            self._of_variable[common.variables[self.leader]].append(number)
        self._holder = _holders(sources[self.follower], self._blocks[self.follower], commons, self.follower)
        self.units = [unit for b in range(len(self._blocks[self.leader])) for unit in self._split(b)]

    def describe(self, unit: Unit) -> tuple[Source, Block]:
        """The source and block that errors name."""
        return self._sources[self.leader], self._blocks[self.leader][unit.block]

    def chosen(self, unit: Unit) -> list[Chosen]:
        """The common times of a unit, by variable."""
        times = np.array(self._blocks[self.leader][unit.block].times, np.int64)
        found = []
        for common in unit.commons:
            ordered = self._sorted[common]
            first, last = np.searchsorted(ordered, times, "left"), np.searchsorted(ordered, times, "right")
            places = [self._order[common][a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
            if places:
                found.append(Chosen(common, np.concatenate(places)))
        return found

    def to_hold(self, chosen: Sequence[Chosen]) -> list[Block]:
        """What to read of the leader."""
        wanted = [
            (self._commons[c.common].variables[self.leader], self._commons[c.common].times[self.leader][c.places])
            for c in chosen
        ]
        return _blocks_of(wanted)

    def to_stream(self, chosen: Sequence[Chosen]) -> list[Block]:
        """What to read of the follower, by its own blocks."""
        by_block: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)
        for c in chosen:
            variable = self._commons[c.common].variables[self.follower]
            times = np.unique(self._commons[c.common].times[self.follower][c.places])
            holders = self._holder[variable][times]
            for block in np.unique(holders[holders >= 0]).tolist():
                by_block[block].append((variable, times[holders == block]))
        return [part for block in sorted(by_block) for part in _blocks_of(by_block[block])]

    def _split(self, block: int) -> Iterator[Unit]:
        """The variables of a block of the leader, in parts that may be held."""
        source, found = self._sources[self.leader], self._blocks[self.leader][block]
        part: list[int] = []
        held = 0
        for v in found.variables:
            size = 4 * source.grids[source.variables[v].grid].n_cells * source.variables[v].members * len(found.times)
            if part and held + size > MOST_HELD:
                yield Unit(block, tuple(part))
                part, held = [], 0
            part += self._of_variable[v]
            held += size
        if part:
            yield Unit(block, tuple(part))


def _relevant(source: Source, commons: Sequence[Common], side: int) -> list[Block]:
    """The blocks of a source that hold a common field, cut to the common variables."""
    wanted = {}
    for c in commons:
        v = c.variables[side]
        wanted[v] = np.zeros(len(source.times[source.variables[v].times]), bool)
        wanted[v][c.times[side]] = True
    found = []
    for block in source.blocks():
        times = list(block.times)
        variables = tuple(v for v in block.variables if v in wanted and wanted[v][times].any())
        if variables:
            found.append(Block(block.times, variables))
    return found


def _holders(source: Source, blocks: Sequence[Block], commons: Sequence[Common], side: int) -> dict[int, np.ndarray]:
    """Which block holds each time of each variable, int32 (time,); -1 for none."""
    found = {}
    for c in commons:
        v = c.variables[side]
        found[v] = np.full(len(source.times[source.variables[v].times]), -1, np.int32)
    for number, block in enumerate(blocks):
        for v in block.variables:
            found[v][list(block.times)] = number
    return found


def _blocks_of(wanted: Iterable[tuple[int, np.ndarray]]) -> list[Block]:
    """Variables with the times wanted of each, as few blocks."""
    together: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for variable, times in wanted:
        if times.size:
            together[tuple(np.unique(times).tolist())].append(variable)
    return [Block(times, tuple(variables)) for times, variables in together.items()]
