"""Rules run over tables, for tests: entries as a file has them, and what came of them in short."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dqwatch.expectations import evaluate
from dqwatch.expectations.entries import make_rule
from dqwatch.types import Finding, RuleSet

BASE: dict[str, Any] = {"table": "fields", "severity": "critical", "hint": "Do something."}
BETWEEN: dict[str, Any] = {**BASE, "column": "min", "expect": "between", "min": 0}


def rule_set(*entries: dict[str, Any]) -> RuleSet:
    rules = tuple(make_rule({**BASE, "id": f"r{i}", **entry}, "mine.yaml") for i, entry in enumerate(entries))
    return RuleSet("mine", "mine.yaml", "", "", rules)


def run(tables: dict[str, pd.DataFrame], *entries: dict[str, Any]) -> tuple[Finding, ...]:
    return evaluate([rule_set(*entries)], tables).results


def outcome(results: tuple[Finding, ...]) -> list[tuple[str | None, str, int, int]]:
    return [(f.variable, f.status, f.n_checked, f.n_failed) for f in results]
