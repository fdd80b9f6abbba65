"""The persistence counter."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.departures.running import count_running, run_lengths


@given(st.lists(st.booleans(), max_size=40))
def test_runs_are_counted_one_by_one(flags: list[bool]) -> None:
    expected = [k if flag else 0 for flag, run in groupby(flags) for k, _ in enumerate(run, 1)]
    assert run_lengths(np.array(flags, bool)).tolist() == expected


def test_series_are_told_apart_and_an_unknown_p_ends_a_run() -> None:
    p = [("a", 0.05), ("b", 0.5), ("a", 0.01), ("b", 0.001), ("a", np.nan), ("b", 0.051), ("a", 0.0), ("b", 0.02)]
    rows = [{"variable": v, "p_value": x} for v, x in p]
    count_running(rows, "p_value", ("variable",))
    assert [r["n_running"] for r in rows if r["variable"] == "a"] == [1, 2, 0, 1]
    assert [r["n_running"] for r in rows if r["variable"] == "b"] == [0, 1, 0, 1]
