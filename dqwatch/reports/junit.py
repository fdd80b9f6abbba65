"""The verdict as JUnit XML, for continuous integration: a suite for each group of rules, a case for each result.

What closes the gate is a failure, what could not be judged an error; what is waived or does not apply is skipped, and
what does not close the gate passes, with its text as output.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath
from typing import NamedTuple
from xml.etree import ElementTree as ET

from dqwatch.reports.findings import clean, order, short_time, waived_by
from dqwatch.types import SEVERITIES, Finding, Verdict

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class _Outcome(NamedTuple):
    """What becomes of a result: an element, or only text."""

    element: str
    """'failure', 'error', 'skipped' or '' for a case that passes."""
    text: str = ""


def render(verdict: Verdict) -> str:
    """The document: well-formed whatever stands in names and messages; the same for the same verdict."""
    root = ET.Element("testsuites", name=clean(_title(verdict)))
    total: Counter[str] = Counter()
    for name, findings in _groups(verdict).items():
        total += _add_suite(root, name, findings, verdict)
    if verdict.error:
        total += _add_error(root, verdict)
    _count(root, total)
    root.set("time", f"{verdict.timing.get('total_s', 0.0):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _title(verdict: Verdict) -> str:
    return f"dqwatch {verdict.verb} {', '.join(str(i['name']) for i in verdict.inputs)}"


def _groups(verdict: Verdict) -> dict[str, list[Finding]]:
    """Results by group, in the order of its name: what stands before the dot of the id, or the file of the rule."""
    files = {rule.id: PurePath(rule.file).stem for rule_set in verdict.rule_sets for rule in rule_set.rules}
    groups: dict[str, list[Finding]] = {}
    for finding in order(verdict.results):
        prefix, dot, _ = finding.rule.partition(".")
        groups.setdefault(prefix if dot else files.get(finding.rule) or "rules", []).append(finding)
    return dict(sorted(groups.items()))


def _add_suite(root: ET.Element, name: str, findings: Iterable[Finding], verdict: Verdict) -> Counter[str]:
    suite = ET.SubElement(root, "testsuite", name=clean(name))
    properties = ET.SubElement(suite, "properties")
    for key, value in (("verdict", verdict.status), ("exit_code", verdict.exit_code), ("sampled", verdict.sampled)):
        if value != "":
            ET.SubElement(properties, "property", name=key, value=clean(value))
    counts: Counter[str] = Counter()
    names: Counter[str] = Counter()
    for finding in findings:
        case_name = _case_name(finding)
        names[case_name] += 1
        again = f" {names[case_name]}" if names[case_name] > 1 else ""
        case = ET.SubElement(suite, "testcase", classname=clean(f"dqwatch.{name}"), name=clean(case_name + again))
        case.set("time", "0")
        outcome = _outcome(finding, _closing(verdict.fail_on))
        if outcome.element:
            inner = ET.SubElement(case, outcome.element, message=outcome.text.split("\n", 1)[0])
            inner.text = outcome.text
            if outcome.element != "skipped":
                inner.set("type", f"{finding.severity} {finding.status}")
        elif outcome.text:
            ET.SubElement(case, "system-out").text = outcome.text
        counts += Counter(["tests", *([_COUNTED[outcome.element]] if outcome.element else [])])
    _count(suite, counts)
    return counts


def _add_error(root: ET.Element, verdict: Verdict) -> Counter[str]:
    """A run that ended in an error is one case that says so."""
    suite = ET.SubElement(root, "testsuite", name="run")
    case = ET.SubElement(suite, "testcase", classname="dqwatch.run", name=clean(verdict.verb), time="0")
    ET.SubElement(case, "error", message=clean(verdict.error), type="error")
    counts = Counter(["tests", "errors"])
    _count(suite, counts)
    return counts


def _count(element: ET.Element, counts: Counter[str]) -> None:
    for key in ("tests", *_COUNTED.values()):
        element.set(key, str(counts[key]))


def _closing(fail_on: str) -> tuple[str, ...]:
    """The severities that close the gate."""
    return () if fail_on == "never" else SEVERITIES[: SEVERITIES.index(fail_on) + 1]


def _outcome(finding: Finding, closing: tuple[str, ...]) -> _Outcome:
    text = _text(finding)
    if finding.status == "pass":
        return _Outcome("")
    if finding.status == "error":
        return _Outcome("error", text)
    if finding.status in ("skipped", "waived"):
        return _Outcome("skipped", text)
    if finding.status == "no_data":
        return _Outcome("error" if finding.severity in closing else "skipped", text)
    return _Outcome("failure" if finding.severity in closing else "", text)


def _case_name(finding: Finding) -> str:
    """`nan.none[t_850,850]`; what is waived of it stands apart: `nan.none[t_850,850] waived`."""
    level = None if finding.level is None else f"{finding.level:g}"
    where = ",".join(part for part in (finding.variable, level) if part)
    waived = " waived" if finding.status == "waived" else ""
    return f"{finding.rule}[{where}]{waived}" if where else f"{finding.rule}{waived}"


def _text(finding: Finding) -> str:
    """The first line says it all; what to do and the first failures follow."""
    words = [f"{finding.severity} {finding.status.replace('_', ' ')}: {finding.title or finding.rule}"]
    if finding.n_failed:
        words.append(
            f"{finding.n_failed} of {finding.n_checked} {finding.table} from {short_time(finding.time or '?')}"
        )
    if finding.observed is not None:
        words.append(f"got {finding.observed}")
    if finding.expected:
        words.append(f"expected {finding.expected}")
    lines = [", ".join(words), waived_by(finding) or finding.hint]
    lines += [", ".join(f"{key} {value}" for key, value in row.items()) for row in finding.first_failures]
    return "\n".join(clean(line) for line in lines if line)
