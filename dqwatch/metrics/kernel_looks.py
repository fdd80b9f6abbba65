"""Second looks at a field, for what the first pass found to be there; a field without it costs nothing."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled
from dqwatch.metrics.kernel_bins import count, linear_slots, pour, quantiles
from dqwatch.metrics.kernel_hash import finish, mix
from dqwatch.metrics.kernel_layout import (
    ABSURD,
    BIN_INVERSE,
    BIN_LOW,
    BINS,
    BLOCK,
    HIGH,
    INFINITY,
    LOW,
    MAGNITUDE,
    MAX,
    MIN,
    SLOTS,
)


@compiled
def hash_nan(bits, codes, flags, keys):
    """Hash of the places of NaN, the same for float32 and float64 fields."""
    state = np.uint64(0)
    for start in range(0, bits.size, BLOCK):
        b = bits[start : start + BLOCK]
        block = flags[: b.size]
        for i in range(b.size):
            block[i] = np.uint32((b[i] & codes[MAGNITUDE]) > codes[INFINITY])
        state = mix(state, block, keys)
    return finish(state, bits.size)


@compiled
def count_outside(values, low, high):
    """Finite values below `low` or above `high`, both of the type of the field."""
    n = 0
    for start in range(0, values.size, BLOCK):
        x = values[start : start + BLOCK]
        n_block = np.int32(0)
        for i in range(x.size):
            outside = (x[i] < low) | (x[i] > high)
            n_block += np.int32(outside & (x[i] > -np.inf) & (x[i] < np.inf))
        n += n_block
    return n


@compiled
def _count_equal(values, one):
    n = 0
    for start in range(0, values.size, BLOCK):
        x = values[start : start + BLOCK]
        n_block = np.int32(0)
        for i in range(x.size):
            n_block += np.int32(x[i] == one)
        n += n_block
    return n


@compiled
def _rest(values, found):
    """Number and extremes of the finite values that are none of `found`."""
    n, least, most = 0, np.inf, -np.inf
    for i in range(values.size):
        x = values[i]
        other = -np.inf < x < np.inf
        for k in range(found.size):
            other = other and x != found[k]
        if other:
            n += 1
            least = min(least, np.float64(x))
            most = max(most, np.float64(x))
    return n, least, most


@compiled
def count_fills(values, fills, limits, known, floats):
    """Values that are fill values left undecoded.

    A value equal to a fill value is one if it is absurdly large; or, where the plausible range is known, if it is
    outside; or, where it is not, if it stands off the rest of the field: by more than the whole range of the rest, or
    by a quarter of it if it occurs twice or more. A field of one fill value throughout counts if it has two cells.
    """
    total, n_found = 0, 0
    found, often = np.empty_like(fills), np.zeros(fills.size, np.int64)
    for k in range(fills.size):
        fill = fills[k]
        absurd = abs(fill) >= ABSURD
        plausible = known and limits[LOW] <= fill <= limits[HIGH]
        if fill < floats[MIN] or fill > floats[MAX] or (plausible and not absurd):
            continue
        n = _count_equal(values, fill)
        if absurd or known:
            total += n
        if n > 0:
            found[n_found], often[n_found] = fill, n
            n_found += 1
    if known or n_found == 0:
        return total
    n_rest, least, most = _rest(values, found[:n_found])
    for k in range(n_found):
        fill, n = np.float64(found[k]), often[k]
        if abs(fill) < ABSURD:
            gap = max(least - fill, fill - most)
            stands_off = gap > (most - least) * (0.25 if n > 1 else 1.0)
            total += n if (n > 1 if n_rest == 0 else stands_off) else 0
    return total


@compiled
def local_quantiles(values, bins, slots, counts, total, edges, n_nan, n_inf, floats):
    """Quantiles of a field that lies outside its variable's bins, from bins between its own extremes.

    `bins`, `total` and `edges` are scratch; nothing is changed where the range is too small or large to be divided.
    """
    least, most = floats[MIN], floats[MAX]
    width = (most - least) / BINS
    if not (width > 0.0 and np.isfinite(width)):
        return
    bins[BIN_LOW], bins[BIN_INVERSE] = least, 1.0 / width
    if not np.isfinite(bins[BIN_INVERSE]):
        return
    counts[:] = np.int32(0)
    for start in range(0, values.size, BLOCK):
        x = values[start : start + BLOCK]
        block_slots = slots[: x.size]
        linear_slots(x, bins, block_slots)
        count(block_slots, counts)
    pour(counts, values, n_nan, n_inf, total)
    edges[0], edges[SLOTS] = -np.inf, np.inf
    for k in range(1, SLOTS):
        edges[k] = least + (k - 1) * width
    quantiles(total, edges, values.size - n_nan - n_inf, floats)
