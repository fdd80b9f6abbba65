"""Whether a field lies where another does: turned round, rolled, or moved by part of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.interpolation import Interpolator, Reading, moved
from dqwatch.metrics.kernel_pairs import WHOLE, read_places
from dqwatch.metrics.overlay import Overlay

FEWEST = 50
"""Places below which nothing is concluded."""
_ROUNDING = 1e-6
"""Of the size of values: what changes less from cell to cell does not change."""
TURNS = ("latitude_flip", "longitude_flip", "longitude_roll_180")
"""Mistakes of orientation; the flips are about the middle of the data, as reversed arrays are."""


class Placing(NamedTuple):
    """How a field lies against the reference; NaN where it cannot be told."""

    identity: float
    """Correlation as it lies."""
    turned: tuple[float, ...]
    """Correlation with the reference read as if turned, for each of TURNS."""
    east: float
    """Cells of the coarser grid by which the field lies too far east."""
    north: float


NOWHERE = Placing(np.nan, (np.nan,) * len(TURNS), np.nan, np.nan)


class Registration:
    """Readings of the reference, elsewhere than where it claims to be, for the sampled places of an overlay."""

    def __init__(self, overlay: Overlay) -> None:
        if overlay.interpolators is None:
            raise ValueError("nothing tells where the cells are")
        reference: Interpolator = overlay.interpolators[1]
        self._sample = overlay.sample
        self._weights = overlay.weights[self._sample] if self._sample.size == overlay.n_places else None
        lat, lon = (c[self._sample] for c in overlay.places)
        width, height = overlay.steps(lat)
        still = np.zeros_like(lat)
        self._beside = [
            reference.read(*moved(lat, lon, east, north))
            for east, north in ((width / 2, still), (-width / 2, still), (still, height / 2), (still, -height / 2))
        ]
        everywhere = overlay.places
        south_to_north = float(np.min(everywhere[0]) + np.max(everywhere[0]))
        west_to_east = float(np.min(everywhere[1]) + np.max(everywhere[1]))
        turned = [(south_to_north - lat, lon), (lat, west_to_east - lon)]
        self._turned: list[Reading | None] = [_mostly(reference.read(*at)) for at in turned]
        self._turned.append(_mostly(reference.read(lat, lon + 180.0)) if overlay.whole else None)

    def place(
        self, field: np.ndarray, read: np.ndarray, state: np.ndarray, reference: np.ndarray, factor: float
    ) -> Placing:
        """How a field lies against the reference.

        Parameters
        ----------
        field, read : np.ndarray (place,)
            The data, and the reference as read there, in the units of the data.
        state : np.ndarray (place,), uint8
            What is known of the reference there (kernel_pairs).
        reference : np.ndarray (cell,)
            The whole field of the reference, in its own units.
        factor : float
            Of the conversion of units.
        """
        own, other = field[self._sample].astype(np.float64), read[self._sample]
        known = np.isfinite(own) & (state[self._sample] == WHOLE)
        identity = self._correlate(own, other, known)
        turned = [np.nan if r is None else self._correlate(own, *_read(reference, r), known) for r in self._turned]
        return Placing(identity, tuple(turned), *self._shift(own, other, known, reference, factor))

    def _correlate(self, own: np.ndarray, other: np.ndarray, *known: np.ndarray) -> float:
        there = np.logical_and.reduce(known)
        if there.sum() < FEWEST:
            return np.nan
        weights = np.ones(int(there.sum())) if self._weights is None else self._weights[there]
        a, b = (x[there] - np.average(x[there], weights=weights) for x in (own, other))
        scale = np.sqrt(float((weights * a * a).sum()) * float((weights * b * b).sum()))
        return float((weights * a * b).sum() / scale) if scale > 0 else np.nan

    def _shift(
        self, own: np.ndarray, other: np.ndarray, known: np.ndarray, reference: np.ndarray, factor: float
    ) -> tuple[float, float]:
        """Least squares: the difference of the two is a shift times the slope of the reference, and a constant."""
        beside = [_read(reference, reading) for reading in self._beside]
        there = np.logical_and.reduce([known, *(inside for _, inside in beside)])
        if there.sum() < FEWEST:
            return np.nan, np.nan
        east, west, north, south = (factor * values[there] for values, _ in beside)
        weights = np.ones(east.size) if self._weights is None else self._weights[there]
        columns = [x - np.average(x, weights=weights) for x in (east - west, north - south, own[there] - other[there])]
        return _solve(columns, weights, _ROUNDING * float(np.abs(other[there]).max()))


def _solve(columns: Sequence[np.ndarray], weights: np.ndarray, rounding: float) -> tuple[float, float]:
    """Eastward and northward shift; NaN where the reference does not change in one of the directions."""
    east, north, difference = columns
    ee, nn, en = (float((weights * a * b).sum()) for a, b in ((east, east), (north, north), (east, north)))
    ed, nd = (float((weights * a * difference).sum()) for a in (east, north))
    determinant = ee * nn - en * en
    if not (determinant > 1e-6 * ee * nn and min(ee, nn) > rounding**2 * weights.sum()):
        return np.nan, np.nan
    return -(nn * ed - en * nd) / determinant, -(ee * nd - en * ed) / determinant


def _read(reference: np.ndarray, reading: Reading) -> tuple[np.ndarray, np.ndarray]:
    out, state = np.empty(reading.inside.size), np.empty(reading.inside.size, np.uint8)
    read_places(reference, reading.starts, reading.cells, reading.weights, 1.0, 0.0, out, state)
    return out, state == WHOLE


def _mostly(reading: Reading) -> Reading | None:
    """A reading that has most of its places; those of a region turned about its middle have not."""
    return reading if reading.inside.mean() > 0.5 else None


def judge(placings: Sequence[Placing]) -> tuple[str, float, float]:
    """How the fields of a variable lie, over all times.

    Parameters
    ----------
    placings : sequence of Placing

    Returns
    -------
    registration : str
        'identity', one of TURNS where the fields are at least twice as near to the turned reference (mean of
        1 - correlation), or '' where nothing can be told.
    east, north : float, [cells of the coarser grid]
        Median shift; NaN where fields are turned, or nothing can be told.
    """
    found = [p for p in placings if np.isfinite(p.identity)]
    if not found:
        return "", np.nan, np.nan
    departures = {"identity": float(np.mean([1 - p.identity for p in found]))}
    for k, turn in enumerate(TURNS):
        known = [1 - p.turned[k] for p in found if np.isfinite(p.turned[k])]
        if len(known) == len(found):
            departures[turn] = float(np.mean(known))
    best = min(departures, key=lambda name: departures[name])
    if best != "identity" and departures[best] < 0.5 * departures["identity"]:
        return best, np.nan, np.nan
    east, north = ([getattr(p, name) for p in found if np.isfinite(getattr(p, name))] for name in ("east", "north"))
    return "identity", float(np.median(east)) if east else np.nan, float(np.median(north)) if north else np.nan
