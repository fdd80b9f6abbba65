"""Metrics of the shape of a field on its grid, as plug-ins: texture, neighbours, spectrum, precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.metrics.metric import field_metric
from dqwatch.metrics.neighbour_metrics import neighbour_metrics
from dqwatch.metrics.precision import precision
from dqwatch.metrics.spectrum import spectrum_slope
from dqwatch.metrics.texture import texture
from dqwatch.metrics.view import FieldView

_DATES = 48
"""Times looked at by what sorts or transforms whole fields: each costs as much as several plain scans."""


@field_metric(*(f"texture_{k}" for k in (1, 2, 3, 4)), *(f"peak_{k}" for k in (1, 2, 3, 4)))
def texture_columns(view: FieldView) -> Sequence[float]:
    """Texture ratios and their peakiness, orders 1 to 4."""
    found = texture(view.values, view.geometry, std=view.std)
    return (*found.ratios, *found.peaks)


@field_metric("equal_neighbours", "equal_inside", "roughness")
def neighbour_columns(view: FieldView) -> Sequence[float]:
    """Equal neighbours and roughness; NaN where the grid tells no neighbours."""
    if view.n_nan + view.n_inf == view.n:
        return np.nan, np.nan, np.nan
    found = neighbour_metrics(view.values, view.geometry, mean=view.mean, least=view.minimum, most=view.maximum)
    return found.equal, found.equal_inside, found.roughness


@field_metric("spectrum_slope", dates=_DATES)
def spectrum_columns(view: FieldView) -> Sequence[float]:
    """Slope of the spectrum along rows; NaN where there are no rows."""
    return (spectrum_slope(view.values, view.geometry),)


@field_metric("n_distinct", "value_step", dates=_DATES)
def precision_columns(view: FieldView) -> Sequence[float]:
    """How finely values are told apart; NaN for a field without any."""
    if view.n_nan + view.n_inf == view.n:
        return np.nan, np.nan
    return precision(view.values)
