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
    cells = _cells(context, context.latitudes, context.longitudes)
    end = context.seconds
    first, last = find_sun(end - 3600.0 * min(hours, 24.0)), find_sun(end)
    greatest = np.maximum(cells.elevation(first), cells.elevation(last))
    # Where the sun crosses the meridian in between: its longitude falls from that of `first` by the degrees swept.
    swept = (first.longitude - last.longitude) % 360.0 if hours < 24 else 360.0
    ahead = first.longitude % 360.0 - cells.longitude
    past_noon = np.where(ahead < 0, ahead + 360.0, ahead) <= swept
    noon = np.maximum(*(cells.at_noon(sun) for sun in (find_sun(end - 3600.0 * hours), last)))
    return np.where(past_noon, np.maximum(noon, greatest), greatest)


class _Cells:
    """What does not depend on time, of the places of cells: float64 (cell,) each."""

    def __init__(self, latitudes: np.ndarray, longitudes: np.ndarray) -> None:
        lat, lon = (np.radians(np.asarray(degrees, np.float64)) for degrees in (latitudes, longitudes))
        self.cosine, self.sine = np.cos(lat), np.sin(lat)
        self.x, self.y = self.cosine * np.cos(lon), self.cosine * np.sin(lon)
        self.longitude = np.asarray(longitudes, np.float64) % 360.0

    def elevation(self, sun: Sun) -> np.ndarray:
        """Sine of the elevation of the sun."""
        lat, lon = math.radians(sun.latitude), math.radians(sun.longitude)
        across = self.x * (math.cos(lat) * math.cos(lon)) + self.y * (math.cos(lat) * math.sin(lon))
        return across + self.sine * math.sin(lat)

    def at_noon(self, sun: Sun) -> np.ndarray:
        """The same when the sun stands in the meridian."""
        lat = math.radians(sun.latitude)
        return self.cosine * math.cos(lat) + self.sine * math.sin(lat)


def _cells(context: Context, latitudes: np.ndarray, longitudes: np.ndarray) -> _Cells:
    cells: _Cells | None = context.memo.get("cells")
    if cells is None:
        cells = context.memo["cells"] = _Cells(latitudes, longitudes)
    return cells


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
