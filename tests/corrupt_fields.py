"""Corrupters of fields, of series of fields and of forecasts: each named after the rule that it must trip.

They take clean data on a regular grid with poles (6-hourly `2t`, `t850`, `t500`, `u850`, `msl`, `tp`, `lsm`) and give a
spoilt copy. The default of `severity` is the smallest that must be found.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

AT = 7
"""The time that is spoilt, where one is enough."""
TILE = (1, 8, 10)
"""Times, rows and columns of a chunk, where fields are stored in several."""
HOUR = np.timedelta64(3600, "s")


def _with(data: xr.Dataset, name: str, values: np.ndarray) -> xr.Dataset:
    return data.assign({name: data[name].copy(data=values.astype(data[name].dtype))})


def _at(data: xr.Dataset, name: str, values: np.ndarray) -> xr.Dataset:
    """Another field at one time."""
    every = data[name].values.copy()
    every[AT] = values
    return _with(data, name, every)


def _apart(n: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of cells that are no neighbours, away from the poles and the ends of rows."""
    rows, columns = np.meshgrid(np.arange(4, shape[0] - 4, 3), np.arange(2, shape[1] - 2, 3), indexing="ij")
    chosen = np.linspace(0, rows.size - 1, n).round().astype(int)
    return rows.ravel()[chosen], columns.ravel()[chosen]


def _tiled(data: xr.Dataset) -> xr.Dataset:
    data = data.copy()
    data["time"].encoding["units"] = "hours since 2000-01-01"
    for name in data.data_vars:
        if data[name].ndim == 3:
            data[name].encoding["chunksizes"] = TILE
    return data


def seam_longitude(data: xr.Dataset, severity: float = 0.7) -> xr.Dataset:
    """The eastern half is warmer by so many standard deviations of a field: data of two kinds sewn together."""
    values = data["t850"].values.copy()
    values[:, 1:-1, values.shape[2] // 2 :] += severity * values[0].std()
    return _with(data, "t850", values)


def seam_tile(data: xr.Dataset, severity: float = 0.5) -> xr.Dataset:
    """Every second chunk is warmer by so many standard deviations of a field."""
    values = data["t850"].values.copy()
    rows, columns = (np.arange(n) // width for n, width in zip(values.shape[1:], TILE[1:], strict=True))
    columns = np.minimum(columns, columns[-1] // 2 * 2)  # the last like the first, so that the globe closes
    values += severity * values[0].std() * ((rows[:, None] + columns) % 2)
    values[:, [0, -1]] = data["t850"].values[:, [0, -1]]
    return _tiled(_with(data, "t850", values))


def grid_poles(data: xr.Dataset, severity: float = 0.002) -> xr.Dataset:
    """The cells of the first row differ by so many standard deviations of the field."""
    field = data["msl"].values[AT].copy()
    field[0] += severity * field.std() * 2**0.5 * np.cos(np.linspace(0, 2 * np.pi, field.shape[1], endpoint=False))
    return _at(data, "msl", field)


def dup_rowcol(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """So many columns repeat the one before them."""
    field = data["t850"].values[AT].copy()
    for k in range(int(severity)):
        field[:, 11 + 5 * k] = field[:, 10 + 5 * k]
    return _at(data, "t850", field)


def ringing(data: xr.Dataset, severity: float = 0.0015) -> xr.Dataset:
    """Rain below zero by a hundredth of its standard deviation on this share of the cells."""
    field = data["tp"].values[AT].copy()
    least = np.argsort(field, axis=None)[: int(np.ceil(severity * field.size))]
    field.flat[least] = -0.01 * field.std()
    return _at(data, "tp", field)


def spectrum_slope(data: xr.Dataset, severity: float = 6) -> xr.Dataset:
    """The last third of the times smoothed so many times along rows (1 2 1): another resolution or interpolation."""
    values = data["u850"].values.copy()
    later = values[2 * values.shape[0] // 3 :]
    for _ in range(int(severity)):
        later[...] = 0.25 * np.roll(later, 1, axis=2) + 0.5 * later + 0.25 * np.roll(later, -1, axis=2)
    return _with(data, "u850", values)


def isolated_rain(data: xr.Dataset, severity: float = 0.01) -> xr.Dataset:
    """Pox: 8 mm on this share of the cells, far from one another, where all around them is dry."""
    field = data["tp"].values[AT].copy()
    rows, columns = _apart(int(np.ceil(severity * field.size)), field.shape)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            field[rows + down, columns + across] = 0.0
    field[rows, columns] = 0.008
    return _at(data, "tp", field)


def fc_isolated_rain_some(data: xr.Dataset, severity: float = 0.005) -> xr.Dataset:
    """The same, with fewer cells."""
    return isolated_rain(data, severity)


def isolated_cells(data: xr.Dataset, severity: float = 0.003) -> xr.Dataset:
    """Broken bits: 40 m/s more on this share of the cells, far from one another."""
    field = data["u850"].values[AT].copy()
    field[_apart(int(np.ceil(severity * field.size)), field.shape)] += 40.0
    return _at(data, "u850", field)


def stuck_cell(data: xr.Dataset, severity: float = 0.12) -> xr.Dataset:
    """This share of the rows, from the south, are those of the time before."""
    values = data["t500"].values
    n = int(np.ceil(severity * values.shape[1]))
    field = values[AT].copy()
    field[-n:] = values[AT - 1, -n:]
    return _at(data, "t500", field)


def partial_field(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """So many chunks are NaN at one time."""
    field = data["t850"].values[AT].copy()
    for k in range(1, int(severity) + 1):
        field[TILE[1] : 2 * TILE[1], k * TILE[2] : (k + 1) * TILE[2]] = np.nan
    return _tiled(_at(data, "t850", field))


def packing_precision(data: xr.Dataset, severity: float = 250) -> xr.Dataset:
    """Temperatures packed to so many values."""
    values = data["2t"].values
    step = (values.max() - values.min()) / severity
    return _with(data, "2t", np.round(values / step) * step)


def time_completeness(data: xr.Dataset, severity: float = 5) -> xr.Dataset:
    """So many days in a row are not there, of daily data."""
    n = data.sizes["time"]
    daily = data.drop_vars("time_bounds").assign_coords(time=data["time"].values[0] + np.arange(n) * 24 * HOUR)
    return daily.isel(time=[*range(AT), *range(AT + int(severity), n)])


def time_latency(data: xr.Dataset, severity: float = 13) -> xr.Dataset:
    """The newest time is so many hours old."""
    newest = np.datetime64("now", "s").astype("M8[ns]") - int(severity) * HOUR
    times = data["time"].values
    return data.drop_vars("time_bounds").assign_coords(time=times - times[-1] + newest)


def time_ssrd_phase(data: xr.Dataset, severity: float = 1.0) -> xr.Dataset:
    """Sunshine of 6 h, so many hours late."""
    lat = np.radians(data["latitude"].values)[:, None]
    ends = data["time"].values
    days = (ends - ends.astype("M8[Y]")) / (24 * HOUR)
    tilt = np.radians(-23.44) * np.cos(2 * np.pi * (days + 10) / 365.25)
    total = np.zeros((days.size, lat.size, data.sizes["longitude"]))
    for before in np.arange(0.125, 6, 0.25):
        clock = 24 * (days % 1) - before - severity
        angle = np.radians(data["longitude"].values + 15 * (clock[:, None] - 12))[:, None, :]
        d = tilt[:, None, None]
        total += np.maximum(np.sin(lat) * np.sin(d) + np.cos(lat) * np.cos(d) * np.cos(angle), 0) * 900
    attributes = {"units": "J m-2", "cell_methods": "time: sum"}
    return data.assign(ssrd=(data["2t"].dims, (1000 * total).astype(np.float32), attributes))


def time_warmth_phase(data: xr.Dataset, severity: float = 4) -> xr.Dataset:
    """The warmth of the day so many hours late: fields of other longitudes."""
    cells = round(severity * 15 / float(np.diff(data["longitude"].values[:2])[0]))
    return _with(data, "2t", np.roll(data["2t"].values, -cells, axis=2))


def fc_nan(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """So many cells are NaN."""
    field = data["2t"].values[AT].copy()
    field[_apart(int(severity), field.shape)] = np.nan
    return _at(data, "2t", field)


def fc_finite(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """So many cells are infinite."""
    field = data["2t"].values[AT].copy()
    field[_apart(int(severity), field.shape)] = np.inf
    return _at(data, "2t", field)


def fc_bounds(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """So many cells have 400 K."""
    field = data["2t"].values[AT].copy()
    field[_apart(int(severity), field.shape)] = 400.0
    return _at(data, "2t", field)


def fc_static(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """From some time on the land mask lies so many cells further east."""
    values = data["lsm"].values.copy()
    values[AT:] = np.roll(values[AT:], int(severity), axis=2)
    return _with(data, "lsm", values)


def fc_stuck(data: xr.Dataset, severity: float = 1) -> xr.Dataset:
    """A field again, so many times."""
    values = data["2t"].values.copy()
    values[AT : AT + int(severity)] = values[AT - 1]
    return _with(data, "2t", values)


def fc_checkerboard(data: xr.Dataset, severity: float = 1.2) -> xr.Dataset:
    """A pattern of so many standard deviations, of the other sign from cell to cell."""
    field = data["t500"].values[AT].copy()
    signs = 1 - 2 * (np.add.outer(*(np.arange(n) for n in field.shape)) % 2)
    return _at(data, "t500", field + severity * field.std() * signs)


fc_isolated_rain, fc_isolated_other, fc_negative = isolated_rain, isolated_cells, ringing

CORRUPTERS: dict[str, Callable[..., xr.Dataset]] = {
    "seam.longitude": seam_longitude,
    "seam.tile": seam_tile,
    "grid.poles": grid_poles,
    "dup.rowcol": dup_rowcol,
    "ringing": ringing,
    "spectrum.slope": spectrum_slope,
    "isolated.rain": isolated_rain,
    "isolated.cells": isolated_cells,
    "stuck.cell": stuck_cell,
    "partial.field": partial_field,
    "packing.precision": packing_precision,
    "time.completeness": time_completeness,
    "time.latency": time_latency,
    "time.ssrd_phase": time_ssrd_phase,
    "time.warmth_phase": time_warmth_phase,
    "fc.isolated_rain": fc_isolated_rain,
    "fc.isolated_rain.some": fc_isolated_rain_some,
    "fc.isolated_other": fc_isolated_other,
    "fc.nan": fc_nan,
    "fc.finite": fc_finite,
    "fc.bounds": fc_bounds,
    "fc.negative": fc_negative,
    "fc.static": fc_static,
    "fc.stuck": fc_stuck,
    "fc.checkerboard": fc_checkerboard,
}
"""Rule to corrupter."""
UNITS = {
    "seam.longitude": "sd",
    "seam.tile": "sd",
    "grid.poles": "sd",
    "dup.rowcol": "columns",
    "spectrum.slope": "times smoothed",
    "partial.field": "chunks",
    "packing.precision": "values",
    "time.completeness": "days",
    "time.latency": "hours",
    "time.ssrd_phase": "hours",
    "time.warmth_phase": "hours",
    "stuck.cell": "of the rows",
    "fc.nan": "cells",
    "fc.finite": "cells",
    "fc.bounds": "cells",
    "fc.static": "cells east",
    "fc.stuck": "times",
    "fc.checkerboard": "sd",
}
"""What severities are counted in; where it is not told, shares of the cells."""
IN_TILES = frozenset({"seam.tile", "partial.field"})
"""Those whose data must be stored (netCDF, as their encoding says) before they are looked at."""
TRIPS: dict[str, set[str]] = {
    "partial.field": {"nan.none", "nan.pattern"},
    "time.completeness": {"time.gaps"},
    "time.ssrd_phase": {"rel.night"},
    "fc.isolated_rain": {"fc.isolated_rain.some"},
}
"""Other rules that a corrupter trips by right, in the rule set that its rule stands in."""
