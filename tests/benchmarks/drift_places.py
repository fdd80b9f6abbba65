"""Tables of where faults are said to be, and of what methods cost (drift_tables.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.drift_ours import PLACED

if TYPE_CHECKING:
    from tests.benchmarks.drift_skill import Outcome
    from tests.benchmarks.drift_spoiling import Fault

SHORT = {
    "state_alone": "state alone",
    "onset": "onset",
    "lasting": "lasting",
    "background_onset": "onset, background",
    "background_lasting": "lasting, background",
}


def families(faults: Sequence[Fault]) -> dict[str, list[Fault]]:
    """Faults by family."""
    found: dict[str, list[Fault]] = {}
    for fault in faults:
        found.setdefault(fault.family, []).append(fault)
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    listed = [list(head), ["---"] * len(head), *([*row] for row in rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in listed)


def told_places(outcome: Outcome, faults: Sequence[Fault]) -> str:
    """How well the regions named are where faults are."""
    rows = []
    for family, own in families([f for f in faults if f.family in PLACED]).items():
        cells = []
        for way in SHORT:
            one = outcome.ours[way]
            overlaps = [one.overlap[f.name][one.faults[f.name] > one.threshold] for f in own]
            found = np.concatenate(overlaps)
            cells.append(f"{found.mean():.2f} of {found.size}" if found.size else "-")
        rows.append([family, *cells])
    text = """## Where

Of cycles that alarm (how many stands beside), for faults that are somewhere: the area of both over the area of either,
of where the fault is and where the region of the first variable is said to be; 0 where that variable is not spoilt.
Regions are made of the areas that scores are taken over, of some nine cells here; few cells cannot be told better.
No other tool says where.

"""
    return text + table(["family", *SHORT.values()], rows)


def told_costs(outcome: Outcome) -> str:
    """Time, memory, size."""
    if not outcome.costs:
        return ""
    rows = [
        [
            one.method,
            "" if np.isnan(one.build) else f"{one.build:.0f} s",
            f"{1e3 * one.score:.1f} ms",
            f"{one.memory / 1e6:,.0f} MB",
            f"{one.size / 1e6:.1f} MB",
        ]
        for one in outcome.costs
    ]
    text = """## Costs

Of the first seed, one thread each, on a busy machine: wall time of making a baseline, CPU time of a state of 16
variables, largest memory of the process, size of what is kept of training (of peers what they are handed of it; their
memory has the other data of the benchmark in it too).

"""
    return text + table(["", "making", "a state", "memory", "kept of training"], rows)
