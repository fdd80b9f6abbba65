"""Rules run over tables: every count, value and row against plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from expectations.runs import BETWEEN, outcome, run
from expectations.sound_tables import label, make_all
from hypothesis import given, settings
from hypothesis import strategies as st

from dqwatch.types import Finding


def test_a_finding_tells_rule_variable_time_value_and_rows(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[[3, 5], "n_inf"] = [7, 9]
    passed, failed = run(
        tables,
        {**BETWEEN, "id": "inf", "column": "n_inf", "min": 0, "max": 0, "show": ["n"], "title": "Infinite"},
    )
    assert passed == Finding(
        rule="inf", severity="critical", status="pass", table="fields", column="n_inf", variable="2t", observed=0,
        expected="n_inf = 0", n_checked=3, hint="Do something.", title="Infinite",
    )  # fmt: skip
    row = {"time_index": 1, "variable": "t_850", "level": 850.0, "member": 0, "n": 200}
    assert failed == Finding(
        rule="inf", severity="critical", status="fail", table="fields", column="n_inf", variable="t_850", level=850.0,
        time="2020-01-01T06:00:00", observed=9, expected="n_inf = 0", n_checked=3, n_failed=2,
        first_failures=(
            {**row, "time": "2020-01-01T06:00:00", "value": 7},
            {**row, "time": "2020-01-01T12:00:00", "time_index": 2, "value": 9},
        ),
        hint="Do something.", title="Infinite",
    )  # fmt: skip
    for finding in (passed, failed):
        assert all(type(v) in (str, int, float, type(None)) for r in finding.first_failures for v in r.values())


@pytest.mark.parametrize(
    ("entry", "columns", "expected"),
    [
        ({"expect": "between", "column": "min", "min": 1}, {"min": [0, 1, 2, 3, 0, 9]}, (2, 0)),
        ({"expect": "between", "column": "min", "min": 1, "strict_min": True}, {"min": [0, 1, 2, 3, 0, 9]}, (2, 1)),
        ({"expect": "between", "column": "min", "max": 3, "strict_max": True}, {"min": [0, 1, 2, 3, 0, 9]}, (0, 2)),
        ({"expect": "between", "column": "n", "min": 1, "max": 2}, {"n": [0, 1, 2, 3, 0, 9]}, (2, 2)),
        ({"expect": "between", "column": "max", "max": 1e300}, {"max": [np.inf, 1, 2, -np.inf, 0, 9]}, (1, 0)),
        ({"expect": "in_set", "column": "time", "values": ["a"]}, {"time": list("abaaba")}, (1, 1)),
        ({"expect": "in_set", "column": "all_nan", "values": [False]}, {"all_nan": [1, 0, 0, 0, 1, 0]}, (2, 0)),
        ({"expect": "in_set", "column": "level", "values": [1, 2]}, {"level": [1, 1, 2, 2, 3, 4]}, (1, 1)),
        (
            {"expect": "not_in_set", "column": "time", "values": ["a", ""]},
            {"time": ["a", "b", "", "", "c", "d"]},
            (2, 1),
        ),
        ({"expect": "not_null", "column": "std"}, {"std": [np.nan, 1, np.nan, 2, 3, np.nan]}, (2, 1)),
        ({"expect": "null", "column": "std"}, {"std": [np.nan, 1, np.nan, 2, 3, np.nan]}, (1, 2)),
        # rows 0 and 3 have one hash, though they are of two variables; rows 1 and 5 have one, of one variable
        ({"expect": "unique", "column": "data_hash"}, {"data_hash": [7, 8, 1, 7, 2, 8]}, (1, 3)),
        (
            {"expect": "compound_unique", "columns": ["variable", "data_hash"]},
            {"data_hash": [7, 8, 1, 7, 2, 8]},
            (0, 2),
        ),
        (
            {"expect": "matches", "column": "time", "regex": "^a|b$"},
            {"time": ["a", "b", "ca", "cb", "c", "ab"]},
            (2, 0),
        ),
        (
            {"expect": "not_matches", "column": "time", "regex": "^a|b$"},
            {"time": ["a", "b", "ca", "cb", "c", "ab"]},
            (1, 3),
        ),
        (
            {"expect": "greater_than", "column": "max", "other": "min"},
            {"max": [1] * 6, "min": [0, 1, 2, 0, 0, 1]},
            (1, 2),
        ),
        (
            {"expect": "greater_than", "column": "max", "other": "min", "or_equal": True},
            {"max": [1] * 6, "min": [0, 1, 2, 0, 0, 1]},
            (1, 0),
        ),
        ({"expect": "equal_to", "column": "max", "other": "min"}, {"max": [1] * 6, "min": [0, 1, 2, 1, 1, 1]}, (2, 0)),
    ],
)  # fmt: skip
def test_every_form(
    tables: dict[str, pd.DataFrame], entry: dict[str, Any], columns: dict[str, Any], expected: tuple[int, int]
) -> None:
    for name, values in columns.items():
        tables["fields"][name] = pd.Series(values).astype(tables["fields"][name].dtype)
    results = run(tables, entry)
    assert outcome(results) == [
        (v, "fail" if n else "pass", 3, n) for v, n in zip(("2t", "t_850"), expected, strict=True)
    ]


@pytest.mark.parametrize(
    ("entry", "values", "observed"),
    [
        ({"expect": "between", "min": 0, "max": 10}, [1, 9.5, 3], 9.5),  # 0.5 from the limit
        ({"expect": "between", "min": 0, "max": 10}, [-1, 12, -3], -3.0),  # 3 beyond the limit
        ({"expect": "between", "max": 10}, [11, np.inf, 12], np.inf),
        ({"expect": "in_set", "values": [1.0]}, [1, 1, 1], 1.0),
        ({"expect": "in_set", "values": [1.0]}, [1, 5, 6], 5.0),
        ({"expect": "in_set", "values": [1.0, 2.0]}, [1, 1, 1], None),
        ({"expect": "greater_than", "other": "max"}, [1, 7, 3], {"min": 1.0, "max": 300.0}),
        ({"expect": "not_null"}, [1, np.nan, 3], None),
    ],
)
def test_what_was_observed(
    tables: dict[str, pd.DataFrame], entry: dict[str, Any], values: list[float], observed: Any
) -> None:
    tables["fields"].loc[tables["fields"]["variable"] == "2t", "min"] = values
    assert run(tables, {"column": "min", **entry})[0].observed == observed


def test_rows_of_a_pair_show_both_columns(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[0, "max"] = 1.0
    (failed, _) = run(tables, {"expect": "greater_than", "column": "max", "other": "min"})
    (row,) = failed.first_failures
    assert (row["max"], row["min"]) == (1.0, 250.0)
    assert "value" not in row


def test_at_most_twenty_rows_are_kept() -> None:
    tables = make_all(["2t"], n_times=50)
    (finding,) = run(tables, {**BETWEEN, "min": 1e6})
    assert finding.n_failed == 50
    assert [row["time_index"] for row in finding.first_failures] == list(range(20))


def test_members_are_told_in_the_rows() -> None:
    tables = make_all(["2t"], n_times=2, n_members=3)
    tables["fields"].loc[4, "min"] = -1.0
    (finding,) = run(tables, BETWEEN)
    assert [(r["time_index"], r["member"], r["value"]) for r in finding.first_failures] == [(1, 1, -1.0)]


def test_one_result_for_a_table_without_variables(tables: dict[str, pd.DataFrame]) -> None:
    tables["times"].loc[2, "in_order"] = False
    (finding,) = run(tables, {"table": "times", "expect": "in_set", "column": "in_order", "values": [True]})
    assert (finding.variable, finding.time, finding.n_checked, finding.n_failed) == (None, "2020-01-01T12:00:00", 3, 1)
    (row,) = finding.first_failures
    assert row == {"axis": "time", "time": "2020-01-01T12:00:00", "time_index": 2, "value": False}


def test_per_none_gives_one_result(tables: dict[str, pd.DataFrame]) -> None:
    tables["fields"].loc[[0, 1], "min"] = -1.0
    assert outcome(run(tables, {**BETWEEN, "per": "none"})) == [(None, "fail", 6, 2)]


def test_mostly_holds_for_each_variable() -> None:
    """4 of 100 fields fail, all of them of one variable: 4 % together, but 40 % of its own."""
    tables = make_all([f"t_{i}" for i in range(10)], n_times=10)
    rows = tables["fields"].index[tables["fields"]["variable"] == "t_3"][:4]
    tables["fields"].loc[rows, "min"] = -1.0
    results = run(
        tables, {**BETWEEN, "mostly": 0.9}, {**BETWEEN, "mostly": 0.6}, {**BETWEEN, "mostly": 0.9, "per": "none"}
    )
    assert [f.variable for f in results if f.status == "fail"] == ["t_3"]
    assert results[3].n_failed == results[13].n_failed == results[20].n_failed == 4
    assert results[3].expected == "min >= 0 in at least 90 % of the rows"


# ---------------------------------------------------------------- against plain Python

VALUES = st.one_of(st.just(None), st.sampled_from([-np.inf, np.inf, 0.0, -0.0, 1.0, 2.0]), st.floats(-3, 3))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_counts_against_plain_python(data: st.DataObject) -> None:
    names = [f"t_{i}" for i in range(data.draw(st.integers(1, 4)))]
    n_times = data.draw(st.integers(1, 6))
    tables = make_all(names, n_times=n_times)
    values: list[float | None] = data.draw(
        st.lists(VALUES, min_size=len(names) * n_times, max_size=len(names) * n_times)
    )
    tables["fields"]["min"] = pd.Series(values, dtype="float64")
    low, high = sorted(data.draw(st.tuples(st.floats(-2, 2), st.floats(-2, 2))))
    mostly = data.draw(st.sampled_from([None, 0.5, 0.75]))
    missing = data.draw(st.sampled_from(["fail", "ignore"]))
    results = run(tables, {**BETWEEN, "min": low, "max": high, "mostly": mostly, "missing": missing})
    expected: list[tuple[str | None, str, int, int]] = []
    failing: list[list[tuple[int, float | None]]] = []
    for position, name in enumerate(names):
        own = values[position :: len(names)]
        if all(v is None for v in own) or all(v is None for v in values):
            expected.append((name, "no_data", 0, 0))
            failing.append([])
            continue
        looked_at = own if missing == "fail" else [v for v in own if v is not None]
        n_failed = sum(v is None or not low <= v <= high for v in looked_at)
        bad = [(i, v) for i, v in enumerate(own) if (missing == "fail" if v is None else not low <= v <= high)]
        failing.append(bad)
        held = n_failed == 0 or (len(looked_at) - n_failed) / len(looked_at) >= (mostly or 1)
        expected.append((name, "pass" if held else "fail", len(looked_at), n_failed))
    if all(v is None for v in values):
        expected, failing = [(None, "no_data", 0, 0)], [[]]
    assert outcome(results) == expected
    assert [[(r["time_index"], r["value"]) for r in f.first_failures] for f in results] == failing
    assert [f.time for f in results] == [label(bad[0][0]) if bad else None for bad in failing]
