"""Sums of a field and its square times a few functions of time, cell by cell."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled


@compiled
def add_field(values, first, phi, product, square):
    """Onto `product` (cell, term) phi x, onto `square` (cell, term) phi x^2, x the value less the first guess.

    What is not finite adds nothing. Returns how many cells that were.
    """
    n_missing = 0
    for i in range(values.size):
        x = np.float64(values[i]) - np.float64(first[i])
        if not abs(x) < np.inf:
            n_missing += 1
            continue
        for k in range(product.shape[1]):
            product[i, k] += phi[k] * x
        for k in range(square.shape[1]):
            square[i, k] += phi[k] * x * x
    return n_missing


@compiled
def add_within(square, values, mean_squares, first, phi):
    """Onto `square` (area, term) what the cells of an area have more than its mean: phi (mean x^2 - (mean x)^2)."""
    for i in range(values.size):
        more = mean_squares[i] - values[i] * values[i]
        if more > 0.0 and more < np.inf and abs(values[i] - first[i]) < np.inf:
            for k in range(square.shape[1]):
                square[i, k] += phi[k] * more


@compiled
def add_pieces(values, before, weights, bounds, area_of, coarse_of, areas, coarse):
    """Sums of w, w x and w x^2 over the finite values, piece by piece, onto both kinds of areas, (3, area) each.

    Of the differences to another field where `before` has any cell.
    """
    change = before.size > 0
    for p in range(area_of.size):
        i0, i1 = bounds[p], bounds[p + 1]
        x, y, w = values[i0:i1], before[i0:i1], weights[i0:i1]
        n, first, second = 0.0, 0.0, 0.0
        for i in range(x.size):
            d = np.float64(x[i] - y[i]) if change else np.float64(x[i])
            finite = abs(d) < np.inf
            d = d if finite else 0.0
            u = w[i] if finite else 0.0
            n += u
            first += u * d
            second += u * d * d
        a, c = area_of[p], coarse_of[p]
        areas[0, a] += n
        areas[1, a] += first
        areas[2, a] += second
        coarse[0, c] += n
        coarse[1, c] += first
        coarse[2, c] += second


@compiled
def add_missing(values, outer, missing, moments):
    """Count in `missing` (cell,) the cells that are not finite; onto `moments` (cell, term, term) their phi phi'."""
    for i in range(values.size):
        if not abs(values[i]) < np.inf:
            missing[i] += 1
            for j in range(outer.shape[0]):
                for k in range(outer.shape[1]):
                    moments[i, j, k] += outer[j, k]


@compiled
def evaluate(first, mean, square, phi, least, most, floor, out_mean, out_sd):
    """Mean and standard deviation at a time, from coefficients (cell, term), into float32 (cell,).

    The variance is kept within `least` and `most` (cell,), its root at `floor` or above; NaN where `least` is.
    """
    for i in range(first.size):
        m, q = 0.0, 0.0
        for k in range(mean.shape[1]):
            m += phi[k] * mean[i, k]
        for k in range(square.shape[1]):
            q += phi[k] * square[i, k]
        v = q - m * m
        v = least[i] if v < least[i] else (most[i] if v > most[i] else v)
        s = max(np.sqrt(v), floor) if least[i] >= 0.0 else np.nan
        out_mean[i] = np.float32(first[i] + m)
        out_sd[i] = np.float32(s)


@compiled
def unpack(packed, scale, offset, root, step, phi, floor, out_mean, out_sd):
    """Mean and standard deviation at a time, from packed coefficients (cell, term) and roots (cell,), into (cell,)."""
    start = 0.0
    for k in range(scale.size):
        start += phi[k] * offset[k]
    factor = phi[: scale.size] * scale
    for i in range(root.size):
        m = start
        for k in range(factor.size):
            m += factor[k] * packed[i, k]
        r = step * root[i]
        out_mean[i] = np.float32(m)
        out_sd[i] = np.float32(max(r * r, floor)) if root[i] >= 0 else np.nan


@compiled
def spread(of_area, area_sd, area_of, out, out_sd):
    """Mean and standard deviation of each area into its cells."""
    for i in range(out.size):
        out[i] = of_area[area_of[i]]
        out_sd[i] = area_sd[area_of[i]]


@compiled
def refine(mean, sd, area_of, shift, ratio):
    """Add to each cell's mean what its area has, and multiply its deviation."""
    for i in range(mean.size):
        a = area_of[i]
        mean[i] += shift[a]
        sd[i] *= ratio[a]
