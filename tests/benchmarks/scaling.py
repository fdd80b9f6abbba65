"""What the cost of a scan grows with: times, variables, cells and workers, on fields in memory.

Every line is a scan with its tables; the ratio is that of the cost of one value to that of the line before, so that 1
is linear (of workers: the gain in wall time). A target is missed where a value costs more than a quarter more.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.feed import default_workers
from dqwatch.metrics import scan
from dqwatch.types import Block, Field, Grid, TimeAxis, Variable
from tests.benchmarks.kernel import InMemory

DEAREST = 1.25
"""Times as much as before a value may cost."""
BASE = (64, 8, 50_000)
"""Times, variables, cells."""
GROWTH = (1, 2, 4)


@dataclass(frozen=True)
class Cost:
    """One scan."""

    what: str
    times: int
    variables: int
    cells: int
    workers: int
    cpu: float
    """CPU-seconds; the least of several."""
    wall: float
    ratio: float | None = None
    fit: str = ""

    @property
    def each(self) -> float:
        """CPU-seconds of a value."""
        return self.cpu / (self.times * self.variables * self.cells)

    @property
    def below(self) -> bool:
        """Whether a value costs too much more than before."""
        return self.what != "workers" and self.ratio is not None and self.ratio > DEAREST


class Same(InMemory):
    """The same few fields as often as they are wanted."""

    def __init__(self, times: int, variables: int, cells: int) -> None:
        super().__init__(np.random.default_rng(0).normal(280, 10, (4, cells)).astype(np.float32))
        seconds = np.arange(times) * 6 * 3600
        self.times = (TimeAxis("time", [f"{np.datetime64(int(s), 's')}" for s in seconds], seconds),)
        self.grids = (Grid("unstructured", (cells,), area_weights=np.full(cells, 1 / cells)),)
        one = Variable("2t", "2t", "2t", units="K")
        names = [f"v{v}" for v in range(variables)]
        self.variables = tuple(dataclasses.replace(one, name=n, source_name=n) for n in names)

    def blocks(self) -> list[Block]:
        """A time each."""
        return [Block((t,), tuple(range(len(self.variables)))) for t in range(len(self.times[0]))]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields themselves."""
        for t in block.times:
            for v in block.variables:
                yield Field(t, v, 0, self._fields[(t + v) % len(self._fields)])


def cost(what: str, size: tuple[int, int, int], workers: int, repeats: int = 5) -> Cost:
    """The least of several scans, after one."""
    source = Same(*size)
    scan(source, workers=workers)
    best = (np.inf, np.inf)
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        scan(source, workers=workers)
        best = min(best[0], time.process_time() - cpu), min(best[1], time.perf_counter() - wall)
    return Cost(what, *size, workers, *best)


def measure() -> list[Cost]:
    """Each dimension grown by itself."""
    found = []
    for k, what in enumerate(("times", "variables", "cells")):
        costs = [cost(what, (*BASE[:k], BASE[k] * g, *BASE[k + 1 :]), 1) for g in GROWTH]
        slope, start = np.polyfit([getattr(c, what) for c in costs], [c.cpu for c in costs], 1)
        fit = f"{start * 1e3:.1f} ms + {slope * 1e6:.3g} us a {what.removesuffix('s')}"
        rows = [costs[0]]
        rows += [dataclasses.replace(b, ratio=b.each / a.each) for a, b in pairwise(costs)]
        found += [*rows[:-1], dataclasses.replace(rows[-1], fit=fit)]
    alone = cost("workers", (256, 8, 50_000), 1)
    together = [cost("workers", (256, 8, 50_000), n) for n in range(2, default_workers() + 1)]
    return [*found, alone, *(dataclasses.replace(c, ratio=alone.wall / c.wall) for c in together)]


def table(rows: Sequence[Cost]) -> str:
    """Rows as text."""
    lines = [f"{'':12}{'times':>7}{'vars':>6}{'cells':>9}{'workers':>9}{'CPU-s':>8}{'wall s':>8}{'ratio':>8}  fit"]
    for r in rows:
        ratio = "" if r.ratio is None else f"{r.ratio:.2f}"
        line = (
            f"{r.what:12}{r.times:7}{r.variables:6}{r.cells:9}{r.workers:9}{r.cpu:8.3f}{r.wall:8.3f}{ratio:>8}  {r.fit}"
        )
        lines.append(line.rstrip() + ("  BELOW" if r.below else ""))
    return "\n".join(lines)
