"""The drift report over a history as one self-contained HTML page, readable offline."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

from dqwatch import __version__
from dqwatch.digest import Digest
from dqwatch.reports.findings import clean, short_time
from dqwatch.reports.html_history_figures import MOST, alarm_budget, height_of, p_of_cycles, p_of_variables
from dqwatch.reports.html_page import figure_block, not_drawn, page

_WORDS = {
    "pass": ("PASS", "No more alarms than chance brings, and nothing departs lastingly."),
    "warn": ("PASS with warnings", "Alarms are within what chance brings, but something deserves a look."),
    "fail": ("FAIL", "There are more alarms than chance brings: the data have drifted away from training."),
    "no_data": ("NOTHING CHECKED", "No run was recorded in this period: this is not a pass."),
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+")
"""What is not broken into lines."""
_MOST = 100
"""Rows of a table."""


def render(digest: Digest, path: str | None = None) -> str:
    """The page; needs no network. All text of the data is escaped.

    Parameters
    ----------
    digest : Digest
    path : str, optional
        Where it is going to be: links to verdicts lead there from that place.
    """
    return page(*render_parts(digest, path))


def render_parts(digest: Digest, path: str | None = None) -> tuple[str, str]:
    """The title of the page, as text, and its body, as HTML; parameters as for `render`."""
    title = f"dqwatch report of {clean(digest.history)}"
    parts = [_verdict(digest), _notes(digest), _figures(digest), _variables(digest), _comparison(digest.comparison)]
    parts += [_regions(digest), _slow(digest), _rules(digest), _failed(digest, path)]
    foot = f'<p class="soft small">dqwatch {escape(__version__)}</p>'
    return title, "\n".join([f"<h1>{escape(title)}</h1>", *filter(None, parts), foot])


def _verdict(digest: Digest) -> str:
    word, meaning = _WORDS[digest.status]
    runs = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in digest.runs.items() if s != "total")
    labels = "".join(f" {k}={v}" for k, v in digest.labels.items())
    period = f"{digest.since:%Y-%m-%d %H:%M} to {digest.until:%Y-%m-%d %H:%M} UTC{labels}"
    budgets = "".join(f"<p>{_budget(b)}</p>" for b in digest.budget if b["cycles"])
    return (
        f'<div class="verdict {digest.status}" id="verdict"><span class="code">exit code {digest.exit_code}</span>'
        f'<b class="word">{word}</b>'
        f"<p>{meaning}</p><p>{digest.runs['total']} runs recorded from {escape(period)}: "
        f"{runs}.</p>{budgets}</div>"
    )


def _budget(budget: Mapping[str, Any]) -> str:
    usual = f"{budget['usual_low']} to {budget['usual_high']}"
    days = f"{budget['alarm_days']} of {budget['days']} days have one (p {budget['p_days']:.2g})"
    return (
        f"Alarms at p &le; {budget['level']:g}: <strong>{budget['alarms']}</strong> of {budget['cycles']:,} cycles; "
        f"chance brings {budget['expected']:.1f}, 95 times of 100 {usual}. {days}."
    )


def _notes(digest: Digest) -> str:
    return "".join(f'<p class="soft">{escape(note)}</p>' for note in digest.notes)


def _figures(digest: Digest) -> str:
    """The pictures."""
    named = [(v["labels"], v["variable"]) for v in digest.variables]
    more = not_drawn(len(named) - MOST, "variable", "the table below, or --json")
    drawn = [
        ("When", "cycles", p_of_cycles(digest.tables["cycles"]), ""),
        ("Alarms spent and expected", "budget", alarm_budget(digest.tables["cycles"]), ""),
        ("What drifted, when", "series", p_of_variables(digest.tables["drift"], named), more),
    ]
    return "".join(
        f'<h2>{title}</h2><div id="{name}">{figure_block(figure, height_of(figure), title)}</div>{rest}'
        for title, name, figure, rest in drawn
        if figure is not None
    )


def _variables(digest: Digest) -> str:
    rows = [
        (
            v["variable"], _named(v["labels"]), f"{v['n_alarmed']} of {v['n']}", _when(v), _share(v),
            v["region"],
        )
        for v in digest.variables
    ]  # fmt: skip
    head = ("Variable", "Series", "Alarms", "Since", "Cycles with p <= 0.05", "Where")
    return _table("What drifted", "variables", head, rows)


def _when(entry: Mapping[str, Any]) -> str:
    if not entry["lasting"]:
        return f"passing, last {short_time(entry['last_alarm'] or '')}"
    return short_time(entry["since"]) + (f" until {short_time(entry['until'])}" if entry["over"] else ", still")


def _share(entry: Mapping[str, Any]) -> str:
    if entry["share"] is None or not entry["lasting"]:
        return ""
    before = "" if entry["share_before"] is None else f", before {100 * entry['share_before']:.0f} %"
    return f"{100 * entry['share']:.0f} %{before}"


def _comparison(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    rows = [
        (g["value"], str(g["runs"]), str(g["failed"]), f"{g['alarms']} of {g['cycles']}", _rate(g))
        for g in found["groups"]
    ]
    head = (str(found["label"]), "Runs", "Failed", "Cycles that alarm", "Rate (95 % interval)")
    values = [g["value"] for g in found["groups"]]
    shares = [
        (v["variable"], *(f"{100 * v['shares'][name]:.0f} %" if name in v["shares"] else "" for name in values))
        for v in found["variables"]
    ]
    title = "Share of cycles with p <= 0.05, where it differs most"
    return _table(f"By {found['label']}", "comparison", head, rows) + _table(
        title, "shares", ("Variable", *values), shares, found["left_out"]
    )


def _rate(group: Mapping[str, Any]) -> str:
    if group["rate"] is None:
        return ""
    return f"{100 * group['rate']:.1f} % ({100 * group['rate_low']:.1f} to {100 * group['rate_high']:.1f})"


def _regions(digest: Digest) -> str:
    rows = [(r["region"], str(r["n_alarmed"]), ", ".join(r["variables"])) for r in digest.regions]
    return _table("Where", "regions", ("Region", "Alarms", "Variables"), rows, digest.left_out["regions"])


def _slow(digest: Digest) -> str:
    rows = [
        (s["variable"], _named(s["labels"]), s["direction"], s["source"], s["region"], short_time(s["onset"]),
         short_time(s["reached"]))
        for s in digest.slow
    ]  # fmt: skip
    head = ("Variable", "Series", "Direction", "What", "Where", "Since about", "Found")
    return _table("Slow drift", "slow", head, rows, digest.left_out["slow"])


def _rules(digest: Digest) -> str:
    rows = [
        (r["severity"], r["rule"], r["variable"] or "", r["status"], str(r["n_runs"]), r["first"][:16], r["last"][:16])
        for r in digest.rules
    ]
    head = ("Severity", "Rule", "Variable", "Status", "Runs", "First", "Last")
    return _table("Rules that failed", "rules", head, rows)


def _failed(digest: Digest, path: str | None) -> str:
    rows = [
        (f["recorded_at"][:16], f["verb"], f["name"], _named(f["labels"]), f["status"], f["worst"],
         _link(f["html"] or f["json"] or "", f["host"], path))
        for f in digest.failed
    ]  # fmt: skip
    head = ("Recorded", "Verb", "Input", "Series", "Status", "Worst", "Verdict")
    return _table("Runs that did not pass", "failed", head, rows)


def _named(labels: Mapping[str, str]) -> str:
    return " ".join(f"{k}={v}" for k, v in labels.items())


class _Link(NamedTuple):
    """What a cell shows of a file, and the way to it from the page; '' where there is none."""

    shown: str
    way: str


def _link(file: str, host: str | None, page: str | None) -> _Link:
    way = os.path.relpath(file, os.path.dirname(os.path.abspath(page))) if page and file else file
    return _Link(f"{host}:{file}" if host and file else file, way)


def _cell(value: str | _Link) -> str:
    if isinstance(value, _Link) and value.way:
        return f'<td><a href="{escape(quote(value.way))}">{escape(value.shown)}</a></td>'
    shown = value.shown if isinstance(value, _Link) else str(value)
    together = " class='when'" if _MOMENT.fullmatch(shown) else ""
    return f"<td{together}>{escape(shown)}</td>"


def _table(title: str, name: str, head: Sequence[str], rows: Sequence[Sequence[str | _Link]], left_out: int = 0) -> str:
    if not rows:
        return ""
    cells = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows[:_MOST])
    rest = len(rows) - _MOST
    more = f'<p class="soft">{rest:,} more are in the JSON document only.</p>' if rest > 0 else ""
    more += f'<p class="soft">{left_out:,} more are left out.</p>' if left_out else ""
    titles = "".join(f"<th>{escape(word)}</th>" for word in head)
    return (
        f'<h2>{escape(title)}</h2><div class="scroll"><table id="{name}"><tr>{titles}</tr>{cells}</table></div>{more}'
    )
