"""The JSON document: the keys of the contract, valid under its schema, the same for the same verdict."""

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dqwatch.reports.json
from dqwatch.reports.json import render
from dqwatch.types import SEVERITIES, Finding, RuleSet, Verdict

SCHEMA = json.loads(Path(dqwatch.reports.json.__file__).with_name("verdict.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CONTRACT = "schema_version tool verb status exit_code inputs rules baseline summary findings drift advice timing"
KEYS = {*CONTRACT.split(), "error", "sampled", "notes"}
FINDING = (
    "rule severity status table column variable level time observed expected n_checked n_failed first_failures hint"
)


def verdict(*results: Finding, **changes) -> Verdict:
    whole = Verdict(
        verb="audit",
        status="fail",
        exit_code=1,
        inputs=({"name": "a.zarr", "kind": "anemoi_zarr", "identity": "1234"},),
        rule_sets=(RuleSet("audit", "rules/audit.yaml", "0" * 64, "all", ()),),
        results=results,
        summary={"rules": 3, "pass": 1, "warn": 1, "fail": 1, "error": 0, "no_data": 0},
        timing={
            "total_s": 1.5,
            "startup_s": 0.5,
            "scan_s": 0.5,
            "scan_bytes": 8,
            "rules_s": 0.5,
            "peak_memory_mb": 9.0,
            "workers": 2,
        },
        tables={},
    )
    return replace(whole, **changes)


def document(of: Verdict) -> dict:
    doc = json.loads(render(of), parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    VALIDATOR.validate(doc)
    assert set(doc) == KEYS
    return doc


def finding(rule="nan.none", **changes) -> Finding:
    return replace(Finding(rule=rule, severity="critical", status="fail", table="fields"), **changes)


def test_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_document_has_the_keys_of_the_contract():
    doc = document(verdict(finding(variable="t_850", level=850.0, observed=3, n_checked=10, n_failed=2, hint="look")))
    assert doc["schema_version"] == "1.0"
    assert doc["tool"] == {"name": "dqwatch", "version": dqwatch.__version__}
    assert doc["rules"] == [{"name": "audit", "path": "rules/audit.yaml", "sha256": "0" * 64}]
    assert doc["summary"] == {"rules": 3, "pass": 1, "warn": 1, "fail": 1, "error": 0, "no_data": 0}
    (row,) = doc["findings"]
    assert set(row) == {*FINDING.split(), "title"} == {f.name for f in fields(Finding)} - {"waiver"}
    assert (row["rule"], row["variable"], row["level"], row["observed"], row["n_failed"]) == (
        "nan.none",
        "t_850",
        850.0,
        3,
        2,
    )
    assert doc["baseline"] is doc["drift"] is doc["advice"] is doc["error"] is doc["sampled"] is None


def test_passes_are_left_out_and_a_skipped_rule_stands_there_once():
    doc = document(
        verdict(
            finding(status="pass"),
            finding("skip.one", status="skipped", variable="a"),
            finding("skip.one", status="skipped", variable="b"),
            finding("skip.two", status="skipped", variable="c"),
            finding("waived", status="waived", variable="a"),
        )
    )
    assert [(f["rule"], f["variable"]) for f in doc["findings"]] == [
        ("waived", "a"),
        ("skip.one", None),
        ("skip.two", "c"),
    ]


def test_waived_findings_say_by_whom_and_are_counted():
    waiver = {"owner": "Ann", "reason": "tape lost", "expires": "2027-12-31"}
    summary = {"rules": 1, "pass": 0, "warn": 0, "fail": 0, "error": 0, "no_data": 0, "waived": 1}
    file = {"path": "waivers.yaml", "sha256": "0" * 64}
    doc = json.loads(render(verdict(finding(status="waived", waiver=waiver), summary=summary, waivers=file)))
    VALIDATOR.validate(doc)
    assert (doc["waivers"], doc["summary"]) == (file, summary)
    assert (doc["findings"][0]["status"], doc["findings"][0]["waiver"]) == ("waived", waiver)


def test_findings_are_worst_first_whatever_the_order_of_the_results():
    results = [
        finding("skipped", status="skipped"),
        finding("info", severity="info"),
        finding("few", n_failed=1),
        finding("many", n_failed=9),
        finding("many", n_failed=9, variable="b"),
        finding("raised", status="error"),
        finding("nothing", status="no_data"),
        finding("warned", severity="warning", status="error"),
    ]
    wanted = ["raised", "many", "many", "few", "nothing", "warned", "info", "skipped"]
    assert [f["rule"] for f in document(verdict(*results))["findings"]] == wanted
    assert render(verdict(*results)) == render(verdict(*reversed(results)))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (math.nan, None),
        (-math.inf, None),
        (np.float32(np.nan), None),
        (np.float32(0.5), 0.5),
        (np.int64(2**62), 2**62),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(1.5), 1.5),
        (np.array([1.0, np.nan]), [1.0, None]),
        (pd.Series([1, 2]), [1, 2]),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2020-01-01"), "2020-01-01 00:00:00"),
        ({1: {"a": np.inf}}, {"1": {"a": None}}),
        ({"b", "a"}, ["a", "b"]),
        (Path("a/b"), "a/b"),
        ("ü\ud800\x1b", "ü\ud800\x1b"),
    ],
)
def test_observed_values_become_plain(value, wanted):
    text = render(verdict(finding(observed=value, first_failures=({"x": value},))))
    assert text.isascii()
    (row,) = json.loads(text, parse_constant=pytest.fail)["findings"]
    assert row["observed"] == wanted
    assert row["first_failures"] == [{"x": wanted}]


def test_at_most_twenty_failures_are_listed():
    many = tuple({"time": str(i)} for i in range(30))
    assert document(verdict(finding(first_failures=many)))["findings"][0]["first_failures"] == list(many[:20])


def test_an_error_keeps_the_keys_and_has_no_findings():
    broken = verdict(status="error", exit_code=3, error="a.zarr: no such file", rule_sets=(), summary={}, timing={})
    doc = document(broken)
    assert (doc["status"], doc["error"], doc["findings"]) == ("error", "a.zarr: no such file", [])
    assert doc["summary"] == dict.fromkeys(("rules", "pass", "warn", "fail", "error", "no_data"), 0)
    assert set(doc["timing"].values()) == {None}


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "ok"},
        {"exit_code": 5},
        {"error": "text beside a pass", "status": "pass"},
        {"inputs": []},
        {"findings": [{"rule": "x"}]},
        {"summary": {"rules": -1, "pass": 0, "warn": 0, "fail": 0, "error": 0, "no_data": 0}},
        {"drift": {"p_cycle": 2, "null_size": 1, "variables": []}},
    ],
)
def test_the_schema_refuses_what_breaks_the_contract(damage):
    doc = document(verdict()) | damage
    assert not VALIDATOR.is_valid(doc)


def test_drift_of_the_contract_is_allowed():
    row = {
        "variable": "t_850",
        "p_value": None,
        "q_value": None,
        "leading_score": None,
        "score": None,
        "region": None,
        "reason": "short",
    }
    assert document(verdict(drift={"p_cycle": 0.01, "null_size": 1200, "variables": [row]}))["drift"]["variables"] == [
        row
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
any_finding = st.builds(
    finding,
    rule=st.text(min_size=1),
    severity=st.sampled_from(SEVERITIES),
    status=st.sampled_from(["pass", "fail", "error", "no_data", "skipped", "waived"]),
    variable=st.none() | st.text(),
    level=st.none() | st.floats(),
    time=st.none() | st.text(),
    observed=json_values,
    n_failed=st.integers(0, 10),
)


@given(st.lists(any_finding, max_size=6).flatmap(lambda fs: st.tuples(st.just(fs), st.permutations(fs))))
def test_any_verdict_gives_a_valid_document_in_one_order(lists):
    results, shuffled = lists
    doc = document(verdict(*results))
    assert doc == document(verdict(*shuffled))
    shown = [f for f in results if f.status not in ("pass", "skipped")]
    skipped = {f.rule for f in results if f.status == "skipped"}
    assert len(doc["findings"]) == len(shown) + len(skipped)
