"""A rule in words: every shipped one, ones of the user's own, and ids that are none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from expectations.rule_writing import RULE, Write

from dqwatch import tables
from dqwatch.errors import UsageError
from dqwatch.expectations import list_rule_sets, load_rule_sets
from dqwatch.expectations.explanation import describe_where, explain, list_ids
from dqwatch.reports.rules import explanation

SHIPPED = {rule.id: rule for s in load_rule_sets(list_rule_sets()) for rule in s.rules}


@pytest.mark.parametrize("rule_id", SHIPPED)
def test_every_shipped_rule_is_explained(rule_id: str) -> None:
    parts = explain(rule_id)
    rule, said = SHIPPED[rule_id], dict(parts)
    assert parts[0] == (rule_id, f"({rule.severity}) {rule.title}")
    assert (said["why"], said["to do"], said["threshold"]) == (rule.why, rule.hint, rule.source)
    assert said["looks at"].startswith(f"{rule.table}.")
    assert said["file"].startswith("rules/")
    users = said["sets"].split(", ")
    for name in list_rule_sets():
        assert (rule_id in {r.id for r in load_rule_sets([name])[0].rules}) == (name in users)


def test_it_says_what_columns_mean_and_their_unit() -> None:
    said = dict(explain("nan.none"))
    (column,) = (c for c in tables.TABLES["fields"] if c.name == "n_nan_unexpected")
    assert said["looks at"] == f"fields.n_nan_unexpected [cells]: {column.meaning}"
    assert said["expects"] == "n_nan_unexpected = 0, told apart by variable"
    assert ("", "the table fields has one row for each time, variable and member") in explain("nan.none")
    looked_at = [text.split(" ")[0] for label, text in explain("const.space") if label == "looks at"]
    assert looked_at == ["fields.max", "fields.min"]


def test_a_rule_of_ones_own(write: Write) -> None:
    own = write({**RULE, "by_variable": {"2t": {"max": 3}}, "max": None, "where": {"n": {"min": 5}}})
    parts = explain("my.rule", [own])
    said = dict(parts)
    assert (said["sets"], said["file"], said["rows"]) == ("mine", own, "n >= 5")
    assert ("", "2t: n_nan <= 3") in parts
    changed = write({"id": "nan.none", "severity": "info"}, name="changed.yaml")
    assert explain("nan.none", [own, changed])[0] == ("nan.none", "(info) NaN where none is expected")


def test_a_column_that_is_computed_only_where_wanted(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rough = tables.Column("rough", "float", "1", "roughness")
    monkeypatch.setitem(tables.OPTIONAL, "fields", (*tables.OPTIONAL["fields"], rough))
    said = dict(explain("my.rule", [write({**RULE, "column": "rough"})]))
    assert said["looks at"] == "fields.rough [1]: roughness, computed where a rule wants it"


@pytest.mark.parametrize("rule_id", ["waiver.expired", "waiver.unmatched"])
def test_what_is_said_about_waivers(rule_id: str) -> None:
    assert rule_id in list_ids()
    assert dict(explain(rule_id))["to do"].endswith(".")


@pytest.mark.parametrize(
    ("rule_id", "suggestion"),
    [("nan.non", "nan.none"), ("waiver.expire", "waiver.expired"), ("zzz", None), ("", None)],
)
def test_an_unknown_rule_comes_with_the_closest(rule_id: str, suggestion: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        explain(rule_id)
    hint = f" (did you mean '{suggestion}'?)" if suggestion else ""
    assert str(caught.value).startswith(f"there is no rule '{rule_id}'{hint}; 'dqwatch rules show NAME'")


@pytest.mark.parametrize(
    ("where", "prose"),
    [
        ({"n": 3}, "n = 3"),
        ({"all_nan": False, "param": ["t", "u"]}, "all_nan = false, param in {t, u}"),
        ({"param": ["t"]}, "param = t"),
        ({"level": None}, "level = missing"),
        ({"n": {"min": 1}}, "n >= 1"),
        ({"n": {"max": 2}}, "n <= 2"),
        ({"n": {"min": 1, "max": 2}}, "1 <= n <= 2"),
    ],
)
def test_rows_in_words(where: dict[str, Any], prose: str) -> None:
    assert describe_where(where) == prose


@pytest.mark.parametrize("width", [60, 100])
def test_lines_fit_and_lose_nothing(width: int) -> None:
    for rule_id in SHIPPED:
        text = explanation(explain(rule_id), width)
        assert all(len(line) <= width or " " not in line.strip() for line in text.splitlines()[1:])
        for _, part in explain(rule_id):
            assert "".join(part.split()) in re.sub(r"\s", "", text)
