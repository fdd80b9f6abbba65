"""Corrupters of values, masks, times, units, coordinates and storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from clean import earth
from corruption import Corruption, attributed, audited, changed, replaced
from sources.zarr_files import FORMATS, OLD_ZARR, make_array, make_empty_array, make_group

HOUR = np.timedelta64(1, "h")
AT = 7
"""The time that is spoilt."""


def masked_sst(data: xr.Dataset) -> xr.Dataset:
    """A sea surface temperature that is missing on land."""
    sst = data["2t"].clip(271, None).where(data["lsm"] < 0.7).astype("f4")
    return data.assign(sst=sst.assign_attrs(units="K"))


def shifted_mask(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """Its mask moved east by some cells at one time."""
    data = masked_sst(data)
    values = data["sst"].values.copy()
    land = np.isnan(np.roll(values[AT], int(n), axis=-1))
    values[AT] = np.where(land, np.nan, np.where(np.isnan(values[AT]), 280, values[AT]))
    return changed(data, "sst", values)


def without(data: xr.Dataset, n: float, folder: Path) -> str:
    """The last times of one variable in a file of their own are not there."""
    data.drop_vars("2t").to_netcdf(folder / "a.nc")
    data[["2t"]].isel(time=slice(0, -int(n))).to_netcdf(folder / "b.nc")
    return f"{folder}/*.nc"


def same_everywhere(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    return replaced(data, "2t", AT, 280.0, data["2t"][0].size)


def copied_forward(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    values = data["2t"].values.copy()
    values[AT : AT + int(n)] = values[AT - 1]
    return changed(data, "2t", values)


def one_field(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    return changed(data, "2t", np.broadcast_to(data["2t"].values[:1], data["2t"].shape))


def retimed(data: xr.Dataset, times: np.ndarray) -> xr.Dataset:
    return data.drop_vars("time_bounds").assign_coords(time=times)


def undecodable(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    """The numbers YYYYMM, as if they were times."""
    numbers = 200000.0 + np.arange(1, data.sizes["time"] + 1)
    data = retimed(data, numbers)
    data["time"].attrs = {"units": "YYYYMM", "calendar": "standard", "axis": "T"}
    return data


def swapped(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    order = [*range(AT), AT + 1, AT, *range(AT + 2, data.sizes["time"])]
    return data.isel(time=order)


def doubled(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """A time label that stands there twice, with other values."""
    times = data["time"].values.copy()
    end = AT + int(n)
    return retimed(moved(data.isel(time=[*range(end), *range(AT, times.size)])), np.r_[times[:end], times[AT:]])


def moved(data: xr.Dataset) -> xr.Dataset:
    """Other weather, the same times."""
    for name in ("2t", "t850", "t500", "u850", "msl"):
        values = data[name].values
        data = changed(data, name, values * (1 + 1e-5 * np.arange(len(values)))[:, None, None])
    return data


def holed(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """Some times are not there."""
    return data.isel(time=[*range(AT), *range(AT + int(n), data.sizes["time"])])


def late(data: xr.Dataset, minutes: float, _: Path) -> xr.Dataset:
    """A label some minutes late."""
    times = data["time"].values.copy()
    times[AT] += np.timedelta64(int(minutes), "m")
    return retimed(data, times)


def lost_date(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """All fields of some times are NaN, and nobody says so."""
    for name in data.data_vars:
        values = data[name].values.copy()
        values[AT : AT + int(n)] = np.nan
        data = changed(data, str(name), values)
    return data


def in_the_future(data: xr.Dataset, days: float, _: Path) -> xr.Dataset:
    """The last time lies so many days after now."""
    times = data["time"].values
    today = np.datetime64("now", "D")
    return retimed(data, times + (today - times[-1].astype("M8[D]")) + np.timedelta64(int(days), "D"))


def in_360_days(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    return data.drop_vars("time_bounds").convert_calendar("360_day", align_on="date")


def too_short(data: xr.Dataset, n: float, folder: Path) -> str:
    """An array that was extended or copied in part."""
    path = stored(data, folder)
    group = zarr.open_group(path)
    array = group["2t"]
    array.resize((array.shape[0] - int(n), *array.shape[1:]))
    return path


def stored(data: xr.Dataset, folder: Path) -> str:
    """As a Zarr store, written with plain zarr: a chunk is a time."""
    group = make_group(folder / "a.zarr", FORMATS[-1])
    hours = (data["time"].values - data["time"].values[0]) // HOUR * 1.0
    coords = {
        "time": (
            ("time",),
            hours,
            {"units": f"hours since {str(data['time'].values[0])[:19]}", "calendar": "standard"},
        ),
        "latitude": (("latitude",), data["latitude"].values, dict(data["latitude"].attrs)),
        "longitude": (("longitude",), data["longitude"].values, dict(data["longitude"].attrs)),
    }
    fields = {str(n): (v.dims, v.values, dict(v.attrs)) for n, v in data.data_vars.items()}
    for name, (dims, values, attributes) in {**coords, **fields}.items():
        chunks = (1, *values.shape[1:]) if values.ndim > 1 else values.shape
        make_array(group, name, values, chunks, dims=dims, attrs=attributes)
    return str(folder / "a.zarr")


def in_celsius(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    return changed(data, "2t", data["2t"].values - 273.15)


def mixed_levels(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    """Temperature on two levels, one of them given in Pa."""
    one = data["t850"].expand_dims(level=1).assign_coords(level=("level", [850.0], {"units": "hPa"}))
    two = data["t500"].expand_dims(plev=1).assign_coords(plev=("plev", [50000.0], {"units": "Pa"}))
    return data.drop_vars(["t850", "t500"]).assign(
        t=one.rename("t").assign_attrs(standard_name="air_temperature"),
        ta=two.rename("ta").assign_attrs(standard_name="air_temperature"),
    )


def beyond(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """Temperatures of 350 K at some cells."""
    return replaced(data, "2t", AT, 350.0, n)


def rare(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """A pressure as low as in the worst cyclone in some fields."""
    for time in range(int(n)):
        data = replaced(data, "msl", time, 86_400.0, 1)
    return data


def overflown(data: xr.Dataset, value: float, _: Path) -> xr.Dataset:
    """A number of which the standard deviation is next to infinite."""
    values = data["swvl1"].values.astype("f8")
    values[AT, 3, 5] = value
    return data.assign(swvl1=data["swvl1"].copy(data=values))


def off_the_earth(data: xr.Dataset, degrees: float, _: Path) -> xr.Dataset:
    """Latitudes that go beyond the pole by some degrees."""
    return data.assign_coords(latitude=data["latitude"] * (1 + degrees / 90))


def doubled_seam(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    """A column at 360 degrees, the same as that at 0."""
    seam = data.isel(longitude=[0]).assign_coords(longitude=("longitude", [360.0], data["longitude"].attrs))
    return xr.concat([data, seam], "longitude", data_vars="minimal", coords="minimal", compat="override")


def tiles_swapped(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    """Northern and southern rows, put together in the wrong order with their coordinates."""
    n = data.sizes["latitude"]
    return data.isel(latitude=[*range(n // 2, n), *range(n // 2)])


def two_conventions(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """Longitudes of 0..360 degrees, the last ones of -180..180."""
    longitudes = data["longitude"].values.copy()
    longitudes[-int(n) :] -= 360
    return data.assign_coords(longitude=("longitude", longitudes, data["longitude"].attrs))


def nowhere(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    """Cells without coordinates."""
    return data.drop_vars(["latitude", "longitude"])


def large(folder: Path, chunk: tuple[int, int, int], dtype: str = "f4", *, random: bool = False) -> str:
    """A store of a variable on a grid of a quarter degree; nothing is written but, if asked for, noise.

    In format 2 the fill value would be that of missing values.
    """
    group = make_group(folder / "a.zarr", FORMATS[-1])
    shape = (30, 721, 1440)
    coords = {"time": np.arange(shape[0]) * 6, "latitude": np.linspace(90, -90, 721), "longitude": np.arange(1440) / 4}
    units = {"time": "hours since 2020-01-01", "latitude": "degrees_north", "longitude": "degrees_east"}
    for name, values in coords.items():
        make_array(group, name, values, values.shape, dims=[name], attrs={"units": units[name]})
    array = make_empty_array(group, "siconc", shape, chunk, dtype, dims=[*coords], fill_value=None if OLD_ZARR else 0.5)
    array.attrs["units"] = "1"
    if random:
        array[...] = np.random.default_rng(0).random(shape, "f4").astype(dtype)
    return str(folder / "a.zarr")


def storage(data: Any) -> set[str]:
    """What the set `storage` finds that `audit` leaves to it."""
    return audited(data, "storage")


def blocks(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    """A field taken to the grid from one that is coarser along its rows by so many cells, by nearest neighbour."""
    values = data["2t"].values.copy()
    values[AT] = np.repeat(values[AT, :, :: int(n)], int(n), axis=1)
    return changed(data, "2t", values)


def shuffled(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    values = data["2t"].values.copy()
    inner = values[AT, 1:-1]  # the poles stay
    values[AT, 1:-1] = np.random.default_rng(1).permutation(inner.ravel()).reshape(inner.shape)
    return changed(data, "2t", values)


def shifted_on(data: xr.Dataset, kelvin: float, _: Path) -> xr.Dataset:
    """Another level of values from one time on, as where two sources are joined."""
    values = data["2t"].values.copy()
    values[AT:] += np.float32(kelvin)
    return changed(data, "2t", values)


def coast_moved(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
    values = data["lsm"].values.copy()
    values[AT:] = np.roll(values[AT:], int(n), axis=2)
    return changed(data, "lsm", values)


def upside_down(data: xr.Dataset, _: float, __: Path) -> xr.Dataset:
    return data.assign(lsm=data["lsm"].copy(data=data["lsm"].values[::-1]))


def beside(data: xr.Dataset, cells: float, _: Path) -> xr.Dataset:
    """The coordinates stand for other places, further east by so many cells."""
    longitudes = data["longitude"]
    return data.assign_coords(longitude=longitudes + cells * 5.0).assign_coords(
        longitude=lambda d: ("longitude", d["longitude"].values, longitudes.attrs)
    )


def in_cells(name: str, value: float, *, of: str = "", everywhere: bool = False) -> Any:
    """What puts a value into some or all cells of a field; of the sea surface if so asked."""

    def spoil(data: xr.Dataset, n: float, _: Path) -> xr.Dataset:
        data = masked_sst(data) if of == "sea" else data
        return replaced(data, name, AT, value, data[name][0].size if everywhere else n)

    return spoil


def with_units(units: str | None) -> Any:
    return lambda data, _, __: attributed(data, "2t", units=units)


def rules(text: str) -> frozenset[str]:
    return frozenset(text.split())


CORRUPTIONS = {
    "nan.none": Corruption(in_cells("t850", np.nan), rules("nan.none nan.pattern"), 1, "cells", (10, 1000)),
    "nan.masked": Corruption(lambda data, _, __: masked_sst(data), rules("nan.masked")),
    "nan.pattern": Corruption(shifted_mask, rules("nan.none nan.pattern rel.lsm"), 1, "cells", (3,)),
    "inf": Corruption(in_cells("t850", np.inf), rules("inf"), 1, "cells", (10,)),
    "sentinel": Corruption(in_cells("swvl1", -9999.0), rules("sentinel bounds bounds.usual"), 1, "cells", (10,)),
    "field.absent": Corruption(too_short, rules("field.absent store.length"), 1, "times", (5,)),
    "field.all_nan": Corruption(
        in_cells("sst", np.nan, of="sea", everywhere=True), rules("field.all_nan nan.none nan.pattern")
    ),
    "const.space": Corruption(in_cells("2t", 280.0, everywhere=True), rules("const.space tendency packing.precision")),
    "stuck.time": Corruption(copied_forward, rules("stuck.time stuck.cell"), 1, "times", (3,)),
    "const.time": Corruption(one_field, rules("const.time stuck.time")),
    "time.decodable": Corruption(undecodable, rules("time.decodable")),
    "time.monotonic": Corruption(swapped, rules("time.monotonic time.freq")),
    "time.duplicates": Corruption(doubled, rules("time.duplicates"), 1, "times"),
    "time.gaps": Corruption(holed, rules("time.gaps"), 1, "times", (3,)),
    "time.freq": Corruption(late, rules("time.freq time.hours"), 1, "minutes", (30,)),
    "time.hours": Corruption(late, rules("time.freq time.hours"), 1, "minutes", (30,)),
    "time.missing_declared": Corruption(
        lost_date, rules("time.missing_declared field.all_nan nan.none nan.pattern static.const"), 1, "times"
    ),
    "time.impossible": Corruption(in_the_future, rules("time.impossible"), 46, "days", (1, 20, 40)),
    "time.calendar": Corruption(in_360_days, rules("time.calendar")),
    "store.length": Corruption(too_short, rules("field.absent store.length"), 1, "times"),
    "units.match": Corruption(with_units("m"), rules("units.match")),
    "units.magnitude": Corruption(in_celsius, rules("units.magnitude bounds")),
    "units.levels": Corruption(mixed_levels, rules("units.levels")),
    "units.given": Corruption(with_units(None), rules("units.given")),
    "bounds": Corruption(beyond, rules("bounds"), 1, "cells", (10,)),
    "bounds.usual": Corruption(rare, rules("bounds.usual"), 1, "fields"),
    "variable.known": Corruption(lambda data, _, __: data.rename(swvl1="xyz"), rules("variable.known")),
    "stats.finite": Corruption(overflown, rules("stats.finite bounds bounds.usual"), 1e305, "m3 m-3"),
    "grid.coordinates": Corruption(
        off_the_earth, rules("grid.coordinates grid.weights"), 0.1, "degrees", (0.001, 0.01)
    ),
    "grid.duplicate_cells": Corruption(doubled_seam, rules("grid.duplicate_cells")),
    "grid.orientation": Corruption(tiles_swapped, rules("grid.orientation")),
    "grid.longitudes": Corruption(two_conventions, rules("grid.longitudes"), 1, "columns"),
    "grid.weights": Corruption(nowhere, rules("grid.weights")),
    "chunk.large": Corruption(lambda _, __, f: large(f, (30, 721, 1440)), rules("chunk.large zarr.empty_chunks")),
    "chunk.small": Corruption(lambda _, __, f: large(f, (1, 50, 50)), rules("chunk.small zarr.empty_chunks")),
    "chunk.access": Corruption(
        lambda _, n, f: large(f, (int(n), 721, 1440)), rules("chunk.access"), 11, "times", (10, 24), look=storage
    ),
    "chunk.ragged": Corruption(lambda _, __, f: large(f, (1, 500, 1000)), rules("chunk.ragged"), look=storage),
    "codec": Corruption(lambda _, __, f: large(f, (1, 721, 1440), random=True), rules("codec")),
    "dtype": Corruption(lambda _, __, f: large(f, (1, 721, 1440), "f8"), rules("dtype zarr.empty_chunks")),
    "nn.repeat": Corruption(blocks, rules("nn.repeat dup.rowcol seam.longitude"), 2, "cells", (3, 4)),
    "texture.noise": Corruption(shuffled, rules("texture.noise tendency spectrum.slope")),
    "tendency": Corruption(shifted_on, rules("tendency"), 10, "K", (2, 5, 20)),
    "grid.placed": Corruption(upside_down, rules("grid.placed"), make=earth),
    "grid.placed: by part of a cell": Corruption(beside, rules("grid.placed"), 0.5, "cells", (0.2, 0.3, 0.4), earth),
    "static.const": Corruption(coast_moved, rules("static.const"), 1, "cells", (3,)),
}
