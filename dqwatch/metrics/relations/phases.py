"""Whether data keep the time of the sun: phases of the diurnal cycle, gathered over many times.

Values are added as integers (fixed point), so that the result does not depend on the order in which times are added or
parts are merged. At most `CELLS` cells are looked at, the same of every field of a grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from dqwatch.metrics.relations.relation import NOTHING, Context, Violations
from dqwatch.metrics.relations.sun import DEGREES_PER_HOUR, find_sun, mean_sunshine

CELLS = 512
SHIFTS = np.arange(-12.0, 12.0)
"""h by which the sun is shifted to look for the best fit."""
SUNSHINE_LAG = 0.75
"""h."""
LONG_ENOUGH = 4 * 86400
"""s between first and last time from which a small domain tells a lag: clouds of single days shift it by an hour."""
WEAKEST_FIT = 0.5
"""Least correlation, of the best shift, from which a lag is told."""
WARMEST = 14.5
"""h, local solar time: the usual peak of the first harmonic of the temperature at 2 m."""
WARMTH_LAG = 3.0
"""h."""
LEAST_SWING = 0.2
"""K: smallest amplitude whose phase is told."""
_ONE = 1 << 32
_GOLDEN = (math.sqrt(5) - 1) / 2


class Phase(Protocol):
    """Gathers fields of one variable; `merge` takes in what another has gathered, in any order."""

    def add(self, values: np.ndarray, context: Context) -> None:
        """Take in the field (cell,) of one time."""

    def merge(self, other: Any) -> None:
        """Take in what another of the same kind has gathered."""

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that has been gathered."""

    def put(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in the `arrays` of another of the same kind; any order gives the same."""

    def finish(self) -> Violations:
        """The lag in hours as `worst`, negative if the data are early; all samples are violations or none."""


def pick_cells(n_cells: int) -> np.ndarray:
    """At most CELLS cells, spread evenly and out of step with the rows of any grid: int64 (cell,)."""
    if n_cells <= CELLS:
        return np.arange(n_cells)
    return np.floor((np.arange(CELLS) * _GOLDEN % 1.0) * n_cells).astype(np.int64)


def _fixed(values: np.ndarray | float) -> np.ndarray:
    return np.rint(np.asarray(values, np.float64) * _ONE).astype(np.int64)


class SunshinePhase:
    """Lag of radiation from the sun behind the sun itself.

    The mean cosine of the sun's zenith distance over the period of each field is computed with the sun shifted by -12
    to +11 h; the shift of the best correlation over all cells and times, refined by a parabola, is minus the lag. One
    global field is enough; of a domain that does not go around the globe, times over at least four days are needed.

    Nothing is told if the period, time or place is unknown, or if no shift gives a correlation of 0.5.
    """

    def __init__(self) -> None:
        self._n = 0
        self._first, self._last, self._around = math.inf, -math.inf, False
        self._values = np.zeros(2, np.int64)
        self._suns = np.zeros((3, SHIFTS.size), np.int64)

    def add(self, values: np.ndarray, context: Context) -> None:
        """Take in a field (cell,), W m-2 or J m-2; nothing if time, place or period is unknown."""
        if context.latitudes is None or context.longitudes is None or not math.isfinite(context.seconds):
            return
        hours = context.period_h
        if hours is None or hours >= 24:
            return
        cells = pick_cells(values.size)
        # About 1 at most; anything beyond 10 is no radiation.
        scaled = np.clip(values[cells].astype(np.float64) / (1400.0 * (3600.0 * hours or 1.0)), -10.0, 10.0)
        scaled, cells = scaled[np.isfinite(scaled)], cells[np.isfinite(scaled)]
        if not cells.size:
            return
        suns = self._shifted(context, cells, hours)
        self._first, self._last = min(self._first, context.seconds), max(self._last, context.seconds)
        self._around = self._around or _goes_around(np.asarray(context.longitudes)[cells])
        self._n += cells.size
        self._values += [int(_fixed(scaled).sum()), int(_fixed(scaled * scaled).sum())]
        self._suns += [_fixed(part).sum(axis=0) for part in (suns, suns * suns, suns * scaled[:, None])]

    @staticmethod
    def _shifted(context: Context, cells: np.ndarray, hours: float) -> np.ndarray:
        """Mean cosine of the zenith distance with the sun shifted, float64 (cell, shift)."""
        sun = find_sun(context.seconds - 1800.0 * hours)
        latitude = np.radians(np.asarray(context.latitudes, np.float64)[cells])[:, None]
        east = np.asarray(context.longitudes, np.float64)[cells][:, None] - sun.longitude
        middle = np.radians(east + DEGREES_PER_HOUR * SHIFTS)
        end = middle + math.radians(DEGREES_PER_HOUR * hours / 2)
        return mean_sunshine(latitude, end, hours, math.radians(sun.latitude))

    def merge(self, other: SunshinePhase) -> None:
        """Take in what another has gathered."""
        self._first, self._last = min(self._first, other._first), max(self._last, other._last)
        self._around = self._around or other._around
        self._n += other._n
        self._values += other._values
        self._suns += other._suns

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that has been gathered."""
        ends = np.array([self._first, self._last])
        numbers = np.array([self._n, self._around], np.int64)
        return {"ends": ends, "numbers": numbers, "values": self._values, "suns": self._suns}

    def put(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in the `arrays` of another."""
        other = SunshinePhase()
        other._first, other._last = arrays["ends"].tolist()
        other._n, around = arrays["numbers"].tolist()
        other._around = bool(around)
        other._values, other._suns = arrays["values"], arrays["suns"]
        self.merge(other)

    def correlations(self) -> np.ndarray:
        """Correlation with the sun at each of SHIFTS; NaN where one of the two does not vary."""
        n = float(self._n) or math.nan
        total, square = self._values / (_ONE * n)
        suns, squares, products = self._suns / (_ONE * n)
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.sqrt(np.maximum(square - total**2, 0) * np.maximum(squares - suns**2, 0))
            return np.asarray(np.where(spread > 1e-12, (products - total * suns) / spread, np.nan))

    def finish(self) -> Violations:
        """The lag in hours as `worst`."""
        enough = self._around or self._last - self._first >= LONG_ENOUGH
        found = self.correlations() if enough else np.array([np.nan])
        if np.isnan(found).any() or found.max() < WEAKEST_FIT:
            return NOTHING
        best = int(found.argmax())
        before, at, after = found[best - 1], found[best], found[(best + 1) % found.size]
        bend = before - 2 * at + after
        lag = -float(SHIFTS[best] + (0.5 * (before - after) / bend if bend < 0 else 0.0))
        return _told(self._n, (lag + 12.0) % 24.0 - 12.0, SUNSHINE_LAG)


class WarmthPhase:
    """Lag of the daily cycle of the temperature at 2 m behind its usual peak at 14.5 h local solar time.

    A cycle of 24 h by local solar time, of one amplitude and phase, is fitted to all cells, each about a mean of its
    own. Nothing is told from fewer than three times, if the times do not determine the phase, or if the cycle is
    smaller than 0.2 K.
    """

    def __init__(self) -> None:
        self._times = 0
        self._sums = np.zeros((8, 0), np.int64)
        """Per cell: number, and sums of y, c, s, y c, y s, c c, c s with c, s = cos, sin of the hour angle."""

    def add(self, values: np.ndarray, context: Context) -> None:
        """Take in a field (cell,), K; nothing if time or place is unknown."""
        if context.longitudes is None or not math.isfinite(context.seconds):
            return
        cells = pick_cells(values.size)
        y = np.clip((values[cells].astype(np.float64) - 250.0) / 100.0, -10.0, 10.0)
        known = np.isfinite(y)
        y = np.where(known, y, 0.0)
        east = np.asarray(context.longitudes, np.float64)[cells] - find_sun(context.seconds).longitude
        c, s = (np.where(known, f(np.radians(east)), 0.0) for f in (np.cos, np.sin))
        parts = _fixed(np.stack([y, c, s, y * c, y * s, c * c, c * s]))
        self._take(np.concatenate([known[None].astype(np.int64), parts]), 1)

    def merge(self, other: WarmthPhase) -> None:
        """Take in what another has gathered."""
        self._take(other._sums, other._times)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that has been gathered."""
        return {"times": np.array(self._times), "sums": self._sums}

    def put(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in the `arrays` of another."""
        self._take(arrays["sums"], int(arrays["times"]))

    def _take(self, sums: np.ndarray, times: int) -> None:
        if self._sums.shape[1] == 0:
            self._sums = np.zeros_like(sums)
        if sums.shape[1]:
            self._sums += sums
        self._times += times

    def finish(self) -> Violations:
        """The lag in hours as `worst`."""
        told = self._sums[:, self._sums[0] >= 2]
        if self._times < 3 or not told.shape[1]:
            return NOTHING
        n = told[0].astype(np.float64)
        y, c, s, yc, ys, cc, cs = told[1:] / _ONE
        # Second moments about the means of each cell; c c + s s = n.
        yc, ys, cc, cs, ss = yc - y * c / n, ys - y * s / n, cc - c * c / n, cs - c * s / n, n - cc - s * s / n
        moments = np.array([[cc.sum(), cs.sum()], [cs.sum(), ss.sum()]])
        small, large = np.linalg.eigvalsh(moments)
        if not small > 0.02 * n.sum() or not large > 0:
            return NOTHING
        along, across = np.linalg.solve(moments, [yc.sum(), ys.sum()])
        if 100.0 * math.hypot(along, across) < LEAST_SWING:
            return NOTHING
        peak = 12.0 + math.degrees(math.atan2(across, along)) / DEGREES_PER_HOUR
        return _told(int(told[0].sum()), (peak - WARMEST + 12.0) % 24.0 - 12.0, WARMTH_LAG)


def _goes_around(longitudes: np.ndarray) -> bool:
    """Whether cells lie on all sides of the globe."""
    angles = np.radians(longitudes)
    return math.hypot(float(np.cos(angles).mean()), float(np.sin(angles).mean())) < 0.5


def _told(n: int, lag: float, tolerance: float) -> Violations:
    return Violations(n, n if abs(lag) > tolerance else 0, lag, -1)
