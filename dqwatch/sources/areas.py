"""Areas of the cells of a grid on the unit sphere, in steradian, from the cell centres alone."""

from __future__ import annotations

import numpy as np

HOLE_RATIO = 2.0
"""An empty cap so many times wider than the distance to the sixth neighbour of the cells around it belongs to none."""


class NoAreaError(ValueError):
    """The cell centres do not tell the areas; the message is the reason, one clause."""


def latitude_edges(latitudes: np.ndarray) -> np.ndarray:
    """Edges of latitude rows: half-way between rows, at a pole where no further row has room before it.

    Parameters
    ----------
    latitudes : np.ndarray (row,), degrees, ascending, without repeats

    Returns
    -------
    np.ndarray (row + 1,), degrees, within -90..90
    """
    middle = (latitudes[1:] + latitudes[:-1]) / 2
    low = _outer_edge(-latitudes[0], latitudes[1] - latitudes[0])
    high = _outer_edge(latitudes[-1], latitudes[-1] - latitudes[-2])
    return np.concatenate([[-low], middle, [high]])


def _outer_edge(distance: float, step: float) -> float:
    return 90.0 if 90.0 - distance < step * (1 - 1e-6) else distance + step / 2


def band_areas(latitudes: np.ndarray) -> np.ndarray:
    """Area of the whole band of the sphere around each latitude row.

    Parameters
    ----------
    latitudes : np.ndarray (row,), degrees north, in any order; rows at the same latitude share its band

    Returns
    -------
    np.ndarray (row,), steradian
        4 pi in all if rows reach both poles.

    Raises
    ------
    NoAreaError
        If there is only one latitude.
    """
    rows, inverse, counts = np.unique(latitudes, return_inverse=True, return_counts=True)
    if rows.size < 2:
        raise NoAreaError("a single latitude has no extent")
    band = 2 * np.pi * np.diff(np.sin(np.radians(latitude_edges(rows))))
    shared: np.ndarray = (band / counts)[inverse.reshape(-1)]
    return shared


def gaussian_areas(latitudes: np.ndarray) -> np.ndarray | None:
    """Area of the bands of Gaussian latitudes, 2 pi times the weights of Gauss-Legendre quadrature.

    Parameters
    ----------
    latitudes : np.ndarray (row,), degrees north, in any order

    Returns
    -------
    np.ndarray (row,), steradian, 4 pi in all; None where the rows are not all the Gaussian latitudes of their number
    """
    n = latitudes.size
    given = np.sin(np.radians(latitudes))
    if n < 2 or np.abs(given).max() == 1:
        return None
    x = given.copy()
    for _ in range(4):
        before, value = np.ones_like(x), x
        for k in range(2, n + 1):
            before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
        slope = n * (before - x * value) / (1 - x * x)
        if not (np.abs(value) < np.abs(slope)).all():
            return None
        step = value / slope
        x = x - step
        # A row that lies a fiftieth of the spacing from its root is another kind of row.
        if not (np.abs(x - given) < 0.02 * np.pi / n * np.sqrt(1 - given * given)).all():
            return None
    if np.unique(np.round(x, 12)).size != n:
        return None
    return 4 * np.pi / ((1 - x * x) * slope * slope)


def longitude_widths(longitudes: np.ndarray) -> np.ndarray:
    """Width of the cells of one row: half-way to both neighbours, around the globe where the row closes.

    Parameters
    ----------
    longitudes : np.ndarray (column,), degrees east, in any order; columns at the same longitude share its width

    Returns
    -------
    np.ndarray (column,), radians
        2 pi in all if the row closes.
    """
    turned = np.mod(longitudes, 360.0)
    columns, inverse, counts = np.unique(np.round(turned, 9) % 360.0, return_inverse=True, return_counts=True)
    if columns.size == 1:
        return np.full(longitudes.shape, 2 * np.pi / longitudes.size)
    gaps = np.diff(columns, append=columns[0] + 360.0)
    widest = int(np.argmax(gaps))
    if gaps[widest] > 1.5 * np.delete(gaps, widest).max():
        # A part of the globe: the cells beside the hole are as wide outwards as inwards.
        order = np.roll(np.arange(columns.size), -(widest + 1))
        inner = gaps[order][:-1]
        widths = np.empty(columns.size)
        widths[order] = np.concatenate([inner[:1], (inner[1:] + inner[:-1]) / 2, inner[-1:]])
    else:
        widths = (gaps + np.roll(gaps, 1)) / 2
    shared: np.ndarray = np.radians(widths / counts)[inverse.reshape(-1)]
    return shared


def unit_vectors(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Cartesian coordinates (..., 3) of points given in degrees."""
    phi, lam = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def _triangle_areas(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Area of spherical triangles of unit vectors.

    References
    ----------
    A. Van Oosterom and J. Strackee, 1983, The solid angle of a plane triangle.
    """
    volume = np.abs(np.einsum("...i,...i->...", a, np.cross(b, c)))
    across = 1 + sum(np.einsum("...i,...i->...", p, q) for p, q in ((a, b), (b, c), (c, a)))
    return 2 * np.arctan2(volume, across)


def quadrilateral_areas(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Area of the cells of a curvilinear grid, corners half-way between the centres.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (y, x), degrees, y and x at least 2

    Returns
    -------
    np.ndarray (y, x), steradian
        Cells at the rim reach as far outwards as inwards; a grid that closes in x has no rim there.

    Raises
    ------
    NoAreaError
        If there are fewer than two rows or columns.
    """
    if min(latitudes.shape) < 2:
        raise NoAreaError("a single row or column has no extent")
    centres = unit_vectors(latitudes, longitudes)
    step = np.linalg.norm(np.diff(centres, axis=1), axis=-1)
    closing = np.linalg.norm(centres[:, 0] - centres[:, -1], axis=-1)
    if latitudes.shape[1] > 2 and np.median(closing / np.maximum(step.max(axis=1), 1e-300)) < 1.5:
        centres = np.concatenate([centres[:, -1:], centres, centres[:, :1]], axis=1)
    else:
        centres = _extend(centres, 1)
    centres = _extend(centres, 0)
    corners = centres[:-1, :-1] + centres[1:, :-1] + centres[:-1, 1:] + centres[1:, 1:]
    corners /= np.maximum(np.linalg.norm(corners, axis=-1, keepdims=True), 1e-300)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    return _triangle_areas(a, b, c) + _triangle_areas(a, c, d)


def _extend(points: np.ndarray, axis: int) -> np.ndarray:
    """Points continued by one on both sides of an axis, at the spacing of the outermost two."""
    first, second = points.take([0], axis), points.take([1], axis)
    last, before = points.take([-1], axis), points.take([-2], axis)
    return np.concatenate([2 * first - second, points, 2 * last - before], axis=axis)


def voronoi_areas(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Area of the part of the sphere that is nearest to each cell centre.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (cell,), degrees; cells at the same place share its area

    Returns
    -------
    np.ndarray (cell,), steradian, 4 pi in all

    Raises
    ------
    NoAreaError
        If there are fewer than four places, all lie on a circle, or they leave a hole (see `HOLE_RATIO`) as a region
        or a mesh of the sea alone does.
    """
    from scipy.spatial import QhullError, SphericalVoronoi, cKDTree

    points, inverse, counts = np.unique(
        np.round(unit_vectors(latitudes, longitudes), 10), axis=0, return_inverse=True, return_counts=True
    )
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    if len(points) < 4:
        raise NoAreaError("fewer than four places")
    try:
        cells = SphericalVoronoi(points, threshold=1e-9)
    except (ValueError, QhullError) as error:
        raise NoAreaError("the places lie on one circle") from error
    # Every corner of a cell is the centre of an empty cap with this and other cells on its rim.
    corner = np.concatenate(cells.regions).astype(np.int64)
    cell = np.repeat(np.arange(len(points)), [len(r) for r in cells.regions])
    radius = np.linalg.norm(points[cell] - cells.vertices[corner], axis=1)
    neighbours = min(7, len(points))
    spacing = np.zeros(len(cells.vertices))
    np.maximum.at(spacing, corner, cKDTree(points).query(points, k=neighbours)[0][cell, -1])
    if (radius > HOLE_RATIO * spacing[corner]).any():
        raise NoAreaError("the cells leave a part of the sphere uncovered")
    shared: np.ndarray = (cells.calculate_areas() / counts)[inverse.reshape(-1)]
    return shared
