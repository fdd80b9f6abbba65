"""Metrics of single cells, as plug-ins: those that stand alone, and those below zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.metrics.cell_counts import count_below
from dqwatch.metrics.isolation import find_isolated
from dqwatch.metrics.metric import field_metric
from dqwatch.metrics.view import FieldView

_BELOW = 1e-3
"""Standard deviations of the field below zero from which a value is negative, not rounded."""


@field_metric("n_isolated", "isolated_share", "isolated_value", "isolated_latitude", "isolated_longitude")
def isolated_columns(view: FieldView) -> Sequence[float]:
    """Isolated cells: of rain, wet ones among dry; else those off all around them. Never of masks and orography.

    Returns
    -------
    five floats
        Number, share, and of the one that stands out most value, latitude and longitude; NaN throughout for constants
        of nature and for skewed quantities other than rain, whose patches have sharp edges.
    """
    found = find_isolated(view)
    finite = view.n - view.n_nan - view.n_inf
    if found is None or not finite:
        return (np.nan,) * 5
    cell, (lat, lon) = found.cell, (view.grid.latitudes, view.grid.longitudes)
    if cell < 0:
        return found.n, found.n / finite, np.nan, np.nan, np.nan
    place = (np.nan, np.nan) if lat is None or lon is None else (float(lat[cell]), float(lon[cell]))
    return found.n, found.n / finite, float(view.values[cell]), *place


@field_metric("n_negative", "negative_share")
def negative_columns(view: FieldView) -> Sequence[float]:
    """Values below zero by more than a thousandth of the field's standard deviation, and their share."""
    finite = view.n - view.n_nan - view.n_inf
    if not finite:
        return np.nan, np.nan
    if view.minimum >= 0:
        return 0.0, 0.0
    n = count_below(view.values, -_BELOW * view.std)
    return n, n / finite
