"""Suites of Great Expectations made of rule sets: they load again as they were, and judge as the rules do."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from expectations.rule_writing import RULE, Write
from expectations.runs import rule_set
from expectations.sound_tables import make_all

from dqwatch.errors import RuleFileError, UsageError
from dqwatch.expectations import evaluate, list_rule_sets, load_rule_sets
from dqwatch.expectations.engine import make_context, quiet
from dqwatch.expectations.export import export_suites
from dqwatch.types import RuleSet

BY_VARIABLE: dict[str, Any] = {
    "column": "min",
    "expect": "between",
    "by_variable": {"2t": {"min": 200, "max": 260}, "t_850": {"min": 210}},
}


def suites(exported: RuleSet) -> dict[str, Any]:
    """The suites as Great Expectations loads them, by table."""
    import great_expectations as gx

    found = {}
    for name, text in export_suites(exported).items():
        suite = gx.ExpectationSuite(**json.loads(text))
        assert name == f"{suite.name}.json"
        assert json.loads(json.dumps(suite.to_json_dict())) == json.loads(text), "loaded again it is as it was"
        found[suite.meta["table"]] = suite
    return found


def judge(exported: RuleSet, tables: dict[str, pd.DataFrame]) -> set[str]:
    """The rules that fail where Great Expectations alone runs the exported suites."""
    bad = set()
    for table, suite in suites(exported).items():
        asset = make_context().data_sources.add_pandas("a").add_dataframe_asset("b")
        batch = asset.add_batch_definition_whole_dataframe("c").get_batch({"dataframe": tables[table]})
        with quiet():
            answer = batch.validate(suite, result_format="BASIC")
        for result in answer.results:
            assert not result.exception_info.get("raised_exception"), result.exception_info
            if not result.success:
                bad.add(result.expectation_config.meta["rule_id"])
    return bad


@pytest.mark.parametrize("name", list_rule_sets())
def test_every_shipped_set_is_exported_whole(name: str) -> None:
    (shipped,) = load_rule_sets([name])
    found = suites(shipped)
    asked = {e.meta["rule_id"]: e for suite in found.values() for e in suite.expectations}
    assert asked.keys() == {rule.id for rule in shipped.rules}
    for rule in shipped.rules:
        expectation = asked[rule.id]
        assert expectation.severity == rule.severity
        assert expectation.notes == [rule.title, rule.hint]
        assert (expectation.meta["source"], expectation.meta["why"]) == (rule.source, rule.why)
        assert bool(expectation.row_condition) == bool(rule.where)


SPOILT: list[tuple[str, dict[str, Any]]] = [
    ("fields", {"n_inf": 3}),
    ("fields", {"mask_changed": True}),
    ("fields", {"all_nan": True}),
    ("fields", {"min": 5.0, "max": 5.0}),
    ("times", {"present": False}),
    ("times", {"duplicate": True}),
    ("variables", {"units_ok": False}),
    ("variables", {"nan_allowed": True, "n_nan": 5}),
    ("variables", {"std": np.nan}),
    ("grid", {"problem": "12 coordinates for 10 cells"}),
    ("arrays", {"dtype": "<f8"}),
    ("arrays", {"chunk_mb": 500.0}),
]


@pytest.mark.parametrize(("table", "change"), SPOILT)
def test_great_expectations_alone_finds_what_the_rules_find(table: str, change: dict[str, Any]) -> None:
    (shipped,) = load_rule_sets(["audit"])
    tables = make_all(["2t", "t_850"])
    shipped = RuleSet("audit", "", "", "", tuple(r for r in shipped.rules if r.table in tables))
    row = min(2, len(tables[table]) - 1)
    for column, value in change.items():
        tables[table].loc[row, column] = value
    found = {f.rule for f in evaluate([shipped], tables).results if f.status not in ("pass", "skipped")}
    assert found
    absent = {r.id for r in shipped.rules if not {r.column, *r.where} - {None} <= set(tables[r.table])}
    present = RuleSet("audit", "", "", "", tuple(r for r in shipped.rules if r.id not in absent))
    assert judge(present, tables) == found


def test_limits_by_variable_become_an_expectation_each() -> None:
    made = rule_set(BY_VARIABLE)
    (suite,) = suites(made).values()
    values = [e for e in suite.expectations if "part" not in e.meta]
    assert [(e.meta["variable"], e.min_value, e.max_value) for e in values] == [("2t", 200, 260), ("t_850", 210, None)]
    tables = make_all(["2t", "t_850", "msl"])
    assert judge(made, tables) == set()
    tables["fields"].loc[tables["fields"]["variable"] == "msl", "min"] = -1.0
    assert judge(made, tables) == set()
    tables["fields"].loc[tables["fields"]["variable"] == "t_850", "min"] = 209.0
    assert judge(made, tables) == {"r0"}


@pytest.mark.parametrize(
    ("extra", "fails"), [({}, True), ({"missing": "ignore"}, False), ({"mostly": 0.5}, False), ({"mostly": 0.9}, True)]
)
def test_a_missing_value_is_asked_for_apart(extra: dict[str, Any], fails: bool) -> None:
    """Of eight values one is missing; Great Expectations alone would pass over it."""
    tables = make_all(["2t", "t_850"])
    tables["fields"].loc[2, "min"] = np.nan
    made = rule_set({"column": "min", "expect": "between", "min": 0, **extra})
    assert judge(made, tables) == ({"r0"} if fails else set())


@pytest.mark.parametrize(
    ("where", "looked_at"),
    [
        ({"variable": "2t"}, True),
        ({"variable": ["t_850", "msl"]}, False),
        ({"level": None}, True),
        ({"level": {"min": 1}}, False),
        ({"n": {"min": 100, "max": 300}, "all_nan": False, "time": ["2020-01-01T00:00:00"]}, True),
        ({"param": ["2t"], "level": {"max": 1000}}, False),
    ],
)
def test_rows_are_chosen_as_the_rule_does(where: dict[str, Any], looked_at: bool) -> None:
    """The first row, of `2t`, which has no level, fails."""
    tables = make_all(["2t", "t_850"])
    tables["fields"].loc[0, "min"] = -1.0
    made = rule_set({"column": "min", "expect": "between", "min": 0, "where": where})
    assert judge(made, tables) == ({"r0"} if looked_at else set())


def test_what_row_conditions_cannot_say_is_refused(write: Write) -> None:
    (made,) = load_rule_sets([write({**RULE, "where": {"level": [850, None]}})])
    with pytest.raises(UsageError, match=r"rule 'my.rule': where.level: Great Expectations cannot choose rows"):
        export_suites(made)


def test_arguments_that_great_expectations_refuses_are_told(write: Write) -> None:
    entry = {k: v for k, v in RULE.items() if k != "max"}
    entry |= {"expect": "expect_column_mean_to_be_between", "arguments": {"max_vale": 1}}
    (made,) = load_rule_sets([write(entry)])
    with pytest.raises(RuleFileError, match=r"rule 'my.rule': max_vale: "):
        export_suites(made)


def test_names_are_fit_for_files() -> None:
    made = RuleSet("a/b c", "", "", "", rule_set(BY_VARIABLE).rules)
    assert list(export_suites(made)) == ["a_b_c.fields.json"]
