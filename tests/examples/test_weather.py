"""The example weather is red, moves, remembers and obeys its laws; the same seed gives the same."""

from __future__ import annotations

import numpy as np
import pytest

from examples.faults import INDEX
from examples.sphere import Harmonics
from examples.weather import CONSTANT, EPOCH, VARIABLES, Weather

DAY = np.timedelta64(86400, "s")
PLAUSIBLE = {  # SI; wide limits of what the atmosphere has shown
    "t_850": (200, 320),
    "t_500": (190, 290),
    "z_500": (43000, 61000),
    "q_850": (1e-7, 0.025),
    "u_850": (-75, 75),
    "v_850": (-75, 75),
    "2t": (183.15, 333.15),
    "2d": (178.15, 308.15),
    "10u": (-60, 60),
    "10v": (-60, 60),
    "msl": (85000, 110000),
    "sp": (45000, 110000),
    "tp": (0, 0.075),
    "cp": (0, 0.075),
    "swvl1": (0, 0.5),
    "swvl2": (0, 0.5),
    "lsm": (0, 1),
    "z": (0, 50000),
}


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather(seed=3)


@pytest.fixture(scope="module")
def pairs() -> np.ndarray:
    """00 and 06 UTC of every day of two years."""
    days = np.arange(np.datetime64("2001-01-01"), np.datetime64("2003-01-01")).astype("M8[s]")
    return np.stack([days, days + DAY // 4], axis=1).ravel()


@pytest.fixture(scope="module")
def states(weather: Weather, pairs: np.ndarray) -> np.ndarray:
    return weather.states(pairs)


def anomalies(values: np.ndarray) -> np.ndarray:
    """Deviation from mean and two annual harmonics, by hour: (day, hour, cell) from (2 * day, cell)."""
    values = values.reshape(-1, 2, values.shape[1]).astype(np.float64)
    angle = 2 * np.pi * np.arange(values.shape[0]) / 365.25
    basis = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    flat = values.reshape(values.shape[0], -1)
    return (flat - basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]).reshape(values.shape)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over the cells of the correlation in time; cells without variance are left out."""
    power = (first**2).sum(axis=0) * (second**2).sum(axis=0)
    there = power > 1e-12
    return float(((first * second).sum(axis=0)[there] / np.sqrt(power[there])).mean())


def test_states_are_float32_of_all_variables(states: np.ndarray, pairs: np.ndarray) -> None:
    assert states.shape == (pairs.size, len(VARIABLES), 1600)
    assert states.dtype == np.float32
    assert len(VARIABLES) >= 14
    assert np.isfinite(states).all()


@pytest.mark.parametrize("name", VARIABLES)
def test_values_are_plausible(states: np.ndarray, name: str) -> None:
    low, high = PLAUSIBLE[name]
    field = states[:, INDEX[name]]
    assert low <= field.min() < field.max() <= high


@pytest.mark.parametrize("name", VARIABLES)
def test_values_are_multiples_of_the_packing_step(states: np.ndarray, name: str) -> None:
    steps = states[::50, INDEX[name]].astype(np.float64) / VARIABLES[name].step
    assert (steps == np.rint(steps)).all()


@pytest.mark.parametrize("name", ["t_850", "t_500", "z_500", "msl", "q_850", "u_850", "v_850"])
def test_spectra_are_red(weather: Weather, states: np.ndarray, name: str) -> None:
    grid = weather.grid
    harmonics = Harmonics(grid, 20)
    fields = anomalies(states[:, INDEX[name]])[::10, 0]
    power = ((fields * grid.area_weights) @ harmonics.values.T.astype(np.float64)).reshape(fields.shape[0], -1, 2)
    by_degree = np.bincount(harmonics.degree, (power**2).sum(axis=2).mean(axis=0))
    assert by_degree[4:8].mean() > 1.5 * by_degree[10:14].mean() > 2.25 * by_degree[17:21].mean()


def test_the_weather_moves_but_remembers(states: np.ndarray) -> None:
    for name in ("t_850", "z_500", "msl", "u_850"):
        fields = anomalies(states[:, INDEX[name]])
        six_hours = correlation(fields[:, 0], fields[:, 1])
        day, five_days = (correlation(fields[:-lag, 0], fields[lag:, 0]) for lag in (1, 5))
        assert 0.9 < six_hours < 0.99, name
        assert five_days + 0.2 < day < six_hours - 0.1, name


def test_weather_travels_eastward(weather: Weather, states: np.ndarray) -> None:
    row = np.flatnonzero(weather.grid.latitudes == np.unique(weather.grid.latitudes)[24])  # about 47 N, 48 cells
    fields = anomalies(states[:, INDEX["t_850"]])[:, 0, row]
    east, west = (correlation(fields[:-1], np.roll(fields[1:], shift, axis=1)) for shift in (-1, 1))
    assert east > west + 0.05


def test_soil_has_a_long_memory_and_answers_to_rain(weather: Weather, states: np.ndarray) -> None:
    land = weather.land.is_land
    upper, lower = (anomalies(states[:, INDEX[name]])[:, 0][:, land] for name in ("swvl1", "swvl2"))
    assert correlation(upper[:-5], upper[5:]) > 0.4
    assert correlation(lower[:-30], lower[30:]) > 0.4
    six_hours = np.diff(states[:, INDEX["swvl1"]].reshape(-1, 2, 1600), axis=1)[:, 0][:, land]
    rain = states[1::2, INDEX["tp"]][:, land]
    assert six_hours[rain > 0.005].mean() > 0 > six_hours[rain == 0].mean()


def test_over_sea_the_soil_is_dry_as_in_era5(weather: Weather, states: np.ndarray) -> None:
    for name in ("swvl1", "swvl2"):
        assert not states[:, INDEX[name]][:, ~weather.land.is_land].any()
        assert states[:, INDEX[name]][:, weather.land.is_land].min() > 0


def test_rain_is_zero_inflated(states: np.ndarray) -> None:
    assert 0.3 < (states[:, INDEX["tp"]] == 0).mean() < 0.9
    assert 0.3 < (states[:, INDEX["cp"]] == 0).mean() < 0.9
    assert 1e-4 < states[:, INDEX["tp"]].mean() < 2e-3  # m in 6 h; on earth 7e-4


def test_relations_hold_everywhere(states: np.ndarray) -> None:
    assert (states[:, INDEX["2d"]] <= states[:, INDEX["2t"]]).all()
    assert (states[:, INDEX["cp"]] <= states[:, INDEX["tp"]]).all()
    assert (states[:, INDEX["cp"]] >= 0).all()


def test_thickness_is_hypsometric(states: np.ndarray) -> None:
    t_850, t_500, z, msl = (states[::20, INDEX[n]].astype(np.float64) for n in ("t_850", "t_500", "z_500", "msl"))
    # Mean temperature of the layers sea-850 hPa (lapse 6.5 K/km over about 1.45 km) and 850-500 hPa.
    expected = 287.05 * ((t_850 + 0.5 * 6.5 * 1.45) * np.log(msl / 85000) + 0.5 * (t_850 + t_500) * np.log(850 / 500))
    np.testing.assert_allclose(z, expected, rtol=0, atol=60)  # rounding of t by 1/32 K and of z by 8


def test_surface_pressure_follows_the_mountains(states: np.ndarray) -> None:
    for state in states[::100]:
        log_sp, z = np.log(state[INDEX["sp"]]), state[INDEX["z"]]
        assert np.corrcoef(log_sp, z)[0, 1] ** 2 > 0.95
        assert np.abs(state[INDEX["sp"]] - state[INDEX["msl"]])[z == 0].max() <= 16


@pytest.mark.parametrize(("row", "sign"), [(24, 1), (7, -1)])
def test_winds_are_nearly_geostrophic(weather: Weather, states: np.ndarray, row: int, sign: int) -> None:
    cells = np.flatnonzero(weather.grid.latitudes == np.unique(weather.grid.latitudes)[row])
    pressure = anomalies(states[:, INDEX["msl"]])[:, 0, cells]
    wind = anomalies(states[:, INDEX["v_850"]])[:, 0, cells]
    slope = np.roll(pressure, -1, axis=1) - np.roll(pressure, 1, axis=1)
    assert sign * correlation(slope, wind) > 0.7


def test_seasons_and_the_time_of_day(weather: Weather, states: np.ndarray, pairs: np.ndarray) -> None:
    land, latitude, longitude = weather.land.is_land, weather.grid.latitudes, weather.grid.longitudes
    t = states[:, INDEX["2t"]]
    month = pairs.astype("M8[M]").astype(int) % 12
    for region, sign in ((land & (latitude > 40), 1), (land & (latitude < -50), -1)):
        assert sign * (t[month == 6][:, region].mean() - t[month == 0][:, region].mean()) > 8
    six, midnight = t[1::2].mean(axis=0), t[::2].mean(axis=0)
    tropics = land & (np.abs(latitude) < 35)
    morning = tropics & (np.abs(longitude - 45) < 45)  # 06 UTC is between 6 and 12 h local time, 00 UTC night
    evening = tropics & (np.abs(longitude - 270) < 45)  # 06 UTC is midnight, 00 UTC the afternoon
    assert (six - midnight)[morning].mean() > 2
    assert (six - midnight)[evening].mean() < -2


def test_years_differ(weather: Weather, states: np.ndarray) -> None:
    fields = states[:, INDEX["swvl2"]][:, weather.land.is_land].reshape(2, 730, -1).mean(axis=1)
    assert np.abs(fields[1] - fields[0]).max() > 0.02


def test_constants_are_constant(states: np.ndarray) -> None:
    for name in CONSTANT:
        assert (states[:, INDEX[name]] == states[0, INDEX[name]]).all()


def test_a_third_is_land(weather: Weather) -> None:
    assert (weather.grid.area_weights * weather.land.fraction).sum() == pytest.approx(0.3, abs=0.01)


def test_the_seed_decides(weather: Weather, states: np.ndarray, pairs: np.ndarray) -> None:
    np.testing.assert_array_equal(Weather(3).states(pairs[:40]), weather.states(pairs[:40]))
    other = Weather(4).states(pairs[:2])
    assert np.corrcoef(other[0, INDEX["v_850"]], states[0, INDEX["v_850"]])[0, 1] < 0.5
    np.testing.assert_array_equal(other[:, INDEX["z"]], states[:2, INDEX["z"]])  # the land is the same


def test_a_date_has_its_weather_whatever_else_is_asked_for(
    weather: Weather, states: np.ndarray, pairs: np.ndarray
) -> None:
    rows = [3, 150, 700]
    steps = np.array([quantity.step for quantity in VARIABLES.values()])[:, None]
    alone = weather.states(pairs[rows])
    assert (np.abs(alone.astype(np.float64) - states[rows]) <= steps).all()


@pytest.mark.parametrize(
    "dates",
    [[], [EPOCH + DAY, EPOCH], [EPOCH, EPOCH], [EPOCH - DAY], [EPOCH + np.timedelta64(1, "h")]],
    ids=["none", "falling", "twice", "too early", "between steps"],
)
def test_impossible_dates_are_refused(dates: list[np.datetime64]) -> None:
    with pytest.raises(ValueError, match="dates: "):
        Weather(number=4).states(np.array(dates, "M8[s]"))
