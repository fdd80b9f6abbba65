"""Clean data for corrupters to spoil: some days of example weather, on its own grid and regridded."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from dqwatch import resources
from examples.weather import STEP, VARIABLES, Weather

UNITS = {name: quantity.units for name, quantity in VARIABLES.items()} | {"sst": "K"}
CHOSEN = {
    "2t": "2t",
    "t_850": "t850",
    "t_500": "t500",
    "u_850": "u850",
    "msl": "msl",
    "tp": "tp",
    "swvl1": "swvl1",
    "lsm": "lsm",
}
FIRST = np.datetime64("2000-02-01T00", "s")
N_TIMES = 24


@cache
def states(seed: int = 0) -> tuple[Weather, dict[str, np.ndarray]]:
    """Six days of example weather by variable, (time, cell), with a sea surface that is missing on land."""
    weather = Weather(seed, number=16)
    values = weather.states(FIRST + np.arange(N_TIMES) * STEP)
    index = {name: i for i, name in enumerate(VARIABLES)}
    fields = {new: values[:, index[old]] for old, new in CHOSEN.items()}
    fields["sst"] = np.where(weather.land.fraction > 0.7, np.nan, np.clip(fields["2t"], 271, None)).astype(np.float32)
    return weather, fields


def dataset(fields: dict[str, np.ndarray], dims: tuple[str, ...], coords: dict) -> xr.Dataset:
    original = {new: old for old, new in CHOSEN.items()}
    times = (FIRST + np.arange(N_TIMES) * STEP).astype("M8[ns]")
    bounds = np.stack([times - STEP, times], axis=1)
    arrays = {n: (("time", *dims), v, {"units": UNITS[original.get(n, n)]}) for n, v in fields.items()}
    data = xr.Dataset(
        arrays,
        {"time": ("time", times, {"bounds": "time_bounds"}), "time_bounds": (("time", "edge"), bounds), **coords},
    )
    data["tp"].attrs["cell_methods"] = "time: sum"
    return data


def coordinates(latitudes: np.ndarray, longitudes: np.ndarray, dims: tuple[str, ...]) -> dict:
    return {
        "latitude": (dims[0], latitudes, {"units": "degrees_north"}),
        "longitude": (dims[-1], longitudes, {"units": "degrees_east"}),
    }


@cache
def reference(seed: int = 0) -> xr.Dataset:
    weather, fields = states(seed)
    return dataset(fields, ("cell",), coordinates(weather.grid.latitudes, weather.grid.longitudes, ("cell",)))


@cache
def regridded(n_rows: int = 37, n_columns: int = 72, seed: int = 0) -> xr.Dataset:
    """Bilinear on triangles between the cells, by scipy; the poles from the ring nearest to them."""
    weather, fields = states(seed)
    grid = weather.grid
    west, east = grid.longitudes > 180, grid.longitudes < 180
    lon = np.concatenate([grid.longitudes, grid.longitudes[west] - 360, grid.longitudes[east] + 360])
    lat = np.concatenate([grid.latitudes, grid.latitudes[west], grid.latitudes[east]])
    end = np.abs(grid.latitudes).max() - 1e-6
    triangles = Delaunay(np.stack([lat, lon], axis=1))
    rows, columns = np.linspace(90, -90, n_rows), np.arange(n_columns) * 360 / n_columns
    there = np.stack([a.ravel() for a in np.meshgrid(np.clip(rows, -end, end), columns, indexing="ij")], axis=1)

    def interpolate(values: np.ndarray, *, scalar: bool) -> np.ndarray:
        around = np.concatenate([values, values[:, west], values[:, east]], axis=1)
        found = LinearNDInterpolator(triangles, around.T)(there).T
        found = found.reshape(len(values), n_rows, n_columns)
        if scalar:
            found[:, [0, -1]] = found[:, [0, -1]].mean(axis=2, keepdims=True)
        return found.astype(np.float32)

    fields = {name: interpolate(values, scalar=name != "u850") for name, values in fields.items()}
    return dataset(fields, ("latitude", "longitude"), coordinates(rows, columns, ("latitude", "longitude")))


@cache
def clean(seed: int = 0) -> xr.Dataset:
    """On a regular grid of 5 degrees, every cell with a value."""
    return regridded(seed=seed).drop_vars("sst")


@cache
def waves(seed: int = 0, n: int = 12, members: int = 0) -> xr.Dataset:
    """Waves that move eastward over a temperature and a pressure that fall towards the poles, every 6 hours."""
    latitudes, longitudes = np.linspace(87.5, -87.5, 36), np.arange(0, 360, 5.0)
    lat, lon = np.radians(latitudes)[:, None], np.radians(longitudes)[None, :]
    rng = np.random.default_rng(seed)
    phase = np.cumsum(0.1 + 0.02 * rng.random(n)) + 0.01 * np.arange(max(members, 1))[:, None]
    phase = phase[:, :, None, None]
    wave = np.cos(lat) * np.sin(3 * lon + 2 * lat - phase) + np.cos(lat) ** 2 * np.cos(5 * lon + 2 * phase)
    fields = {
        "t2m": ("K", 280 + 20 * np.cos(lat) + 3 * wave),
        "msl": ("Pa", 101000 + 500 * np.cos(lat) - 800 * wave),
    }
    dims = (*(["number"] if members else []), "time", "latitude", "longitude")
    return xr.Dataset(
        {name: (dims, (v if members else v[0]).astype("f4"), {"units": u}) for name, (u, v) in fields.items()},
        coords={
            "time": np.datetime64("2020-02-01", "ns") + np.arange(n) * np.timedelta64(6, "h"),
            "latitude": ("latitude", latitudes, {"units": "degrees_north"}),
            "longitude": ("longitude", longitudes, {"units": "degrees_east"}),
        },
    )


def earth(_: int = 0) -> xr.Dataset:
    """The land of the Earth on a grid of 5 degrees: the shipped share of land, averaged."""
    with xr.open_dataset(resources.folder("rules") / "land.nc", engine="scipy") as shipped:
        coarse = shipped[["lsm"]].coarsen(latitude=5, longitude=5).mean()
        land = (coarse["lsm"] / 100).astype("f4").load()
    land.attrs = {"units": "1", "standard_name": "land_area_fraction"}
    for name in ("latitude", "longitude"):
        land[name].attrs = {"units": "degrees_north" if name == "latitude" else "degrees_east"}
    return land.to_dataset()
