"""A source made of arrays, for tests of the scan: what it holds is known exactly."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.catalogue import Limits
from dqwatch.metrics import kernel_layout
from dqwatch.metrics.fields import Rows, Scanner
from dqwatch.metrics.histogram import Bins, linear_bins
from dqwatch.metrics.known import Knowledge
from dqwatch.types import NOT_A_TIME, Block, Field, Grid, StoredArray, TimeAxis, Variable

HOUR = 3600
DAY = 86400
EVERYTHING = Limits(-math.inf, math.inf, -math.inf, math.inf)


def axis_of(seconds: Sequence[int] | np.ndarray, **rest: Any) -> TimeAxis:
    """A time axis of real dates."""
    seconds = np.asarray(seconds, np.int64)
    stamps = [f"{np.datetime64(int(s), 's')}" if s != NOT_A_TIME else "not a time" for s in seconds]
    return TimeAxis(**{"name": "time", "labels": stamps, "seconds": seconds, **rest})


def grid_of(n_cells: int, **rest: Any) -> Grid:
    """Cells without coordinates."""
    return Grid(**{"kind": "unknown", "shape": (n_cells,), **rest})


class FakeSource:
    """Variables given as arrays (time, [member,] cell); None in place of a field means that it is not stored."""

    kind = "fake"
    identity = "fake"
    notes: tuple[str, ...] = ()

    def __init__(
        self,
        data: Mapping[str | Variable, Any],
        *,
        axis: TimeAxis | None = None,
        grid: Grid | None = None,
        times_per_block: int = 1,
        name: str = "fake",
        arrays: Sequence[StoredArray] = (),
    ) -> None:
        self.name = name
        self.data = list(data.values())
        lengths = {len(values) for values in self.data}
        assert len(lengths) <= 1
        n_times = lengths.pop() if lengths else 0
        self.times: tuple[TimeAxis, ...] = (axis if axis is not None else axis_of(np.arange(n_times) * 6 * HOUR),)
        first = next((f for values in self.data for f in values if f is not None), np.zeros(1))
        self.grids: tuple[Grid, ...] = (grid if grid is not None else grid_of(first.shape[-1]),)
        self.variables = tuple(v if isinstance(v, Variable) else Variable(v, v, v) for v in data)
        self.attributes: Mapping[str, Any] = {}
        self.times_per_block = times_per_block
        self.stored = list(arrays)
        self.reads: list[Block] = []

    def arrays(self) -> list[StoredArray]:
        return self.stored

    def blocks(self) -> list[Block]:
        every = range(len(self.times[0]))
        steps = [tuple(every[i : i + self.times_per_block]) for i in range(0, len(every), self.times_per_block)]
        return [Block(times, tuple(range(len(self.variables)))) for times in steps]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        self.reads.append(block)
        for time in block.times:
            for v in block.variables:
                values = self.data[v][time]
                if values is None:
                    continue
                for member, one in enumerate(values.reshape(-1, values.shape[-1])):
                    out = buffers.take("field", one.shape, one.dtype)
                    np.copyto(out, one)
                    yield Field(time, v, member, out)

    def close(self) -> None:
        pass


def row_of(
    values: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    limits: Limits = EVERYTHING,
    bins: Bins | None = None,
) -> dict[str, Any]:
    """What the scanner finds in one field, and its histogram as `counts`."""
    source = FakeSource({"x": values[None]}, grid=grid_of(values.size, area_weights=weights))
    rows = Rows(source)
    bins = bins if bins is not None else linear_bins(0.0, 1.0)
    scanner = Scanner(source, [Knowledge(None, limits, bins)], [bins], rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scanner.scan(Field(0, 0, 0, values))
    columns = (
        (kernel_layout.INTS, rows.ints),
        (kernel_layout.FLOATS, rows.floats),
        (kernel_layout.HASHES, rows.hashes),
    )
    found = {name: one.item() for names, row in columns for name, one in zip(names, row[0], strict=True)}
    return {**found, "counts": scanner.counts[0]}
