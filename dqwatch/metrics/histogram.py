"""The bins of a variable: fixed, on snapped edges, so that histograms of different parts add up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.metrics.kernel_bins import count_field
from dqwatch.metrics.kernel_layout import BINS, BLOCK, CANONICAL_NAN, FIRST_KEY, KEY_SHIFT, SLOTS

_NARROWEST = 2.0**-40
"""Of the offset: narrower bins would not tell floats apart."""
_FINEST = 8
"""Bins of an octave of skewed bins."""
_KEY_BINS = SLOTS - 4
"""Below zero, zero, tiny and large values have slots of their own."""


@dataclass(frozen=True)
class Bins:
    """Where the slots of a histogram end.

    Linear: `BINS` bins of `width` from `low`. Skewed: eight bins an octave up to `top`, a power of two.
    """

    low: float = 0.0
    width: float = 1.0
    top: float | None = None

    @property
    def skewed(self) -> bool:
        """Whether bins widen with the value."""
        return self.top is not None

    @cached_property
    def places(self) -> np.ndarray:
        """float64 (SLOTS,), a value that stands for each slot: its middle, of the outer ones a bin beyond the last."""
        low, high = self.edges[:-1].copy(), self.edges[1:].copy()
        widths = np.diff(self.edges[1:-1])
        low[0], high[-1] = high[0] - widths[widths > 0][0], low[-1] + widths[-1]
        return 0.5 * (low + high)

    @cached_property
    def edges(self) -> np.ndarray:
        """float64 (SLOTS + 1,), ends of the slots, the outermost infinite."""
        edges = np.empty(SLOTS + 1)
        edges[0], edges[-1] = -np.inf, np.inf
        if self.top is None:
            edges[1:-1] = self.low + self.width * np.arange(BINS + 1)
        else:
            octaves, eighths = np.divmod(np.arange(-_KEY_BINS, 1), _FINEST)
            edges[1:3] = 0.0
            edges[3:-1] = self.top * np.exp2(octaves) * (1.0 + eighths / _FINEST)
        return edges


@dataclass
class Histogram:
    """Finite values of one variable, counted in bins."""

    bins: Bins
    counts: np.ndarray = field(default_factory=lambda: np.zeros(SLOTS, np.int64))
    """int64 (SLOTS,)."""

    def add(self, other: Histogram) -> None:
        """The counts of another part of the same variable onto these.

        Raises
        ------
        ValueError
            If the bins differ.
        """
        if other.bins != self.bins:
            raise ValueError(f"histogram: bins differ: {self.bins}, {other.bins}")
        self.counts += other.counts


def linear_bins(low: float, high: float) -> Bins:
    """Bins of equal width that cover `low` to `high`, both snapped outwards.

    The width is a short binary fraction (m 2^e, 8 <= m < 16) and `low` a multiple of it, so that bins of the same
    range are the same everywhere, in float32 too where the range is not narrow against its offset.
    """
    span = high - low
    if not (math.isfinite(span) and span > 0):
        low, span = low - 0.5 if math.isfinite(low) else 0.0, 1.0
    width = _snap(max(span / (BINS - 1), abs(low) * _NARROWEST))
    start = math.floor(low / width) * width
    return Bins(low=start - width if start > low else start, width=width)  # low / width may underflow to 0


def _snap(width: float) -> float:
    """The next m 2^e, m an integer of 8 to 16, not below `width`."""
    mantissa, exponent = math.frexp(max(width, 1e-30))
    return math.ldexp(math.ceil(mantissa * 16), exponent - 4)


def skewed_bins(high: float) -> Bins:
    """Eight bins an octave, the last ending at the first power of two not below `high`, over 31 octaves."""
    if not (math.isfinite(high) and high > 0):
        high = 1.0
    mantissa, exponent = math.frexp(min(max(high, 1e-25), 1e30))
    return Bins(top=math.ldexp(1.0, exponent - (mantissa == 0.5)))


def codes(dtype: np.dtype, bins: Bins) -> np.ndarray:
    """What tells values of a type apart by their bits, and the bins that follow bits; see kernel_layout."""
    signed = np.dtype(f"i{dtype.itemsize}")
    info = np.iinfo(signed)
    mantissa_bits = np.finfo(dtype).nmant
    infinity = np.array(np.inf, dtype).view(signed)
    found = np.zeros(7, signed)
    found[:CANONICAL_NAN] = info.max, infinity, info.min, info.max
    found[CANONICAL_NAN] = np.array(np.nan, dtype).view(signed) & info.max
    found[KEY_SHIFT] = mantissa_bits - 3
    if bins.top is not None:
        found[FIRST_KEY] = np.array(bins.edges[3], dtype).view(signed)
    return found


def numbers(dtype: np.dtype, bins: Bins) -> np.ndarray:
    """The bins of equal width in the type of the field; see kernel_layout."""
    return np.array([bins.low, 1.0 / bins.width, 1.0, SLOTS - 1, 0.0], dtype)


def count_values(values: np.ndarray, bins: Bins, buffers: Buffers) -> np.ndarray:
    """How many finite values lie in each slot, int64 (SLOTS,).

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64, C-contiguous
    bins : Bins
    buffers : Buffers
        Of the thread that calls.
    """
    dtype, total = values.dtype, np.zeros(SLOTS, np.int64)
    slots, counts = buffers.take("bins.slots", BLOCK, np.int32), buffers.take("bins.counts", 4 * SLOTS, np.int32)
    bits, own = values.view(f"i{dtype.itemsize}"), (codes(dtype, bins), numbers(dtype, bins))
    count_field(values, bits, *own, bins.skewed, slots, counts.reshape(4, SLOTS), total)
    return total
