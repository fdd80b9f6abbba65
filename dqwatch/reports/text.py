"""The verdict for people at a terminal or in a log: findings by rule, worst first, and the one-line verdict last."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from dqwatch.reports.drift_lines import drift_lines
from dqwatch.reports.findings import clean, short_time, shown, waived_by, worst
from dqwatch.types import Finding, Verdict

MOST_LINES = 20
"""Lines that findings may take; a rule takes up to four: its title, a finding, how many more there are, its hint."""

_MOST_SKIPPED = 12
"""Rules that do not apply are named up to this number."""
_STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_VERDICT_STYLES = {"pass": "bold green", "warn": "bold yellow"}
_INDENT = "    "
_SIZES = ("variables", "times", "fields")
"""Tables whose lengths say how much was looked at."""


def render(verdict: Verdict, *, width: int | None = None, colour: bool = False) -> str:
    """The report as text, the one-line verdict last.

    Parameters
    ----------
    verdict : Verdict
    width : int, optional
        Columns to wrap to; None wraps nothing.
    colour : bool
        Whether to write the escape sequences of a terminal.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    if verdict.error:
        return verdict_line(verdict)
    lines = [*_opening(verdict, width), *_findings(verdict.results, width)]
    return _print([*lines, _verdict_line(verdict)], colour)


def verdict_line(verdict: Verdict, *, colour: bool = False) -> str:
    """The verdict in one line: status, input, counts of rules, the worst finding, what was sampled, seconds."""
    if verdict.error:
        return f"dqwatch: {clean(verdict.error)}"
    return _print([_verdict_line(verdict)], colour)


def _verdict_line(verdict: Verdict) -> Text:
    counts = {key: verdict.summary.get(key, 0) for key in ("rules", "pass", "warn", "fail", "error", "no_data")}
    if verdict.summary.get("waived"):
        counts["waived"] = verdict.summary["waived"]
    names = _join((clean(i["name"]) for i in verdict.inputs), verdict)
    parts = [
        f" {names} {counts.pop('rules')} rules: "
        + " ".join(f"{n} {status.replace('_', '-')}" for status, n in counts.items())
    ]
    finding = worst(verdict.results)
    if finding is not None:
        parts.append(f"worst: {_place(finding)}")
    if "source" in verdict.tables and (n_left_out := int(verdict.tables["source"]["n_left_out"].sum())):
        parts.append(f"+{n_left_out} not checked")
    if verdict.sampled:
        parts.append(f"sampled: {clean(verdict.sampled)}")
    parts.append(f"{verdict.timing.get('total_s', 0.0):.1f}s")
    status = verdict.status.upper().replace("_", "-")
    return Text.assemble("dqwatch ", (status, _VERDICT_STYLES.get(verdict.status, "bold red")), " | ".join(parts))


def _join(names: Iterable[str], verdict: Verdict) -> str:
    """The inputs, the reference last."""
    compared = any(i.get("role") == "reference" for i in verdict.inputs)
    return (" against " if compared else ", ").join(names)


def _place(finding: Finding) -> str:
    """Rule, variable and time of a finding, and how many more failures it has."""
    words = [finding.rule, finding.variable or "", short_time(finding.time or "")]
    if finding.n_failed > 1:
        words.append(f"(+{finding.n_failed - 1})")
    return clean(" ".join(words))


def _opening(verdict: Verdict, width: int | None) -> Iterator[Text]:
    inputs = _join((f"{clean(i['name'])} ({clean(i['kind'])})" for i in verdict.inputs), verdict)
    told = _SIZES if "fields" in verdict.tables else ("cycles", "weights", "losses")
    sizes = [f"{len(verdict.tables[t]):,} {t}" for t in told if t in verdict.tables]
    if not verdict.tables.keys() & {"weights", "losses"}:
        n_bytes, seconds = verdict.timing.get("scan_bytes", 0), verdict.timing.get("scan_s", 0.0)
        sizes.append(f"{_size(n_bytes)} scanned in {seconds:.1f} s")
    peak = verdict.timing.get("peak_memory_mb", 0.0)
    if peak:
        sizes.append(f"{_size(peak * 1e6)} of memory")
    yield from _wrap(f"{verdict.verb} of {inputs}: {', '.join(sizes)}", width, "")
    yield from _wrap(f"rules: {', '.join(clean(s.name) for s in verdict.rule_sets)}", width, "")
    if verdict.sampled:
        yield from _wrap(f"not everything was looked at: {clean(verdict.sampled)}", width, "", "yellow")
    for note in verdict.notes:
        yield from _wrap(f"note: {clean(note)}", width, "", "dim")
    for line in drift_lines(verdict.drift):
        text = line.lstrip()
        yield from _wrap(text, width, line[: len(line) - len(text)])


def _findings(results: Sequence[Finding], width: int | None) -> Iterator[Text]:
    """The findings, told apart by rule; of each rule the worst ones, as many as `MOST_LINES` has room for."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    skipped: list[str] = []
    for finding in shown(results):
        if finding.status == "skipped":
            skipped.append(clean(finding.rule))
        else:
            groups.setdefault((finding.rule, finding.status), []).append(finding)
    n_shown = min(len(groups), MOST_LINES // 4)
    for group in list(groups.values())[:n_shown]:
        yield from _rule(group, MOST_LINES // n_shown - 2, width)
    hidden = list(groups.values())[n_shown:]
    if hidden:
        rules = ", ".join(dict.fromkeys(clean(group[0].rule) for group in hidden))
        yield from _wrap(
            f"... and {sum(map(len, hidden)):,} more findings (--json or --html has all): {rules}", width, ""
        )
    if skipped:
        some = len(skipped) > _MOST_SKIPPED
        names = f"{len(skipped)} rules, for want of what they look at (--json has all)" if some else ", ".join(skipped)
        yield from _wrap(f"not applicable, skipped: {names}", width, "", "dim")


def _rule(group: list[Finding], most: int, width: int | None) -> Iterator[Text]:
    """Title, findings and hint of one rule; one line is kept for the names that find no room."""
    first = group[0]
    word = first.severity if first.status == "fail" else f"{first.status.replace('_', ' ')} ({first.severity})"
    yield Text.assemble((f"{word} {clean(first.rule)}", _STYLES[first.severity]), f"  {clean(first.title)}")
    room = most if len(group) <= most else max(most - 1, 1)
    cells = [_cells(f) for f in group[:room]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        text = "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True) if w)
        yield from _wrap(text.rstrip(), width, _INDENT)
    others = [clean(f.variable or f.time or f.table) for f in group[room:]]
    if others:
        names = ", ".join(dict.fromkeys(others[:6])) + (", ..." if len(others) > 6 else "")
        yield from _wrap(f"and {len(others):,} more: {names}", width, _INDENT)
    waivers = list(dict.fromkeys(waived_by(f) for f in group if f.waiver))
    if waivers:
        more = f" (and {len(waivers) - 1} more waivers)" if len(waivers) > 1 else ""
        yield from _wrap(waivers[0] + more, width, _INDENT, "dim")
    elif first.hint:
        yield from _wrap(f"-> {clean(first.hint)}", width, _INDENT, "dim")


def _cells(finding: Finding) -> tuple[str, str, str, str]:
    """Where, when, how many, and what was seen instead of what."""
    if finding.n_failed:
        noun = finding.table if finding.table.endswith("s") else f"{finding.table}s"
        many = f"{finding.n_failed:,} of {finding.n_checked:,} {noun}"
    else:
        many = ""
    what = _value(finding.observed) if finding.observed is not None else ""
    if finding.status in ("fail", "waived"):
        parts = (f"got {what}" if what else "", f"expected {clean(finding.expected)}" if finding.expected else "")
        what = ", ".join(part for part in parts if part)
    where = clean(finding.variable or finding.table)
    return where, clean(short_time(finding.time or "")), many, what


def _size(n_bytes: float) -> str:
    """Bytes with the decimal prefix that suits them."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.4g} TB"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return clean(", ".join(f"{k} {_value(v)}" for k, v in value.items()))
    if isinstance(value, list | tuple):
        return clean(", ".join(_value(v) for v in value))
    return clean(value)


def _wrap(text: str, width: int | None, indent: str, style: str = "") -> Iterator[Text]:
    if width is None:
        yield Text(indent + text, style)
        return
    lines = textwrap.wrap(text, max(width, 40), initial_indent=indent, subsequent_indent=indent + "  ")
    yield from (Text(line, style) for line in lines)


def _print(lines: list[Text], colour: bool) -> str:
    """The lines as one string."""
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,  # said here: older versions of rich take even an empty NO_COLOR for a wish
        highlight=False,
        markup=False,
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    return out.getvalue().rstrip("\n")
