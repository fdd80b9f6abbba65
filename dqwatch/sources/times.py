"""Time values as numbers, dates or text → seconds since 1970 and ISO labels, in any CF calendar, never an exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from dqwatch.types import NOT_A_TIME

EPOCH = "seconds since 1970-01-01"
_UNITS = {
    86400.0: "d day days",
    3600.0: "h hr hrs hour hours",
    60.0: "min mins minute minutes",
    1.0: "s sec secs second seconds",
    1e-3: "ms msec msecs millisec millisecs millisecond milliseconds",
    1e-6: "us microsec microsecs microsecond microseconds",
    1e-9: "ns nanosec nanosecs nanosecond nanoseconds",
}
SECONDS = {word: seconds for seconds, words in _UNITS.items() for word in words.split()}
"""Length of each unit of time that has a fixed one."""
_CALENDARS = {"gregorian": "standard", "365_day": "noleap", "366_day": "all_leap"}
CALENDARS = ("standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day")
_SINCE = re.compile(r"^\s*(\w+)\s+since\s+(.+?)\s*$", re.IGNORECASE)
_REFERENCE = re.compile(
    r"^(?P<date>\d+-\d+-\d+)(?:[T\s]+(?P<clock>\d+:\d+(?::\d+(?:\.\d*)?)?))?"
    r"\s*(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?)?$",
    re.IGNORECASE,
)
_REFORM = -12219292800
"""1582-10-15 in seconds since 1970: before it, the standard calendar is Julian."""


class Times(NamedTuple):
    """Decoded times."""

    seconds: np.ndarray
    """int64, of the shape of the values; `NOT_A_TIME` where undecodable."""
    calendar: str
    problem: str | None = None
    """Why some or all times could not be decoded, one clause."""


def calendar_of(attrs: Mapping[str, Any]) -> str:
    """The declared calendar by the name that CF prefers; 'standard' if none is declared."""
    declared = str(attrs.get("calendar", "standard")).strip().lower()
    return _CALENDARS.get(declared, declared)


def has_reference(attrs: Mapping[str, Any]) -> bool:
    """Whether the units are those of a time: `hours since ...`."""
    return _SINCE.match(str(attrs.get("units", ""))) is not None


def decode_times(values: np.ndarray, attrs: Mapping[str, Any], name: str) -> Times:
    """Seconds since 1970-01-01 in the calendar of the values.

    Parameters
    ----------
    values : np.ndarray
        Numbers (NaN where missing), datetime64, or text.
    attrs : mapping
        `units` and `calendar` as CF has them; not needed for datetime64 and text.
    name : str
        For messages.
    """
    nothing = np.full(values.shape, NOT_A_TIME, np.int64)
    if values.dtype.kind == "M":
        return _completed(_whole_seconds(values), "proleptic_gregorian", name)
    if values.dtype.kind in "SUO":
        return _from_text(values, name)
    if values.dtype.kind not in "biuf":
        return Times(nothing, "standard", f"'{name}' holds values of type {values.dtype}, no times")
    calendar = calendar_of(attrs)
    if calendar not in CALENDARS:
        return Times(nothing, "standard", f"calendar '{attrs['calendar']}' of '{name}' is none that CF knows")
    units = attrs.get("units")
    if units is None:
        return Times(nothing, calendar, f"'{name}' has no units")
    found = _SINCE.match(str(units))
    if found is None:
        return Times(nothing, calendar, f"units '{units}' of '{name}' name no reference date ('days since ...')")
    length = SECONDS.get(found[1].lower(), SECONDS.get(found[1].lower().rstrip(".")))
    if length is None:
        return Times(nothing, calendar, f"'{found[1]}' in the units '{units}' of '{name}' has no fixed length")
    start = _reference(found[2], calendar)
    if start is None:
        return Times(nothing, calendar, f"the reference date in the units '{units}' of '{name}' is no date")
    return _completed(_added(start, values, length), calendar, name)


def _whole_seconds(values: np.ndarray) -> np.ndarray:
    """datetime64 or timedelta64 to the nearest second."""
    seconds = values.astype(f"{values.dtype.kind}8[s]")
    with np.errstate(invalid="ignore"):
        rest = (values - seconds) / np.timedelta64(1, "s")
        up = np.where(np.isnat(values), 0, np.floor(np.nan_to_num(rest) + 0.5)).astype(np.int64)
    return np.where(np.isnat(values), NOT_A_TIME, seconds.astype(np.int64) + up)


def _reference(text: str, calendar: str) -> int | None:
    """A reference date in seconds since 1970 in its calendar; None if it is none."""
    import cftime

    shift, found = 0, _REFERENCE.match(text)
    if found is not None:
        # cftime passes over zones like -6:00, the form that CF itself shows.
        text = f"{found['date']} {found['clock'] or '00:00'}"
        if found["sign"] and (found["clock"] or found["minutes"]):
            shift = (int(found["hours"]) * 60 + int(found["minutes"] or 0)) * (-60 if found["sign"] == "+" else 60)
    try:
        date = cftime.num2date(0, f"seconds since {text}", calendar, only_use_cftime_datetimes=True)
        return round(float(cftime.date2num(date, EPOCH, calendar))) + shift
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None


@lru_cache
def _limits(calendar: str) -> tuple[int, int]:
    """Seconds of the first year that the calendar has (0 or 1) and the end of 9999: other labels would not sort."""
    import cftime

    first = 1 if calendar in ("standard", "julian") else 0
    ends = (cftime.datetime(first, 1, 1, calendar=calendar), cftime.datetime(9999, 12, 30, calendar=calendar))
    first_second, last_day = (int(cftime.date2num(end, EPOCH, calendar)) for end in ends)
    return first_second, last_day + 86399


def _added(start: int, values: np.ndarray, length: float) -> np.ndarray:
    numbers = values.astype(np.float64)
    with np.errstate(all="ignore"):
        seconds = start + np.round(numbers * length)
        good = np.abs(seconds) < 2.0**62
    return np.where(good, np.where(good, seconds, 0).astype(np.int64), NOT_A_TIME)


def _completed(seconds: np.ndarray, calendar: str, name: str) -> Times:
    first, last = _limits(calendar)
    seconds = np.where((seconds < first) | (seconds > last), NOT_A_TIME, seconds)
    missing = int((seconds == NOT_A_TIME).sum())
    problem = None
    if missing:
        problem = f"{missing} of {seconds.size} values of '{name}' are missing or no dates before the year 10000"
    return Times(seconds, calendar, problem)


def _from_text(values: np.ndarray, name: str) -> Times:
    """ISO 8601 in the forms that files have: `2000-01-24_12:00:00` (WRF), `2000-01-24T12:00:00Z`."""
    seconds = np.full(values.shape, NOT_A_TIME, np.int64)
    for at in np.ndindex(values.shape):
        given: Any = values[at]
        text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
        text = re.sub(r"^(\d{4}-\d\d-\d\d)[_ ](?=\d)", r"\1T", text.strip("\0 ")).removesuffix("Z")
        if re.match(r"^\d{4}-\d\d", text):
            try:
                seconds[at] = _whole_seconds(np.array(np.datetime64(text)))
            except ValueError:
                continue
    times = _completed(seconds, "proleptic_gregorian", name)
    if times.problem and (times.seconds == NOT_A_TIME).all():
        return Times(seconds, "proleptic_gregorian", f"the text in '{name}' is no ISO 8601 date")
    return times


def decode_leads(values: np.ndarray, attrs: Mapping[str, Any]) -> np.ndarray | None:
    """Lead times in seconds, int64, `NOT_A_TIME` where missing; None if their units have no fixed length."""
    if values.dtype.kind == "m":
        return _whole_seconds(values)
    length = SECONDS.get(str(attrs.get("units", "")).strip().lower())
    if length is None or values.dtype.kind not in "biuf":
        return None
    return _added(0, values, length)


def labels_of(seconds: np.ndarray, calendar: str, raw: np.ndarray, leads: np.ndarray | None = None) -> list[str]:
    """ISO labels of times; the raw values as text where there is no time.

    Parameters
    ----------
    seconds : np.ndarray (time,), int64
    calendar : str
    raw : np.ndarray (time,)
        Values as the source has them.
    leads : np.ndarray (time,), int64, optional
        Appended as `+024h`, with minutes (`+000h30`) where they are no whole hours.
    """
    labels = np.full(seconds.shape, "", object)
    good = seconds != NOT_A_TIME
    plain = good & (calendar == "proleptic_gregorian")
    if calendar == "standard":
        plain = good & (seconds >= _REFORM)
    labels[plain] = np.datetime_as_string(seconds[plain].astype("M8[s]"), unit="s")
    rest = good & ~plain
    if rest.any():
        labels[rest] = _calendar_labels(seconds[rest], calendar)
    for at in np.flatnonzero(~good):
        labels[at] = raw_text(raw[at])
    if leads is not None:
        for at in np.flatnonzero(good & (leads != NOT_A_TIME)):
            labels[at] += _lead_text(int(leads[at]))
    return [str(label) for label in labels]


def _calendar_labels(seconds: np.ndarray, calendar: str) -> list[str]:
    import cftime

    dates = cftime.num2date(seconds, EPOCH, calendar, only_use_cftime_datetimes=True)
    return [f"{d.year:04d}-{d.month:02d}-{d.day:02d}T{d.hour:02d}:{d.minute:02d}:{d.second:02d}" for d in dates]


def _lead_text(seconds: int) -> str:
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, rest = divmod(seconds, 3600)
    return f"{sign}{hours:03d}h" + (f"{rest // 60:02d}" if rest else "")


def raw_text(value: Any) -> str:
    """A raw value as text: whole numbers without a decimal point."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    if isinstance(value, float | np.floating) and float(value).is_integer() and abs(float(value)) < 1e15:
        return str(int(value))
    return str(value)
