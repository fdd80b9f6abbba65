"""The table `grid`: one row for each grid of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch import tables
from dqwatch.types import Grid, Source

if TYPE_CHECKING:
    import pandas as pd

_TOLERANCE = 1e-5
"""Degrees (about 1 m) within which two cells are at one place; coordinates stored as float32 are as exact."""


def grid_table(source: Source, more: Mapping[str, Sequence[Any]] | None = None) -> pd.DataFrame:
    """The table `grid`; `more` are optional columns, a value for each grid."""
    rows = [_row(grid) for grid in source.grids]
    names = [column.name for column in tables.TABLES["grid"]]
    return tables.frame("grid", {**{name: [row[name] for row in rows] for name in names}, **(more or {})})


def _row(grid: Grid) -> dict[str, Any]:
    lat, lon = grid.latitudes, grid.longitudes
    good_lat = None if lat is None else lat[np.abs(lat) <= 90 + _TOLERANCE]
    good_lon = None if lon is None else lon[np.abs(lon) <= 360 + _TOLERANCE]
    bad = sum(
        0 if all_ is None or good is None else all_.size - good.size
        for all_, good in ((lat, good_lat), (lon, good_lon))
    )
    lat_min, lat_max = _extent(good_lat)
    lon_min, lon_max = _extent(good_lon)
    origin = grid.weights_origin
    return {
        "grid": grid.name,
        "kind": grid.kind,
        "shape": " x ".join(map(str, grid.shape)),
        "n_cells": grid.n_cells,
        "lat_min": lat_min,
        "lat_max": lat_max,
        "lon_min": lon_min,
        "lon_max": lon_max,
        "orientation": _orientation(grid),
        "longitude_convention": _convention(lon_min, lon_max),
        "n_duplicate_cells": _duplicates(lat, lon),
        "n_bad_coordinates": bad,
        "problem": grid.problem,
        "area_weights": origin if grid.area_weights is not None or origin.startswith("none") else f"none: {origin}",
    }


def _extent(degrees: np.ndarray | None) -> tuple[float, float]:
    if degrees is None or degrees.size == 0:
        return np.nan, np.nan
    return float(degrees.min()), float(degrees.max())


def _orientation(grid: Grid) -> str:
    """How latitudes run from row to row, or from cell to cell where there are no rows."""
    if grid.latitudes is None:
        return "unknown"
    rows = grid.latitudes.reshape(grid.shape) if len(grid.shape) == 2 else grid.latitudes
    steps = next((d for d in (np.diff(rows, axis=axis) for axis in range(rows.ndim)) if d.any()), np.zeros(0))
    southward, northward = bool((steps <= 0).all()), bool((steps >= 0).all())
    if southward == northward:
        return "unknown" if southward else "mixed"
    return "north_to_south" if southward else "south_to_north"


def _convention(low: float, high: float) -> str:
    if np.isnan(low):
        return "unknown"
    if low < -_TOLERANCE:
        return "-180_180" if high <= 180 + _TOLERANCE else "mixed"
    return "0_360" if high > 180 + _TOLERANCE else "both_fit"


def _duplicates(lat: np.ndarray | None, lon: np.ndarray | None) -> int:
    """Cells at the place of an earlier cell; the many longitudes of a pole are as many places."""
    if lat is None or lon is None:
        return 0
    good = np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 1e3) & (np.abs(lon) <= 1e3)
    circle = round(360 / _TOLERANCE)
    south = np.rint(lat[good] / _TOLERANCE).astype(np.int64)
    east = np.rint(lon[good] / _TOLERANCE).astype(np.int64) % circle
    for ordered in (south * circle + east, east - south * circle):
        if (np.diff(ordered) > 0).all():  # row by row, eastward: much sooner seen than sorted
            return 0
    places = south * circle + east
    return int(places.size - np.unique(places).size)
