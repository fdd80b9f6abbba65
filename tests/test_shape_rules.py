"""Rules on the shape and the change of fields: each is tripped by what it is for, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import dqwatch

RULES = ("nn.repeat", "texture.noise", "tendency", "static.const")
LAT, LON = np.linspace(87.5, -87.5, 36), np.arange(0, 360, 5.0)


def clean(n: int = 40) -> xr.Dataset:
    """A wave that moves eastward over a temperature that falls towards the poles, every 6 hours; and a land mask."""
    lat, lon, t = np.radians(LAT)[None, :, None], np.radians(LON)[None, None, :], np.arange(n)[:, None, None]
    rng = np.random.default_rng(0)
    speed = np.cumsum(0.1 + 0.02 * rng.random(n))[:, None, None]
    wave = 3 * np.cos(lat) * np.sin(3 * lon + 2 * lat - speed) + 2 * np.cos(lat) ** 2 * np.cos(5 * lon + 2 * speed)
    field = (280 + 20 * np.cos(lat) + wave + 0 * t).astype("f4")
    land = np.broadcast_to((np.sin(3 * lon) * np.cos(2 * lat) > 0).astype("f4"), (n, 36, 72))
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {"t2m": (dims, field, {"units": "K"}), "lsm": (dims, land.copy(), {"units": "1"})},
        coords={
            "time": np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(6, "h"),
            "latitude": ("latitude", LAT, {"units": "degrees_north"}),
            "longitude": ("longitude", LON, {"units": "degrees_east"}),
        },
    )


def double_cells(data: xr.Dataset) -> None:
    values = data["t2m"].values
    values[7] = np.repeat(values[7, :, ::2], 2, axis=1)


def shuffle_cells(data: xr.Dataset) -> None:
    values = data["t2m"].values
    values[7] = np.random.default_rng(1).permutation(values[7].ravel()).reshape(36, 72)


def shift_the_rest(data: xr.Dataset) -> None:
    data["t2m"].values[20:] += 8


def move_the_coast(data: xr.Dataset) -> None:
    data["lsm"].values[30:] = np.roll(data["lsm"].values[30:], 1, axis=2)


@pytest.mark.parametrize(
    ("corrupt", "tripped"),
    [
        (None, set()),
        (double_cells, {"nn.repeat"}),
        (shuffle_cells, {"texture.noise", "tendency"}),
        (shift_the_rest, {"tendency"}),
        (move_the_coast, {"static.const"}),
    ],
)
def test_each_rule_is_tripped_by_what_it_is_for(corrupt, tripped):
    data = clean()
    if corrupt is not None:
        corrupt(data)
    verdict = dqwatch.audit(data, rules="variable_consistency")
    status = {f.rule: f.status for f in verdict.results if f.rule in RULES and f.status != "pass"}
    assert {rule for rule, s in status.items() if s == "fail"} == tripped
    assert "skipped" not in status.values()
