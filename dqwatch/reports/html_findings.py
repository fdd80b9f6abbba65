"""What a page says in words: the verdict, the findings by rule with what to do, notes, and what the run was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dqwatch import __version__
from dqwatch.reports.findings import order, rank, short_time, waived_by
from dqwatch.reports.html_page import number, some
from dqwatch.types import SEVERITIES, Finding, Verdict

WORDS = {
    "pass": ("✓ PASS", "Nothing closes the gate."),
    "warn": ("✓ PASS with warnings", "The gate is open, but something deserves a look."),
    "fail": ("✕ FAIL", "The gate is closed."),
    "error": ("! ERROR", "A rule could not be evaluated: this is neither a pass nor a fail."),
    "no_data": ("? NOTHING CHECKED", "No rule found anything to look at: this is not a pass."),
}
_COUNTS = {"pass": "passed", "fail": "failed", "warn": "warnings", "error": "errors", "no_data": "without data"}
_COUNTS |= {"waived": "waived"}
_STATUSES = {"fail": "failed", "error": "could not be evaluated", "no_data": "nothing to look at", "waived": "waived"}
_ODD = ("error", "no_data", "waived")
_LEADING = 3
_LEAD_NAMES = 4

Group = list[Finding]


def group_findings(results: Sequence[Finding]) -> list[Group]:
    """What did not pass, by rule, severity and status; the worst first, and in each the worst first."""
    groups: dict[tuple[str, str, str], Group] = {}
    for finding in order(f for f in results if f.status not in ("pass", "skipped")):
        groups.setdefault((finding.rule, finding.severity, finding.status), []).append(finding)
    return sorted(groups.values(), key=lambda group: rank(group[0])[:2])


def verdict_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The answer, and its worst reasons."""
    word, meaning = WORDS[verdict.status]
    counts = [f"<li><b>{verdict.summary.get('rules', 0):,}</b> checks</li>"]
    for key, text in _COUNTS.items():
        n = verdict.summary.get(key, 0)
        if n or key in ("pass", "fail", "warn"):
            counts.append(f"<li><b>{n:,}</b> {text.removesuffix('s') if n == 1 else text}</li>")
    sampled = f"<p>Not everything was looked at: {escape(verdict.sampled)}.</p>" if verdict.sampled else ""
    return (
        f'<div class="verdict {verdict.status}" id="verdict"><span class="code">exit code {verdict.exit_code}</span>'
        f'<b class="word">{word}</b><p>{escape(verdict.error) or meaning}</p>{_reasons(verdict)}{sampled}'
        f'<ul class="counts">{"".join(counts)}</ul></div>'
    )


def _reasons(verdict: Verdict) -> str:
    """The titles of the worst rules, with the first variables."""
    groups = [g for g in group_findings(verdict.results) if g[0].status != "waived" and g[0].severity != "info"]
    lines = [f"<li>{_reason(group)}</li>" for group in groups[:_LEADING]]
    if len(groups) > _LEADING:
        more = len(groups) - _LEADING
        lines.append(f"<li class='soft'>and {more:,} more rule{'s' * (more > 1)}, below</li>")
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _reason(group: Group) -> str:
    names = list(dict.fromkeys(f.variable for f in group if f.variable))
    time = short_time(group[0].time or "")
    told = [number(row["variables"]) for row in group[0].first_failures[:1] if row.get("variables")]
    where = "; ".join(filter(None, (some(names, _LEAD_NAMES), *told, time)))
    return f"<b>{escape(group[0].title or group[0].rule)}</b>{': ' if where else ''}{escape(where)}"


def findings_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """A card for each rule that did not pass: where, how much, what to do."""
    least = SEVERITIES.index(options["severity"])
    groups = [g for g in group_findings(verdict.results) if SEVERITIES.index(g[0].severity) <= least]
    if not groups:
        return "" if verdict.error else '<h2>Findings</h2><p id="findings">None.</p>'
    cards = "".join(_card(group, options["variables"], options["failures"]) for group in groups[: options["most"]])
    more = len(groups) - options["most"]
    rest = f"<p>{more:,} further rules with findings are in the JSON document.</p>" if more > 0 else ""
    return f'<h2>Findings</h2><div id="findings">{cards}</div>{rest}'


def _card(group: Group, most: int, failures: int) -> str:
    first = group[0]
    css = "odd" if first.status in _ODD else first.severity
    tag = first.severity if first.status == "fail" else f"{first.severity}, {_STATUSES[first.status]}"
    rows = "".join(_row(finding) for finding in group[:most])
    rest = len(group) - most
    more = f"<p class='soft'>and {rest:,} more variables, which the JSON document has</p>" if rest > 0 else ""
    hint = waived_by(first) or first.hint
    told = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<section class="finding {css}"><span class="tag">{tag}</span>'
        f"<h3>{escape(first.title or first.rule)}</h3><code>{escape(first.rule)}</code>{told}"
        '<div class="scroll"><table><tr><th>Where</th><th>When</th><th class="n">How many</th><th>Seen</th>'
        f"<th>Expected</th></tr>{rows}</table></div>{more}{_failures(group[:most], failures)}</section>"
    )


def _row(finding: Finding) -> str:
    return (
        f"<tr><td>{escape(finding.variable or finding.table)}</td>"
        f"<td class='when'>{escape(short_time(finding.time or ''))}</td>"
        f'<td class="n">{finding.n_failed:,} of {finding.n_checked:,}</td><td>{escape(number(finding.observed))}</td>'
        f"<td>{escape(finding.expected)}</td></tr>"
    )


def _failures(group: Group, most: int) -> str:
    """The first rows that fail, as a table to unfold."""
    rows = [{"variable": f.variable, **row} for f in group for row in f.first_failures]
    if not rows:
        return ""
    keys = [key for key in dict.fromkeys(k for row in rows for k in row) if any(row.get(key) for row in rows)]
    keys = [key for key in keys if key != "time_index"]
    head = "".join(f"<th>{escape(str(key))}</th>" for key in keys)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(number(row.get(key)))}</td>" for key in keys) + "</tr>" for row in rows[:most]
    )
    n_failed = sum(f.n_failed for f in group)
    shown = f"first {min(most, len(rows)):,} of {n_failed:,} failures" if n_failed > 1 else "the failure"
    return (
        f'<details><summary>{shown}</summary><div class="scroll"><table><tr>{head}</tr>{body}</table></div></details>'
    )


def notes_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """What was left out and why."""
    if not verdict.notes:
        return ""
    return "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(n)}</li>" for n in verdict.notes) + "</ul>"


def passed_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The rules that passed or do not apply, to unfold."""
    counts: dict[tuple[str, str], int] = {}
    for finding in verdict.results:
        if finding.status in ("pass", "skipped"):
            key = (finding.rule, finding.status)
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return ""
    rows = "".join(
        f'<tr><td><code>{escape(rule)}</code></td><td>{status}</td><td class="n">{n:,}</td></tr>'
        for (rule, status), n in sorted(counts.items())
    )
    return (
        f"<h2>Passed and skipped</h2><details><summary>{len(counts):,} rules</summary><div class='scroll'><table><tr>"
        f"<th>Rule</th><th>Status</th><th class='n'>Checks</th></tr>{rows}</table></div></details>"
    )


def about_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """What was looked at, by which rules, and how long it took."""
    inputs = "".join(
        f"<li>{escape(str(i['name']))} ({escape(str(i['kind'] or 'not opened'))}) "
        f"<code>{escape(str(i['identity'] or ''))}</code></li>"
        for i in verdict.inputs
    )
    rules = "".join(f"<li>{escape(r.name)} <code>{r.sha256[:16]}</code></li>" for r in verdict.rule_sets)
    total, scanned = (float(verdict.timing.get(key, 0.0)) for key in ("total_s", "scan_bytes"))
    return (
        f"<h2>About this run</h2><p>dqwatch {escape(__version__)}, {total:.1f} s, {scanned / 1e6:,.1f} MB scanned.</p>"
        f"<p>Inputs</p><ul>{inputs}</ul>" + (f"<p>Rule sets</p><ul>{rules}</ul>" if rules else "")
    )
