"""Texture: how the differences of a field along its cells change from one order to the next.

The ratios vary little from day to day; smoothing, noise, rounding, doubled cells and single wrong cells change them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_graph import subtract_mean_around
from dqwatch.metrics.kernel_texture import LARGEST, ORDERS, add_row_differences, add_squares


class Texture(NamedTuple):
    """Of the orders k = 1..4; NaN where there is nothing to tell, never infinite."""

    ratios: tuple[float, ...]
    """log E_k - log E_(k-1), E_k the mean square of the k-th differences, E_0 the variance."""
    peaks: tuple[float, ...]
    """log of the mean of the 8 largest squared k-th differences - log E_k; NaN if there are fewer than 8."""


def texture(values: np.ndarray, geometry: Geometry, *, std: float) -> Texture:
    """Texture of a field.

    Differences run along the rows, never across the end of one, nor over values that are not finite; along the whole
    cell axis where nothing is known of the cells. On grids with neighbours but no rows the k-th difference of a cell is
    the k-th power of the Laplacian (a cell minus the mean of its nearest cells).

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
    std : float
        Population standard deviation of the finite values.

    Returns
    -------
    Texture
        A ratio is NaN where one of its mean squares is 0 or unknown, as for a constant field.
    """
    counts, totals, largest = np.zeros(ORDERS, np.int64), np.zeros(ORDERS), np.zeros((ORDERS, LARGEST))
    rows, graph = geometry.rows, geometry.graph
    if rows is not None:
        add_row_differences(values, rows.starts, rows.lengths, counts, totals, largest)
    elif graph is None:
        whole = np.zeros(1, np.int64), np.array([values.size])
        add_row_differences(values, *whole, counts, totals, largest)
    else:
        field = values
        for order in range(ORDERS):
            out = np.empty(values.size)
            subtract_mean_around(field, graph.starts, graph.cells, out)
            add_squares(out, order, counts, totals, largest)
            field = out
    return of_squares(counts, totals, largest, std)


def of_squares(counts: np.ndarray, totals: np.ndarray, largest: np.ndarray, std: float) -> Texture:
    """Texture from the squared differences of each order.

    Parameters
    ----------
    counts : np.ndarray int64 (order,)
    totals : np.ndarray float64 (order,)
        Their sum.
    largest : np.ndarray float64 (order, LARGEST)
    std : float
        Population standard deviation of the finite values.
    """
    energy = [std * std] + [t / n if n else 0.0 for t, n in zip(totals.tolist(), counts.tolist(), strict=True)]
    peaks = [p if n >= LARGEST else 0.0 for p, n in zip(largest.mean(axis=1).tolist(), counts.tolist(), strict=True)]
    return Texture(
        tuple(_log_ratio(energy[k], energy[k - 1]) for k in range(1, ORDERS + 1)),
        tuple(_log_ratio(peaks[k - 1], energy[k]) for k in range(1, ORDERS + 1)),
    )


def _log_ratio(above: float, below: float) -> float:
    """log(above / below); NaN unless both are positive and finite."""
    if not (0 < above < math.inf and 0 < below < math.inf):
        return math.nan
    return math.log(above) - math.log(below)
