"""Cells told apart by latitude: rows of even longitudes, in whatever order the cells are stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.types import Grid

_SAME = 1e-5
"""Degrees within which latitudes are one row."""
_ROUNDED = 2.1e-3
"""Degrees by which steps of longitude may differ within a row: GRIB edition 1 rounds to 1e-3."""


@dataclass(frozen=True, eq=False)
class LatitudeRows:
    """Rows from south to north, the cells of each eastward."""

    cells: np.ndarray
    """int64 (cell,), the cells of the grid row by row."""
    starts: np.ndarray
    """int64 (row,), where in `cells` each row begins."""
    lengths: np.ndarray
    """int64 (row,), cells of each row; a cell that repeats the first at the end of a closed row is not counted."""
    latitudes: np.ndarray
    """float64 (row,), degrees north, ascending."""
    first: np.ndarray
    """float64 (row,), degrees east of the first cell."""
    step: np.ndarray
    """float64 (row,), degrees from cell to cell."""
    closed: np.ndarray
    """bool (row,), the first cell follows the last."""

    @property
    def spacing(self) -> float:
        """Degrees between rows: the median."""
        return float(np.median(np.diff(self.latitudes)))


def latitude_rows(grid: Grid) -> LatitudeRows | None:
    """The rows of a grid; None where its cells do not lie in rows of one latitude and even longitudes."""
    lat, lon = grid.latitudes, grid.longitudes
    if lat is None or lon is None or lat.size < 4 or not (np.isfinite(lat).all() and np.isfinite(lon).all()):
        return None
    latitudes, row = _rows_of(lat)
    lengths = np.bincount(row)
    if latitudes.size < 2 or lengths.min() < 2 or latitudes.size * 2 > lat.size:
        return None
    turned = np.round((lon - _western_edge(lon)) % 360.0, 7) % 360.0
    order = np.lexsort((turned, row))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    turned = turned[order]
    repeats = lengths - _distinct(turned, starts, lengths)
    if (repeats > 1).any():
        return None
    return _even(lat, lon, order, turned, latitudes, starts, lengths, repeats)


def _rows_of(lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Latitudes, ascending, and the row of each cell."""
    found, inverse = np.unique(lat, return_inverse=True)
    new = np.concatenate([[True], np.diff(found) > _SAME])
    return found[new], (np.cumsum(new) - 1)[inverse.reshape(-1)]


def _western_edge(lon: np.ndarray) -> float:
    """The longitude after the widest gap: rows of a region begin there, those around the globe anywhere."""
    found = np.unique(np.round(lon % 360.0, 6) % 360.0)
    gaps = np.diff(found, append=found[0] + 360.0)
    widest = int(np.argmax(gaps))
    others = np.delete(gaps, widest)
    if others.size and gaps[widest] <= 1.5 * others.max():
        return 0.0
    return float(found[(widest + 1) % found.size])


def _distinct(turned: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Different longitudes of each row."""
    differs = np.concatenate([[True], np.diff(turned) > _SAME])
    differs[starts] = True
    counts: np.ndarray = np.add.reduceat(differs.astype(np.int64), starts)
    return counts


def _even(
    lat: np.ndarray,
    lon: np.ndarray,
    order: np.ndarray,
    turned: np.ndarray,
    latitudes: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    repeats: np.ndarray,
) -> LatitudeRows | None:
    """Rows without repeated cells, if their longitudes are even."""
    if repeats.any():
        keep = np.concatenate([[True], np.diff(turned) > _SAME])
        keep[starts] = True
        order, turned, lengths = order[keep], turned[keep], lengths - repeats
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        if lengths.min() < 2:
            return None
    gaps = np.diff(turned, append=turned[0])
    ends = starts + lengths - 1
    inside = np.ones(turned.size, bool)
    inside[ends] = False
    step = (turned[ends] - turned[starts]) / (lengths - 1)
    row = np.repeat(np.arange(lengths.size), lengths)
    if not (np.abs(gaps[inside] - step[row[inside]]) <= _ROUNDED).all():
        return None
    whole = 360.0 / lengths
    closed = np.abs(step - whole) <= np.minimum(_ROUNDED, 0.25 * whole)
    return LatitudeRows(
        cells=order,
        starts=starts.astype(np.int64),
        lengths=lengths.astype(np.int64),
        latitudes=latitudes,
        first=lon[order[starts]],
        step=np.where(closed, whole, step),
        closed=closed,
    )
