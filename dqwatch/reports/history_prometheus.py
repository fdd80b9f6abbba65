"""The drift report over a history as metrics of Prometheus."""

from __future__ import annotations

import time

from dqwatch.digest import Digest
from dqwatch.reports.openmetrics import Gauge, expose, user_labels


def render(digest: Digest, *, now: float | None = None) -> str:
    """The metrics; `now` is the time of the report, seconds since 1970, the present by default."""
    levels = [({"level": f"{b['level']:g}"}, b) for b in digest.budget]
    variables = [({"variable": v["variable"], **user_labels(v["labels"])}, v) for v in digest.variables]
    runs = [({"status": key}, n) for key, n in digest.runs.items() if key != "total"]
    lasting = [(k, float(v["lasting"] and not v["over"])) for k, v in variables]
    gauges = [
        Gauge("dqwatch_report_exit_code", "Exit code of the report.", [({}, digest.exit_code)]),
        Gauge("dqwatch_report_runs", "Runs of the period by status.", runs),
        Gauge("dqwatch_report_cycles", "Cycles held against training.", [(k, b["cycles"]) for k, b in levels]),
        Gauge("dqwatch_report_alarms", "Cycles that alarm at a level.", [(k, b["alarms"]) for k, b in levels]),
        Gauge("dqwatch_report_alarms_expected", "Alarms that chance brings.", [(k, b["expected"]) for k, b in levels]),
        Gauge("dqwatch_report_alarm_days", "Days with an alarm.", [(k, b["alarm_days"]) for k, b in levels]),
        Gauge("dqwatch_report_p_value", "Chance of as many days with alarms.", [(k, b["p_days"]) for k, b in levels]),
        Gauge(
            "dqwatch_report_variable_alarms", "Alarms about a variable.", [(k, v["n_alarmed"]) for k, v in variables]
        ),
        Gauge("dqwatch_report_variable_lasting", "1 where a variable still departs lastingly.", lasting),
        Gauge(
            "dqwatch_report_timestamp_seconds",
            "When the report was made, seconds since 1970.",
            [({}, time.time() if now is None else now)],
        ),
    ]
    return expose(gauges, user_labels(digest.labels))
