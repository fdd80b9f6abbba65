"""Gaps between the values of a field in ascending order."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled


@compiled
def count_distinct(ordered):
    """Number of distinct values of finite ascending ones, and the smallest gap between two; infinity without any."""
    n, least = min(1, ordered.size), np.inf
    for i in range(1, ordered.size):
        gap = np.float64(ordered[i]) - np.float64(ordered[i - 1])
        n += gap > 0
        least = min(least, gap if gap > 0 else np.inf)
    return n, least


@compiled
def mean_gap(ordered, most):
    """Mean of the gaps between distinct values of up to `most`."""
    n, total = 0, 0.0
    for i in range(1, ordered.size):
        gap = np.float64(ordered[i]) - np.float64(ordered[i - 1])
        if 0 < gap <= most:
            n += 1
            total += gap
    return total / n


@compiled
def count_whole(ordered, step, most, tolerance):
    """Gaps between distinct values below `most`, and how many of them are multiples of a step but for a tolerance."""
    n, whole = 0, 0
    for i in range(1, ordered.size):
        gap = np.float64(ordered[i]) - np.float64(ordered[i - 1])
        if 0 < gap < most:
            n += 1
            whole += abs(gap - np.rint(gap / step) * step) <= tolerance
    return n, whole
