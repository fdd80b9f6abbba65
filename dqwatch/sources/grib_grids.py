"""The grids of GRIB messages, and the order in which a message's values belong to their cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources import grids
from dqwatch.sources.grib_messages import Message
from dqwatch.types import Grid


@dataclass(frozen=True)
class CellOrder:
    """How the scanning mode of a message is undone: values row by row, all rows in one direction.

    `rows`, `columns` are those of the result; 0 where the message has no rows of equal length.
    """

    rows: int = 0
    columns: int = 0
    alternate: bool = False
    columns_first: bool = False

    def apply(self, values: np.ndarray, buffers: Buffers) -> np.ndarray:
        """Values (point,) of a message in the order of the cells; `values` itself where nothing need be undone."""
        if not (self.alternate or self.columns_first) or values.size != self.rows * self.columns:
            return values
        if self.columns_first:
            table = values.reshape(self.columns, self.rows)
        else:
            table = values.reshape(self.rows, self.columns)
        if self.alternate:
            table[1::2] = table[1::2, ::-1].copy()
        ordered = buffers.take("grib order", (self.rows, self.columns), values.dtype)
        ordered[...] = table.T if self.columns_first else table
        return ordered.reshape(-1)


def make_grid(message: Message, geometry: dict[str, Any], name: str) -> tuple[Grid, CellOrder]:
    """Grid and cell order of a message; a grid whose headers contradict themselves is kept, its `problem` says why.

    Parameters
    ----------
    message : Message
        One message of the grid.
    geometry : dict
        As `grib_messages.read_geometry` gives it.
    name : str
        Name of the grid.

    Returns
    -------
    Grid, CellOrder
        The grid is of kind 'unknown', without coordinates, where none can be made.
    """
    if "latitudes" not in geometry or geometry["latitudes"].size != message.n_points:
        why = geometry.get("problem", f"{message.n_points} points, but coordinates of another number")
        problem = f"the {message.grid_type} grid in the headers does not fit its {message.n_points} points ({why})"
        unknown = Grid(
            "unknown", (message.n_points,), weights_origin="none: no coordinates", name=name, problem=problem
        )
        return unknown, CellOrder()
    lat, lon = geometry["latitudes"], geometry["longitudes"]
    order = _cell_order(geometry, message.n_points)
    made = _healpix(lat, lon) if message.grid_type == "healpix" else _grid_of_cells(lat, lon, order)
    return replace(made, name=name), order


def _cell_order(geometry: dict[str, Any], n_points: int) -> CellOrder:
    ni, nj = geometry["ni"], geometry["nj"]
    if not ni or not nj or ni * nj != n_points:
        return CellOrder()
    return CellOrder(
        rows=nj, columns=ni, alternate=bool(geometry["alternate"]), columns_first=bool(geometry["columns_first"])
    )


def _healpix(lat: np.ndarray, lon: np.ndarray) -> Grid:
    n = lat.size
    return Grid("unstructured", (n,), lat, lon, np.full(n, 1 / n), "equal areas of HEALPix")


def _grid_of_cells(lat: np.ndarray, lon: np.ndarray, order: CellOrder) -> Grid:
    if not order.rows:
        return grids.unstructured_grid(lat, lon)
    # The library lists the coordinates of columns-first grids column by column, those of alternating rows unfolded.
    shape = (order.columns, order.rows) if order.columns_first else (order.rows, order.columns)
    lat2d, lon2d = lat.reshape(shape), lon.reshape(shape)
    if order.columns_first:
        lat2d, lon2d = lat2d.T, lon2d.T
    if np.ptp(lat2d, axis=1).max() == 0 and np.ptp(lon2d, axis=0).max() == 0:
        return grids.regular_grid(lat2d[:, 0].copy(), lon2d[0].copy())
    return grids.curvilinear_grid(lat2d.copy(), lon2d.copy())
