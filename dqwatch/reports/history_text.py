"""The drift report over a history for people at a terminal or in a log; the one-line verdict last."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from typing import Any

from dqwatch.digest import Digest
from dqwatch.reports.findings import clean, short_time
from dqwatch.reports.lines import Fixed, table, wrap

_MOST = 8
"""Entries of a list that are told one by one."""


def render(digest: Digest, *, width: int | None = None) -> str:
    """The report as text, the one-line verdict last.

    Parameters
    ----------
    digest : Digest
    width : int, optional
        Columns to wrap to; None wraps nothing.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    lines = [f"report of {clean(digest.history)}: {_extent(digest)}"]
    for line in _body(digest):
        lines += wrap(line, width) if line else [""]
    return "\n".join([*lines, verdict_line(digest)])


def verdict_line(digest: Digest) -> str:
    """The report in one line: status, history, runs by status, alarms against chance, the worst, seconds."""
    runs = " ".join(f"{n} {s.replace('_', '-')}" for s, n in digest.runs.items() if s != "total")
    parts = [
        f"dqwatch {digest.status.upper().replace('_', '-')} {clean(digest.history)} {digest.runs['total']} runs: {runs}"
    ]
    first = digest.budget[0] if digest.budget else None
    if first and first["cycles"]:
        parts.append(f"{first['alarms']} of {first['cycles']} cycles alarm, {first['expected']:.1f} by chance")
    if digest.variables:
        parts.append(f"worst: {_worst(digest.variables[0])}")
    return " | ".join([*parts, f"{digest.seconds:.1f}s"])


def _worst(one: Mapping[str, Any]) -> str:
    since = one["since"] if one["lasting"] else one["last_alarm"]
    return clean(f"{one['variable']} {'since ' if one['lasting'] and not one['over'] else ''}{short_time(since or '')}")


def _extent(digest: Digest) -> str:
    cycles = digest.cycles
    period = f"{digest.since:%Y-%m-%dT%H:%M} to {digest.until:%Y-%m-%dT%H:%M} UTC"
    told = f"{_many(digest.runs['total'], 'run')} recorded from {period}"
    if digest.labels:
        told += " with " + ", ".join(f"{clean(k)}={clean(v)}" for k, v in digest.labels.items())
    if cycles["total"]:
        several = f" in {cycles['series']} series" if cycles["series"] > 1 else ""
        span = f"{short_time(cycles['first'])} to {short_time(cycles['last'])}"
        told += f"; {cycles['total']:,} cycles{several}, {clean(span)}, {cycles['variables']:,} variables"
    return told


def _body(digest: Digest) -> Iterator[str]:
    for note in digest.notes:
        yield f"note: {clean(note)}"
    for budget in digest.budget:
        if budget["cycles"]:
            yield _budget(budget)
    yield from _variables(digest)
    yield from _listed("worst regions", [_region(r) for r in digest.regions], digest.left_out["regions"])
    yield from _listed("slow drift", [_slow(one) for one in digest.slow], digest.left_out["slow"])
    yield from _listed("rules that failed", [_rule(one) for one in digest.rules])
    yield from _listed("runs that did not pass, newest first", [_failed(one) for one in digest.failed])
    yield from _comparison(digest.comparison)


def _budget(budget: Mapping[str, Any]) -> str:
    stretches = (
        f" in {_many(budget['stretches'], 'stretch', 'stretches')}" if budget["stretches"] < budget["alarms"] else ""
    )
    usual = f"{budget['expected']:.1f}, 95 times of 100 {budget['usual_low']} to {budget['usual_high']}"
    alarms = f"{budget['alarms']} of {budget['cycles']:,} cycles{stretches}"
    days = f"{budget['alarm_days']} of {budget['days']} days, p {budget['p_days']:.2g}"
    return f"alarms at p <= {budget['level']:g}: {alarms}; chance brings {usual} (p {budget['p_value']:.2g}; {days})"


def _variables(digest: Digest) -> Iterator[str]:
    if digest.variables:
        yield f"what drifted: {_many(len(digest.variables), 'variable')}"
    rows = [_cells(one) for one in digest.variables[:_MOST]]
    if rows:
        yield from (Fixed("  " + line) for line in table(rows, left=len(rows[0])))
    yield from _more(len(digest.variables), [v["variable"] for v in digest.variables[_MOST:]])


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    alarms = f"{_many(one['n_alarmed'], 'alarm')} in {_many(one['n'], 'cycle')}"
    since = ""
    if one["lasting"]:
        since = f"since {short_time(one['since'])}" + (f" until {short_time(one['until'])}" if one["over"] else "")
        since += f", {100 * one['share']:.0f} % of cycles p <= 0.05"
    elif one["last_alarm"]:
        since = f"passing, last {short_time(one['last_alarm'])}"
    named = " ".join(f"{k}={v}" for k, v in one["labels"].items())
    return tuple(clean(part) for part in (one["variable"], alarms, since, one["region"], named))


def _region(one: Mapping[str, Any]) -> str:
    return f"{one['region']}  {_many(one['n_alarmed'], 'alarm')}: {', '.join(one['variables'])}"


def _slow(one: Mapping[str, Any]) -> str:
    where = f" of {one['region']}" if one["region"] else ""
    since = f"since about {short_time(one['onset'])}, found {short_time(one['reached'])}"
    return f"{one['variable']}  {one['direction']}  {one['source']}{where}, {since}"


def _rule(one: Mapping[str, Any]) -> str:
    where = f" {one['variable']}" if one["variable"] else ""
    return f"{one['severity']} {one['rule']}{where}  {_many(one['n_runs'], 'run')}, last {one['last'][:16]}"


def _failed(one: Mapping[str, Any]) -> str:
    link = one["html"] or one["json"]
    if link and one["host"] and one["host"] != socket.gethostname():
        link = f"{one['host']}:{link}"
    return f"{one['recorded_at'][:16]} {one['verb']} {one['name']}: {one['status']} {one['worst']}" + (
        f" -> {link}" if link else ""
    )


def _comparison(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    yield f"by {clean(found['label'])}:"
    rows = [_group(group) for group in found["groups"]]
    yield from (Fixed("  " + line) for line in table(rows, left=4))
    shares = [
        (clean(v["variable"]), *(f"{clean(k)} {100 * s:.0f} %" for k, s in v["shares"].items()))
        for v in found["variables"][:_MOST]
    ]
    if shares:
        yield "share of cycles with p <= 0.05, where it differs most:"
        most = max(map(len, shares))
        padded = [row + ("",) * (most - len(row)) for row in shares]
        yield from (Fixed("  " + line) for line in table(padded, left=most))
        yield from _more(len(found["variables"]) + found["left_out"], [])


def _group(group: Mapping[str, Any]) -> tuple[str, ...]:
    rate = ""
    if group["rate"] is not None:
        rate = f"{100 * group['rate']:.1f} % ({100 * group['rate_low']:.1f} to {100 * group['rate_high']:.1f})"
    runs, alarms = (
        f"{_many(group['runs'], 'run')}, {group['failed']} failed",
        f"{group['alarms']} of {group['cycles']} cycles alarm",
    )
    return clean(group["value"]), runs, alarms, rate


def _many(n: int, one: str, several: str = "") -> str:
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def _listed(title: str, lines: list[str], left_out: int = 0) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (Fixed("  " + clean(line)) for line in lines[:_MOST])
        yield from _more(len(lines) + left_out, [])


def _more(total: int, names: list[str]) -> Iterator[str]:
    if total > _MOST:
        told = f": {', '.join(map(clean, names[:10]))}" + (", ..." if len(names) > 10 else "") if names else ""
        yield Fixed(f"  and {total - _MOST:,} more{told}")
