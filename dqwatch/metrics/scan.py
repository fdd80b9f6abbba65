"""The scan: every field of a source looked at once, and the tables made from what was seen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.catalogue import Catalogue, load_catalogue
from dqwatch.feed import Worker, default_workers, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.arrays import arrays_table
from dqwatch.metrics.earth import land_columns
from dqwatch.metrics.field_table import Seen, fields_table
from dqwatch.metrics.fields import Rows, Scanner
from dqwatch.metrics.grid import grid_table
from dqwatch.metrics.histogram import Bins, Histogram
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.metrics.known import Knowledge, know
from dqwatch.metrics.layout import layout_columns
from dqwatch.metrics.masks import judge_mask
from dqwatch.metrics.measures import Measures
from dqwatch.metrics.metric import FieldMetric, Params, Wanted, field_metrics, params_of
from dqwatch.metrics.missing_chunks import find_absences
from dqwatch.metrics.relate import Relate
from dqwatch.metrics.runs import Lookup, make_runs
from dqwatch.metrics.scout import lay_bins, name_block
from dqwatch.metrics.source_table import source_table
from dqwatch.metrics.stored_statistics import statistics_columns, without_tendencies
from dqwatch.metrics.tiles import Tiles
from dqwatch.metrics.times import times_table
from dqwatch.metrics.variables import variables_table
from dqwatch.types import Block, Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scan:
    """What one pass over a source found."""

    tables: Mapping[str, pd.DataFrame]
    """`fields`, `times`, `variables`, `grid`, `source`, `arrays`, as dqwatch.tables describes them."""
    histograms: Mapping[str, Histogram]
    """Of each variable, dates declared missing left out."""
    seconds: float
    """Wall time of the scan, tables included."""
    bytes: int
    """Uncompressed bytes looked at."""
    workers: int


def scan(
    source: Source,
    *,
    catalogue: Catalogue | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
    wanted: Wanted | None = None,
    params: Params | None = None,
) -> Scan:
    """Scan a source: one streaming pass, each worker decoding into buffers of its own.

    The tables are the same bits for any number of workers on one type of CPU.

    Parameters
    ----------
    source : Source
    catalogue : Catalogue, optional
        What is known of variables; the shipped one by default.
    workers : int, optional
        Threads; one per core that this process may use by default.
    progress : callable, optional
        `progress(done, total)` in blocks.
    wanted : mapping of table to columns, optional
        Columns that rules look at: metrics that fill optional ones among them are run.
    params : mapping of column to quantities, optional
        Of columns of `fields`, the quantities of which they are wanted; of all where a column is not named.
    now : datetime, optional
        Times later than this plus 45 days are in the future; the clock by default. Naive means UTC.

    Returns
    -------
    Scan

    Raises
    ------
    SourceError
        If a block cannot be read; the message names it.
    UsageError
        If `workers` is below 1.
    """
    began = time.perf_counter()
    knowledge = know(source, catalogue or load_catalogue())
    blocks = source.blocks()
    bins = lay_bins(source, knowledge, blocks, workers)
    wanted = without_tendencies(source, wanted or {})
    metrics = field_metrics(wanted)
    rows = Rows(source, [column for metric in metrics for column in metric.columns])
    blocks = _spread(blocks, workers or default_workers())
    relate = Relate(source, knowledge) if "relations" in wanted else None
    own = [params_of(metric, wanted, params) for metric in metrics]
    used, scanners = _pass(source, knowledge, bins, rows, blocks, metrics, own, relate, workers, progress)
    tables = _tables(source, knowledge, rows, now or datetime.now(UTC), wanted)
    if relate is not None:
        tables["relations"] = relate.table()
    counts = sum((s.counts for s in scanners), np.zeros((len(bins), SLOTS), np.int64))
    return Scan(
        tables=tables,
        histograms={v.name: Histogram(bins[i], counts[i]) for i, v in enumerate(source.variables)},
        seconds=time.perf_counter() - began,
        bytes=sum(s.bytes for s in scanners),
        workers=used,
    )


def _pass(
    source: Source,
    knowledge: Sequence[Knowledge],
    bins: Sequence[Bins],
    rows: Rows,
    blocks: Sequence[Block],
    metrics: Sequence[FieldMetric],
    params: Sequence[frozenset[str] | None],
    relate: Relate | None,
    workers: int | None,
    progress: Progress | None,
) -> tuple[int, list[Scanner]]:
    """Every field into its row. Rows are apart and counts are integers: the order of the threads leaves no trace."""
    scanners: dict[int, tuple[Scanner, Measures]] = {}
    previous = any(m.needs_previous for m in metrics)
    together = relate is not None
    runs = make_runs(source, blocks, workers or default_workers(), previous=previous, together=together)
    lookup = Lookup(blocks) if previous else None
    current: dict[tuple[Block, ...], Block] = {}
    tiles = Tiles(source)
    if relate is not None:
        relate.read_statics(Buffers())

    def work(blocks: tuple[Block, ...], worker: Worker) -> None:
        if worker.number not in scanners:
            measures = Measures(source, knowledge, metrics, tiles, params)
            scanner = Scanner(source, knowledge, bins, rows, measures if metrics else None)
            scanners[worker.number] = scanner, measures
        scanner, measures = scanners[worker.number]
        for part in lookup.before(blocks[0]) if lookup is not None else ():
            for field in source.read(part, worker.buffers):
                measures.keep(field)
        for block in blocks:
            current[blocks] = block
            for field in source.read(block, worker.buffers):
                worker.checkpoint()
                scanner.scan(field)
                if relate is not None:
                    relate.add(field)

    used = run(
        runs, work, workers=workers, describe=lambda r: name_block(source, current.get(r, r[0])), progress=progress
    )
    return used, [scanner for scanner, _ in scanners.values()]


def _spread(blocks: Sequence[Block], workers: int) -> Sequence[Block]:
    """The blocks, cut by variables where there are fewer than workers."""
    if not blocks or len(blocks) >= workers:
        return blocks
    parts = -(-workers // len(blocks))
    return [
        Block(block.times, tuple(part.tolist()))
        for block in blocks
        for part in np.array_split(np.array(block.variables, np.int64), min(parts, len(block.variables)))
    ]


def _tables(
    source: Source, knowledge: Sequence[Knowledge], rows: Rows, now: datetime, wanted: Wanted
) -> dict[str, pd.DataFrame]:
    seen = Seen(source, rows)
    masks = []
    for v, variable in enumerate(source.variables):
        own = seen.of(v)
        n, n_nan = seen.ints["n"][own], seen.ints["n_nan"][own]
        masks.append(judge_mask(variable, knowledge[v], seen.hashes["nan_hash"][own], n, n_nan))
    statistics = statistics_columns(source, seen, wanted.get("variables", ()))
    arrays = source.arrays()
    absences = find_absences(source, arrays, knowledge, wanted)
    layout = layout_columns(source, arrays, wanted)
    lost = absences.fields if absences and "lost_chunks" in wanted.get("fields", ()) else None
    return {
        "fields": fields_table(source, seen, masks, lost),
        "times": times_table(source, seen, masks, now, wanted.get("times", ())),
        "variables": variables_table(source, knowledge, seen, masks, statistics),
        "grid": grid_table(source, land_columns(source, wanted.get("grid", ()))),
        "source": source_table(source),
        "arrays": arrays_table(source, arrays, {**layout, **(absences.columns if absences else {})}),
    }
