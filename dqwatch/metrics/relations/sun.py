"""Where the sun stands, from time, latitude and longitude, in closed form.

The position of the sun is that of the low-precision formulas of the Astronomical Almanac (good to 0.01 degrees from
1950 to 2050): mean longitude and anomaly, the equation of the centre, the obliquity, and the sidereal time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dqwatch.metrics.relations.relation import Context

J2000 = 946728000.0
"""2000-01-01T12:00 UTC in seconds since 1970."""
DEGREES_PER_HOUR = 15.0


class Sun(NamedTuple):
    """The place where the sun stands in the zenith, in degrees north and degrees east (-180..180)."""

    latitude: float
    longitude: float


def find_sun(seconds: float) -> Sun:
    """The place where the sun stands in the zenith at a time (seconds since 1970, UTC)."""
    days = (seconds - J2000) / 86400.0
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.degrees(math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude)))
    sidereal = 280.46062 + 360.98564737 * days
    east = (ascension - sidereal + 180.0) % 360.0 - 180.0
    return Sun(math.degrees(math.asin(math.sin(obliquity) * math.sin(longitude))), east)


def highest_elevation(context: Context, hours: float) -> np.ndarray | None:
    """Sine of the greatest elevation of the sun from `hours` before the valid time until then, float64 (cell,).

    None where place or time is unknown.
    """
    if context.latitudes is None or context.longitudes is None or not math.isfinite(context.seconds):
        return None
    vectors = _vectors(context)
    end = context.seconds
    start = end - 3600.0 * min(hours, 24.0)
    first, last = find_sun(start), find_sun(end)
    greatest = np.maximum(_elevation(vectors, first), _elevation(vectors, last))
    # Where the sun crosses the meridian in between: its longitude falls from that of `first` by the hours between.
    swept = (last.longitude - first.longitude) % -360.0 if hours < 24 else -360.0
    past_noon = (first.longitude - np.asarray(context.longitudes)) % 360.0 <= -swept
    latitude = np.radians(np.asarray(context.latitudes, np.float64))
    noon = np.maximum(*(np.cos(latitude - math.radians(sun.latitude)) for sun in (find_sun(end - 3600 * hours), last)))
    return np.where(past_noon, np.maximum(noon, greatest), greatest)


def _elevation(vectors: np.ndarray, sun: Sun) -> np.ndarray:
    latitude, longitude = math.radians(sun.latitude), math.radians(sun.longitude)
    towards = (
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )
    return np.asarray(vectors @ np.array(towards))


def _vectors(context: Context) -> np.ndarray:
    """Unit vectors to the cells, float64 (cell, 3)."""
    if "vectors" not in context.memo:
        lat = np.radians(np.asarray(context.latitudes, np.float64))
        lon = np.radians(np.asarray(context.longitudes, np.float64))
        vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
        context.memo["vectors"] = vectors
    return np.asarray(context.memo["vectors"])


def mean_sunshine(latitude: np.ndarray, hour_angle: np.ndarray, hours: float, declination: float) -> np.ndarray:
    """Mean cosine of the zenith distance, 0 at night, over an interval.

    Parameters
    ----------
    latitude : np.ndarray, [rad]
    hour_angle : np.ndarray, [rad]
        Of the sun at the end of the interval: 0 at noon, growing with time; broadcast against `latitude`.
    hours : float
        Length of the interval; 0 for the value at its end.
    declination : float, [rad]

    Notes
    -----
    With a = sin(latitude) sin(declination), b = cos(latitude) cos(declination) the cosine is a + b cos(h) between
    sunrise and sunset, where cos(h) = -a/b; its integral is a h + b sin(h).
    """
    a, b = np.sin(latitude) * math.sin(declination), np.cos(latitude) * math.cos(declination)
    if hours <= 0:
        return np.maximum(a + b * np.cos(hour_angle), 0.0)
    sunset = np.arccos(np.clip(-a / np.maximum(b, 1e-12), -1.0, 1.0))
    day = 2 * (a * sunset + b * np.sin(sunset))

    def until(angle: np.ndarray) -> np.ndarray:
        """The integral from the midnight that hour angle -pi is."""
        turns = np.floor((angle + math.pi) / (2 * math.pi))
        inside = np.clip(angle - 2 * math.pi * turns, -sunset, sunset)
        return day * (turns + 0.5) + a * inside + b * np.sin(inside)

    length = math.radians(DEGREES_PER_HOUR * hours)
    return np.asarray((until(hour_angle) - until(hour_angle - length)) / length)
