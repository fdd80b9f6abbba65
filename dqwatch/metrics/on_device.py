"""What the fused kernel finds in a field, found by operations on tensors, of whatever device.

Counts, extremes, histograms and hashes are the same bits as those of the kernel; moments agree to rounding in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.feed.devices import load_torch
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.histogram import Bins, codes, numbers
from dqwatch.metrics.kernel_hash import hash_keys

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_LOW_WORD = 0xFFFFFFFF


class Looked(NamedTuple):
    """What the first look at some fields finds; arrays of this machine, (field, ...)."""

    n_nan: np.ndarray
    n_inf: np.ndarray
    """int64."""
    least: np.ndarray
    most: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    wmean: np.ndarray
    """float64, of the finite values; NaN without any, `wmean` without weights too."""
    counts: np.ndarray
    """int64 (field, SLOTS), the histograms of the finite values."""
    data_hash: np.ndarray
    """uint64."""


class Sight:
    """What is to be known of some fields of one type before they are looked at, on their device.

    Parameters
    ----------
    dtype : np.dtype
        float32 or float64.
    bins : sequence of Bins
        Of each field.
    weights : np.ndarray float64 (cell,)
        Or empty.
    device : torch.device
    """

    def __init__(self, dtype: np.dtype, bins: Sequence[Bins], weights: np.ndarray, device: Any) -> None:
        torch = load_torch()
        self.integers = torch.int32 if dtype.itemsize == 4 else torch.int64
        self.floats = torch.float32 if dtype.itemsize == 4 else torch.float64
        each = [codes(dtype, one) for one in bins]
        self.codes = each[0]
        self.skewed = [one.skewed for one in bins]
        self.first_key = torch.tensor([int(one[layout.FIRST_KEY]) for one in each], device=device)[:, None]
        edges = np.array([numbers(dtype, one)[:2] for one in bins], dtype)
        self.low, self.inverse = (torch.from_numpy(np.ascontiguousarray(c)).to(device)[:, None] for c in edges.T)
        self.weights = torch.from_numpy(weights).to(device) if weights.size else None
        self.device = device
        keys = torch.from_numpy(hash_keys().astype(np.int64)).to(device)
        self.left_keys, self.right_keys = keys[: layout.BLOCK], keys[layout.BLOCK :]


def look(values: Any, sight: Sight) -> Looked:
    """The first look at some fields.

    Parameters
    ----------
    values : torch.Tensor (field, cell)
        C-contiguous, on the device of `sight`.
    sight : Sight

    Returns
    -------
    Looked
    """
    torch = load_torch()
    bits = values.view(sight.integers)
    size = bits & int(sight.codes[layout.MAGNITUDE])
    finite, nan = size < int(sight.codes[layout.INFINITY]), is_nan(values, sight)
    n, n_nan, n_below = finite.sum(1), nan.sum(1), (values == -np.inf).sum(1)
    n_inf = values.shape[1] - n - n_nan
    least, most = _extremes(bits, finite, n, sight)
    floats = [least, most, *_moments(values, finite, n, least, most, sight.weights)]
    counts = _histograms(values, bits, size, sight)
    counts[:, 0] -= n_nan + n_below
    counts[:, -1] -= n_inf - n_below
    canonical = torch.where(nan, int(sight.codes[layout.CANONICAL_NAN]), bits)
    blocks = _hash_blocks(canonical.view(torch.int32), values.element_size() // 4, sight)
    ints = torch.cat([n_nan[:, None], n_inf[:, None], counts, blocks], 1).cpu().numpy()
    found = torch.stack(floats).cpu().numpy()
    hashes = _mix(ints[:, 2 + layout.SLOTS :], values.shape[1])
    least, most, mean, std, wmean = found
    return Looked(
        n_nan=ints[:, 0],
        n_inf=ints[:, 1],
        least=least,
        most=most,
        mean=mean,
        std=std,
        wmean=wmean,
        counts=ints[:, 2 : 2 + layout.SLOTS],
        data_hash=hashes,
    )


def is_nan(values: Any, sight: Sight) -> Any:
    """Bool (field, cell), told by the bits as the kernel does."""
    bits = values.view(sight.integers)
    return (bits & int(sight.codes[layout.MAGNITUDE])) > int(sight.codes[layout.INFINITY])


def hash_flags(flags: Any, sight: Sight) -> np.ndarray:
    """Hash of where flags are set, uint64 (field,); of NaN, the same for float32 and float64 fields."""
    return _mix(_hash_blocks(flags.to(load_torch().int32), 1, sight).cpu().numpy(), flags.shape[1])


def count_outside(values: Any, low: float, high: float) -> int:
    """Finite values below `low` or above `high`, both of the type of the field."""
    return int((((values < low) | (values > high)) & (values.abs() < np.inf)).sum())


def count_fills(values: Any, fills: np.ndarray, limits: np.ndarray, known: bool, least: float, most: float) -> int:
    """As `kernel_looks.count_fills`, of one field (cell,)."""
    torch = load_torch()
    total, found, often = 0, [], []
    for fill in fills.tolist():
        absurd = abs(fill) >= layout.ABSURD
        plausible = known and limits[layout.LOW] <= fill <= limits[layout.HIGH]
        if fill < least or fill > most or (plausible and not absurd):
            continue
        n = int((values == fill).sum())
        total += n if absurd or known else 0
        if n:
            found.append(fill)
            often.append(n)
    if known or not found:
        return total
    rest = values[(values.abs() < np.inf) & ~torch.isin(values, torch.tensor(found, dtype=values.dtype).to(values))]
    low, high = (float(rest.min()), float(rest.max())) if len(rest) else (np.inf, -np.inf)
    for fill, n in zip(found, often, strict=True):
        if abs(fill) < layout.ABSURD:
            stands_off = max(low - fill, fill - high) > (high - low) * (0.25 if n > 1 else 1.0)
            total += n if (n > 1 if not len(rest) else stands_off) else 0
    return total


def count_between(values: Any, n_nan: int, n_inf: int, bins: np.ndarray) -> np.ndarray:
    """The histogram of the finite values of one field (cell,), int64 (SLOTS,).

    Parameters
    ----------
    values : torch.Tensor (cell,)
    n_nan, n_inf : int
    bins : np.ndarray
        Bins of equal width in the type of the field, as `kernel_layout` has them.
    """
    low, inverse = bins[layout.BIN_LOW].item(), bins[layout.BIN_INVERSE].item()
    slots = _linear_slots(values, low, inverse)
    counts = load_torch().bincount(slots, minlength=layout.SLOTS).cpu().numpy()
    n_below = int((values == -np.inf).sum()) if n_inf else 0
    counts[0] -= n_nan + n_below
    counts[-1] -= n_inf - n_below
    return np.asarray(counts)


def count_finite(values: Any, bins: Bins) -> np.ndarray:
    """How many finite values of one field (cell,) lie in each slot, int64 (SLOTS,)."""
    dtype = np.dtype(f"f{values.element_size()}")
    if not bins.skewed:
        n_nan, n_inf = (int(n) for n in (values.isnan().sum(), values.isinf().sum()))
        return count_between(values, n_nan, n_inf, numbers(dtype, bins))
    sight = Sight(dtype, [bins], np.empty(0), values.device)
    bits = values.view(sight.integers)
    finite = values.abs() < np.inf
    slots = _key_slots(bits, bits & int(sight.codes[layout.MAGNITUDE]), sight.first_key[0], sight)
    return np.asarray(load_torch().bincount(slots[finite], minlength=layout.SLOTS).cpu().numpy())


def _extremes(bits: Any, finite: Any, n: Any, sight: Sight) -> tuple[Any, Any]:
    """The extremes of the finite values, float64 (field,): by integers that are ordered as the floats are."""
    torch = load_torch()
    sign, magnitude = bits.element_size() * 8 - 1, int(sight.codes[layout.MAGNITUDE])
    key = bits ^ ((bits >> sign) & magnitude)
    found = []
    for beyond, extreme in ((layout.HIGHEST, torch.amin), (layout.LOWEST, torch.amax)):
        one = extreme(torch.where(finite, key, int(sight.codes[beyond])), 1)
        value = (one ^ ((one >> sign) & magnitude)).view(sight.floats).double()
        found.append(torch.where(n > 0, value, np.nan))
    return found[0], found[1]


def _moments(values: Any, finite: Any, n: Any, least: Any, most: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Mean, standard deviation and weighted mean, float64 (field,); in two passes, scaled by a power of two."""
    torch = load_torch()
    largest = torch.nan_to_num(torch.maximum(least.abs(), most.abs()))
    exponent = torch.frexp(largest).exponent.double().clamp(-1000, 1000)
    scale = torch.pow(torch.full_like(exponent, 2.0), -exponent)
    count = n.clamp(min=1)
    x = torch.where(finite, values.double() * scale[:, None], 0.0)
    first = x.sum(1) / count
    d = torch.where(finite, x - first[:, None], 0.0)
    rest = d.sum(1)
    mean = torch.clamp((first + rest / count) / scale, least, most)
    variance = ((d * d).sum(1) - rest * rest / count) / count
    std = torch.sqrt(variance.clamp(min=0.0)) / scale
    wmean = torch.full_like(mean, np.nan)
    if weights is not None:
        w = torch.where(finite, weights, 0.0)
        whole = w.sum(1)
        wmean = torch.where(whole > 0, torch.clamp((first + (w * d).sum(1) / whole) / scale, least, most), np.nan)
    constant, none = least == most, n == 0
    mean = torch.where(constant, least, mean)
    std = torch.where(constant, 0.0, std)
    wmean = torch.where(constant & ~wmean.isnan(), least, wmean)
    return tuple(torch.where(none, np.nan, one) for one in (mean, std, wmean))


def _linear_slots(values: Any, low: Any, inverse: Any) -> Any:
    """Slots of bins of equal width; each operation by itself, so that nothing is fused and every machine agrees."""
    torch = load_torch()
    t = values - low
    t = t * inverse
    t = t + 1.0
    t = torch.where(t > 0, t, 0.0)  # NaN too becomes 0
    return torch.where(t < layout.SLOTS - 1, t, float(layout.SLOTS - 1)).long()


def _key_slots(bits: Any, size: Any, first_key: Any, sight: Sight) -> Any:
    """Slots of bins that widen with the value, as `kernel_bins.key_slots`."""
    torch = load_torch()
    shift, infinity = int(sight.codes[layout.KEY_SHIFT]), int(sight.codes[layout.INFINITY])
    t = (((size - first_key) >> shift) + 3).clamp(2, layout.SLOTS - 1)
    t = torch.where((bits > 0) & (size <= infinity), t, 0)
    return torch.where(size != 0, t, 1).long()


def _histograms(values: Any, bits: Any, size: Any, sight: Sight) -> Any:
    """Counts of all values, int64 (field, SLOTS)."""
    torch = load_torch()
    n_fields = values.shape[0]
    slots = torch.empty(values.shape, dtype=torch.int64, device=values.device)
    for f, skewed in enumerate(sight.skewed):
        if skewed:
            slots[f] = _key_slots(bits[f], size[f], sight.first_key[f], sight)
        else:
            slots[f] = _linear_slots(values[f], sight.low[f], sight.inverse[f])
        slots[f] += f * layout.SLOTS
    counts = torch.bincount(slots.reshape(-1), minlength=n_fields * layout.SLOTS)
    return counts.reshape(n_fields, layout.SLOTS)


def _hash_blocks(words: Any, per_value: int, sight: Sight) -> Any:
    """The sums of each block's keyed words, int64 (field, block): `kernel_hash.mix` without its last step."""
    torch = load_torch()
    length = layout.BLOCK * per_value
    whole = words.shape[1] // length
    found = []
    if whole:
        found.append(_hash_one(words[:, : whole * length].reshape(len(words), whole, length), sight))
    if words.shape[1] > whole * length:
        found.append(_hash_one(words[:, None, whole * length :], sight))
    return torch.cat(found, 1)


def _hash_one(words: Any, sight: Sight) -> Any:
    """Of blocks of one length (field, block, word); sums wrap around, as those of the kernel do."""
    half = words.shape[2] // 2
    u = (words[..., :half].long() + sight.left_keys[:half]) & _LOW_WORD
    v = (words[..., half : 2 * half].long() + sight.right_keys[:half]) & _LOW_WORD
    h = (u * v).sum(2) + (u << 32).sum(2) + v.sum(2)
    if words.shape[2] % 2:
        last = (words[..., -1].long() + sight.left_keys[half]) & _LOW_WORD
        h = h + last * (sight.right_keys[half] | 1)
    return h


def _mix(blocks: np.ndarray, n: int) -> np.ndarray:
    """The hashes of fields of `n` values from the sums of their blocks, uint64 (field,); see `kernel_hash`."""
    state = np.zeros(len(blocks), np.uint64)
    for column in np.ascontiguousarray(blocks.T).view(np.uint64):
        state = (state ^ column) * _MULTIPLIER
        state ^= state >> np.uint64(29)
    h = (state ^ np.uint64(n)) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(29)
    return np.where(h == 0, np.uint64(1), h)
