"""The regular part of the example weather: season, time of day and mean state, as functions of place and time.

All arrays are float32, (time, cell) or something that broadcasts to it; latitudes in degrees. The figures are round
numbers of the right size, not fits to anything.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from examples.land import Land
from examples.sphere import Grid

YEAR_DAYS = 365.25


class Climate:
    """Mean state at given times."""

    def __init__(self, times: np.ndarray, grid: Grid, land: Land) -> None:
        """`times`: datetime64[s] (time,)."""
        self.latitude = grid.latitudes.astype(np.float32)
        self.sine = np.sin(np.radians(self.latitude))
        self.land = land
        day = (times - times.astype("M8[Y]")) / np.timedelta64(1, "D")
        self._day = day.astype(np.float32)[:, None]
        self._hour = (self._day % 1) * 24 + (grid.longitudes / 15).astype(np.float32)
        self.winter = self.season(20)
        """+1 in the middle of the northern winter, -1 in that of the southern."""

    def season(self, peak: float) -> np.ndarray:
        """Annual cycle, 1 on day `peak` of the year: (time, 1)."""
        return np.cos(2 * np.pi * (self._day - np.float32(peak)) / np.float32(YEAR_DAYS))

    def daily(self, peak: float) -> np.ndarray:
        """Diurnal cycle, 1 at `peak` hours local solar time: (time, cell)."""
        return np.cos(2 * np.pi * (self._hour - np.float32(peak)) / 24)

    @cached_property
    def sun(self) -> np.ndarray:
        """Cosine of the sun's zenith angle at noon, 0 in the polar night: (time, cell)."""
        declination = -23.4 * self.season(-10)
        return np.clip(np.cos(np.radians(self.latitude - declination)), 0, 1)

    @cached_property
    def warm_season(self) -> np.ndarray:
        """Deviation from the annual mean by latitude, -1..1, lagging the sun by 3 weeks: (time, cell)."""
        return -self.season(20) * self.sine

    @cached_property
    def warm_season_at_sea(self) -> np.ndarray:
        """The same, lagging by 8 weeks."""
        return -self.season(50) * self.sine

    def bump(self, centre: float | np.ndarray, width: float, *, both: bool = False) -> np.ndarray:
        """A Gaussian belt around a latitude (of both hemispheres), 1 in its middle."""
        latitude = np.abs(self.latitude) if both else self.latitude
        return np.exp(-(((latitude - centre) / np.float32(width)) ** 2))

    @cached_property
    def temperature_sea_level(self) -> np.ndarray:
        """Near the ground if it lay at sea level, K."""
        mean = 300.0 - 43.0 * self.sine**2 - 12.0 * self.bump(-90, 22)
        land = self.land.fraction
        return mean + 15.0 * land * self.warm_season + 3.5 * (1 - land) * self.warm_season_at_sea

    @cached_property
    def temperature_850(self) -> np.ndarray:
        """At 850 hPa, K."""
        return self._aloft(290.5, 32.0, 10.0)

    @cached_property
    def temperature_500(self) -> np.ndarray:
        """At 500 hPa, K."""
        return self._aloft(268.0, 29.0, 6.0)

    def _aloft(self, tropical: float, drop: float, swing: float) -> np.ndarray:
        """`tropical` less `drop` towards the poles; `swing` is the annual amplitude of a polar continent."""
        mean = tropical - drop * self.sine**2 - 0.15 * drop * self.bump(-90, 22)
        return mean + swing * (0.3 + 0.7 * self.land.continental) * self.warm_season

    @cached_property
    def pressure(self) -> np.ndarray:
        """At sea level, Pa."""
        belts = 800.0 * self.bump(33, 13, both=True) - 900.0 * self.bump(62, 12) - 2300.0 * self.bump(-65, 12)
        return 101150.0 + belts - 700.0 * self.land.continental * self.warm_season

    @cached_property
    def jet(self) -> np.ndarray:
        """Mean westerly wind at 850 hPa, m s-1: (time, cell)."""
        winter = self.winter * np.sign(self.sine)
        return 10.0 * (1 + 0.2 * winter) * self.bump(46, 14, both=True) - 6.0 * self.bump(4 - 8 * self.winter, 16)

    @cached_property
    def rain_belts(self) -> np.ndarray:
        """Where it rains: tropical belt that follows the sun, storm tracks, dry subtropics and poles."""
        tropics = 1.1 * self.bump(4 - 9 * self.winter, 9)
        storms = 0.5 * self.bump(50, 14, both=True) * (1 + 0.3 * self.winter * np.sign(self.sine))
        dry = 0.7 * self.bump(24, 9, both=True) + 0.8 * self.bump(90, 16, both=True)
        return tropics + storms - dry

    def activity(self, offset: float = 0.0) -> np.ndarray:
        """How lively the weather is, by latitude and season, at `offset` degrees north of the cells."""
        latitude = self.latitude + np.float32(offset)
        track = np.exp(-(((np.abs(latitude) - 52) / 20) ** 2))
        return 0.4 + track * (0.8 + 0.2 * self.winter * np.sign(latitude))
