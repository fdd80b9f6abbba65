"""Neighbours of cells that lie in no rows: the nearest on the sphere, of each pair both ways."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.metrics.rows import vectors

NEAREST = 6
"""Neighbours asked for of each cell; a cell has more where it is near to cells that are not as near to it."""


class Graph(NamedTuple):
    """The neighbours of cell i are `cells[starts[i] : starts[i + 1]]`, ascending."""

    starts: np.ndarray
    """int64 (cell + 1,)."""
    ahead: np.ndarray
    """int64 (cell,), where in `cells` the neighbours after the cell itself begin."""
    cells: np.ndarray
    """int32 (neighbour,)."""


def nearest_graph(latitudes: np.ndarray, longitudes: np.ndarray, count: int = NEAREST) -> Graph:
    """Each cell with its nearest cells, and with those that it is among the nearest of.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (cell,), degrees
        Cells whose coordinates are not finite have no neighbours.
    count : int
        Nearest cells of each.

    Returns
    -------
    Graph
        Symmetric, no cell beside itself; of several cells at one place, any.
    """
    from scipy.sparse import coo_array
    from scipy.spatial import cKDTree

    n = latitudes.size
    placed = np.flatnonzero(np.isfinite(latitudes) & np.isfinite(longitudes))
    count = min(count, placed.size - 1)
    if count < 1:
        return Graph(np.zeros(n + 1, np.int64), np.zeros(n, np.int64), np.empty(0, np.int32))
    places = vectors(latitudes[placed], longitudes[placed]).T
    found = cKDTree(places, balanced_tree=False).query(places, k=count + 1)[1]
    itself = found == np.arange(placed.size)[:, None]
    itself[~itself.any(axis=1), -1] = True  # others at the same place came first
    others = placed[found[~itself]]
    cells = np.repeat(placed, count)
    both = coo_array((np.ones(2 * cells.size, bool), (np.append(cells, others), np.append(others, cells))), (n, n))
    table = both.tocsr()
    table.sort_indices()
    before = table.indices < np.repeat(np.arange(n), np.diff(table.indptr))
    ahead = table.indptr[:-1] + np.add.reduceat(np.append(before, False), table.indptr[:-1], dtype=np.int64)
    ahead = np.where(np.diff(table.indptr) > 0, ahead, table.indptr[:-1])  # reduceat takes one of an empty run
    return Graph(table.indptr.astype(np.int64), ahead.astype(np.int64), table.indices.astype(np.int32))
