"""The verdict as the JSON document that schedulers read; `verdict.schema.json` beside this file describes it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import dqwatch
from dqwatch.plain import plain
from dqwatch.reports.findings import shown
from dqwatch.types import Finding, Verdict

SCHEMA_VERSION = "1.0"
_MOST_FAILURES = 20
_SUMMARY = ("rules", "pass", "warn", "fail", "error", "no_data")
_TIMING = ("total_s", "startup_s", "scan_s", "scan_bytes", "rules_s", "peak_memory_mb", "workers")


def render(verdict: Verdict) -> str:
    """The document: the same text for the same verdict, ASCII only, NaN and infinities as null."""
    return json.dumps(plain(document(verdict)), indent=2, allow_nan=False)


def document(verdict: Verdict) -> dict[str, Any]:
    """The document as Python objects, keys in the order in which a person reads them."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "dqwatch", "version": dqwatch.__version__},
        "verb": verdict.verb,
        "status": verdict.status,
        "exit_code": verdict.exit_code,
        "error": verdict.error or None,
        "inputs": list(verdict.inputs),
        **({"labels": dict(verdict.labels)} if verdict.labels else {}),
        "sampled": verdict.sampled or None,
        "notes": list(verdict.notes),
        "rules": [{"name": s.name, "path": s.path, "sha256": s.sha256} for s in verdict.rule_sets],
        "baseline": verdict.baseline,
        **({"waivers": verdict.waivers} if verdict.waivers else {}),
        "summary": {key: verdict.summary.get(key, 0) for key in _SUMMARY} | _waived(verdict),
        "findings": [_finding(f) for f in shown(verdict.results)],
        "drift": verdict.drift,
        "advice": verdict.advice,
        "timing": {key: verdict.timing.get(key) for key in _TIMING},
    }


def _waived(verdict: Verdict) -> dict[str, int]:
    """How many results are waived, if any is."""
    return {"waived": verdict.summary["waived"]} if verdict.summary.get("waived") else {}


def _finding(finding: Finding) -> dict[str, Any]:
    row = {f.name: getattr(finding, f.name) for f in fields(finding)}
    row["first_failures"] = list(finding.first_failures)[:_MOST_FAILURES]
    if finding.waiver is None:
        del row["waiver"]
    return row
