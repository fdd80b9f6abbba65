"""Histograms with fixed bins, and quantiles from them."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled
from dqwatch.metrics.kernel_layout import (
    BIN_INVERSE,
    BIN_LOW,
    BLOCK,
    FIRST_KEY,
    INFINITY,
    KEY_SHIFT,
    LAST_SLOT,
    MAGNITUDE,
    MAX,
    MIN,
    ONE,
    Q01,
    QUANTILES,
    SLOTS,
    ZERO,
)


@compiled
def linear_slots(values, bins, slots):
    """Slot of each value for bins of equal width; without fused arithmetic, so that every machine has the same bins."""
    low, inverse, one, last, zero = bins[BIN_LOW], bins[BIN_INVERSE], bins[ONE], bins[LAST_SLOT], bins[ZERO]
    for i in range(values.size):
        t = (values[i] - low) * inverse + one
        t = t if t > zero else zero  # NaN too becomes 0
        t = t if t < last else last
        slots[i] = np.int32(t)


@compiled
def key_slots(bits, codes, slots):
    """Slot of each value for bins that widen with it: its bits shifted right, no logarithm.

    0: below zero and NaN; 1: zero, of either sign; 2: above zero, below the first bin; then the bins.
    """
    magnitude, infinity, first = codes[MAGNITUDE], codes[INFINITY], codes[FIRST_KEY]
    shift = np.int32(codes[KEY_SHIFT])
    for i in range(bits.size):
        b = bits[i]
        a = b & magnitude
        t = ((a - first) >> shift) + 3  # no overflow: both are at least 0
        t = min(max(t, 2), SLOTS - 1)
        t = t if (b > 0) & (a <= infinity) else 0
        slots[i] = t if a != 0 else 1


@compiled
def count(slots, counts):
    """Onto four histograms in turn, so that equal neighbours need not wait for one another."""
    first, second, third, fourth = counts[0], counts[1], counts[2], counts[3]
    one = np.int32(1)
    quarters = slots.size // 4
    for quarter in range(quarters):
        i = np.uint64(4 * quarter)
        first[np.uint32(slots[i])] += one
        second[np.uint32(slots[i + np.uint64(1)])] += one
        third[np.uint32(slots[i + np.uint64(2)])] += one
        fourth[np.uint32(slots[i + np.uint64(3)])] += one
    for i in range(4 * quarters, slots.size):
        first[np.uint32(slots[i])] += one


@compiled
def pour(counts, values, n_nan, n_inf, total):
    """The four histograms as one, of finite values only."""
    for slot in range(total.size):
        total[slot] = np.int64(counts[0, slot]) + counts[1, slot] + counts[2, slot] + counts[3, slot]
    total[0] -= n_nan
    if n_inf > 0:
        below = 0
        for i in range(values.size):
            below += np.int64(values[i] == -np.inf)
        total[0] -= below
        total[total.size - 1] -= n_inf - below


@compiled
def quantiles(total, edges, n, floats):
    """The quantiles of `n` counted values into `floats`, each within a bin of the value of its rank, ceil(p n).

    Within a bin the values are taken to lie evenly; the outer slots end at the extremes of the field.

    Returns
    -------
    bool
        Whether one of them lies in an outer slot, about which the bins say little.
    """
    least, most = floats[MIN], floats[MAX]
    outside = False
    slot, below = 0, 0
    for k in range(len(QUANTILES)):
        rank = max(1.0, np.ceil(QUANTILES[k] * n))
        while slot < total.size - 1 and below + total[slot] < rank:
            below += total[slot]
            slot += 1
        low = min(max(edges[slot], least), most)
        high = max(min(edges[slot + 1], most), low)
        floats[Q01 + k] = low + (high - low) * ((rank - below - 0.5) / max(total[slot], 1))
        outside = outside or slot == 0 or slot == total.size - 1
    return outside


@compiled
def count_field(values, bits, codes, bins, skewed, slots, counts, total):
    """The finite values of a field in its bins, into `total`, block by block; see `scan_field` for the rest."""
    counts[:] = np.int32(0)
    n_nan, n_inf = 0, 0
    for start in range(0, values.size, BLOCK):
        x, b = values[start : start + BLOCK], bits[start : start + BLOCK]
        block_slots = slots[: x.size]
        if skewed:
            key_slots(b, codes, block_slots)
        else:
            linear_slots(x, bins, block_slots)
        count(block_slots, counts)
        for i in range(x.size):
            n_nan += np.int64(x[i] != x[i])
            n_inf += np.int64(abs(x[i]) == np.inf)
    pour(counts, values, n_nan, n_inf, total)
