"""Land, sea and mountains of the example weather (the same for every seed), and the water in the soil."""

from __future__ import annotations

import numpy as np

from examples.sphere import Grid, Harmonics, spectrum

GRAVITY = 9.80665
LAND_FRACTION = 0.3
GEOGRAPHY_SEED = 20
STEP_DAYS = 0.25


class Land:
    """Fractal continents: all arrays float32 (cell,).

    fraction : land-sea mask, 0..1
    is_land : bool, fraction >= 0.5
    height : m above the sea, 0 over sea
    continental : fraction smoothed over some 2,000 km, for the air aloft
    capacity : water that the upper soil can hold, m3 m-3
    """

    def __init__(self, grid: Grid) -> None:
        lmax = min(31, 2 * grid.number - 1)
        harmonics = Harmonics(grid, lmax)
        generator = np.random.Generator(np.random.Philox(GEOGRAPHY_SEED))
        relief = _fractal(generator, harmonics, lmax, peak=2.0, slope=2.6)
        ridges = _fractal(generator, harmonics, lmax, peak=5.0, slope=2.0)
        texture = _fractal(generator, harmonics, lmax, peak=5.0, slope=1.8)
        relief += 1.5 * (np.radians(grid.latitudes) < np.radians(-72))
        above = relief - _weighted_quantile(relief, grid.area_weights, 1 - LAND_FRACTION)
        fraction = np.clip(0.5 + 3.0 * above, 0.0, 1.0)
        self.fraction = (np.round(fraction * 16) / 16).astype(np.float32)
        self.is_land = self.fraction >= 0.5
        rough = np.clip(above, 0, None) * (350.0 + 450.0 * np.exp(np.clip(ridges, -3, 1.5)))
        self.height = np.where(fraction > 0, np.minimum(rough, 4800.0), 0.0).astype(np.float32)
        few = harmonics.degree <= 6
        smooth = harmonics.values[np.repeat(few, 2)]
        self.continental = np.clip(smooth.T @ (smooth @ (grid.area_weights * fraction)), 0, 1).astype(np.float32)
        self.capacity = np.clip(0.42 + 0.04 * texture, 0.3, 0.5).astype(np.float32)


class Soil:
    """Water in two layers (7 and 21 cm): filled by rain, dried by the sun, exchanging water; 0 over sea."""

    def __init__(self, land: Land, warmth: np.ndarray) -> None:
        """`warmth`: float32 (cell,), 0..1, how much the climate dries."""
        self._land = land.is_land
        self._capacity = land.capacity[land.is_land]
        self._drying = (0.25 + 0.75 * warmth[land.is_land]).astype(np.float32)
        self.upper = 0.6 * self._capacity
        self.lower = self.upper.copy()

    def advance(self, rain: np.ndarray, sun: np.ndarray) -> np.ndarray:
        """Take up `rain` (m in 6 h) under `sun` (0..1), both (step, cell): water of both layers, (2, step, cell)."""
        water = np.zeros((2, *rain.shape), np.float32)
        rain, sun = rain[:, self._land], sun[:, self._land]
        gain = np.minimum(0.7 * rain / 0.07, 0.2).astype(np.float32)
        loss = self._drying * (0.35 + 0.65 * sun) * STEP_DAYS
        layers = np.empty((2, *gain.shape), np.float32)
        for step in range(gain.shape[0]):
            full = self.upper / self._capacity
            exchange = (self.upper - self.lower) * (STEP_DAYS / 10.0)
            upper = self.upper + gain[step] * (1 - full * full) - loss[step] * (self.upper - 0.03) / 18.0 - exchange
            self.lower = self.lower + exchange / 3.0 - loss[step] * (self.lower - 0.03) / 80.0
            self.upper = np.clip(upper, 0.02, self._capacity)
            layers[0, step], layers[1, step] = self.upper, self.lower
        water[:, :, self._land] = layers
        return water


def _fractal(
    generator: np.random.Generator, harmonics: Harmonics, lmax: int, *, peak: float, slope: float
) -> np.ndarray:
    """One random field of variance 1, float64 (cell,)."""
    scale = np.sqrt(spectrum(lmax, peak, slope)[harmonics.degree] / (2 * harmonics.degree + 1))
    coefficients = generator.standard_normal((harmonics.degree.size, 2)) * scale[:, None]
    return coefficients.ravel() @ harmonics.values


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, level: float) -> float:
    order = np.argsort(values)
    return float(np.interp(level, np.cumsum(weights[order]), values[order]))
