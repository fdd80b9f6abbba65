"""Every fault of a rule file is told with file, rule and key, by loading and by linting alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from expectations.rule_writing import RULE, Write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqwatch.errors import RuleFileError
from dqwatch.expectations import load_rule_sets
from dqwatch.expectations.entries import KEYS
from dqwatch.expectations.rule_files import find_problems
from dqwatch.expectations.vocabulary import FORMS, describe
from dqwatch.tables import TABLES, columns_of


def problem(path: str) -> str:
    """The one problem of a file: what loading raises and linting lists."""
    with pytest.raises(RuleFileError) as caught:
        load_rule_sets([path])
    (listed,) = find_problems(path)
    assert str(caught.value) == listed
    assert "\n" not in listed
    return listed.removeprefix(f"{path}: ")


def test_the_message_of_the_contract(write: Write) -> None:
    entry = {**RULE, "id": "nan.none", "colum": "n_nan"}
    del entry["column"]
    with pytest.raises(RuleFileError) as caught:
        load_rule_sets([path := write(entry)])
    first = f"{path}: rule 'nan.none': unknown key 'colum' (did you mean 'column'?); a rule takes {', '.join(KEYS)}"
    assert str(caught.value) == f"{first} (and 1 more: dqwatch rules lint {path})"
    assert find_problems(path) == [first, f"{path}: rule 'nan.none': key 'column' is missing"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hint": None}, "key 'hint' is missing (what should the reader do?)"),
        ({"severity": None}, "key 'severity' is missing"),
        ({"table": None}, "key 'table' is missing"),
        ({"expect": None}, "key 'expect' is missing"),
        ({"hint": 7}, "hint: got 7; give text"),
        (
            {"severity": "criticl"},
            "severity: got 'criticl'; give one of critical, warning, info (did you mean 'critical'?)",
        ),
        ({"severity": ["info"]}, "severity: got ['info']; give one of critical, warning, info"),
        ({"table": "field"}, f"table: got 'field'; tables are {', '.join(TABLES)} (did you mean 'fields'?)"),
        ({"table": []}, f"table: got []; tables are {', '.join(TABLES)}"),
        (
            {"expect": "betwen"},
            (
                f"expect: got 'betwen'; give one of {', '.join(FORMS)}, or a name of Great Expectations (expect_...) "
                "(did you mean 'between'?)"
            ),
        ),
        ({"mostly": 0}, "mostly: got 0; give the fraction of rows that must hold, above 0 and at most 1"),
        ({"mostly": 1.5}, "mostly: got 1.5; give the fraction of rows that must hold, above 0 and at most 1"),
        ({"mostly": True}, "mostly: got true; give the fraction of rows that must hold, above 0 and at most 1"),
        ({"max": "x"}, "max: got 'x'; give a number"),
        ({"max": float("nan")}, "max: got nan; give a number"),
        ({"max": None}, "neither 'min' nor 'max' is given; give 'min', 'max' or both"),
        ({"min": 3}, "min: got 3, which is above max, 0"),
        ({"strict_max": 1}, "strict_max: got 1; give true or false"),
        ({"values": [1]}, "values: 'between' does not take it; it takes min, max, strict_min, strict_max"),
        (
            {"arguments": {"max_value": 1}},
            "arguments: only for the long names (expect_...); 'between' takes min, max, strict_min, strict_max",
        ),
        (
            {"column": "time"},
            "column: 'time' of table 'fields' holds str; 'between' is for int, uint, float",
        ),
        ({"where": {}}, "where: got {}; give columns of table 'fields' and the values that a row must have"),
        ({"where": {"level": "850"}}, "where.level: got '850'; the column holds a number"),
        ({"where": {"n": 1.5}}, "where.n: got 1.5; the column holds a whole number"),
        ({"where": {"n": True}}, "where.n: got true; the column holds a whole number"),
        ({"where": {"all_nan": "no"}}, "where.all_nan: got 'no'; the column holds true or false"),
        ({"where": {"param": [1]}}, "where.param: got 1; the column holds text"),
        ({"where": {"param": []}}, "where.param: got []; give a value or a list of values"),
        (
            {"where": {"param": {"min": 1}}},
            "where.param: a range is for columns of numbers; give a value or a list of values",
        ),
        ({"where": {"n": {"low": 1}}}, "where.n: unknown key 'low'; a range takes min, max"),
        ({"where": {"n": {"min": 2, "max": 1}}}, "where.n: min: got 2, which is above max, 1"),
        ({"where": {"n": {"min": "a"}}}, "where.n.min: got 'a'; give a number"),
        ({"show": "n"}, "show: got 'n'; give a list of columns of table 'fields'"),
        ({"per": "level"}, "per: got 'level'; give one of variable, none"),
        (
            {"table": "times", "column": "step_h", "per": "variable"},
            "per: table 'times' has no column 'variable'; leave 'per' out",
        ),
        ({"missing": "skip"}, "missing: got 'skip'; give one of fail, ignore"),
        ({"id": "a b"}, "id: got 'a b'; give letters, digits, '.', '_' and '-' only"),
        ({"expect": "in_set", "max": None, "values": []}, "values: got []; give a list of values"),
        ({"expect": "in_set", "max": None, "values": [0, "x"]}, "values: got 'x'; the column holds a whole number"),
        ({"expect": "in_set", "max": None}, "key 'values' is missing: 'in_set' needs it"),
        ({"expect": "not_null", "max": None, "missing": "fail"}, "missing: 'not_null' does not take it"),
        ({"expect": "not_null"}, "max: 'not_null' does not take it; it takes no argument"),
        (
            {"expect": "matches", "max": None, "column": "time", "regex": "("},
            "regex: '(' is no regular expression: missing ), unterminated subpattern at position 0",
        ),
        (
            {"expect": "compound_unique", "max": None, "column": None, "columns": ["time"]},
            "columns: got ['time']; give two columns or more ('unique' is for one)",
        ),
        (
            {"expect": "compound_unique", "max": None, "columns": ["time", "variable"]},
            "column: 'compound_unique' takes 'columns' (a list) instead",
        ),
        (
            {"expect": "expect_column_mean_to_be_between"},
            (
                "max: expect_column_mean_to_be_between takes its arguments, in Great Expectations' words, "
                "under 'arguments'"
            ),
        ),
        (
            {"expect": "expect_column_mean_to_be_between", "max": None, "arguments": {"mostly": 1}},
            "arguments: 'mostly' is not given here; the rule itself says it (column, mostly, where, severity)",
        ),
        (
            {"expect": "expect_column_mean_to_be_between", "max": None, "per": "variable"},
            "per: the result of expect_column_mean_to_be_between cannot be told apart by variable; leave 'per' out",
        ),
        (
            {"expect": "expect_column_mean_to_be_between", "max": None, "arguments": [1]},
            "arguments: got [1]; give names and values",
        ),
    ],
    ids=lambda value: json.dumps(value, default=str)[:50] if isinstance(value, dict) else "",
)  # fmt: skip
def test_fault_of_a_rule(write: Write, change: dict[str, Any], message: str) -> None:
    entry = {key: value for key, value in {**RULE, **change}.items() if value is not None}
    assert problem(write(entry)) == f"rule '{entry['id']}': {message}"


@pytest.mark.parametrize("key", ["column", "where", "show"])
def test_an_unknown_column_comes_with_those_there_are(write: Write, key: str) -> None:
    entry = {**RULE, key: {"column": "n_nann", "where": {"n_nann": 1}, "show": ["n_nann"]}[key]}
    columns = ", ".join(c.name for c in columns_of("fields"))
    assert problem(write(entry)) == (
        f"rule 'my.rule': {key}: table 'fields' has no column 'n_nann' (did you mean 'n_nan'?); it has {columns}"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rule set; it takes rule_set, description, include, disable, rules"),
        ("[1]", "holds no rule set; it takes rule_set, description, include, disable, rules"),
        ("rule_set: a", "has neither 'rules' nor 'include' nor 'disable'"),
        ("rule_set: [a]\nrules: [{id: nan.none}]", "rule_set: got ['a']; give the set a name"),
        ("rules: [{id: nan.none}]", "rule_set: got nothing; give the set a name"),
        ("rule_set: a\nrules: 5", "rules: got 5; give a list of rules"),
        ("rule_set: a\nrules: [5]", "rule 1: got 5; give keys and values"),
        (
            "rule_set: a\nrule: [5]\ndisable: [inf]",
            "unknown key 'rule' (did you mean 'rules'?); a rule set takes rule_set, description, include, dis",
        ),
        ("rule_set: a\ninclude: missing", "include: got 'missing'; give a list of names"),
        ("rule_set: a\ndisable: [nan.non]", "disable: there is no rule 'nan.non' (did you mean 'nan.none'?)"),
        ("rule_set: a\nrules:\n- id: b\n  id: c", "line 4: key 'id' is given twice"),
        ("rule_set: a\nrules: [", "is not YAML: line 2: expected the node content, but found '<stream end>'"),
        ("rule_set: !!python/object/apply:os.getcwd []", "line 1: could not determine a constructor for the tag"),
        ("? [a]\n: b", "line 1: a key must be text"),
        ("rules: " + "[" * 1500, "is nested too deeply to be read"),
        (b"rule_set: \xff", "is not UTF-8 text (byte 10); save it as UTF-8"),
    ],
)
def test_fault_of_a_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert problem(str(path)).startswith(message)


def test_an_id_given_twice(write: Write) -> None:
    assert problem(write(RULE, RULE)) == "rule 'my.rule': the id is given twice; give each rule an id of its own"


def test_a_file_that_includes_itself(write: Write) -> None:
    write(include=["b.yaml"], name="a.yaml")
    path = write(include=["a.yaml"], name="b.yaml")
    assert "includes itself" in problem(path)


def test_a_fault_of_an_included_file_names_that_file(write: Write, tmp_path: Path) -> None:
    write({**RULE, "severity": "bad"}, name="base.yaml")
    path = write(include=["base.yaml"])
    with pytest.raises(RuleFileError, match=r"base\.yaml: rule 'my\.rule': severity: got 'bad'"):
        load_rule_sets([path])


def test_no_such_set_or_file(tmp_path: Path) -> None:
    with pytest.raises(
        RuleFileError, match=r"^there is no rule set 'mising' \(did you mean 'missing'\?\); shipped are"
    ):
        load_rule_sets(["mising"])
    with pytest.raises(RuleFileError, match=r"nowhere\.yaml: there is no such file$"):
        load_rule_sets([str(tmp_path / "nowhere.yaml")])
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(RuleFileError, match=r"folder\.yaml: cannot be read: Is a directory$"):
        load_rule_sets([str(tmp_path / "folder.yaml")])
    with pytest.raises(RuleFileError, match=r"^no rule set is given; shipped are audit, drift, forecast_output, gate"):
        load_rule_sets([])


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=5),
    st.sampled_from(["fields", "times", "n_nan", "time", "variable", "between", "in_set", "greater_than", "critical",
                     "compound_unique", "matches", "expect_column_mean_to_be_between", "missing", "nan.none", "min"]),
)  # fmt: skip
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["min", "n", "level", "x"]), inner),
    max_leaves=6,
)
ENTRIES = st.one_of(
    JUNK,
    st.dictionaries(st.sampled_from([*KEYS, "colum"]), JUNK, max_size=6).map(lambda junk: {**RULE, **junk}),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(ENTRIES, max_size=3),
    keys=st.dictionaries(st.sampled_from(["rule_set", "include", "disable", "rules", "x"]), JUNK, max_size=2),
)
def test_whatever_a_file_holds_is_loaded_or_explained(write: Write, rules: list[Any], keys: dict[str, Any]) -> None:
    path = write(*rules, **keys)
    problems = find_problems(path)
    assert all("\n" not in line for line in problems)
    if problems:
        with pytest.raises(RuleFileError):
            load_rule_sets([path])
    else:
        for rule in load_rule_sets([path])[0].rules:
            assert describe(rule)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60) | st.text("rule_set: [a]{}\n-&*!|>'\"#%", max_size=60).map(str.encode))
def test_whatever_bytes_a_file_has_are_explained(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert all("\n" not in line for line in find_problems(str(path)))
