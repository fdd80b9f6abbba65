"""Two grids laid over each other: where fields of both can be compared, and how the one is read at cells of the other.

Fields are compared at the cells of the data, for that is where its values claim to be; the reference is read there:
between its cells, or, where its cells are the smaller ones, as the mean over a cell of the data. Where both have the
same cells, cell by cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dqwatch.metrics.interpolation import Boxes, Interpolator, Reading, covers_globe, vectors
from dqwatch.types import Grid

_SAME = 1e-5
"""Degrees (about 1 m) within which two cells are at one place."""
_FINER = 1.5
"""Times as fine as the data: from there on the reference is averaged over cells."""
_MOST_ALONG = 4
"""Places along each side of a cell that a mean is taken of."""
_PLACED = 8192
"""Cells that tell whether fields are shifted; enough for a thousandth of a cell."""

Relation = str
"""'same': the same cells in the same order; 'order': as many cells, and nothing tells where they are;
'between': other cells, the reference is read between its own; 'none': they cannot be compared."""


@dataclass(frozen=True, eq=False)
class Overlay:
    """How fields on the grid of the reference are compared with fields on that of the data."""

    relation: Relation
    data: Grid
    reference: Grid
    cells: np.ndarray | None
    """int64 (place,), cells of the data at which fields are compared; None for all."""
    weights: np.ndarray
    """float64 (place,), area weights; 1 where areas are unknown."""
    overlap: float
    """Share of the area of the data that lies in the reference."""
    reading: Reading | None
    """Of the reference at each place; None where cells are compared in their order."""
    interpolators: tuple[Interpolator, Interpolator] | None
    """Of the data and of the reference; None where nothing tells where cells are."""

    @property
    def n_places(self) -> int:
        """Places at which fields are compared."""
        return self.weights.size

    @cached_property
    def whole(self) -> bool:
        """Whether both cover the globe, so that their means are means of the same area."""
        return self.interpolators is not None and all(map(covers_globe, self.interpolators))

    @cached_property
    def cell_size(self) -> float:
        """Degrees from cell to cell of the coarser of the two; NaN where nothing tells."""
        return np.nan if self.interpolators is None else max(i.spacing for i in self.interpolators)

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Latitudes and longitudes of the places, degrees."""
        lat, lon = _coordinates(self.data)
        return (lat, lon) if self.cells is None else (lat[self.cells], lon[self.cells])

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors to the places, (place, 3)."""
        return vectors(*self.places)

    def steps(self, latitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Width and height of a cell of the coarser grid at some latitudes, degrees of great circle."""
        if self.interpolators is None:
            raise ValueError("nothing tells where the cells are")
        sizes = [_cell_size(i, latitudes) for i in self.interpolators]
        return np.maximum(sizes[0][0], sizes[1][0]), np.maximum(sizes[0][1], sizes[1][1])

    @cached_property
    def sample(self) -> np.ndarray:
        """Positions among the places: all of them, or enough to tell shifts by; int64, ascending."""
        if self.n_places <= _PLACED:
            return np.arange(self.n_places)
        chance = self.weights + 1e-12 * self.weights.max()
        chance /= chance.sum()
        chosen = np.random.default_rng(0).choice(self.n_places, _PLACED, replace=False, p=chance)
        return np.sort(chosen)


def lay_over(data: Grid, reference: Grid) -> Overlay:
    """How two grids lie over each other.

    Parameters
    ----------
    data, reference : Grid

    Returns
    -------
    Overlay
        Without places where there is nothing in common, or one of them has no coordinates and another number of cells.
    """
    if _without_places(data) or _without_places(reference):
        same_size = data.n_cells == reference.n_cells
        return _by_order(data, reference, "order" if same_size else "none", None)
    interpolators = (Interpolator(data), Interpolator(reference))
    if is_same(data, reference):
        return _by_order(data, reference, "same", interpolators)
    return _between(data, reference, interpolators)


def is_same(one: Grid, other: Grid) -> bool:
    """Whether two grids have the same cells in the same order."""
    if one.n_cells != other.n_cells or _without_places(one) or _without_places(other):
        return False
    (lat, lon), (other_lat, other_lon) = _coordinates(one), _coordinates(other)
    south = np.abs(lat - other_lat)
    east = np.abs((lon - other_lon + 180.0) % 360.0 - 180.0)
    at_pole = np.abs(lat) > 90 - _SAME
    return bool((south <= _SAME).all() and ((east <= _SAME) | at_pole).all())


def _coordinates(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(grid.latitudes, np.float64), np.asarray(grid.longitudes, np.float64)


def _without_places(grid: Grid) -> bool:
    if grid.latitudes is None or grid.longitudes is None:
        return True
    return not (np.isfinite(grid.latitudes) & np.isfinite(grid.longitudes)).any()


def _by_order(
    data: Grid, reference: Grid, relation: Relation, interpolators: tuple[Interpolator, Interpolator] | None
) -> Overlay:
    n = 0 if relation == "none" else data.n_cells
    weights = data.area_weights if data.area_weights is not None else np.ones(data.n_cells)
    return Overlay(relation, data, reference, None, _contiguous(weights[:n]), float(n > 0), None, interpolators)


def _between(data: Grid, reference: Grid, interpolators: tuple[Interpolator, Interpolator]) -> Overlay:
    own, other = interpolators
    lat, lon = _coordinates(data)
    placed = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon))
    ratio = own.spacing / other.spacing if other.spacing > 0 else 1.0
    count = int(np.clip(np.ceil(ratio), 1, _MOST_ALONG)) if ratio >= _FINER else 1
    reading = other.read_boxes(Boxes(lat[placed], lon[placed], *_cell_size(own, lat[placed])), count)
    weights = data.area_weights if data.area_weights is not None else np.ones(data.n_cells)
    inside = placed[reading.inside]
    return Overlay(
        relation="between" if inside.size else "none",
        data=data,
        reference=reference,
        cells=None if inside.size == data.n_cells else inside,
        weights=_contiguous(weights[inside]),
        overlap=float(weights[inside].sum() / weights.sum()),
        reading=_only(reading),
        interpolators=interpolators,
    )


def _only(reading: Reading) -> Reading:
    """A reading without the places that lie outside, which have no entries."""
    starts = np.append(reading.starts[:-1][reading.inside], reading.starts[-1])
    return Reading(starts, reading.cells, reading.weights, reading.inside[reading.inside])


def _cell_size(interpolator: Interpolator, latitudes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Width and height of the cells of a grid at some latitudes, degrees of great circle."""
    height = np.full(latitudes.shape, interpolator.spacing)
    rows = interpolator.rows
    if rows is None:
        return height.copy(), height
    nearest = np.clip(np.searchsorted(rows.latitudes, latitudes), 1, rows.latitudes.size - 1)
    nearest -= latitudes - rows.latitudes[nearest - 1] < rows.latitudes[nearest] - latitudes
    return rows.step[nearest] * np.cos(np.radians(latitudes)), height


def _contiguous(weights: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(weights, np.float64)
