"""Expectations beyond the short names, those that raise, and arguments that Great Expectations refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from expectations.runs import BASE, BETWEEN, outcome, rule_set, run
from expectations.sound_tables import make_all

from dqwatch.errors import RuleFileError
from dqwatch.expectations import evaluate, lint, list_rule_sets, load_rule_sets, suites
from dqwatch.expectations.findings import exception
from dqwatch.resources import folder


def test_an_aggregate(tables: dict[str, pd.DataFrame]) -> None:
    entry = {"expect": "expect_column_mean_to_be_between", "column": "mean", "arguments": {"min_value": 270}}
    assert outcome(run(tables, entry)) == [(None, "pass", 6, 0)]
    tables["fields"].loc[0, "mean"] = 0.0  # mean 5/6 * 275 = 229.1666...
    (finding,) = run(tables, entry)
    assert (finding.status, finding.n_failed, finding.first_failures) == ("fail", 1, ())
    assert finding.observed == pytest.approx(275 * 5 / 6, rel=1e-15)
    tables["fields"]["mean"] = [np.nan, 275, 275, 275, 275, 275]
    (finding,) = run(tables, entry)
    assert (finding.status, finding.observed, finding.n_failed) == ("fail", "1 rows without a value", 1)
    assert outcome(run(tables, {**entry, "missing": "ignore"})) == [(None, "pass", 6, 0)]


def test_a_map_that_cannot_be_told_apart_by_row(tables: dict[str, pd.DataFrame]) -> None:
    entry = {"expect": "expect_column_value_lengths_to_equal", "column": "time", "arguments": {"value": 19}}
    assert outcome(run(tables, entry)) == [(None, "pass", 6, 0)]
    tables["fields"].loc[[1, 4], "time"] = "2020"
    (finding,) = run(tables, entry)
    assert outcome((finding,)) == [(None, "fail", 6, 2)]
    assert finding.observed == "2020"


def test_a_rule_that_raises_is_an_error(tables: dict[str, pd.DataFrame]) -> None:
    """The mean of text: Great Expectations catches what pandas raises and calls it a failure."""
    bad = {"expect": "expect_column_mean_to_be_between", "column": "param", "arguments": {"min_value": 0}}
    first, *others = run(tables, bad, BETWEEN)
    assert first.status == "error"
    assert first.observed
    assert "\n" not in first.observed
    assert outcome(tuple(others)) == [("2t", "pass", 3, 0), ("t_850", "pass", 3, 0)]


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"raised_exception": False, "exception_traceback": None, "exception_message": None}, None),
        ({"raised_exception": True, "exception_traceback": "...", "exception_message": "Error: a\n b"}, "Error: a b"),
        (
            {"MetricConfigurationID(x)": {"exception_message": "no column", "raised_exception": True}},
            "no column",
        ),
        ({"x": {"raised_exception": False}, "y": {"raised_exception": True}}, "it raised without a message"),
        ({}, None),
    ],
)
def test_both_shapes_of_an_exception(info: dict[str, Any], message: str | None) -> None:
    assert exception(info) == message


def test_a_count_that_disagrees_is_an_error(tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    by_rule = suites.by_rule

    def miscount(*args: Any) -> dict[str, dict[str, Any]]:
        results = by_rule(*args)
        results["r0"]["result"]["unexpected_count"] = 1
        return results

    monkeypatch.setattr(suites, "by_rule", miscount)
    (finding,) = run(tables, BETWEEN)
    assert (finding.status, finding.observed) == ("error", "Great Expectations counts 1 failing rows, dqwatch 0")


def test_a_result_that_is_not_there_is_an_error(
    tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "by_rule", lambda *_: {})
    (finding,) = run(tables, BETWEEN)
    assert (finding.status, finding.observed) == ("error", "Great Expectations gave no result")


def test_what_validating_raises_is_an_error(tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> dict[str, dict[str, Any]]:
        raise RuntimeError("a\nb")

    monkeypatch.setattr(suites, "validate", fail)
    (finding,) = run(tables, BETWEEN)
    assert (finding.status, finding.observed) == ("error", "RuntimeError: a b")


def test_rules_that_differ_only_in_id_and_severity_both_answer(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[0, "min"] = -1.0
    results = run(tables, BETWEEN | {"id": "a"}, BETWEEN | {"id": "b", "severity": "info"})
    assert [(f.rule, f.severity, f.status) for f in results] == [
        ("a", "critical", "fail"), ("a", "critical", "pass"), ("b", "info", "fail"), ("b", "info", "pass"),
    ]  # fmt: skip


def test_of_two_sets_with_one_id_the_later_holds(tables: dict[str, pd.DataFrame]) -> None:
    first, second = rule_set(BETWEEN), rule_set({**BETWEEN, "min": 1e6})
    assert {f.status for f in evaluate([first, second], tables).results} == {"fail"}
    assert {f.status for f in evaluate([second, first], tables).results} == {"pass"}


def write(path: Path, **entry: Any) -> str:
    path.write_text(yaml.safe_dump({"rule_set": "mine", "rules": [{**BASE, "id": "r", "column": "n", **entry}]}))
    return str(path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"expect": "expect_column_mean_to_be_betwen"},
            (
                r"expect: Great Expectations has no 'expect_column_mean_to_be_betwen' "
                r"\(did you mean 'expect_column_mean_to_be_between'\?\)$"
            ),
        ),
        (
            {"expect": "expect_column_mean_to_be_between", "arguments": {"min_valu": 1}},
            r"min_valu: extra fields not permitted; expect_column_mean_to_be_between takes min_value, max_value, .*$",
        ),
        (
            {"expect": "expect_column_mean_to_be_between", "arguments": {"strict_min": "x"}},
            r"strict_min: .*; expect_column_mean_to_be_between takes min_value, max_value, .*$",
        ),
    ],
)
def test_wrong_arguments(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "mine.yaml", **entry)
    with pytest.raises(RuleFileError, match=rf"^{path}: rule 'r': {message}") as caught:
        evaluate(load_rule_sets([path]), make_all(["2t"]))
    assert lint(path) == [str(caught.value)]
    assert "\n" not in str(caught.value)


def test_lint(tmp_path: Path) -> None:
    shipped = [folder("rules") / f"{name}.yaml" for name in list_rule_sets()]
    assert [lint(str(path)) for path in shipped] == [[]] * len(shipped)
    assert lint(write(tmp_path / "good.yaml", expect="between", min=1)) == []
    bad = write(tmp_path / "bad.yaml", expect="between", min="x")
    assert lint(bad) == [f"{bad}: rule 'r': min: got 'x'; give a number"]
    assert lint(str(tmp_path / "none.yaml")) == [f"{tmp_path}/none.yaml: there is no such file"]
