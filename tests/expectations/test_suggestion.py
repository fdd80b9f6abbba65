"""Suggested rules: the data that they are made from pass them, others do not; what the file says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from expectations.sound_tables import make_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqwatch.errors import SourceError
from dqwatch.expectations import evaluate, lint, load_rule_sets
from dqwatch.expectations.suggestion import suggest
from dqwatch.types import RuleSet

NAMES = ["2t", "t_850", "tp", "sst", "z"]
N_TIMES = 40
MASK = 2**63 + 77


def made(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Ten days of five variables: with a cycle, rain that ends at 0, a mask, a constant."""
    tables = make_all(NAMES, n_times=N_TIMES)
    rng, fields = np.random.default_rng(seed), tables["fields"]
    mean = 280 + 5 * np.sin(np.arange(N_TIMES) / 6) + rng.normal(0, 0.5, N_TIMES)
    for name, low, middle, high in [
        ("2t", mean - 20 + rng.normal(0, 1, N_TIMES), mean, mean + 20),
        ("t_850", mean - 30, mean - 10, mean + 10 + rng.normal(0, 1, N_TIMES)),
        ("tp", np.zeros(N_TIMES), rng.uniform(0.001, 0.002, N_TIMES), rng.uniform(0.01, 0.02, N_TIMES)),
        ("sst", mean - 5, mean, mean + 5),
        ("z", np.zeros(N_TIMES), np.full(N_TIMES, 900.0), np.full(N_TIMES, 50000.0)),
    ]:
        rows = fields["variable"] == name
        fields.loc[rows, "min"], fields.loc[rows, "mean"], fields.loc[rows, "max"] = low, middle, high
        fields.loc[rows, "std"] = np.maximum((high - low) / 4, 1e-4)
    sea = fields["variable"] == "sst"
    fields.loc[sea, "n_nan"] = 60
    fields["nan_hash"] = np.where(sea, np.uint64(MASK), np.uint64(0))
    variables = tables["variables"]
    variables["constant_in_time"] = variables["variable"] == "z"
    variables["units"] = ["K", "K", "m", "K", ""]
    return tables


def loaded(tables: dict[str, pd.DataFrame], folder: Path) -> tuple[RuleSet, ...]:
    path = folder / "suggested.yaml"
    path.write_text(suggest(tables, "a.zarr", "1.2.3"), encoding="utf-8")
    return load_rule_sets([str(path)])


def failed(tables: dict[str, pd.DataFrame], sets: tuple[RuleSet, ...]) -> set[tuple[str, str | None]]:
    bad = [f for f in evaluate(sets, tables).results if f.status not in ("pass", "skipped")]
    assert all(f.status == "fail" for f in bad), bad
    return {(f.rule.removeprefix("suggested."), f.variable) for f in bad}


def test_the_file_is_sound_and_says_where_it_is_from(tmp_path: Path) -> None:
    text = suggest(made(), "a.zarr", "1.2.3")
    (tmp_path / "mine.yaml").write_text(text)
    assert lint(str(tmp_path / "mine.yaml")) == []
    document = yaml.safe_load(text)
    assert document["rule_set"] == "suggested"
    assert document["description"] == (
        "Suggested from a.zarr by dqwatch 1.2.3: 200 fields of 5 variables, 2020-01-01T00:00:00 to 2020-01-10T18:00:00"
    )
    assert {rule["source"] for rule in document["rules"]} == {"suggested from a.zarr by dqwatch 1.2.3"}
    assert all(rule["id"].startswith("suggested.") and rule["hint"].endswith((".", "?")) for rule in document["rules"])
    assert all(len(line) <= 130 for line in text.splitlines())


def test_the_data_themselves_pass(tmp_path: Path) -> None:
    tables = made()
    sets = loaded(tables, tmp_path)
    evaluation = evaluate(sets, tables)
    assert {f.status for f in evaluation.results} == {"pass"}
    assert {f.rule.removeprefix("suggested.") for f in evaluation.results} == {
        *("present", "nan", "mask", "min", "max", "mean", "std", "constant", "units", "hours", "step"),
        *("cells", "orientation", "longitudes"),
    }


def test_data_of_the_same_kind_pass(tmp_path: Path) -> None:
    sets = loaded(made(), tmp_path)
    for seed in (1, 2, 3):
        assert failed(made(seed), sets) == set()


CHANGES: list[tuple[str, str, dict[str, Any], set[tuple[str, str | None]]]] = [
    ("fields", "2t", {"min": -10.0, "mean": 7.0, "max": 30.0}, {("min", "2t"), ("mean", "2t"), ("max", "2t")}),
    ("fields", "tp", {"max": 9999.0}, {("max", "tp")}),
    ("fields", "tp", {"min": -0.001}, {("min", "tp")}),
    ("fields", "z", {"mean": 901.0}, set()),
    ("fields", "z", {"mean": 905.0}, {("mean", "z")}),
    ("fields", "t_850", {"std": 0.0}, {("std", "t_850")}),
    ("fields", "2t", {"n_nan": 1}, {("nan", "2t")}),
    ("fields", "sst", {"n_nan": 59, "nan_hash": MASK + 1}, {("nan", "sst"), ("mask", "sst")}),
    ("fields", "sst", {"nan_hash": MASK + 1}, {("mask", "sst")}),
    ("variables", "z", {"constant_in_time": False}, {("constant", "z")}),
    ("variables", "2t", {"units": "degC"}, {("units", "2t")}),
    ("variables", "z", {"units": "m"}, set()),
]


@pytest.mark.parametrize(("table", "variable", "change", "expected"), CHANGES)
def test_spoilt_rows_trip_their_rules(
    tmp_path: Path, table: str, variable: str, change: dict[str, Any], expected: set[tuple[str, str | None]]
) -> None:
    sets, tables = loaded(made(), tmp_path), made()
    row = tables[table].index[tables[table]["variable"] == variable][0]
    for column, value in change.items():
        tables[table].loc[row, column] = value
    assert failed(tables, sets) == expected


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        ("times", {"hour": 5.5}, {("hours", None)}),
        ("times", {"step_h": 3.0}, {("step", None)}),
        ("grid", {"n_cells": 201}, {("cells", None)}),
        ("grid", {"orientation": "south_to_north"}, {("orientation", None)}),
        ("grid", {"longitude_convention": "-180_180"}, {("longitudes", None)}),
    ],
)
def test_another_cadence_or_grid_trips_its_rule(
    tmp_path: Path, table: str, change: dict[str, Any], expected: set[tuple[str, str | None]]
) -> None:
    sets, tables = loaded(made(), tmp_path), made()
    for column, value in change.items():
        tables[table].loc[tables[table].index[-1], column] = value
    assert failed(tables, sets) == expected


def test_a_variable_that_is_not_there_is_told(tmp_path: Path) -> None:
    sets, tables = loaded(made(), tmp_path), made()
    for table in ("fields", "variables"):
        tables[table] = tables[table][tables[table]["variable"] != "tp"].reset_index(drop=True)
    assert failed(tables, sets) == {("present", None)}


def test_one_state_has_no_steps_and_no_constants(tmp_path: Path) -> None:
    sets, tables = loaded(made(), tmp_path), made()
    for table in ("fields", "times"):
        tables[table] = tables[table][tables[table]["time_index"] == 3].reset_index(drop=True)
    tables["times"]["step_h"] = np.nan
    tables["variables"]["n_fields"] = 1
    tables["variables"]["constant_in_time"] = False
    assert failed(tables, sets) == set()


def test_dates_declared_missing_are_no_pattern(tmp_path: Path) -> None:
    tables = made()
    gone = tables["fields"]["time_index"] == 5
    tables["fields"].loc[gone, ["declared_missing", "all_nan"]] = True
    tables["fields"].loc[gone, ["min", "max", "mean", "std"]] = np.nan
    tables["fields"].loc[gone, "n_nan"] = 200
    sets = loaded(tables, tmp_path)
    assert failed(tables, sets) == set()
    (rule,) = (r for r in sets[0].rules if r.id == "suggested.nan")
    assert rule.by_variable["2t"] == {"min_value": 0, "max_value": 0}


def test_what_stands_out_is_remarked(tmp_path: Path) -> None:
    tables = made()
    tables["fields"].loc[tables["fields"].index[tables["fields"]["variable"] == "tp"][7], "max"] = 9999.0
    text = suggest(tables, "a.zarr", "1")
    before = text.split("- id: suggested.max")[0].splitlines()[-1]
    assert before == "# widened to hold fields that stand out, look at them: tp (1)"
    assert failed(tables, loaded(tables, tmp_path)) == set()
    assert "stand out" not in suggest(made(), "a.zarr", "1")


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ([6.0] * 9, {"expect": "in_set", "values": [6.0]}),
        ([744.0, 696.0, 744.0, 720.0], {"expect": "between", "min": 672.0, "max": 744.0}),
        ([744.0, 744.0], {"expect": "in_set", "values": [744.0]}),
        ([8760.0, 8784.0], {"expect": "between", "min": 8760.0, "max": 8784.0}),
        (list(np.arange(30.0) + 1), {"expect": "between", "min": 1.0, "max": 30.0}),
    ],
)
def test_steps(steps: list[float], rule: dict[str, Any]) -> None:
    tables = made()
    tables["times"] = tables["times"].iloc[: len(steps) + 1].assign(step_h=[np.nan, *steps])
    found = next(r for r in yaml.safe_load(suggest(tables, "a", "1"))["rules"] if r["id"] == "suggested.step")
    assert {key: found[key] for key in rule} == rule


def test_a_rare_step_is_remarked() -> None:
    tables = made()
    tables["times"] = pd.concat([tables["times"]] * 10, ignore_index=True)
    tables["times"].loc[7, "step_h"] = 12.0
    text = suggest(tables, "a", "1")
    assert text.split("- id: suggested.step")[0].splitlines()[-1] == "# rare, gaps perhaps: 12 h"


def test_a_static_field_gives_rules_without_time(tmp_path: Path) -> None:
    tables = make_all(["lsm"], n_times=1)
    tables["fields"]["time"], tables["times"] = "", tables["times"].iloc[:0]
    sets = loaded(tables, tmp_path)
    assert failed(tables, sets) == set()
    assert {"suggested.step", "suggested.hours"}.isdisjoint(r.id for r in sets[0].rules)


def test_names_that_yaml_would_read_as_numbers_stay_names(tmp_path: Path) -> None:
    """`1e5` is a number to YAML 1.2, `no` false to YAML 1.1, `10` a number to both."""
    tables = make_all(["1e5", "no", "10", "2020-01-01", "a b: c"])
    assert failed(tables, loaded(tables, tmp_path)) == set()


@pytest.mark.parametrize("empty", ["no rows", "all NaN"])
def test_without_values_there_is_nothing_to_suggest(empty: str) -> None:
    tables = made()
    tables["fields"] = tables["fields"].iloc[:0] if empty == "no rows" else tables["fields"].assign(all_nan=True)
    with pytest.raises(SourceError, match=r"a\.zarr: no field has a value"):
        suggest(tables, "a.zarr", "1")


def test_no_limit_is_suggested_where_values_are_infinite_both_ways(tmp_path: Path) -> None:
    tables = make_all(["2t"], n_times=2)
    tables["fields"]["max"] = [-np.inf, np.inf]
    tables["fields"]["mean"] = [np.nan, np.inf]
    sets = loaded(tables, tmp_path)
    assert failed(tables, sets) == set()
    assert {"suggested.min", "suggested.std"} <= {r.id for r in sets[0].rules}
    assert {"suggested.max", "suggested.mean"}.isdisjoint(r.id for r in sets[0].rules)


VALUE = st.floats(-1e30, 1e30) | st.sampled_from([0.0, 273.15, 1e-40, np.nan, np.inf, -np.inf])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(VALUE, VALUE, st.integers(0, 200)), min_size=6, max_size=6))
def test_whatever_the_data_they_pass_what_they_suggest(tmp_path: Path, values: list[tuple[float, float, int]]) -> None:
    tables = make_all(["2t", "t_850"], n_times=3)
    ends = np.sort(np.array([v[:2] for v in values]), axis=1)
    tables["fields"]["min"], tables["fields"]["max"] = ends.T
    tables["fields"]["mean"], tables["fields"]["std"] = ends[:, 0], np.abs(ends[:, 1])
    tables["fields"]["n_nan"] = [v[2] for v in values]
    assert failed(tables, loaded(tables, tmp_path)) == set()
