"""Made data sets, written by xarray in every format, come back through every reader as xarray itself decodes them."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sources.cf_data import FORMS, by_place, expected, opened, opened_zarr, same_bits, written

from dqwatch.sources import open_source
from dqwatch.sources.memory import open_memory
from dqwatch.types import Source

CALENDARS = ["standard", "proleptic_gregorian", "julian", "noleap", "all_leap", "360_day"]
PACKED = {
    "scale_factor": np.float64(0.01),
    "add_offset": np.float64(270),
    "_FillValue": np.int16(-32767),
    "dtype": "i2",
}
ENCODINGS = [
    {"dtype": "f4", "_FillValue": None},
    {"dtype": "f8", "_FillValue": np.nan},
    {"dtype": "f4", "_FillValue": np.float32(1e20)},
    PACKED,
    {**PACKED, "scale_factor": np.float32(0.01), "add_offset": np.float32(270)},
    {"dtype": "i4", "_FillValue": np.int32(-999)},
]


@st.composite
def data_sets(draw):
    """A data set as people have them, and how it is to be encoded."""
    n_time, n_lat, n_lon = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(2, 5))
    lat = np.linspace(-70, 70, n_lat)[:: draw(st.sampled_from([1, -1]))]
    lon = np.arange(n_lon) * 360 / n_lon - draw(st.sampled_from([0, 180]))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    units = draw(st.sampled_from(["hours since 1950-01-01", "days since 2000-02-27 12:00:00"]))
    time = {"units": units, "calendar": draw(st.sampled_from(CALENDARS))}
    coords = {
        "time": ("time", np.arange(n_time) * draw(st.sampled_from([6, 24])), time),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
        "plev": ("plev", [85000.0, 50000.0], {"units": "Pa"}),
        "number": ("number", [0, 1, 2]),
    }
    sizes = {"time": n_time, "lat": n_lat, "lon": n_lon, "plev": 2, "number": 3}
    variables, encoding = {}, {}
    for name in draw(st.lists(st.sampled_from(["t2m", "ta", "zeta"]), min_size=1, unique=True)):
        further = draw(st.lists(st.sampled_from(["time", "plev", "number"]), unique=True))
        dims = draw(st.permutations([*further, "lat", "lon"]))
        chosen = draw(st.sampled_from(ENCODINGS))
        values = rng.normal(280, 10, [sizes[d] for d in dims])
        if chosen["_FillValue"] is not None:
            values[rng.random(values.shape) < 0.2] = np.nan
        if chosen["dtype"] == "i4":
            values = np.round(values)
        variables[name] = (dims, values, {"units": draw(st.sampled_from(["K", "1"]))})
        encoding[name] = {k: v for k, v in chosen.items() if v is not None}
        if chosen["_FillValue"] is None:
            encoding[name]["_FillValue"] = None
    used = {d for dims, _, _ in variables.values() for d in dims}
    return xr.Dataset(variables, {k: v for k, v in coords.items() if k in used}), encoding


def check(source: Source, data: xr.Dataset) -> None:
    wanted, found = expected(data, source), by_place(source)
    assert wanted.keys() == found.keys()
    for key, values in wanted.items():
        assert same_bits(found[key], values), key
    source.close()


def labels(source: Source) -> list[list[str]]:
    """Of all axes; their order is that of the variables, which Zarr does not keep."""
    return sorted(list(axis.labels) for axis in source.times)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(data_sets())
def test_every_form_of_a_data_set_gives_what_xarray_decodes(case):
    data, encoding = case
    seen = []
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            path = written(data, Path(folder), form, encoding)
            check_all_ways(path, form, seen)
    for found in seen:
        assert found == seen[0]


def check_all_ways(path: Path, form: str, seen: list) -> None:
    """By path, and in memory: decoded by xarray, not decoded, and undecided about times."""
    open_form = opened_zarr if form.startswith("zarr") else opened
    with open_form(path, decode_times=False) as reference:
        source = open_source(path)
        seen.append((labels(source), sorted(v.name for v in source.variables), sorted(g.shape for g in source.grids)))
        check(source, reference)
        for how in ({}, {"decode_cf": False}, {"decode_times": False}):
            with open_form(path, **how) as data:
                held = open_memory(data)
                assert held is not None
                seen.append((labels(held), sorted(v.name for v in held.variables), sorted(g.shape for g in held.grids)))
                check(held, reference)


def test_times_before_the_reform_are_the_same_everywhere(tmp_path):
    data = xr.Dataset(
        {"t2m": (("time", "lat"), np.zeros((2, 2), "f4"))},
        {
            "time": ("time", [0, 1], {"units": "days since 1582-10-04", "calendar": "standard"}),
            "lat": ("lat", [0.0, 10], {"units": "degrees_north"}),
        },
    )
    path = written(data, tmp_path, "netcdf4")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decoded = open_memory(opened(path))
    assert decoded is not None
    assert labels(decoded) == labels(open_source(path)) == [["1582-10-04T00:00:00", "1582-10-15T00:00:00"]]
