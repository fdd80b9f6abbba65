"""Synthetic weather for trying data checks: no model, no observation and no climate stands behind it.

Random fields that move and remember (`latents.py`) become variables by simple laws: winds from a stream function,
heights from the hypsometric equation, humidity from saturation, rain above a threshold, soil that rain fills and the
sun dries (`land.py`). Season, diurnal cycle by local solar time (`climate.py`) and slow anomalies are added.

``Weather(seed).states(dates)`` gives any dates on 6-hourly steps from `EPOCH` on. A date has the same weather whatever
other dates are asked for, up to the rounding of the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from examples.climate import Climate
from examples.land import GRAVITY, Land, Soil
from examples.latents import BLOCK, Path
from examples.sphere import octahedral_grid

EPOCH = np.datetime64("2000-01-01T00", "s")
"""The first step; the soil needs about a year to forget it."""
STEP = np.timedelta64(6 * 3600, "s")
GAS = 287.05
"""Gas constant of dry air, J kg-1 K-1."""
LAPSE = 0.0065
"""K m-1."""
STREAM = 1.35
"""Wind (m s-1) of a unit slope (per radian) of the stream function: geostrophic with the pressure below, 1.2 kg m-3."""


class Quantity(NamedTuple):
    """A variable; stored values are multiples of `step` (a power of 2), much as packing in GRIB leaves them."""

    param: str
    level: int | None
    units: str
    step: float


VARIABLES = {
    "t_850": Quantity("t", 850, "K", 2**-4),
    "t_500": Quantity("t", 500, "K", 2**-4),
    "z_500": Quantity("z", 500, "m2 s-2", 16.0),
    "q_850": Quantity("q", 850, "kg kg-1", 2**-18),
    "u_850": Quantity("u", 850, "m s-1", 2**-4),
    "v_850": Quantity("v", 850, "m s-1", 2**-4),
    "2t": Quantity("2t", None, "K", 2**-4),
    "2d": Quantity("2d", None, "K", 2**-4),
    "10u": Quantity("10u", None, "m s-1", 2**-4),
    "10v": Quantity("10v", None, "m s-1", 2**-4),
    "msl": Quantity("msl", None, "Pa", 8.0),
    "sp": Quantity("sp", None, "Pa", 16.0),
    "tp": Quantity("tp", None, "m", 2**-18),
    "cp": Quantity("cp", None, "m", 2**-18),
    "swvl1": Quantity("swvl1", None, "m3 m-3", 2**-12),
    "swvl2": Quantity("swvl2", None, "m3 m-3", 2**-12),
    "lsm": Quantity("lsm", None, "1", 2**-4),
    "z": Quantity("z", None, "m2 s-2", 32.0),
}
CONSTANT = ("lsm", "z")
ACCUMULATED = ("tp", "cp")
"""Over the 6 hours before the date."""


class Weather:
    """One history of weather on an octahedral grid.

    Parameters
    ----------
    seed : int
        Equal seeds give equal weather; the land is the same for all.
    number : int
        Of the grid: O16 has 1,600 cells.
    packed : bool
        Whether values are rounded as the stores are (`Quantity.step`).
    """

    def __init__(self, seed: int = 0, *, number: int = 16, packed: bool = True) -> None:
        self.seed = seed
        self.grid = octahedral_grid(number)
        self.land = Land(self.grid)
        self.packed = packed
        self._path = Path(self.grid, seed)

    def states(self, dates: Sequence[np.datetime64] | np.ndarray) -> np.ndarray:
        """The weather of `dates` (strictly increasing): float32 (date, variable, cell), variables as in `VARIABLES`."""
        return np.concatenate([block for _, block in self.blocks(dates)])

    def blocks(self, dates: Sequence[np.datetime64] | np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same piece by piece, at most BLOCK dates at a time: pairs of dates and states.

        Raises
        ------
        ValueError
            If `dates` is empty, does not increase, lies before EPOCH or between two 6-hourly steps.
        """
        dates = np.asarray(dates, "M8[s]")
        if dates.size == 0 or (np.diff(dates) <= np.timedelta64(0, "s")).any():
            raise ValueError(f"dates: got {dates.size} that do not increase strictly; give at least one, in order")
        steps, rest = np.divmod(dates - EPOCH, STEP)
        if steps[0] < 0 or (rest != np.timedelta64(0, "s")).any():
            raise ValueError(f"dates: {dates[0]} .. {dates[-1]}: only 6-hourly steps from {EPOCH} on can be made")
        soil = Soil(self.land, np.cos(np.radians(self.grid.latitudes)) ** 2)
        for number, coefficients in enumerate(self._path.blocks()):
            rows = steps[(steps >= number * BLOCK) & (steps < (number + 1) * BLOCK)] - number * BLOCK
            times = EPOCH + (np.arange(BLOCK) + number * BLOCK) * STEP
            water = self._water(Climate(times, self.grid, self.land), coefficients, soil)
            if rows.size:
                climate = Climate(times[rows], self.grid, self.land)
                yield times[rows], self._diagnose(climate, coefficients[rows], water[:, rows])
            if steps[-1] < (number + 1) * BLOCK:
                return

    def _water(self, climate: Climate, coefficients: np.ndarray, soil: Soil) -> np.ndarray:
        """Total and convective rain (m in 6 h), water in the two layers of soil: float32 (4, step, cell)."""
        wet, shower, slow = (self._path.field(coefficients, name) for name in ("rain", "shower", "slow_wet"))
        belts = climate.rain_belts + 0.35 * slow
        afternoon = 0.5 * self.land.fraction * climate.sun * climate.daily(17)
        warmth = np.clip((climate.temperature_sea_level - 292) / 12, -1.5, 0.6)
        steady = _rain(wet + 0.7 * belts + self.land.height / 6000 - 0.45, 0.0016)
        showers = _rain(0.75 * shower + 0.5 * wet + 0.8 * belts + 0.5 * warmth + afternoon - 0.75, 0.0018)
        if self.packed:
            steady, showers = (_round(rain, VARIABLES["tp"].step) for rain in (steady, showers))
        total = steady + showers
        return np.stack([total, showers, *soil.advance(total, climate.sun)])

    def _diagnose(self, climate: Climate, coefficients: np.ndarray, water: np.ndarray) -> np.ndarray:
        """All variables at the times of `climate`: float32 (time, variable, cell)."""
        latent = _Latents(self._path, coefficients)
        rain, showers, upper, lower = water
        values: dict[str, np.ndarray] = {"tp": rain, "cp": showers, "swvl1": upper, "swvl2": lower}
        values |= _aloft(climate, latent)
        values |= _ground(climate, latent, values, upper)
        values |= _winds(climate, latent)
        values |= {"lsm": self.land.fraction, "z": GRAVITY * self.land.height}
        states = np.empty((rain.shape[0], len(VARIABLES), self.grid.size), np.float32)
        for index, (name, quantity) in enumerate(VARIABLES.items()):
            states[:, index] = _round(values[name], quantity.step) if self.packed else values[name]
        return states


class _Latents:
    """The latent fields of some steps by name, made when first asked for."""

    def __init__(self, path: Path, coefficients: np.ndarray) -> None:
        self._path, self._coefficients = path, coefficients
        self._known: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._known:
            self._known[name] = self._path.field(self._coefficients, *name.split("."))
        return self._known[name]


def _aloft(climate: Climate, latent: _Latents) -> dict[str, np.ndarray]:
    """Temperature, height, pressure and humidity of the free air."""
    balance = np.float32(np.sqrt(2)) * climate.sine * climate.activity()
    front, warm = balance * latent["shear"], (1.3 + 2.4 * np.abs(climate.sine)) * latent["heat"]
    slow = 0.6 * latent["slow_heat"]
    low = climate.temperature_850 + 3.5 * front + warm + slow
    high = climate.temperature_500 + 2.6 * front + 0.6 * warm + slow
    msl = climate.pressure + 1000.0 * balance * latent["stream"] - 130.0 * latent["rain"] + 40.0 * latent["slow_wet"]
    bottom = low + 0.5 * LAPSE * 1450.0  # mean of the layer from the sea to 850 hPa
    thickness = GAS * 0.5 * (low + high) * np.float32(np.log(850 / 500))
    moisture = 0.9 + 0.7 * latent["moist"] + 0.5 * latent["rain"] + 0.9 * climate.rain_belts + 0.2 * latent["slow_wet"]
    humidity = 1 / (1 + np.exp(-moisture))
    vapour = humidity * _saturation(low)
    return {
        "t_850": low,
        "t_500": high,
        "msl": msl,
        "z_500": GAS * bottom * np.log(msl / 85000.0) + thickness,
        "q_850": 0.622 * vapour / (85000.0 - 0.378 * vapour),
    }


def _ground(climate: Climate, latent: _Latents, air: dict[str, np.ndarray], soil: np.ndarray) -> dict[str, np.ndarray]:
    """Temperature and dew point at 2 m, pressure at the ground; dry soil and clear sky swing more from day to night."""
    land = climate.land
    weather = air["t_850"] - climate.temperature_850
    clear = 1 / (1 + np.exp(0.8 * latent["rain"] + 0.6 * latent["moist"]))
    swing = climate.sun * (0.4 + land.fraction * (4.0 + 7.0 * clear) * (1.3 - soil))
    level = climate.temperature_sea_level + (0.4 + 0.4 * land.fraction) * weather
    mean = level + 0.7 * (1 + land.fraction) * climate.sine * latent["gust_v"] - LAPSE * land.height
    temperature = mean + swing * climate.daily(14.5)
    moisture = 1.2 + 0.6 * latent["moist"] + 0.4 * latent["rain"] + 0.5 * climate.rain_belts - land.fraction
    dryness = 1 / (1 + np.exp(moisture + 3.0 * soil))
    return {
        "2t": temperature,
        "2d": np.minimum(temperature, mean - 22.0 * dryness),
        "sp": air["msl"] * (1 - LAPSE * land.height / level) ** np.float32(GRAVITY / (GAS * LAPSE)),
    }


def _winds(climate: Climate, latent: _Latents) -> dict[str, np.ndarray]:
    """Winds at 850 hPa and, slowed and turned towards the low, at 10 m."""
    lively, slope = climate.activity(), (climate.activity(0.5) - climate.activity(-0.5)) / np.float32(np.radians(1))
    u, v = climate.jet, np.float32(0)
    ground = {}
    for name, share in (("stream", 1.0), ("shear", 0.25)):  # the shear is felt aloft: thermal wind
        u = u - share * STREAM * (lively * latent[f"{name}.northward"] + slope * latent[name])
        v = v + share * STREAM * lively * latent[f"{name}.eastward"]
        if name == "stream":
            turn = np.float32(np.radians(20)) * np.sign(climate.sine)
            drag = 0.75 - 0.35 * climate.land.fraction
            ground = {
                "10u": drag * (u * np.cos(turn) - v * np.sin(turn)) + 1.2 * latent["gust_u"],
                "10v": drag * (u * np.sin(turn) + v * np.cos(turn)) + 1.2 * latent["gust_v"],
            }
    return {"u_850": u + 1.5 * latent["gust_u"], "v_850": v + 1.5 * latent["gust_v"], **ground}


def _rain(excess: np.ndarray, scale: float) -> np.ndarray:
    """Rain of 6 h in m where `excess` is positive, none elsewhere; saturates at 4 cm."""
    rain = scale * np.clip(excess, 0, None) ** np.float32(1.6)
    return 0.04 * (1 - np.exp(-rain / np.float32(0.04)))


def _saturation(temperature: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water, Pa (Bolton 1980, The Computation of Equivalent Potential Temperature)."""
    celsius = temperature - np.float32(273.15)
    return 611.2 * np.exp(17.67 * celsius / (celsius + np.float32(243.5)))


def _round(values: np.ndarray, step: float) -> np.ndarray:
    """To the nearest multiple of a power of 2: exact in float32."""
    return np.rint(values * np.float32(1 / step)) * np.float32(step)
