"""The loss-share audit for people: every variable on three scales side by side, and which of them shows what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dqwatch.reports.findings import clean
from dqwatch.types import Verdict

MOST_ROWS = 16
_SAME = 1e-6
_SCALES = {"raw": "by its weight alone", "sd": "in standard deviations", "tendency": "in tendencies"}
_HEAD = ("variable", "weight", "x factor", "normaliser", "weight share", "sd share", "tendency share")


def render(verdict: Verdict) -> str:
    """Lines: a table of the variables with the largest parts, and a sentence on each that is out of proportion.

    Parameters
    ----------
    verdict : Verdict
        With a table `weights`.

    Returns
    -------
    str
        Without a newline at the end.
    """
    rows = verdict.tables["weights"].to_dict("records")
    rows.sort(key=lambda row: -max(_known(row[f"{scale}_share"]) for scale in _SCALES))
    lines = list(_align([_HEAD, *(_cells(row) for row in rows[:MOST_ROWS])]))
    if len(rows) > MOST_ROWS:
        lines.append(f"... and {len(rows) - MOST_ROWS} more (--json or --tables has all)")
    return "\n".join([*lines, *tell_scales(verdict), *tell_advice(verdict)])


def tell_scales(verdict: Verdict) -> list[str]:
    """A sentence on each variable that a rule points out: on which scales it stands out, and how far."""
    failed: dict[str, set[str]] = {}
    for finding in verdict.results:
        if finding.status == "fail" and finding.table == "weights" and finding.variable:
            failed.setdefault(finding.variable, set()).add((finding.column or "").removesuffix("_ratio"))
    rows = {row["variable"]: row for row in verdict.tables["weights"].to_dict("records")}
    return [_sentence(rows[name], shown) for name, shown in failed.items() if name in rows]


def tell_advice(verdict: Verdict) -> Iterator[str]:
    """What is suggested, with the evidence, where a source was held against training."""
    advice = verdict.advice or {}
    changed = [r for r in advice.get("variables", ()) if abs(r["suggested"] - r["weight"]) > _SAME * r["weight"]]
    for record in changed:
        told = f"suggested for {clean(record['variable'])}: {record['weight']:g} -> {record['suggested']:.3g}"
        yield f"{told}: {clean(record['reason'])}" if record["factor"] < 1 else told
    if "variables" in advice and not changed:
        yield "no weight needs to change: nothing stays away from training further than a step can teach"
    rate = advice.get("fine_tuning")
    if rate:
        sweep = ", ".join(f"{r:.2g}" for r in rate["sweep"])
        yield f"fine-tuning (heuristic): {rate['mixing']}; then try local learning rates of {sweep}; {rate['stop']}"


def _sentence(row: Mapping[Any, Any], shown: set[str]) -> str:
    parts = [
        f"{row[f'{scale}_ratio']:.3g} times {words}"
        for scale, words in _SCALES.items()
        if _known(row[f"{scale}_ratio"]) > 0
    ]
    bare = ", and it is not normalised" if row["normaliser"] == "none" else ""
    hidden = [words for scale, words in _SCALES.items() if scale not in shown]
    if len(hidden) == len(_SCALES):
        verdict = ""
    else:
        seen = " and ".join(words for scale, words in _SCALES.items() if scale in shown)
        verdict = f"; it stands out {seen}" + (f", not {' nor '.join(hidden)}" if hidden else "")
    return f"{clean(row['variable'])} counts, against the median variable, {', '.join(parts)}{verdict}{bare}"


def _cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    shares = [_percent(row[f"{scale}_share"]) for scale in _SCALES]
    return (clean(row["variable"]), f"{row['weight']:g}", f"{row['factor']:.3g}", clean(row["normaliser"]), *shares)


def _known(value: float) -> float:
    return float(value) if value == value else 0.0


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if value == value else "unknown"


def _align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
