"""One pass over a source: every field into its row, by threads that share one memory, or piece by piece anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dqwatch import __version__
from dqwatch.buffers import Buffers
from dqwatch.catalogue import Catalogue, load_catalogue
from dqwatch.feed import Worker, default_workers, run
from dqwatch.feed.devices import Device
from dqwatch.feed.workers import Progress, named
from dqwatch.metrics.compiled import kernel_digest
from dqwatch.metrics.fields import Rows, Scanner
from dqwatch.metrics.histogram import Bins
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.metrics.known import know
from dqwatch.metrics.measures import Measures
from dqwatch.metrics.metric import Params, Wanted, field_metrics, params_of
from dqwatch.metrics.pieces import Cutting, Piece
from dqwatch.metrics.relate import Relate
from dqwatch.metrics.runs import Lookup, make_runs
from dqwatch.metrics.scout import lay_bins, name_block
from dqwatch.metrics.stored_statistics import without_tendencies
from dqwatch.metrics.tiles import Tiles
from dqwatch.types import Block, Field, Source

Arrays = dict[str, np.ndarray]
"""What a piece gave: a few numbers of each field, never the field."""


@dataclass
class Found:
    """What a pass found."""

    rows: Rows
    counts: np.ndarray
    """int64 (variable, slot): histograms, dates declared missing left out."""
    relate: Relate | None
    bytes: int = 0
    """Uncompressed bytes looked at."""
    workers: int = 1
    notes: tuple[str, ...] = ()

    def put(self, piece: Piece, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in what a piece gave; pieces may come in any order, each once."""
        self.rows.put(piece, arrays)
        self.counts += arrays["counts"]
        self.bytes += int(arrays["bytes"])
        if self.relate is not None:
            self.relate.put(arrays)


class Pass:
    """What is looked for in a source, and how.

    Parameters
    ----------
    source : Source
    catalogue : Catalogue, optional
        The shipped one by default.
    wanted : mapping of table to columns, optional
    params : mapping of column to quantities, optional
        As for `scan`.
    bins : sequence of Bins, optional
        Of each variable; laid by the catalogue and a first look at a few fields by default.
    workers : int, optional
        Threads of that first look.
    sizes : mapping, optional
        `piece_bytes` and `piece_times` of `Cutting`.
    device : Device, optional
        Where fields are looked at by operations on tensors; by the kernel by default.
    """

    def __init__(
        self,
        source: Source,
        *,
        catalogue: Catalogue | None = None,
        wanted: Wanted | None = None,
        params: Params | None = None,
        bins: Sequence[Bins] | None = None,
        workers: int | None = None,
        sizes: Mapping[str, int] | None = None,
        device: Device | None = None,
    ) -> None:
        self.source = source
        self.device = device
        self.knowledge = know(source, catalogue or load_catalogue())
        self.blocks = source.blocks()
        self.bins = list(bins) if bins is not None else lay_bins(source, self.knowledge, self.blocks, workers)
        self.wanted = without_tendencies(source, wanted or {})
        self._metrics = field_metrics(self.wanted)
        self.params = params
        self._params_of = [params_of(metric, self.wanted, params) for metric in self._metrics]
        self._tiles = Tiles(source)
        self._sizes = dict(sizes or {})
        self._relates = "relations" in self.wanted

    @property
    def columns(self) -> list[str]:
        """Columns of metrics."""
        return [column for metric in self._metrics for column in metric.columns]

    @cached_property
    def _relate(self) -> Relate | None:
        """Relations that have seen nothing but what has no time; to be used through `anew`."""
        if not self._relates:
            return None
        relate = Relate(self.source, self.knowledge)
        relate.read_statics(Buffers())
        return relate

    @cached_property
    def cutting(self) -> Cutting:
        """The pieces; the same for any source with the same blocks."""
        return Cutting(self.source, self.blocks, **self._sizes)

    @cached_property
    def digest(self) -> str:
        """What tells this pass from any other: version, data as their metadata have them, what is looked for."""
        source = self.source
        told = hashlib.sha256()
        for what in (
            (__version__, kernel_digest(), source.kind, source.identity, self.columns, self._relates),
            *(() if self.device is None else (str(self.device),)),
            [(v.name, v.source_name, v.units, v.level, v.times, v.grid, v.members) for v in source.variables],
            [(axis.name, axis.calendar, axis.kind, len(axis)) for axis in source.times],
            [(grid.kind, grid.shape) for grid in source.grids],
            [sorted(chosen) if chosen is not None else None for chosen in self._params_of],
            [known.limits for known in self.knowledge],
            (self.bins, self.cutting.pieces),
        ):
            told.update(repr(what).encode())
        for axis in source.times:
            for array in (axis.seconds, axis.declared_missing, axis.sampled):
                told.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        for grid in source.grids:
            for array in (grid.latitudes, grid.longitudes):
                told.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return told.hexdigest()

    def found_nothing(self) -> Found:
        """What there is before the first field."""
        counts = np.zeros((len(self.source.variables), SLOTS), np.int64)
        return Found(Rows(self.source, self.columns), counts, self._relate.anew() if self._relate else None)

    def _measures(self) -> Measures:
        return Measures(self.source, self.knowledge, self._metrics, self._tiles, self._params_of)

    def looks_back(self) -> list[int]:
        """The variables of which every worker holds the fields before."""
        return self._measures().looks_back()

    def waits(self) -> list[int]:
        """The variables whose fields wait for others of the same time."""
        uses = Relate(self.source, self.knowledge).uses if self._relates else ()
        return sorted({v for use in uses for v in use.variables.values()})

    def _scanner(self, rows: Rows) -> tuple[Scanner, Measures]:
        measures = self._measures()
        given = (self.source, self.knowledge, self.bins, rows, measures if self._metrics else None)
        if self.device is None:
            return Scanner(*given), measures
        from dqwatch.metrics.device_scanner import DeviceScanner

        return DeviceScanner(self.device, *given), measures

    def notes(self) -> tuple[str, ...]:
        """What is to be said of where fields are looked at, one clause."""
        if self.device is None:
            return ()
        names = sorted({m.function.__name__ for m in self._metrics})
        beside = f"; on the host: {', '.join(names)}" if names else ""
        return (f"looked at on {self.device}: counts, extremes, moments, histograms and hashes of each field{beside}",)

    def run_threads(self, workers: int | None, progress: Progress | None) -> Found:
        """Every field, by threads. Rows are apart and counts are integers: the order of the threads leaves no trace.

        Raises
        ------
        SourceError
            If a block cannot be read; the message names it.
        UsageError
            If `workers` is below 1.
        """
        source, found = self.source, self.found_nothing()
        relate = found.relate
        scanners: dict[int, tuple[Scanner, Measures]] = {}
        blocks = _spread(self.blocks, workers or default_workers())
        previous = any(m.needs_previous for m in self._metrics)
        together = relate is not None
        runs = make_runs(source, blocks, workers or default_workers(), previous=previous, together=together)
        lookup = Lookup(blocks) if previous else None
        current: dict[tuple[Block, ...], Block] = {}

        def work(blocks: tuple[Block, ...], worker: Worker) -> None:
            if worker.number not in scanners:
                scanners[worker.number] = self._scanner(found.rows)
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

        def name(run: tuple[Block, ...]) -> str:
            return name_block(source, current.get(run, run[0]))

        found.workers = run(runs, work, workers=workers, describe=name, progress=progress)
        for scanner, _ in scanners.values():
            found.counts += scanner.counts
            found.bytes += scanner.bytes
        return found

    def scan_piece(self, piece: Piece, worker: Worker) -> Arrays:
        """All fields of a piece, one after the other.

        Returns
        -------
        dict of str to np.ndarray
            For `Found.put`.

        Raises
        ------
        SourceError
            If a block cannot be read; the message names it.
        """
        rows = Rows(self.source, self.columns, piece)
        relate = self._relate.anew() if self._relate else None
        scanner, measures = self._scanner(rows)
        looking_back = {v for of in (measures, relate) if of is not None for v in of.looks_back()}

        def keep(field: Field) -> None:
            measures.keep(field)
            if relate is not None:
                relate.keep(field)

        def look(field: Field) -> None:
            scanner.scan(field)
            if relate is not None:
                relate.add(field)

        self._read(self.cutting.before(piece, looking_back), worker, keep)
        self._read(self.cutting.blocks(piece), worker, look)
        numbers = {"counts": scanner.counts, "bytes": np.array(scanner.bytes)}
        return {**rows.arrays, **numbers, **(relate.arrays if relate is not None else {})}

    def _read(self, blocks: Sequence[Block], worker: Worker, take: Callable[[Field], None]) -> None:
        """Every field of some blocks; errors name the block."""
        for block in blocks:
            try:
                for field in self.source.read(block, worker.buffers):
                    worker.checkpoint()
                    take(field)
            except Exception as error:
                raise named(error, name_block(self.source, block)) from error


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
