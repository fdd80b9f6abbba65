"""Fields by the time at which they are valid, whatever blocks and forecasts they lie in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from metrics.fake_source import HOUR, FakeSource, axis_of, grid_of

from dqwatch.baselines.lookup import Lookup, accompany, pick, tell_apart
from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.types import NOT_A_TIME, Variable


def source(times_per_block: int = 3, units: str = "K") -> FakeSource:
    data = {n: np.arange(7 * 4, dtype=np.float32).reshape(7, 4) + 100 * i for i, n in enumerate("abc")}
    named = {Variable(n, n, n, units=units): v for n, v in data.items()}
    return FakeSource(named, times_per_block=times_per_block)


@pytest.mark.parametrize("times_per_block", [1, 3, 7])
def test_every_field_is_found_by_its_time(times_per_block: int) -> None:
    made = source(times_per_block)
    lookup = Lookup(made, {0: 5, 2: 1}, 0)
    found = lookup.read([2 * 6 * HOUR, 3 * 6 * HOUR, 99], Buffers())
    assert sorted(found) == [2 * 6 * HOUR, 3 * 6 * HOUR]
    for second, values in found.items():
        assert sorted(values) == [(1, 0), (5, 0)]
        assert np.array_equal(values[5, 0], made.data[0][second // (6 * HOUR)])
        assert np.array_equal(values[1, 0], made.data[2][second // (6 * HOUR)])
    only = lookup.read([0], Buffers(), only={1})
    assert list(only[0]) == [(1, 0)]


def test_of_several_forecasts_the_shortest_but_not_the_analysis() -> None:
    seconds = np.array([0, 0, 0, 6, 6, NOT_A_TIME, 12])
    leads = np.array([0, 12, 6, 0, -6, 6, 6])
    axis = dataclasses.replace(axis_of(seconds), lead_seconds=leads, declared_missing=np.arange(7) == 6)
    made = FakeSource({"a": np.zeros((7, 2), np.float32)}, axis=axis)
    assert Lookup(made, {0: 0}, 0).at == {0: 2, 6: 4}


def test_a_single_member_serves_all() -> None:
    one, two = np.zeros(1), np.ones(1)
    assert pick({(0, 0): one}, 0, 3) is one
    assert pick({(0, 0): one, (0, 1): two}, 0, 1) is two
    assert pick({(0, 0): one, (0, 1): two}, 0, 2) is None
    assert pick({(0, 0): one}, 1, 0) is None


def test_variables_with_other_units_are_left_out() -> None:
    found = accompany(source(), {"a": 0, "b": 1}, grid_of(4), units=["K", "degC"], of="ours")
    assert found.lookup.numbers == {0: 0}
    assert found.notes == ("fake: b left out, its units are K, not degC",)
    with pytest.raises(UsageError, match="no variable in common with ours on its grid; fake: b left out"):
        accompany(source(), {"b": 1}, grid_of(4), units=["", "degC"], of="ours")
    with pytest.raises(UsageError, match="no variable in common"):
        accompany(source(), {"a": 0}, grid_of(5), of="ours")


def test_grids_are_told_apart() -> None:
    lat, lon = np.array([0.0, 10.0]), np.array([350.0, 5.0])
    one = grid_of(2, latitudes=lat, longitudes=lon)
    assert tell_apart(one, grid_of(2, latitudes=lat, longitudes=lon - 360), "it") == ""
    assert tell_apart(one, grid_of(2), "it") == ""
    assert "lie elsewhere" in tell_apart(one, grid_of(2, latitudes=lat, longitudes=lon + 1), "it")
    assert tell_apart(one, grid_of(3), "it") == "2 cells, it has 3"
