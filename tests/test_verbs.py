"""The recipe of a verb, with fakes for the rooms below; the real ones are tested through the command in tests/cli."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import dqwatch
from dqwatch import expectations, metrics, sources
from dqwatch.errors import RuleFileError, SourceError, UsageError
from dqwatch.expectations import verdicts
from dqwatch.types import Finding, Grid, Rule, RuleSet

RULES = (RuleSet("mine", "mine.yaml", "0" * 64, "", ()),)
RESULTS = (
    Finding("a.pass", "critical", "pass", "fields"),
    Finding("b.warn", "warning", "fail", "fields", n_failed=1),
    Finding("c.fail", "critical", "fail", "fields", n_failed=2),
)
SUMMARY = {"rules": 3, "pass": 1, "warn": 1, "fail": 1, "error": 0, "no_data": 0}


@pytest.fixture
def calls(monkeypatch):
    """The rooms below as fakes; the list tells what was called, in order, with what."""
    calls: list[tuple] = []
    tables = {"fields": pd.DataFrame({"n": np.arange(3)})}
    source = SimpleNamespace(
        name="a.zarr", kind="fake", identity="id", notes=("left out",), grids=(Grid("unknown", (3,)),),
        close=lambda: calls.append(("close",)),
    )  # fmt: skip

    def fake(module, name, result):
        def call(*args, **kwargs):
            calls.append((name, args, kwargs))
            return result

        monkeypatch.setattr(module, name, call)

    fake(expectations, "load_rule_sets", RULES)
    fake(sources, "open_source", source)
    fake(metrics, "scan", SimpleNamespace(tables=tables, seconds=0.25, bytes=800, workers=2, notes=()))
    fake(expectations, "evaluate", SimpleNamespace(results=RESULTS, seconds=0.1, answers=()))
    fake(verdicts, "summarise", ("fail", 1, SUMMARY))
    return calls


def names(calls) -> list[str]:
    return [call[0] for call in calls]


@pytest.mark.parametrize("verb", ["audit", "gate"])
def test_the_cache_is_handed_to_the_source(calls, verb):
    getattr(dqwatch, verb)("data", cache="folder")
    assert calls[1][2]["cache"] == "folder"


@pytest.mark.parametrize("verb", ["audit", "gate"])
def test_the_rooms_are_walked_in_order_and_the_rules_are_read_before_the_data(calls, verb):
    progress = print
    verdict = getattr(dqwatch, verb)("data", workers=3, progress=progress)
    assert names(calls) == ["load_rule_sets", "open_source", "scan", "evaluate", "summarise", "close"]
    assert calls[0][1] == ((verb,),)
    assert calls[1][1:] == (("data",), {"select": None, "start": None, "end": None, "every": 1, "cache": None})
    expected = {"workers": 3, "progress": progress, "wanted": {}, "params": {}, "spread": None, "device": None}
    assert calls[2][2] == expected
    assert calls[4][1] == (RESULTS, "critical")
    assert verdict.verb == verb


def test_the_verdict_holds_what_the_rooms_gave(calls):
    verdict = dqwatch.audit("data")
    assert (verdict.status, verdict.exit_code, verdict.ok) == ("fail", 1, False)
    assert verdict.inputs == ({"name": "a.zarr", "kind": "fake", "identity": "id"},)
    assert verdict.rule_sets == RULES
    assert verdict.summary == SUMMARY
    assert verdict.notes == ("left out",)
    assert verdict.sampled == verdict.error == ""
    assert [g.shape for g in verdict.grids] == [(3,)]
    assert [f.rule for f in verdict.results] == ["c.fail", "b.warn", "a.pass"]  # worst first
    assert list(verdict.findings["rule"]) == ["c.fail", "b.warn"]
    assert list(verdict.tables["fields"]["n"]) == [0, 1, 2]


def test_against_a_reference_the_same_period_of_it_is_opened_and_pairs_are_judged(calls, monkeypatch):
    pairs = pd.DataFrame({"correlation": [1.0]})

    def compare(source, reference, **options):
        calls.append(("compare", (source, reference), options))
        return pairs

    monkeypatch.setattr("dqwatch.metrics.pairs.compare", compare)
    part = {"select": "2t", "start": "2020-01-01", "end": "2020-01-31", "every": 2}
    verdict = dqwatch.audit("data", against="ref", workers=3, **part)
    assert names(calls) == [
        *("load_rule_sets", "load_rule_sets", "open_source", "open_source", "scan", "compare", "evaluate"),
        *("summarise", "close", "close"),
    ]
    assert calls[0][1] == (("audit",),)
    assert calls[1][1] == (("audit", "regridding"),)  # no rule of the first looks at pairs
    assert calls[3][1:] == (("ref",), {"start": "2020-01-01", "end": "2020-01-31", "cache": None})
    assert calls[5][2] == {"complete": False, "workers": 3, "progress": None}
    assert calls[6][1][1]["pairs"] is pairs
    assert [i.get("role") for i in verdict.inputs] == [None, "reference"]
    assert verdict.notes == ("left out", "a.zarr: left out")
    assert set(verdict.tables) == {"fields", "pairs"}


def test_rules_that_look_at_pairs_already_are_left_as_they_are(calls, monkeypatch):
    rule = Rule("mine", "pairs", "correlation", "between", {}, "critical", "", "")
    monkeypatch.setattr(expectations, "load_rule_sets", lambda names: (RuleSet(*names, "", "", "", (rule,)),))
    monkeypatch.setattr("dqwatch.metrics.pairs.compare", lambda *_, **__: pd.DataFrame())
    assert [s.name for s in dqwatch.audit("data", against="ref", rules="mine").rule_sets] == ["mine"]


def test_timing_tells_where_the_time_went(calls):
    timing = dqwatch.audit("data").timing
    assert set(timing) == {"total_s", "startup_s", "scan_s", "scan_bytes", "rules_s", "peak_memory_mb", "workers"}
    assert (timing["scan_s"], timing["scan_bytes"], timing["workers"]) == (0.25, 800, 2)
    assert 0 <= timing["startup_s"] <= timing["total_s"]
    assert 0 <= timing["rules_s"] <= timing["total_s"]
    assert 10 < timing["peak_memory_mb"] < 100_000  # a Python process with numpy, in 1e6 bytes


@pytest.mark.parametrize(
    ("arguments", "sampled"),
    [
        ({}, ""),
        ({"every": 10}, "every 10th time"),
        ({"every": 2}, "every 2nd time"),
        ({"every": 3}, "every 3rd time"),
        ({"every": 21}, "every 21st time"),
        ({"every": 112}, "every 112th time"),
        ({"start": "2020-01-01"}, "from 2020-01-01"),
        ({"end": "2020-01-31"}, "until 2020-01-31"),
        ({"select": ["2t", "tp"]}, "only 2t,tp"),
        ({"select": "2t"}, "only 2t"),
        (
            {"select": "2t", "start": "2020-01-01", "end": "2020-01-31", "every": 4},
            "every 4th time, from 2020-01-01, until 2020-01-31, only 2t",
        ),
    ],
)
def test_a_narrowed_run_says_so(calls, arguments, sampled):
    assert dqwatch.audit("data", **arguments).sampled == sampled
    assert calls[1][2] == {"select": None, "start": None, "end": None, "every": 1, "cache": None} | arguments


@pytest.mark.parametrize(
    ("counts", "status", "code"),
    [
        ({"pass": 3}, "no_data", 4),
        ({"pass": 2, "warn": 1}, "no_data", 4),
        ({"fail": 1}, "fail", 1),
        ({"error": 1}, "error", 3),
    ],
)
def test_where_no_field_was_looked_at_nothing_passes(calls, monkeypatch, counts, status, code):
    """Rules on grid and units pass although a period without data was asked for."""
    given = {"fail": ("fail", 1), "error": ("error", 3)}.get(next(iter(counts)), ("pass", 0))
    empty = {"fields": pd.DataFrame({"n": []}), "grid": pd.DataFrame({"n": [1]})}
    monkeypatch.setattr(
        metrics, "scan", lambda *_, **__: SimpleNamespace(tables=empty, seconds=0.0, bytes=0, workers=1, notes=())
    )
    monkeypatch.setattr(verdicts, "summarise", lambda *_: (*given, {**dict.fromkeys(SUMMARY, 0), **counts}))
    verdict = dqwatch.audit("data", start="2031")
    assert (verdict.status, verdict.exit_code) == (status, code)


def test_rules_may_be_one_name(calls):
    dqwatch.gate("data", rules="missing")
    assert calls[0][1] == (("missing",),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fail_on": "error"}, "fail_on: got 'error'; give one of critical, warning, info, never"),
        ({"workers": 0}, "workers: got 0; give 1 or more"),
        ({"every": 0}, "every: got 0; give 1 or more"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_done(calls, arguments, message):
    with pytest.raises(UsageError, match=f"^{message}$"):
        dqwatch.audit("data", **arguments)
    assert calls == []


def test_a_wrong_rule_file_is_refused_before_the_data_are_opened(calls, monkeypatch):
    def fail(_):
        raise RuleFileError("mine.yaml: no rules")

    monkeypatch.setattr(expectations, "load_rule_sets", fail)
    with pytest.raises(RuleFileError):
        dqwatch.audit("data", rules="mine.yaml")
    assert calls == []


def test_the_source_is_closed_after_an_error(calls, monkeypatch):
    def fail(*_, **__):
        raise SourceError("truncated")

    monkeypatch.setattr(metrics, "scan", fail)
    with pytest.raises(SourceError):
        dqwatch.audit("data")
    assert names(calls) == ["load_rule_sets", "open_source", "close"]
