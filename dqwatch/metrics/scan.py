"""The scan: every field of a source looked at once, and the tables made from what was seen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dqwatch.catalogue import Catalogue
from dqwatch.feed.devices import Device, one_thread_each
from dqwatch.feed.workers import Progress
from dqwatch.metrics.arrays import arrays_table
from dqwatch.metrics.earth import land_columns
from dqwatch.metrics.field_table import Seen, fields_table
from dqwatch.metrics.fields import Rows
from dqwatch.metrics.grid import grid_table
from dqwatch.metrics.histogram import Histogram
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.layout import layout_columns
from dqwatch.metrics.masks import judge_mask
from dqwatch.metrics.metric import Params, Wanted
from dqwatch.metrics.missing_chunks import find_absences
from dqwatch.metrics.one_pass import Pass
from dqwatch.metrics.piece_runs import run_pieces
from dqwatch.metrics.source_table import source_table
from dqwatch.metrics.stored_statistics import statistics_columns
from dqwatch.metrics.times import times_table
from dqwatch.metrics.variables import variables_table
from dqwatch.part import Spread
from dqwatch.types import Source

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
    notes: tuple[str, ...] = ()
    """What else is to be said of the pass, one clause each."""


def scan(
    source: Source,
    *,
    catalogue: Catalogue | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
    wanted: Wanted | None = None,
    params: Params | None = None,
    spread: Spread | None = None,
    device: Device | None = None,
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
    spread : Spread, optional
        Scan piece by piece: by the workers of a Dask scheduler, or keeping what is finished. All at once by default;
        the tables are the same bits.
    device : Device, optional
        Look at fields by operations on tensors there (`dqwatch.metrics.on_device`); by the compiled kernel by default.
    now : datetime, optional
        Times later than this plus 45 days are in the future; the clock by default. Naive means UTC.

    Returns
    -------
    Scan

    Raises
    ------
    SourceError
        If a block cannot be read; the message names it.
    SchedulerError
        If the scheduler, or a worker again and again, is lost.
    UsageError
        If `workers` is below 1, or pieces of another pass are kept where `spread` wants them.
    """
    began = time.perf_counter()
    sizes = None if spread is None else spread.sizes
    own = Pass(source, catalogue=catalogue, wanted=wanted, params=params, workers=workers, sizes=sizes, device=device)
    with one_thread_each(device):
        found = own.run_threads(workers, progress) if spread is None else run_pieces(own, spread, workers, progress)
    tables = _tables(source, own.knowledge, found.rows, now or datetime.now(UTC), own.wanted)
    if found.relate is not None:
        tables["relations"] = found.relate.table()
    return Scan(
        tables=tables,
        histograms={v.name: Histogram(own.bins[i], found.counts[i]) for i, v in enumerate(source.variables)},
        seconds=time.perf_counter() - began,
        bytes=found.bytes,
        workers=found.workers,
        notes=(*own.notes(), *found.notes),
    )


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
