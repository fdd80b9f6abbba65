"""A verdict as one self-contained HTML page: what is wrong, where, and what to do, readable offline."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from dqwatch import __version__, resources
from dqwatch.errors import RuleFileError
from dqwatch.reports.drift_lines import drift_lines
from dqwatch.reports.findings import waived_by
from dqwatch.reports.html_drift import departure_maps, scorecard
from dqwatch.reports.html_picture import defect_map
from dqwatch.reports.html_weights import weights
from dqwatch.types import Finding, Verdict

_WORDS = {
    "pass": ("PASS", "Nothing closes the gate."),
    "warn": ("PASS with warnings", "Nothing closes the gate, but something deserves a look."),
    "fail": ("FAIL", "The gate is closed."),
    "error": ("ERROR", "A rule could not be evaluated: this is neither a pass nor a fail."),
    "no_data": ("NOTHING CHECKED", "No rule found anything to look at: this is not a pass."),
}
_RANK = {"error": 0, "fail": 1, "no_data": 2, "waived": 3, "skipped": 4, "pass": 5}
_SEVERITY_RANK = {"critical": 0, "warning": 1, "info": 2}
_MAX_FINDINGS = 200

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--line:#d1d9e0;--card:#f6f8fa;
--good:#1a7f37;--warn:#9a6700;--bad:#c4162a;--odd:#6639ba}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--line:#3d444d;--card:#151b23;
--good:#3fb950;--warn:#d29922;--bad:#ff7b72;--odd:#bc8cff}}
*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;
color:var(--ink);background:var(--paper)}h1{font-size:1.25rem;font-weight:600;margin:.5rem 0}h2{font-size:1.1rem;
margin:2rem 0 .5rem}.verdict{border-left:.5rem solid;padding:.5rem 1rem;background:var(--card)}
.verdict b{font-size:1.6rem}
.pass,.pass b{color:var(--good)}.warn,.warn b{color:var(--warn)}.fail,.fail b{color:var(--bad)}
.error,.error b,.no_data,.no_data b{color:var(--odd)}.verdict p{color:var(--ink);margin:.25rem 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;
vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
td.n{text-align:right;font-variant-numeric:tabular-nums}.soft{color:var(--soft)}details{margin:.25rem 0}
code{font-size:.9em;overflow-wrap:anywhere}@media print{body{max-width:none}details{display:none}}
"""


def render(verdict: Verdict) -> str:
    """The page, laid out as `dashboards/verdict.yaml` says.

    Parameters
    ----------
    verdict : Verdict

    Returns
    -------
    str
        A whole HTML document; needs no network. All text of the data is escaped.
    """
    layout = _layout()
    title = layout["title"].format(verb=verdict.verb, name=", ".join(str(i["name"]) for i in verdict.inputs))
    body = "\n".join(_SECTIONS[section](verdict) for section in layout["sections"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>\n{body}\n"
        "</body></html>\n"
    )


def _layout() -> dict[str, Any]:
    import yaml

    path = resources.folder("dashboards") / "verdict.yaml"
    layout: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section in layout["sections"]:
        if section not in _SECTIONS:
            raise RuleFileError(f"{path.name}: unknown section '{section}'; there are: {', '.join(_SECTIONS)}")
    return layout


def _verdict(verdict: Verdict) -> str:
    word, meaning = _WORDS[verdict.status]
    keys = [*_SUMMARY_KEYS, *(["waived"] if verdict.summary.get("waived") else [])]
    summary = ", ".join(f"{verdict.summary.get(k, 0)} {k.replace('_', ' ')}" for k in keys)
    sampled = f"<p>Not everything was looked at: {escape(verdict.sampled)}.</p>" if verdict.sampled else ""
    return (
        f'<div class="verdict {verdict.status}" id="verdict"><b>{word}</b> <span class="soft">exit code '
        f"{verdict.exit_code}</span><p>{escape(verdict.error) or meaning}</p>"
        f"<p>{verdict.summary.get('rules', 0)} checks: {summary}.</p>"
        f"{sampled}</div>"
    )


_SUMMARY_KEYS = ("pass", "warn", "fail", "error", "no_data")


def _picture(verdict: Verdict) -> str:
    figure = defect_map(verdict.tables)
    if figure is None:
        return ""
    drawn = figure.to_html(full_html=False, include_plotlyjs=True, config={"displaylogo": False, "responsive": True})
    return f'<h2>Where and when</h2><div id="picture">{drawn}</div>'


def _drift(verdict: Verdict) -> str:
    lines = "\n".join(escape(line) for line in drift_lines(verdict.drift))
    if not lines:
        return ""
    figure = departure_maps(verdict.tables)
    drawn = ""
    if figure is not None:
        # The library itself comes with the first picture of the page.
        whole = defect_map(verdict.tables) is None
        settings = {"displaylogo": False, "responsive": True}
        drawn = figure.to_html(full_html=False, include_plotlyjs=whole, config=settings)
        drawn = f'<h2>Where it departs from training</h2><div id="departures">{drawn}</div>'
    return f"<h2>Drift</h2><pre>{lines}</pre>{drawn}{scorecard(verdict.tables)}"


def _finding_row(finding: Finding) -> str:
    css = "error" if finding.status in ("error", "no_data") else ("fail" if finding.severity == "critical" else "warn")
    css = "soft" if finding.status == "waived" else css
    what = f"<b>{escape(finding.title or finding.rule)}</b><br><code>{escape(finding.rule)}</code>"
    where = escape(" ".join(str(part) for part in (finding.variable, finding.time) if part))
    seen = f"{escape(_text(finding.observed))}<br><span class='soft'>expected: {escape(finding.expected)}</span>"
    return (
        f'<tr><td class="{css}">{finding.severity}<br>{finding.status.replace("_", " ")}</td><td>{what}</td>'
        f'<td>{where}</td><td class="n">{finding.n_failed} of {finding.n_checked}</td><td>{seen}'
        f"{_first_failures(finding)}</td><td>{escape(waived_by(finding) or finding.hint)}</td></tr>"
    )


def _first_failures(finding: Finding) -> str:
    if not finding.first_failures:
        return ""
    lines = "<br>".join(
        escape(", ".join(f"{key} {_text(value)}" for key, value in row.items())) for row in finding.first_failures
    )
    return f"<details><summary>first failures</summary>{lines}</details>"


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else ("" if value is None else str(value))


def _findings(verdict: Verdict) -> str:
    shown = [f for f in verdict.results if f.status not in ("pass", "skipped")]
    shown.sort(key=lambda f: (_RANK[f.status], _SEVERITY_RANK[f.severity], f.rule, f.variable or ""))
    if not shown:
        return "<h2>Findings</h2><p>None.</p>"
    rows = "".join(_finding_row(f) for f in shown[:_MAX_FINDINGS])
    rest = len(shown) - _MAX_FINDINGS
    more = f"<p>{rest} further findings are in the JSON document only.</p>" if rest > 0 else ""
    return (
        f'<h2>Findings</h2><div class="scroll"><table id="findings"><tr><th>Severity</th><th>What</th><th>Where</th>'
        f"<th>How many</th><th>Seen</th><th>What to do</th></tr>{rows}</table></div>{more}"
    )


def _notes(verdict: Verdict) -> str:
    if not verdict.notes:
        return ""
    return "<h2>Notes</h2><ul>" + "".join(f"<li>{escape(n)}</li>" for n in verdict.notes) + "</ul>"


def _passed(verdict: Verdict) -> str:
    counts: dict[tuple[str, str], int] = {}
    for finding in verdict.results:
        if finding.status in ("pass", "skipped"):
            key = (finding.rule, finding.status)
            counts[key] = counts.get(key, 0) + 1
    rows = "".join(
        f'<tr><td><code>{escape(rule)}</code></td><td>{status}</td><td class="n">{n}</td></tr>'
        for (rule, status), n in sorted(counts.items())
    )
    return (
        "<h2>Passed and skipped</h2><details><summary>rules</summary><div class='scroll'><table><tr><th>Rule</th>"
        f"<th>Status</th><th>Checks</th></tr>{rows}</table></div></details>"
    )


def _about(verdict: Verdict) -> str:
    inputs = "".join(
        f"<li>{escape(str(i['name']))} ({escape(str(i['kind'] or 'not opened'))}) "
        f"<code>{escape(str(i['identity'] or ''))}</code></li>"
        for i in verdict.inputs
    )
    rules = "".join(f"<li>{escape(r.name)} <code>{r.sha256[:16]}</code></li>" for r in verdict.rule_sets)
    total = float(verdict.timing.get("total_s", 0.0))
    return (
        f"<h2>About this run</h2><p>dqwatch {escape(__version__)}, {total:.1f} s, "
        f"{float(verdict.timing.get('scan_bytes', 0)) / 1e6:.1f} MB scanned.</p><p>Inputs</p><ul>{inputs}</ul>"
        f"<p>Rule sets</p><ul>{rules}</ul>"
    )


_SECTIONS: dict[str, Callable[[Verdict], str]] = {
    "verdict": _verdict,
    "picture": _picture,
    "drift": _drift,
    "weights": weights,
    "findings": _findings,
    "notes": _notes,
    "passed": _passed,
    "about": _about,
}
