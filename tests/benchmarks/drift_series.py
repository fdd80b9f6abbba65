"""Years of clean weather to learn from and to test on, and the spoilt cycles made of it (drift_skill.py)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from examples.backgrounds import Forecasts
from examples.weather import VARIABLES, Weather
from tests.benchmarks.drift_faults import DAYS_APART, EARLIER, FAULTY_EVERY, MOVING, TEST_YEARS, TRAINING_YEARS
from tests.benchmarks.drift_spoiling import Fault, Moment, World, spoil

if TYPE_CHECKING:
    import xarray as xr

FIRST = np.datetime64("2001-01-01", "s")
HOUR, DAY = np.timedelta64(3600, "s"), np.timedelta64(86400, "s")
STEP = 6
NULL_EVERY, CLEAN_EVERY, SPOILT_EVERY, REFERENCE = 13, 3, 2, 4
"""Training cycles from one that scales the statistics of peers to the next; test cycles from one that they see to the
next, and those that are spoilt among them likewise; training cycles of each month that they are given."""
_HARMONICS = 2


class Cycle(NamedTuple):
    """Spoilt fields of a cycle, and of the step before it for a fault that lasts: variable -> float32 (cell,)."""

    onset: dict[str, np.ndarray]
    before: dict[str, np.ndarray]


class Series:
    """One seed's weather.

    Attributes
    ----------
    training, test, faulty : np.ndarray datetime64[s] (cycle,)
        The cycles; `faulty` are those of `test` that are spoilt.
    """

    step = STEP
    variables = MOVING
    every = (CLEAN_EVERY, SPOILT_EVERY)
    null_every = NULL_EVERY

    def __init__(self, seed: int, *, training_years: int = TRAINING_YEARS, test_years: int = TEST_YEARS) -> None:
        self.seed = seed
        weather = Weather(seed)
        self.training, self.test = cycle_dates(training_years, test_years)
        self.faulty = self.test[FAULTY_EVERY - 1 :: FAULTY_EVERY]
        before = [self.faulty - hours * HOUR for hours in EARLIER]
        both = np.concatenate([self.training, self.test])
        self._dates = np.unique(np.concatenate([both, both - STEP * HOUR, *before]))
        keep = [list(VARIABLES).index(v) for v in MOVING]
        self._states = np.empty((self._dates.size, len(MOVING), weather.grid.size), np.float32)
        self._cycles = both
        self._forecasts = np.empty((both.size, *self._states.shape[1:]), np.float32)
        forecasts = Forecasts(weather)
        for dates, states in weather.blocks(self._dates):
            self._states[np.isin(self._dates, dates)] = states[:, keep]
            known = np.isin(dates, both)
            if known.any():
                self._forecasts[np.isin(both, dates)] = forecasts.of(dates[known], states[known])[:, keep]
        self.world = World(weather.grid, weather.land, self._deviations())

    def field(self, date: np.datetime64, variable: str, back: int = 0) -> np.ndarray:
        """A clean field some hours before a date, float32 (cell,)."""
        row = int(np.searchsorted(self._dates, date - back * HOUR))
        if self._dates[row] != date - back * HOUR:
            raise KeyError(f"no field {back} h before {date}")
        return self._states[row, MOVING.index(variable)]

    def forecast(self, date: np.datetime64, variable: str) -> np.ndarray:
        """The short forecast valid at a cycle, float32 (cell,)."""
        return self._forecasts[int(np.searchsorted(self._cycles, date)), MOVING.index(variable)]

    def dataset(self) -> xr.Dataset:
        """The training years, cycles and the states before them, as one would open them."""
        rows = np.isin(self._dates, np.concatenate([self.training, self.training - STEP * HOUR]))
        return self._as_dataset(self._dates[rows], self._states[rows])

    def part(self, dates: np.ndarray) -> xr.Dataset:
        """Clean states of some dates."""
        rows = np.isin(self._dates, dates)
        return self._as_dataset(self._dates[rows], self._states[rows])

    def background(self) -> xr.Dataset:
        """The short forecasts valid at the cycles of the training years."""
        rows = np.isin(self._cycles, self.training)
        return self._as_dataset(self._cycles[rows], self._forecasts[rows])

    def _as_dataset(self, dates: np.ndarray, states: np.ndarray) -> xr.Dataset:
        import xarray as xr

        grid = self.world.grid
        places = {"latitude": grid.latitudes, "longitude": grid.longitudes}
        coordinates = {name: ("cell", values, {"standard_name": name}) for name, values in places.items()}
        fields = {v: (("time", "cell"), states[:, k], {"units": VARIABLES[v].units}) for k, v in enumerate(MOVING)}
        return xr.Dataset(fields, {"time": dates.astype("M8[ns]"), **coordinates})

    def years(self, times: np.ndarray) -> np.ndarray:
        """Calendar years, int64."""
        return years_of(times)

    def months(self, times: np.ndarray) -> np.ndarray:
        """Months of the year from 0 on, int64."""
        return np.asarray(times.astype("M8[M]").astype(np.int64) % 12)

    def reference(self, months: np.ndarray, null: np.ndarray) -> int:
        """Training cycles of each month that peers are given, beside those that scale their statistics."""
        return REFERENCE

    @property
    def known_cells(self) -> np.ndarray:
        """All cells, int64."""
        return np.arange(self.world.grid.size)

    def spoil(self, fault: Fault, date: np.datetime64, since: np.datetime64 | None = None) -> Cycle:
        """A fault at a cycle, and at the step before; at the same place as in all cycles of the same beginning."""
        onset = spoil(fault, self._moment(fault, date, 0, since))
        return Cycle(onset, onset if fault.held else spoil(fault, self._moment(fault, date, STEP, since)))

    def _moment(self, fault: Fault, date: np.datetime64, back: int, since: np.datetime64 | None) -> Moment:
        time = date - back * HOUR
        key = [zlib.crc32(fault.name.encode()), self.seed, int(date.astype("i8"))]
        fixed = key if since is None else [*key[:2], int(since.astype("i8"))]
        seeds = [*fixed, 0], [*key, 1 + back]
        place, fresh = (np.random.Generator(np.random.Philox(np.random.SeedSequence(seed))) for seed in seeds)
        year = float((time - time.astype("M8[Y]")) / (365.25 * DAY))
        return Moment(self.world, partial(self.field, time), year, place, fresh)

    def _deviations(self) -> dict[str, np.ndarray]:
        """Deviations of training about season and hour, by least squares."""
        rows = np.isin(self._dates, self.training)
        dates = self._dates[rows]
        angle = 2 * np.pi * ((dates - dates.astype("M8[Y]")) / (365.25 * DAY))
        waves = [f(k * angle) for k in range(1, _HARMONICS + 1) for f in (np.cos, np.sin)]
        hours = (dates - dates.astype("M8[D]")) // HOUR
        basis = np.stack([*waves, *(hours == h for h in np.unique(hours))], axis=1).astype(np.float64)
        found = {}
        for k, variable in enumerate(MOVING):
            values = self._states[rows, k].astype(np.float64)
            left = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
            sd = left.std(axis=0)
            found[variable] = np.where(sd > 1e-6 * np.abs(values).max(), sd, 0.0).astype(np.float32)
        return found


def cycle_dates(training_years: int, test_years: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycles of the training years, then of the test years: every few days, each 6 hours later in the day."""
    first = FIRST.astype("M8[Y]")
    middle, end = (first + np.timedelta64(n, "Y") for n in (training_years, training_years + test_years))
    days = np.arange(FIRST, end.astype("M8[s]"), DAYS_APART * DAY)
    dates = days + (np.arange(days.size) % 4) * STEP * HOUR
    return dates[days < middle], dates[days >= middle]


def years_of(dates: np.ndarray) -> np.ndarray:
    """Calendar years, int64."""
    return dates.astype("M8[Y]").astype(np.int64) + 1970


def spoilt_cycles(series: Series, fault: Fault, n: int | None = None) -> Iterator[tuple[np.datetime64, Cycle]]:
    """The first n, or all, spoilt cycles of a fault."""
    for date in series.faulty[:n]:
        yield date, series.spoil(fault, date)
