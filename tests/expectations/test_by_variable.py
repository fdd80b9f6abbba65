"""Limits of each variable's own: what passes and fails, how it reads, what is refused."""

from __future__ import annotations

import math
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from expectations.rule_writing import RULE, Write
from expectations.runs import outcome, rule_set, run
from expectations.sound_tables import make_all
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.errors import RuleFileError
from dqwatch.expectations import columns_needed, evaluate, load_rule_sets
from dqwatch.expectations.by_variable import concerned, excess
from dqwatch.expectations.schema import make_schema
from dqwatch.expectations.vocabulary import describe

RANGES: dict[str, Any] = {
    "column": "min",
    "expect": "between",
    "by_variable": {"2t": {"min": 200, "max": 260}, "t_850": {"min": 210}},
}
SETS: dict[str, Any] = {
    "table": "variables",
    "column": "units",
    "expect": "in_set",
    "by_variable": {"2t": {"values": ["K", "degC"]}, "t_850": {"values": ["K"]}},
}


def test_each_variable_has_its_own_range(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"]["min"] = [250.0, 250.0, 261.0, 209.0, 199.0, math.inf]  # 2t, t_850, 2t, ...
    first, second = run(tables, RANGES)
    assert outcome((first, second)) == [("2t", "fail", 3, 2), ("t_850", "fail", 3, 1)]
    assert (first.expected, first.observed) == ("200 <= min <= 260", 261.0)
    assert [row["value"] for row in first.first_failures] == [261.0, 199.0]
    assert (second.expected, second.observed) == ("min >= 210", 209.0)


def test_each_variable_has_its_own_set(tables: dict[str, pd.DataFrame]) -> None:
    tables["variables"]["units"] = ["degC", "degC"]
    first, second = run(tables, SETS)
    assert outcome((first, second)) == [("2t", "pass", 1, 0), ("t_850", "fail", 1, 1)]
    assert (second.expected, second.observed) == ("units = K", "degC")


def test_sets_of_hashes_are_compared_exactly(tables: dict[str, pd.DataFrame]) -> None:
    big = 2**64 - 3
    tables["fields"]["nan_hash"] = np.array([big, big - 1, big, big, big, big], np.uint64)
    rule = {"column": "nan_hash", "expect": "in_set", "by_variable": {"2t": {"values": [big]}}}
    assert outcome(run(tables, rule)) == [("2t", "pass", 3, 0)]
    rule = {"column": "nan_hash", "expect": "in_set", "by_variable": {"t_850": {"values": [big]}}}
    assert outcome(run(tables, rule)) == [("t_850", "fail", 3, 1)]


def test_a_missing_value_fails_unless_it_is_ignored(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"]["min"] = [250.0, np.nan, 250.0, 250.0, 250.0, 250.0]
    assert outcome(run(tables, RANGES)) == [("2t", "pass", 3, 0), ("t_850", "fail", 3, 1)]
    assert outcome(run(tables, {**RANGES, "missing": "ignore"})) == [("2t", "pass", 3, 0), ("t_850", "pass", 2, 0)]


def test_mostly_is_by_variable_too(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"]["min"] = [250.0, 250.0, 270.0, 250.0, 250.0, 200.0]
    assert [f.status for f in run(tables, {**RANGES, "mostly": 0.6})] == ["pass", "pass"]
    assert [f.status for f in run(tables, {**RANGES, "mostly": 0.7})] == ["fail", "fail"]


def test_variables_without_limits_are_not_looked_at(tables: dict[str, pd.DataFrame]) -> None:
    only = {**RANGES, "by_variable": {"t_850": {"max": 0}, "nosuch": {"max": 0}}}
    assert outcome(run(tables, only)) == [("t_850", "fail", 3, 3)]
    (finding,) = run(tables, {**RANGES, "by_variable": {"nosuch": {"max": 0}}})
    assert (finding.status, finding.observed) == ("skipped", "none of its variables is there: nosuch")


def test_it_goes_together_with_where(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"]["min"] = [100.0, 250.0, 250.0, 250.0, 250.0, 250.0]
    assert outcome(run(tables, {**RANGES, "where": {"time_index": {"min": 1}}})) == [
        ("2t", "pass", 2, 0),
        ("t_850", "pass", 2, 0),
    ]


def test_one_expectation_however_many_variables() -> None:
    names = [f"t_{i}" for i in range(100)]
    limits = {name: {"min": 200, "max": 260} for name in names}
    entries = [{**RANGES, "column": column, "by_variable": limits} for column in ("min", "q01", "mean")]
    evaluation = evaluate([rule_set(*entries)], make_all(names))
    assert evaluation.expectations == 3
    assert len(evaluation.results) == 300


def test_how_it_reads(write: Write) -> None:
    ((rule,),) = (s.rules for s in load_rule_sets([write({**RULE, "max": None, **RANGES})]))
    assert describe(rule) == "min within the limits of each of 2 variables"
    assert describe(rule, "t_850") == "min >= 210"
    assert columns_needed(load_rule_sets([write({**RULE, "max": None, **RANGES})])) == {"fields": {"min"}}


@given(
    values=st.lists(st.tuples(st.sampled_from("abc"), st.floats(-5, 5) | st.sampled_from([math.inf, math.nan]))),
    low=st.none() | st.floats(-5, 0),
    high=st.none() | st.floats(0, 5),
)  # fmt: skip
def test_excess_is_above_zero_exactly_beyond_the_limits(
    values: list[tuple[str, float]], low: float | None, high: float | None
) -> None:
    rows = pd.DataFrame(values, columns=["variable", "min"])
    own = {"min": low, "max": high}
    ((rule,),) = ([*rule_set({**RANGES, "by_variable": {"a": own, "b": {"min": -1, "max": 1}}}).rules],)
    rows = rows[concerned(rule, rows)]
    limits = {"a": (-math.inf if low is None else low, math.inf if high is None else high), "b": (-1, 1)}
    found = excess(rule, rows)
    for name, value, beyond in zip(rows["variable"], rows["min"], found, strict=True):
        if math.isnan(value):
            assert math.isnan(beyond)
        else:
            least, most = limits[name]
            assert (beyond > 0) == (value < least or value > most)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by_variable": {}}, "by_variable: got {}; give variables, each with min and max"),
        ({"by_variable": [1]}, "by_variable: got [1]; give variables, each with min and max"),
        ({"by_variable": {"2t": 5}}, "by_variable.2t: got 5; give min and max"),
        ({"by_variable": {"2t": {}}}, "by_variable.2t: neither 'min' nor 'max' is given; give one of them or both"),
        ({"by_variable": {"2t": {"min": 2, "max": 1}}}, "by_variable.2t: min: got 2, which is above max, 1"),
        ({"by_variable": {"2t": {"max": "x"}}}, "by_variable.2t: max: got 'x'; give a number"),
        ({"by_variable": {"2t": {"values": [1]}}}, "by_variable.2t: unknown key 'values'; it takes min, max"),
        ({"by_variable": {2: {"max": 1}}}, "by_variable.2: got 2 as the name of a variable; put it in quotes"),
        ({"max": 0}, "max: given for each variable already; leave it or 'by_variable' out"),
        ({"per": "none"}, "per: the limits are by variable, so is the result; leave 'per' out"),
        ({"expect": "not_null"}, "by_variable: 'not_null' does not take it; between and in_set do"),
        (
            {"table": "times", "column": "step_h"},
            "by_variable: table 'times' has no column 'variable'; give min, max instead",
        ),
        ({**SETS, "by_variable": {"2t": {}}}, "by_variable.2t: key 'values' is missing"),
        ({**SETS, "by_variable": {"2t": {"values": [1]}}}, "by_variable.2t: values: got 1; the column holds text"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_refused(write: Write, change: dict[str, Any], message: str) -> None:
    entry = {k: v for k, v in {**RULE, "max": None, **RANGES, **change}.items() if v is not None}
    with pytest.raises(RuleFileError) as caught:
        load_rule_sets([path := write(entry)])
    assert str(caught.value).startswith(f"{path}: rule 'my.rule': {message}")


@pytest.mark.parametrize("entry", [RANGES, SETS])
def test_the_schema_for_editors_takes_it(write: Write, entry: dict[str, Any]) -> None:
    whole = {k: v for k, v in {**RULE, "max": None, **entry}.items() if v is not None}
    validator = jsonschema.Draft202012Validator(make_schema())
    document = yaml.safe_load(yaml.safe_dump({"rule_set": "mine", "rules": [whole]}))
    validator.validate(document)
    document["rules"][0]["by_variable"]["2t"] = {"least": 1}
    assert not validator.is_valid(document)
    del document["rules"][0]["by_variable"]
    assert validator.is_valid(document) == (entry is RANGES)
