"""What lies beside what on a grid, made once and kept as long as the grid is."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from dqwatch.metrics.graph import Graph, nearest_graph
from dqwatch.metrics.rows import Rows, find_rows
from dqwatch.types import Grid

_T = TypeVar("_T")
_NOTHING = np.empty(0)


class Geometry:
    """Rows, neighbours and weights of the cells of a grid.

    Attributes
    ----------
    shape : tuple of int
    n_cells : int
    latitudes, longitudes : np.ndarray (cell,), degrees, or None
    rows : Rows or None
        None where cells do not lie in rows.
    weights : np.ndarray (cell,), float64
        Area weights; empty where they are unknown, or where `row_weights` says the same.
    row_weights : np.ndarray (row,), float64
        Weight of each cell of a row where it is the same along rows; ones where weights are unknown; else empty.
    """

    def __init__(self, grid: Grid) -> None:
        self.shape, self.n_cells = grid.shape, grid.n_cells
        self.latitudes, self.longitudes = grid.latitudes, grid.longitudes
        self.rows: Rows | None = find_rows(grid)
        self.weights, self.row_weights = _weights(grid, self.rows)
        self._made: dict[Callable[[Geometry], Any], Any] = {}
        self._lock = threading.RLock()

    @property
    def graph(self) -> Graph | None:
        """The nearest cells of each cell; None where coordinates are unknown, or rows tell the neighbours."""
        return self.once(_graph)

    def once(self, make: Callable[[Geometry], _T]) -> _T:
        """What `make` makes of this geometry, made by the first who asks."""
        if make in self._made:
            there: _T = self._made[make]
            return there
        with self._lock:
            if make not in self._made:
                self._made[make] = make(self)
            made: _T = self._made[make]
            return made


_known: weakref.WeakKeyDictionary[Grid, Geometry] = weakref.WeakKeyDictionary()
_known_lock = threading.Lock()


def geometry_of(grid: Grid) -> Geometry:
    """The geometry of a grid, the same object whenever the same grid is given."""
    with _known_lock:
        found = _known.get(grid)
        if found is None:
            found = _known[grid] = Geometry(grid)
        return found


def _graph(geometry: Geometry) -> Graph | None:
    if geometry.rows is not None and geometry.rows.stacked:
        return None
    if geometry.latitudes is None or geometry.longitudes is None:
        return None
    return nearest_graph(geometry.latitudes, geometry.longitudes)


def _weights(grid: Grid, rows: Rows | None) -> tuple[np.ndarray, np.ndarray]:
    """`weights` and `row_weights` of a geometry."""
    weights = grid.area_weights
    if rows is None:
        return (_NOTHING if weights is None else np.ascontiguousarray(weights, np.float64)), _NOTHING
    if weights is None:
        return _NOTHING, np.ones(rows.starts.size)
    weights = np.ascontiguousarray(weights, np.float64)
    least, most = np.minimum.reduceat(weights, rows.starts), np.maximum.reduceat(weights, rows.starts)
    if (most - least <= 1e-6 * most).all():
        return _NOTHING, weights[rows.starts]
    return weights, _NOTHING
