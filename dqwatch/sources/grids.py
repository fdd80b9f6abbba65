"""Grids from the coordinates of their cells, with area weights where the coordinates tell the areas."""

from __future__ import annotations

import numpy as np

from dqwatch.sources.areas import (
    NoAreaError,
    band_areas,
    gaussian_areas,
    longitude_widths,
    quadrilateral_areas,
    voronoi_areas,
)
from dqwatch.types import Grid

VORONOI_CELLS = 20_000
"""Up to so many cells a Voronoi diagram takes less than a second."""

_SAME = 1e-6
"""Degrees: 0.1 m, below the resolution of any source."""


def regular_grid(latitudes: np.ndarray, longitudes: np.ndarray, name: str = "grid") -> Grid:
    """A grid of latitude rows and longitude columns, cells stored row by row.

    Parameters
    ----------
    latitudes : np.ndarray (latitude,), degrees north, in any order
    longitudes : np.ndarray (longitude,), degrees east, in any order and convention
    name : str

    Returns
    -------
    Grid
        Of kind 'regular'. Weights: the band half-way to the next rows (Gauss-Legendre weights for Gaussian latitudes)
        times the width half-way to the next columns.
    """
    rows, columns = np.asarray(latitudes, np.float64), np.asarray(longitudes, np.float64)
    shape = (rows.size, columns.size)
    weights, origin = None, _bad_coordinates(rows, columns)
    if not origin and rows.size == 1:
        weights, origin = longitude_widths(columns), "longitude widths of a single row"
    elif not origin:
        try:
            bands, origin = _bands(rows)
            weights = np.outer(bands, longitude_widths(columns)).ravel()
        except NoAreaError as error:
            origin = f"none: {error}"
    return Grid(
        kind="regular",
        shape=shape,
        latitudes=np.repeat(rows, columns.size),
        longitudes=np.tile(columns, rows.size),
        area_weights=_normalised(weights),
        weights_origin=origin,
        name=name,
    )


def curvilinear_grid(latitudes: np.ndarray, longitudes: np.ndarray, name: str = "grid") -> Grid:
    """A grid whose coordinates are two-dimensional.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (y, x), degrees
    name : str

    Returns
    -------
    Grid
        Of kind 'curvilinear'. Weights: quadrilaterals whose corners lie half-way between the centres.
    """
    lat, lon = np.asarray(latitudes, np.float64), np.asarray(longitudes, np.float64)
    weights, origin = None, _bad_coordinates(lat, lon)
    if not origin:
        try:
            weights, origin = quadrilateral_areas(lat, lon).ravel(), "quadrilaterals between the cell centres"
        except NoAreaError as error:
            origin = f"none: {error}"
    return Grid("curvilinear", lat.shape, lat.ravel(), lon.ravel(), _normalised(weights), origin, name)


def unstructured_grid(
    latitudes: np.ndarray, longitudes: np.ndarray, name: str = "grid", field_shape: tuple[int, ...] | None = None
) -> Grid:
    """A grid given as a list of cells; rows are recognised, so it may turn out to be of another kind.

    Parameters
    ----------
    latitudes, longitudes : np.ndarray (cell,), degrees
    name : str
    field_shape : tuple of int, optional
        Shape of the field that the cells are flattened from, where the source knows it.

    Returns
    -------
    Grid
        Of kind 'regular' (rows that share their longitudes), 'reduced_gaussian' (rows of constant latitude, each
        evenly spaced), 'curvilinear' (a two-dimensional `field_shape`) or 'unstructured'.
    """
    lat, lon = np.asarray(latitudes, np.float64).ravel(), np.asarray(longitudes, np.float64).ravel()
    bad = _bad_coordinates(lat, lon)
    if bad:
        return Grid("unstructured", lat.shape, lat, lon, None, bad, name)
    shape = field_shape if field_shape is not None and np.prod(field_shape) == lat.size else lat.shape
    starts = np.flatnonzero(np.concatenate([[True], np.abs(np.diff(lat)) > _SAME]))
    lengths = np.diff(np.append(starts, lat.size))
    columns = shape[1] if len(shape) == 2 else int(lengths[0])
    if _factorises(lat, lon, columns):
        return regular_grid(lat[::columns], lon[:columns], name)
    weights = _row_weights(lat[starts], lon, starts, lengths)
    if weights is not None:
        return Grid("reduced_gaussian", lat.shape, lat, lon, *weights, name)
    if len(shape) == 2 and min(shape) > 1:
        return curvilinear_grid(lat.reshape(shape), lon.reshape(shape), name)
    return Grid("unstructured", lat.shape, lat, lon, *_scattered_weights(lat, lon), name)


def _factorises(lat: np.ndarray, lon: np.ndarray, columns: int) -> bool:
    """Whether cells are rows of one latitude each that share their longitudes."""
    if columns < 2 or lat.size % columns:
        return False
    rows = lat.reshape(-1, columns)
    same_longitudes = np.abs(lon.reshape(-1, columns) - lon[:columns]) < _SAME
    return bool((np.abs(rows - rows[:, :1]) < _SAME).all() and same_longitudes.all())


def _bad_coordinates(latitudes: np.ndarray, longitudes: np.ndarray) -> str:
    """Why these coordinates bear no weights; '' if they do."""
    if not (np.isfinite(latitudes).all() and np.isfinite(longitudes).all()):
        return "none: some coordinates are NaN or infinite"
    if latitudes.size == 0 or longitudes.size == 0:
        return "none: there are no cells"
    if np.abs(latitudes).max() > 90 + _SAME:
        return "none: some latitudes are beyond 90 degrees"
    return ""


def _normalised(weights: np.ndarray | None) -> np.ndarray | None:
    return None if weights is None else weights / weights.sum()


def _bands(rows: np.ndarray) -> tuple[np.ndarray, str]:
    """Areas of two or more latitude rows, and how they were made."""
    gaussian = gaussian_areas(rows)
    if gaussian is not None:
        return gaussian, "Gauss-Legendre weights of the latitude rows"
    return band_areas(rows), "latitude bands half-way between rows"


def _row_weights(
    rows: np.ndarray, lon: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray | None, str] | None:
    """Weights of cells stored in rows of constant latitude, each evenly spaced; None if they are not."""
    steps = np.diff(rows)
    if rows.size < 2 or lengths.min() < 2 or not ((steps > 0).all() or (steps < 0).all()):
        return None
    inside = np.ones(lon.size - 1, bool)
    inside[starts[1:] - 1] = False
    gaps = np.diff(lon)
    row = np.repeat(np.arange(rows.size), lengths)[:-1][inside]
    turned = np.mod(gaps[inside], 360.0)
    spacing = np.mod(gaps[starts], 360.0)
    # Longitudes of GRIB are rounded to 1e-3 (edition 1) or 1e-6 degrees.
    if (np.abs(turned - spacing[row]) > 2.1e-3).any() or not (spacing > 0).all():
        return None
    whole = 360.0 / lengths
    spacing = np.where(np.abs(spacing - whole) < 2.1e-3, whole, spacing)
    if (spacing * lengths > 360.0 + 0.1).any():
        return None
    bands, origin = _bands(rows)
    return _normalised(np.repeat(bands * spacing / 360.0, lengths)), origin


def _scattered_weights(lat: np.ndarray, lon: np.ndarray) -> tuple[np.ndarray | None, str]:
    if _is_healpix(lat):
        return np.full(lat.size, 1 / lat.size), "equal areas of HEALPix"
    rows, columns = np.unique(np.round(lat, 6)), np.unique(np.round(lon, 6))
    if min(rows.size, columns.size) > 1 and rows.size * columns.size == lat.size:
        # A lattice in an order of its own.
        return _normalised(band_areas(lat) * longitude_widths(lon)), "latitude bands half-way between rows"
    if lat.size > VORONOI_CELLS:
        return None, f"none: {lat.size} unstructured cells, a Voronoi diagram is made of at most {VORONOI_CELLS}"
    try:
        return _normalised(voronoi_areas(lat, lon)), "Voronoi cells"
    except NoAreaError as error:
        return None, f"none: {error}"


def _is_healpix(lat: np.ndarray) -> bool:
    """Whether the latitudes are those of the 12 nside^2 cells of HEALPix, in either order.

    References
    ----------
    K. M. Gorski et al., 2005, HEALPix: a framework for high-resolution discretization, eqs. 4 and 8.
    """
    nside = round((lat.size / 12) ** 0.5)
    if nside < 1 or 12 * nside * nside != lat.size:
        return False
    ring = np.arange(1, 2 * nside + 1)
    cap = ring < nside
    height = np.where(cap, 1 - ring**2 / (3 * nside**2), 4 / 3 - 2 * ring / (3 * nside))
    north = np.repeat(height, np.where(cap, 4 * ring, 4 * nside))
    south = -north[: north.size - 4 * nside]
    expected = np.sort(np.concatenate([north, south]))
    return bool(np.allclose(np.sort(np.sin(np.radians(lat))), expected, rtol=0, atol=1e-5 / nside))
