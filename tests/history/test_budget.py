"""Alarms against chance, and since when something lasts, held against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqwatch.chance import interval, usual
from dqwatch.chance import tail as chance_tail
from dqwatch.history.budget import spend
from dqwatch.history.persistence import find_stretch, is_over, lasts


def tail(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def test_a_budget_is_counted_by_hand() -> None:
    p = np.array([0.5, 0.01, 0.004, np.nan, 0.3, 0.009, 0.0101, 0.2, 0.9])
    days = np.array(["a", "a", "a", "a", "b", "b", "c", "c", "c"])
    found = spend(p, days, 0.01)
    assert [found[k] for k in ("cycles", "alarms", "stretches", "days", "alarm_days")] == [8, 3, 2, 3, 2]
    assert found["expected"] == pytest.approx(0.08)
    assert found["p_value"] == pytest.approx(tail(3, 8, 0.01), rel=1e-9)
    chance = np.mean([1 - 0.99**3, 1 - 0.99**2, 1 - 0.99**3])
    assert found["p_days"] == pytest.approx(tail(2, 3, chance), rel=1e-9)
    assert (found["usual_low"], found["usual_high"]) == (0, 1)
    exact = stats.binomtest(3, 8).proportion_ci(0.95, method="exact")
    assert (found["rate_low"], found["rate_high"]) == pytest.approx((exact.low, exact.high))


def test_nothing_spends_nothing() -> None:
    found = spend(np.array([np.nan]), np.array(["a"]), 0.01)
    assert (found["cycles"], found["alarms"], found["p_value"], found["p_days"]) == (0, 0, None, None)
    assert (found["rate_low"], found["rate_high"]) == (0.0, 1.0)


@given(n=st.integers(1, 200), share=st.floats(0, 1))
def test_the_interval_of_a_rate_is_that_of_clopper_and_pearson(n: int, share: float) -> None:
    k = round(share * n)
    low, high = interval(k, n)
    assert low == 0 if k == 0 else tail(k, n, low) == pytest.approx(0.025, rel=1e-6)
    assert high == 1 if k == n else 1 - tail(k + 1, n, high) == pytest.approx(0.025, rel=1e-6)


@given(n=st.integers(0, 400), k=st.integers(0, 400), p=st.sampled_from([0.001, 0.01, 0.039, 0.3]))
def test_counts_are_those_of_the_binomial_distribution(n: int, k: int, p: float) -> None:
    k = min(k, n)
    assert chance_tail(k, n, p) == pytest.approx(stats.binom.sf(k - 1, n, p), rel=1e-9)
    low, high = usual([n, n // 2], p)
    assert low.tolist() == stats.binom.ppf(0.025, [n, n // 2], p).clip(0).tolist()
    assert high.tolist() == stats.binom.ppf(0.975, [n, n // 2], p).clip(0).tolist()


@given(st.lists(st.sampled_from([0.001, 0.05, 0.051, 0.5, np.nan]), max_size=25))
def test_the_stretch_has_the_largest_gain_of_all(values: list[float]) -> None:
    p = np.array(values)
    found = find_stretch(p)
    gains = {}
    for first in range(p.size):
        for last in range(first, p.size):
            inside = p[first : last + 1]
            hits, misses = int((inside <= 0.05).sum()), int((inside > 0.05).sum())
            gains[first, last] = hits * math.log(0.5 / 0.05) + misses * math.log(0.5 / 0.95)
    if not (p <= 0.05).any():
        assert found == (0, -1, 0, 0, 0.0)
        return
    assert found.gain == pytest.approx(max(gains.values()))
    assert gains[found.first, found.last] == pytest.approx(found.gain)
    assert p[found.first] <= 0.05
    assert p[found.last] <= 0.05
    inside = p[found.first : found.last + 1]
    assert (found.unusual, found.total) == ((inside <= 0.05).sum(), np.isfinite(inside).sum())


def test_weather_of_a_few_days_does_not_last_and_drift_does() -> None:
    rng = np.random.default_rng(3)
    quiet = rng.uniform(size=400)
    few, many = quiet.copy(), quiet.copy()
    few[100:108] = 0.001
    many[200:240] = np.where(rng.uniform(size=40) < 0.8, 0.01, 0.5)
    assert not lasts(find_stretch(few), 400, 100, days=2.0)
    stretch = find_stretch(many)
    assert abs(stretch.first - 200) < 4
    assert abs(stretch.last - 239) < 4
    assert lasts(stretch, 400, 100, days=10.0)
    assert is_over(stretch, many)
    still = np.concatenate([quiet[:100], np.full(30, 0.01), [0.5, 0.5, 0.5]])
    assert not is_over(find_stretch(still), still)


def test_chance_rarely_makes_anything_last() -> None:
    """Of 300 histories of 20 variables and 200 independent cycles, 1 % may; twelve would be beyond 1 in 10,000."""
    rng = np.random.default_rng(7)
    wrong = 0
    for p in rng.uniform(size=(300, 20, 200)):
        wrong += any(lasts(find_stretch(series), 200, 20, days=30.0) for series in p)
    assert wrong <= 12
