"""Loops over the cells of one field: standardising, weighted sums, sums over areas, the largest values, differences."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled, sums

LARGEST = 8
"""How many of the largest values make a peak."""


@compiled
def standardise(values, mean, sd, out):
    """(values - mean) / sd into float32 `out`; NaN where any is not finite, or sd is 0."""
    for i in range(values.size):
        z = np.float32((values[i] - mean[i]) / sd[i])
        out[i] = z if abs(z) < np.inf else np.float32(np.nan)


@sums
def weighted_moments(z, weights):
    """Number of the finite values, and sums of w, w z and w z^2 over them."""
    count, total, first, second = 0, 0.0, 0.0, 0.0
    for i in range(z.size):
        finite = abs(z[i]) < np.inf
        w = weights[i] if finite else 0.0
        x = np.float64(z[i]) if finite else 0.0
        count += finite
        total += w
        first += w * x
        second += w * x * x
    return count, total, first, second


@compiled
def add_areas(values, area_of, weights, size, total, square):
    """Sums of w, w x and w x^2 over the finite values of each area, onto (area,) each."""
    # Cells of an area follow each other in runs: what is added is kept in registers until the next area begins.
    at, n, first, second = area_of[0], 0.0, 0.0, 0.0
    for i in range(values.size):
        if area_of[i] != at:
            size[at] += n
            total[at] += first
            square[at] += second
            at, n, first, second = area_of[i], 0.0, 0.0, 0.0
        x = np.float64(values[i])
        finite = abs(x) < np.inf
        x = x if finite else 0.0
        w = weights[i] if finite else 0.0
        n += w
        first += w * x
        second += w * x * x
    size[at] += n
    total[at] += first
    square[at] += second


@compiled
def keep_largest(z, largest):
    """The largest of abs(z), finite ones, into the ascending `largest`, which begins with zeros."""
    for i in range(z.size):
        q = abs(z[i])
        if not (largest[0] < q < np.inf):
            continue
        k = 0
        while k + 1 < largest.size and largest[k + 1] < q:
            largest[k] = largest[k + 1]
            k += 1
        largest[k] = q


@sums
def squared_steps(z, east, weights):
    """Sums of w (z_east - z)^2, and of w, over the cells whose eastern neighbour is known and both are finite."""
    total, square = 0.0, 0.0
    for i in range(z.size):
        j = east[i]
        d = np.float64(z[j]) - np.float64(z[i]) if j >= 0 else np.nan
        finite = abs(d) < np.inf
        d = d if finite else 0.0
        w = weights[i] if finite else 0.0
        total += w
        square += w * d * d
    return total, square


@sums
def slope_products(z, mean, sd, before, after, weights):
    """Sums of w z g and w g^2, g half the difference of `mean` between the cells after and before, over sd."""
    product, square = 0.0, 0.0
    for i in range(z.size):
        a, b = after[i], before[i]
        both = a >= 0 and b >= 0
        g = 0.5 * (np.float64(mean[a]) - np.float64(mean[b])) / sd[i] if both else np.nan
        finite = both and abs(g) < np.inf and abs(z[i]) < np.inf
        g = g if finite else 0.0
        x = np.float64(z[i]) if finite else 0.0
        product += weights[i] * g * x
        square += weights[i] * g * g
    return product, square


@sums
def weighted_products(x, y, weights):
    """Sums of w, w x, w y, w x^2, w y^2 and w x y where both are finite."""
    n, sx, sy, xx, yy, xy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        a, b = np.float64(x[i]), np.float64(y[i])
        finite = abs(a) < np.inf and abs(b) < np.inf
        w = weights[i] if finite else 0.0
        a, b = (a, b) if finite else (0.0, 0.0)
        n += w
        sx += w * a
        sy += w * b
        xx += w * a * a
        yy += w * b * b
        xy += w * a * b
    return n, sx, sy, xx, yy, xy


@compiled
def count_points(values, east, low, high):
    """Finite values, those equal to `low`, to `high`, pairs of finite neighbours, and those of equal values."""
    n, at_low, at_high, pairs, equal = 0, 0, 0, 0, 0
    for i in range(values.size):
        x = values[i]
        if not abs(x) < np.inf:
            continue
        n += 1
        at_low += x == low
        at_high += x == high
        j = east[i]
        if j >= 0 and abs(values[j]) < np.inf:
            pairs += 1
            equal += values[j] == x
    return n, at_low, at_high, pairs, equal


@sums
def count_unexpected(values, sd):
    """Cells without a finite value where `sd` is finite, and cells with one where it is not."""
    missing, appeared = 0.0, 0.0
    for i in range(values.size):
        there, expected = abs(values[i]) < np.inf, sd[i] < np.inf
        missing += 1.0 if expected and not there else 0.0
        appeared += 1.0 if there and not expected else 0.0
    return missing, appeared


@compiled
def gather_tails(z, bound, low, high):
    """Values below -bound into `low`, and above bound into `high`, as far as they fit; how many there are of each."""
    n_low, n_high = 0, 0
    for i in range(z.size):
        x = z[i]
        if abs(x) > bound and abs(x) < np.inf:
            if x < 0:
                if n_low < low.size:
                    low[n_low] = x
                n_low += 1
            else:
                if n_high < high.size:
                    high[n_high] = x
                n_high += 1
    return n_low, n_high


@sums
def plain_moments(values, guess):
    """Number of the finite values, sums of them and of their squares, each less a first guess."""
    n, first, second = 0.0, 0.0, 0.0
    for i in range(values.size):
        finite = abs(values[i]) < np.inf
        x = np.float64(values[i]) - guess if finite else 0.0
        n += 1.0 if finite else 0.0
        first += x
        second += x * x
    return n, first, second


@compiled
def subtract(values, mean, out):
    """The difference of `values` and `mean` into `out`."""
    for i in range(values.size):
        out[i] = values[i] - mean[i]


@compiled
def extremes(values):
    """Smallest and largest finite value; infinity and its negative without any."""
    low, high = np.inf, -np.inf
    for i in range(values.size):
        x = np.float64(values[i])
        finite = abs(x) < np.inf
        low = min(low, x if finite else np.inf)
        high = max(high, x if finite else -np.inf)
    return low, high
