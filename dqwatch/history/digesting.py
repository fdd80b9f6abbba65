"""A period of a history as a `Digest`: alarms against chance, what drifted and since when, which runs failed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dqwatch.digest import Digest
from dqwatch.errors import UsageError
from dqwatch.history import reading
from dqwatch.history.budget import spend
from dqwatch.history.comparing import compare_labels
from dqwatch.history.drifting import describe_variables, rank_regions
from dqwatch.history.reading import Wanted
from dqwatch.history.store import History

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (0.01, 0.001)
OVERSPENT = 0.001
"""p of the number of days with alarms from which on there are too many."""
_NEEDED = ("p_value", "region", "named", "alarmed", "leading_score")
_MOST_SLOW = 50
_STATUSES = ("pass", "warn", "fail", "error", "no_data")


def digest(
    history: History, wanted: Wanted, *, until: datetime | None = None, compare: str | None = None,
    fail_on: str = "critical",
) -> Digest:  # fmt: skip
    """What a history tells of a period.

    Parameters
    ----------
    history : History
    wanted : Wanted
        The runs; `since` is needed.
    until : datetime, optional
        The end of the period, if `wanted` has none: now by default.
    compare : str, optional
        Label whose values are held against one another.
    fail_on : str
        'critical': more days with alarms than chance brings close the gate; 'warning' and 'info': also a variable that
        departs lastingly, slow drift, or a run that did not pass; 'never': nothing.

    Raises
    ------
    UsageError
        If no run has the label to compare.
    HistoryError
        If the history cannot be read.
    """
    began = time.perf_counter()
    end = reading.utc(wanted.until or until or datetime.now(UTC))
    runs = reading.read_runs(history, wanted)
    cycles = reading.read_cycles(history, wanted)
    drift = reading.read_drift(history, wanted, columns=_NEEDED)
    comparison = None if compare is None else compare_labels(compare, runs, cycles, drift)
    if compare is not None and comparison is None and len(runs):
        known = ", ".join(reading.list_labels(history)) or "none"
        raise UsageError(f"compare: no run of this period has the label '{compare}'; there are: {known}")
    regions, more_regions = rank_regions(drift)
    slow = _slow(reading.read_slow(history, wanted))
    found: dict[str, Any] = {
        "runs": {"total": len(runs), **{s: int((runs["status"] == s).sum()) for s in _STATUSES}},
        "cycles": _extent(cycles, drift),
        "budget": _budget(cycles),
        "variables": describe_variables(drift),
        "regions": regions,
        "slow": slow[:_MOST_SLOW],
        "left_out": {"regions": more_regions, "slow": max(0, len(slow) - _MOST_SLOW)},
        "rules": _rules(reading.count_failures(history, wanted)),
        "failed": _failed(runs, reading.read_worst(history, wanted)),
    }
    status, exit_code = _conclude(found, fail_on)
    return Digest(
        history=history.name,
        status=status,
        exit_code=exit_code,
        since=reading.utc(wanted.since or _first(runs, end)),
        until=end,
        labels=dict(wanted.labels),
        comparison=comparison,
        notes=tuple(_notes(found, cycles)),
        seconds=time.perf_counter() - began,
        tables={"cycles": cycles, "drift": drift},
        **found,
    )


def _first(runs: pd.DataFrame, end: datetime) -> datetime:
    return runs["recorded_at"].min().to_pydatetime() if len(runs) else end


def _extent(cycles: pd.DataFrame, drift: pd.DataFrame) -> dict[str, Any]:
    times = cycles["time"]
    return {
        "total": len(cycles),
        "first": times.iloc[0] if len(times) else None,
        "last": times.iloc[-1] if len(times) else None,
        "variables": int(drift["variable"].nunique()),
        "series": int(cycles["series"].nunique()),
    }


def _budget(cycles: pd.DataFrame) -> list[dict[str, Any]]:
    """By level; a cycle counts only where its null is large enough to reach it."""
    days = (cycles["series"] + cycles["time"].str[:10]).to_numpy()
    values = cycles["p_cycle"].to_numpy()
    reach = 1.0 / (cycles["null_size"].to_numpy() + 1.0)
    return [spend(_where_reached(values, reach, level), days, level) for level in LEVELS]


def _where_reached(values: Any, reach: Any, level: float) -> Any:
    import numpy as np

    return np.where(reach <= level, values, np.nan)


def _slow(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The variables that alarm, as the newest run of each series has them."""
    newest = rows.drop_duplicates(["series", "variable"], keep="last")
    keys = ("variable", "p_year", "source", "region", "direction", "onset", "reached")
    named = newest[newest["alarmed"]].sort_values("departure", ascending=False, kind="stable")
    return [{"labels": json.loads(row["series"]), **{k: row[k] for k in keys}} for row in named.to_dict("records")]


def _rules(rows: pd.DataFrame) -> list[dict[str, Any]]:
    ordered = rows.sort_values(["n_runs", "rule", "variable"], ascending=[False, True, True], kind="stable")
    return [
        {**row, "variable": row["variable"] or None, "first": _moment(row["first"]), "last": _moment(row["last"])}
        for row in ordered.to_dict("records")
    ]


def _failed(runs: pd.DataFrame, worst: pd.DataFrame) -> list[dict[str, Any]]:
    findings = worst.set_index("run_id").to_dict("index")
    found = []
    for row in runs[~runs["status"].isin(["pass", "warn"])].to_dict("records"):
        of_run = findings.get(row["id"], {})
        place = " ".join(str(of_run[k]) for k in ("rule", "variable", "time") if of_run.get(k))
        found.append(
            {
                "run": row["id"],
                "recorded_at": _moment(row["recorded_at"]),
                **{key: row[key] for key in ("verb", "name", "status", "exit_code")},
                "labels": json.loads(row["series"]),
                "worst": row["error"] or place,
                "json": row["json_path"] or None,
                "html": row["html_path"] or None,
                "host": row["host"] or None,
            }
        )
    return found


def _moment(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _conclude(found: Mapping[str, Any], fail_on: str) -> tuple[Any, int]:
    """Status and exit code."""
    if not found["runs"]["total"]:
        return "no_data", 4
    lasting = [v for v in found["variables"] if v["lasting"] and not v["over"]]
    if any(b["p_days"] is not None and b["p_days"] <= OVERSPENT for b in found["budget"]):
        return "fail", 0 if fail_on == "never" else 1
    if lasting or found["slow"] or found["failed"]:
        return "warn", 1 if fail_on in ("warning", "info") else 0
    return "pass", 0


def _notes(found: Mapping[str, Any], cycles: pd.DataFrame) -> list[str]:
    notes = []
    without = int(cycles["p_cycle"].isna().sum())
    if without:
        notes.append(f"{without:,} of {len(cycles):,} cycles have no p-value, and count neither as alarm nor as none")
    first = found["budget"][0]
    judged = len(cycles) - without
    if judged > first["cycles"]:
        notes.append(
            f"cycles that do not count, because their null is too small to reach p 0.01: {judged - first['cycles']:,}"
        )
    if first["alarms"] > first["stretches"]:
        notes.append(
            "cycles after one another are alike and alarm in stretches; whether these are too many is judged by days"
        )
    if found["runs"]["total"] and not found["cycles"]["total"]:
        notes.append("no run was held against a baseline, so nothing is known of drift")
    return notes
