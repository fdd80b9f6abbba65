"""A real series as a weather to learn from and to test on: its last years are not trained on (drift_real_faults.py)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.spatial import cKDTree

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.metrics.calendars import dates
from examples.sphere import Grid
from tests.benchmarks.drift_faults import (
    REAL_CLEAN,
    REAL_FAULTS,
    REAL_SPOILT,
    REAL_TEST_SHARE,
)
from tests.benchmarks.drift_series import Cycle
from tests.benchmarks.drift_spoiling import Fault, Moment, World

if TYPE_CHECKING:
    import xarray as xr

    from dqwatch.types import Source
    from examples.land import Land

_EPOCH = np.datetime64(0, "s")
_STEPS = {"day": 86400, "month": 30 * 86400, "year": 365 * 86400}
_FARTHEST = {"day": 30, "month": 6, "year": 10}
"""Steps that faults look back."""
_NULL, _REFERENCE = 110, 6_400
"""Training cycles that scale the statistics of peers, and values that fields of a month are held against."""


class RealGrid(Grid):
    """Cells of any grid; rows as the file has them."""

    def neighbours(self, count: int = 8) -> np.ndarray:
        """The nearest other cells of each cell, int64 (cell, count)."""
        return np.asarray(cKDTree(self.vectors).query(self.vectors, count + 1)[1][:, 1:], np.int64)


class RealSeries:
    """The files of one series, cut in two; times are seconds of their own calendar, as `datetime64[s]`."""

    every = (1, 1)
    step = 1
    """What a step is in `field` and in faults: steps, not hours."""

    def __init__(self, name: str, paths: Sequence[Path], seed: int) -> None:
        self.name, self.seed = name, seed
        source = dqwatch.open_source([str(p) for p in paths] if len(paths) > 1 else str(paths[0]))
        self.variables = tuple(v.name for v in source.variables)
        self._params = {v.name: v.param for v in source.variables}
        self._units = {v.name: v.units for v in source.variables}
        self._calendar = source.times[0].calendar
        self._seconds = np.asarray(source.times[0].seconds)
        self._fields = _read(source)
        gap = int(np.median(np.diff(self._seconds)))
        self._kind = min(_STEPS, key=lambda kind: abs(_STEPS[kind] - gap))
        self._gap = gap
        grid = source.grids[source.variables[0].grid]
        self._shape = grid.shape
        years = dates(self._seconds, self._calendar).year
        each = np.unique(years)
        first = each[-max(1, round(REAL_TEST_SHARE * each.size))]
        self._training = np.flatnonzero(years < first)
        test = np.array([r for r in np.flatnonzero(years >= first) if self._known(r, 1)])
        test = test[:: -(-test.size // REAL_CLEAN)]
        spoilt = np.array([r for r in test if self._known(r, _FARTHEST[self._kind])])
        self.training, self.test = self._dates(self._training), self._dates(test)
        chosen = np.unique(np.linspace(0, spoilt.size - 1, min(REAL_SPOILT, spoilt.size)).round().astype(np.int64))
        self.faulty = self._dates(spoilt[chosen])
        weights = np.asarray(grid.area_weights, np.float64).reshape(-1)
        latitudes, longitudes = (np.asarray(p, np.float64).reshape(-1) for p in (grid.latitudes, grid.longitudes))
        rows = np.full(self._shape[0], self._shape[1])
        sphere = RealGrid(0, latitudes, longitudes, weights / weights.sum(), rows)
        # No fault of a real series looks at land.
        self.world = World(sphere, cast("Land", None), self._deviations())

    def field(self, date: np.datetime64, variable: str, back: int = 0) -> np.ndarray:
        """The clean field some steps before a date, float32 (cell,)."""
        return self._fields[self._row(date) - back, self.variables.index(variable)]

    def forecast(self, date: np.datetime64, variable: str) -> None:
        """None: nobody has forecast real series."""

    def background(self) -> None:
        """Likewise."""

    def dataset(self) -> xr.Dataset:
        """The training years, as one would open them."""
        import xarray as xr

        grid, dims = self.world.grid, ("y", "x")
        places = {"latitude": grid.latitudes, "longitude": grid.longitudes}
        coordinates = {
            name: (dims, values.reshape(self._shape), {"standard_name": name}) for name, values in places.items()
        }
        shape = (self._training.size, *self._shape)
        fields = {
            v: (("time", *dims), self._fields[self._training, k].reshape(shape), {"units": self._units[v] or "1"})
            for k, v in enumerate(self.variables)
        }
        times = {"units": "seconds since 1970-01-01", "calendar": self._calendar, "standard_name": "time"}
        coordinates["time"] = ("time", self._seconds[self._training], times)  # type: ignore[assignment]
        return xr.Dataset(fields, coordinates)

    def faults(self) -> list[Fault]:
        """The committed faults that make sense here, in every variable."""
        return [
            Fault(f.family, v, f.size, (v,), f.spoil, packed=False, held=f.held)
            for f in REAL_FAULTS
            for v in self.variables
            if (not f.only or self._params[v] in f.only) and min(self._shape) >= f.least and f.step in {"", self._kind}
        ]

    def spoil(self, fault: Fault, date: np.datetime64) -> Cycle:
        """A fault at a cycle, and at the step before."""
        onset = self._spoilt(fault, date, 0)
        return Cycle(onset, onset if fault.held else self._spoilt(fault, date, 1))

    def years(self, times: np.ndarray) -> np.ndarray:
        """Calendar years, int64."""
        return np.asarray(dates((times - _EPOCH).astype(np.int64), self._calendar).year, np.int64)

    def months(self, times: np.ndarray) -> np.ndarray:
        """Numbers of the months that the series has, from 0; of a yearly series all are one."""
        if self._kind == "year":
            return np.zeros(times.size, np.int64)
        own = dates(self._seconds, self._calendar).month
        return np.searchsorted(np.unique(own), dates((times - _EPOCH).astype(np.int64), self._calendar).month)

    def reference(self, months: np.ndarray, null: np.ndarray) -> int:
        """Training cycles of each month that peers are given, beside those that scale their statistics."""
        left = np.bincount(np.delete(months, null))
        return int(min(left.min(), -(-_REFERENCE // self.known_cells.size)))

    @property
    def null_every(self) -> int:
        """Training cycles from one that scales the statistics of peers to the next; no divisor of a year."""
        return max(2, self.training.size // _NULL) if self._kind == "day" else 5

    @property
    def known_cells(self) -> np.ndarray:
        """Cells with values in all of training, int64: peers are given those only."""
        return np.flatnonzero(np.isfinite(self._fields[self._training]).all(axis=(0, 1)))

    def _dates(self, rows: np.ndarray) -> np.ndarray:
        return self._seconds[rows].astype("M8[s]")

    def _row(self, date: np.datetime64) -> int:
        return int(np.searchsorted(self._seconds, (date - _EPOCH).astype(np.int64)))

    def _known(self, row: int, back: int) -> bool:
        """Whether the steps before, and one more for a fault that lasts, are there without a gap."""
        last = row - back - 1
        return last >= 0 and abs(self._seconds[row] - self._seconds[last] - (back + 1) * self._gap) < self._gap

    def _spoilt(self, fault: Fault, date: np.datetime64, back: int) -> dict[str, np.ndarray]:
        key = [zlib.crc32(f"{self.name} {fault.name}".encode()), int((date - _EPOCH).astype(np.int64)) % 2**32]
        place, fresh = (np.random.Generator(np.random.Philox(np.random.SeedSequence([*key, n]))) for n in (0, 1 + back))
        moment = Moment(self.world, lambda v, hours: self.field(date, v, back + hours), 0.0, place, fresh)
        return {v: np.asarray(fault.spoil(moment, v), np.float64).astype(np.float32) for v in fault.variables}

    def _deviations(self) -> dict[str, np.ndarray]:
        """Deviations of training about its season, by least squares; 0 where cells have no value."""
        seconds = self._seconds[self._training]
        angle = 2 * np.pi * (seconds / (365.25 * 86400) % 1.0)
        waves = [] if self._kind == "year" else [f(angle) for f in (np.cos, np.sin)]
        basis = np.stack([np.ones_like(angle), *waves], axis=1)
        found = {}
        for k, variable in enumerate(self.variables):
            values = self._fields[self._training, k].astype(np.float64)
            there = np.isfinite(values).all(axis=0)
            left = values[:, there] - basis @ np.linalg.lstsq(basis, values[:, there], rcond=None)[0]
            sd = np.zeros(values.shape[1], np.float32)
            sd[there] = left.std(axis=0)
            found[variable] = sd
        return found


def _read(source: Source) -> np.ndarray:
    """All fields of a source, float32 (time, variable, cell)."""
    found = np.full((len(source.times[0]), len(source.variables), source.grids[0].n_cells), np.nan, np.float32)
    buffers = Buffers()
    for block in source.blocks():
        for one in source.read(block, buffers):
            found[one.time, one.variable] = one.values
    return found
