"""What a verdict says of drift, as lines of text: how rare the worst cycle is, which variables, where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dqwatch.reports.findings import clean, short_time
from dqwatch.types import Verdict

_MOST = 5
"""Variables that are told one by one."""
_RARE = 0.01


def drift_lines(drift: Mapping[str, Any] | None) -> Iterator[str]:
    """Lines, the first not indented; nothing without a cycle.

    Parameters
    ----------
    drift : mapping, optional
        As the JSON document has it.
    """
    if drift is None:
        return
    p, n = drift["p_cycle"], int(drift["null_size"])
    when = clean(short_time(drift.get("time", "")))
    null = f"{n:,} null cycles of {drift.get('null_years', 0)} years"
    if p is None:
        reasons = {v.get("reason", "") for v in drift["variables"] if v["score"] is not None}
        why = clean(next(iter(reasons))) if len(reasons) == 1 else "could not be compared with training"
        yield f"drift: {when} {'has ' if why.startswith('no ') else ''}{why}"
    elif p * (n + 1) < 1.5:
        yield f"drift: {when} is beyond all {null} (p {p:.2g})"
    else:
        yield f"drift: {when} has p {p:.2g} among {null}"
    named = [v for v in drift["variables"] if v.get("named") or v.get("exact")] if p is None or p <= _RARE else []
    named = named or [v for v in drift["variables"] if v.get("exact")]
    yield from _table([_cells(v) for v in named[:_MOST]])
    if len(named) > _MOST:
        yield f"    and {len(named) - _MOST:,} more: {', '.join(clean(v['variable']) for v in named[_MOST:])}"
    yield from _slow(drift.get("slow", ()))


def _slow(slow: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Variables that drift slowly."""
    if slow:
        yield f"slow drift: {len(slow):,} variables are beyond what training years do"
    for one in slow[:_MOST]:
        where = f" of {clean(one['region'])}" if one["region"] else ""
        since = f"since about {clean(short_time(one['onset']))}, found {clean(short_time(one['reached']))}"
        yield f"    {clean(one['variable'])}  {one['direction']}  {one['source']}{where}, {since}"
    if len(slow) > _MOST:
        yield f"    and {len(slow) - _MOST:,} more: {', '.join(clean(v['variable']) for v in slow[_MOST:])}"


def _cells(variable: Mapping[str, Any]) -> tuple[str, str, str, str]:
    p, score, usual = variable["p_value"], variable["score"], variable.get("usual_score")
    seen = ""
    if score is not None:
        seen = f"{variable['leading_score']} {score:.3g}" + ("" if usual is None else f", usually {usual:.3g}")
    seen = "; ".join(filter(None, (seen, variable.get("exact", ""))))
    name = clean(variable["variable"])
    return name, "" if p is None else f"p {p:.2g}", clean(variable["region"] or ""), clean(seen)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True) if w).rstrip()


def count_named(verdict: Verdict, table: str) -> int:
    """How many variables the drift of the worst cycle is about: those named, and those that a table holds."""
    named = {v["variable"] for v in (verdict.drift or {}).get("variables", ()) if v.get("named")}
    return len(named | set(verdict.tables[table]["variable"]))
