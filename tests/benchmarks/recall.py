"""Of faults planted in clean data, by size, the share that the audit finds; and what it finds in clean data.

Data and faults are those of `tests/test_rules.py`, the weather is of other seeds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TESTS = str(Path(__file__).parents[1])
SEEDS = range(100, 103)
CLEAN_SEEDS = range(200, 210)


class Found(NamedTuple):
    """What became of a fault."""

    fault: str
    """The rule that it is for, and what it is called where there are several."""
    sizes: tuple[tuple[float, float], ...]
    """Size of the fault, and the share of data sets in which it was found."""
    unit: str
    smallest: float
    false: float
    """The share of clean data sets in which it was tripped."""

    @property
    def below(self) -> bool:
        """Whether it misses a fault of the smallest size that it promises to find, or any clean data set fails it."""
        return self.false > 0 or any(share < 1 for size, share in self.sizes if size >= self.smallest)


def measure() -> list[Found]:
    """Every fault of the table of corrupters."""
    sys.path.insert(0, TESTS)
    from clean import clean
    from corruption import audited
    from corruptions import CORRUPTIONS

    false = [audited(clean(seed), "audit", "forecast_output") for seed in CLEAN_SEEDS]
    rows = []
    for name, corruption in CORRUPTIONS.items():
        rule = name.split(":")[0]
        sizes = []
        for size in sorted((corruption.smallest, *corruption.others)):
            hits = 0
            for seed in SEEDS:
                with tempfile.TemporaryDirectory() as folder:
                    hits += rule in corruption.look(corruption.spoil(corruption.make(seed), size, Path(folder)))
            sizes.append((size, hits / len(SEEDS)))
        share = sum(rule in found for found in false) / len(false)
        rows.append(Found(name, tuple(sizes), corruption.unit, corruption.smallest, share))
    return rows


def table(rows: Sequence[Found]) -> str:
    """Rows as text: the size that must be found is marked."""
    lines = [f"{'rule: fault':50}{'false':>6}  found at size ({len(SEEDS)} data sets each; * and above must be 1)"]
    for row in rows:
        sizes = "  ".join(
            f"{share:.1f} at {size:g}{'*' if size == row.smallest else ''}" if row.unit else f"{share:.1f}"
            for size, share in row.sizes
        )
        line = f"{row.fault:50}{row.false:6.2f}  {sizes} {row.unit}"
        lines.append(line.rstrip() + ("  BELOW" if row.below else ""))
    good = sum(not row.below for row in rows)
    noisy = sum(row.false > 0 for row in rows)
    lines.append(f"{good} of {len(rows)} faults are found as promised")
    lines.append(f"{noisy} of their rules are tripped in any of {len(CLEAN_SEEDS)} clean data sets")
    return "\n".join(lines)
