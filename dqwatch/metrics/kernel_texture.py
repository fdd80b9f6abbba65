"""Squares of the first to fourth differences along rows, in pieces that stay in the first-level cache."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled, sums

ORDERS = 4
LARGEST = 8
"""How many of the largest squares make a peak."""
_PIECE = 1024


@sums
def _squares(d, least):
    """Number and sum of the squares that are finite, and how many exceed `least`."""
    n, larger, total = np.int32(0), np.int32(0), 0.0
    for i in range(d.size):
        q = d[i] * d[i]
        finite = q < np.inf
        q = q if finite else 0.0
        n += np.int32(finite)
        larger += np.int32(q > least)
        total += q
    return n, larger, total


@compiled
def _insert(d, largest):
    """Squares into the ascending list of the largest."""
    for i in range(d.size):
        q = d[i] * d[i]
        if not (largest[0] < q < np.inf):
            continue
        k = 0
        while k + 1 < largest.size and largest[k + 1] < q:
            largest[k] = largest[k + 1]
            k += 1
        largest[k] = q


@compiled
def add_squares(d, order, counts, totals, largest):
    """The squares of some differences of one order onto what was found of that order."""
    n, larger, total = _squares(d, largest[order, 0])
    counts[order] += n
    totals[order] += total
    if larger > 0:
        _insert(d, largest[order])


@compiled
def _subtract(d):
    """Differences in place; the last element is left as it was."""
    for i in range(d.size - 1):
        d[i] = d[i + 1] - d[i]


@compiled
def add_row_differences(values, starts, lengths, counts, totals, largest):
    """Squared differences within rows, of orders 1 to 4, into (order,), (order,) and ascending (order, LARGEST).

    A difference that a value takes part in that is not finite is not finite either, and left out.
    """
    piece = np.empty(_PIECE + ORDERS)
    for r in range(starts.size):
        end = starts[r] + lengths[r]
        for begin in range(starts[r], end, _PIECE):
            size = min(_PIECE + ORDERS, end - begin)
            for i in range(size):
                piece[i] = values[begin + i]
            for order in range(min(ORDERS, size - 1)):
                _subtract(piece[: size - order])
                add_squares(piece[: min(_PIECE, size - order - 1)], order, counts, totals, largest)
