"""Spectra along rows: how much of a field's variance lies at which wavelength, and how steeply it falls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.rows import Rows

EDGES: np.ndarray = 2.0 ** np.arange(-5, -1.9, 0.5)
"""Edges of the bands in cycles per cell: from waves of 32 cells to waves of 4, two bands an octave."""
BANDS = EDGES.size - 1
MOST_ROWS = 160
"""Rows are thinned evenly down to so many."""
_LEAST_CELLS = 8
_LEAST_BANDS = 3


class Spectrum(NamedTuple):
    """Power in bands of wavenumber; NaN where a band holds no wave of any row."""

    log_wavenumber: np.ndarray
    """float64 (band,), mean log of the cycles per cell of the waves in a band."""
    density: np.ndarray
    """float64 (band,), variance per cycle per cell, units of the field squared."""


class _Group(NamedTuple):
    """Rows of one length, transformed together."""

    cells: slice
    """Of `_Plan.cells`."""
    length: int
    closed: bool
    waves: slice
    """Of the transform: those within the bands."""
    found: slice
    """Of the densities of all groups."""


class _Plan(NamedTuple):
    """What of a spectrum depends on the grid alone.

    Arrays have an element per row and wave, group by group, but for `cells`: one per cell of the rows.
    """

    groups: list[_Group]
    n_rows: int
    cells: np.ndarray
    row: np.ndarray
    band: np.ndarray
    log_wavenumber: np.ndarray
    weights: np.ndarray
    norm: np.ndarray
    """What makes a density of a squared amplitude."""


def spectrum(values: np.ndarray, geometry: Geometry) -> Spectrum | None:
    """The spectrum along the rows of a field, averaged over the rows.

    Rows around the globe are Fourier-transformed; of others the cosine transform is taken, for which their ends need
    not meet. White noise of variance s2 has the density 2 s2 either way, at any length of rows. Waves are weighted by
    the area of a cell of their row.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
        At most 160 rows are looked at, evenly spread over all.

    Returns
    -------
    Spectrum or None
        None where there are no rows of 8 or more cells, or fewer than half of those looked at are finite throughout.

    References
    ----------
    B. Denis, J. Côté and R. Laprise, 2002: Spectral decomposition of two-dimensional atmospheric fields on
    limited-area domains using the discrete cosine transform.
    """
    plan = geometry.once(_make_plan)
    if not plan.groups:
        return None
    density = _densities(values, plan)
    whole = np.isfinite(density)
    n_whole = np.count_nonzero(np.bincount(plan.row[whole]))
    if 2 * n_whole < plan.n_rows:
        return None
    weights = np.where(whole, plan.weights, 0.0)
    power = np.where(whole, density, 0.0) * weights
    total, places, share = (np.bincount(plan.band, x, BANDS) for x in (power, plan.log_wavenumber * weights, weights))
    share[share == 0] = np.nan
    return Spectrum(places / share, total / share)


def slope_of(found: Spectrum | None) -> float:
    """Least-squares slope of log density against log wavenumber, bands of equal weight.

    Returns
    -------
    float
        About -3 for winds aloft, towards 0 for noise; NaN where fewer than 3 bands are known, or one has no power.
    """
    if found is None:
        return math.nan
    known = np.isfinite(found.density)
    if np.count_nonzero(known) < _LEAST_BANDS or not (found.density[known] > 0).all():
        return math.nan
    x, y = found.log_wavenumber[known], np.log(found.density[known])
    x = x - x.mean()
    return float(x @ y / (x @ x))


def spectrum_slope(values: np.ndarray, geometry: Geometry) -> float:
    """`slope_of` the `spectrum` of a field; NaN where there is none."""
    return slope_of(spectrum(values, geometry))


def _densities(values: np.ndarray, plan: _Plan) -> np.ndarray:
    """Densities of the waves within the bands, row by row: (row · wave,); not finite where the row is not."""
    rows = values.take(plan.cells).astype(np.float64, copy=False)
    waves = np.zeros(plan.row.size, np.complex128)
    with np.errstate(invalid="ignore", over="ignore"):
        for group in plan.groups:
            own = rows[group.cells].reshape(-1, group.length)
            if group.closed:
                waves[group.found] = np.fft.rfft(own)[:, group.waves].reshape(-1)
            else:
                from scipy.fft import dct

                waves.real[group.found] = dct(own, norm="ortho", axis=1)[:, group.waves].reshape(-1)
        density: np.ndarray = (waves.real**2 + waves.imag**2) * plan.norm
    return density


def _make_plan(geometry: Geometry) -> _Plan:
    groups, rows = list[_Group](), geometry.rows
    nothing, none = np.empty(0, np.int64), np.empty(0)
    cells, columns = [nothing], [(nothing, nothing, none, none, none)]
    n_cells, n_found = 0, 0
    if rows is None:
        return _Plan(groups, 0, nothing, *columns[0])
    for length, closed, members in _by_length(rows):
        wavenumber = np.arange(length // 2 if closed else length) / (length if closed else 2 * length)
        band = np.searchsorted(EDGES, wavenumber, side="right") - 1
        first, last = np.searchsorted(band, [0, BANDS]).tolist()
        inside, log_wavenumber = band[first:last], np.log(wavenumber[first:last])
        repeated = np.repeat(members, last - first)
        weights = _cell_weights(rows, geometry)[repeated]
        norm = np.full(repeated.size, 2 / length if closed else 2.0)
        columns.append((repeated, np.tile(inside, members.size), np.tile(log_wavenumber, members.size), weights, norm))
        cells.append((rows.starts[members][:, None] + np.arange(length)).reshape(-1))
        own, found = slice(n_cells, n_cells + cells[-1].size), slice(n_found, n_found + repeated.size)
        groups.append(_Group(own, length, closed, slice(first, last), found))
        n_cells, n_found = own.stop, found.stop
    n_rows = sum((g.cells.stop - g.cells.start) // g.length for g in groups)
    return _Plan(groups, n_rows, np.concatenate(cells), *map(np.concatenate, zip(*columns, strict=True)))


def _by_length(rows: Rows) -> Iterator[tuple[int, bool, np.ndarray]]:
    """The rows that are looked at, together with others of their length: length, whether they close, which they are."""
    long_enough = np.flatnonzero(rows.lengths >= _LEAST_CELLS)
    if long_enough.size > MOST_ROWS:
        long_enough = long_enough[np.linspace(0, long_enough.size - 1, MOST_ROWS).round().astype(np.int64)]
    kinds = 2 * rows.lengths[long_enough] + rows.closed[long_enough]
    for kind in np.unique(kinds).tolist():
        yield kind // 2, bool(kind % 2), long_enough[kinds == kind]


def _cell_weights(rows: Rows, geometry: Geometry) -> np.ndarray:
    """Area of a cell of each row, on average: float64 (row,)."""
    if not geometry.weights.size:
        return geometry.row_weights
    means: np.ndarray = np.add.reduceat(geometry.weights, rows.starts) / rows.lengths
    return means
