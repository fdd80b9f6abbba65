"""The rules on the table `pairs`, on sound rows and on rows with one thing wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from expectations.sound_tables import make_all

from dqwatch.expectations import evaluate, load_rule_sets

CRITICAL, WARNING, INFO = "critical", "warning", "info"
ONE, EVERY = "one row", "every row of a variable"
SPOILT: list[tuple[str, str, str, dict[str, Any]]] = [
    ("time.align", CRITICAL, ONE, {"present": False, "in_data": False}),
    ("time.align", CRITICAL, ONE, {"present": False, "in_reference": False}),
    ("time.shift", WARNING, EVERY, {"lag": 1.0}),
    ("time.shift", WARNING, EVERY, {"lag": -2.0}),
    ("time.accum_valid", CRITICAL, EVERY, {"period_same": False}),
    ("pairs.compared", CRITICAL, EVERY, {"overlap": 0.0, "grid_relation": "none"}),
    ("pairs.area", WARNING, EVERY, {"overlap": 0.5}),
    ("pairs.units", CRITICAL, EVERY, {"units_relation": "conflict", "units": "m"}),
    ("pairs.units_converted", INFO, EVERY, {"units_relation": "converted", "units": "degC"}),
    ("cons.area_mean", WARNING, EVERY, {"mean_difference": 0.02}),
    ("cons.area_mean", WARNING, EVERY, {"mean_difference": -0.02}),
    ("cons.flux", CRITICAL, EVERY, {"mean_difference": -0.02, "kind": "accumulation"}),
    ("cons.area_mean.time", WARNING, ONE, {"mean_difference": -0.2}),
    ("cons.minmax", WARNING, ONE, {"range_excess": 0.01}),
    ("pairs.values", WARNING, ONE, {"rms_relative": 0.02}),
    ("pairs.correlation", WARNING, ONE, {"correlation": 0.9}),
    ("lsm.match", WARNING, ONE, {"mask_agreement": 0.9}),
    ("nan.halo", WARNING, ONE, {"nan_dilation": 2.0}),
    ("spectrum.large", WARNING, ONE, {"energy_ratio_large": 0.4}),
    ("spectrum.large", WARNING, ONE, {"energy_ratio_large": 2.1}),
    ("spectrum.small", WARNING, ONE, {"energy_ratio_small": 0.4}),
    ("grid.flip_roll", CRITICAL, EVERY, {"registration": "latitude_flip"}),
    ("grid.flip_roll", CRITICAL, EVERY, {"registration": "longitude_roll_180"}),
    ("grid.offset", WARNING, EVERY, {"shift": 0.15}),
]
TOGETHER = {
    "pairs.compared": {"pairs.area"},  # nothing of the data in the reference is also less than all of them
    "pairs.unrelated": {"pairs.correlation"},
    "cons.offset": {"cons.area_mean.time"},
    "grid.half_cell": {"grid.offset"},
}
"""What else must fail where a rule does, because it asks for less."""
SPOILT += [
    ("pairs.unrelated", CRITICAL, ONE, {"correlation": 0.3}),
    ("cons.offset", CRITICAL, ONE, {"mean_difference": -17.0}),
    ("grid.half_cell", CRITICAL, EVERY, {"shift": 0.45}),
]
LONE = {
    "time": "", "time_index": -1, "present": False, "in_data": False, "in_reference": False, "units_relation": "",
    "period_same": pd.NA, "grid_relation": "", "registration": "", "overlap": np.nan, "mean_difference": np.nan,
    "correlation": np.nan, "mask_agreement": np.nan, "energy_ratio_large": np.nan, "energy_ratio_small": np.nan,
    "lag": np.nan, "shift": np.nan, "range_excess": np.nan, "rms_relative": np.nan, "nan_dilation": np.nan,
}  # fmt: skip
"""A row of a variable that only one of the two has."""
ABSENT = [
    ("var.present", CRITICAL, {"quantity_in_data": False, "variable_in_data": False, "in_reference": True}),
    ("levels.same", CRITICAL, {"variable_in_data": False, "in_reference": True}),
    ("pairs.variables", INFO, {"variable_in_reference": False, "in_data": True}),
]


def failed(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    results = evaluate(load_rule_sets(["regridding"]), {"pairs": tables["pairs"]}).results
    return {f.rule: f.severity for f in results if f.status not in ("pass", "skipped") and f.table == "pairs"}


def test_sound_pairs_pass() -> None:
    assert failed(make_all(["2t", "t_850"])) == {}


@pytest.mark.parametrize(("rule", "severity", "rows", "change"), SPOILT)
def test_what_is_wrong_trips_its_rule(rule: str, severity: str, rows: str, change: dict[str, Any]) -> None:
    tables = make_all(["2t", "t_850"])
    pairs = tables["pairs"]
    wrong = pairs.index == 2 if rows == ONE else pairs["variable"] == "2t"
    for column, value in change.items():
        pairs.loc[wrong, column] = value
    found = failed(tables)
    assert found.pop(rule) == severity
    assert set(found) == TOGETHER.get(rule, set())


@pytest.mark.parametrize(("rule", "severity", "change"), ABSENT)
def test_a_variable_that_only_one_of_them_has(rule: str, severity: str, change: dict[str, Any]) -> None:
    tables = make_all(["2t", "t_850"])
    pairs = tables["pairs"]
    extra = pairs.iloc[[0]].assign(variable="t_500", param="t", **{**LONE, **change}).astype(pairs.dtypes)
    tables["pairs"] = pd.concat([pairs, extra], ignore_index=True)
    assert failed(tables) == {rule: severity}


def test_every_rule_on_pairs_is_tripped_above() -> None:
    rules = {r.id for s in load_rule_sets(["regridding"]) for r in s.rules if r.table == "pairs"}
    assert {rule for rule, *_ in SPOILT} | {rule for rule, *_ in ABSENT} == rules


def test_single_times_do_not_make_a_changed_mean() -> None:
    """Chance at one of four times is no bias; at all of them it is."""
    tables = make_all(["2t"])
    tables["pairs"].loc[1, "mean_difference"] = 0.02
    assert failed(tables) == {}


def test_nothing_in_common_is_no_pass() -> None:
    """A reference with other variables: nothing but rows of variables that only one of them has."""
    tables = make_all(["2t", "t_850"])
    pairs = tables["pairs"].iloc[[0, 1]].assign(**LONE)
    ours = pairs.assign(variable_in_reference=False, in_data=True)
    theirs = pairs.assign(variable_in_data=False, quantity_in_data=False, in_reference=True)
    everything = pd.concat([ours, theirs], ignore_index=True).astype(tables["pairs"].dtypes)
    assert failed({"pairs": everything}) == {
        "var.present": CRITICAL,
        "pairs.variables": INFO,
        "time.align": CRITICAL,
        "pairs.compared": CRITICAL,
    }
    only_ours = everything[everything["variable_in_data"]].reset_index(drop=True)
    assert failed({"pairs": only_ours}) == {"pairs.variables": INFO, "time.align": CRITICAL, "pairs.compared": CRITICAL}


def test_missing_dates_are_not_compared() -> None:
    tables = make_all(["2t"])
    for column, value in {"mask_agreement": 0.0, "declared_missing": True, "n_valid": 0}.items():
        tables["pairs"].loc[1, column] = value
    for column in ("mean_difference", "correlation", "rms_relative"):
        tables["pairs"].loc[1, column] = np.nan
    assert failed(tables) == {}


def test_without_a_reference_every_rule_on_pairs_is_skipped() -> None:
    tables = make_all(["2t"])
    del tables["pairs"]
    results = evaluate(load_rule_sets(["regridding"]), tables).results
    assert {f.status for f in results if f.table == "pairs"} == {"skipped"}
