"""A first look at a few fields of variables that the catalogue has no range for, so that their bins can be laid."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from dqwatch.feed import Worker, run
from dqwatch.metrics.fills import fills
from dqwatch.metrics.histogram import Bins, linear_bins, skewed_bins
from dqwatch.metrics.kernel_layout import ABSURD
from dqwatch.metrics.known import Knowledge
from dqwatch.types import Block, Source

_SAMPLES = 4096
_MARGIN = 0.5
"""Of the range seen, on both sides: other seasons reach further."""

Ranges = dict[int, tuple[float, float]]


def lay_bins(
    source: Source, knowledge: Sequence[Knowledge], blocks: Sequence[Block], workers: int | None
) -> list[Bins]:
    """The bins of each variable: from the catalogue, else from the first, middle and last of its blocks.

    The same for any number of workers, and for any source with the same fields in the same blocks.
    """
    wanted = {v for v, known in enumerate(knowledge) if known.bins is None}
    ranges: Ranges = {}

    def take(found: Ranges) -> None:
        for v, (low, high) in found.items():
            before = ranges.get(v, (math.inf, -math.inf))
            ranges[v] = min(low, before[0]), max(high, before[1])

    def look(block: Block, worker: Worker) -> Ranges:
        found: Ranges = {}
        for field in source.read(block, worker.buffers):
            worker.checkpoint()
            low, high = _extent(field.values, source.variables[field.variable].raw_fills)
            before = found.get(field.variable, (math.inf, -math.inf))
            found[field.variable] = min(low, before[0]), max(high, before[1])
        return found

    samples = list(_samples(blocks, wanted))
    if samples:
        run(samples, look, workers=workers, take=take, describe=lambda block: name_block(source, block))
    return [known.bins or _laid(known, ranges.get(v)) for v, known in enumerate(knowledge)]


def _samples(blocks: Sequence[Block], wanted: set[int]) -> Iterable[Block]:
    """One time each of the first, middle and last block with the same variables, of the wanted variables only."""
    alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, block in enumerate(blocks):
        alike[block.variables].append(number)
    for variables, numbers in alike.items():
        kept = tuple(v for v in variables if v in wanted)
        if kept:
            for number in sorted({numbers[0], numbers[len(numbers) // 2], numbers[-1]}):
                times = blocks[number].times
                yield Block((times[len(times) // 2],), kept)


def _extent(values: np.ndarray, raw_fills: Sequence[float] = ()) -> tuple[float, float]:
    """Extremes of a sample of a field, without what is no value of weather."""
    sample = values[:: max(1, values.size // _SAMPLES)].astype(np.float64)
    sample = sample[np.isfinite(sample) & (np.abs(sample) < ABSURD)]
    sample = sample[~np.isin(sample, fills(values.dtype, raw_fills).astype(np.float64))]
    return (float(sample.min()), float(sample.max())) if sample.size else (math.inf, -math.inf)


def _laid(known: Knowledge, extent: tuple[float, float] | None) -> Bins:
    low, high = extent if extent is not None and extent[0] <= extent[1] else (0.0, 1.0)
    if known.entry is not None and known.entry.histogram == "skewed":
        return skewed_bins(2 * high)
    margin = _MARGIN * (high - low)
    return linear_bins(low - margin, high + margin)


def name_block(source: Source, block: Block) -> str:
    """A block in words, for errors: source, times and variables."""
    variables = [source.variables[v] for v in block.variables]
    names = [v.name for v in variables[:3]] + ([f"... ({len(variables)} variables)"] if len(variables) > 3 else [])
    labels = source.times[variables[0].times].labels if variables else []
    times = [labels[t] for t in (block.times[0], block.times[-1])] if block.times and labels else []
    when = "" if not times or not times[0] else times[0] if times[0] == times[-1] else f"{times[0]} to {times[-1]}"
    return f"{source.name}: {', '.join(names)}{' at ' + when if when else ''}"
