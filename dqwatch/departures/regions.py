"""Where a field departs: the areas around the largest departure, as one box."""

from __future__ import annotations

import numpy as np

from dqwatch.scores.areas import Areas

_SHARE = 0.5
"""Of the largest departure: areas that reach it and lie around it are one region with it."""
_MOST = 0.5
"""Share of the areas from which on a departure is everywhere."""


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
    found = find_region(departures, areas)
    if not found.any() or found.mean() > _MOST:
        return ""
    return areas.name(found)
