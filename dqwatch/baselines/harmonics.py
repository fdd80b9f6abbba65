"""The functions of time that a climatology is made of: a constant, harmonics of the year, and the hour of the day."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.calendars import DAY, dates

_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
"""Days of a year before each month."""
_MOST_HOURS = 8
"""Times of day that are told apart."""


def year_fractions(seconds: np.ndarray, calendar: str) -> np.ndarray:
    """How far the year has gone at each time, float64 (time,), 0 <= fraction < 1.

    Parameters
    ----------
    seconds : np.ndarray int64 (time,)
        Since 1970-01-01 in `calendar`.
    calendar : str
        A calendar of the CF conventions.
    """
    found = dates(seconds, calendar)
    if calendar == "360_day":
        return ((found.month - 1) * 30 + found.day - 1 + found.second / DAY) / 360.0
    days = _BEFORE[found.month - 1] + found.day - 1 + found.second / DAY
    return np.minimum(days / 365.25, np.nextafter(1.0, 0.0))


def basis(fractions: np.ndarray, terms: int) -> np.ndarray:
    """A constant, then cosine and sine of each harmonic: float64 (time, terms), `terms` 1, 3, 5, ..."""
    angle = 2 * np.pi * np.asarray(fractions, np.float64)
    waves = [f(k * angle) for k in range(1, terms // 2 + 1) for f in (np.cos, np.sin)]
    return np.stack([np.ones_like(angle), *waves], axis=-1)


def find_hours(seconds: np.ndarray) -> np.ndarray:
    """The times of day (int64, seconds since midnight) that are told apart: those there are, or eighths of the day."""
    found = np.unique(seconds % DAY)
    return found if found.size <= _MOST_HOURS else np.arange(_MOST_HOURS) * (DAY // _MOST_HOURS)


def hour_indices(seconds: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """The nearest of `hours` for each time, int64 (time,)."""
    apart = np.abs((seconds[:, None] % DAY) - hours)
    return np.argmin(np.minimum(apart, DAY - apart), axis=1)


def choose_terms(seconds: np.ndarray, calendar: str) -> int:
    """How many terms the data bear: two harmonics from 3 years on, one from 2, else a constant.

    Counted are years of 365.25 days from the first time to the last; a year of which a fold is held out must still tell
    the season.
    """
    years = (int(seconds.max()) - int(seconds.min())) / (365.25 * DAY) if seconds.size else 0.0
    return 5 if years >= 2.9 else 3 if years >= 1.9 else 1
