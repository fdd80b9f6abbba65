"""The kernel on fields in memory, 40 x 542,080 float32 cells: against reading them, and against numpy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numba
import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.feed import default_workers
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics import scan
from dqwatch.metrics.fields import scratch
from dqwatch.metrics.fills import fills
from dqwatch.metrics.histogram import Bins, codes, linear_bins, numbers, skewed_bins
from dqwatch.metrics.kernel import scan_field
from dqwatch.metrics.kernel_hash import hash_keys
from dqwatch.metrics.known import rounded
from dqwatch.types import Block, Field, Grid, StoredArray, TimeAxis, Variable
from tests.benchmarks import Rate, Row, rates

N_FIELDS, N_CELLS = 40, 542_080
ROUNDS = 8
"""Times that a scan goes over the same fields: tables cost the same for few as for many."""
READ = "memory read, 1 thread"


@numba.njit(nogil=True)
def read(values: np.ndarray) -> int:
    """The sum of a field as integers: nothing but reading."""
    total = 0
    for i in range(values.size):
        total += values[i]
    return total


class InMemory:
    """Fields that need neither reading nor decoding."""

    name = kind = identity = "memory"
    notes: tuple[str, ...] = ()

    def __init__(self, fields: np.ndarray) -> None:
        self._fields = fields
        seconds = np.arange(ROUNDS * len(fields)) * 6 * 3600
        labels = [f"{np.datetime64(int(s), 's')}" for s in seconds]
        self.times = (TimeAxis("time", labels, seconds),)
        cells = fields.shape[1]
        self.grids = (Grid("unstructured", (cells,), area_weights=np.full(cells, 1 / cells)),)
        self.variables = (Variable("2t", "2t", "2t", units="K"),)
        self.attributes: dict[str, object] = {}

    def arrays(self) -> list[StoredArray]:
        """None."""
        return []

    def blocks(self) -> list[Block]:
        """One field each."""
        return [Block((t,), (0,)) for t in range(len(self.times[0]))]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The field itself."""
        for t in block.times:
            yield Field(t, 0, 0, self._fields[t % len(self._fields)])

    def close(self) -> None:
        """Nothing to let go."""


def run_kernel(fields: np.ndarray, bins: Bins | None, weights: np.ndarray) -> Callable[[], None]:
    """The kernel on every field; without bins where None."""
    dtype = fields.dtype
    known = bins if bins is not None else linear_bins(0, 1)
    binning = layout.NO_BINS if bins is None else layout.BIT_BINS if bins.skewed else layout.EQUAL_BINS
    limits = rounded((-np.inf, np.inf) * 2, dtype)
    constants = (codes(dtype, known), numbers(dtype, known), known.edges, limits, fills(dtype), binning, hash_keys())
    total, ints, floats, hashes = (np.zeros(n, t) for n, t in ((layout.SLOTS, "i8"), (6, "i8"), (8, "f8"), (2, "u8")))
    own = scratch(dtype)

    def work() -> None:
        for x in fields:
            bits, words = x.view(f"i{dtype.itemsize}"), x.view(np.uint32)
            scan_field(x, bits, words, weights, *constants, *own, total, ints, floats, hashes)

    return work


def run_numpy(fields: np.ndarray, histogram: bool) -> Callable[[], None]:
    """The same statistics by numpy's functions for data with NaN."""

    def work() -> None:
        for x in fields:
            np.isnan(x).sum(), np.isinf(x).sum(), np.nanmin(x), np.nanmax(x)
            np.nanmean(x, dtype=np.float64), np.nanstd(x, dtype=np.float64)
            if histogram:
                np.histogram(x, bins=layout.BINS, range=(180, 330))

    return work


def measure() -> list[Row]:
    """Rates of the kernel and the scan as ratios."""
    fields = np.random.default_rng(0).normal(280, 10, (N_FIELDS, N_CELLS)).astype(np.float32)
    few = fields[:4]
    source = InMemory(fields)
    none, weights = np.empty(0), np.full(N_CELLS, 1 / N_CELLS)
    linear, skewed = linear_bins(180, 330), skewed_bins(500.0)
    workers = default_workers()
    works: dict[str, Callable[[], object]] = {
        READ: lambda: [read(x) for x in fields.view(np.int32)],
        "statistics and hash": run_kernel(fields, None, none),
        "  + histogram": run_kernel(fields, linear, none),
        "  + histogram, weighted mean (as shipped)": run_kernel(fields, linear, weights),
        "  as shipped, skewed bins": run_kernel(fields, skewed, weights),
    }
    found = dict(zip(works, rates(fields.nbytes, list(works.values())), strict=True))
    scans: dict[str, Callable[[], object]] = {
        "scan() of fields in memory, 1 worker": lambda: scan(source, workers=1),
        f"scan() of fields in memory, {workers} workers": lambda: scan(source, workers=workers),
    }
    found |= zip(scans, rates(ROUNDS * fields.nbytes, list(scans.values())), strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        slow = rates(few.nbytes, [run_numpy(few, False), run_numpy(few, True)], repeats=5)
    return _rows(found, slow, workers)


def _rows(found: dict[str, Rate], slow: list[Rate], workers: int) -> list[Row]:
    names = list(found)
    targets = {names[1]: 0.35, names[2]: 0.15}
    first = found[READ].per_cpu
    rows = [Row(READ, found[READ])]
    rows += [Row(n, found[n], found[n].per_cpu / first, READ, targets.get(n)) for n in names[1:5]]
    shipped, alone, all_ = (found[names[i]] for i in (3, 5, 6))
    rows.append(Row(names[5], alone, alone.per_cpu / shipped.per_cpu, "the kernel as shipped"))
    target = 1.75 if workers == 2 else None
    rows.append(Row(names[6], all_, all_.median / alone.median, "1 worker", target))
    plain, binned = slow
    rows.append(Row("numpy nan-functions", plain, plain.per_cpu / found[names[1]].per_cpu, "statistics and hash"))
    rows.append(Row("numpy nan-functions, histogram", binned, binned.per_cpu / found[names[2]].per_cpu, "+ histogram"))
    return rows
