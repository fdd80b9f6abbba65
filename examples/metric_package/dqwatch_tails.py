"""A metric of one's own: a function of one field that fills a new column of the table `fields`."""

from __future__ import annotations

import math

import numpy as np

from dqwatch.metrics import FieldView, field_metric
from dqwatch.tables import Column


@field_metric(Column("kurtosis", "float", "1", "mean fourth power of the departures from the mean over the variance²"))
def tails(view: FieldView) -> tuple[float]:
    """Kurtosis of the finite values: 3 if normally distributed, large where few cells are far off; NaN if constant."""
    if not view.std > 0:
        return (math.nan,)
    values = view.values if view.all_finite else view.values[view.finite]
    departures = (values.astype(np.float64) - view.mean) / view.std
    return (float(np.mean(departures**4)),)
