"""Rule files: what is read, how they build on one another, and every fault with file, rule and key in its message."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dqwatch import resources
from dqwatch.errors import RuleFileError
from dqwatch.expectations import list_rule_sets, load_rule_sets
from dqwatch.expectations.entries import KEYS
from dqwatch.expectations.rule_files import find_problems
from dqwatch.expectations.schema import NAME, make_schema, text
from dqwatch.expectations.vocabulary import FORMS, describe
from dqwatch.tables import TABLES

Write = Callable[..., str]

RULE: dict[str, Any] = {
    "id": "my.rule",
    "table": "fields",
    "column": "n_nan",
    "expect": "between",
    "max": 0,
    "severity": "warning",
    "hint": "Do something.",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a rule file from its rules (or, with keys, from whatever it holds); the path as text."""

    def make(*rules: Any, name: str = "mine.yaml", **keys: Any) -> str:
        path = tmp_path / name
        document = {"rule_set": "mine", **({"rules": list(rules)} if rules else {}), **keys}
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return str(path)

    return make


def problem(path: str) -> str:
    """The one problem of a file: what loading raises and linting lists."""
    with pytest.raises(RuleFileError) as caught:
        load_rule_sets([path])
    (listed,) = find_problems(path)
    assert str(caught.value) == listed
    assert "\n" not in listed
    return listed.removeprefix(f"{path}: ")


def ids(path: str, *more: str) -> list[str]:
    return [rule.id for rule_set in load_rule_sets([path, *more]) for rule in rule_set.rules]


# ---------------------------------------------------------------- what is read


def test_a_rule_as_read(write: Write) -> None:
    entry = {
        **RULE, "min": -1, "mostly": 0.5, "where": {"param": ["t", "u"], "n": {"min": 100}}, "show": ["n"],
        "title": "Title", "why": "Why.", "source": "Source.", "if_empty": "skipped", "missing": "ignore",
    }  # fmt: skip
    (rule_set,) = load_rule_sets([path := write(entry, description="Mine")])
    assert (rule_set.name, rule_set.description, rule_set.path) == ("mine", "Mine", path)
    assert rule_set.sha256 == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    (rule,) = rule_set.rules
    assert rule.expectation == "expect_column_values_to_be_between"
    assert rule.arguments == {"min_value": -1, "max_value": 0, "mostly": 0.5}
    assert rule.where == {"param": ["t", "u"], "n": {"min": 100}}
    assert (rule.per, rule.missing, rule.if_empty, rule.show) == ("variable", "ignore", "skipped", ("n",))
    assert (rule.title, rule.why, rule.source, rule.file) == ("Title", "Why.", "Source.", path)


def test_defaults(write: Write) -> None:
    times = {**RULE, "id": "other", "table": "times", "column": "step_h"}
    whole = {**RULE, "id": "whole", "per": "none"}
    long = {k: v for k, v in RULE.items() if k != "max"} | {
        "id": "long", "expect": "expect_column_mean_to_be_between", "arguments": {"max_value": 1},
    }  # fmt: skip
    plain, other, without, generic = load_rule_sets([write(RULE, times, whole, long)])[0].rules
    assert (plain.title, plain.per, plain.missing, plain.if_empty) == ("my.rule", "variable", "fail", None)
    assert (other.per, without.per, generic.per) == (None, None, None)
    assert generic.arguments == {"max_value": 1}


@pytest.mark.parametrize(
    ("entry", "expectation", "arguments", "prose"),
    [
        ({"expect": "between", "min": 1}, "expect_column_values_to_be_between", {"min_value": 1}, "n_nan >= 1"),
        (
            {"expect": "between", "min": 0, "max": 2, "strict_max": True},
            "expect_column_values_to_be_between",
            {"min_value": 0, "max_value": 2, "strict_max": True},
            "0 <= n_nan < 2",
        ),
        (
            {"expect": "between", "min": 0, "max": 0, "mostly": 0.99},
            "expect_column_values_to_be_between",
            {"min_value": 0, "max_value": 0, "mostly": 0.99},
            "n_nan = 0 in at least 99 % of the rows",
        ),
        (
            {"expect": "in_set", "column": "all_nan", "values": [False]},
            "expect_column_values_to_be_in_set",
            {"value_set": [False]},
            "all_nan = false",
        ),
        (
            {"expect": "not_in_set", "column": "param", "values": ["t", ""]},
            "expect_column_values_to_not_be_in_set",
            {"value_set": ["t", ""]},
            "param not in {t, ''}",
        ),
        ({"expect": "not_null", "column": "min"}, "expect_column_values_to_not_be_null", {}, "min is given"),
        ({"expect": "null", "column": "level"}, "expect_column_values_to_be_null", {}, "level is not given"),
        ({"expect": "unique", "column": "data_hash"}, "expect_column_values_to_be_unique", {}, "data_hash unique"),
        (
            {"expect": "compound_unique", "column": None, "columns": ["time", "variable"]},
            "expect_compound_columns_to_be_unique",
            {"column_list": ["time", "variable"]},
            "(time, variable) unique",
        ),
        (
            {"expect": "matches", "column": "time", "regex": "T0[06]"},
            "expect_column_values_to_match_regex",
            {"regex": "T0[06]"},
            "time matches /T0[06]/",
        ),
        (
            {"expect": "not_matches", "column": "time", "regex": "T0[06]"},
            "expect_column_values_to_not_match_regex",
            {"regex": "T0[06]"},
            "time does not match /T0[06]/",
        ),
        (
            {"expect": "greater_than", "column": "max", "other": "min", "or_equal": True},
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_B": "min", "or_equal": True},
            "max >= min",
        ),
        (
            {"expect": "equal_to", "column": "n", "other": "n_nan"},
            "expect_column_pair_values_to_be_equal",
            {"column_B": "n_nan"},
            "n = n_nan",
        ),
        (
            {"expect": "expect_column_pair_values_to_be_equal", "column": None,
             "arguments": {"column_A": "n", "column_B": "n_nan"}},
            "expect_column_pair_values_to_be_equal",
            {"column_B": "n_nan"},
            "n = n_nan",
        ),
        (
            {"expect": "expect_column_stdev_to_be_between", "arguments": {"min_value": 0.5}},
            "expect_column_stdev_to_be_between",
            {"min_value": 0.5},
            "column stdev to be between (column=n_nan, min_value=0.5)",
        ),
    ],
)  # fmt: skip
def test_forms(write: Write, entry: dict[str, Any], expectation: str, arguments: dict[str, Any], prose: str) -> None:
    whole = {k: v for k, v in {**RULE, "max": None, **entry}.items() if v is not None}
    (rule,) = load_rule_sets([write(whole)])[0].rules
    assert (rule.expectation, rule.arguments, describe(rule)) == (expectation, arguments, prose)


def test_yaml_reads_numbers_and_times_as_meant(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "rule_set: mine\nrules:\n- {id: a, table: fields, column: n_nan, expect: between, max: 1e-6, severity: info, "
        "hint: x, where: {time: [2020-01-01, 2020-01-01T06:00:00]}}\n"
    )
    (rule,) = load_rule_sets([str(path)])[0].rules
    assert rule.arguments["max_value"] == 1e-6
    assert rule.where["time"] == ["2020-01-01", "2020-01-01T06:00:00"]


# ---------------------------------------------------------------- files that build on others


def test_include_override_disable(write: Write) -> None:
    write(RULE, {**RULE, "id": "b"}, name="base.yaml")
    path = write(
        {"id": "b", "severity": "critical"},
        {**RULE, "id": "c"},
        include=["base.yaml", "missing"],
        disable=["my.rule", "inf"],
    )
    (mine,) = load_rule_sets([path])
    shipped = [r.id for r in load_rule_sets(["missing"])[0].rules if r.id != "inf"]
    assert [r.id for r in mine.rules] == ["b", *shipped, "c"]
    assert (mine.rules[0].severity, mine.rules[0].column, mine.rules[0].file) == ("critical", "n_nan", path)


def test_a_later_file_overrides_and_disables(write: Write) -> None:
    first = write(RULE, {**RULE, "id": "b"}, {**RULE, "id": "c"}, name="first.yaml")
    second = write({"id": "b", "max": 5}, disable=["c"], name="second.yaml")
    one, two = load_rule_sets([first, second])
    assert [r.id for r in one.rules] == ["my.rule"]
    assert [(r.id, r.arguments) for r in two.rules] == [("b", {"max_value": 5})]


def test_a_shipped_rule_is_changed_without_being_included(write: Write) -> None:
    (rule,) = load_rule_sets([write({"id": "nan.none", "severity": "warning"})])[0].rules
    (shipped,) = (r for r in load_rule_sets(["missing"])[0].rules if r.id == "nan.none")
    assert rule.severity == "warning"
    assert (rule.expectation, rule.arguments, rule.hint) == (shipped.expectation, shipped.arguments, shipped.hint)


def test_only_switching_off_is_a_rule_set_too(write: Write) -> None:
    names = ids("missing", write(disable=["inf"]))
    assert "inf" not in names
    assert len(names) == len(ids("missing")) - 1


def test_sets_that_share_files_share_rules_once(write: Write) -> None:
    together = ids("audit", "missing")
    assert sorted(together) == sorted(ids("audit"))
    assert ids(write(include=["audit", "missing"])) == ids("audit")
    assert [s.name for s in load_rule_sets(["missing", "missing"])] == ["missing"]


def test_the_digest_covers_what_is_included(write: Write) -> None:
    base = Path(write(RULE, name="base.yaml"))
    path = write(include=["base.yaml"])
    before = load_rule_sets([path])[0].sha256
    base.write_text(base.read_text().replace("max: 0", "max: 1"))
    assert load_rule_sets([path])[0].sha256 != before


def test_shipped_sets_by_name_and_by_path() -> None:
    path = resources.folder("rules") / "missing.yaml"
    by_name, by_path = load_rule_sets(["missing"]), load_rule_sets([str(path)])
    assert by_name == by_path
    assert by_name[0].path == "rules/missing.yaml"
    assert by_name[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


# ---------------------------------------------------------------- faults


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
    columns = ", ".join(c.name for c in TABLES["fields"])
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
        ("rule_set: a\nrules: [", "line 2: expected the node content, but found '<stream end>'"),
        ("rule_set: !!python/object/apply:os.getcwd []", "line 1: could not determine a constructor for the tag"),
        ("? [a]\n: b", "line 1: a key must be text"),
        ("rules: " + "[" * 5000, "is nested too deeply to be read"),
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
    with pytest.raises(RuleFileError, match=r"^no rule set is given; shipped are audit, gate"):
        load_rule_sets([])


# ---------------------------------------------------------------- what is shipped


@pytest.mark.parametrize("name", list_rule_sets())
def test_a_shipped_set_is_documented(name: str) -> None:
    path = resources.folder("rules") / f"{name}.yaml"
    assert path.read_text().startswith("# yaml-language-server: $schema=rule_set.schema.json\n")
    (rule_set,) = load_rule_sets([name])
    assert rule_set.name == name
    assert rule_set.description
    for rule in rule_set.rules:
        assert rule.title != rule.id
        assert rule.why.endswith(".")
        assert rule.hint.endswith(".")
        assert rule.source


def test_audit_and_gate_are_made_of_the_others() -> None:
    audit = {r.id for r in load_rule_sets(["audit"])[0].rules}
    parts = load_rule_sets(["missing", "time_alignment", "variable_consistency", "storage"])
    assert audit == {r.id for s in parts for r in s.rules}
    gate = {r.id for r in load_rule_sets(["gate"])[0].rules}
    assert gate < audit
    assert {"nan.none", "inf", "sentinel", "bounds", "time.decodable", "units.magnitude"} <= gate


def test_the_published_schema_is_that_of_the_code() -> None:
    published = (resources.folder("rules") / NAME).read_text(encoding="utf-8")
    assert published == text(), "run python -m dqwatch.expectations.schema"
    jsonschema.Draft202012Validator.check_schema(make_schema())


@pytest.mark.parametrize("name", list_rule_sets())
def test_the_schema_accepts_what_is_shipped(name: str) -> None:
    document = yaml.safe_load((resources.folder("rules") / f"{name}.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(make_schema()).validate(document)


@pytest.mark.parametrize(
    "change",
    [
        {"colum": "n"}, {"hint": ""}, {"severity": "bad"}, {"table": "field"}, {"column": "n_nann"}, {"mostly": 0},
        {"where": {"n_nann": 1}}, {"expect": "in_set"}, {"expect": "betwen"}, {"max": "x"},
        {"where": {"n": {"low": 1}}},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_loading_refuses(write: Write, change: dict[str, Any]) -> None:
    path = write({**RULE, **change})
    assert find_problems(path)
    assert not jsonschema.Draft202012Validator(make_schema()).is_valid(yaml.safe_load(Path(path).read_text()))


def test_listing_needs_no_heavy_package() -> None:
    code = (
        "import sys; from dqwatch import expectations as e; e.load_rule_sets(e.list_rule_sets()); "
        "print([m for m in ('great_expectations', 'pandas', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
