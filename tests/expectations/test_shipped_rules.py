"""The shipped sets on tables that are sound, and on tables with one thing wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from corrupt_fields import CORRUPTERS
from expectations.sound_tables import make_all

from dqwatch.expectations import Evaluation, evaluate, list_rule_sets, load_rule_sets

CRITICAL, WARNING, INFO = "critical", "warning", "info"
SPOILT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("var.split", CRITICAL, "variables", {"split": "units (K, degC)"}),
    ("var.repeated", CRITICAL, "variables", {"repeats": "different"}),
    ("var.doubled", WARNING, "variables", {"repeats": "identical", "doubled": "the same as 2t"}),
    ("member.distinct", WARNING, "fields", {"same_as_member": True}),
    ("source.complete", WARNING, "source", {"n_left_out": 1}),
    ("levels.valid", CRITICAL, "variables", {"level_problem": "0 hPa is no pressure"}),
    ("units.understood", WARNING, "variables", {"units_understood": False}),
    ("time.axes_agree", WARNING, "variables", {"axis_share": 0.0}),
    ("nan.none", CRITICAL, "fields", {"n_nan_unexpected": 3}),
    ("nan.masked", INFO, "variables", {"nan_allowed": True, "n_nan": 5}),
    ("nan.pattern", CRITICAL, "fields", {"mask_changed": True}),
    ("inf", CRITICAL, "fields", {"n_inf": 1}),
    ("sentinel", CRITICAL, "fields", {"n_sentinel": 1}),
    ("field.absent", CRITICAL, "variables", {"n_absent": 1}),
    ("field.all_nan", WARNING, "fields", {"all_nan": True}),
    ("const.space", WARNING, "fields", {"min": 5.0, "max": 5.0}),
    ("stuck.time", CRITICAL, "fields", {"data_hash": 2**63 + 4}),
    ("const.time", WARNING, "variables", {"constant_in_time": True}),
    ("zarr.missing_chunks", CRITICAL, "arrays", {"lost_chunks": 1}),
    ("zarr.empty_chunks", INFO, "arrays", {"empty_chunks": 1}),
    ("time.decodable", CRITICAL, "times", {"decodable": False}),
    ("time.monotonic", CRITICAL, "times", {"in_order": False}),
    ("time.duplicates", CRITICAL, "times", {"duplicate": True}),
    ("time.gaps", CRITICAL, "times", {"present": False}),
    ("time.freq", CRITICAL, "times", {"step_ok": False}),
    ("time.hours", CRITICAL, "times", {"hour_ok": False}),
    ("time.missing_declared", CRITICAL, "times", {"missing_as_declared": False}),
    ("time.impossible", CRITICAL, "times", {"in_future": True}),
    ("time.calendar", INFO, "arrays", {"calendar": "360_day"}),
    ("store.length", CRITICAL, "arrays", {"length_ok": False}),
    ("units.match", CRITICAL, "variables", {"units_ok": False}),
    ("units.levels", WARNING, "variables", {"level_units_agree": False}),
    ("units.magnitude", CRITICAL, "variables", {"magnitude_ok": False}),
    ("units.given", INFO, "variables", {"units_given": False}),
    ("bounds", CRITICAL, "fields", {"n_out_of_bounds": 1}),
    ("bounds.usual", WARNING, "fields", {"n_unusual": 1}),
    ("variable.known", INFO, "variables", {"known": False}),
    ("stats.finite", CRITICAL, "variables", {"std": np.inf}),
    ("stats.finite", CRITICAL, "variables", {"std": np.nan}),
    ("grid.coordinates", CRITICAL, "grid", {"n_bad_coordinates": 1}),
    ("grid.problem", CRITICAL, "grid", {"problem": "12 coordinates for 10 cells"}),
    ("grid.duplicate_cells", WARNING, "grid", {"n_duplicate_cells": 1}),
    ("grid.orientation", WARNING, "grid", {"orientation": "mixed"}),
    ("grid.longitudes", WARNING, "grid", {"longitude_convention": "mixed"}),
    ("grid.weights", INFO, "grid", {"area_weights": "none: no coordinates"}),
    ("chunk.large", INFO, "arrays", {"chunk_mb": 500.0}),
    ("chunk.small", WARNING, "arrays", {"chunk_mb": 0.01}),
    ("chunk.count", WARNING, "arrays", {"objects": 2_000_000}),
    ("codec", INFO, "arrays", {"ratio": 1.1}),
    ("dtype", INFO, "arrays", {"dtype": "float64"}),
    ("dtype", INFO, "arrays", {"dtype": "<f8"}),
]  # fmt: skip


def failed(evaluation: Evaluation) -> dict[str, str]:
    return {f.rule: f.severity for f in evaluation.results if f.status not in ("pass", "skipped")}


def test_sound_tables_pass_audit_and_gate() -> None:
    for name in ("audit", "gate"):
        evaluation = evaluate(load_rule_sets([name]), make_all(["2t", "t_850", "tp"]))
        assert failed(evaluation) == {}
        assert evaluation.seconds > 0


@pytest.mark.parametrize(("rule", "severity", "table", "change"), SPOILT)
def test_a_spoilt_row_trips_its_rule_and_no_other(rule: str, severity: str, table: str, change: dict[str, Any]) -> None:
    tables = make_all(["2t", "t_850"])
    row = 2 if len(tables[table]) > 2 else 0
    for column, value in change.items():
        tables[table].loc[row, column] = value
    assert failed(evaluate(load_rule_sets(["audit"]), tables)) == {rule: severity}


def test_every_shipped_rule_is_tripped_above() -> None:
    """Those on pairs of data sets in test_regridding_rules, on relations in test_relation_rules, on data against a
    baseline in test_drift_rules, on loss weights in tests/test_weight_verbs.py, on losses in
    tests/test_loss_verbs.py, on rain of training in tests/test_rain_pox.py, on what metrics
    add and on what a store says of itself in tests/test_rules.py.
    """
    stores = {"grid.placed", "stats.valid", "stats.stored", "stats.range", "stats.tendencies", "const.declared"}
    stores |= {"stats.effective", "chunk.access", "chunk.ragged", "fc.isolated_rain.training"}
    elsewhere = ("pairs", "relations", "drift", "cycles", "slow", "weights", "weight_keys", "losses")
    shapes = {"nn.repeat", "texture.noise", "tendency", "static.const"} | CORRUPTERS.keys()
    rules = [r for s in load_rule_sets(list_rule_sets()) for r in s.rules]
    assert {rule for rule, *_ in SPOILT} == {r.id for r in rules if r.table not in elsewhere} - shapes - stores


def test_what_does_not_apply_is_skipped_and_closes_nothing() -> None:
    """A data set in memory, of one static field: no times, no arrays in storage, nothing of the weather."""
    tables = make_all(["lsm"], n_times=1)
    tables["times"], tables["arrays"] = tables["times"].iloc[:0], tables["arrays"].iloc[:0]
    tables["variables"]["constant_in_time"] = True
    results = evaluate(load_rule_sets(["audit"]), tables).results
    assert {f.status for f in results} == {"pass", "skipped"}
    assert {f.table for f in results if f.status == "skipped"} >= {"times", "arrays"}


def test_a_gap_is_not_told_twice() -> None:
    """Where times are missing the step is not that of the axis either; that is `time.gaps` alone."""
    tables = make_all(["2t"])
    tables["times"].loc[3, ["step_ok", "n_missing_before", "step_h"]] = [False, 1, 12.0]
    gap = tables["times"].iloc[[2]].assign(present=False, time_index=-1, time="2020-01-01T15:00:00")
    tables["times"] = pd.concat([tables["times"].iloc[:3], gap, tables["times"].iloc[3:]], ignore_index=True)
    results = evaluate(load_rule_sets(["audit"]), tables)
    assert failed(results) == {"time.gaps": CRITICAL}
    (finding,) = (f for f in results.results if f.rule == "time.gaps")
    assert (finding.time, finding.n_checked, finding.n_failed) == ("2020-01-01T15:00:00", 5, 1)


@pytest.mark.parametrize("name", ["audit", "gate"])
def test_the_number_of_expectations_does_not_grow_with_the_variables(name: str) -> None:
    rule_sets = load_rule_sets([name])
    few, many = (evaluate(rule_sets, make_all([f"t_{i}" for i in range(n)])) for n in (2, 200))
    assert few.expectations == many.expectations <= 100
    counts = Counter(f.rule for f in many.results)
    assert max(counts.values()) == 200
