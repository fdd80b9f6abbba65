"""A 64-bit hash of the bits of a field and of where they stand."""

# numba finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

from functools import cache

import numpy as np

from dqwatch.metrics.compiled import compiled
from dqwatch.metrics.kernel_layout import BLOCK, CANONICAL_NAN, INFINITY, MAGNITUDE


@compiled
def _pairs(left, right, left_keys, right_keys):
    """Sum of products of keyed 32-bit words, and of the words themselves.

    References
    ----------
    NH: Black, Halevi, Krawczyk, Krovetz and Rogaway, 1999, UMAC: Fast and Secure Message Authentication.
    """
    h = np.uint64(0)
    for i in range(left.size):
        u = np.uint64(np.uint32(left[i] + left_keys[i]))
        v = np.uint64(np.uint32(right[i] + right_keys[i]))
        h += u * v
        h += u << np.uint64(32)
        h += v
    return h


@compiled
def mix(state, words, keys):
    """`state` after a block of at most 2 BLOCK `words`; the order of the blocks counts."""
    half = words.size // 2
    h = _pairs(words[:half], words[half : 2 * half], keys[:half], keys[BLOCK : BLOCK + half])
    if words.size % 2:
        last = np.uint64(np.uint32(words[words.size - 1] + keys[half]))
        h += last * (np.uint64(keys[BLOCK + half]) | np.uint64(1))
    state = (state ^ h) * np.uint64(0x9E3779B97F4A7C15)
    return state ^ (state >> np.uint64(29))


@compiled
def finish(state, n):
    """The hash of `n` values from the state after their last block; never 0."""
    h = (state ^ np.uint64(n)) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(29)
    return h if h != np.uint64(0) else np.uint64(1)


@compiled
def make_canonical(bits, codes, out):
    """A copy whose NaN all have the same bits: what a NaN carries besides is nobody's data."""
    for i in range(bits.size):
        b = bits[i]
        out[i] = b if (b & codes[MAGNITUDE]) <= codes[INFINITY] else codes[CANONICAL_NAN]


@cache
def hash_keys() -> np.ndarray:
    """uint32 (2 BLOCK,), the keys of the hash: splitmix64 (Steele, Lea and Flood 2014) counted up from 0."""
    with np.errstate(over="ignore"):
        z = np.arange(1, 2 * BLOCK + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z >> np.uint64(32)).astype(np.uint32)
