"""Rows and columns that are there twice."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_duplicates import count_equal_columns, count_equal_rows


class Duplicates(NamedTuple):
    """NaN where a grid has no rows, or no columns."""

    rows: float
    columns: float


def count_duplicates(values: np.ndarray, geometry: Geometry) -> Duplicates:
    """Rows that equal the row before them, and columns that equal the column before them, in every cell.

    NaN equals NaN. Lines of one value are exempt, and those of few: a line must change its value 8 times (where it is
    short half as often as it has cells, 4 times at least), lest a single island two rows high count.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
        Only rows of equal length are compared; columns are those of two-dimensional shapes.

    Returns
    -------
    Duplicates
    """
    rows = geometry.rows
    if rows is None:
        return Duplicates(math.nan, math.nan)
    n_rows = float(count_equal_rows(values, rows.starts, rows.lengths))
    if len(geometry.shape) != 2:
        return Duplicates(n_rows, math.nan)
    return Duplicates(n_rows, float(count_equal_columns(values.reshape(geometry.shape), bool(rows.closed.all()))))
