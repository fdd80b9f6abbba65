"""Corrupters of what is read before its values are: parts, repetitions, levels, units, members, times, packing.

A function takes clean data, (time, latitude, longitude) or (member, time, ...), and returns them with one fault, or
writes the files that have it. `FAULTS` names the rules that each must trip, these and no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

Data = xr.Dataset | list[str]


class Fault(NamedTuple):
    """What is done to clean data, and the rules that it must trip: these and no other."""

    spoil: Callable[[xr.Dataset, Path], Data]
    critical: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()
    remarks: frozenset[str] = frozenset()
    with_members: bool = False
    """Whether it is done to an ensemble."""


def changed(data: xr.Dataset, name: str, values: np.ndarray, **attrs: object) -> xr.Dataset:
    """A copy in which a variable has other values, and perhaps attributes."""
    return data.assign({name: (data[name].dims, values, data[name].attrs | attrs)})


def in_two_files(data: xr.Dataset, folder: Path, spoil: Callable[[xr.Dataset], xr.Dataset]) -> list[str]:
    """The data as two files, one after the other in time, the second spoilt."""
    half = data.sizes["time"] // 2
    paths = [os.fspath(folder / name) for name in ("a.nc", "b.nc")]
    data.isel(time=slice(half)).to_netcdf(paths[0])
    spoil(data.isel(time=slice(half, None))).to_netcdf(paths[1])
    return paths


def files_of_two_units(data: xr.Dataset, folder: Path) -> list[str]:
    """The later file has temperatures in degrees Celsius, and says so."""
    return in_two_files(data, folder, lambda d: changed(d, "t2m", d["t2m"].values - 273.15, units="degC"))


def files_of_two_orientations(data: xr.Dataset, folder: Path) -> list[str]:
    """The later file goes from south to north."""
    return in_two_files(data, folder, lambda d: d.isel(latitude=slice(None, None, -1)))


def files_of_two_calendars(data: xr.Dataset, folder: Path) -> list[str]:
    """The later file counts days of a calendar without leap years."""
    return in_two_files(data, folder, lambda d: d.convert_calendar("noleap", use_cftime=True))


def files_of_two_grids(data: xr.Dataset, folder: Path) -> list[str]:
    """A region is given beside the globe, at the same times."""
    paths = [os.fspath(folder / name) for name in ("globe.nc", "region.nc")]
    data.to_netcdf(paths[0])
    data.isel(latitude=slice(4, 16), longitude=slice(0, 20)).to_netcdf(paths[1])
    return paths


def not_a_scale(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A variable is packed, and its scale factor is text."""
    integers = np.rint((data["msl"].values - 1e5) / 10).astype("i2")
    return data.assign(gust=(data["msl"].dims, integers, {"units": "Pa", "scale_factor": "ten"}))


def unknown_units(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """Units that are none, of a variable that nobody knows."""
    return data.assign(soot=(data["t2m"].dims, data["t2m"].values - 200, {"units": "sootons"}))


def level_in_other_units(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """Levels in Pa are declared as hPa."""
    return with_levels(data, [85000.0, 50000.0])


def level_not_positive(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A level of 0 hPa."""
    return with_levels(data, [850.0, 0.0])


def level_not_a_number(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A level is NaN."""
    return with_levels(data, [850.0, np.nan])


def level_twice(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A level stands on its axis twice, with other values."""
    return with_levels(data, [850.0, 850.0])


def level_twice_the_same(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A level stands on its axis twice, with the same values."""
    data = with_levels(data, [850.0, 850.0])
    return changed(data, "t", np.repeat(data["t"].values[:, :1], 2, axis=1))


def with_levels(data: xr.Dataset, levels: list[float]) -> xr.Dataset:
    """Temperature on levels, 12 K apart."""
    values = np.stack([data["t2m"].values - 12 * (k + 1) for k in range(len(levels))], axis=1)
    return data.assign(t=(("time", "level", "latitude", "longitude"), values, {"units": "K"})).assign_coords(
        level=("level", levels, {"units": "hPa", "standard_name": "air_pressure"})
    )


def an_hour_late(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """One variable lies on a time axis of its own, an hour later."""
    late = data["time"].values + np.timedelta64(1, "h")
    values = data["t2m"].values - 2
    return data.assign(d2m=(("time_late", "latitude", "longitude"), values, {"units": "K"})).assign_coords(
        time_late=("time_late", late, {"standard_name": "time"})
    )


def raw_fill(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """Packed values with the fill value of netCDF, which no attribute declares."""
    return packed(data, "t2m", scale=0.0045)


def raw_fill_of_the_unknown(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """The same in a variable whose range nobody knows."""
    return packed(data.rename(t2m="warmth"), "warmth", scale=0.01)


def packed(data: xr.Dataset, name: str, scale: float) -> xr.Dataset:
    """A variable as 16-bit integers about 300, a few of them -32767."""
    integers = np.rint((data[name].values.astype("f8") - 300) / scale).astype("i2")
    integers[3, 5:7, 8] = -32767
    return changed(data, name, integers, scale_factor=scale, add_offset=300.0)


def member_copied(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """The last member is the first."""
    values = data["t2m"].values.copy()
    values[-1] = values[0]
    return changed(data, "t2m", values)


def hole_in_two_days(data: xr.Dataset, folder: Path) -> xr.Dataset:
    """A day and a half, every six hours, in which one time is missing."""
    return data.isel(time=[2, 3, 4, 6, 7, 8])


FAULTS = {
    f.spoil.__name__: f
    for f in (
        Fault(files_of_two_units, frozenset({"var.split"})),
        Fault(files_of_two_orientations, frozenset({"var.split"})),
        Fault(files_of_two_calendars, frozenset({"var.split"}), remarks=frozenset({"time.calendar"})),
        Fault(files_of_two_grids, warnings=frozenset({"var.doubled"})),
        Fault(not_a_scale, warnings=frozenset({"source.complete"})),
        Fault(unknown_units, frozenset(), frozenset({"units.understood"}), frozenset({"variable.known"})),
        Fault(level_in_other_units, frozenset({"levels.valid"})),
        Fault(level_not_positive, frozenset({"levels.valid"})),
        Fault(level_not_a_number, frozenset({"levels.valid"})),
        Fault(level_twice, frozenset({"var.repeated"})),
        Fault(level_twice_the_same, warnings=frozenset({"var.doubled"})),
        Fault(an_hour_late, warnings=frozenset({"time.axes_agree"})),
        Fault(raw_fill, frozenset({"sentinel", "bounds"})),
        Fault(raw_fill_of_the_unknown, frozenset({"sentinel"}), remarks=frozenset({"variable.known"})),
        Fault(member_copied, warnings=frozenset({"member.distinct"}), with_members=True),
        Fault(hole_in_two_days, frozenset({"time.gaps"})),
    )
}
