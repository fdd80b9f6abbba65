"""Counts over the cells of one or two fields."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled, sums
from dqwatch.metrics.kernel_layout import BLOCK


@compiled
def count_equal_cells(values, others, least, most):
    """Cells finite in both fields, those that are equal, and those that are equal and `least` or `most`."""
    n_finite, n_equal, n_at_ends = 0, 0, 0
    for start in range(0, values.size, BLOCK):
        x, y = values[start : start + BLOCK], others[start : start + BLOCK]
        finite, equal, at_ends = np.int32(0), np.int32(0), np.int32(0)
        for i in range(x.size):
            both = (abs(x[i]) < np.inf) & (abs(y[i]) < np.inf)
            same = both & (x[i] == y[i])
            finite += np.int32(both)
            equal += np.int32(same)
            at_ends += np.int32(same & ((x[i] == least) | (x[i] == most)))
        n_finite += finite
        n_equal += equal
        n_at_ends += at_ends
    return n_finite, n_equal, n_at_ends


@sums
def _squared_differences(values, others):
    total = 0.0
    for i in range(values.size):
        d = np.float64(values[i]) - np.float64(others[i])
        total += d * d if abs(d) < np.inf else 0.0
    return total


@compiled
def compare_cells(values, others, least, most):
    """`count_equal_cells`, and the sum of squared differences of the cells that are finite in both."""
    n_finite, n_equal, n_at_ends = count_equal_cells(values, others, least, most)
    squares = 0.0
    for start in range(0, values.size, BLOCK):
        squares += _squared_differences(values[start : start + BLOCK], others[start : start + BLOCK])
    return n_finite, n_equal, n_at_ends, squares
