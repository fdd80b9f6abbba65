"""Zarr as xarray writes it, formats 2 and 3: fill values, dimensions, groups, unfinished and broken stores."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from sources.cf_data import by_place, fields, opened_zarr, same_bits, write_zarr, written
from sources.zarr_files import FORMATS, OLD_ZARR, make_array, make_group

from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.xarray_zarr import open_xarray_zarr


def sample(n_time: int = 4) -> xr.Dataset:
    values = np.arange(n_time * 12, dtype="f4").reshape(n_time, 3, 4)
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values, {"units": "K"})},
        {
            "time": ("time", np.arange(n_time) * 6, {"units": "hours since 2020-01-01"}),
            "lat": ("lat", [60.0, 0.0, -60.0], {"units": "degrees_north"}),
            "lon": ("lon", [0.0, 90.0, 180.0, 270.0], {"units": "degrees_east"}),
        },
        {"title": "sample"},
    )


def store(folder: Path, zarr_format: int, data: xr.Dataset | None = None, encoding=None) -> Path:
    return written(sample() if data is None else data, folder, f"zarr{zarr_format}", encoding)


def source_of(path: Path) -> CFSource:
    source = open_xarray_zarr(path)
    assert source is not None
    return source


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store(tmp_path, zarr_format):
    source = source_of(store(tmp_path, zarr_format))
    assert (source.kind, source.name, source.attributes) == (
        "xarray_zarr",
        f"zarr{zarr_format}.zarr",
        {"title": "sample"},
    )
    assert [v.name for v in source.variables] == ["2t"]
    assert source.times[0].labels[1] == "2020-01-01T06:00:00"
    assert by_place(source)["2t", 1, 0].tolist() == list(range(12, 24))
    assert {a.name: a.length_ok for a in source.arrays()} == {"t2m": True, "time": None, "lat": None, "lon": None}


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("fill", [-999.0, 5.0, np.nan])
def test_fill_values_are_what_they_are_for_xarray(tmp_path, zarr_format, fill):
    data = sample()
    data["t2m"].values[0, 0, 0] = np.nan
    path = store(tmp_path, zarr_format, data, {"t2m": {"_FillValue": np.float32(fill)}})
    with opened_zarr(path) as decoded:
        for (_, time, _), values in by_place(source_of(path)).items():
            assert same_bits(values, decoded["t2m"].values[time])


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("name", ["time", "lat"])
def test_a_store_that_another_program_has_made_is_read_as_xarray_reads_it(tmp_path, zarr_format, name):
    """Format 2 takes the fill value of an array for a missing value, even a 0 that nobody thought about."""
    path = tmp_path / "made.zarr"
    group = make_group(path, zarr_format)
    for array, dims, values, attrs in (
        ("time", ("time",), np.arange(2), {"units": "days since 2020-01-01"}),
        ("lat", ("lat",), np.array([10.0, 0, -10]), {"units": "degrees_north"}),
        ("t2m", ("time", "lat"), np.arange(6, dtype="f4").reshape(2, 3), {"units": "K"}),
    ):
        made = make_array(group, array, values, chunks=values.shape, dims=dims, fill_value=0)
        made.attrs.update(attrs)
    source = source_of(path)
    with opened_zarr(path, decode_times=False) as decoded:
        theirs = decoded[name].values.astype(float)
        ours = source.grids[0].latitudes if name == "lat" else (source.times[0].seconds - 1577836800) / 86400
        assert ours is not None
        ours, theirs = (np.where(np.abs(times) < 1e9, times, np.nan) for times in (ours, theirs))  # NaT is no number
        assert same_bits(ours, theirs)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_that_is_still_being_written(tmp_path, zarr_format):
    path = store(tmp_path, zarr_format)
    longer = store(tmp_path / "longer", zarr_format, sample(6))
    shutil.rmtree(path / "time")
    shutil.copytree(longer / "time", path / "time")
    source = source_of(path)
    assert len(source.times[0]) == 6
    assert len(list(fields(source))) == 4
    assert {a.name: a.length_ok for a in source.arrays()}["t2m"] is False


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_groups_inside(tmp_path, zarr_format):
    path = store(tmp_path, zarr_format)
    write_zarr(sample().rename(t2m="sp").drop_vars("lat"), path, zarr_format, group="model", mode="a")
    source = source_of(path)
    assert [v.source_name for v in source.variables] == ["model/sp", "t2m"]
    assert [g.name for g in source.grids] == ["lat, model/lon", "lat, lon"]
    assert len(list(fields(source))) == 8


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_missing_chunk_reads_as_missing_and_is_counted(tmp_path, zarr_format):
    path = store(tmp_path, zarr_format, encoding={"t2m": {"chunks": (1, 3, 4), "_FillValue": np.float32(np.nan)}})
    chunk = path / "t2m" / ("2.0.0" if zarr_format == 2 else "c/2/0/0")
    chunk.unlink()
    source = source_of(path)
    assert [bool(np.isnan(f.values).all()) for f in fields(source)] == [False, False, True, False]
    (stored,) = (a for a in source.arrays() if a.name == "t2m")
    assert (stored.objects, stored.expected_objects) == (3, 4)


def test_arrays_that_disagree_are_refused(tmp_path):
    path = store(tmp_path, 2)
    other = store(tmp_path / "other", 2, sample().isel(lon=slice(3)))
    shutil.rmtree(path / "lon")
    shutil.copytree(other / "lon", path / "lon")
    with pytest.raises(SourceError, match="dimension 'lon' has length 4 in array 't2m' but 3 in 'lon'"):
        open_xarray_zarr(path)


def test_arrays_without_named_dimensions_are_refused(tmp_path):
    path = tmp_path / "bare.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        group = zarr.open_group(str(path), mode="w", **({} if OLD_ZARR else {"zarr_format": 2}))
        group["x"] = np.zeros((3, 4))
    with pytest.raises(SourceError, match="no array names its dimensions"):
        open_xarray_zarr(path)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_an_empty_group_is_refused(tmp_path, zarr_format):
    make_group(tmp_path / "empty.zarr", zarr_format)
    with pytest.raises(SourceError, match=r"empty\.zarr: a Zarr group without arrays"):
        open_xarray_zarr(tmp_path / "empty.zarr")


if not OLD_ZARR:

    def test_a_spoilt_fill_value_is_said(tmp_path):
        path = store(tmp_path, 3, encoding={"t2m": {"_FillValue": np.float32(-9)}})
        metadata = json.loads((path / "t2m" / "zarr.json").read_text())
        metadata["attributes"]["_FillValue"] = "!"
        (path / "t2m" / "zarr.json").write_text(json.dumps(metadata))
        assert source_of(path).notes == ("t2m: _FillValue ! is no value of type float32: ignored",)


def test_what_is_no_zarr_is_not_ours(tmp_path):
    assert open_xarray_zarr(tmp_path) is None
    assert open_xarray_zarr(sample()) is None
    assert open_xarray_zarr(tmp_path / "absent") is None
