"""Seconds of a CF calendar as dates: year, month, day and time of day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DAY = 86400
_MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_LEAP_MONTHS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_EQUAL_YEARS = {"noleap": _MONTHS, "365_day": _MONTHS, "all_leap": _LEAP_MONTHS, "366_day": _LEAP_MONTHS}
_GREGORIAN_BEGINS = -12219292800
"""1582-10-15, before which the standard calendar is Julian."""
REAL = ("standard", "gregorian", "proleptic_gregorian")


class Dates(NamedTuple):
    """int64 (time,) each; `second` counts from midnight."""

    year: np.ndarray
    month: np.ndarray
    day: np.ndarray
    second: np.ndarray


def dates(seconds: np.ndarray, calendar: str) -> Dates:
    """Dates of seconds since 1970-01-01 of a calendar.

    Parameters
    ----------
    seconds : (time,) int64
    calendar : str
        A calendar of the CF conventions.

    Raises
    ------
    ValueError
        If the calendar is none of CF's.
    """
    seconds = np.asarray(seconds, np.int64)
    days, second = np.divmod(seconds, DAY)
    if calendar == "360_day":
        return Dates(1970 + days // 360, days // 30 % 12 + 1, days % 30 + 1, second)
    if calendar in _EQUAL_YEARS:
        lengths = _EQUAL_YEARS[calendar]
        years, days = np.divmod(days, lengths.sum())
        ends = np.cumsum(lengths)
        month = np.searchsorted(ends, days, side="right")
        return Dates(1970 + years, month + 1, days - (ends - lengths)[month] + 1, second)
    begins = calendar in REAL and (seconds.size == 0 or seconds.min() >= _GREGORIAN_BEGINS)
    if begins or calendar == "proleptic_gregorian":
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        number = months.astype(np.int64)
        first = months.astype("datetime64[D]").astype(np.int64)
        return Dates(1970 + number // 12, number % 12 + 1, days - first + 1, second)
    return _by_cftime(days, second, calendar)


def _by_cftime(days: np.ndarray, second: np.ndarray, calendar: str) -> Dates:
    import cftime

    found = np.atleast_1d(cftime.num2date(days, "days since 1970-01-01", calendar=calendar))
    parts = [np.array([getattr(date, part) for date in found], np.int64) for part in ("year", "month", "day")]
    return Dates(parts[0], parts[1], parts[2], second)


def label(year: int, month: int, day: int, second: int) -> str:
    """ISO 8601 without zone, as time axes have it."""
    minute, second = divmod(int(second), 60)
    hour, minute = divmod(minute, 60)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"


def labels(seconds: np.ndarray, calendar: str) -> list[str]:
    """`label` of each time."""
    return [label(*date) for date in zip(*(part.tolist() for part in dates(seconds, calendar)), strict=True)]
