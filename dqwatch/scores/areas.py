"""Equal areas of the sphere: bands of latitude cut into boxes, of those the ones that hold cells of a grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dqwatch.types import Grid

_FINEST = 2**24
"""Boxes on the sphere beyond which a domain counts as a point."""


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas of a grid.

    Attributes
    ----------
    of_cell : np.ndarray int32 (cell,)
        The area of each cell.
    boxes : np.ndarray float64 (area, 4), degrees
        South, north, west and east; NaN where the cells have no coordinates.
    """

    of_cell: np.ndarray
    boxes: np.ndarray

    @property
    def size(self) -> int:
        """Number of areas."""
        return len(self.boxes)

    @cached_property
    def touching(self) -> np.ndarray:
        """Bool (area, area): boxes that share a side or a corner; neighbours in order where there are none."""
        if not np.isfinite(self.boxes).all():
            near = np.abs(np.subtract.outer(np.arange(self.size), np.arange(self.size)))
            return np.asarray(near <= 1)
        south, north, west, east = self.boxes.T
        beside = (south[:, None] <= north + 1e-9) & (north[:, None] >= south - 1e-9)
        middle, half = 0.5 * (west + east), 0.5 * (east - west)
        apart = np.abs((middle[:, None] - middle + 180.0) % 360.0 - 180.0)
        return np.asarray(beside & (apart <= half[:, None] + half + 1e-9))

    def name(self, chosen: np.ndarray) -> str:
        """The box around some areas, `30N-42N 10W-5E`; `cells 20-39` where there are no coordinates.

        Parameters
        ----------
        chosen : np.ndarray (area,), bool
            At least one.
        """
        if not np.isfinite(self.boxes[chosen]).all():
            cells = np.flatnonzero(chosen[self.of_cell])
            return f"cells {cells[0]}-{cells[-1]}"
        boxes = self.boxes[chosen]
        south, north = boxes[:, 0].min(), boxes[:, 1].max()
        west, east = _span(boxes[:, 2], boxes[:, 3])
        around = "all longitudes" if east - west >= 359 else f"{_east(west)}-{_east(east)}"
        return f"{_north(south)}-{_north(north)} {around}"


def lay_areas(grid: Grid, wanted: int) -> Areas:
    """Areas of a grid, about as many as wanted, each with at least one cell.

    Parameters
    ----------
    grid : Grid
        Where it has no coordinates, areas are runs of cells.
    wanted : int
        At most as many are made as the grid has cells.

    Returns
    -------
    Areas
    """
    n = grid.n_cells
    wanted = max(1, min(wanted, n))
    lat, lon = grid.latitudes, grid.longitudes
    if lat is None or lon is None or not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        return Areas((np.arange(n) * wanted // n).astype(np.int32), np.full((wanted, 4), np.nan))
    count = wanted
    while True:
        found = _lay(lat, lon, count)
        if found.size >= 0.75 * wanted or count >= _FINEST:
            return found
        count = int(count * min(4.0, max(1.3, wanted / found.size)))


def _lay(lat: np.ndarray, lon: np.ndarray, count: int) -> Areas:
    """The boxes of `count` on the sphere that hold cells."""
    edges, numbers = bands(count)
    band = np.clip(np.searchsorted(edges, np.sin(np.radians(lat)), side="right") - 1, 0, numbers.size - 1)
    column = np.minimum((lon % 360.0) / 360.0 * numbers[band], numbers[band] - 1).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(numbers)])
    held, of_cell = np.unique(first[band] + column, return_inverse=True)
    band = np.searchsorted(first, held, side="right") - 1
    column = held - first[band]
    width = 360.0 / numbers[band]
    degrees = np.degrees(np.arcsin(np.clip(edges, -1.0, 1.0)))
    boxes = np.stack([degrees[band], degrees[band + 1], column * width, (column + 1) * width], axis=1)
    return Areas(of_cell.reshape(-1).astype(np.int32), boxes)


def bands(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bands of latitude cut into boxes of equal area that are about as wide as they are high.

    Returns
    -------
    edges : np.ndarray float64 (band + 1,)
        Sines of the latitudes between bands, ascending from -1 to 1: all boxes have the area 4 pi / sum(numbers).
    numbers : np.ndarray int64 (band,)
        Boxes of each band.
    """
    side = np.sqrt(4 * np.pi / count)
    n_bands = max(1, round(np.pi / side))
    middle = (np.arange(n_bands) + 0.5) * np.pi / n_bands - np.pi / 2
    numbers = np.maximum(1, np.rint(2 * np.pi * np.cos(middle) / side)).astype(np.int64)
    edges = np.concatenate([[0.0], np.cumsum(numbers)]) * 2.0 / numbers.sum() - 1.0
    return edges, numbers


def _span(west: np.ndarray, east: np.ndarray) -> tuple[float, float]:
    """The narrowest span of longitude that holds some spans, from 0 <= west < 360."""
    order = np.argsort(west)
    begins, ends = west[order], np.maximum.accumulate(east[order])
    gaps = np.append(begins[1:], begins[0] + 360.0) - ends
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0:
        return 0.0, 360.0
    first = begins[(widest + 1) % begins.size]
    return float(first), float(first + 360.0 - gaps[widest])


def _north(degrees: float) -> str:
    return f"{abs(degrees):.0f}{'S' if round(degrees) < 0 else 'N'}"


def _east(degrees: float) -> str:
    degrees = (degrees + 180.0) % 360.0 - 180.0
    return f"{abs(degrees):.0f}{'W' if round(degrees) < 0 else 'E'}"
