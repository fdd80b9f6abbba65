"""Synthetic short forecasts of the example weather: the truth of the same time, and errors that move and remember.

They are what a gate may be given as a background. The errors are random fields of their own (`latents.py`, another
seed), so that they know nothing of a fault that is planted in a state.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from examples.latents import BLOCK, Path
from examples.weather import CONSTANT, EPOCH, STEP, VARIABLES, Weather

ERRORS = {
    "t_850": ("heat", 0.7),
    "t_500": ("shear", 0.5),
    "z_500": ("stream", 60.0),
    "q_850": ("moist", 6e-4),
    "u_850": ("gust_u", 1.5),
    "v_850": ("gust_v", 1.5),
    "2t": ("heat", 0.9),
    "2d": ("moist", 1.1),
    "10u": ("gust_u", 1.0),
    "10v": ("gust_v", 1.0),
    "msl": ("stream", 70.0),
    "sp": ("stream", 70.0),
    "tp": ("rain", 0.5),
    "cp": ("shower", 0.6),
    "swvl1": ("slow_wet", 0.006),
    "swvl2": ("slow_wet", 0.004),
}
"""Field of the error, and its standard deviation in the units of the variable; of rain, of its logarithm."""
_OTHER_WEATHER = 1_000_003
"""Added to the seed of the weather: errors are of another one."""


class Forecasts:
    """Short forecasts of one weather.

    Parameters
    ----------
    weather : Weather
        Rounded as it is.
    """

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._path = Path(weather.grid, weather.seed + _OTHER_WEATHER)
        self._blocks = enumerate(self._path.blocks())
        self._held = next(self._blocks)

    def of(self, dates: np.ndarray, states: np.ndarray) -> np.ndarray:
        """Forecasts of states (date, variable, cell); dates (6-hourly) must not lie before those of an earlier call."""
        steps = (dates.astype("M8[s]") - EPOCH) // STEP
        found = states.copy()
        for rows, coefficients in self._coefficients(steps):
            errors: dict[str, np.ndarray] = {}
            for index, name in enumerate(VARIABLES):
                if name in CONSTANT:
                    continue
                latent, size = ERRORS[name]
                if latent not in errors:
                    errors[latent] = self._path.field(coefficients, latent)
                found[rows, index] = self._spoil(name, found[rows, index], np.float32(size) * errors[latent])
        names = list(VARIABLES)
        dew, temperature = names.index("2d"), names.index("2t")
        found[:, dew] = np.minimum(found[:, dew], found[:, temperature])
        return found

    def _spoil(self, name: str, truth: np.ndarray, error: np.ndarray) -> np.ndarray:
        if name in ("tp", "cp"):
            spoilt = truth * np.exp(error)
        elif name.startswith("swvl"):
            spoilt = np.where(truth > 0, np.maximum(truth + error, 0.01), 0.0)
        else:
            spoilt = truth + error
        step = np.float32(VARIABLES[name].step)
        return np.rint(spoilt / step) * step if self._weather.packed else spoilt

    def _coefficients(self, steps: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of `steps`, and the coefficients of their errors, block by block."""
        for number in np.unique(steps // BLOCK).tolist():
            while self._held[0] < number:
                self._held = next(self._blocks)
            rows = np.flatnonzero(steps // BLOCK == number)
            yield rows, self._held[1][steps[rows] - number * BLOCK]
