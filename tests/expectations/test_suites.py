"""Rules run over tables: every count against plain Python, every silent pass of Great Expectations closed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from expectations.sound_tables import label, make_all
from hypothesis import given, settings
from hypothesis import strategies as st

from dqwatch.errors import RuleFileError
from dqwatch.expectations import Evaluation, evaluate, lint, list_rule_sets, load_rule_sets, suites
from dqwatch.expectations.entries import make_rule
from dqwatch.expectations.findings import exception
from dqwatch.types import Finding, RuleSet

Run = Callable[..., tuple[Finding, ...]]

BASE: dict[str, Any] = {"table": "fields", "severity": "critical", "hint": "Do something."}
BETWEEN: dict[str, Any] = {**BASE, "column": "min", "expect": "between", "min": 0}


def rule_set(*entries: dict[str, Any]) -> RuleSet:
    rules = tuple(make_rule({**BASE, "id": f"r{i}", **entry}, "mine.yaml") for i, entry in enumerate(entries))
    return RuleSet("mine", "mine.yaml", "", "", rules)


def run(tables: dict[str, pd.DataFrame], *entries: dict[str, Any]) -> tuple[Finding, ...]:
    return evaluate([rule_set(*entries)], tables).results


def outcome(results: tuple[Finding, ...]) -> list[tuple[str | None, str, int, int]]:
    return [(f.variable, f.status, f.n_checked, f.n_failed) for f in results]


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    """Three times of `2t` and `t_850`: six fields, in turn."""
    return make_all(["2t", "t_850"], n_times=3)


# ---------------------------------------------------------------- counts and rows


def test_a_finding_tells_rule_variable_time_value_and_rows(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[[3, 5], "n_inf"] = [7, 9]
    passed, failed = run(
        tables,
        {**BETWEEN, "id": "inf", "column": "n_inf", "min": 0, "max": 0, "show": ["n"], "title": "Infinite"},
    )
    assert passed == Finding(
        rule="inf", severity="critical", status="pass", table="fields", column="n_inf", variable="2t", observed=0,
        expected="n_inf = 0", n_checked=3, hint="Do something.", title="Infinite",
    )  # fmt: skip
    row = {"time_index": 1, "variable": "t_850", "level": 850.0, "member": 0, "n": 200}
    assert failed == Finding(
        rule="inf", severity="critical", status="fail", table="fields", column="n_inf", variable="t_850", level=850.0,
        time="2020-01-01T06:00:00", observed=9, expected="n_inf = 0", n_checked=3, n_failed=2,
        first_failures=(
            {**row, "time": "2020-01-01T06:00:00", "value": 7},
            {**row, "time": "2020-01-01T12:00:00", "time_index": 2, "value": 9},
        ),
        hint="Do something.", title="Infinite",
    )  # fmt: skip
    for finding in (passed, failed):
        assert all(type(v) in (str, int, float, type(None)) for r in finding.first_failures for v in r.values())


@pytest.mark.parametrize(
    ("entry", "columns", "expected"),
    [
        ({"expect": "between", "column": "min", "min": 1}, {"min": [0, 1, 2, 3, 0, 9]}, (2, 0)),
        ({"expect": "between", "column": "min", "min": 1, "strict_min": True}, {"min": [0, 1, 2, 3, 0, 9]}, (2, 1)),
        ({"expect": "between", "column": "min", "max": 3, "strict_max": True}, {"min": [0, 1, 2, 3, 0, 9]}, (0, 2)),
        ({"expect": "between", "column": "n", "min": 1, "max": 2}, {"n": [0, 1, 2, 3, 0, 9]}, (2, 2)),
        ({"expect": "between", "column": "max", "max": 1e300}, {"max": [np.inf, 1, 2, -np.inf, 0, 9]}, (1, 0)),
        ({"expect": "in_set", "column": "time", "values": ["a"]}, {"time": list("abaaba")}, (1, 1)),
        ({"expect": "in_set", "column": "all_nan", "values": [False]}, {"all_nan": [1, 0, 0, 0, 1, 0]}, (2, 0)),
        ({"expect": "in_set", "column": "level", "values": [1, 2]}, {"level": [1, 1, 2, 2, 3, 4]}, (1, 1)),
        (
            {"expect": "not_in_set", "column": "time", "values": ["a", ""]},
            {"time": ["a", "b", "", "", "c", "d"]},
            (2, 1),
        ),
        ({"expect": "not_null", "column": "std"}, {"std": [np.nan, 1, np.nan, 2, 3, np.nan]}, (2, 1)),
        ({"expect": "null", "column": "std"}, {"std": [np.nan, 1, np.nan, 2, 3, np.nan]}, (1, 2)),
        # rows 0 and 3 have one hash, though they are of two variables; rows 1 and 5 have one, of one variable
        ({"expect": "unique", "column": "data_hash"}, {"data_hash": [7, 8, 1, 7, 2, 8]}, (1, 3)),
        (
            {"expect": "compound_unique", "columns": ["variable", "data_hash"]},
            {"data_hash": [7, 8, 1, 7, 2, 8]},
            (0, 2),
        ),
        (
            {"expect": "matches", "column": "time", "regex": "^a|b$"},
            {"time": ["a", "b", "ca", "cb", "c", "ab"]},
            (2, 0),
        ),
        (
            {"expect": "not_matches", "column": "time", "regex": "^a|b$"},
            {"time": ["a", "b", "ca", "cb", "c", "ab"]},
            (1, 3),
        ),
        (
            {"expect": "greater_than", "column": "max", "other": "min"},
            {"max": [1] * 6, "min": [0, 1, 2, 0, 0, 1]},
            (1, 2),
        ),
        (
            {"expect": "greater_than", "column": "max", "other": "min", "or_equal": True},
            {"max": [1] * 6, "min": [0, 1, 2, 0, 0, 1]},
            (1, 0),
        ),
        ({"expect": "equal_to", "column": "max", "other": "min"}, {"max": [1] * 6, "min": [0, 1, 2, 1, 1, 1]}, (2, 0)),
    ],
)  # fmt: skip
def test_every_form(
    tables: dict[str, pd.DataFrame], entry: dict[str, Any], columns: dict[str, Any], expected: tuple[int, int]
) -> None:
    for name, values in columns.items():
        tables["fields"][name] = pd.Series(values).astype(tables["fields"][name].dtype)
    results = run(tables, entry)
    assert outcome(results) == [
        (v, "fail" if n else "pass", 3, n) for v, n in zip(("2t", "t_850"), expected, strict=True)
    ]


@pytest.mark.parametrize(
    ("entry", "values", "observed"),
    [
        ({"expect": "between", "min": 0, "max": 10}, [1, 9.5, 3], 9.5),  # 0.5 from the limit
        ({"expect": "between", "min": 0, "max": 10}, [-1, 12, -3], -3.0),  # 3 beyond the limit
        ({"expect": "between", "max": 10}, [11, np.inf, 12], np.inf),
        ({"expect": "in_set", "values": [1.0]}, [1, 1, 1], 1.0),
        ({"expect": "in_set", "values": [1.0]}, [1, 5, 6], 5.0),
        ({"expect": "in_set", "values": [1.0, 2.0]}, [1, 1, 1], None),
        ({"expect": "greater_than", "other": "max"}, [1, 7, 3], {"min": 1.0, "max": 300.0}),
        ({"expect": "not_null"}, [1, np.nan, 3], None),
    ],
)
def test_what_was_observed(
    tables: dict[str, pd.DataFrame], entry: dict[str, Any], values: list[float], observed: Any
) -> None:
    tables["fields"].loc[tables["fields"]["variable"] == "2t", "min"] = values
    assert run(tables, {"column": "min", **entry})[0].observed == observed


def test_rows_of_a_pair_show_both_columns(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[0, "max"] = 1.0
    (failed, _) = run(tables, {"expect": "greater_than", "column": "max", "other": "min"})
    (row,) = failed.first_failures
    assert (row["max"], row["min"]) == (1.0, 250.0)
    assert "value" not in row


def test_at_most_twenty_rows_are_kept() -> None:
    tables = make_all(["2t"], n_times=50)
    (finding,) = run(tables, {**BETWEEN, "min": 1e6})
    assert finding.n_failed == 50
    assert [row["time_index"] for row in finding.first_failures] == list(range(20))


def test_members_are_told_in_the_rows() -> None:
    tables = make_all(["2t"], n_times=2, n_members=3)
    tables["fields"].loc[4, "min"] = -1.0
    (finding,) = run(tables, BETWEEN)
    assert [(r["time_index"], r["member"], r["value"]) for r in finding.first_failures] == [(1, 1, -1.0)]


def test_one_result_for_a_table_without_variables(tables: dict[str, pd.DataFrame]) -> None:
    tables["times"].loc[2, "in_order"] = False
    (finding,) = run(tables, {"table": "times", "expect": "in_set", "column": "in_order", "values": [True]})
    assert (finding.variable, finding.time, finding.n_checked, finding.n_failed) == (None, "2020-01-01T12:00:00", 3, 1)
    (row,) = finding.first_failures
    assert row == {"axis": "time", "time": "2020-01-01T12:00:00", "time_index": 2, "value": False}


def test_per_none_gives_one_result(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[[0, 1], "min"] = -1.0
    assert outcome(run(tables, {**BETWEEN, "per": "none"})) == [(None, "fail", 6, 2)]


def test_mostly_holds_for_each_variable() -> None:
    """4 of 100 fields fail, all of them of one variable: 4 % together, but 40 % of its own."""
    tables = make_all([f"t_{i}" for i in range(10)], n_times=10)
    rows = tables["fields"].index[tables["fields"]["variable"] == "t_3"][:4]
    tables["fields"].loc[rows, "min"] = -1.0
    results = run(
        tables, {**BETWEEN, "mostly": 0.9}, {**BETWEEN, "mostly": 0.6}, {**BETWEEN, "mostly": 0.9, "per": "none"}
    )
    assert [f.variable for f in results if f.status == "fail"] == ["t_3"]
    assert results[3].n_failed == results[13].n_failed == results[20].n_failed == 4
    assert results[3].expected == "min >= 0 in at least 90 % of the rows"


# ---------------------------------------------------------------- scope


def test_where(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"]["min"] = [-1.0, -1, -1, 1, -1, 1]
    tables["fields"]["n"] = [10, 20, 30, 40, 50, 60]
    cases: list[tuple[dict[str, Any], list[tuple[str | None, str, int, int]]]] = [
        ({"variable": "2t"}, [("2t", "fail", 3, 3)]),
        ({"param": ["t", "u"]}, [("t_850", "fail", 3, 1)]),
        ({"level": 850}, [("t_850", "fail", 3, 1)]),
        ({"level": None}, [("2t", "fail", 3, 3)]),
        ({"level": [None, 850], "time_index": 1}, [("2t", "fail", 1, 1), ("t_850", "pass", 1, 0)]),
        ({"n": {"min": 40}}, [("t_850", "pass", 2, 0), ("2t", "fail", 1, 1)]),
        ({"n": {"min": 20, "max": 40}}, [("t_850", "fail", 2, 1), ("2t", "fail", 1, 1)]),
        ({"declared_missing": False, "time_index": [1, 2]}, [("2t", "fail", 2, 2), ("t_850", "pass", 2, 0)]),
    ]
    results = iter(run(tables, *({**BETWEEN, "where": where} for where, _ in cases)))
    for where, expected in cases:
        assert outcome(tuple(next(results) for _ in expected)) == expected, where


def nothing(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("entry", "spoil", "status", "reason"),
    [
        ({"where": {"variable": "tp"}}, None, "skipped", "no row has variable tp"),
        ({"where": {"param": ["tp", "cp"], "n": {"min": 1}}}, None, "skipped", "no row has param ['tp', 'cp']"),
        ({"where": {"level": 500}}, None, "skipped", "no row has level 500"),
        ({"where": {"variable": "tp"}, "if_empty": "no_data"}, None, "no_data", "no row has {'variable': 'tp'}"),
        ({"where": {"all_nan": True}}, None, "no_data", "no row has {'all_nan': True}"),
        ({"where": {"n": {"min": 1000}}}, None, "no_data", "no row has {'n': {'min': 1000}}"),
        ({"where": {"n": {"min": 1000}}, "if_empty": "skipped"}, None, "skipped", "no row has {'n': {'min': 1000}}"),
        ({}, lambda t: t.iloc[:0], "no_data", "table fields is empty"),
        ({"if_empty": "skipped"}, lambda t: t.iloc[:0], "skipped", "table fields is empty"),
        ({}, lambda t: nothing(t, min=np.nan), "no_data", "min: no value in any row"),
        ({"missing": "ignore"}, lambda t: nothing(t, min=np.nan), "no_data", "min: no value in any row"),
        ({"if_empty": "skipped"}, lambda t: nothing(t, min=np.nan), "skipped", "min: no value in any row"),
        ({}, lambda t: t.drop(columns="min"), "skipped", "table fields was made without min"),
        ({"where": {"n": 1}}, lambda t: t.drop(columns="n"), "skipped", "table fields was made without n"),
        ({}, lambda _: None, "skipped", "there is no table fields"),
    ],
)  # fmt: skip
def test_nothing_to_look_at_is_never_a_pass(
    tables: dict[str, pd.DataFrame], entry: dict[str, Any], spoil: Any, status: str, reason: str
) -> None:
    if spoil is not None:
        tables["fields"] = spoil(tables["fields"])
        if tables["fields"] is None:
            del tables["fields"]
    (finding,) = run(tables, {**BETWEEN, **entry})
    assert (finding.status, finding.observed, finding.n_checked) == (status, reason, 0)


def test_one_variable_without_values_has_no_data(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[tables["fields"]["variable"] == "2t", "min"] = np.nan
    assert outcome(run(tables, BETWEEN)) == [("2t", "no_data", 0, 0), ("t_850", "pass", 3, 0)]
    skipped = run(tables, {**BETWEEN, "missing": "ignore", "if_empty": "skipped"})
    assert outcome(skipped) == [("2t", "skipped", 0, 0), ("t_850", "pass", 3, 0)]


def test_a_missing_value_fails_unless_the_rule_says_otherwise(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[2, "min"] = np.nan
    results = run(
        tables,
        BETWEEN,
        {**BETWEEN, "missing": "ignore"},
        {"expect": "greater_than", "column": "max", "other": "min"},
        {"expect": "unique", "column": "min", "where": {"time_index": 1}},
    )
    assert outcome(results) == [
        ("2t", "fail", 3, 1), ("t_850", "pass", 3, 0),
        ("2t", "pass", 2, 0), ("t_850", "pass", 3, 0),
        ("2t", "fail", 3, 1), ("t_850", "pass", 3, 0),
        ("2t", "no_data", 0, 0), ("t_850", "pass", 1, 0),
    ]  # fmt: skip
    assert results[0].first_failures[0]["value"] is None


def test_a_nullable_truth(tables: dict[str, pd.DataFrame]) -> None:
    entry = {"table": "arrays", "expect": "in_set", "column": "length_ok", "values": [True]}
    arrays = pd.concat([tables["arrays"]] * 3, ignore_index=True)
    arrays["length_ok"] = pd.Series([True, None, False], dtype="boolean")
    tables["arrays"] = arrays
    results = run(tables, entry, {**entry, "missing": "ignore"})
    assert outcome(results) == [(None, "fail", 3, 2), (None, "fail", 2, 1)]


# ---------------------------------------------------------------- expectations of other kinds


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
    validate = suites._validate

    def miscount(*args: Any) -> dict[str, dict[str, Any]]:
        results = validate(*args)
        results["r0"]["result"]["unexpected_count"] = 1
        return results

    monkeypatch.setattr(suites, "_validate", miscount)
    (finding,) = run(tables, BETWEEN)
    assert (finding.status, finding.observed) == ("error", "Great Expectations counts 1 failing rows, dqwatch 0")


def test_a_result_that_is_not_there_is_an_error(
    tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "_validate", lambda *_: {})
    (finding,) = run(tables, BETWEEN)
    assert (finding.status, finding.observed) == ("error", "Great Expectations gave no result")


def test_what_validating_raises_is_an_error(tables: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> dict[str, dict[str, Any]]:
        raise RuntimeError("a\nb")

    monkeypatch.setattr(suites, "_validate", fail)
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


# ---------------------------------------------------------------- against plain Python

VALUES = st.one_of(st.just(None), st.sampled_from([-np.inf, np.inf, 0.0, -0.0, 1.0, 2.0]), st.floats(-3, 3))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_counts_against_plain_python(data: st.DataObject) -> None:
    names = [f"t_{i}" for i in range(data.draw(st.integers(1, 4)))]
    n_times = data.draw(st.integers(1, 6))
    tables = make_all(names, n_times=n_times)
    values: list[float | None] = data.draw(
        st.lists(VALUES, min_size=len(names) * n_times, max_size=len(names) * n_times)
    )
    tables["fields"]["min"] = pd.Series(values, dtype="float64")
    low, high = sorted(data.draw(st.tuples(st.floats(-2, 2), st.floats(-2, 2))))
    mostly = data.draw(st.sampled_from([None, 0.5, 0.75]))
    missing = data.draw(st.sampled_from(["fail", "ignore"]))
    results = run(tables, {**BETWEEN, "min": low, "max": high, "mostly": mostly, "missing": missing})
    expected: list[tuple[str | None, str, int, int]] = []
    failing: list[list[tuple[int, float | None]]] = []
    for position, name in enumerate(names):
        own = values[position :: len(names)]
        if all(v is None for v in own) or all(v is None for v in values):
            expected.append((name, "no_data", 0, 0))
            failing.append([])
            continue
        looked_at = own if missing == "fail" else [v for v in own if v is not None]
        n_failed = sum(v is None or not low <= v <= high for v in looked_at)
        bad = [(i, v) for i, v in enumerate(own) if (missing == "fail" if v is None else not low <= v <= high)]
        failing.append(bad)
        held = n_failed == 0 or (len(looked_at) - n_failed) / len(looked_at) >= (mostly or 1)
        expected.append((name, "pass" if held else "fail", len(looked_at), n_failed))
    if all(v is None for v in values):
        expected, failing = [(None, "no_data", 0, 0)], [[]]
    assert outcome(results) == expected
    assert [[(r["time_index"], r["value"]) for r in f.first_failures] for f in results] == failing
    assert [f.time for f in results] == [label(bad[0][0]) if bad else None for bad in failing]


# ---------------------------------------------------------------- the shipped sets

CRITICAL, WARNING, INFO = "critical", "warning", "info"
SPOILT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("nan.none", CRITICAL, "fields", {"n_nan_unexpected": 3}),
    ("nan.pattern", CRITICAL, "fields", {"mask_changed": True}),
    ("inf", CRITICAL, "fields", {"n_inf": 1}),
    ("sentinel", CRITICAL, "fields", {"n_sentinel": 1}),
    ("field.absent", CRITICAL, "variables", {"n_absent": 1}),
    ("field.all_nan", WARNING, "fields", {"all_nan": True}),
    ("variable.empty", WARNING, "variables", {"n_values": 0}),
    ("const.space", WARNING, "fields", {"min": 5.0, "max": 5.0}),
    ("stuck.time", CRITICAL, "fields", {"data_hash": 2**63 + 4}),
    ("const.time", WARNING, "variables", {"constant_in_time": True}),
    ("zarr.missing_chunks", WARNING, "arrays", {"missing_chunks": 1}),
    ("time.decodable", CRITICAL, "times", {"decodable": False}),
    ("time.monotonic", CRITICAL, "times", {"in_order": False}),
    ("time.duplicates", CRITICAL, "times", {"duplicate": True}),
    ("time.gaps", CRITICAL, "times", {"present": False}),
    ("time.freq", CRITICAL, "times", {"step_ok": False}),
    ("time.hours", CRITICAL, "times", {"hour_ok": False}),
    ("time.missing_declared", CRITICAL, "times", {"missing_as_declared": False}),
    ("time.impossible", CRITICAL, "times", {"in_future": True}),
    ("time.calendar", INFO, "arrays", {"calendar": "360_day"}),
    ("store.length", CRITICAL, "arrays", {"length_ok": False}),
    ("units.match", CRITICAL, "variables", {"units_ok": False}),
    ("units.levels", WARNING, "variables", {"level_units_agree": False}),
    ("units.magnitude", CRITICAL, "variables", {"magnitude_ok": False}),
    ("units.given", INFO, "variables", {"units_given": False}),
    ("bounds", CRITICAL, "fields", {"n_out_of_bounds": 1}),
    ("bounds.usual", WARNING, "fields", {"n_unusual": 1}),
    ("variable.known", INFO, "variables", {"known": False}),
    ("stats.finite", CRITICAL, "variables", {"std": np.inf}),
    ("stats.finite", CRITICAL, "variables", {"std": np.nan}),
    ("stats.order", CRITICAL, "variables", {"max": 1.0}),
    ("grid.coordinates", CRITICAL, "grid", {"n_bad_coordinates": 1}),
    ("grid.problem", CRITICAL, "grid", {"problem": "12 coordinates for 10 cells"}),
    ("grid.duplicate_cells", WARNING, "grid", {"n_duplicate_cells": 1}),
    ("grid.orientation", WARNING, "grid", {"orientation": "mixed"}),
    ("grid.longitudes", WARNING, "grid", {"longitude_convention": "mixed"}),
    ("grid.weights", INFO, "grid", {"area_weights": "none: no coordinates"}),
    ("chunk.large", INFO, "arrays", {"chunk_mb": 500.0}),
    ("chunk.small", WARNING, "arrays", {"chunk_mb": 0.01}),
    ("chunk.count", WARNING, "arrays", {"objects": 2_000_000}),
    ("codec", INFO, "arrays", {"ratio": 1.1}),
    ("dtype", INFO, "arrays", {"dtype": "float64"}),
    ("dtype", INFO, "arrays", {"dtype": "<f8"}),
]  # fmt: skip


def failed(evaluation: Evaluation) -> dict[str, str]:
    return {f.rule: f.severity for f in evaluation.results if f.status != "pass"}


def test_sound_tables_pass_audit_and_gate() -> None:
    for name in ("audit", "gate"):
        evaluation = evaluate(load_rule_sets([name]), make_all(["2t", "t_850", "tp"]))
        assert failed(evaluation) == {}
        assert evaluation.seconds > 0


@pytest.mark.parametrize(("rule", "severity", "table", "change"), SPOILT)
def test_a_spoilt_row_trips_its_rule_and_no_other(rule: str, severity: str, table: str, change: dict[str, Any]) -> None:
    tables = make_all(["2t", "t_850"])
    row = 2 if len(tables[table]) > 2 else 0
    for column, value in change.items():
        tables[table].loc[row, column] = value
    assert failed(evaluate(load_rule_sets(["audit"]), tables)) == {rule: severity}


def test_every_shipped_rule_is_tripped_above() -> None:
    assert {rule for rule, *_ in SPOILT} == {r.id for s in load_rule_sets(list_rule_sets()) for r in s.rules}


def test_what_does_not_apply_is_skipped_and_closes_nothing() -> None:
    """A data set in memory, of one static field: no times, no arrays in storage, nothing of the weather."""
    tables = make_all(["lsm"], n_times=1)
    tables["times"], tables["arrays"] = tables["times"].iloc[:0], tables["arrays"].iloc[:0]
    results = evaluate(load_rule_sets(["audit"]), tables).results
    assert {f.status for f in results} == {"pass", "skipped"}
    assert {f.table for f in results if f.status == "skipped"} >= {"times", "arrays"}


def test_a_gap_is_not_told_twice() -> None:
    """Where times are missing the step is not that of the axis either; that is `time.gaps` alone."""
    tables = make_all(["2t"])
    tables["times"].loc[3, ["step_ok", "n_missing_before", "step_h"]] = [False, 1, 12.0]
    gap = tables["times"].iloc[[2]].assign(present=False, time_index=-1, time="2020-01-01T15:00:00")
    tables["times"] = pd.concat([tables["times"].iloc[:3], gap, tables["times"].iloc[3:]], ignore_index=True)
    results = evaluate(load_rule_sets(["audit"]), tables)
    assert failed(results) == {"time.gaps": CRITICAL}
    (finding,) = (f for f in results.results if f.rule == "time.gaps")
    assert (finding.time, finding.n_checked, finding.n_failed) == ("2020-01-01T15:00:00", 5, 1)


@pytest.mark.parametrize("name", ["audit", "gate"])
def test_the_number_of_expectations_does_not_grow_with_the_variables(name: str) -> None:
    rule_sets = load_rule_sets([name])
    few, many = (evaluate(rule_sets, make_all([f"t_{i}" for i in range(n)])) for n in (2, 200))
    assert few.expectations == many.expectations <= 100
    counts = Counter(f.rule for f in many.results)
    assert max(counts.values()) == 200


# ---------------------------------------------------------------- arguments that Great Expectations refuses


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
    assert [lint(f"rules/{n}.yaml") for n in list_rule_sets() if Path(f"rules/{n}.yaml").exists()] in ([[]] * 6, [])
    assert lint(write(tmp_path / "good.yaml", expect="between", min=1)) == []
    bad = write(tmp_path / "bad.yaml", expect="between", min="x")
    assert lint(bad) == [f"{bad}: rule 'r': min: got 'x'; give a number"]
    assert lint(str(tmp_path / "none.yaml")) == [f"{tmp_path}/none.yaml: there is no such file"]


# ---------------------------------------------------------------- manners

MANNERS = """
    import os, socket, sys, warnings
    def refuse(*args, **kwargs):
        os.write(3, b"network\\n")
        raise OSError("no network here")
    socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
    socket.getaddrinfo = socket.create_connection = refuse
    sys.path.insert(0, sys.argv[1])
    import sound_tables
    from dqwatch.expectations import evaluate, lint, load_rule_sets, preload
    from dqwatch import resources
    filters = list(warnings.filters)
    preload()
    assert warnings.filters == filters, warnings.filters
    tables = sound_tables.make_all(["2t", "t_850"])
    tables["fields"].loc[1, "n_inf"] = 5
    results = evaluate(load_rule_sets(["audit"]), tables).results
    assert [f.rule for f in results if f.status != "pass"] == ["inf"], [f for f in results if f.status != "pass"]
    assert lint(str(resources.folder("rules") / "audit.yaml")) == []
"""


def test_no_chatter_no_network_no_home_and_warnings_as_errors(tmp_path: Path) -> None:
    """In a process of its own: sockets refuse, the home cannot be written, every warning is an error."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GX_", "TQDM_"))}
    environment |= {"HOME": str(tmp_path / "none"), "GX_CLOUD_ACCESS_TOKEN": "x", "GX_CLOUD_ORGANIZATION_ID": "x"}
    report = tmp_path / "report"
    code = "import os; os.dup2(os.open(os.environ['REPORT'], os.O_WRONLY | os.O_CREAT), 3)\n" + textwrap.dedent(MANNERS)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env={**environment, "REPORT": str(report)},
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert report.read_text() == ""
    assert not (tmp_path / "none").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report"]
