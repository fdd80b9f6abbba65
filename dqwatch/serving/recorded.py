"""A verdict as far as a history has it: enough for the page of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.history import reading
from dqwatch.history.store import History
from dqwatch.types import Finding, Verdict

if TYPE_CHECKING:
    import pandas as pd

_SUMMARY = {"rules": "n_rules", "pass": "n_pass", "warn": "n_warn", "fail": "n_fail", "error": "n_error"}
_SUMMARY |= {"no_data": "n_no_data", "waived": "n_waived"}


def read_verdict(history: History, run: int) -> Verdict | None:
    """The verdict of a run; None if there is no such run.

    Its tables are those that are recorded: `cycles`, `drift`, and `scorecard` and `areas` of a cycle that alarms.
    """
    rows = reading.read_run(history, run)
    if rows.empty:
        return None
    row = rows.iloc[0]
    tables = {
        "drift": reading.read_run_drift(history, run),
        "cycles": reading.read_run_cycles(history, run),
        "scorecard": reading.read_scorecard(history, run),
        "areas": reading.read_areas(history, run),
    }
    return Verdict(
        verb=row["verb"],
        status=row["status"],
        exit_code=int(row["exit_code"]),
        inputs=tuple(json.loads(row["inputs"])),
        rule_sets=(),
        results=tuple(_finding(one) for one in reading.read_findings(history, run).to_dict("records")),
        summary={key: int(row[column]) for key, column in _SUMMARY.items()},
        timing={key: row[key] for key in ("total_s", "scan_bytes", "peak_memory_mb") if row[key] == row[key]},
        tables=tables,
        sampled=row["sampled"],
        error=row["error"],
        drift=_worst(tables["cycles"], tables["drift"]),
        labels=json.loads(row["series"]),
    )


def _finding(row: Mapping[Any, Any]) -> Finding:
    return Finding(
        rule=row["rule"],
        severity=row["severity"],
        status=row["status"],
        table=row["table_name"],
        column=row["column_name"] or None,
        variable=row["variable"] or None,
        level=None if np.isnan(row["level"]) else float(row["level"]),
        time=row["time"] or None,
        observed=_parsed(row["observed"]),
        expected=row["expected"],
        n_checked=int(row["n_checked"]),
        n_failed=int(row["n_failed"]),
        first_failures=tuple(_parsed(row["first_failures"]) or ()),
        hint=row["hint"],
        title=row["title"],
        waiver=_parsed(row["waiver"]),
    )


def _parsed(text: str) -> Any:
    return json.loads(text) if text else None


def _worst(cycles: pd.DataFrame, drift: pd.DataFrame) -> dict[str, Any] | None:
    """The cycle with the least p, as the JSON document of a verdict has it."""
    if cycles.empty:
        return None
    known = cycles["p_cycle"].notna()
    worst = cycles.loc[cycles["p_cycle"].idxmin()] if known.any() else cycles.iloc[0]
    own = drift[(drift["time"] == worst["time"]) & (drift["member"] == worst["member"])]
    own = own.sort_values(["p_value", "departure"], ascending=[True, False], kind="stable")
    return {
        "time": worst["time"],
        "member": int(worst["member"]),
        "p_cycle": _number(worst["p_cycle"]),
        "null_size": int(worst["null_size"]),
        "null_years": int(worst["null_years"]),
        "variables": [_entry(row) for row in own.to_dict("records")],
    }


def _entry(row: Mapping[Any, Any]) -> dict[str, Any]:
    numbers = {key: _number(row[key]) for key in ("p_value", "q_value", "score", "usual_score")}
    texts = {key: row[key] or None for key in ("leading_score", "region")}
    more = {key: row[key] for key in ("exact", "reason") if row[key]}
    return {"variable": row["variable"], "named": bool(row["named"]), **numbers, **texts, **more}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
