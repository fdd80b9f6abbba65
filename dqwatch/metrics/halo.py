"""The edge of missing values: how far the NaN of a field reach beyond a reference mask, as after regridding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_neighbours import touches_in_rows, touches_on_graph

FARTHEST = 4
"""Cells up to which a halo is measured; what reaches farther counts one more."""


class Halo(NamedTuple):
    """NaN of a field against those of a reference; widths are NaN where neighbours are unknown and they matter."""

    n_added: float
    """Cells that are NaN here only."""
    n_removed: float
    """Cells that are NaN in the reference only."""
    dilation: float
    """Cells by which the reference's NaN must grow to cover those of the field: 0..FARTHEST, FARTHEST + 1 for more."""
    erosion: float
    """The same the other way: by which the field's NaN must grow to cover those of the reference."""


def count_mask_edge(missing: np.ndarray, geometry: Geometry) -> float:
    """Cells that are missing and have a neighbour that is not; NaN where neighbours are unknown.

    Parameters
    ----------
    missing : np.ndarray (cell,), bool
    geometry : Geometry
        Neighbours are those of `isolation.find_isolated_rain`.
    """
    found = _touching(missing, missing, False, geometry)
    return math.nan if found is None else float(np.count_nonzero(found))


def compare_masks(missing: np.ndarray, reference: np.ndarray, geometry: Geometry) -> Halo:
    """How the NaN of a field differ from those of a reference on the same grid.

    Parameters
    ----------
    missing, reference : np.ndarray (cell,), bool
    geometry : Geometry

    Returns
    -------
    Halo
    """
    added, removed = missing & ~reference, reference & ~missing
    return Halo(
        float(np.count_nonzero(added)),
        float(np.count_nonzero(removed)),
        _width(added, reference, geometry),
        _width(removed, missing, geometry),
    )


def _width(outside: np.ndarray, mask: np.ndarray, geometry: Geometry) -> float:
    """How often `mask` must grow by one cell until it covers the cells `outside` it."""
    if not outside.any():
        return 0.0
    if not mask.any():
        return math.nan if _touching(mask, outside, True, geometry) is None else FARTHEST + 1.0
    for width in range(1, FARTHEST + 1):
        reached = _touching(mask, outside, True, geometry)
        if reached is None:
            return math.nan
        outside = outside & ~reached
        if not outside.any():
            return float(width)
        grown = _touching(mask, ~mask, True, geometry)
        mask = mask if grown is None else mask | grown
    return FARTHEST + 1.0


def _touching(mask: np.ndarray, wanted: np.ndarray, state: bool, geometry: Geometry) -> np.ndarray | None:
    """Which of the cells of `wanted` have a neighbour where `mask` is `state`; None where neighbours are unknown."""
    rows, graph = geometry.rows, geometry.graph
    out = np.empty(mask.size, np.bool_)
    if graph is not None:
        touches_on_graph(mask, wanted, state, graph.starts, graph.cells, out)
    elif rows is not None:
        places = (rows.starts, rows.lengths, rows.closed, rows.first, rows.step)
        touches_in_rows(mask, wanted, state, *places, out)
    else:
        return None
    return out
