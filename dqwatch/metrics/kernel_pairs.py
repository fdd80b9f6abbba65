"""Two fields at the same places: read, and held against each other."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled

WHOLE, PART, MISSING, OUTSIDE = 0, 1, 2, 3
"""What is known at a place: a value; some of its cells are missing; all of them are; it lies outside."""

N_VALID, N_CLEAR, N_AGREE, N_LOST, WEIGHT, MEAN_A, MEAN_B, VAR_A, VAR_B, COVARIANCE, MEAN_SQUARE = range(11)
NUMBERS = 11
"""What `compare` finds."""
FINITE, MEAN, WMEAN, LEAST, MOST = range(5)
SUMMARY = 5
"""What `summarise` finds."""


@compiled
def take_cells(values, factor, offset, out, state):
    """The field itself, in other units."""
    for i in range(values.size):
        v = values[i]
        if np.isfinite(v):
            out[i] = v * factor + offset
            state[i] = WHOLE
        else:
            out[i] = np.nan
            state[i] = MISSING


@compiled
def read_places(values, starts, cells, weights, factor, offset, out, state):
    """A field at places between its cells, in other units; no value where a cell is missing."""
    for p in range(out.size):
        total = 0.0
        n_missing = 0
        for k in range(starts[p], starts[p + 1]):
            v = values[cells[k]]
            if np.isfinite(v):
                total += weights[k] * v
            else:
                n_missing += 1
        n = starts[p + 1] - starts[p]
        if n_missing == 0 and n > 0:
            out[p] = total * factor + offset
            state[p] = WHOLE
        else:
            out[p] = np.nan
            state[p] = OUTSIDE if n == 0 else MISSING if n_missing == n else PART


@compiled
def summarise(values, weights, found):
    """Number, means and extremes of the finite values; no weights: no weighted mean."""
    n, total = 0, 0.0
    weight, weighted = 0.0, 0.0
    least, most = np.inf, -np.inf
    for i in range(values.size):
        v = np.float64(values[i])
        if np.isfinite(v):
            n += 1
            total += v
            least = min(least, v)
            most = max(most, v)
            if weights.size:
                weight += weights[i]
                weighted += weights[i] * v
    found[FINITE] = n
    found[MEAN] = total / n if n else np.nan
    found[WMEAN] = weighted / weight if weight > 0 else np.nan
    found[LEAST] = least if n else np.nan
    found[MOST] = most if n else np.nan


@compiled
def compare(a, b, state, weights, found):
    """Weighted moments of both over the places where both have a value, and how far their missing values agree.

    Where only some of the cells behind a place are missing (PART), either is right: those places are not counted.
    """
    n_valid, n_clear, n_agree, n_lost = 0, 0, 0, 0
    weight, mean_a, mean_b = 0.0, 0.0, 0.0
    for i in range(b.size):
        there = np.isfinite(a[i])
        if state[i] == WHOLE or state[i] == MISSING:
            n_clear += 1
            n_agree += there == (state[i] == WHOLE)
            n_lost += (not there) and state[i] == WHOLE
        if there and state[i] == WHOLE:
            n_valid += 1
            weight += weights[i]
            mean_a += weights[i] * a[i]
            mean_b += weights[i] * b[i]
    if weight > 0:
        mean_a /= weight
        mean_b /= weight
    var_a, var_b, covariance, square = 0.0, 0.0, 0.0, 0.0
    for i in range(b.size):
        if state[i] == WHOLE and np.isfinite(a[i]):
            x, y = a[i] - mean_a, b[i] - mean_b
            var_a += weights[i] * x * x
            var_b += weights[i] * y * y
            covariance += weights[i] * x * y
            square += weights[i] * (a[i] - b[i]) ** 2
    scale = 1.0 / weight if weight > 0 else np.nan
    found[N_VALID], found[N_CLEAR], found[N_AGREE], found[N_LOST], found[WEIGHT] = (
        n_valid, n_clear, n_agree, n_lost, weight,
    )  # fmt: skip
    found[MEAN_A] = mean_a if weight > 0 else np.nan
    found[MEAN_B] = mean_b if weight > 0 else np.nan
    found[VAR_A], found[VAR_B] = var_a * scale, var_b * scale
    found[COVARIANCE], found[MEAN_SQUARE] = covariance * scale, square * scale
