"""The verdict as JUnit XML: what becomes of each status, names, counts, and well-formedness whatever is in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.reports.junit import render
from dqwatch.types import SEVERITIES, Finding, Rule, RuleSet, Verdict

RULE = Rule(
    "codec", "arrays", "ratio", "expect_column_values_to_be_between", {}, "info", "", "", file="rules/storage.yaml"
)
ANN = {"owner": "Ann", "reason": "tape lost", "expires": "2027-12-31"}


def verdict(*results: Finding, **changes: Any) -> Verdict:
    whole = Verdict(
        verb="audit",
        status="fail",
        exit_code=1,
        inputs=({"name": "a.zarr", "kind": "anemoi_zarr", "identity": "1234"},),
        rule_sets=(RuleSet("audit", "rules/audit.yaml", "0" * 64, "all", (RULE,)),),
        results=results,
        summary={},
        timing={"total_s": 1.5},
        tables={},
    )
    return replace(whole, **changes)


def finding(rule: str = "nan.none", status: Any = "fail", severity: Any = "critical", **known: Any) -> Finding:
    return Finding(rule, severity, status, "fields", **known)


def parsed(of: Verdict) -> ET.Element:
    return ET.fromstring(render(of))  # noqa: S314 - our own text


def outcome(of: Verdict) -> str:
    """The element of the only case, 'passed' or 'passed with output'."""
    (case,) = parsed(of).iter("testcase")
    inner = [child.tag for child in case]
    return {(): "passed", ("system-out",): "passed with output"}.get(tuple(inner)) or inner[0]


@pytest.mark.parametrize(
    ("status", "by_severity"),
    [
        ("pass", {"critical": "passed", "warning": "passed", "info": "passed"}),
        ("fail", {"critical": "failure", "warning": "passed with output", "info": "passed with output"}),
        ("error", {"critical": "error", "warning": "error", "info": "error"}),
        ("no_data", {"critical": "error", "warning": "skipped", "info": "skipped"}),
        ("skipped", {"critical": "skipped", "warning": "skipped", "info": "skipped"}),
        ("waived", {"critical": "skipped", "warning": "skipped", "info": "skipped"}),
    ],
)
def test_what_becomes_of_a_result(status: str, by_severity: dict[str, str]) -> None:
    found = {s: outcome(verdict(finding(status=status, severity=s))) for s in SEVERITIES}
    assert found == by_severity


@pytest.mark.parametrize(("fail_on", "failures"), [("critical", 1), ("warning", 2), ("info", 3), ("never", 0)])
def test_a_failure_is_what_closes_the_gate(fail_on: str, failures: int) -> None:
    root = parsed(verdict(*(finding(severity=s) for s in SEVERITIES), fail_on=fail_on))
    assert (root.get("tests"), root.get("failures")) == ("3", str(failures))


def test_groups_names_and_counts() -> None:
    results = (
        finding("nan.none", variable="t_850", level=850.0),
        finding("nan.none", "pass", variable="2t"),
        finding("nan.none", "waived", variable="2t", waiver=ANN),
        finding("nan.pattern", "skipped"),
        finding("codec", "fail", "info"),
        finding("time.freq", "error"),
        finding("mine", "pass"),
    )
    root = parsed(verdict(*results))
    suites = {suite.get("name"): [case.get("name") for case in suite.iter("testcase")] for suite in root}
    assert suites == {
        "nan": ["nan.none[t_850,850]", "nan.none[2t] waived", "nan.pattern", "nan.none[2t]"],
        "rules": ["mine"],
        "storage": ["codec"],
        "time": ["time.freq"],
    }
    assert list(suites) == sorted(suites)
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
    }
    for key in ("tests", "failures", "errors", "skipped"):
        assert sum(int(suite.get(key, "")) for suite in root) == int(root.get(key, ""))
    assert {case.get("classname") for case in root.iter("testcase")} == {f"dqwatch.{name}" for name in suites}


def test_two_results_of_one_name_are_told_apart() -> None:
    results = [finding(status="waived", variable="2t", waiver={**ANN, "owner": name}) for name in ("Ann", "Bob")]
    names = [case.get("name") for case in parsed(verdict(*results)).iter("testcase")]
    assert names == ["nan.none[2t] waived", "nan.none[2t] waived 2"]


def test_what_a_failure_says() -> None:
    found = finding(
        variable="2t", time="2020-03-01T06:00:00", n_failed=2, n_checked=9, observed=3, expected="n_nan = 0",
        hint="Read again.", title="NaN", first_failures=({"time": "2020-03-01T06:00:00", "value": 3},),
    )  # fmt: skip
    (failure,) = parsed(verdict(found)).iter("failure")
    first = "critical fail: NaN, 2 of 9 fields from 2020-03-01T06, got 3, expected n_nan = 0"
    assert (failure.get("message"), failure.get("type")) == (first, "critical fail")
    assert (failure.text or "").splitlines() == [first, "Read again.", "time 2020-03-01T06:00:00, value 3"]
    (skipped,) = parsed(verdict(replace(found, status="waived", waiver=ANN))).iter("skipped")
    assert str(skipped.get("message")).startswith("critical waived: NaN")
    assert (skipped.text or "").splitlines()[1] == "waived by Ann until 2027-12-31: tape lost"


def test_a_sampled_run_says_so() -> None:
    root = parsed(verdict(finding(), sampled="every 10th time"))
    assert {p.get("name"): p.get("value") for p in root.iter("property")} == {
        "verdict": "fail",
        "exit_code": "1",
        "sampled": "every 10th time",
    }


def test_a_run_that_ended_in_an_error_is_an_error() -> None:
    root = parsed(verdict(status="error", exit_code=3, error="a.zarr: there is no such file", timing={}))
    (error,) = root.iter("error")
    assert error.get("message") == "a.zarr: there is no such file"
    assert (root.get("tests"), root.get("errors"), root.get("time")) == ("1", "1", "0.000")


def test_the_same_results_in_another_order_give_the_same_text() -> None:
    results = [finding(f"a.{i}", variable=v) for i in range(3) for v in ("2t", "msl")]
    assert render(verdict(*results)) == render(verdict(*reversed(results)))


@given(st.text(), st.text(), st.text() | st.floats() | st.none())
def test_it_is_well_formed_whatever_stands_in_it(name: str, text: str, value: object) -> None:
    found = finding(f"a.{name}", variable=text, observed=value, hint=text, title=name, first_failures=({name: value},))
    root = parsed(verdict(found, inputs=({"name": text, "kind": None, "identity": None},), error=text))
    assert len(list(root.iter("failure"))) == 1
    render(verdict(found)).encode("utf-8")
