"""Verdicts as gates and drift runs make them, with numbers chosen by the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch import tables
from dqwatch.types import Finding, RuleSet, Verdict

FAILED = Finding(
    rule="nan.none", severity="critical", status="fail", table="fields", column="n_nan", variable="t_850", level=850.0,
    time="2020-03-01T06:00:00", observed=np.int64(12), expected="0", n_checked=8, n_failed=2,
    first_failures=({"time": "2020-03-01T06:00:00", "n_nan": np.int64(12), "mean": float("nan")},),
    hint="look at it", title="no NaN",
)  # fmt: skip
WAIVED = Finding(
    rule="units.ok", severity="warning", status="waived", table="variables", variable="<script>alert(1)</script>",
    waiver={"owner": "Ann", "reason": "known", "expires": "2030-01-01"},
)  # fmt: skip
PASSED = Finding(rule="inf.none", severity="critical", status="pass", table="fields", n_checked=8)
EXIT = {"pass": 0, "warn": 0, "fail": 1, "error": 3, "no_data": 4}


def rows_of(table: str, rows: Sequence[Mapping[str, Any]], **usual: Any):
    """A table of rows that say only what matters; the rest is empty."""
    empty = {"str": "", "int": 0, "float": np.nan, "bool": False}
    columns = {
        c.name: [row.get(c.name, usual.get(c.name, empty[c.dtype])) for row in rows] for c in tables.TABLES[table]
    }
    return tables.frame(table, columns)


def make_verdict(
    status: str = "pass",
    *,
    verb: str = "gate",
    name: str = "ic.zarr",
    results: Sequence[Finding] | None = None,
    p: Mapping[str, Mapping[str, float]] = {},
    p_cycle: Mapping[str, float] = {},
    regions: Mapping[str, str] = {},
    labels: Mapping[str, str] = {},
    more: Mapping[str, Any] = {},
) -> Verdict:
    """A verdict; `p` is time -> variable -> p-value, `p_cycle` time -> p. A variable with p <= 0.01 is named."""
    times = list(dict.fromkeys([*p_cycle, *p]))
    drift = [
        {
            "time": time, "variable": variable, "param": variable, "p_value": value, "q_value": value,
            "departure": 1.0, "leading_score": "mean", "score": 1.5, "usual_score": 0.5,
            "region": regions.get(variable, ""), "named": value <= 0.01,
            "alarmed": value <= 0.01 and p_cycle.get(time, 1.0) <= 0.01,
        }
        for time in p for variable, value in p[time].items()
    ]  # fmt: skip
    cycles = [
        {"time": time, "p_cycle": p_cycle.get(time, np.nan), "null_size": 2436, "null_years": 10,
         "n_variables": len(p.get(time, {}))} for time in times
    ]  # fmt: skip
    made = {"drift": rows_of("drift", drift), "cycles": rows_of("cycles", cycles)} if times else {}
    if results is None:
        results = [FAILED] if status == "fail" else [PASSED]
    worst = min(p_cycle, key=lambda t: p_cycle[t]) if p_cycle else None
    told: dict[str, Any] | None = None
    if worst is not None:
        keys = ("variable", "p_value", "q_value", "leading_score", "score", "region", "named")
        variables = [{k: row[k] for k in keys} for row in drift if row["time"] == worst]
        told = {"time": worst, "member": 0, "p_cycle": p_cycle[worst], "null_size": 2436, "null_years": 10}
        told["variables"] = variables
    summary = {"rules": 3, "pass": 2, "warn": 0, "fail": int(status == "fail"), "error": 0, "no_data": 0}
    return Verdict(
        verb=verb,
        status=status,  # type: ignore[arg-type]
        exit_code=EXIT[status],
        inputs=({"name": name, "kind": "anemoi_zarr", "identity": "abc"},),
        rule_sets=(RuleSet("gate", "gate.yaml", "0" * 64, "", ()),),
        results=tuple(results),
        summary=summary,
        timing={"total_s": 1.5, "scan_bytes": 10_000, "peak_memory_mb": 100.0},
        tables={**made, **more},
        baseline={"data": {"name": "training.zarr"}} if times else None,
        drift=told,
        labels=labels,
    )
