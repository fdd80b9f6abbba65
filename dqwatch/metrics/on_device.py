"""What the fused kernel finds in a field, found by operations on tensors, of whatever device.

Counts, extremes, histograms and hashes are the same bits as those of the kernel; moments agree to rounding in float64.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from dqwatch.feed.devices import load_torch
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.histogram import Bins, codes, numbers
from dqwatch.metrics.on_device_hash import Keys, hash_blocks, mix


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
        self.keys = Keys(device)


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
    fused = _find_fused(values)
    if fused is not None:
        return _look_once(fused, values, sight)
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
    blocks = hash_blocks(canonical.view(torch.int32), values.element_size() // 4, sight.keys)
    return _fetch(n_nan, n_inf, floats, counts, blocks, values.shape[1])


def _find_fused(values: Any) -> Any:
    """The kernel that reads each value once; None where these values, this device or installation has none."""
    if values.element_size() != 4 or not (values.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"):
        return None
    return _load_fused()


@cache
def _load_fused() -> Any:
    try:
        from dqwatch.metrics import on_device_fused
    except ImportError:
        return None
    return on_device_fused


def _look_once(fused: Any, values: Any, sight: Sight) -> Looked:
    """As `look`, by the kernel that reads each value once; moments that it finds wanting are found anew."""
    torch = load_torch()
    shift = _typical(values)
    floats = torch.cat([sight.low.double(), sight.inverse.double(), shift[:, None]], 1).contiguous()
    skewed = torch.tensor(sight.skewed, device=values.device)[:, None]
    codes = torch.cat([sight.first_key, skewed], 1).int().contiguous()
    found = fused.look_once(values, floats, codes, sight.weights, sight.keys.words)
    n, n_nan, n_below = found.ints[..., :3].sum(1, dtype=torch.int64).unbind(1)
    n_inf = values.shape[1] - n - n_nan
    extremes = _value_of(torch.stack([found.ints[..., 3].amin(1), found.ints[..., 4].amax(1)]), sight)
    least, most = torch.where(n > 0, extremes, np.nan)
    s1, s2, sw, w = found.sums.sum(1).unbind(1)
    count = n.clamp(min=1)
    squares = s2 - s1 * s1 / count
    near = (shift == 0) | ((s1 / count).abs() <= 0.5 * shift.abs())
    precise = s1.isfinite() & (s2 > 1e-200) & (s2 < 1e300) & near & (squares > 1e-4 * s2) & (least < most)
    mean = torch.clamp(shift + s1 / count, least, most)
    std = torch.sqrt(squares.clamp(min=0.0) / count)
    wmean = torch.where(w > 0, torch.clamp(shift + sw / w, least, most), np.nan)
    for f in torch.nonzero(~precise)[:, 0].tolist():
        field = values[f : f + 1]
        finite = field.abs() < np.inf
        given = (field, finite, n[f : f + 1], least[f : f + 1], most[f : f + 1], sight.weights)
        mean[f], std[f], wmean[f] = (one[0] for one in _moments(*given))
    counts = found.counts.sum(1, dtype=torch.int64)[:, : layout.SLOTS]
    counts[:, 0] -= n_nan + n_below
    counts[:, -1] -= n_inf - n_below
    return _fetch(n_nan, n_inf, [least, most, mean, std, wmean], counts, found.hashes, values.shape[1])


def _typical(values: Any) -> Any:
    """A shift for the sums, float64 (field,), as `kernel_moments.typical` chooses it."""
    torch = load_torch()
    step = max(1, values.shape[1] // layout.SAMPLES)
    some = values[:, ::step][:, : layout.SAMPLES].double()
    ordered = torch.where(some.abs() < np.inf, some, np.nan).sort(1).values  # NaN come last
    n = ordered.isfinite().sum(1, keepdim=True)
    low, middle, high = (ordered.gather(1, place)[:, 0] for place in (n // 4, (n // 2).clamp(max=15), 3 * n // 4))
    return torch.where(middle.abs() > high - low, middle, 0.0)


def _fetch(n_nan: Any, n_inf: Any, floats: Sequence[Any], counts: Any, blocks: Any, n: int) -> Looked:
    """What was found, on this machine: two copies, whatever the number of fields."""
    torch = load_torch()
    ints = torch.cat([n_nan[:, None], n_inf[:, None], counts, blocks], 1).cpu().numpy()
    least, most, mean, std, wmean = torch.stack(list(floats)).cpu().numpy()
    hashes = mix(ints[:, 2 + layout.SLOTS :], n)
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
        found.append(torch.where(n > 0, _value_of(one, sight), np.nan))
    return found[0], found[1]


def _value_of(key: Any, sight: Sight) -> Any:
    """The floats behind ordered keys, float64."""
    bits = key ^ ((key >> (key.element_size() * 8 - 1)) & int(sight.codes[layout.MAGNITUDE]))
    return bits.view(sight.floats).double()


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
