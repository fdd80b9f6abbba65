"""What stands out in losses, in sentences: when, how much, and which data lie behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dqwatch.reports.findings import clean
from dqwatch.types import Verdict

MOST = 12
"""Sentences; the tables have all."""


def render(verdict: Verdict) -> str:
    """A sentence on each variable that a rule points out; '' where none does.

    Parameters
    ----------
    verdict : Verdict
        With a table `losses`.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    rows = {row["variable"]: row for row in verdict.tables["losses"].to_dict("records")}
    audited = not any("--against" in note for note in verdict.notes)
    told = []
    for finding in verdict.results:
        tell = _SENTENCES.get(finding.column or "")
        if finding.status == "fail" and tell is not None and finding.variable in rows:
            told.append(f"{clean(finding.variable)}: {tell(rows[finding.variable], audited)}")
    more = [f"... and {len(told) - MOST} more (--json or --tables has all)"] if len(told) > MOST else []
    return "\n".join([*told[:MOST], *more])


def _spike(row: Mapping[str, Any], audited: bool) -> str:
    others = f", the largest of {row['n_spikes']} spikes" if row["n_spikes"] > 1 else ""
    text = f"loss {row['spike_times']:.3g} times the usual at step {row['spike_step']}{others}"
    if not row["spike_dates"]:
        return text
    text += f"; samples of {clean(row['spike_dates'])}"
    if row["spike_fields"]:
        return f"{text}; among their fields stand out {clean(row['spike_fields'])}"
    return text + ("; nothing stands out among their fields" if audited else "")


def _step(row: Mapping[str, Any], _: bool) -> str:
    source = f", where samples of {clean(row['step_source'])} begin" if row["step_source"] else ""
    return f"loss {row['step_times']:.3g} times that before, beside the others, from step {row['step_at']} on{source}"


def _date(row: Mapping[str, Any], _: bool) -> str:
    return f"loss with samples from {clean(row['date_from'])} on {row['date_times']:.3g} times that with those before"


def _source(row: Mapping[str, Any], _: bool) -> str:
    return f"loss of samples of {clean(row['source_name'])} {row['source_times']:.3g} times that of the others"


def _stall(row: Mapping[str, Any], _: bool) -> str:
    return (
        f"has not fallen since step {row['stall_since']}: {row['stall_times']:.3g} times what it would be by the others"
    )


_SENTENCES: dict[str, Callable[[Mapping[str, Any], bool], str]] = {
    "spike_p": _spike,
    "step_p": _step,
    "date_p": _date,
    "source_p": _source,
    "stall_p": _stall,
}
"""Column of the rule -> what is said of the row."""
