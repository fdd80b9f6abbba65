"""Ranges that a series of statistics is expected to keep to, from a robust look at what it has been.

The factors below are proposals of dqwatch. Made from the first half of real and synthetic series of a year and more,
the ranges were left by 3 of 100,000 statistics of the second half.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

SPREADS = 3.0
"""How far beyond the median a range reaches, in distances from the median to the 5 % and 95 % quantiles."""
_FLOOR = 0.1
_FEW = 3.0
"""The least distance from the median: this share of the scale, and this over the root of the number of fields."""
_SHARE_AT_AN_END, _LEAST_AT_AN_END = 0.5, 5
"""If such a share of the fields, and so many, have one and the same extreme, the variable ends there: rain at 0."""
_SLACK = 1e-3
"""Beyond such an end, in scales: packing and interpolation overshoot."""


class Range(NamedTuple):
    """Where a statistic is expected."""

    low: float
    high: float
    beyond: int
    """How many values of the series lay beyond and have widened it."""


def find_range(values: np.ndarray, scale: float) -> Range:
    """The range of a series.

    `SPREADS` times the distances from the median to the 5 % and 95 % quantiles, plus a margin; ends at which the series
    is found again and again are kept; widened to hold every value.

    Parameters
    ----------
    values : np.ndarray
        float64 (field,), finite, at least one.
    scale : float
        What a change counts against: the usual standard deviation of a field; 0 if nothing is known.
    """
    least, most = float(values.min()), float(values.max())
    low_tail, middle, high_tail = (float(q) for q in np.quantile(values, [0.05, 0.5, 0.95]))
    margin = scale * (_FLOOR + _FEW / math.sqrt(len(values)))
    low = middle - SPREADS * (middle - low_tail) - margin
    high = middle + SPREADS * (high_tail - middle) + margin
    often = max(_SHARE_AT_AN_END * len(values), _LEAST_AT_AN_END)
    if (values == least).sum() >= often:
        low = least - _SLACK * scale
    if (values == most).sum() >= often:
        high = most + _SLACK * scale
    beyond = int(((values < low) | (values > high)).sum())
    return Range(_round(min(low, least), up=False), _round(max(high, most), up=True), beyond)


def find_counts(values: np.ndarray, n_cells: int) -> Range:
    """The range of a count of cells: one number if nearly every field has it, else all that was seen and as much more.

    Parameters
    ----------
    values : np.ndarray
        int64 (field,), at least one.
    n_cells : int
        Cells of a field.
    """
    least, most = int(values.min()), int(values.max())
    numbers, times = np.unique(values, return_counts=True)
    usual = int(numbers[times.argmax()])
    if times.max() >= 0.99 * len(values):
        return Range(least, most, len(values) - int(times.max()))
    span = most - least
    return (
        Range(max(0, least - span), min(n_cells, most + span), 0) if usual else Range(0, min(n_cells, most + span), 0)
    )


def hold_tight(values: np.ndarray, scale: float) -> Range:
    """The range of a series that never changes: room for another packing or precision only."""
    least, most = float(values.min()), float(values.max())
    room = 1e-4 * scale + 1e-6 * max(abs(least), abs(most))
    return Range(_round(least - room, up=False), _round(most + room, up=True), 0)


def _round(value: float, *, up: bool) -> float:
    """To five significant digits, outwards."""
    if value == 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 4)
    if step == 0:
        return value
    rounded = float(f"{(math.ceil if up else math.floor)(value / step) * step:.5g}")
    inside = rounded < value if up else rounded > value
    return value if inside else rounded
