"""Benchmarks: ratios within one run on one machine, `python -m tests.benchmarks [NAME ...] [--strict]`.

A module of this package with a function `measure() -> list[Row]` is a benchmark of its name. One that measures
other things than rates has rows of its own, each with `below`, and a function `table`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

REPEATS = 7


@dataclass(frozen=True)
class Rate:
    """How fast something went through bytes, GB (1e9 bytes) a second."""

    best: float
    median: float
    per_cpu: float
    """A CPU-second of all threads; the median."""


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    name: str
    rate: Rate
    ratio: float | None = None
    """To the line that `against` names; of CPU-seconds where both run on one thread, of median wall times otherwise."""
    against: str = ""
    target: float | None = None
    """The least that the ratio should be."""

    @property
    def below(self) -> bool:
        """Whether the target is missed."""
        return self.target is not None and self.ratio is not None and self.ratio < self.target


def rates(n_bytes: int, works: Sequence[Callable[[], object]], repeats: int = REPEATS) -> list[Rate]:
    """Rates of several pieces of work by turns, so that a busy machine slows them alike; each is run once before."""
    for work in works:
        work()
    walls: list[list[float]] = [[] for _ in works]
    cpus: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for number, work in enumerate(works):
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            walls[number].append(time.perf_counter() - wall)
            cpus[number].append(time.process_time() - cpu)
    size = n_bytes / 1e9
    return [
        Rate(size / min(wall), size / median(wall), size / median(cpu)) for wall, cpu in zip(walls, cpus, strict=True)
    ]


def table(rows: Sequence[Row]) -> str:
    """Rows as text."""
    lines = [f"{'':44}{'GB/s best':>10}{'median':>8}{'/CPU-s':>8}  {'ratio':>7}  {'target':>6}  against"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        target = "" if row.target is None else f"{row.target:g}"
        rate = row.rate
        speed = f"{rate.best:10.2f}{rate.median:8.2f}{rate.per_cpu:8.2f}"
        line = f"{row.name:44}{speed}  {ratio:>7}  {target:>6}  {row.against}"
        lines.append(line.rstrip() + ("  BELOW" if row.below else ""))
    return "\n".join(lines)
