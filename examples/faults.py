"""The faults planted in copies of the clean incoming state: one each, and nothing else differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from examples.sphere import Grid
from examples.weather import VARIABLES, Weather

INDEX = {name: index for index, name in enumerate(VARIABLES)}
FILL = 9999.0
POX_SHARE = 0.01
WET, DRY = 1e-3, 1e-4
"""Rain (m in 6 h) of a wet and below that of a dry cell."""


class Fault(NamedTuple):
    """`plant(state, weather, soil_sd)` returns the spoilt copy of a state, float32 (variable, cell).

    `soil_sd`: float32 (2, cell), standard deviation of swvl1 and swvl2 about their seasonal cycle.
    """

    variables: tuple[str, ...]
    text: str
    plant: Callable[[np.ndarray, Weather, np.ndarray], np.ndarray]


def disc(grid: Grid, latitude: float, longitude: float, radius: float) -> np.ndarray:
    """Cells within `radius` degrees of the cell that is nearest to a place, bool (cell,)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    place = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return grid.distance(int(np.argmax(grid.vectors @ place))) <= radius


def soil_region(weather: Weather, radius: float = 15.0) -> np.ndarray:
    """The cells on land of the disc (centre between 50 S and 50 N) that holds most of them, bool (cell,)."""
    grid, land = weather.grid, weather.land.is_land
    centres = np.flatnonzero(land & (np.abs(grid.latitudes) < 50)).tolist()
    best = max(centres, key=lambda cell: int((land & (grid.distance(cell) <= radius)).sum()))
    return land & (grid.distance(best) <= radius)


def deseasonalised_sd(values: np.ndarray, dates: np.ndarray) -> np.ndarray:
    """Standard deviation of `values` (date, cell) about a mean and two annual harmonics, float32 (cell,)."""
    day = (dates - dates.astype("M8[Y]")) / np.timedelta64(1, "D")
    angle = 2 * np.pi * day / 365.25
    basis = np.stack([np.ones_like(angle), *(f(k * angle) for k in (1, 2) for f in (np.cos, np.sin))], axis=1)
    coefficients = np.linalg.lstsq(basis, values.astype(np.float64), rcond=None)[0]
    return (values - basis @ coefficients).std(axis=0).astype(np.float32)


def pox_cells(rain: np.ndarray, grid: Grid) -> np.ndarray:
    """Dry cells among dry neighbours, no two close to each other: at most POX_SHARE of all, int64."""
    near = grid.neighbours(8)
    free = (rain < DRY) & (rain[near] < DRY).all(axis=1)
    chosen: list[int] = []
    for cell in np.random.Generator(np.random.Philox(grid.size)).permutation(np.flatnonzero(free)):
        if len(chosen) < POX_SHARE * grid.size and free[cell]:
            chosen.append(int(cell))
            free[np.append(near[near[cell]], near[cell])] = False
            free[cell] = False
    return np.sort(np.array(chosen, np.int64))


def _nan(state: np.ndarray, weather: Weather, _: np.ndarray) -> np.ndarray:
    state[INDEX["2t"], disc(weather.grid, 45, 10, 12)] = np.nan
    return state


def _celsius(state: np.ndarray, _weather: Weather, _: np.ndarray) -> np.ndarray:
    state[INDEX["2t"]] -= np.float32(273.15)
    return state


def wet_soil(state: np.ndarray, where: np.ndarray, soil_sd: np.ndarray) -> np.ndarray:
    """Soil wetter by 2 standard deviations in the cells of `where`, bool (cell,); changes `state` and returns it."""
    for name, sd in zip(("swvl1", "swvl2"), soil_sd, strict=True):
        step = VARIABLES[name].step
        state[INDEX[name], where] += np.rint(2 * sd[where] / step).astype(np.float32) * np.float32(step)
    return state


def _soil(state: np.ndarray, weather: Weather, soil_sd: np.ndarray) -> np.ndarray:
    return wet_soil(state, soil_region(weather), soil_sd)


def _fill(state: np.ndarray, weather: Weather, _: np.ndarray) -> np.ndarray:
    state[INDEX["t_850"], disc(weather.grid, -20, 140, 8)] = FILL
    return state


def _pox(state: np.ndarray, weather: Weather, _: np.ndarray) -> np.ndarray:
    rain = state[INDEX["tp"]]
    cells = pox_cells(rain, weather.grid)
    rain[cells] += np.float32(8 * WET)
    return state


FAULTS = {
    "incoming_nan": Fault(("2t",), "NaN in 2t within 12 degrees of 45 N 10 E, though no NaN are allowed.", _nan),
    "incoming_celsius": Fault(("2t",), "2t in degrees Celsius, though its units say K.", _celsius),
    "incoming_soil": Fault(
        ("swvl1", "swvl2"),
        "Soil wetter by 2 standard deviations (about the seasonal cycle, cell by cell) on the land within 15 degrees "
        "of one place: every value is possible, the state is not.",
        _soil,
    ),
    "incoming_fill": Fault(
        ("t_850",), "9999 instead of missing values in t_850 within 8 degrees of 20 S 140 E.", _fill
    ),
    "forecast_pox": Fault(
        ("tp",), "A forecast for the same date with isolated points of rain: 8 mm more on 1 % of the cells.", _pox
    ),
}
