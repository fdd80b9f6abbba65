"""Rule files: what is read, and how they build on one another and on what is shipped."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from expectations.rule_writing import RULE, Write

from dqwatch import resources
from dqwatch.expectations import list_rule_sets, load_rule_sets
from dqwatch.expectations.rule_files import find_problems
from dqwatch.expectations.schema import NAME, WAIVERS, make_schema, text
from dqwatch.expectations.vocabulary import describe


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
    names = ["integrity", "missing", "time_alignment", "variable_consistency", "relations", "traces", "storage"]
    parts = load_rule_sets(names)
    assert audit == {r.id for s in parts for r in s.rules} - {"chunk.access", "chunk.ragged"}
    gate = {r.id for r in load_rule_sets(["gate"])[0].rules}
    assert gate < audit
    assert {"nan.none", "inf", "sentinel", "bounds", "time.decodable", "units.magnitude"} <= gate


@pytest.mark.parametrize("name", [NAME, WAIVERS])
def test_the_published_schemas_are_those_of_the_code(name: str) -> None:
    published = (resources.folder("rules") / name).read_text(encoding="utf-8")
    assert published == text(name), "run python -m dqwatch.expectations.schema"
    jsonschema.Draft202012Validator.check_schema(json.loads(published))


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
