"""What other chunks would bring: shapes to try, the best of them for each way of reading, and for all together.

Reading a chunk is taken to cost its decoded bytes and, for opening, seeking or asking for it, as much as `OVERHEAD`
bytes more. Chunks of 1 to 100 MB are looked at; the order of dimensions matters only where an array has no chunks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dqwatch.metrics.access import Access, Geometry, Part, count_chunks, measure
from dqwatch.metrics.field_arrays import FieldArray

SMALLEST, LARGEST = 1_000_000, 100_000_000
OVERHEAD = 1_000_000
"""Bytes that could be decoded in the time that a chunk costs besides; a guess, of the order of 1 ms."""
MOST_OBJECTS = 1_000_000
"""File systems and listings suffer from more; only shards hold more chunks."""
WORTH = 0.8
"""A shape is worth a copy if it costs less than this share of the present one."""

Wishes = Mapping[str, Sequence[Part]]
"""Name of a pattern -> what it wants of an array."""


@dataclass(frozen=True)
class Candidate:
    """A layout of an array and what reading costs with it."""

    best_for: tuple[str, ...]
    """Names of patterns; 'all' for the best compromise; () for the present layout."""
    dims: tuple[str, ...]
    geometry: Geometry
    accesses: Mapping[str, Access]

    @property
    def contiguous(self) -> bool:
        """Whether the array has no chunks."""
        return self.geometry.chunks is None


def present(array: FieldArray, wishes: Wishes) -> Candidate:
    """The layout that an array has."""
    return Candidate((), array.dims, array.geometry, {n: measure(array.geometry, p) for n, p in wishes.items()})


def propose(array: FieldArray, wishes: Wishes) -> list[Candidate]:
    """Layouts that are worth a copy, each with the patterns for which it is the best.

    Parameters
    ----------
    array : FieldArray
    wishes : mapping of name to sequence of Part
        What each pattern wants of the array.

    Returns
    -------
    list of Candidate
        The best for each pattern, then that for all together (the least geometric mean of the costs); a transposed one
        first where the array is contiguous. None that costs more than `WORTH` of the present layout in what it is best
        for, and none for an array of less than 1 MB, which is best read whole.
    """
    if math.prod(array.geometry.shape) * array.geometry.itemsize < SMALLEST:
        return []
    now = present(array, wishes)
    costs_now = {name: cost(now.geometry, access) for name, access in now.accesses.items()}
    chosen: dict[tuple[int, ...], list[str]] = {}
    for name, shape, price in _best(array, wishes):
        before = _together(costs_now) if name == "all" else costs_now[name]
        if price < WORTH * before and shape != now.geometry.chunks:
            chosen.setdefault(shape, []).append(name)
    found = [_candidate(array, shape, names, wishes) for shape, names in chosen.items()]
    return [*_transposed(array, wishes, costs_now), *found]


def cost(geometry: Geometry, access: Access) -> float:
    """What an access costs, in bytes; pages that follow each other need no asking."""
    return access.decoded_bytes + (OVERHEAD * access.chunks if geometry.chunks is not None else 0)


def _together(costs: Mapping[str, float]) -> float:
    return math.exp(sum(math.log(max(c, 1.0)) for c in costs.values()) / max(1, len(costs)))


def _best(array: FieldArray, wishes: Wishes) -> Iterator[tuple[str, tuple[int, ...], float]]:
    """The cheapest shape for each pattern, and for all together."""
    counts: dict[tuple[str, int, tuple[int, ...]], int] = {}
    best: dict[str, tuple[float, int, tuple[int, ...]]] = {}
    for shape in candidate_shapes(array):
        size = math.prod(shape) * array.geometry.itemsize
        costs = {}
        for name, parts in wishes.items():
            n = 1
            for number, part in enumerate(parts):
                key = (name, number, tuple(shape[a] for a in part.axes))
                if key not in counts:
                    counts[key] = count_chunks(array.geometry.shape, shape, part)
                n *= counts[key]
            costs[name] = float(n * (size + OVERHEAD))
        costs["all"] = _together(costs)
        for name, price in costs.items():
            # Of equally good ones the largest, which makes the fewest objects.
            best[name] = min(best.get(name, (math.inf, 0, ())), (price, -size, shape))
    for name in [*wishes, "all"]:
        if name in best:
            yield name, best[name][2], best[name][0]


def candidate_shapes(array: FieldArray) -> Iterator[tuple[int, ...]]:
    """Chunk shapes of 1 to 100 MB, not too many: times in powers of 2, cells halved again and again.

    Levels and variables are all in a chunk or each in its own; members too.
    """
    shape, item = array.geometry.shape, array.geometry.itemsize
    times = [_powers(shape[a]) for a in array.times]
    cells = _tiles([shape[a] for a in array.cells])
    rest, members = _all_or_one(array.rest, shape), _all_or_one(array.members, shape)
    axes = (*array.times, *array.cells, *array.rest, *array.members)
    for lengths, tile, some, one in itertools.product(itertools.product(*times), cells, rest, members):
        chunk = dict(zip(axes, (*lengths, *tile, *some, *one), strict=True))
        fits = SMALLEST <= math.prod(chunk.values()) * item <= LARGEST
        if fits and (array.geometry.shards or math.prod(-(-shape[a] // n) for a, n in chunk.items()) <= MOST_OBJECTS):
            yield tuple(chunk[a] for a in range(len(shape)))


def _powers(length: int) -> list[int]:
    return [*itertools.takewhile(lambda n: n < length, (2**k for k in range(length.bit_length() + 1))), max(length, 1)]


def _tiles(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """The whole, then each axis in 2, 4, 8, ... parts."""
    found = [tuple(-(-n // 2**k) for n in shape) for k in range(max(shape, default=1).bit_length() + 1)]
    return list(dict.fromkeys(found))


def _all_or_one(axes: Sequence[int], shape: Sequence[int]) -> list[tuple[int, ...]]:
    return list(dict.fromkeys([tuple(shape[a] for a in axes), (1,) * len(axes)]))


def _candidate(array: FieldArray, chunks: tuple[int, ...], names: Iterable[str], wishes: Wishes) -> Candidate:
    geometry = Geometry(array.geometry.shape, array.geometry.itemsize, chunks)
    return Candidate(tuple(names), array.dims, geometry, {n: measure(geometry, p) for n, p in wishes.items()})


def _transposed(array: FieldArray, wishes: Wishes, costs_now: Mapping[str, float]) -> Iterator[Candidate]:
    """Times as the last dimension, so that the series of a cell lies in one piece."""
    old = array.geometry
    order = tuple(a for a in range(len(old.shape)) if a not in array.times) + array.times
    if old.chunks is not None or order == tuple(range(len(order))):
        return
    geometry = Geometry(tuple(old.shape[a] for a in order), old.itemsize, unit=old.unit)
    moved = {n: [Part(tuple(order.index(a) for a in p.axes), p.indices) for p in ps] for n, ps in wishes.items()}
    accesses = {name: measure(geometry, parts) for name, parts in moved.items()}
    better = tuple(n for n, access in accesses.items() if cost(geometry, access) < WORTH * costs_now[n])
    if better:
        yield Candidate(better, tuple(array.dims[a] for a in order), geometry, accesses)
