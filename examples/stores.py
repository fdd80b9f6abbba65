"""Write states of the example weather as an anemoi-style gridded Zarr store, with zarr 2 or 3 (formats 2 and 3)."""

from __future__ import annotations

import json
import uuid
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr

from examples.sphere import Grid
from examples.weather import ACCUMULATED, CONSTANT, VARIABLES

SIX_HOURS = np.timedelta64(6 * 3600, "s")
STATISTICS = ("mean", "stdev", "minimum", "maximum")
OLD_ZARR = zarr.__version__.startswith("2.")
FORMATS = (2,) if OLD_ZARR else (2, 3)
"""Zarr formats that the installed zarr can write."""


class Moments:
    """Mean, population standard deviation, minimum and maximum by variable, from pieces; NaN are left out."""

    def __init__(self, count: int) -> None:
        self.n = np.zeros(count)
        self.mean = np.zeros(count)
        self._m2 = np.zeros(count)
        self.minimum = np.full(count, np.inf)
        self.maximum = np.full(count, -np.inf)

    def add(self, states: np.ndarray) -> None:
        """Take in `states` (date, variable, cell), by Chan's formula for merging."""
        if not states.size:
            return
        values = states.transpose(1, 0, 2).reshape(states.shape[1], -1).astype(np.float64)
        there = ~np.isnan(values)
        n = there.sum(axis=1)
        mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(n, 1)
        m2 = (np.where(there, values - mean[:, None], 0.0) ** 2).sum(axis=1)
        total = np.maximum(self.n + n, 1)
        step = mean - self.mean
        self._m2 += m2 + step**2 * self.n * n / total
        self.mean = self.mean + step * n / total
        self.n = self.n + n
        self.minimum = np.minimum(self.minimum, np.where(there, values, np.inf).min(axis=1))
        self.maximum = np.maximum(self.maximum, np.where(there, values, -np.inf).max(axis=1))

    @property
    def stdev(self) -> np.ndarray:
        return np.sqrt(self._m2 / np.maximum(self.n, 1))


def default_window(dates: np.ndarray) -> np.ndarray:
    """Which dates anemoi-datasets takes statistics from by default, bool (date,).

    The first 80 % of a set shorter than 10 years, else all but the last year, or the last three from 20 years on.
    """
    years = round((dates[-1] - dates[0]) / np.timedelta64(1, "s") / (365.25 * 86400))
    if dates.size < 10 or years < 10:
        return np.arange(dates.size) < max(1, int(dates.size * 0.8))
    calendar_year = dates.astype("M8[Y]")
    return calendar_year <= calendar_year[-1] - np.timedelta64(3 if years >= 20 else 1, "Y")


class Store:
    """A store that is filled date by date: `append` states in the order of `dates`, then `close`.

    Parameters
    ----------
    path : Path
        Must not exist.
    dates : datetime64 (date,)
    zarr_format : int
        One of FORMATS.
    description : str
        Goes into the attributes, after the word SYNTHETIC.
    cadence : str, optional
        Where dates come in pairs: the period that repeats, such as "3d". Written as the attribute ``dqwatch_cadence``
        together with the hours of the dates, because the steps of such an axis are not all equal by design.
    """

    def __init__(
        self, path: Path, dates: np.ndarray, grid: Grid, *, zarr_format: int = 2, description: str, cadence: str = ""
    ) -> None:
        self.dates, self.grid, self._format = dates.astype("M8[s]"), grid, zarr_format
        self._window = default_window(self.dates)
        self._moments, self._tendencies = Moments(len(VARIABLES)), Moments(len(VARIABLES))
        self._last: np.ndarray | None = None
        self._filled = 0
        group_options = {} if OLD_ZARR else {"zarr_format": zarr_format}
        self._group = zarr.open_group(str(path), mode="w-", **group_options)
        shape = (dates.size, len(VARIABLES), 1, grid.size)
        self._data = self._array("data", shape, "float32", ("time", "variable", "ensemble", "cell"), (1, *shape[1:]))
        self._put("dates", self.dates, "time")
        self._put("latitudes", grid.latitudes, "cell")
        self._put("longitudes", grid.longitudes, "cell")
        self._group.attrs.update(self._attributes(shape, description, cadence))

    def append(self, states: np.ndarray) -> None:
        """Write `states`, float32 (date, variable, cell), at the next dates."""
        if not states.shape[0]:
            return
        begin, end = self._filled, self._filled + states.shape[0]
        self._data[begin:end] = states[:, :, None, :]
        window, dates = self._window[begin:end], self.dates[begin:end]
        self._moments.add(states[window])
        if self._last is not None:
            states, dates, window = (
                np.concatenate([self._last, states]),
                self.dates[begin - 1 : end],
                self._window[begin - 1 : end],
            )
        pairs = (np.diff(dates) == SIX_HOURS) & window[1:]
        self._tendencies.add(np.subtract(states[1:][pairs], states[:-1][pairs], dtype=np.float64))
        self._last, self._filled = states[-1:], end

    def close(self) -> None:
        """Write the statistics.

        Raises
        ------
        ValueError
            If other than `dates.size` states were appended.
        """
        if self._filled != self.dates.size:
            raise ValueError(f"store: got {self._filled} states for {self.dates.size} dates")
        for name in STATISTICS:
            self._put(name, getattr(self._moments, name), "variable")
            if self._tendencies.n.any():
                self._put(f"statistics_tendencies_6h_{name}", getattr(self._tendencies, name), "variable")

    def _put(self, name: str, values: np.ndarray, dimension: str) -> None:
        self._array(name, values.shape, values.dtype, (dimension,), values.shape)[:] = values

    def _array(
        self, name: str, shape: tuple[int, ...], dtype: Any, dimensions: tuple[str, ...], chunks: tuple[int, ...]
    ) -> Any:
        dtype = np.dtype(dtype)
        fill = np.datetime64("NaT", "s") if dtype.kind == "M" else dtype.type(np.nan)
        options: dict[str, Any] = {"shape": shape, "chunks": chunks, "dtype": dtype, "fill_value": fill}
        blosc = {"cname": "zstd", "clevel": 1}
        with warnings.catch_warnings():
            # zarr 3 warns that format 3 has no final specification of datetime64, which anemoi stores use.
            warnings.filterwarnings("ignore", message=".*does not have a Zarr V3 specification")
            if OLD_ZARR:
                array = self._group.create_dataset(name, compressor=numcodecs.Blosc(**blosc, shuffle=2), **options)
            elif self._format == 2:
                array = self._group.create_array(name, compressors=numcodecs.Blosc(**blosc, shuffle=2), **options)
            else:
                array = self._group.create_array(
                    name,
                    compressors=zarr.codecs.BloscCodec(**blosc, shuffle="bitshuffle"),
                    chunk_key_encoding={"name": "default", "separator": "."},  # not three folders for each chunk
                    dimension_names=dimensions,
                    **options,
                )
        array.attrs["_ARRAY_DIMENSIONS"] = list(dimensions)
        return array

    def _attributes(self, shape: tuple[int, ...], description: str, cadence: str) -> dict[str, Any]:
        window = self.dates[self._window]
        values: dict[str, Any] = {
            "layout": "gridded",
            "version": "0.18",
            "description": f"SYNTHETIC weather, not observed and not modelled. {description}",
            "attribution": "made by examples/make_data.py of dqwatch",
            "variables": list(VARIABLES),
            "variables_metadata": {name: _metadata(name) for name in VARIABLES},
            "dimensions": ["dates", "variables", "ensembles", "values"],
            "resolution": f"o{self.grid.number}",
            "field_shape": [self.grid.size],
            "data_request": {"grid": f"O{self.grid.number}", "area": [90, 0, -90, 360]},
            "frequency": "6h",
            "start_date": str(self.dates[0]),
            "end_date": str(self.dates[-1]),
            "missing_dates": [],
            "statistics_start_date": str(window[0]),
            "statistics_end_date": str(window[-1]),
            "constant_fields": list(CONSTANT),
            "allow_nans": False,
            "dtype": "float32",
            "shape": list(shape),
            "chunks": [1, *shape[1:]],
        }
        if cadence:
            hours = sorted({int(hour) for hour in self.dates.astype("M8[h]").astype(np.int64) % 24})
            values["dqwatch_cadence"] = {"hours": hours, "every": cadence}
        values["uuid"] = str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(values, sort_keys=True)))
        return values


def _metadata(name: str) -> dict[str, Any]:
    quantity = VARIABLES[name]
    mars: dict[str, Any] = {"param": quantity.param, "levtype": "sfc" if quantity.level is None else "pl"}
    if quantity.level is not None:
        mars["levelist"] = quantity.level
    values: dict[str, Any] = {"mars": mars, "units": quantity.units, "constant_in_time": name in CONSTANT}
    if name in ACCUMULATED:
        values |= {"process": "accumulation", "period": ["0h", "6h"]}
    return values


def write_store(path: Path, dates: np.ndarray, blocks: Iterable[np.ndarray], grid: Grid, **options: Any) -> None:
    """Write a whole store: `blocks` of states (date, variable, cell) that follow each other; options as of `Store`."""
    store = Store(path, dates, grid, **options)
    for block in blocks:
        store.append(block)
    store.close()
