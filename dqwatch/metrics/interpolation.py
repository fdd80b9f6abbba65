"""Values of a field at places that are no cells: a reading is a few cells and their weights for each place.

Readings are exact for fields that are linear around a place, so they shift nothing: between the rows of a grid that has
them, bilinear in latitude and longitude; else by the plane that fits the nearest cells best. The mean over a box is
that of places spread evenly in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from dqwatch.metrics.latitude_rows import LatitudeRows, latitude_rows
from dqwatch.types import Grid

_NEAREST = 8
"""Cells that a plane is fitted to."""
_SNAP = 1e-6
"""Of the way between two cells: nearer than this a place is the cell."""
_WIDEST_GAP = 1.05 * np.pi
"""Between the directions to the nearest cells: with a wider one a place lies outside."""
_ENOUGH = 0.75
"""Share of the places in a box that must lie among the cells."""
_SAMPLE = 4096
_CLOSEST = 1e-6
"""Degrees: the spacing of cells that all lie at one place."""
_AT_ONCE = 1 << 16
"""Places worked on at a time: bounds the memory that making a reading takes."""


class Reading(NamedTuple):
    """What to read at some places: place p has the value sum(weights * field[cells]) over starts[p]..starts[p + 1]."""

    starts: np.ndarray
    """int64 (place + 1,)."""
    cells: np.ndarray
    """int32 (entry,), ascending for each place."""
    weights: np.ndarray
    """float64 (entry,), sum 1 for each place, none zero."""
    inside: np.ndarray
    """bool (place,), the place lies among the cells; elsewhere there is nothing to read."""


class Boxes(NamedTuple):
    """Boxes around places; all arrays are float64 (place,), degrees."""

    latitudes: np.ndarray
    longitudes: np.ndarray
    width: np.ndarray
    """Eastward, of great circle."""
    height: np.ndarray

    def part(self, start: int, stop: int) -> Boxes:
        """Some of the boxes."""
        return Boxes(*(a[start:stop] for a in self))

    def places(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Latitudes and longitudes of places spread evenly in the boxes, `count` along each side."""
        lat, lon, width, height = self
        steps = (np.arange(count) + 0.5) / count - 0.5
        for north in steps:
            for east in steps:
                yield (lat, lon) if count == 1 else moved(lat, lon, east * width, north * height)


class _Few(NamedTuple):
    """Entries of some places, the same number for each."""

    cells: np.ndarray
    """int64 (place, k)."""
    weights: np.ndarray
    """float64 (place, k)."""
    inside: np.ndarray


class Interpolator:
    """Makes readings of the fields of a grid.

    Attributes
    ----------
    rows : LatitudeRows or None
    spacing : float
        Degrees between neighbouring cells: the median.
    """

    def __init__(self, grid: Grid) -> None:
        if grid.latitudes is None or grid.longitudes is None:
            raise ValueError(f"grid '{grid.name}' has no coordinates")
        self.rows = latitude_rows(grid)
        self._placed = np.flatnonzero(np.isfinite(grid.latitudes) & np.isfinite(grid.longitudes))
        lat, lon = grid.latitudes[self._placed], grid.longitudes[self._placed]
        self._vectors = vectors(lat, lon)
        self.spacing = self.rows.spacing if self.rows is not None else _spacing(self._tree, self._vectors)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self._vectors)

    def read(self, latitudes: np.ndarray, longitudes: np.ndarray) -> Reading:
        """The readings at some places.

        Parameters
        ----------
        latitudes, longitudes : np.ndarray (place,), degrees
        """
        nothing = np.zeros_like(latitudes)
        return self.read_boxes(Boxes(latitudes, longitudes, nothing, nothing), 1)

    def read_boxes(self, boxes: Boxes, count: int) -> Reading:
        """The means over boxes around some places, from `count` places along each side."""
        step = _AT_ONCE // count**2
        return _joined([self._collect(boxes.part(k, k + step), count) for k in range(0, boxes.latitudes.size, step)])

    def _collect(self, boxes: Boxes, count: int) -> Reading:
        few = [
            _between_rows(self.rows, *at) if self.rows is not None else self._by_planes(*at)
            for at in boxes.places(count)
        ]
        n_inside = np.sum([f.inside for f in few], axis=0)
        share = 1.0 / np.maximum(n_inside, 1)
        weights = [np.where(f.inside[:, None], f.weights * share[:, None], 0.0) for f in few]
        cells = np.concatenate([f.cells for f in few], axis=1)
        return _collected(cells, np.concatenate(weights, axis=1), n_inside >= _ENOUGH * len(few))

    def _by_planes(self, latitudes: np.ndarray, longitudes: np.ndarray) -> _Few:
        count = min(_NEAREST, self._placed.size)
        places = vectors(latitudes, longitudes)
        chord, found = self._tree.query(places, k=count)
        chord, found = chord.reshape(len(places), count), found.reshape(len(places), count)
        east, north = tangents(latitudes, longitudes)
        offset = self._vectors[found] - places[:, None, :]
        scale = np.radians(self.spacing)
        x = np.einsum("pkc,pc->pk", offset, east) / scale
        y = np.einsum("pkc,pc->pk", offset, north) / scale
        weights = _plane_weights(x, y)
        at_cell = chord[:, 0] <= _SNAP * scale
        weights[at_cell] = np.eye(1, count)
        inside = at_cell | ((chord[:, 0] <= 1.5 * scale) & (_widest_gap(x, y) <= _WIDEST_GAP))
        return _Few(self._placed[found], weights, inside)


def vectors(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Unit vectors to places in degrees, float64 (place, 3)."""
    lat, lon = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def tangents(latitudes: np.ndarray, longitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors eastward and northward, float64 (place, 3) each."""
    lat, lon = np.radians(latitudes), np.radians(longitudes)
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], axis=-1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=-1)
    return east, north


def moved(
    latitudes: np.ndarray, longitudes: np.ndarray, east: np.ndarray, north: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places moved by degrees of great circle eastward and northward; latitudes and longitudes in degrees."""
    to_east, to_north = tangents(latitudes, longitudes)
    at = vectors(latitudes, longitudes) + np.radians(east)[:, None] * to_east + np.radians(north)[:, None] * to_north
    return np.degrees(np.arctan2(at[:, 2], np.hypot(at[:, 0], at[:, 1]))), np.degrees(np.arctan2(at[:, 1], at[:, 0]))


def covers_globe(interpolator: Interpolator) -> bool:
    """Whether there are cells everywhere, but perhaps within a row of the poles."""
    lat, lon = np.meshgrid(np.arange(-85.0, 90.0, 10.0), np.arange(5.0, 360.0, 10.0))
    return bool(interpolator.read(lat.ravel(), lon.ravel()).inside.all())


def _collected(cells: np.ndarray, weights: np.ndarray, inside: np.ndarray) -> Reading:
    """Entries put together by place: one for each cell, none with a weight of zero."""
    from scipy.sparse import csr_array

    n, k = cells.shape
    table = csr_array((weights.ravel(), cells.ravel(), np.arange(0, n * k + 1, k)), shape=(n, int(cells.max()) + 1))
    table.sum_duplicates()
    table.data[np.repeat(~inside, np.diff(table.indptr))] = 0.0
    table.eliminate_zeros()
    return Reading(table.indptr.astype(np.int64), table.indices.astype(np.int32), table.data, inside)


def _joined(parts: list[Reading]) -> Reading:
    if not parts:
        return Reading(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0), np.empty(0, bool))
    offsets = np.concatenate([[0], np.cumsum([p.cells.size for p in parts])])
    starts = [p.starts[:-1] + offset for p, offset in zip(parts, offsets, strict=False)]
    cells, weights, inside = (np.concatenate(a) for a in list(zip(*parts, strict=True))[1:])
    return Reading(np.append(np.concatenate(starts), offsets[-1]), cells, weights, inside)


def _spacing(tree: Any, points: np.ndarray) -> float:
    """Median distance to the fourth of the nearest others, which on a lattice is the side of its squares."""
    sample = points[:: max(1, len(points) // _SAMPLE)]
    count = min(5, len(points))
    chord, _ = tree.query(sample, k=count)
    return max(float(np.degrees(np.median(chord.reshape(len(sample), count)[:, -1]))), _CLOSEST)


def _widest_gap(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The widest angle between neighbouring directions to (x, y), radians (place,)."""
    angles = np.sort(np.arctan2(y, x), axis=1)
    gaps = np.diff(angles, axis=1, append=angles[:, :1] + 2 * np.pi)
    widest: np.ndarray = gaps.max(axis=1)
    return widest


def _plane_weights(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Weights (place, k) that evaluate at the origin the plane fitted to values at (x, y), in spacings.

    That of the nearest cell alone where the cells lie on a line.
    """
    near = np.exp(-(x**2 + y**2))
    base = np.stack([np.ones_like(x), x, y], axis=-1)
    normal = np.einsum("pki,pk,pkj->pij", base, near, base)
    size = near.sum(axis=1)
    flat = _determinants(normal) <= 1e-4 * size**3
    normal[flat] = np.eye(3)
    first = np.linalg.solve(normal, np.tile(np.array([1.0, 0.0, 0.0])[:, None], (len(x), 1, 1)))[..., 0]
    weights: np.ndarray = np.einsum("pki,pi->pk", base, first) * near
    weights[flat] = np.eye(1, x.shape[1])
    return weights


def _determinants(m: np.ndarray) -> np.ndarray:
    """Of symmetric matrices (place, 3, 3); numpy's warns where one is zero."""
    a, b, c, d, e, f = m[:, 0, 0], m[:, 0, 1], m[:, 0, 2], m[:, 1, 1], m[:, 1, 2], m[:, 2, 2]
    found: np.ndarray = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d)
    return found


def _between_rows(rows: LatitudeRows, latitudes: np.ndarray, longitudes: np.ndarray) -> _Few:
    """Two cells of the row to the south and two of the row to the north."""
    last = rows.latitudes.size - 1
    south = np.clip(np.searchsorted(rows.latitudes, latitudes, side="right") - 1, 0, last - 1)
    way = (latitudes - rows.latitudes[south]) / (rows.latitudes[south + 1] - rows.latitudes[south])
    way = _snapped(np.clip(way, 0.0, 1.0))
    cells = np.empty((latitudes.size, 4), np.int64)
    weights = np.empty((latitudes.size, 4))
    fits = np.ones(latitudes.size, bool)
    for k, (row, share) in enumerate(((south, 1.0 - way), (south + 1, way))):
        left, right, along, within = _along_row(rows, row, longitudes)
        cells[:, 2 * k], cells[:, 2 * k + 1] = left, right
        weights[:, 2 * k], weights[:, 2 * k + 1] = share * (1.0 - along), share * along
        fits &= within | (share == 0.0)
    return _Few(cells, weights, fits & _reaches(rows, latitudes))


def _along_row(
    rows: LatitudeRows, row: np.ndarray, longitudes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The cells to the west and east of each place, the way between them, and whether the place lies in the row."""
    n, start = rows.lengths[row], rows.starts[row]
    at = ((longitudes - rows.first[row]) % 360.0) / rows.step[row]
    circle = 360.0 / rows.step[row]
    at = np.where(at > circle - _SNAP, 0.0, at)
    left = np.floor(at + _SNAP).astype(np.int64)
    along = _snapped(np.clip(at - left, 0.0, 1.0))
    closed = rows.closed[row]
    within = closed | (left < n - 1) | ((left == n - 1) & (along == 0.0))
    right = np.where(closed, (left + 1) % n, np.minimum(left + 1, n - 1))
    left = np.where(closed, left % n, np.minimum(left, n - 1))
    return rows.cells[start + left], rows.cells[start + right], along, within


def _snapped(way: np.ndarray) -> np.ndarray:
    way = np.where(way < _SNAP, 0.0, way)
    return np.where(way > 1.0 - _SNAP, 1.0, way)


def _reaches(rows: LatitudeRows, latitudes: np.ndarray) -> np.ndarray:
    """Whether rows lie on both sides of a latitude; beyond the last row before a pole its own values hold."""
    ends, steps = rows.latitudes[[0, -1]], np.diff(rows.latitudes)[[0, -1]]
    low = -np.inf if ends[0] - 1.5 * steps[0] < -90.0 and rows.closed[0] else ends[0] - _SNAP
    high = np.inf if ends[1] + 1.5 * steps[1] > 90.0 and rows.closed[-1] else ends[1] + _SNAP
    inside: np.ndarray = (latitudes >= low) & (latitudes <= high)
    return inside
