"""NaN in a small sample of fields: a few dates, evenly spread, the same ones each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.metrics.access import measure
from dqwatch.metrics.access_patterns import parse_pattern
from dqwatch.metrics.field_arrays import FieldArray
from dqwatch.types import Block, Source

MOST_DATES = 4
BUDGET = 1_000_000_000
"""Bytes that may be decoded for the sample."""
_DATE = parse_pattern("time=1", strict=False)


@dataclass(frozen=True)
class Holes:
    """What a sample of fields holds of NaN."""

    times: tuple[str, ...]
    """Labels of the sampled times; those declared missing are not among them."""
    n_fields: int
    n_of: int
    """Fields of the whole source."""
    n_variables: int
    """Variables sampled: fewer than all, if one date of all would cost too much."""
    shares: Mapping[str, float]
    """Variable -> share of its sampled cells that are NaN; only those that have any."""
    empty_times: tuple[str, ...]
    """Sampled times of which every field is NaN throughout."""


def sample_holes(source: Source, arrays: Sequence[FieldArray], *, budget: int = BUDGET) -> Holes:
    """Count NaN in a few dates.

    Parameters
    ----------
    source : Source
    arrays : sequence of FieldArray
        Tell what a date costs; without them one field of one variable is read for each time axis.
    budget : int
        Bytes that may be decoded; one field of one variable is read in any case.
    """
    chosen, variables = _choose(source, arrays, budget)
    n_cells: dict[int, int] = defaultdict(int)
    n_nan: dict[int, int] = defaultdict(int)
    filled: dict[tuple[int, int], bool] = {}
    n_fields = 0
    buffers = Buffers()
    for block in _blocks(source, chosen, variables):
        axis = source.variables[block.variables[0]].times
        for field in source.read(block, buffers):
            nan = int(np.isnan(field.values).sum())
            n_fields += 1
            n_cells[field.variable] += field.values.size
            n_nan[field.variable] += nan
            key = (axis, field.time)
            filled[key] = filled.get(key, False) or nan < field.values.size
    return Holes(
        times=tuple(dict.fromkeys(source.times[a].labels[t] for a, times in chosen.items() for t in times)),
        n_fields=n_fields,
        n_of=sum(len(source.times[v.times]) * v.members for v in source.variables),
        n_variables=len(n_cells),
        shares={source.variables[v].name: n_nan[v] / n_cells[v] for v in sorted(n_cells) if n_nan[v]},
        empty_times=tuple(source.times[a].labels[t] for (a, t), some in sorted(filled.items()) if not some),
    )


def _choose(source: Source, arrays: Sequence[FieldArray], budget: int) -> tuple[dict[int, list[int]], set[int]]:
    """Times of each axis and the variables to sample, as many as the budget allows."""
    cost: dict[int, int] = defaultdict(int)
    for array in arrays:
        cost[array.axis] += measure(array.geometry, array.parts(source, _DATE, array.variables)).decoded_bytes
    share = budget // max(1, len({v.times for v in source.variables}))
    chosen, variables = {}, set()
    for axis in sorted({v.times for v in source.variables}):
        own = [i for i, v in enumerate(source.variables) if v.times == axis]
        price = cost.get(axis, budget * len(own))
        n_dates = min(MOST_DATES, max(1, share // max(1, price)))
        chosen[axis] = _spread(source, axis, n_dates)
        affordable = len(own) if price <= share else max(1, len(own) * share // price)
        variables.update(own[:: -(-len(own) // affordable)])
    return chosen, variables


def _spread(source: Source, axis: int, count: int) -> list[int]:
    """Some times from the first to the last that are not declared missing; the middle one if it is only one."""
    times = source.times[axis]
    there = np.arange(len(times))
    if times.declared_missing is not None:
        there = there[~np.asarray(times.declared_missing, bool)]
    if not there.size:
        return []
    places = np.linspace(0, there.size - 1, count) if count > 1 else np.array([(there.size - 1) // 2])
    return [int(t) for t in np.unique(there[places.round().astype(np.int64)])]


def _blocks(source: Source, chosen: Mapping[int, Sequence[int]], variables: set[int]) -> Iterator[Block]:
    """The wanted parts of the blocks of a source."""
    wanted = {axis: frozenset(times) for axis, times in chosen.items()}
    for block in source.blocks():
        times = wanted[source.variables[block.variables[0]].times].intersection(block.times)
        kept = tuple(v for v in block.variables if v in variables)
        if times and kept:
            yield Block(tuple(sorted(times)), kept)
