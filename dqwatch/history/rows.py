"""A verdict as rows of the tables of a history."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dqwatch
from dqwatch.history import schema
from dqwatch.plain import plain
from dqwatch.types import Finding, Verdict

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Table

ALARM = 0.01
"""p of a cycle that alarms."""
_MOST_FAILURES = 20
_MOST_AREAS = 400
_AT_ONCE = 5_000
"""Rows of one statement."""
_COUNTS = ("rules", "pass", "warn", "fail", "error", "no_data", "waived")


def series_of(labels: Mapping[str, str]) -> str:
    """The labels as one text, the same whatever their order."""
    return json.dumps(dict(sorted(labels.items())), ensure_ascii=False)


def run_row(verdict: Verdict, recorded_at: datetime, files: Mapping[str, str | None]) -> dict[str, Any]:
    """The row of the run itself, without its number.

    Parameters
    ----------
    verdict : Verdict
    recorded_at : datetime
        UTC, without a time zone.
    files : mapping of str to str
        Where the verdict is written: `json`, `html`.
    """
    counts = {f"n_{key}": int(verdict.summary.get(key, 0)) for key in _COUNTS}
    trained = (verdict.baseline or {}).get("data")
    timing = {key: plain(verdict.timing.get(key)) for key in ("total_s", "scan_bytes", "peak_memory_mb")}
    paths = {f"{kind}_path": _absolute(files.get(kind)) for kind in ("json", "html")}
    row = {
        "recorded_at": recorded_at,
        "verb": verdict.verb,
        "status": verdict.status,
        "exit_code": verdict.exit_code,
        "series": series_of(verdict.labels),
        "name": str(verdict.inputs[0]["name"]) if verdict.inputs else "",
        "inputs": json.dumps(plain(list(verdict.inputs))),
        "baseline": str(trained.get("name", "")) if isinstance(trained, Mapping) else None,
        "rules": ",".join(s.name for s in verdict.rule_sets),
        "fail_on": verdict.fail_on,
        "sampled": verdict.sampled,
        "error": verdict.error,
        "version": dqwatch.__version__,
        "host": socket.gethostname(),
    }
    return _storable({**row, **counts, **timing, **paths})


def part_rows(verdict: Verdict) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
    """What belongs to a run: rows of each table, some thousand at a time, without the number of the run."""
    tables = verdict.tables
    alarms = verdict.drift is not None and (verdict.drift.get("p_cycle") or 1.0) <= ALARM
    labels = [{"key": key, "value": value} for key, value in sorted(verdict.labels.items())]
    findings = [_finding(f) for f in verdict.results if f.status not in ("pass", "skipped")]
    made = {
        schema.labels: iter([labels]),
        schema.findings: iter([findings]),
        schema.cycles: _taken(schema.cycles, tables.get("cycles")),
        schema.drift: _taken(schema.drift, tables.get("drift")),
        schema.slow: _taken(schema.slow, tables.get("slow")),
        schema.scorecard: _taken(schema.scorecard, tables.get("scorecard") if alarms else None),
        schema.areas: _taken(schema.areas, _furthest(tables.get("areas")) if alarms else None),
    }
    for table, chunks in made.items():
        n = 0
        for chunk in chunks:
            yield table, [{"position": n + k, **_storable(row)} for k, row in enumerate(chunk)]
            n += len(chunk)


def parse_time(label: str) -> datetime | None:
    """The valid time of a label, UTC without a time zone; None where it is no date that all calendars have."""
    try:
        found = datetime.fromisoformat(label.partition("+")[0])
    except ValueError:
        return None
    return found.replace(tzinfo=None)


def _finding(finding: Finding) -> dict[str, Any]:
    waiver = None if finding.waiver is None else json.dumps(plain(finding.waiver))
    observed = None if finding.observed is None else json.dumps(plain(finding.observed))
    row = {c.name: getattr(finding, c.name, None) for c in schema.findings.columns if c.name not in _KEY}
    row |= {"table_name": finding.table, "column_name": finding.column, "observed": observed, "waiver": waiver}
    return row | {"first_failures": json.dumps(plain(list(finding.first_failures)[:_MOST_FAILURES]))}


_KEY = {"run_id", "position"}


def _taken(table: Table, rows: pd.DataFrame | None) -> Iterator[list[dict[str, Any]]]:
    """The columns of a history from a table of a verdict, some thousand rows at a time."""
    names = [c.name for c in table.columns if c.name not in _KEY | {"valid_at"}]
    dated = "valid_at" in table.columns
    if rows is None:
        return
    for start in range(0, len(rows), _AT_ONCE):
        part = rows.iloc[start : start + _AT_ONCE]
        columns = {name: part[name].tolist() for name in names}
        if dated:
            times = {label: parse_time(label) for label in set(columns["time"])}
            columns["valid_at"] = [times[label] for label in columns["time"]]
        yield [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _furthest(areas: pd.DataFrame | None) -> pd.DataFrame | None:
    """The areas of each variable that depart most, in the order of the table."""
    if areas is None or areas.empty:
        return None
    size = areas["mean"].abs().fillna(-1.0)
    order = size.sort_values(ascending=False, kind="stable").index
    kept = areas.loc[order].groupby("variable", sort=False).head(_MOST_AREAS).index
    return areas.loc[sorted(kept)]


def _absolute(path: str | None) -> str | None:
    return None if path is None or path == "-" else os.path.abspath(path)


def _storable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    """What every database takes: numbers that are numbers, text without NUL and halves of characters."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")
    return value
