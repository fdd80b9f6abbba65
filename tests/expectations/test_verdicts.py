"""The verdict against the contract: exit code and status for every combination of results, counts by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from dqwatch.expectations.verdicts import summarise
from dqwatch.types import SEVERITIES, Finding

FAIL_ON = ("critical", "warning", "info", "never")
STATUSES = ("pass", "fail", "error", "no_data", "skipped", "waived")
SUMMARY = ("rules", "pass", "warn", "fail", "error", "no_data")


def finding(status: Any, severity: Any = "critical") -> Finding:
    return Finding(rule="r", severity=severity, status=status, table="fields")


# results (status, severity) -> exit code for fail_on critical, warning, info, never
CASES: list[tuple[list[tuple[str, str]], tuple[int, int, int, int]]] = [
    ([], (4, 4, 4, 4)),
    ([("skipped", "critical")], (4, 4, 4, 4)),
    ([("no_data", "critical")], (4, 4, 4, 4)),
    ([("no_data", "info"), ("skipped", "critical")], (4, 4, 4, 4)),
    ([("pass", "critical")], (0, 0, 0, 0)),
    ([("waived", "critical")], (0, 0, 0, 0)),
    ([("pass", "info"), ("skipped", "critical")], (0, 0, 0, 0)),
    ([("fail", "critical")], (1, 1, 1, 0)),
    ([("fail", "warning")], (0, 1, 1, 0)),
    ([("fail", "info")], (0, 0, 1, 0)),
    ([("fail", "info"), ("fail", "warning")], (0, 1, 1, 0)),
    ([("fail", "info"), ("fail", "critical")], (1, 1, 1, 0)),
    ([("pass", "critical"), ("no_data", "critical")], (1, 1, 1, 0)),
    ([("pass", "critical"), ("no_data", "warning")], (0, 1, 1, 0)),
    ([("pass", "critical"), ("no_data", "info")], (0, 0, 1, 0)),
    ([("error", "critical")], (3, 3, 3, 3)),
    ([("error", "warning")], (3, 3, 3, 3)),
    ([("error", "info"), ("pass", "critical")], (3, 3, 3, 3)),
    ([("error", "critical"), ("fail", "critical")], (3, 3, 3, 3)),
    ([("error", "warning"), ("fail", "critical")], (1, 1, 1, 3)),
    ([("error", "info"), ("fail", "warning")], (3, 1, 1, 3)),
    ([("error", "warning"), ("no_data", "critical")], (1, 1, 1, 3)),
    ([("error", "critical"), ("error", "info"), ("fail", "critical")], (3, 3, 3, 3)),
]


@pytest.mark.parametrize(("results", "codes"), CASES)
def test_exit_code(results: list[tuple[str, str]], codes: tuple[int, ...]) -> None:
    findings = [finding(*r) for r in results]
    assert tuple(summarise(findings, fail_on)[1] for fail_on in FAIL_ON) == codes


@pytest.mark.parametrize(
    ("results", "fail_on", "status"),
    [
        ([("pass", "critical")], "critical", "pass"),
        ([("waived", "critical")], "critical", "pass"),
        ([("pass", "critical"), ("fail", "warning")], "critical", "warn"),
        ([("pass", "critical"), ("fail", "critical")], "never", "warn"),
        ([("pass", "critical"), ("no_data", "info")], "critical", "warn"),
        ([("fail", "warning")], "warning", "fail"),
        ([("pass", "critical"), ("no_data", "critical")], "critical", "fail"),
        ([("error", "info"), ("pass", "critical")], "critical", "error"),
        ([("skipped", "critical")], "critical", "no_data"),
    ],
)
def test_status(results: list[tuple[str, str]], fail_on: str, status: str) -> None:
    assert summarise([finding(*r) for r in results], fail_on)[0] == status


def test_counts() -> None:
    results = [
        *[finding("pass")] * 5,
        *[finding("fail", "critical")] * 2,
        *[finding("fail", "warning")] * 3,
        *[finding("fail", "info")] * 4,
        *[finding("error", "info")] * 6,
        *[finding("no_data", "info")] * 7,
        *[finding("skipped")] * 8,
        finding("waived"),
    ]
    counts = {fail_on: tuple(summarise(results, fail_on)[2][k] for k in SUMMARY) for fail_on in FAIL_ON}
    assert counts == {
        "critical": (28, 5, 7, 2, 6, 7),
        "warning": (28, 5, 4, 5, 6, 7),
        "info": (28, 5, 0, 9, 6, 7),
        "never": (28, 5, 9, 0, 6, 7),
    }


def expected_code(results: tuple[tuple[str, str], ...], fail_on: str) -> int:
    """The contract, written down a second time as a list of questions."""
    closes: dict[str, set[str]] = {
        "critical": {"critical"},
        "warning": {"critical", "warning"},
        "info": set(SEVERITIES),
        "never": set(),
    }
    if all(status in ("skipped", "no_data") for status, _ in results):
        return 4
    if ("error", "critical") in results:
        return 3
    if any(status in ("fail", "no_data") and severity in closes.get(fail_on, ()) for status, severity in results):
        return 1
    return 3 if any(status == "error" for status, _ in results) else 0


def test_every_combination_of_three_results() -> None:
    kinds = list(itertools.product(STATUSES, SEVERITIES))
    combinations = itertools.chain.from_iterable(itertools.combinations_with_replacement(kinds, n) for n in (1, 2, 3))
    for results in combinations:
        findings = [finding(*r) for r in results]
        for fail_on in FAIL_ON:
            status, code, summary = summarise(findings, fail_on)
            assert code == expected_code(results, fail_on), (results, fail_on)
            assert {"pass": 0, "warn": 0, "fail": 1, "error": 3, "no_data": 4}[status] == code
            n_waived = sum(s == "waived" for s, _ in results)
            assert summary["rules"] == sum(summary[k] for k in SUMMARY[1:]) + n_waived


def test_an_unknown_severity_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fail_on: got 'severe'; give one of critical, warning, info, never"):
        summarise([], "severe")
