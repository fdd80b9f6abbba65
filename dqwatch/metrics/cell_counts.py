"""Counts of cells: values below a limit, and cells that did not change."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.kernel_cells import count_equal_cells
from dqwatch.metrics.kernel_looks import count_outside


class Stuck(NamedTuple):
    """Cells that are finite in two fields and equal."""

    n: float
    share: float
    """Of the cells that are finite in both; NaN if there are none."""
    share_inside: float
    """The same without equal cells at the field's minimum or maximum (no rain, no cloud, all cloud)."""


def count_below(values: np.ndarray, limit: float = 0.0) -> float:
    """Finite values below a limit, rounded to the type of the field: negative ones by default.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    limit : float
        For packed fields, minus twice the packing error.
    """
    kind = values.dtype.type
    return float(count_outside(values, kind(limit), kind(np.inf)))


def count_stuck(values: np.ndarray, previous: np.ndarray, *, least: float, most: float) -> Stuck:
    """Cells that have the value of another time.

    Parameters
    ----------
    values, previous : np.ndarray (cell,), float32 or float64, of one type
    least, most : float
        Of the finite `values`.

    Returns
    -------
    Stuck
    """
    kind = values.dtype.type
    n_finite, n_equal, n_at_ends = count_equal_cells(values, previous, kind(least), kind(most))
    inside = n_finite - n_at_ends
    return Stuck(
        float(n_equal),
        n_equal / n_finite if n_finite else math.nan,
        (n_equal - n_at_ends) / inside if inside else math.nan,
    )
