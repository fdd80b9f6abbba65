"""Pairs of neighbours along rows. Fields are float32 or float64; what is not finite is skipped, sums are float64."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled, sums

PAIRS, EQUAL, AT_ENDS, PAIR_WEIGHT, SQUARES, WEIGHT, FIRST, SECOND = range(8)
"""Places in the totals of pairs: their number, those of equal values, those of equal values at the field's minimum or
maximum; sum of weights and of weight · difference²; over cells, sums of weight, weight · d and weight · d²."""


@sums
def _pairs(left, right, least, most):
    n, equal, at_ends, squares = np.int32(0), np.int32(0), np.int32(0), 0.0
    for i in range(left.size):
        d = np.float64(right[i]) - np.float64(left[i])
        finite = abs(d) < np.inf
        n += np.int32(finite)
        equal += np.int32(d == 0.0)
        at_ends += np.int32((d == 0.0) & ((left[i] == least) | (left[i] == most)))
        squares += d * d if finite else 0.0
    return n, equal, at_ends, squares


@sums
def _weighted_squares(left, right, weights):
    weight, squares = 0.0, 0.0
    for i in range(left.size):
        d = np.float64(right[i]) - np.float64(left[i])
        finite = abs(d) < np.inf
        weight += weights[i] if finite else 0.0
        squares += weights[i] * (d * d) if finite else 0.0
    return weight, squares


@sums
def _deviations(values, shift):
    n, first, second = np.int32(0), 0.0, 0.0
    for i in range(values.size):
        d = np.float64(values[i]) - shift
        finite = abs(d) < np.inf
        d = d if finite else 0.0
        n += np.int32(finite)
        first += d
        second += d * d
    return n, first, second


@sums
def _weighted_deviations(values, weights, shift):
    weight, first, second = 0.0, 0.0, 0.0
    for i in range(values.size):
        d = np.float64(values[i]) - shift
        finite = abs(d) < np.inf
        weight += weights[i] if finite else 0.0
        first += weights[i] * d if finite else 0.0
        second += weights[i] * (d * d) if finite else 0.0
    return weight, first, second


@compiled
def _add_pairs(left, right, least, most, row_weight, weights, totals):
    n, equal, at_ends, squares = _pairs(left, right, least, most)
    totals[PAIRS] += n
    totals[EQUAL] += equal
    totals[AT_ENDS] += at_ends
    if weights.size:
        weight, squares = _weighted_squares(left, right, weights)
        totals[PAIR_WEIGHT] += weight
        totals[SQUARES] += squares
    else:
        totals[PAIR_WEIGHT] += row_weight * n
        totals[SQUARES] += row_weight * squares


@compiled
def add_row_pairs(values, starts, lengths, closed, row_weights, weights, shift, least, most, totals):
    """Pairs of a cell and the next of its row, weighted by the first, and moments about `shift`, onto `totals`.

    `weights` (cell,) or `row_weights` (row,), the other empty; `least`, `most` of the type of the field.
    """
    for r in range(starts.size):
        a, b = starts[r], starts[r] + lengths[r]
        w = weights[a:b]
        row_weight = 0.0 if weights.size else row_weights[r]
        _add_pairs(values[a : b - 1], values[a + 1 : b], least, most, row_weight, w[: w.size - 1], totals)
        if closed[r]:
            _add_pairs(values[b - 1 : b], values[a : a + 1], least, most, row_weight, w[w.size - 1 :], totals)
        if weights.size:
            weight, first, second = _weighted_deviations(values[a:b], w, shift)
            totals[WEIGHT] += weight
            totals[FIRST] += first
            totals[SECOND] += second
        else:
            n, first, second = _deviations(values[a:b], shift)
            totals[WEIGHT] += row_weight * n
            totals[FIRST] += row_weight * first
            totals[SECOND] += row_weight * second


@sums
def _steps(left, right):
    n, total = np.int32(0), 0.0
    for i in range(left.size):
        d = abs(np.float64(right[i]) - np.float64(left[i]))
        n += np.int32(d < np.inf)
        total += d if d < np.inf else 0.0
    return n, total


@compiled
def sum_row_steps(values, starts, lengths, counts, totals):
    """Number and sum of |difference| of neighbours within each row, its ends not joined, into (row,) arrays."""
    for r in range(starts.size):
        a, b = starts[r], starts[r] + lengths[r]
        counts[r], totals[r] = _steps(values[a : b - 1], values[a + 1 : b])


@compiled
def list_row_steps(values, starts, lengths, steps):
    """|Difference| of neighbours within rows into float32 `steps` (cell,), not finite where there is none."""
    for r in range(starts.size):
        a, b = starts[r], starts[r] + lengths[r]
        for i in range(a, b - 1):
            steps[i] = np.float32(abs(np.float64(values[i + 1]) - np.float64(values[i])))
        steps[b - 1] = np.float32(np.inf)
