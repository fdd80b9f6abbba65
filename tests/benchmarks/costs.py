"""What the whole audit, and making a baseline, cost beside a plain scan of the same data, in CPU-seconds.

An anemoi store of the example weather's variables on the octahedral grid O64 (16,512 cells), a chunk for each date. A
baseline scores 1 in 20 of its times, as one of 40 years of 6-hourly fields does at most. Each is measured over two
lengths of time: what a further date costs is what counts in decades; beside it stands what all dates cost.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

import dqwatch
from dqwatch import metrics
from dqwatch.baselines.baseline import build
from dqwatch.conclusion import load_rules
from dqwatch.expectations import columns_needed, params_needed
from dqwatch.types import Source
from examples.make_data import make

NUMBER = 64
"""Of the octahedral grid."""
YEARS, REPEATS, SHARE = 2, 3, 20
PLAIN, AUDIT = "a plain scan", "all columns and relations of audit"
COMPACT, FULL = "a compact baseline", "a full baseline"
MOST = {PLAIN: None, AUDIT: 5.0, COMPACT: 2.0, FULL: 4.0}


@dataclass(frozen=True)
class Cost:
    """One kind of pass."""

    what: str
    seconds: float
    """Of CPU for all dates, the median."""
    each: float
    """Of CPU for a further date."""
    ratio: float
    """Of `each` to that of a plain scan."""
    most: float | None = None

    @property
    def below(self) -> bool:
        """Whether it costs more than it may."""
        return self.most is not None and self.ratio > self.most


def measure() -> list[Cost]:
    """Each of them after one run that is not counted."""
    logging.getLogger("dqwatch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder, "data"), years=YEARS, test_years=1, number=NUMBER)
        path = Path(folder, "data", "training.zarr")
        whole = dqwatch.open_source(path)
        seconds = whole.times[0].seconds
        half = dqwatch.open_source(path, end=str(np.datetime64(int(seconds[seconds.size // 2 - 1]), "s")))
        further = seconds.size - half.times[0].seconds.size
        works, fewer = (_works(source) for source in (whole, half))
        found = {what: (_time(works[what]), _time(fewer[what])) for what in MOST}
        each = {what: (all_dates - some) / further for what, (all_dates, some) in found.items()}
        return [Cost(w, found[w][0], each[w], each[w] / each[PLAIN], most) for w, most in MOST.items()]


def _works(source: Source) -> dict[str, Callable[[], object]]:
    rules = load_rules("audit", {"fields": "audit"})
    wanted, params = columns_needed(rules), params_needed(rules)
    cycles = max(1, len(source.times[0]) // SHARE)
    return {
        PLAIN: lambda: metrics.scan(source, workers=1),
        AUDIT: lambda: metrics.scan(source, wanted=wanted, params=params, workers=1),
        COMPACT: lambda: build(source, cycles=cycles, compact=True, workers=1),
        FULL: lambda: build(source, cycles=cycles, workers=1),
    }


def table(rows: Sequence[Cost]) -> str:
    """Rows as text."""
    lines = [f"{'':40}{'CPU-s':>8}{'ms a date':>11}{'ratio':>8}{'at most':>9}"]
    for row in rows:
        most = "" if row.most is None else f"{row.most:g}"
        line = f"{row.what:40}{row.seconds:8.2f}{1e3 * row.each:11.2f}{row.ratio:8.2f}{most:>9}"
        lines.append(line + ("  ABOVE" if row.below else ""))
    return "\n".join(lines)


def _time(work: Callable[[], object]) -> float:
    work()
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return median(found)
