"""Which of many variables a drift is about."""

from __future__ import annotations

import numpy as np

NAMED = 0.1
"""False discovery rate at which variables are named (Wilks 2016, Bulletin of the American Meteorological Society)."""


def adjust(p_values: np.ndarray) -> np.ndarray:
    """p-values adjusted for their number; NaN stay NaN and do not count.

    Parameters
    ----------
    p_values : np.ndarray float64 (variable,)

    Returns
    -------
    np.ndarray float64 (variable,)
        The least false discovery rate at which each is named.

    References
    ----------
    Benjamini and Hochberg, 1995, Controlling the false discovery rate, Journal of the Royal Statistical Society B 57.
    """
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    ranks = np.arange(1, order.size + 1)
    scaled = p_values[order] * order.size / ranks
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted
