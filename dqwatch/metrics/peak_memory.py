"""How much memory an audit takes, from shapes alone: told before anything is read.

The number of times counts only by the rows of the tables; what a worker holds follows from the largest block.
"""

from __future__ import annotations

from typing import NamedTuple

from dqwatch.feed import default_workers
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.metric import Params, Wanted
from dqwatch.metrics.one_pass import Pass
from dqwatch.types import Source

START = 400_000_000
"""Python with numba, pandas, Great Expectations and what they bring."""
_CELL = 150
"""Bytes of a cell for coordinates, weights, rows and neighbours."""
_SCRATCH = 10
"""float64 fields that metrics and relations of one worker have in hand."""
_TABLES = 4
"""Times over that what is known of a field is held: columns, table, and what Great Expectations makes of it."""


class PeakMemory(NamedTuple):
    """Bytes at the peak, by what takes them."""

    workers: int
    start: int
    blocks: int
    """Of all workers, decoded and, as if nothing were gained by it, encoded."""
    fields: int
    """The fields before, those that wait for others of their time, and scratch, of all workers."""
    grids: int
    rows: int

    @property
    def total(self) -> int:
        """Bytes of all of them."""
        return self.start + self.blocks + self.fields + self.grids + self.rows

    def in_words(self) -> str:
        """One clause."""
        parts = {
            "to start with": self.start,
            "blocks": self.blocks,
            "fields in hand": self.fields,
            "grids": self.grids,
            "rows": self.rows,
        }
        told = ", ".join(f"{n / 1e6:,.0f} MB {what}" for what, n in parts.items())
        plural = "" if self.workers == 1 else "s"
        return f"{self.total / 1e9:.1f} GB with {self.workers} worker{plural}: {told}"


def estimate(
    source: Source,
    *,
    workers: int | None = None,
    wanted: Wanted | None = None,
    params: Params | None = None,
) -> PeakMemory:
    """What a scan takes at its peak, and an audit with it.

    Parameters
    ----------
    source : Source
    workers, wanted, params
        As for `scan`.
    """
    threads = workers or default_workers()
    own = Pass(source, wanted=wanted, params=params, bins=())
    sizes = [4 * source.grids[v.grid].n_cells * v.members for v in source.variables]
    block = max((len(b.times) * sum(sizes[v] for v in b.variables) for b in own.blocks), default=0)
    before = sum(sizes[v] for v in own.looks_back())
    cells = max((grid.n_cells for grid in source.grids), default=0)
    rows = sum(len(source.times[v.times]) * v.members for v in source.variables)
    width = 8 * (len(layout.INTS) + len(layout.FLOATS) + len(layout.HASHES) + len(own.columns)) + 1
    return PeakMemory(
        workers=threads,
        start=START,
        blocks=2 * threads * block,
        fields=threads * (before + _SCRATCH * 8 * cells) + (threads + 1) * sum(sizes[v] for v in own.waits()),
        grids=_CELL * sum(grid.n_cells for grid in source.grids),
        rows=_TABLES * width * rows,
    )
