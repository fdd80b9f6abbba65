"""By how many steps one series is late against another."""

from __future__ import annotations

import numpy as np

FEWEST = 20
"""Times that a lag is told from."""
MOST = 2
"""Steps, to both sides."""
_NEARER = 0.1
"""Of series made by interpolation from one source, right ones reach 0.25 by chance, late ones 0.001 to 0.1."""


def best_lag(own: np.ndarray, other: np.ndarray) -> float:
    """Steps by which `own` is late: own[i] goes best with other[i - lag].

    Parameters
    ----------
    own, other : np.ndarray (time,), float64
        Means of two sources at the times that both have, in order; NaN where one has no value.

    Returns
    -------
    float
        -2..2. A lag other than 0 is told only if with it the series are ten times as near to each other (in 1 -
        correlation): those of slow variables go nearly as well with any lag. NaN with fewer than 20 times, or where a
        series does not vary.
    """
    known = np.isfinite(own) & np.isfinite(other)
    own, other = own[known], other[known]
    if own.size < FEWEST:
        return np.nan
    departures = {lag: _departure(own, other, lag) for lag in sorted(range(-MOST, MOST + 1), key=abs)}
    if np.isnan(departures[0]):
        return np.nan
    best = min(departures, key=lambda lag: departures[lag] if np.isfinite(departures[lag]) else np.inf)
    return float(best) if departures[best] < _NEARER * departures[0] else 0.0


def _departure(own: np.ndarray, other: np.ndarray, lag: int) -> float:
    """1 - correlation of own[i] with other[i - lag]; NaN where one does not vary beyond its rounding."""
    n = own.size - abs(lag)
    a, b = own[max(lag, 0) :][:n], other[max(-lag, 0) :][:n]
    a_size, b_size = (np.abs(x).max() * 1e-12 for x in (a, b))
    a, b = a - a.mean(), b - b.mean()
    a_std, b_std = (np.sqrt((x * x).mean()) for x in (a, b))
    if not (a_std > a_size and b_std > b_size):
        return np.nan
    # ((a / |a| - b / |b|) ** 2).sum() / 2, which keeps its digits where the correlation is nearly 1.
    return float(((a / a_std - b / b_std) ** 2).mean() / 2)
