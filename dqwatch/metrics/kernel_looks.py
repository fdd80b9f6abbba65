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
def _rest(values, fills, found):
    """How often each fill value occurs, into `found`, and number and extremes of the finite values besides."""
    found[:] = 0
    n_rest, least, most = 0, np.inf, -np.inf
    for i in range(values.size):
        x = values[i]
        if not (-np.inf < x < np.inf):
            continue
        hit = False
        for k in range(fills.size):
            if x == fills[k]:
                found[k] += 1
                hit = True
                break
        if not hit:
            n_rest += 1
            least = min(least, np.float64(x))
            most = max(most, np.float64(x))
    return n_rest, least, most


@compiled
def count_fills(values, fills, limits, known, found):
    """Values that are fill values left undecoded.

    A value equal to a fill value is one if it is absurdly large; or, where the plausible range is known, if it is
    outside; or, where it is not, if it stands off the rest of the field: by more than the whole range of the rest, or
    by a quarter of it if it occurs twice or more. A field of one fill value throughout counts if it has two cells.
    """
    n_rest, least, most = _rest(values, fills, found)
    total = 0
    for k in range(fills.size):
        if found[k] == 0:
            continue
        fill = np.float64(fills[k])
        if abs(fill) >= ABSURD:
            total += found[k]
        elif known:
            total += found[k] if fills[k] < limits[LOW] or fills[k] > limits[HIGH] else 0
        elif n_rest == 0:
            total += found[k] if found[k] > 1 else 0
        else:
            gap = max(least - fill, fill - most)
            spread = (most - least) * (0.25 if found[k] > 1 else 1.0)
            total += found[k] if gap > spread else 0
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
