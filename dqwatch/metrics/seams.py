"""Seams: jumps where a field was sewn together, at a meridian or between tiles; and rows at the poles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_rows import sum_row_steps
from dqwatch.metrics.rows import Rows

MERIDIANS = (0.0, 180.0)
"""Degrees east, where data begin in one convention or the other."""
_BESIDE = (1, 2)
"""Cells from the edge of a tile at which the steps beside it are taken."""
_LEAST_STEPS = 8


class _Seam(NamedTuple):
    """Pairs of neighbours across a line, one in each row that crosses it."""

    rows: np.ndarray
    left: np.ndarray
    right: np.ndarray
    inside: bool
    """Whether these pairs lie within their rows; else they join the ends."""


def seam_ratio(values: np.ndarray, geometry: Geometry) -> float:
    """How much larger the steps across a seam are than the other steps of the same rows.

    Seams are the ends of the rows as stored, where rows close around the globe, and the meridians 0 and 180, each where
    it crosses half of the rows or more. The ratio of a seam is sum(w |step across|) / sum(w mean |step within|), summed
    over the rows that cross it, w the area of a row; steps that are not finite are left out, with their row. The steps
    within a row are those between stored neighbours, without the one across.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry

    Returns
    -------
    float
        The largest of the ratios, near 1 in clean fields; NaN where there are no rows, no seams or no steps.
    """
    rows, seams = geometry.rows, geometry.once(_find_seams)
    if rows is None or not seams:
        return math.nan
    counts, totals = np.zeros(rows.starts.size, np.int64), np.zeros(rows.starts.size)
    sum_row_steps(values, rows.starts, rows.lengths, counts, totals)
    area = geometry.once(_row_areas)
    found = [_ratio(values, seam, counts, totals, area) for seam in seams]
    return max((ratio for ratio in found if not math.isnan(ratio)), default=math.nan)


def _ratio(values: np.ndarray, seam: _Seam, counts: np.ndarray, totals: np.ndarray, area: np.ndarray) -> float:
    across = _steps(values, seam.left, seam.right)
    whole = np.isfinite(across)
    own = seam.inside & whole
    n = counts[seam.rows] - own
    total = totals[seam.rows] - np.where(own, across, 0.0)
    whole &= n > 0
    weights = area[seam.rows][whole]
    within = float(weights @ np.maximum(total[whole] / n[whole], 0.0))
    return float(weights @ across[whole]) / within if within > 0 else math.nan


def _steps(values: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        steps: np.ndarray = np.abs(values[right].astype(np.float64) - values[left])
    return steps


def _find_seams(geometry: Geometry) -> list[_Seam]:
    rows = geometry.rows
    if rows is None:
        return []
    closed = np.flatnonzero(rows.closed)
    ends = _Seam(closed, rows.starts[closed] + rows.lengths[closed] - 1, rows.starts[closed], False)
    seams = [ends] + [_meridian(rows, geometry.longitudes, degrees) for degrees in MERIDIANS]
    return [seam for seam in seams if 2 * seam.rows.size >= rows.starts.size]


def _meridian(rows: Rows, longitudes: np.ndarray | None, degrees: float) -> _Seam:
    """Of each row the first pair of stored neighbours that has the meridian between them, or on its eastern cell."""
    if longitudes is None:
        nowhere = np.empty(0, np.int64)
        return _Seam(nowhere, nowhere, nowhere, True)
    east = (longitudes - degrees + 180.0) % 360.0 - 180.0
    low, high = np.minimum(east[:-1], east[1:]), np.maximum(east[:-1], east[1:])
    crossing = (low < 0) & (high >= 0) & (high - low < 180)
    crossing[rows.starts[1:] - 1] = False
    left = np.flatnonzero(crossing)
    row, first = np.unique(np.searchsorted(rows.starts, left, side="right") - 1, return_index=True)
    return _Seam(row, left[first], left[first] + 1, True)


def _row_areas(geometry: Geometry) -> np.ndarray:
    rows = geometry.rows
    if rows is None:
        return np.empty(0)
    if not geometry.weights.size:
        return geometry.row_weights * rows.lengths
    areas: np.ndarray = np.add.reduceat(geometry.weights, rows.starts)
    return areas


def tile_ratio(values: np.ndarray, geometry: Geometry, tile: Sequence[int]) -> float:
    """How much larger the steps across the edges of tiles are than the steps beside them.

    Along each axis: the sum of |step| across all edges over the sum, edge by edge, of the mean |step| of the two cells
    on either side. Steps that are not finite, or lead from one row to the next, are left out.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
    tile : sequence of int
        Cells of a tile along each axis of the grid's shape, the first tile beginning with the first cell; or one
        number, of cells along the cell axis.

    Returns
    -------
    float
        The larger of both axes, near 1 in clean fields; NaN where tiles have less than 3 cells or all, or fewer than 8
        steps can be compared.

    Raises
    ------
    ValueError
        If `tile` has neither one number nor one for each axis.
    """
    if len(tile) not in (1, len(geometry.shape)):
        raise ValueError(f"a tile of {len(tile)} lengths on a grid of shape {geometry.shape}; give one for each axis")
    tables = [values[None, :]]
    if len(tile) > 1:
        table = values.reshape(geometry.shape)
        tables = [table.T, table]
    ratios = []
    for table, width in zip(tables, tile, strict=True):
        edges = np.arange(width, table.shape[1], width) if width > 2 else np.empty(0, np.int64)
        across, *beside = (_steps_before(table, edges + k, geometry) for k in (0, *_BESIDE, *(-k for k in _BESIDE)))
        ratios.append(_edge_ratio(across, np.stack(beside)))
    return max((ratio for ratio in ratios if not math.isnan(ratio)), default=math.nan)


def _steps_before(table: np.ndarray, cells: np.ndarray, geometry: Geometry) -> np.ndarray:
    """|Step| from the cell before each of some cells along the second axis, flat; NaN where there is none."""
    known = (cells > 0) & (cells < table.shape[1])
    if table.shape[0] == 1 and geometry.rows is not None:
        known &= ~np.isin(cells, geometry.rows.starts)
    cells = np.where(known, cells, 1)
    with np.errstate(invalid="ignore"):
        steps = np.abs(table[:, cells].astype(np.float64) - table[:, cells - 1])
    steps[:, ~known] = np.nan
    return steps.ravel()


def _edge_ratio(across: np.ndarray, beside: np.ndarray) -> float:
    finite = np.isfinite(beside)
    n = finite.sum(axis=0)
    whole = np.isfinite(across) & (n > 0)
    if np.count_nonzero(whole) < _LEAST_STEPS:
        return math.nan
    means = np.where(finite, beside, 0.0).sum(axis=0)[whole] / n[whole]
    total = float(means.sum())
    return float(across[whole].sum()) / total if total > 0 else math.nan


def pole_ratio(values: np.ndarray, geometry: Geometry, *, std: float) -> float:
    """Standard deviation along the row of a pole over that of the field: 0 where its cells, one place all, agree.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64, of a scalar; components of a vector do differ around a pole
    geometry : Geometry
    std : float
        Population standard deviation of the field's finite values.

    Returns
    -------
    float
        The larger of both poles; NaN without a row of two or more finite values at a pole, or for a constant field.
    """
    poles = geometry.once(_find_poles)
    if not poles or not std > 0:
        return math.nan
    found = []
    for start, length in poles:
        row = values[start : start + length].astype(np.float64)
        row = row[np.isfinite(row)]
        if row.size > 1:
            found.append(float(row.std()) / std)
    return max(found, default=math.nan)


def _find_poles(geometry: Geometry) -> list[tuple[int, int]]:
    """First cell and number of cells of each row at a pole."""
    rows = geometry.rows
    if rows is None:
        return []
    return list(zip(rows.starts[rows.poles].tolist(), rows.lengths[rows.poles].tolist(), strict=True))
