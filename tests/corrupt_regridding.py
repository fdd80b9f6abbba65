"""Corrupters of regridded data: each does one thing that regridding gets wrong, and says which rules that must trip.

The data (time, latitude, longitude) are made from a reference on another grid (tests/test_regridding.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Corruption(NamedTuple):
    """What is done to one of the two data sets, and the rules of `regridding` that it must trip: these and no other."""

    spoil: Callable[[Any], Any]
    trips: frozenset[str]
    spoilt: str = "data"
    """'data' or 'reference'."""
    same_grid: bool = False
    """Whether the data are on the cells of the reference."""


def changed(data: Any, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A copy in which the values of one variable are others."""
    return data.assign({name: data[name].copy(data=change(data[name].values).astype(data[name].dtype))})


def each(data: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A copy in which the values of all variables are others."""
    for name in data.data_vars:
        data = changed(data, name, change) if data[name].ndim == 3 else data
    return data


def late(data: Any, steps: int = 1) -> Any:
    """Each time has the values of a time before it, all but those of constant fields."""
    return each(data, lambda v: np.concatenate([v[:steps], v[:-steps]]))


def moved(data: Any, share: float = 0.5) -> Any:
    """All fields further east by a share of a cell (negative: west), by linear interpolation along rows."""

    def move(values: np.ndarray) -> np.ndarray:
        beside = np.roll(values, 1 if share > 0 else -1, axis=-1)
        between = (1 - abs(share)) * values + abs(share) * beside
        return np.where(np.isnan(between), values, between)

    return each(data, move)


def turned(data: Any, axis: int) -> Any:
    """All rows, or all columns, in reverse, the coordinates left as they are."""
    return each(data, lambda v: np.flip(v, axis))


def rolled(data: Any) -> Any:
    """From 0..360 to -180..180 degrees, the coordinates left as they are."""
    return each(data, lambda v: np.roll(v, v.shape[-1] // 2, axis=-1))


def masked(data: Any, cells: int = 3) -> Any:
    """Missing values of the sea surface grown by some cells, as interpolating several times does."""
    from scipy.ndimage import binary_dilation

    def grow(values: np.ndarray) -> np.ndarray:
        square = np.ones((1, 3, 3), bool)
        return np.where(binary_dilation(np.isnan(values), square, iterations=cells), np.nan, values)

    return changed(data, "sst", grow)


def filled(data: Any, share: float = 0.25) -> Any:
    """Missing values of the sea surface made up in a part of the rows."""
    n = round(share * data.sizes["latitude"])
    first = (data.sizes["latitude"] - n) // 2

    def fill(values: np.ndarray) -> np.ndarray:
        part = values[:, first : first + n]
        values = values.copy()
        values[:, first : first + n] = np.where(np.isnan(part), np.nanmean(part), part)
        return values

    return changed(data, "sst", fill)


def scaled(data: Any, name: str, factor: float) -> Any:
    return changed(data, name, lambda v: v * factor)


def once(data: Any, name: str, factor: float) -> Any:
    """Another factor at one time."""
    return changed(data, name, lambda v: np.concatenate([v[:5], v[5:6] * factor, v[6:]]))


def overshot(data: Any, share: float = 0.01) -> Any:
    """A cell with less than no rain, by a share of the most rain at that time."""

    def overshoot(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[3, 5, 5] = -share * values[3].max()
        return values

    return changed(data, "tp", overshoot)


def noisy(data: Any, sd: float = 0.4) -> Any:
    """Pressure with noise of some standard deviations."""
    rng = np.random.default_rng(0)
    return changed(data, "msl", lambda v: v + sd * v.std() * rng.normal(size=v.shape))


def shuffled(data: Any) -> Any:
    """The cells of one field of temperature in any order."""
    rng = np.random.default_rng(0)

    def shuffle(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[7] = rng.permutation(values[7].ravel()).reshape(values[7].shape)
        return values

    return changed(data, "t850", shuffle)


def smoothed(data: Any, cells: int = 5) -> Any:
    """Wind averaged over some cells along rows."""
    from scipy.ndimage import uniform_filter1d

    return changed(data, "u850", lambda v: uniform_filter1d(v, cells, axis=-1, mode="wrap"))


def flattened(data: Any, factor: float = 0.6) -> Any:
    """Departures of the wind from the mean of its row made smaller."""

    def flatten(values: np.ndarray) -> np.ndarray:
        mean = values.mean(axis=-1, keepdims=True)
        return mean + factor * (values - mean)

    return changed(data, "u850", flatten)


def relabelled(data: Any, units: str) -> Any:
    return data.assign({"2t": data["2t"].assign_attrs(units=units)})


def of_an_hour(data: Any) -> Any:
    """Bounds of times that say 1 h."""
    bounds = data["time_bounds"].copy()
    bounds[:, 0] = bounds[:, 1] - np.timedelta64(1, "h")
    return data.assign_coords(time_bounds=bounds)


def without_places(data: Any) -> Any:
    return data.drop_vars(["latitude", "longitude"])


def with_more(data: Any) -> Any:
    return data.assign(forcing=data["2t"].assign_attrs(units="1"))


def celsius(data: Any) -> Any:
    return changed(data, "2t", lambda v: v - 273.15)


def northern(reference: Any) -> Any:
    """The part of the reference north of 30 S."""
    return reference.isel(cell=reference["latitude"].values > -30)


def without(data: Any, time: int) -> Any:
    return data.isel(time=np.arange(data.sizes["time"]) != time % data.sizes["time"])


MEANS = ("cons.area_mean", "cons.area_mean.time", "cons.minmax")
ELSEWHERE = ("grid.flip_roll", "pairs.correlation", "pairs.unrelated", "lsm.match", "nan.halo")


def _must(spoil: Callable[[Any], Any], *trips: str, **rest: Any) -> Corruption:
    return Corruption(spoil, frozenset(trips), **rest)


REGRIDDING: dict[str, Corruption] = {
    "one step late": _must(late, "time.shift", "pairs.correlation", "cons.area_mean", "cons.flux", "cons.minmax"),
    "half a cell east": _must(moved, "grid.half_cell", "grid.offset", "pairs.correlation"),
    "a sixth of a cell west": _must(lambda d: moved(d, -1 / 6), "grid.offset"),
    "rows reversed": _must(lambda d: turned(d, -2), *ELSEWHERE),
    "columns reversed": _must(lambda d: turned(d, -1), *ELSEWHERE),
    "rolled by 180 degrees": _must(rolled, *ELSEWHERE),
    "mask grown": _must(masked, "lsm.match", "nan.halo"),
    "mask filled": _must(filled, "lsm.match"),
    "scaled": _must(lambda d: scaled(d, "2t", 1.02), *MEANS),
    "scaled a little": _must(lambda d: scaled(d, "2t", 0.999), "cons.area_mean"),
    "rain added": _must(lambda d: scaled(d, "tp", 1.05), "cons.flux"),
    "scaled once": _must(lambda d: once(d, "2t", 0.99), "cons.area_mean.time", "cons.minmax"),
    "left in degrees Celsius": _must(celsius, "cons.offset", *MEANS),
    "overshoot": _must(overshot, "cons.minmax"),
    "noise": _must(noisy, "pairs.correlation", "spectrum.small", "cons.minmax"),
    "cells shuffled": _must(shuffled, "pairs.unrelated", "pairs.correlation", "spectrum.small", "cons.area_mean.time"),
    "smoothed": _must(smoothed, "spectrum.small"),
    "flattened": _must(flattened, "spectrum.large", "spectrum.small"),
    "units of another quantity": _must(lambda d: relabelled(d, "m"), "pairs.units"),
    "units changed": _must(lambda d: relabelled(celsius(d), "degC"), "pairs.units_converted"),
    "accumulated over another time": _must(of_an_hour, "time.accum_valid"),
    "a time lost": _must(lambda d: without(d, 9), "time.align"),
    "the last time lost": _must(lambda d: without(d, -1), "time.align"),
    "a variable lost": _must(lambda d: d.drop_vars("msl"), "var.present"),
    "a level lost": _must(lambda d: d.drop_vars("t500"), "levels.same"),
    "a variable added": _must(with_more, "pairs.variables"),
    "places lost": _must(without_places, "pairs.compared", "pairs.area"),
    "the reference covers a part": _must(northern, "pairs.area", spoilt="reference"),
    "other values on the same cells": _must(lambda d: scaled(d, "u850", 0.98), "pairs.values", same_grid=True),
}
