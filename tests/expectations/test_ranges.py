"""Ranges of series: what is in them, what they are for known series, where they end sharply."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.expectations.ranges import SPREADS, _round, find_counts, find_range, hold_tight

NUMBER = st.floats(-1e12, 1e12)


@given(st.lists(NUMBER, min_size=1, max_size=60), st.floats(0, 1e6))
def test_every_value_lies_within(values: list[float], scale: float) -> None:
    array = np.array(values)
    for found in (find_range(array, scale), hold_tight(array, scale)):
        assert found.low <= min(values) <= max(values) <= found.high


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60))
def test_every_count_lies_within(values: list[int]) -> None:
    found = find_counts(np.array(values), 500)
    assert 0 <= found.low <= min(values) <= max(values) <= found.high <= 500


def test_the_range_of_a_known_series() -> None:
    """0, 1, ..., 100: median 50, quantiles 5 and 95; tails of 45 on both sides; margin (0.1 + 3 / sqrt(101)) * 2."""
    found = find_range(np.arange(101.0), 2.0)
    margin = 2.0 * (0.1 + 3.0 / math.sqrt(101))
    assert found.low == pytest.approx(50 - SPREADS * 45 - margin, rel=1e-4)
    assert found.high == pytest.approx(50 + SPREADS * 45 + margin, rel=1e-4)
    assert found.beyond == 0


def test_each_tail_has_its_own_length() -> None:
    found = find_range(np.exp(np.linspace(0, 5, 1001)), 0.0)  # median e**2.5, 5 % and 95 % e**0.25, e**4.75
    assert found.low == pytest.approx(math.exp(2.5) - SPREADS * (math.exp(2.5) - math.exp(0.25)), rel=1e-3)
    assert found.high == pytest.approx(math.exp(2.5) + SPREADS * (math.exp(4.75) - math.exp(2.5)), rel=1e-3)


def test_what_stands_out_widens_the_range_and_is_counted() -> None:
    values = np.append(np.linspace(-1, 1, 999), 1000.0)
    found = find_range(values, 1.0)
    assert (found.high, found.beyond) == (1000.0, 1)
    assert found.low > -5


def test_an_end_that_is_met_again_and_again_is_kept() -> None:
    rain = np.r_[np.zeros(60), np.linspace(0, 1, 40)]
    assert find_range(rain, 2.0).low == pytest.approx(-2e-3)
    assert find_range(-rain, 2.0).high == pytest.approx(2e-3)
    assert find_range(rain[-41:], 2.0).low < -0.2, "two of 41 are not often"
    assert find_range(np.zeros(3), 2.0).low < -1, "three fields prove no end"


@pytest.mark.parametrize(
    ("values", "low", "high", "beyond"),
    [
        ([0] * 10, 0, 0, 0),
        ([7] * 10, 7, 7, 0),
        ([7] * 199 + [9], 7, 9, 1),
        ([5, 7, 9], 1, 13, 0),
        ([0, 90], 0, 100, 0),
        ([0, 0, 90], 0, 100, 0),
        ([30, 90], 0, 100, 0),
    ],
)
def test_counts(values: list[int], low: int, high: int, beyond: int) -> None:
    assert find_counts(np.array(values), 100) == (low, high, beyond)


def test_what_never_changes_is_held_tight() -> None:
    found = hold_tight(np.array([1000.0, 1000.0]), 10.0)
    assert (found.low, found.high) == (pytest.approx(1000 - 2e-3, abs=0.1), pytest.approx(1000 + 2e-3, abs=0.1))
    assert found.high - found.low < 0.2


@given(NUMBER | st.floats(-1e-300, 1e-300))
def test_rounding_goes_outwards_and_not_far(value: float) -> None:
    low, high = _round(value, up=False), _round(value, up=True)
    assert low <= value <= high
    assert high - low <= 2.1e-4 * abs(value) + 1e-320
