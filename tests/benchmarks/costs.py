"""What the whole audit, and making a baseline, cost beside a plain scan of the same data, in CPU-seconds.

An anemoi store of the example weather's variables on an octahedral grid of 16,512 cells, a chunk for each date. A
baseline scores 1 in 20 of its times, as one of 40 years of 6-hourly fields does at most.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import dqwatch
from dqwatch import metrics
from dqwatch.baselines.baseline import build
from dqwatch.conclusion import load_rules
from dqwatch.expectations import columns_needed, params_needed
from examples.make_data import make

NUMBER = 64
"""Of the octahedral grid."""
YEARS, REPEATS, SHARE = 1, 3, 20
PLAIN = "a plain scan"


@dataclass(frozen=True)
class Cost:
    """One kind of pass."""

    what: str
    seconds: float
    """Of CPU, the median."""
    ratio: float
    """To a plain scan."""
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
        source = dqwatch.open_source(path)
        rules = load_rules("audit", {"fields": "audit"})
        wanted, params = columns_needed(rules), params_needed(rules)
        cycles = max(1, len(source.times[0]) // SHARE)
        works: dict[str, tuple[Callable[[], object], float | None]] = {
            PLAIN: (lambda: metrics.scan(source, workers=1), None),
            "all columns and relations of audit": (
                lambda: metrics.scan(source, wanted=wanted, params=params, workers=1),
                5.0,
            ),
            "a compact baseline": (lambda: build(source, cycles=cycles, compact=True, workers=1), 2.0),
            "a full baseline": (lambda: build(source, cycles=cycles, workers=1), 4.0),
        }
        seconds = {what: _time(work) for what, (work, _) in works.items()}
        return [Cost(what, s, s / seconds[PLAIN], works[what][1]) for what, s in seconds.items()]


def table(rows: Sequence[Cost]) -> str:
    """Rows as text."""
    lines = [f"{'':40}{'CPU-s':>8}{'ratio':>8}{'at most':>9}"]
    for row in rows:
        most = "" if row.most is None else f"{row.most:g}"
        lines.append(f"{row.what:40}{row.seconds:8.2f}{row.ratio:8.2f}{most:>9}" + ("  ABOVE" if row.below else ""))
    return "\n".join(lines)


def _time(work: Callable[[], object]) -> float:
    work()
    found = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return median(found)
