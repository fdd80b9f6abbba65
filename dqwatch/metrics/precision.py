"""How finely values are told apart: how many there are, and whether they lie a step apart as packing leaves them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.kernel_precision import count_distinct, count_whole, mean_gap

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
    infinity = values.dtype.type(np.inf)  # of another type it would have all values converted
    last = int(np.searchsorted(ordered, infinity))  # NaN come last
    first = int(np.searchsorted(ordered, -infinity, side="right"))
    ordered = ordered[first:last]
    n_distinct, least = count_distinct(ordered)
    return Precision(float(n_distinct), _step(ordered, least) if n_distinct > 1 else math.nan)


def _step(ordered: np.ndarray, least: float) -> float:
    """The step of ascending values, two of them distinct at least, with the smallest gap between them."""
    rounding = 2 * float(np.spacing(np.abs(ordered[[0, -1]]).max()))
    step = float(mean_gap(ordered, max(1.5 * least, least + rounding)))
    if not step > 2 * rounding:
        return math.nan
    n, whole = count_whole(ordered, step, (_MULTIPLES + 0.5) * step, _TOLERANCE * step + rounding)
    return step if whole >= _SHARE * n else math.nan
