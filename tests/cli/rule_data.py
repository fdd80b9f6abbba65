"""Data for tests of rules at work: a small sound NetCDF file, and the command run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dqwatch.cli import main


def weather(n_times: int = 8, first: str = "2020-03-01", seed: int = 1) -> xr.Dataset:
    """Temperature, pressure, rain and a mask on land, six-hourly, on a regular global grid."""
    rng = np.random.default_rng(seed)
    latitude, longitude = np.linspace(85, -85, 18), np.arange(0, 360, 10.0)
    dims = ("time", "latitude", "longitude")
    shape = (n_times, latitude.size, longitude.size)
    warm = 288 - 40 * np.sin(np.deg2rad(latitude))[None, :, None] ** 2
    sst = np.maximum(warm, 273) + rng.normal(0, 0.5, shape)
    sst[:, :, longitude < 90] = np.nan
    height = np.broadcast_to(np.maximum(0, 2000 * np.cos(np.deg2rad(longitude + latitude[:, None]))), shape) * 9.81
    values = {
        "t2m": (warm + rng.normal(0, 2, shape), "K"),
        "msl": (rng.normal(101_300, 800, shape), "Pa"),
        "tp": (np.maximum(0, rng.gamma(0.3, 1e-3, shape) - 1e-4), "m"),
        "sst": (sst, "K"),
        "z": (height, "m2 s-2"),
    }
    return xr.Dataset(
        {name: (dims, field.astype("f4"), {"units": units}) for name, (field, units) in values.items()},
        {
            "time": pd.date_range(first, periods=n_times, freq="6h"),
            "latitude": ("latitude", latitude, {"units": "degrees_north"}),
            "longitude": ("longitude", longitude, {"units": "degrees_east"}),
        },
    )


def write(data: xr.Dataset, path: Path) -> str:
    """The data as a NetCDF file; its path as text."""
    data.to_netcdf(path, engine="h5netcdf")
    return str(path)


def judged(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON document and stderr of a verb."""
    code = main([*words, "--json", "-"])
    out, err = capfd.readouterr()
    return code, json.loads(out), err


def failures(document: dict[str, Any]) -> set[tuple[str, str | None]]:
    """Rules that failed, with the variable."""
    return {(f["rule"], f["variable"]) for f in document["findings"] if f["status"] == "fail"}
