"""The rows of a grid: pieces of the cell axis along which stored neighbours are neighbours on the sphere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.types import Grid

_SAME = 1e-6
"""Degrees within which latitudes are one row."""
_ROUNDED = 2.1e-3
"""Degrees by which steps of longitude may differ within a row: GRIB edition 1 rounds to 1e-3."""
_AT_POLE = 1e-3
"""Degrees from a pole within which a row is the pole."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in stored order; together they hold each cell once."""

    starts: np.ndarray
    """int64 (row,), first cell."""
    lengths: np.ndarray
    """int64 (row,), cells."""
    latitudes: np.ndarray
    """float64 (row,), degrees north; NaN where the latitude varies along a row or is unknown."""
    closed: np.ndarray
    """bool (row,), the first cell follows the last around the globe."""
    first: np.ndarray
    """float64 (row,), place of the first cell along its row: degrees east, or an index."""
    step: np.ndarray
    """float64 (row,), distance between cells in the units of `first`."""
    stacked: bool = True
    """Whether each row lies beside the rows before and after it."""

    @property
    def poles(self) -> np.ndarray:
        """int64, the rows at a pole."""
        return np.flatnonzero(np.abs(self.latitudes) >= 90 - _AT_POLE)


def find_rows(grid: Grid) -> Rows | None:
    """The rows of a grid; None where the cells do not lie in rows, or nothing tells.

    Parameters
    ----------
    grid : Grid
        Rows are those of a two-dimensional shape, or runs of cells at one latitude and of even longitudes.

    Returns
    -------
    Rows or None
    """
    lat, lon = grid.latitudes, grid.longitudes
    if grid.n_cells == 0:
        return None
    if len(grid.shape) == 2:
        if lat is None or lon is None:
            return _by_index(grid.shape, np.zeros(grid.shape[0], bool))
        if grid.kind == "regular":
            return _regular(lat.reshape(grid.shape)[:, 0], lon.reshape(grid.shape)[0])
        return _by_index(grid.shape, _closed(lat.reshape(grid.shape), lon.reshape(grid.shape)))
    if len(grid.shape) != 1 or lat is None or lon is None or grid.n_cells < 2:
        return None
    return _runs(lat, lon)


def _by_index(shape: tuple[int, ...], closed: np.ndarray, latitudes: np.ndarray | None = None) -> Rows:
    n_rows, n_columns = shape
    nowhere = np.full(n_rows, np.nan)
    return Rows(
        starts=np.arange(n_rows, dtype=np.int64) * n_columns,
        lengths=np.full(n_rows, n_columns, np.int64),
        latitudes=nowhere if latitudes is None else latitudes.astype(np.float64),
        closed=closed,
        first=np.zeros(n_rows),
        step=np.ones(n_rows),
        stacked=latitudes is None or _monotone(latitudes),
    )


def _monotone(latitudes: np.ndarray) -> bool:
    steps = np.diff(latitudes)
    return bool((steps > 0).all() or (steps < 0).all())


def _regular(latitudes: np.ndarray, longitudes: np.ndarray) -> Rows | None:
    """Rows of shared longitudes; None where these go neither eastward nor westward once around at most."""
    shape = (latitudes.size, longitudes.size)
    for gaps in (np.diff(longitudes) % 360.0, -np.diff(longitudes) % 360.0):
        rest = 360.0 - gaps.sum()
        if (gaps > _SAME).all() and rest > -_SAME:
            closed = gaps.size > 0 and 0.5 * gaps.min() < rest < 1.5 * gaps.max()
            return _by_index(shape, np.full(shape[0], closed), latitudes)
    return None


def _closed(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Whether the last cell of each row (y, x) is about as far from the first as from the one before it."""
    n_rows, n_columns = latitudes.shape
    if n_columns < 4:
        return np.zeros(n_rows, bool)
    x, y, z = vectors(latitudes, longitudes)
    around = np.sqrt(sum((a[:, 0] - a[:, -1]) ** 2 for a in (x, y, z)))
    beside = np.median(np.sqrt(sum(np.diff(a, axis=1) ** 2 for a in (x, y, z))), axis=1)
    closed: np.ndarray = (around > 0.5 * beside) & (around < 1.5 * beside)
    return closed


def vectors(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """Unit vectors to places given in degrees: float64 (3, ...)."""
    phi, lam = np.radians(latitudes), np.radians(longitudes)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


def _runs(lat: np.ndarray, lon: np.ndarray) -> Rows | None:
    """Rows as runs of one latitude, each eastward and evenly spaced, from one pole towards the other."""
    starts = np.flatnonzero(np.concatenate([[True], ~(np.abs(np.diff(lat)) <= _SAME)]))
    lengths = np.diff(np.append(starts, lat.size))
    if starts.size < 2 or lengths.min() < 2 or not _monotone(lat[starts]):
        return None
    inside = np.ones(lon.size - 1, bool)
    inside[starts[1:] - 1] = False
    gaps = np.diff(lon) % 360.0
    row = np.repeat(np.arange(starts.size), lengths)[:-1][inside]
    step = np.add.reduceat(np.append(np.where(inside, gaps, 0.0), 0.0), starts) / (lengths - 1)
    if not ((np.abs(gaps[inside] - step[row]) <= _ROUNDED).all() and (step > 0).all()):
        return None
    whole = 360.0 / lengths
    closed = np.abs(step - whole) <= np.minimum(_ROUNDED, 0.25 * whole)
    step = np.where(closed, whole, step)
    if (step * lengths > 360.0 + 0.1).any():
        return None
    first = (lon[starts] - lon[0] + 180.0) % 360.0 - 180.0 + lon[0]
    return Rows(starts, lengths.astype(np.int64), lat[starts], closed, first, step)
