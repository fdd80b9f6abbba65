"""Neighbours on a graph: pairs, and the differences of cells from the mean around them."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled, sums
from dqwatch.metrics.kernel_rows import AT_ENDS, EQUAL, FIRST, PAIR_WEIGHT, PAIRS, SECOND, SQUARES, WEIGHT


@sums
def add_graph_pairs(values, starts, ahead, cells, weights, shift, least, most, totals):
    """As `kernel_rows.add_row_pairs`, over both directions of each edge; each edge is counted once."""
    n, equal, at_ends = 0, 0, 0
    pair_weight, squares, weight, first, second = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(values.size):
        x = np.float64(values[i])
        if not abs(x) < np.inf:
            continue
        w = weights[i] if weights.size else 1.0
        weight += w
        first += w * (x - shift)
        second += w * (x - shift) * (x - shift)
        at_end = (values[i] == least) | (values[i] == most)
        for edge in range(ahead[i], starts[i + 1]):
            j = cells[edge]
            d = np.float64(values[j]) - x
            finite = abs(d) < np.inf
            both = w + weights[j] if weights.size else 2.0
            n += np.int64(finite)
            equal += np.int64(d == 0.0)
            at_ends += np.int64((d == 0.0) & at_end)
            pair_weight += both if finite else 0.0
            squares += both * (d * d) if finite else 0.0
    totals[PAIRS] += n
    totals[EQUAL] += equal
    totals[AT_ENDS] += at_ends
    totals[PAIR_WEIGHT] += pair_weight
    totals[SQUARES] += squares
    totals[WEIGHT] += weight
    totals[FIRST] += first
    totals[SECOND] += second


@compiled
def list_graph_steps(values, starts, ahead, cells, steps):
    """|Difference| along each edge, taken once, into float32 `steps` (edge,); also what is not finite."""
    n = 0
    for i in range(values.size):
        for edge in range(ahead[i], starts[i + 1]):
            steps[n] = np.float32(abs(np.float64(values[cells[edge]]) - np.float64(values[i])))
            n += 1


@compiled
def subtract_mean_around(values, starts, cells, out):
    """Each cell minus the mean of its neighbours, float64; NaN where one of them or the cell is not finite."""
    for i in range(values.size):
        total = 0.0
        for edge in range(starts[i], starts[i + 1]):
            total += np.float64(values[cells[edge]])
        n = starts[i + 1] - starts[i]
        d = np.float64(values[i]) - total / n if n else np.nan
        out[i] = d if abs(d) < np.inf else np.nan
