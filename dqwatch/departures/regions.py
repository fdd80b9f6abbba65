"""Where a field departs: the areas around the largest departure, as one box; and the regions that are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.scores.areas import Areas, bands

_SHARE = 0.5
"""Of the largest departure: areas that reach it and lie around it are one region with it."""
_MOST = 0.5
"""Share of the areas from which on a departure is everywhere."""
_TROPICS = 20.0
"""Degrees of latitude."""
_BOXES = 24
"""On the sphere."""


def find_region(departures: np.ndarray, areas: Areas) -> np.ndarray:
    """The areas around the largest departure, connected, each at least half as large: bool (area,).

    Parameters
    ----------
    departures : np.ndarray float64 (area,)
        Not negative; NaN where unknown.
    areas : Areas

    Returns
    -------
    np.ndarray
        All False where no departure is known or positive.
    """
    values = np.where(np.isfinite(departures), departures, 0.0)
    found = np.zeros(values.size, bool)
    first = int(np.argmax(values)) if values.size else 0
    if not values.size or not values[first] > 0:
        return found
    high = values >= _SHARE * values[first]
    found[first] = True
    while True:
        grown = found | (areas.touching[found].any(axis=0) & high)
        if (grown == found).all():
            return found
        found = grown


def name_region(departures: np.ndarray, areas: Areas) -> str:
    """The box around the region of the largest departure; '' where it is everywhere, or nowhere."""
    found = find_place(departures, areas)
    return "" if found.all() or not found.any() else areas.name(found)


def find_place(departures: np.ndarray, areas: Areas) -> np.ndarray:
    """The region of the largest departure, bool (area,): every area where it is most of them."""
    found = find_region(departures, areas)
    return found if found.mean() <= _MOST else np.ones_like(found)


class Region(NamedTuple):
    """Some areas together."""

    name: str
    """'n.hem', 'tropics', 's.hem', 'land', 'sea', or the box around it."""
    areas: np.ndarray
    """bool (area,)."""


def lay_regions(areas: Areas, land: np.ndarray | None = None) -> list[Region]:
    """The regions of a grid: large ones by latitude, land and sea, then boxes of a dozen areas or so.

    Parameters
    ----------
    areas : Areas
    land : np.ndarray bool (area,), optional
        Areas that are mostly land.

    Returns
    -------
    list of Region
        None that holds no area or all areas, none twice.
    """
    named = name_regions(areas, land)
    boxes = _boxes(areas) if np.isfinite(areas.boxes).all() else []
    found: dict[bytes, Region] = {}
    for region in [*named, *boxes]:
        if region.areas.any() and not region.areas.all():
            found.setdefault(region.areas.tobytes(), region)
    return list(found.values())


def name_regions(areas: Areas, land: np.ndarray | None = None) -> list[Region]:
    """The regions of a scorecard that hold an area, by the middle of areas."""
    found = []
    if np.isfinite(areas.boxes).all():
        middle = 0.5 * (areas.boxes[:, 0] + areas.boxes[:, 1])
        north, south = middle > _TROPICS, middle < -_TROPICS
        found = [Region("n.hem", north), Region("tropics", ~north & ~south), Region("s.hem", south)]
    if land is not None:
        found += [Region("land", land), Region("sea", ~land)]
    return [r for r in found if r.areas.any()]


def _boxes(areas: Areas) -> list[Region]:
    """Areas told apart by the boxes, of some two dozen on the sphere, in which their middles lie."""
    edges, numbers = bands(_BOXES)
    south, north, west, east = areas.boxes.T
    sine = np.sin(np.radians(0.5 * (south + north)))
    band = np.clip(np.searchsorted(edges, sine, side="right") - 1, 0, numbers.size - 1)
    column = (0.5 * (west + east) % 360.0 / 360.0 * numbers[band]).astype(np.int64)
    place = np.concatenate([[0], np.cumsum(numbers)])[band] + column
    return [Region(areas.name(place == k), place == k) for k in np.unique(place)]


def mean_over_regions(departures: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """Means over regions of departures (cycle, area), each area alike: float64 (cycle, region); NaN without any."""
    known = np.isfinite(departures)
    members = np.array([r.areas for r in regions], np.float64).reshape(len(regions), departures.shape[1])
    sums = np.where(known, departures, 0.0).astype(np.float64) @ members.T
    counts = known.astype(np.float64) @ members.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(counts > 0, sums / counts, np.nan))
