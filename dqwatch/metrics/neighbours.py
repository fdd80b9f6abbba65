"""The cells around a cell: the nearest on the sphere, or by their indices where a grid has no coordinates."""

from __future__ import annotations

import numpy as np

from dqwatch.types import Grid


def nearest(grid: Grid, cell: int, count: int) -> np.ndarray:
    """The `count` cells nearest to a cell, itself among them, ascending.

    Parameters
    ----------
    grid : Grid
    cell : int
    count : int
        At most the number of cells.

    Returns
    -------
    np.ndarray (count,), int64
    """
    found = _on_sphere(grid, cell, count)
    if found is None:
        found = _by_index(grid.shape, cell, count)
    return np.sort(found)


def _on_sphere(grid: Grid, cell: int, count: int) -> np.ndarray | None:
    """By distance; None where coordinates are absent, or too many of them no numbers.

    Only cells within a band of latitude are looked at: it widens until the circle that fits into it holds enough.
    """
    if grid.latitudes is None or grid.longitudes is None:
        return None
    latitude, longitude = np.radians(grid.latitudes[cell]), np.radians(grid.longitudes[cell])
    if not np.isfinite(latitude + longitude):
        return None
    width = 10 * np.sqrt(count / grid.n_cells)
    while True:
        band = np.flatnonzero(np.abs(np.radians(grid.latitudes) - latitude) <= width)
        phi, lam = np.radians(grid.latitudes[band]), np.radians(grid.longitudes[band])
        away = np.sin((phi - latitude) / 2) ** 2 + np.cos(phi) * np.cos(latitude) * np.sin((lam - longitude) / 2) ** 2
        away = np.where(np.isfinite(away), away, np.inf)
        enough = np.count_nonzero(away <= np.sin(min(width, np.pi) / 2) ** 2) >= count
        if enough or width > np.pi:
            break
        width *= 2
    if np.count_nonzero(np.isfinite(away)) < count:
        return None
    found: np.ndarray = band[np.argsort(away, kind="stable")[:count]]
    return found


def _by_index(shape: tuple[int, ...], cell: int, count: int) -> np.ndarray:
    where = [int(i) for i in np.unravel_index(cell, shape)]
    reach = count // 2 + 1
    axes = [np.arange(max(0, i - reach), min(n, i + reach + 1)) for i, n in zip(where, shape, strict=True)]
    if np.prod([len(a) for a in axes]) < count:
        axes = [np.arange(n) for n in shape]
    places = np.meshgrid(*axes, indexing="ij")
    away = sum(((p - i) ** 2 for p, i in zip(places, where, strict=True)), np.zeros(places[0].shape, np.int64)).ravel()
    flat = np.ravel_multi_index(places, shape).ravel()
    found: np.ndarray = flat[np.argsort(away, kind="stable")[:count]]
    return found
