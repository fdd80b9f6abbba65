"""The order in which findings are shown, and the short forms that every report shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from dqwatch.types import SEVERITIES, Finding

_STATUSES = ("error", "fail", "no_data", "waived", "skipped", "pass")


def rank(finding: Finding) -> tuple[int, int, int, str, str, str]:
    """Sort key, worst first: what did not close the gate last, then severity, status and number of failures."""
    status = _STATUSES.index(finding.status)
    quiet = status >= _STATUSES.index("waived")
    severity = SEVERITIES.index(finding.severity)
    first, second = (len(SEVERITIES) + status, severity) if quiet else (severity, status)
    return first, second, -finding.n_failed, finding.rule, finding.variable or "", finding.time or ""


def order(results: Iterable[Finding]) -> list[Finding]:
    """The results worst first, in an order that depends on nothing but the results."""
    return sorted(results, key=lambda f: (rank(f), "" if f.status == "pass" else repr(f)))


def shown(results: Iterable[Finding]) -> list[Finding]:
    """What a report shows, worst first: all but `pass`, and each skipped rule once."""
    findings: dict[object, Finding] = {}
    for position, finding in enumerate(order(f for f in results if f.status != "pass")):
        if finding.status == "skipped":
            if finding.rule in findings:
                findings[finding.rule] = replace(findings[finding.rule], variable=None, level=None, time=None)
            else:
                findings[finding.rule] = finding
        else:
            findings[position] = finding
    return list(findings.values())


def worst(results: Iterable[Finding]) -> Finding | None:
    """The worst result, or None if nothing is wrong."""
    found = order(f for f in results if f.status in ("error", "fail", "no_data"))
    return found[0] if found else None


def waived_by(finding: Finding) -> str:
    """Who answers for a waived finding, how long and why: `waived by Ann until 2027-12-31: tape lost`; else ''."""
    waiver = finding.waiver
    return clean(f"waived by {waiver['owner']} until {waiver['expires']}: {waiver['reason']}") if waiver else ""


def short_time(label: str) -> str:
    """A time label without seconds and minutes that are zero: `2020-03-01T06`, `2020-03-01T06+024h`."""
    match = re.fullmatch(r"(.+T\d\d)(:\d\d)?(:\d\d(?:\.\d+)?)?(\+.*)?", label)
    if match is None:
        return label
    hour, minutes, seconds, lead = (part or "" for part in match.groups())
    if seconds.strip(":0."):
        return label
    return hour + (minutes if minutes.strip(":0") else "") + lead


def clean(text: object) -> str:
    """One line of printable text, whatever stands in names, attributes and messages of others."""
    joined = " ".join(str(text).split())
    return "".join(c if c.isprintable() else "?" for c in joined)
