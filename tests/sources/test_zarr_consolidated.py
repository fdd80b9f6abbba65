"""Consolidated metadata that are out of date are told of, and not relied on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr
from sources.zarr_files import FORMATS, make_array, make_group

from dqwatch.sources import open_source

DOCUMENT = {2: ".zattrs", 3: "zarr.json"}


def make(path, zarr_format):
    """A consolidated store of two variables, one of them with an attribute that is no number."""
    group = make_group(path, zarr_format)
    values = np.arange(12, dtype="f4").reshape(3, 4)
    make_array(group, "time", np.arange(3), (3,), dims=["time"], attrs={"units": "days since 2020-01-01"})
    make_array(group, "2t", values, (1, 4), dims=["time", "cell"], attrs={"units": "K", "limit": float("nan")})
    make_array(group, "sp", values, (1, 4), dims=["time", "cell"], attrs={"units": "Pa"})
    zarr.consolidate_metadata(str(path), **({} if zarr.__version__.startswith("2.") else {"zarr_format": zarr_format}))
    return path


def edit(path, zarr_format, **attributes):
    file = path / DOCUMENT[zarr_format]
    held = json.loads(file.read_text())
    (held["attributes"] if zarr_format == 3 else held).update(attributes)
    file.write_text(json.dumps(held))


def notes(path):
    source = open_source(str(path))
    source.close()
    assert source.kind == "xarray_zarr"
    return [note for note in source.notes if "consolidated" in note]


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
@pytest.mark.parametrize("zarr_format", FORMATS)
def test_what_is_up_to_date_needs_no_word(tmp_path, zarr_format):
    assert notes(make(tmp_path / "a.zarr", zarr_format)) == []


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_without_copies_there_is_nothing_to_tell(tmp_path, zarr_format):
    group = make_group(tmp_path / "a.zarr", zarr_format)
    make_array(group, "2t", np.ones((3, 4), "f4"), (1, 4), dims=["time", "cell"], attrs={"units": "K"})
    assert notes(tmp_path / "a.zarr") == []


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
@pytest.mark.parametrize("zarr_format", FORMATS)
def test_changed_attributes_are_told_of_and_used(tmp_path, zarr_format):
    path = make(tmp_path / "a.zarr", zarr_format)
    edit(path / "2t", zarr_format, units="degC")
    (note,) = notes(path)
    assert f"not up to date: 2t/{DOCUMENT[zarr_format]};" in note
    assert {v.source_name: v.units for v in open_source(str(path)).variables}["2t"] == "degC"
    edit(path / "sp", zarr_format, units="hPa")
    assert f"not up to date: 2t/{DOCUMENT[zarr_format]} (+1);" in notes(path)[0]


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
@pytest.mark.parametrize("zarr_format", FORMATS)
def test_an_array_added_later_is_told_of(tmp_path, zarr_format):
    path = make(tmp_path / "a.zarr", zarr_format)
    group = make_group(tmp_path / "b.zarr", zarr_format)
    make_array(group, "tp", np.ones((3, 4), "f4"), (1, 4), dims=["time", "cell"], attrs={"units": "m"})
    (tmp_path / "b.zarr" / "tp").rename(path / "tp")
    assert "not up to date: tp/" in notes(path)[0]
