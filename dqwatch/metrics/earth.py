"""Whether the land of a data set lies where the land of the Earth does: its mask against a shipped one."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from dqwatch import resources
from dqwatch.buffers import Buffers
from dqwatch.metrics.interpolation import Boxes, Interpolator, moved
from dqwatch.metrics.kernel_pairs import WHOLE, read_places
from dqwatch.types import Block, Grid, Source

_MOST_CELLS = 20_000
"""Cells looked at, evenly spread over the stored order."""
_FEWEST_CELLS = 200
_ALIKE = 0.6
"""Correlation below which, however the data are turned, this is not the land of the Earth, or too little of it."""
_FINEST = 0.5
"""Degrees between cells below which the shipped mask is too coarse to tell parts of a cell."""
_SHIFTED = 0.35
"""Cells; a field that lies half a cell off is off by 0.5."""
TURNS = ("latitude_flip", "longitude_flip", "both_flips", "longitude_roll_180")


class Place(NamedTuple):
    """How the land of a data set lies on the Earth."""

    name: str
    """'identity', one of TURNS, 'half_cell_east', '_west', '_north' or '_south'; '' where it cannot be told."""
    match: float
    """Correlation with the land of the Earth as it lies; NaN where it cannot be told."""
    east: float
    """Cells by which it lies too far east; NaN where it cannot be told."""
    north: float


NOWHERE = Place("", np.nan, np.nan, np.nan)


def land_columns(source: Source, wanted: Container[str]) -> dict[str, list[Any]]:
    """The columns of the table `grid` that tell how each grid lies, where one of them is wanted.

    The first land mask of each grid that has one is read.
    """
    if not any(name in wanted for name in ("land_place", "land_match", "land_east", "land_north")):
        return {}
    masks = {v.grid: i for i, v in reversed(list(enumerate(source.variables))) if v.param == "lsm"}
    found = [place_on_earth(grid, _read(source, masks.get(i))) for i, grid in enumerate(source.grids)]
    return {f"land_{name.replace('name', 'place')}": [getattr(p, name) for p in found] for name in Place._fields}


def _read(source: Source, variable: int | None) -> np.ndarray:
    """The first field of a variable; nothing if there is none."""
    block = next((b for b in source.blocks() if variable in b.variables), None) if variable is not None else None
    if block is None or variable is None:
        return np.empty(0)
    part = Block(block.times[:1], (variable,))
    return next((field.values.copy() for field in source.read(part, Buffers())), np.empty(0))


def place_on_earth(grid: Grid, land: np.ndarray) -> Place:
    """How a land mask lies on the Earth.

    Parameters
    ----------
    grid : Grid
    land : np.ndarray (cell,)
        Share of land, or anything that rises with it; NaN where unknown.

    Returns
    -------
    Place
        A turn is named where the mask is at least twice as near to the land so turned (1 - correlation); flips are
        about the middle of the data, as reversed arrays are.
    """
    if grid.latitudes is None or grid.longitudes is None or land.size < _FEWEST_CELLS:
        return NOWHERE
    chosen = np.linspace(0, land.size - 1, min(land.size, _MOST_CELLS)).astype(np.int64)
    chosen = chosen[np.isfinite(land[chosen]) & np.isfinite(grid.latitudes[chosen] + grid.longitudes[chosen])]
    if chosen.size < _FEWEST_CELLS:
        return NOWHERE
    own, lat, lon = (a[chosen].astype(np.float64) for a in (land, grid.latitudes, grid.longitudes))
    spacing = Interpolator(grid).spacing
    weights = np.ones(lat.size) if grid.area_weights is None else grid.area_weights[chosen]

    def correlation(latitudes: np.ndarray, longitudes: np.ndarray) -> float:
        return _correlation(own, _read_land(latitudes, longitudes, spacing), weights)

    match = correlation(lat, lon)
    south_to_north = float(grid.latitudes.min() + grid.latitudes.max())
    west_to_east = float(grid.longitudes.min() + grid.longitudes.max())
    turned = [
        correlation(south_to_north - lat, lon),
        correlation(lat, west_to_east - lon),
        correlation(south_to_north - lat, west_to_east - lon),
        correlation(lat, lon + 180.0),
    ]
    best = int(np.argmax(turned))
    if not max(match, turned[best]) >= _ALIKE:
        return NOWHERE
    if 2 * (1 - turned[best]) <= 1 - match:
        return Place(TURNS[best], match, np.nan, np.nan)
    east, north = _shift(own, lat, lon, weights, spacing)
    return Place(_name(east, north) if spacing >= _FINEST else "identity", match, east, north)


def _name(east: float, north: float) -> str:
    if abs(east) >= max(_SHIFTED, abs(north)):
        return "half_cell_east" if east > 0 else "half_cell_west"
    if abs(north) >= _SHIFTED:
        return "half_cell_north" if north > 0 else "half_cell_south"
    return "identity"


def _correlation(own: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    a, b = (x - np.average(x, weights=weights) for x in (own, other))
    scale = float(np.sqrt((weights * a * a).sum() * (weights * b * b).sum()))
    return float((weights * a * b).sum()) / scale if scale > 0 else np.nan


def _shift(
    own: np.ndarray, lat: np.ndarray, lon: np.ndarray, weights: np.ndarray, spacing: float
) -> tuple[float, float]:
    """Least squares: mask and land differ by a shift times the slope of the land, a factor and a constant."""
    step = np.full(lat.size, spacing / 2)
    still = np.zeros(lat.size)

    def land_at(east: np.ndarray, north: np.ndarray) -> np.ndarray:
        return _read_land(*moved(lat, lon, east, north), spacing)

    here = _read_land(lat, lon, spacing)
    slopes = [land_at(step, still) - land_at(-step, still), land_at(still, step) - land_at(still, -step)]
    columns = np.stack([*slopes, here, np.ones(lat.size)], axis=1)
    root = np.sqrt(weights)
    found, _, rank, _ = np.linalg.lstsq(columns * root[:, None], own * root, rcond=None)
    if rank < columns.shape[1] or found[2] <= 0:
        return np.nan, np.nan
    return float(-found[0] / found[2]), float(-found[1] / found[2])


def _read_land(latitudes: np.ndarray, longitudes: np.ndarray, spacing: float) -> np.ndarray:
    """Share of land in boxes as wide as the cells of the data."""
    interpolator, land = _earth()
    side = np.full(latitudes.size, max(spacing, 0.0))
    reading = interpolator.read_boxes(Boxes(latitudes, longitudes, side, side), max(1, min(6, round(2 * spacing))))
    out, state = np.empty(latitudes.size), np.empty(latitudes.size, np.uint8)
    read_places(land, reading.starts, reading.cells, reading.weights, 1.0, 0.0, out, state)
    return np.where(state == WHOLE, out, np.nanmean(land))


def share_of_land() -> np.ndarray:
    """Per cent of land in boxes of one degree, float64 (latitude from the north, longitude from 180 W)."""
    return _earth()[1].reshape(180, 360)


@cache
def _earth() -> tuple[Interpolator, np.ndarray]:
    """The shipped share of land, one degree; its source stands in the file."""
    from dqwatch.sources import open_source

    source = open_source(resources.folder("rules") / "land.nc")
    (field,) = source.read(source.blocks()[0], Buffers())
    land = field.values.astype(np.float64)
    source.close()
    return Interpolator(source.grids[0]), land
