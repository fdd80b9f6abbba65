"""The fused kernel: one pass over a field, in blocks that stay in the cache of a core.

Several simple loops run over a block rather than one complicated one, for each of them vectorises. float32 and float64
fields run through the same code: `bits` views a field as signed integers of its width, `words` as 32-bit pieces.
"""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np

from dqwatch.metrics.compiled import compiled
from dqwatch.metrics.kernel_bins import count, key_slots, linear_slots, pour, quantiles
from dqwatch.metrics.kernel_hash import finish, make_canonical, mix
from dqwatch.metrics.kernel_layout import (
    ABSURD,
    BIN_LOOK,
    BLOCK,
    BOUNDS_LOOK,
    DATA_HASH,
    EQUAL_BINS,
    FILL_LOOK,
    HIGH,
    HIGHEST,
    LOW,
    LOWEST,
    MAGNITUDE,
    MAX,
    MIN,
    N_INF,
    N_NAN,
    N_OUT_OF_BOUNDS,
    N_SENTINEL,
    N_UNUSUAL,
    NAN_HASH,
    NAN_LOOK,
    NO_BINS,
    Q01,
    USUAL_HIGH,
    USUAL_LOOK,
    USUAL_LOW,
    N,
)
from dqwatch.metrics.kernel_moments import add_moments, look, statistics, typical


@compiled
def _float_of(key, codes, pair_bits, pair):
    """The float whose ordered key is `key`, exactly (-0.0 and subnormals too)."""
    sign = np.int32(pair_bits.itemsize * 8 - 1)
    pair_bits[0] = key
    pair_bits[0] = pair_bits[0] ^ ((pair_bits[0] >> sign) & codes[MAGNITUDE])
    return np.float64(pair[0])


@compiled
def suspicions(floats, limits, fills):
    """What the extremes alone say of bounds and fills: the second looks that the field deserves."""
    least, most = floats[MIN], floats[MAX]
    out = least < limits[LOW] or most > limits[HIGH]
    looks = BOUNDS_LOOK if out else 0
    if least < limits[USUAL_LOW] or most > limits[USUAL_HIGH]:
        looks |= USUAL_LOOK
    at_fill = False
    for i in range(fills.size):
        at_fill = at_fill or least == fills[i] or most == fills[i]
    if out or at_fill or most >= ABSURD or least <= -ABSURD:
        looks |= FILL_LOOK
    return looks


@compiled
def scan_field(
    values, bits, words, weights, codes, bins, edges, limits, fills, binning, keys,
    block_bits, block_words, slots, counts, samples, totals, pair_bits, pair, total,
    ints, floats, hashes,
):  # fmt: skip
    """All statistics of one field in one pass, into its rows of integers, floats and hashes.

    Parameters
    ----------
    values : (cell,) float32 or float64, C-contiguous
    bits, words : (cell,) signed integers of the same width; the same memory as uint32
    weights : (cell,) float64, or empty
    codes, bins, limits, fills : see kernel_layout; `fills` are the fill values in the type of the field
    edges : (SLOTS + 1,) float64
        Ends of the slots, the outermost infinite.
    binning : int
        NO_BINS (quantiles are NaN), EQUAL_BINS or BIT_BINS.
    keys : (2 BLOCK,) uint32
    block_bits, block_words, slots, counts, samples, totals, pair_bits, pair
        Scratch of this worker.
    total : (SLOTS,) int64
        The histogram of the finite values, as a result.
    ints, floats, hashes
        Results, as kernel_layout names them.

    Returns
    -------
    int
        The second looks that the field deserves, or-ed.
    """
    shift = typical(values, bits, codes, samples)
    totals[:] = 0.0
    counts[:] = np.int32(0)
    n_finite, n_nan, state = 0, 0, np.uint64(0)
    least, most = codes[HIGHEST], codes[LOWEST]
    per_value = bits.itemsize // 4
    for start in range(0, values.size, BLOCK):
        x, b, w = values[start : start + BLOCK], bits[start : start + BLOCK], weights[start : start + BLOCK]
        block_finite, block_nan, low, high = look(b, codes)
        n_finite += block_finite
        n_nan += block_nan
        least = low if low < least else least
        most = high if high > most else most
        add_moments(x, b, w, codes, shift, 1.0, totals)
        if binning != NO_BINS:
            block_slots = slots[: x.size]
            if binning == EQUAL_BINS:
                linear_slots(x, bins, block_slots)
            else:
                key_slots(b, codes, block_slots)
            count(block_slots, counts)
        if block_nan > 0:
            make_canonical(b, codes, block_bits)
            state = mix(state, block_words[: x.size * per_value], keys)
        else:
            state = mix(state, words[start * per_value : (start + x.size) * per_value], keys)
    ints[N], ints[N_NAN], ints[N_INF] = values.size, n_nan, values.size - n_finite - n_nan
    ints[N_SENTINEL], ints[N_OUT_OF_BOUNDS], ints[N_UNUSUAL] = 0, 0, 0
    hashes[NAN_HASH], hashes[DATA_HASH] = np.uint64(0), finish(state, values.size)
    looks = NAN_LOOK if n_nan > 0 else 0
    if binning != NO_BINS:
        pour(counts, values, n_nan, ints[N_INF], total)
    if n_finite == 0:
        floats[:] = np.nan
        return looks
    floats[MIN], floats[MAX] = _float_of(least, codes, pair_bits, pair), _float_of(most, codes, pair_bits, pair)
    statistics(values, bits, weights, codes, shift, totals, n_finite, floats)
    if binning == NO_BINS:
        floats[Q01:] = np.nan
    elif quantiles(total, edges, n_finite, floats):
        looks |= BIN_LOOK
    return looks | suspicions(floats, limits, fills)
