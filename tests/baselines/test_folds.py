"""Which times are held out together."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.fake_source import axis_of

from dqwatch.baselines.folds import find_step, lay_folds
from dqwatch.errors import UsageError

DAY = 86400


def every(days: float, years: float, **rest: object):
    return axis_of((np.arange(0, years * 365.25, days) * DAY).astype(np.int64), **rest)


def test_folds_are_whole_years_where_there_are_enough() -> None:
    times = lay_folds(every(5, 20))
    assert times.n_years == 20
    for year in np.unique(times.years):
        assert np.unique(times.folds[times.years == year]).size == 1
        assert np.unique(times.groups[times.years == year]).size == 1
    assert np.unique(times.folds).size == 8
    assert np.unique(times.groups).size == 10


@pytest.mark.parametrize("years", [0.2, 1, 4, 6])
def test_of_few_years_folds_are_runs_of_as_many_times(years: float) -> None:
    times = lay_folds(every(1, years))
    counts = np.bincount(times.folds)
    assert counts.size == 8
    assert counts.max() - counts.min() <= 1
    assert (np.diff(times.folds) >= 0).all()
    assert np.unique(times.groups).size == (7 if years == 6 else 8)  # the seventh year has begun


def test_times_are_sorted_each_once_and_those_declared_missing_left_out() -> None:
    seconds = np.arange(40) * DAY
    seconds[[3, 4]] = seconds[[4, 3]]
    seconds[20] = seconds[21]
    missing = np.zeros(40, bool)
    missing[0] = True
    times = lay_folds(axis_of(seconds, declared_missing=missing))
    assert times.seconds.size == 38
    assert (np.diff(times.seconds) > 0).all()
    assert np.array_equal(seconds[times.indices], times.seconds)


def test_too_few_times_are_refused() -> None:
    with pytest.raises(UsageError, match="15 usable times; a baseline needs 16"):
        lay_folds(axis_of(np.arange(15) * DAY))


@pytest.mark.parametrize(
    ("steps", "declared", "expected"),
    [
        ([6, 66] * 20, None, 6),
        ([24] * 30, None, 24),
        ([24] * 30, 6, 24),
        ([6, 66] * 20, 66, 66),
        ([1] + [24] * 40, None, 24),
    ],
)
def test_the_step_is_the_shortest_that_is_not_rare(steps: list[int], declared: int | None, expected: int) -> None:
    seconds = np.cumsum([0, *steps]) * 3600
    assert find_step(seconds, None if declared is None else declared * 3600) == expected * 3600
