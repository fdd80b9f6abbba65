"""Each variable against the others, by the date of its samples: one whose losses differ from a date on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dqwatch.learning.parting import LEAST, Parting
from dqwatch.learning.tails import for_many, kolmogorov


def in_order(dates: Sequence[Sequence[np.datetime64]]) -> np.ndarray:
    """The dates of all steps in order, each once, datetime64[s] (m,)."""
    return np.unique(np.array([date for own in dates for date in own], "M8[s]"))


def find_dates(left: np.ndarray, dates: Sequence[Sequence[np.datetime64]]) -> list[Parting]:
    """The date from which on the samples of a variable have larger or smaller losses than before.

    The mean loss with the samples of each date (an epoch after the other has the same ones, which tell nothing new), in
    the order of the dates: their cumulated sum is a Brownian bridge, scaled by how dates near one another are alike.

    Parameters
    ----------
    left : np.ndarray, float64 (n, v), as `Beside` has it
    dates : sequence (n,) of the dates of each step

    Returns
    -------
    list of Parting, whose `at` points into `in_order(dates)`; NaN with fewer than `LEAST` dates
    """
    rows = np.repeat(np.arange(len(dates)), [len(own) for own in dates])
    flat = np.array([date for own in dates for date in own], "M8[s]")
    own, places = np.unique(flat, return_inverse=True)
    found = [_bridge(_mean_at(places, left[rows, k], own.size)) for k in range(left.shape[1])]
    looked = sum(math.isfinite(one.p_value) for one in found)
    return [one._replace(p_value=float(for_many(one.p_value, looked))) if looked else one for one in found]


def _mean_at(places: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """The mean of the values at each place, float64 (n,); NaN where there is none."""
    there = np.isfinite(values)
    counts = np.bincount(places[there], minlength=n)
    with np.errstate(invalid="ignore"):
        return np.bincount(places[there], weights=values[there], minlength=n) / counts


def _bridge(own: np.ndarray) -> Parting:
    there = np.flatnonzero(np.isfinite(own))
    if there.size < LEAST or len(np.unique(own[there])) < 2:
        return Parting()
    values = own[there] - own[there].mean()
    walk = np.cumsum(values)[:-1] / math.sqrt(values.size)
    k = int(np.argmax(np.abs(walk)))
    before, after = values[: k + 1], values[k + 1 :]
    spread = math.sqrt(_long_run_variance(np.concatenate([before - before.mean(), after - after.mean()])))
    by = float(after.mean() - before.mean())
    return Parting(by, kolmogorov(float(np.abs(walk[k])) / spread) if spread else 0.0, int(there[k + 1]))


def _long_run_variance(values: np.ndarray) -> float:
    """Of a series with mean 0 and memory, by weights that fall with the lag; no less than its variance.

    References
    ----------
    Newey, West 1987, A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
    matrix.
    """
    n = values.size
    variance = total = float(values @ values) / n
    lags = math.ceil(2 * n ** (1 / 3))
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(values[lag:] @ values[:-lag]) / n
    return max(variance, total)
