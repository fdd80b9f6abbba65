"""How finely values are told apart: how many there are, and whether they lie a step apart as packing leaves them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

_MULTIPLES = 8
"""Gaps between neighbouring values of up to so many steps are looked at."""
_TOLERANCE = 0.05
"""Steps by which a gap may miss a whole number, besides the rounding of the type."""
_SHARE = 0.95
"""Of the gaps that must be whole."""


class Precision(NamedTuple):
    """Distinct finite values, and the step of which their gaps are multiples."""

    n_distinct: float
    step: float
    """NaN where there is none: a single value, or values of full precision."""


def precision(values: np.ndarray) -> Precision:
    """Number of distinct finite values, and the quantisation step.

    The step is the mean of the smallest gaps between distinct values (those of up to one and a half times the
    smallest). It holds if 95 % of the gaps of up to 8 steps are whole multiples of it, but for a twentieth of a step
    and the rounding of the type.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64

    Returns
    -------
    Precision
        `n_distinct` is 0 where nothing is finite; 0.0 and -0.0 are one value.
    """
    ordered = np.sort(values)
    last = int(np.searchsorted(ordered, np.inf))  # NaN come last
    first = int(np.searchsorted(ordered, -np.inf, side="right"))
    ordered = ordered[first:last]
    if ordered.size == 0:
        return Precision(0.0, math.nan)
    new = ordered[1:] > ordered[:-1]
    levels = np.append(ordered[:1], ordered[1:][new])
    return Precision(float(levels.size), _step(levels))


def _step(levels: np.ndarray) -> float:
    """The step of ascending distinct values."""
    if levels.size < 2:
        return math.nan
    rounding = 2 * float(np.spacing(np.abs(levels[[0, -1]]).max()))
    gaps = np.diff(levels.astype(np.float64))
    least = gaps.min()
    step = float(gaps[gaps <= max(1.5 * least, least + rounding)].mean())
    if not step > 2 * rounding:
        return math.nan
    gaps = gaps[gaps < (_MULTIPLES + 0.5) * step]
    whole = np.abs(gaps - np.rint(gaps / step) * step) <= _TOLERANCE * step + rounding
    return step if np.count_nonzero(whole) >= _SHARE * whole.size else math.nan
