"""Which rows a rule looks at, and what is said where there are none: never a silent pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from expectations.runs import BETWEEN, outcome, run


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
        ({"if_empty": "skipped"}, lambda t: nothing(t, min=np.nan), "no_data", "min: no value in any row"),
        (
            {"if_empty": "skipped", "missing": "ignore"},
            lambda t: nothing(t, min=np.nan),
            "skipped",
            "min: no value in any row",
        ),
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
    assert outcome(run(tables, {**BETWEEN, "if_empty": "skipped"}))[0] == ("2t", "no_data", 0, 0)
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
