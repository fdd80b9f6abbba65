"""Each variable against its own history: spikes, and losses that stand still."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.learning.tails import fit_tail, for_many

BEFORE, AFTER, SPREAD = 50, 7, 200
"""Losses that a spike is held against: the median before, the median after, and how they spread."""
LEAST = 80
"""Losses that a variable must have had before one of its own is judged."""
CERTAIN = 0.01
"""A loss is a spike below this p-value."""
_SIGMA = 1.4826
"""Of a normal distribution, over the median absolute deviation."""


class Spikes(NamedTuple):
    """For every step and variable, float64 (n, v); NaN where there is too little history."""

    rise: np.ndarray
    """By how much the value is above its usual one, before and after, in robust deviations."""
    factor: np.ndarray
    """By how much it is above, as values are."""
    p_value: np.ndarray
    """Of any value of any variable rising as far."""


def find_spikes(values: np.ndarray) -> Spikes:
    """Values that stand above the median of those before, and above the median of those after.

    That a value stands out on both sides tells a spike from a loss that rises and stays. How rare it is follows from
    the tail of all rises of all variables together.

    Parameters
    ----------
    values : np.ndarray, float64 (n, v)

    Returns
    -------
    Spikes
    """
    rise, factor = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for k in range(values.shape[1]):
        there = np.flatnonzero(np.isfinite(values[:, k]))
        if there.size > LEAST:
            factor[there, k], rise[there, k] = _rises(values[there, k])
    tail = fit_tail(rise)
    if tail is None:
        return Spikes(rise, factor, np.full(values.shape, np.nan))
    return Spikes(rise, factor, for_many(tail.p_value(rise), float(np.isfinite(rise).sum())))


def _rises(own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Above the usual, and the same in deviations; NaN for the first `LEAST`."""
    import pandas as pd

    series = pd.Series(own)
    before = series.rolling(BEFORE, min_periods=BEFORE // 2).median().shift(1).to_numpy()
    after = series[::-1].rolling(AFTER, min_periods=1).median().shift(1)[::-1].to_numpy()
    apart = own - np.fmax(before, after)
    spread = pd.Series(np.abs(own - before)).rolling(SPREAD, min_periods=LEAST // 2).median().shift(1).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.where(spread > 0, apart / (_SIGMA * spread), np.nan)
    apart[:LEAST], rise[:LEAST] = np.nan, np.nan
    return apart, rise


def longest_still(losses: np.ndarray) -> np.ndarray:
    """The longest run of equal losses of each variable, int64 (v,); NaN end a run."""
    found = np.zeros(losses.shape[1], np.int64)
    for k in range(losses.shape[1]):
        own = losses[np.isfinite(losses[:, k]), k]
        if own.size:
            begins = np.flatnonzero(np.append(True, np.diff(own) != 0))
            found[k] = np.diff(np.append(begins, own.size)).max()
    return found
