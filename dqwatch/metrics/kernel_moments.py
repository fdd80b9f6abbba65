"""Extremes and moments. Values are told apart by their bits, so that fast sums cannot break the tests for NaN."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import math

import numpy as np

from dqwatch.metrics.compiled import compiled, sums
from dqwatch.metrics.kernel_layout import (
    BLOCK,
    HIGHEST,
    INFINITY,
    LOWEST,
    MAGNITUDE,
    MAX,
    MEAN,
    MIN,
    S1,
    S1_ERROR,
    S2,
    SAMPLES,
    STD,
    SW,
    SW_ERROR,
    WMEAN,
    W,
)


@compiled
def _extremes(bits, codes):
    """The extremes as keys: integers that are ordered as the floats are; NaN lie beyond the infinities."""
    magnitude = codes[MAGNITUDE]
    sign = np.int32(bits.itemsize * 8 - 1)
    least, most = codes[HIGHEST], codes[LOWEST]
    for i in range(bits.size):
        b = bits[i]
        key = b ^ ((b >> sign) & magnitude)
        least = min(least, key)
        most = max(most, key)
    return least, most


@compiled
def _finite_extremes(bits, codes):
    """Number of finite values and of NaN, and the extremes of the finite values as keys."""
    magnitude, infinity, lowest, highest = codes[MAGNITUDE], codes[INFINITY], codes[LOWEST], codes[HIGHEST]
    sign = np.int32(bits.itemsize * 8 - 1)
    n_finite, n_nan = np.int32(0), np.int32(0)
    least, most = highest, lowest
    for i in range(bits.size):
        b = bits[i]
        a = b & magnitude
        key = b ^ ((b >> sign) & magnitude)
        finite = a < infinity
        n_finite += np.int32(finite)
        n_nan += np.int32(a > infinity)
        least = min(least, key if finite else highest)
        most = max(most, key if finite else lowest)
    return n_finite, n_nan, least, most


@compiled
def look(bits, codes):
    """As `_finite_extremes`; the extremes of all values tell where that is what they are."""
    least, most = _extremes(bits, codes)
    infinity = codes[INFINITY]
    if most < infinity and least > -infinity - 1:
        return np.int32(bits.size), np.int32(0), least, most
    return _finite_extremes(bits, codes)


@sums
def _moments(values, bits, magnitude, infinity, shift, scale):
    """Sums of d and d², d = scale · (value - shift), over the finite values."""
    s1, s2 = 0.0, 0.0
    scaled_shift = shift * scale
    for i in range(values.size):
        d = np.float64(values[i]) * scale - scaled_shift
        d = d if (bits[i] & magnitude) < infinity else 0.0
        s1 += d
        s2 += d * d
    return s1, s2


@sums
def _weighted_moments(values, bits, weights, magnitude, infinity, shift, scale):
    """As `_moments`, and the sums of weight · d and of the weights."""
    s1, s2, sw, w_sum = 0.0, 0.0, 0.0, 0.0
    scaled_shift = shift * scale
    for i in range(values.size):
        finite = (bits[i] & magnitude) < infinity
        d = np.float64(values[i]) * scale - scaled_shift
        d = d if finite else 0.0
        w = weights[i] if finite else 0.0
        s1 += d
        s2 += d * d
        sw += w * d
        w_sum += w
    return s1, s2, sw, w_sum


@compiled
def _add(totals, place, error, term):
    """One term onto a sum whose rounding errors are kept (Neumaier)."""
    before = totals[place]
    after = before + term
    if abs(before) >= abs(term):
        totals[error] += (before - after) + term
    else:
        totals[error] += (term - after) + before
    totals[place] = after


@compiled
def add_moments(values, bits, weights, codes, shift, scale, totals):
    """The sums of one block onto `totals`; without weights where there are none."""
    magnitude, infinity = codes[MAGNITUDE], codes[INFINITY]
    if weights.size:
        s1, s2, sw, w_sum = _weighted_moments(values, bits, weights, magnitude, infinity, shift, scale)
        _add(totals, SW, SW_ERROR, sw)
        totals[W] += w_sum
    else:
        s1, s2 = _moments(values, bits, magnitude, infinity, shift, scale)
    _add(totals, S1, S1_ERROR, s1)
    totals[S2] += s2


@compiled
def typical(values, bits, codes, samples):
    """A shift for the sums: the median of a few values spread over the field, 0 where they scatter about 0."""
    step = max(1, values.size // SAMPLES)
    n = 0
    for i in range(0, values.size, step):
        if n < SAMPLES and (bits[i] & codes[MAGNITUDE]) < codes[INFINITY]:
            x = np.float64(values[i])
            place = n
            while place > 0 and samples[place - 1] > x:
                samples[place] = samples[place - 1]
                place -= 1
            samples[place] = x
            n += 1
    if n == 0:
        return 0.0
    middle = samples[n // 2]
    return middle if abs(middle) > samples[(3 * n) // 4] - samples[n // 4] else 0.0


@compiled
def _in_range(totals):
    """Whether nothing overflowed and nothing that counts was lost below the smallest numbers."""
    return np.isfinite(totals[S1]) and 1e-200 < totals[S2] < 1e300


@compiled
def _precise(totals, n, shift):
    """Whether the sums suffice: in range, their shift near the mean or of no weight, their difference not all error."""
    s1, s2 = totals[S1] + totals[S1_ERROR], totals[S2]
    near = shift == 0.0 or abs(s1 / n) <= 0.5 * abs(shift)
    return _in_range(totals) and near and s2 - s1 * s1 / n > 1e-4 * s2


@compiled
def _power_of_two(least, most):
    """The scale that brings the larger of the two near 1; exact to multiply with."""
    exponent = math.frexp(max(abs(least), abs(most)))[1]
    return math.ldexp(1.0, min(max(-exponent, -1000), 1000))


@compiled
def statistics(values, bits, weights, codes, shift, totals, n, floats):
    """Mean, standard deviation and weighted mean from the first pass, or from others where it does not suffice."""
    least, most = floats[MIN], floats[MAX]
    if least == most:
        floats[MEAN], floats[STD] = least, 0.0
        floats[WMEAN] = least if totals[W] > 0.0 else np.nan
        return
    scale = 1.0
    for _ in range(3):
        if _precise(totals, n, shift * scale):
            break
        s1, s2 = totals[S1] + totals[S1_ERROR], totals[S2]
        mean = (shift * scale + s1 / n) / scale
        if not _in_range(totals):
            scale = _power_of_two(least, most)
        at_zero = not np.isfinite(mean) or mean * mean < 1e3 * (s2 - s1 * s1 / n) / n
        shift = 0.0 if at_zero else min(max(mean, least), most)
        totals[:] = 0.0
        for start in range(0, values.size, BLOCK):
            x, b, w = values[start : start + BLOCK], bits[start : start + BLOCK], weights[start : start + BLOCK]
            add_moments(x, b, w, codes, shift, scale, totals)
    s1, s2 = totals[S1] + totals[S1_ERROR], totals[S2]
    floats[MEAN] = min(max((shift * scale + s1 / n) / scale, least), most)
    floats[STD] = np.sqrt(max(s2 - s1 * s1 / n, 0.0) / n) / scale
    if totals[W] > 0.0:
        mean = (shift * scale + (totals[SW] + totals[SW_ERROR]) / totals[W]) / scale
        floats[WMEAN] = min(max(mean, least), most)
    else:
        floats[WMEAN] = np.nan
