"""The cells to the east, west, north and south of each cell, where cells lie in rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.rows import Rows


class Beside(NamedTuple):
    """int32 (cell,) each; -1 where there is none."""

    east: np.ndarray
    """The next cell of the row (the next stored one; of an unstructured grid the nearest)."""
    west: np.ndarray
    north: np.ndarray
    """The nearest cell of the next row stored before, which may lie to the south where rows run northward."""
    south: np.ndarray

    @property
    def ways(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """What lies before and after each cell along its row, and across rows."""
        return (self.west, self.east), (self.south, self.north)


def find_beside(geometry: Geometry) -> Beside:
    """What lies beside each cell; to be asked for by `geometry.once(find_beside)`."""
    n, rows = geometry.n_cells, geometry.rows
    none = np.full(n, -1, np.int32)
    if rows is None:
        return Beside(_nearest(geometry), none, none, none)
    east = np.arange(1, n + 1, dtype=np.int32)
    last = rows.starts + rows.lengths - 1
    east[last] = np.where(rows.closed & (rows.lengths > 2), rows.starts, -1)
    west = none.copy()
    there = east >= 0
    west[east[there]] = np.flatnonzero(there)
    north, south = (_along(rows, n, way) if rows.stacked else none for way in (-1, 1))
    return Beside(east, west, north, south)


def _nearest(geometry: Geometry) -> np.ndarray:
    """A neighbour of each cell: one of the nearest, or the next stored where nothing is known."""
    graph, n = geometry.graph, geometry.n_cells
    if graph is None:
        following = np.arange(1, n + 1, dtype=np.int32)
        following[-1:] = -1
        return following
    found = np.full(n, -1, np.int32)
    has = np.diff(graph.starts) > 0
    found[has] = graph.cells[graph.starts[:-1][has]]
    return found


def _along(rows: Rows, n_cells: int, way: int) -> np.ndarray:
    """The nearest cell of the row before (-1) or after (1) that of each cell."""
    found = np.full(n_cells, -1, np.int32)
    for r in range(rows.starts.size):
        q = r + way
        if not 0 <= q < rows.starts.size:
            continue
        own = np.arange(rows.lengths[r])
        at = np.rint((rows.first[r] + own * rows.step[r] - rows.first[q]) / rows.step[q]).astype(np.int64)
        n = int(rows.lengths[q])
        inside = np.ones(at.size, bool) if rows.closed[q] else (at >= 0) & (at < n)
        found[rows.starts[r] + own[inside]] = rows.starts[q] + at[inside] % n
    return found
