"""What all verbs that end in a verdict do: check what is asked for, load rules, say what was read and how fast."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from dqwatch.errors import UsageError
from dqwatch.part import check_counts
from dqwatch.types import RuleSet, Source

FailOn = Literal["critical", "warning", "info", "never"]
_FAIL_ON = ("critical", "warning", "info", "never")


def check_request(fail_on: str, workers: int | None, every: int) -> None:
    """Refuse wrong arguments that all these verbs have.

    Raises
    ------
    UsageError
        If one is wrong.
    """
    if fail_on not in _FAIL_ON:
        raise UsageError(f"fail_on: got '{fail_on}'; give one of {', '.join(_FAIL_ON)}")
    check_counts(workers=workers, every=every)


def load_rules(rules: str | Sequence[str], added: Mapping[str, str]) -> tuple[RuleSet, ...]:
    """The rule sets asked for, and for each table that is added the set named where none of them looks at it."""
    from dqwatch import expectations

    asked = (rules,) if isinstance(rules, str) else tuple(rules)
    rule_sets = expectations.load_rule_sets(asked)
    looked_at = {rule.table for rule_set in rule_sets for rule in rule_set.rules}
    more = [name for table, name in added.items() if table not in looked_at]
    return expectations.load_rule_sets((*asked, *more)) if more else rule_sets


def describe_input(source: Source, **more: str) -> dict[str, str]:
    """A source as a verdict names it."""
    return {"name": source.name, "kind": source.kind, "identity": source.identity, **more}


class Clock:
    """When a verb began, had opened its data, and had read them."""

    def __init__(self) -> None:
        self._began = self._opened = self._read = time.perf_counter()

    def opened(self) -> None:
        """The data are open."""
        self._opened = self._read = time.perf_counter()

    def read(self) -> None:
        """The tables are made."""
        self._read = time.perf_counter()

    def timing(self, *, scan_bytes: int, workers: int, scan_s: float | None = None) -> dict[str, float | int]:
        """What a verdict says of time and memory; the scan took from opening to reading if not said otherwise."""
        now = time.perf_counter()
        return {
            "total_s": now - self._began,
            "startup_s": self._opened - self._began,
            "scan_s": self._read - self._opened if scan_s is None else scan_s,
            "scan_bytes": scan_bytes,
            "rules_s": now - self._read,
            "peak_memory_mb": _peak_memory_mb(),
            "workers": workers,
        }


def _peak_memory_mb() -> float:
    """Largest resident size of this process so far, 1e6 bytes.

    On Linux a process inherits what `getrusage` tells of the one that started it; its status tells of itself.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6
