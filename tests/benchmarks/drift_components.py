"""What detectors of whole states are given: components of the states, means over blocks (drift_peers.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tests.benchmarks.drift_methods import Weather
from tests.benchmarks.drift_spoiling import Fault

N_COMPONENTS = 24
WINDOW = 8
"""Cycles that a test of two samples of states is given at a time."""
_BANDS, _COLUMNS = 6, 8
"""Blocks of equal area: bands of latitude, columns of longitude."""
_HOURS_A_DAY = 24


def blocks(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    """The block of each cell, int64 (cell,), numbers without gaps."""
    band = np.minimum((np.sin(np.radians(latitudes)) + 1) / 2 * _BANDS, _BANDS - 1).astype(np.int64)
    column = np.minimum(longitudes % 360 / 360 * _COLUMNS, _COLUMNS - 1).astype(np.int64)
    return np.unique(band * _COLUMNS + column, return_inverse=True)[1]


class Components:
    """The leading components of training: of departures from season and hour of the day, in standard deviations.

    Each variable and cell counts by the root of its area; what is missing counts as usual.
    """

    def __init__(self, series: Weather, weights: np.ndarray, sd: Mapping[str, np.ndarray]) -> None:
        self._series, self._roots = series, np.sqrt(weights)
        self._sd = {v: np.where(sd[v] > 0, sd[v], np.inf).astype(np.float64) for v in series.variables}
        functions = _functions(series.training)
        self._means = {}
        states = []
        for v in series.variables:
            values = np.stack([series.field(date, v) for date in series.training]).astype(np.float64)
            self._means[v] = np.linalg.lstsq(functions, values, rcond=None)[0]
            states.append((values - functions @ self._means[v]) / self._sd[v] * self._roots)
        stacked = np.concatenate(states, axis=1)
        values, vectors = np.linalg.eigh(stacked @ stacked.T)
        leading = np.argsort(values)[::-1][:N_COMPONENTS]
        patterns = (stacked.T @ vectors[:, leading]) / np.sqrt(values[leading])
        cells = self._roots.size
        self._patterns = {v: patterns[k * cells : (k + 1) * cells] for k, v in enumerate(series.variables)}
        self.training = (stacked @ patterns).astype(np.float32)
        """(cycle, component)."""
        self._scale = self.training.std(axis=0)
        self.training /= self._scale

    def of(self, dates: np.ndarray) -> np.ndarray:
        """Of clean cycles, float32 (cycle, component), variance 1 in training."""
        found = np.zeros((dates.size, N_COMPONENTS))
        for v in self._series.variables:
            found += self._own(v, dates, np.stack([self._series.field(date, v) for date in dates]))
        return (found / self._scale).astype(np.float32)

    def of_fault(self, fault: Fault, dates: np.ndarray, cycles: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
        """Of the same cycles where the fields of a fault stand for theirs."""
        found = self.of(dates).astype(np.float64)
        for v in fault.variables:
            clean = np.stack([self._series.field(date, v) for date in dates])
            change = self._own(v, dates, np.stack([one[v] for one in cycles])) - self._own(v, dates, clean)
            found += change / self._scale
        return np.clip(found, -1e30, 1e30).astype(np.float32)

    def _own(self, variable: str, dates: np.ndarray, values: np.ndarray) -> np.ndarray:
        left = (values - _functions(dates) @ self._means[variable]) / self._sd[variable] * self._roots
        return np.asarray(np.where(np.isfinite(left), left, 0.0) @ self._patterns[variable])


def windows(clean: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows of cycles as far apart as those that are spoilt: positions among clean ones, and among the spoilt.

    Parameters
    ----------
    clean : int
        Clean cycles.
    rows : np.ndarray int64 (cycle,)
        Which of them are spoilt, evenly.

    Returns
    -------
    int64 (window, cycle), int64 (window, cycle)
    """
    apart = int(np.diff(rows).max()) if rows.size > 1 else 1
    steps = np.arange(WINDOW)
    first = np.arange(max(0, clean - apart * (WINDOW - 1)))
    return first[:, None] + apart * steps, np.arange(max(0, rows.size - WINDOW + 1))[:, None] + steps


def _functions(dates: np.ndarray) -> np.ndarray:
    angle = 2 * np.pi * ((dates - dates.astype("M8[Y]")) / np.timedelta64(31_557_600, "s"))
    waves = [f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)]
    hours = (dates - dates.astype("M8[D]")) // np.timedelta64(3600, "s")
    return np.stack([*waves, *((hours == h).astype(float) for h in range(0, _HOURS_A_DAY, 6))], axis=1)
