"""Series that are late by known steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.metrics.lag import _departure, best_lag


def series(n: int, seed: int, memory: float = 0.8) -> np.ndarray:
    """An autoregressive series about 280."""
    noise = np.random.default_rng(seed).normal(size=n)
    values = np.empty(n)
    values[0] = noise[0]
    for i in range(1, n):
        values[i] = memory * values[i - 1] + noise[i]
    return 280 + values


@given(st.integers(24, 200), st.integers(0, 1000), st.sampled_from([-2, -1, 0, 1, 2]))
def test_the_lag_is_found(n: int, seed: int, lag: int) -> None:
    """own[i] = other[i - lag]."""
    long = series(n + 4, seed)
    own, other = long[2 - lag : n + 2 - lag], long[2 : n + 2]
    assert best_lag(own, other) == lag
    noisy = own + 0.01 * np.random.default_rng(seed).normal(size=n)
    assert best_lag(noisy, other) == lag


def test_a_lag_beyond_what_is_tried_is_not_made_up() -> None:
    long = series(400, 3, memory=0.1)
    assert best_lag(long[:300], long[50:350]) == 0


@pytest.mark.parametrize("trend", [0.0, 1.0, 1e6])
def test_slow_series_that_go_with_any_lag_are_in_time(trend: float) -> None:
    """What is left of a trend is the noise of interpolation, which tells nothing."""
    time = np.arange(40.0)
    noise = np.random.default_rng(0).normal(size=(2, 40)) * 1e-3
    assert best_lag(trend * time + noise[0], trend * time + noise[1]) == 0


@pytest.mark.parametrize(
    ("own", "other"),
    [
        (series(19, 0), series(19, 0)),  # too few
        (np.full(30, 5.1), series(30, 0)),
        (series(30, 0), np.full(30, 5.1)),
        (np.full(30, np.nan), series(30, 0)),
        (np.where(np.arange(30) % 2, series(30, 0), np.nan), series(30, 0)),  # 15 known
    ],
)
def test_what_cannot_be_told(own: np.ndarray, other: np.ndarray) -> None:
    assert np.isnan(best_lag(own, other))


def test_times_without_a_value_are_left_out() -> None:
    long = series(60, 1)
    own, other = long[:50].copy(), long[1:51]
    own[25] = np.nan
    assert best_lag(own, other) == 1


@given(st.integers(0, 1000), st.integers(-2, 2))
def test_the_departure_is_one_minus_the_correlation_of_numpy(seed: int, lag: int) -> None:
    own, other = series(50, seed), series(50, seed + 1)
    pairs = [(own[i], other[i - lag]) for i in range(50) if 0 <= i - lag < 50]
    assert _departure(own, other, lag) == pytest.approx(1 - np.corrcoef(np.array(pairs).T)[0, 1], rel=1e-9)
