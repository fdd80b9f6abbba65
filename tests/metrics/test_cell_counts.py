"""Counts of cells against counting them one by one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import grid_cases as cases

from dqwatch.metrics.cell_counts import Stuck, count_below, count_stuck

VALUES = [0.0, -0.0, 1.0, -1.0, 2.5, -(2.0**-40), math.nan, math.inf, -math.inf]
TYPES = st.sampled_from([np.float32, np.float64])


@given(st.lists(st.sampled_from(VALUES), max_size=40), st.sampled_from([0.0, -1.0, -1e-3, 1.0]), TYPES)
def test_below(values: list[float], limit: float, dtype: type) -> None:
    assert count_below(np.array(values, dtype), limit) == sum(math.isfinite(x) and x < limit for x in values)


@given(st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), max_size=40), TYPES)
def test_stuck(pairs: list[tuple[float, float]], dtype: type) -> None:
    now, before = (np.array(some, dtype) for some in (list(zip(*pairs, strict=True)) or [[], []]))
    finite = now[np.isfinite(now)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    both = [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]
    equal = [x for x, y in both if x == y]
    ends = sum(x in (least, most) for x in equal)
    found = count_stuck(now, before, least=least, most=most)
    expected = (
        len(equal),
        len(equal) / len(both) if both else math.nan,
        (len(equal) - ends) / (len(both) - ends) if len(both) > ends else math.nan,
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_cells_than_a_block_of_the_kernel(dtype: type) -> None:
    now = np.random.default_rng(0).normal(size=20_001).astype(dtype)
    before = np.where(np.arange(now.size) % 7 == 0, now, now + 1).astype(dtype)
    before[5], now[14] = np.nan, np.inf
    found = count_stuck(now, before, least=float(now[np.isfinite(now)].min()), most=99.0)
    assert found.n == 2857  # of 2858 multiples of 7 up to 20000 all but cell 14
    assert found.share == 2857 / 19999
    assert count_below(now) == (now < 0).sum()


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "tp", "q_850"])
def test_stuck_cells_are_seen_and_clean_weather_has_few(name: str) -> None:
    days = cases.weather()[name]

    def of(now: np.ndarray, before: np.ndarray) -> Stuck:
        return count_stuck(now, before, least=float(now.min()), most=float(now.max()))

    assert all(of(now, before).share_inside < 0.03 for before, now in pairwise(days))
    spoilt = days[-1].copy()
    spoilt[1000:1500] = days[-2][1000:1500]
    assert of(spoilt, days[-2]).n >= 500
    assert of(spoilt, days[-2]).share_inside > 0.1
