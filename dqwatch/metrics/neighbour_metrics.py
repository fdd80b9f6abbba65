"""How a field differs from cell to cell: equal neighbours, roughness."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_graph import add_graph_pairs
from dqwatch.metrics.kernel_rows import (
    AT_ENDS,
    EQUAL,
    FIRST,
    PAIR_WEIGHT,
    PAIRS,
    SECOND,
    SQUARES,
    WEIGHT,
    add_row_pairs,
)


class NeighbourMetrics(NamedTuple):
    """What pairs of neighbours tell of a field; NaN where there is nothing to tell."""

    equal: float
    """Share of the pairs whose two values are equal."""
    equal_inside: float
    """The same without pairs at the field's minimum or maximum (no rain, no cloud, all cloud)."""
    roughness: float
    """log of the mean squared difference of neighbours over the variance; NaN for a field without differences."""


NOTHING = NeighbourMetrics(math.nan, math.nan, math.nan)


def neighbour_metrics(
    values: np.ndarray, geometry: Geometry, *, mean: float, least: float, most: float
) -> NeighbourMetrics:
    """Equal neighbours and roughness of a field.

    Neighbours are cells that follow one another eastward along a row, around the globe where the row closes; on grids
    without rows the nearest cells. The mean square and the variance are weighted by area where areas are known (a pair
    by its western cell, or by both cells where there are no rows) and run over what is finite.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
    mean, least, most : float
        Of the finite values; the mean need only be near.

    Returns
    -------
    NeighbourMetrics
        NaN throughout where neighbours are unknown.
    """
    sums = np.zeros(8)
    least, most = values.dtype.type(least), values.dtype.type(most)
    rows, graph = geometry.rows, geometry.graph
    if rows is not None:
        weights = (geometry.row_weights, geometry.weights)
        add_row_pairs(values, rows.starts, rows.lengths, rows.closed, *weights, mean, least, most, sums)
    elif graph is not None:
        add_graph_pairs(values, *graph, geometry.weights, mean, least, most, sums)
    totals: list[float] = sums.tolist()
    if totals[PAIRS] == 0:
        return NOTHING
    inside = totals[PAIRS] - totals[AT_ENDS]
    return NeighbourMetrics(
        totals[EQUAL] / totals[PAIRS],
        (totals[EQUAL] - totals[AT_ENDS]) / inside if inside else math.nan,
        _roughness(totals),
    )


def _roughness(totals: list[float]) -> float:
    if not (totals[SQUARES] > 0 and totals[PAIR_WEIGHT] > 0):
        return math.nan
    square = totals[SQUARES] / totals[PAIR_WEIGHT]
    mean = totals[FIRST] / totals[WEIGHT]
    variance = totals[SECOND] / totals[WEIGHT] - mean * mean  # a power would raise where it overflows
    return math.log(square / variance) if variance > 0 and math.isfinite(square / variance) else math.nan
