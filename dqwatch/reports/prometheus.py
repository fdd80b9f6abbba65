"""A verdict as metrics of Prometheus: a text file for the collector of its node exporter, or to be served."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dqwatch
from dqwatch.reports.openmetrics import Gauge, expose, user_labels
from dqwatch.types import Verdict

_STATUSES = ("pass", "warn", "fail", "error", "no_data")
_MOST_FINDINGS = 200


def render(verdict: Verdict, *, now: float | None = None) -> str:
    """The metrics; labels of the user's own are called `label_KEY`.

    Parameters
    ----------
    verdict : Verdict
    now : float, optional
        Seconds since 1970 at which it was concluded; the present by default.
    """
    common = {"verb": verdict.verb, **user_labels(verdict.labels)}
    return expose([*_run(verdict, time.time() if now is None else now), *_findings(verdict), *_drift(verdict)], common)


def _run(verdict: Verdict, now: float) -> Iterator[Gauge]:
    timing = verdict.timing
    name = str(verdict.inputs[0]["name"]) if verdict.inputs else ""
    yield Gauge(
        "dqwatch_run_info",
        "The input of the last run, and the version of dqwatch.",
        [({"input": name, "version": dqwatch.__version__}, 1)],
    )
    yield Gauge("dqwatch_exit_code", "Exit code of the last run: 0 lets pass.", [({}, verdict.exit_code)])
    statuses = [({"status": s}, float(s == verdict.status)) for s in _STATUSES]
    yield Gauge("dqwatch_status", "1 for the status of the last run, 0 for the others.", statuses)
    counts = [({"result": key}, n) for key, n in verdict.summary.items() if key != "rules"]
    yield Gauge("dqwatch_results", "Results of rules in the last run.", counts)
    yield Gauge("dqwatch_finished_timestamp_seconds", "When the last run ended, seconds since 1970.", [({}, now)])
    yield Gauge("dqwatch_duration_seconds", "What the last run took.", [({}, timing.get("total_s"))])
    yield Gauge("dqwatch_scanned_bytes", "Bytes scanned by the last run.", [({}, timing.get("scan_bytes"))])
    peak = timing.get("peak_memory_mb")
    yield Gauge("dqwatch_peak_memory_bytes", "Memory of the last run.", [({}, None if peak is None else peak * 1e6)])


def _findings(verdict: Verdict) -> Iterator[Gauge]:
    failed = [f for f in verdict.results if f.status in ("fail", "error", "no_data")][:_MOST_FINDINGS]
    samples = [
        ({"rule": f.rule, "severity": f.severity, "result": f.status, "variable": f.variable or ""}, f.n_failed)
        for f in failed
    ]
    help_text = f"How often a rule failed in the last run, of the worst {_MOST_FINDINGS} findings."
    yield Gauge("dqwatch_finding_failures", help_text, samples)


def _drift(verdict: Verdict) -> Iterator[Gauge]:
    if verdict.drift is None:
        return
    variables = verdict.drift["variables"]
    yield Gauge(
        "dqwatch_cycle_p_value", "p-value of the worst cycle of the last run.", [({}, verdict.drift["p_cycle"])]
    )
    p_values = [({"variable": v["variable"]}, v["p_value"]) for v in variables]
    yield Gauge("dqwatch_variable_p_value", "p-value of each variable in that cycle.", p_values)
    named = [({"variable": v["variable"]}, float(bool(v.get("named")))) for v in variables]
    yield Gauge("dqwatch_variable_named", "1 for the variables that a drift of that cycle is about.", named)
