"""The first look at float32 fields on a device as one Triton kernel, which reads each value once.

Imported only where Triton is installed, and used on CUDA devices; `on_device.look` says the same by plain operations.
"""

# Triton finds the types by itself
# mypy: allow-untyped-defs, allow-incomplete-defs, no-check-untyped-defs

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import triton
import triton.language as tl

from dqwatch.feed.devices import load_torch
from dqwatch.metrics import kernel_layout as layout

_LANES, _ROOM = 1024, 512
"""Values that a program looks at together; slots are counted in a power of two, the last for lanes without a value."""
_MAGNITUDE = tl.constexpr(0x7FFFFFFF)
_INFINITY = tl.constexpr(0x7F800000)
_NEGATIVE_INFINITY = tl.constexpr(-0x800000)
_CANONICAL_NAN = tl.constexpr(0x7FC00000)
_LAST_SLOT = tl.constexpr(layout.SLOTS - 1)
_KEY_SHIFT = tl.constexpr(20)
"""Bits of the mantissa less three: eight bins an octave."""


class Partial(NamedTuple):
    """What the kernel finds in each block of each field, tensors (field, block, ...)."""

    ints: Any
    """int32: finite values, NaN, negative infinities, and the extremes of the finite values as ordered keys."""
    sums: Any
    """float64: of d, d², weight · d and weight; d = value - shift."""
    counts: Any
    """int32 (field, block, 512)."""
    hashes: Any
    """int64."""


@triton.jit
def _slots(x, bits, size, low, inverse, first_key, skewed):
    """Slot of each value, as `kernel_bins` has them."""
    t = (x - low) * inverse + 1.0
    t = tl.where(t > 0.0, t, 0.0)
    t = tl.where(t < _LAST_SLOT, t, _LAST_SLOT * 1.0)
    k = ((size - first_key) >> _KEY_SHIFT) + 3
    k = tl.minimum(tl.maximum(k, 2), _LAST_SLOT)
    k = tl.where((bits > 0) & (size <= _INFINITY), k, 0)
    k = tl.where(size != 0, k, 1)
    return tl.where(skewed != 0, k, t.to(tl.int32))


@triton.jit
def _see(values_at, weights_at, index, mask, shift, found, weighted: tl.constexpr):
    """Some values, and what is summed up of them, onto what was found before."""
    n_finite, n_nan, n_below, least, most, s1, s2, sw, ws = found
    x = tl.load(values_at + index, mask=mask, other=0.0)
    bits = x.to(tl.int32, bitcast=True)
    size = bits & _MAGNITUDE
    finite, nan = mask & (size < _INFINITY), mask & (size > _INFINITY)
    key = bits ^ ((bits >> 31) & _MAGNITUDE)
    d = tl.where(finite, x.to(tl.float64) - shift, 0.0)
    n_finite += finite.to(tl.int32)
    n_nan += nan.to(tl.int32)
    n_below += (mask & (bits == _NEGATIVE_INFINITY)).to(tl.int32)
    least = tl.minimum(least, tl.where(finite, key, _MAGNITUDE))
    most = tl.maximum(most, tl.where(finite, key, -_MAGNITUDE - 1))
    s1 += d
    s2 += d * d
    if weighted:
        w = tl.load(weights_at + index, mask=finite, other=0.0)
        sw += w * d
        ws += w
    word = tl.where(nan, _CANONICAL_NAN, bits)
    return x, bits, size, word, (n_finite, n_nan, n_below, least, most, s1, s2, sw, ws)


@triton.jit
def _keyed(word, keys_at, index, mask):
    """Words of 32 bits with their keys added, as numbers of 64."""
    keys = tl.load(keys_at + index, mask=mask, other=0)
    return (word + keys).to(tl.uint32, bitcast=True).to(tl.uint64)


@triton.jit
def _look(
    values_at, weights_at, keys_at, floats_at, codes_at, ints_out, sums_out, counts_out, hashes_out, n,
    weighted: tl.constexpr, length: tl.constexpr, n_lanes: tl.constexpr, room: tl.constexpr,
):  # fmt: skip
    """One block of one field."""
    block, field = tl.program_id(0), tl.program_id(1)
    place = (field * tl.num_programs(0) + block).to(tl.int64)
    start = block * length
    m = tl.minimum(length, n - start)
    half = m // 2
    low = tl.load(floats_at + field * 3).to(tl.float32)
    inverse = tl.load(floats_at + field * 3 + 1).to(tl.float32)
    shift = tl.load(floats_at + field * 3 + 2)
    first_key, skewed = tl.load(codes_at + field * 2), tl.load(codes_at + field * 2 + 1)
    own, own_weights = values_at + field.to(tl.int64) * n + start, weights_at + start
    lanes = tl.arange(0, n_lanes)
    none, nothing = tl.zeros([n_lanes], tl.int32), tl.zeros([n_lanes], tl.float64)
    found = (none, none, none, none + _MAGNITUDE, none - _MAGNITUDE - 1, nothing, nothing, nothing, nothing)
    counts = tl.zeros([room], tl.int32)
    hashed = tl.zeros([n_lanes], tl.uint64)
    for j in range(0, length // 2, n_lanes):
        mask = j + lanes < half
        x, bits, size, word, found = _see(own, own_weights, j + lanes, mask, shift, found, weighted)
        slots = _slots(x, bits, size, low, inverse, first_key, skewed)
        counts += tl.histogram(tl.where(mask, slots, room - 1), room)
        u = _keyed(word, keys_at, j + lanes, mask)
        x, bits, size, word, found = _see(own, own_weights, half + j + lanes, mask, shift, found, weighted)
        slots = _slots(x, bits, size, low, inverse, first_key, skewed)
        counts += tl.histogram(tl.where(mask, slots, room - 1), room)
        v = _keyed(word, keys_at, length + j + lanes, mask)
        hashed += tl.where(mask, u * v + (u << 32) + v, 0)
    # Where their number is odd, the last value stands alone.
    mask = lanes < m - 2 * half
    x, bits, size, word, found = _see(own, own_weights, 2 * half + lanes, mask, shift, found, weighted)
    slots = _slots(x, bits, size, low, inverse, first_key, skewed)
    counts += tl.histogram(tl.where(mask, slots, room - 1), room)
    u = _keyed(word, keys_at, half + lanes, mask)
    v = _keyed(none, keys_at, length + half + lanes, mask)
    hashed += tl.where(mask, u * (v | 1), 0)
    n_finite, n_nan, n_below, least, most, s1, s2, sw, ws = found
    tl.store(ints_out + place * 5, tl.sum(n_finite))
    tl.store(ints_out + place * 5 + 1, tl.sum(n_nan))
    tl.store(ints_out + place * 5 + 2, tl.sum(n_below))
    tl.store(ints_out + place * 5 + 3, tl.min(least))
    tl.store(ints_out + place * 5 + 4, tl.max(most))
    tl.store(sums_out + place * 4, tl.sum(s1))
    tl.store(sums_out + place * 4 + 1, tl.sum(s2))
    tl.store(sums_out + place * 4 + 2, tl.sum(sw))
    tl.store(sums_out + place * 4 + 3, tl.sum(ws))
    tl.store(counts_out + place * room + tl.arange(0, room), counts)
    tl.store(hashes_out + place, tl.sum(hashed).to(tl.int64, bitcast=True))


def look_once(values: Any, floats: Any, codes: Any, weights: Any, keys: Any) -> Partial:
    """Every block of every field.

    Parameters
    ----------
    values : torch.Tensor float32 (field, cell)
        C-contiguous.
    floats : torch.Tensor float64 (field, 3)
        Low end and inverse width of the bins, exact in float32; shift of the sums.
    codes : torch.Tensor int32 (field, 2)
        First key, and 1 where bins widen with the value.
    weights : torch.Tensor float64 (cell,) or None
    keys : torch.Tensor int32 (2 BLOCK,)

    Returns
    -------
    Partial
    """
    torch = load_torch()
    n_fields, n = values.shape
    blocks = -(-n // layout.BLOCK)
    given = {"device": values.device}
    ints = torch.empty((n_fields, blocks, 5), dtype=torch.int32, **given)
    sums = torch.empty((n_fields, blocks, 4), dtype=torch.float64, **given)
    counts = torch.empty((n_fields, blocks, _ROOM), dtype=torch.int32, **given)
    hashes = torch.empty((n_fields, blocks), dtype=torch.int64, **given)
    # Kernels run on the device that is current, which need not be that of the values.
    with torch.cuda.device(values.device) if values.is_cuda else nullcontext():
        _look[(blocks, n_fields)](
            values, values if weights is None else weights, keys, floats, codes, ints, sums, counts, hashes, n,
            weighted=weights is not None, length=layout.BLOCK, n_lanes=_LANES, room=_ROOM, enable_fp_fusion=False,
        )  # fmt: skip
    return Partial(ints, sums, counts, hashes)
