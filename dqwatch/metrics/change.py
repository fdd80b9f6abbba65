"""What changed since the field before: metrics of two times."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dqwatch.metrics.kernel_cells import compare_cells
from dqwatch.metrics.metric import field_metric
from dqwatch.metrics.view import FieldView

_ENOUGH = 20
"""Changes below which a variable has no history to be judged by."""
_MAD_TO_SD = 1.4826
"""1 / 0.6745, the standard normal's third quartile."""


@field_metric("change", "share_same", "same_inside", previous=True)
def change(view: FieldView) -> Sequence[float]:
    """Root mean square change since the time before, and the share of cells that kept their value.

    Returns
    -------
    (float, float, float), units of the variable, 1 and 1
        Over cells finite at both times; the second share leaves out cells at the field's minimum or maximum (no rain,
        all cloud). NaN where there is no field before, or no such cell.
    """
    before = view.previous
    if before is None or before.size != view.values.size:
        return math.nan, math.nan, math.nan
    kind = view.values.dtype.type
    n, same, at_ends, squares = compare_cells(view.values, before, kind(view.minimum), kind(view.maximum))
    if not n:
        return math.nan, math.nan, math.nan
    inside = n - at_ends
    return math.sqrt(squares / n), same / n, (same - at_ends) / inside if inside else math.nan


def departures(changes: np.ndarray, series: Sequence[np.ndarray]) -> np.ndarray:
    """How unusual each change is among those of its own variable.

    Parameters
    ----------
    changes : np.ndarray (field,)
        NaN where there is none.
    series : sequence of np.ndarray of int
        Positions of the fields of each variable.

    Returns
    -------
    np.ndarray (field,), [1]
        Departure from the median in standard deviations, both robust (median absolute deviation); NaN where the
        variable has fewer than 20 changes, or half of them are the same.
    """
    result = np.full(changes.size, np.nan)
    for own in series:
        known = own[np.isfinite(changes[own])]
        if known.size < _ENOUGH:
            continue
        middle = np.median(changes[known])
        spread = _MAD_TO_SD * np.median(np.abs(changes[known] - middle))
        if spread > 0:
            result[known] = (changes[known] - middle) / spread
    return result


def beyond_median(values: np.ndarray, series: Sequence[np.ndarray]) -> np.ndarray:
    """What each value has beyond the median of its own variable.

    Parameters
    ----------
    values : np.ndarray (field,)
        NaN where there is none.
    series : sequence of np.ndarray of int
        Positions of the fields of each variable.

    Returns
    -------
    np.ndarray (field,), [units of the values]
        NaN where the variable has fewer than 20 values.
    """
    result = np.full(values.size, np.nan)
    for own in series:
        known = own[np.isfinite(values[own])]
        if known.size >= _ENOUGH:
            result[known] = values[known] - np.median(values[known])
    return result
