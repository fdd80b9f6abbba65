"""The columns that rules need, and rules on columns that are computed only when wanted."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from expectations.rule_writing import RULE, Write
from expectations.runs import outcome, rule_set, run

from dqwatch import tables as schemas
from dqwatch.expectations import columns_needed, load_rule_sets, params_needed
from dqwatch.expectations.rule_files import find_problems
from dqwatch.expectations.schema import make_schema

ROUGH: dict[str, Any] = {"column": "rough", "expect": "between", "max": 2.0}


@pytest.fixture
def _rough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schemas.OPTIONAL, "fields", (schemas.Column("rough", "float", "1", "roughness"),))


def test_what_rules_look_at_choose_by_and_show_is_needed() -> None:
    sets = [
        rule_set(
            {"column": "n_nan", "expect": "between", "max": 0, "where": {"param": "t"}, "show": ["n", "min"]},
            {"column": "max", "other": "min", "expect": "greater_than"},
            {"columns": ["variable", "data_hash"], "expect": "compound_unique"},
        ),
        rule_set({"table": "times", "column": "step_h", "expect": "between", "min": 0}),
    ]
    assert columns_needed(sets) == {
        "fields": {"n_nan", "param", "n", "min", "max", "variable", "data_hash"},
        "times": {"step_h"},
    }
    assert columns_needed([]) == {}


def test_arguments_in_the_words_of_great_expectations_name_columns_too() -> None:
    entry = {"expect": "expect_column_pair_values_to_be_equal", "arguments": {"column_A": "n", "column_B": "n_nan"}}
    assert columns_needed([rule_set(entry)]) == {"fields": {"n", "n_nan"}}


def test_the_quantities_of_which_columns_are_needed() -> None:
    limits = {"expect": "between", "max": 0}
    sets = [
        rule_set(
            {"column": "n_nan", **limits, "where": {"param": "t"}, "show": ["n"]},
            {"column": "n_inf", **limits, "where": {"param": ["t", "u"]}, "show": ["n"]},
            {"column": "max", **limits, "where": {"variable": "t_850"}},
        ),
        rule_set(
            {"column": "n_inf", **limits, "where": {"param": ["q"]}}, {"table": "times", "column": "step_h", **limits}
        ),
    ]
    assert params_needed(sets) == {"n_nan": {"t"}, "n": {"t", "u"}, "n_inf": {"t", "u", "q"}, "param": {"t", "u", "q"}}
    assert params_needed([*sets, rule_set({"column": "n_inf", **limits})]).keys() == {"n_nan", "n", "param"}


@pytest.mark.usefixtures("_rough")
def test_a_rule_on_an_optional_column(tables: dict[str, pd.DataFrame], write: Write) -> None:
    path = write({**RULE, **ROUGH})
    assert not find_problems(path)
    assert columns_needed(load_rule_sets([path])) == {"fields": {"rough"}}
    (finding,) = run(tables, ROUGH)
    assert (finding.status, finding.observed) == ("skipped", "table fields was made without rough")
    tables["fields"]["rough"] = [1.0, 3.0] * 3
    assert outcome(run(tables, ROUGH)) == [("2t", "pass", 3, 0), ("t_850", "fail", 3, 3)]


@pytest.mark.usefixtures("_rough")
def test_the_schema_for_editors_knows_optional_columns() -> None:
    found = next(
        c["then"]["properties"]
        for c in make_schema()["$defs"]["rule"]["allOf"]
        if c["if"]["properties"].get("table") == {"const": "fields"}
    )
    assert {"const": "rough", "description": "roughness"} in found["column"]["oneOf"]
    assert "rough" in found["show"]["items"]["enum"]


def test_without_being_declared_it_is_a_fault(write: Write) -> None:
    assert "table 'fields' has no column 'rough'" in find_problems(write({**RULE, **ROUGH}))[0]


def test_a_rule_on_a_table_that_was_not_made_is_skipped(tables: dict[str, pd.DataFrame]) -> None:
    del tables["arrays"]
    (finding,) = run(tables, {"table": "arrays", "column": "chunk_mb", "expect": "between", "max": 1})
    assert (finding.status, finding.observed) == ("skipped", "there is no table arrays")
