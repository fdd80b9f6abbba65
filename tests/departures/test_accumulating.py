"""Averages, cumulated sums, slots and onsets against loops and theory."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.departures.accumulating import (
    ALLOWANCE,
    MEMORY,
    average,
    cumulate,
    fill_slots,
    find_onset,
    lay_slots,
    learn_whitening,
    slot_length,
    whiten,
)

DAY = 86400
NUMBERS = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(NUMBERS, st.floats(1, 40))
def test_the_moving_average_is_the_sum_of_all_that_went_before(values: list[float], days: float) -> None:
    """Unrolled: level_k = sum over i <= k of a (1 - a)^(k - i) x_i with a = 1 - exp(-days / memory)."""
    a = 1 - math.exp(-days / MEMORY)
    found = average(np.array(values)[:, None], days)[:, 0]
    for k, level in enumerate(found):
        assert level == pytest.approx(math.fsum(a * (1 - a) ** (k - i) * values[i] for i in range(k + 1)), abs=1e-12)


@given(NUMBERS)
def test_the_cumulated_sum_is_the_largest_sum_up_to_now(values: list[float]) -> None:
    """Page: C_k = max(0, max over j <= k of the sum of (x_i - d) from j to k)."""
    up, down = cumulate(np.array(values)[:, None])
    for k in range(len(values)):
        for found, sign in ((up, 1), (down, -1)):
            sums = [math.fsum(sign * x - ALLOWANCE for x in values[j : k + 1]) for j in range(k + 1)]
            assert found[k, 0] == pytest.approx(max(0.0, *sums), abs=1e-12)


def test_a_slot_with_few_cycles_counts_as_if_the_rest_had_been_usual() -> None:
    seconds = np.array([0, 1, 2, 5, 6, 11]) * DAY
    slots = lay_slots(seconds, 5 * DAY, 3.0)
    values = np.array([[3.0, 1.0], [3.0, np.nan], [3.0, np.nan], [6.0, 2.0], [6.0, 4.0], [9.0, 9.0]])
    # slot 0: (3 + 3 + 3) / 3, 1 / 3; slot 1: (6 + 6) / 3, (2 + 4) / 3; slot 2: 9 / 3
    assert fill_slots(values, slots).tolist() == [[3.0, pytest.approx(1 / 3)], [4.0, 2.0], [3.0, 3.0]]
    assert lay_slots(seconds, 5 * DAY).per_slot == 2.0, "the median of 3, 2 and 1"
    # more cycles than in a full slot are averaged
    assert fill_slots(values[:3, :1], lay_slots(seconds[:3], 5 * DAY, 1.0)).tolist() == [[3.0]]


def test_slots_hold_a_day_of_data_at_least() -> None:
    pairs = np.sort(np.concatenate([np.arange(20) * 7 * DAY, np.arange(20) * 7 * DAY + 6 * 3600]))
    assert slot_length(pairs, 5 * DAY) == 7 * DAY
    assert slot_length(np.arange(100) * 6 * 3600, 5 * DAY) == 5 * DAY


def test_whitening_takes_memory_out() -> None:
    rng = np.random.default_rng(1)
    series = rng.standard_normal((4000, 2))
    for k in range(1, 4000):
        series[k, 0] += 0.8 * series[k - 1, 0]
    by = learn_whitening(series)
    assert by.memory == pytest.approx([0.8, 0.0], abs=0.04)
    left = whiten(series, by)
    assert left.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.02)
    assert abs(np.corrcoef(left[1:, 0], left[:-1, 0])[0, 1]) < 0.05


@given(st.lists(st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=25))
def test_the_onset_is_that_of_the_likeliest_step(values: list[float]) -> None:
    """Twice the log likelihood ratio of a step at k, its size fitted, is the drop of the sum of squares."""
    x = np.array(values)
    drops = [float((x[k:] ** 2).sum() - ((x[k:] - x[k:].mean()) ** 2).sum()) for k in range(x.size)]
    assert drops[find_onset(x)] == pytest.approx(max(drops), abs=1e-9)


def test_a_planted_step_has_its_onset() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(40):
        series = rng.standard_normal(80)
        series[50:] += 2.0
        found.append(find_onset(series))
    assert np.abs(np.array(found) - 50).max() <= 5
