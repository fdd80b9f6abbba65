"""From whatever the user gives to a source, or to one line that says why not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sources.cf_data import fields, written

from dqwatch import registry
from dqwatch.errors import SourceError, SourceNotFoundError, UnsupportedDataError, UsageError
from dqwatch.sources import open_source
from dqwatch.types import Source


def sample(first: int = 0) -> xr.Dataset:
    values = np.arange(24, dtype="f4").reshape(2, 3, 4)
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values, {"units": "K"})},
        {
            "time": ("time", [first, first + 1], {"units": "days since 2020-01-01"}),
            "lat": ("lat", [60.0, 0.0, -60.0], {"units": "degrees_north"}),
            "lon": ("lon", [0.0, 90.0, 180.0, 270.0], {"units": "degrees_east"}),
        },
    )


@pytest.mark.parametrize(("form", "kind"), [("classic", "netcdf"), ("netcdf4", "netcdf"), ("zarr2", "xarray_zarr")])
@pytest.mark.parametrize("as_text", [False, True])
def test_paths(tmp_path, form, kind, as_text):
    path = written(sample(), tmp_path, form)
    with_source = open_source(str(path) if as_text else path)
    assert isinstance(with_source, Source)
    assert (with_source.kind, with_source.name) == (kind, path.name)
    assert len(list(fields(with_source))) == 2
    with_source.close()


def test_a_file_is_known_by_its_content_whatever_its_name(tmp_path):
    path = written(sample(), tmp_path, "netcdf4")
    assert open_source(path.rename(tmp_path / "data.csv")).kind == "netcdf"


def test_objects():
    assert open_source(sample()).kind == "memory"
    assert open_source(sample()["t2m"]).kind == "memory"


def test_parts_are_passed_on(tmp_path):
    source = open_source(
        written(sample(), tmp_path, "classic"), select="2t", start="2020-01-02", end="2020-01-02", every=1
    )
    assert source.times[0].labels == ["2020-01-02T00:00:00"]


def parts(folder: Path) -> list[Path]:
    """Two files, the later one first by name."""
    made = []
    for name, first in (("a", 2), ("b", 0)):
        path = written(sample(first), folder, "netcdf4")
        made.append(path.rename(folder / f"{name}.nc"))
    return made


@pytest.mark.parametrize("how", ["pattern", "list"])
def test_several_files_are_joined(tmp_path, how):
    paths = parts(tmp_path)
    source = open_source(paths if how == "list" else tmp_path / "*.nc")
    assert source.times[0].labels == [f"2020-01-0{d}T00:00:00" for d in (1, 2, 3, 4)]
    assert len(list(fields(source))) == 4
    source.close()


def test_a_pattern_that_one_file_matches(tmp_path):
    parts(tmp_path)
    assert open_source(tmp_path / "a*.nc").name == "a.nc"


def test_a_name_that_looks_like_a_pattern(tmp_path):
    path = written(sample(), tmp_path, "netcdf4").rename(tmp_path / "a[1].nc")
    assert open_source(path).name == "a[1].nc"


def test_a_broken_file_among_others_is_named(tmp_path):
    parts(tmp_path)
    (tmp_path / "c.nc").write_bytes(b"CDF\x01")
    with pytest.raises(SourceError, match=r"c\.nc: broken or truncated"):
        open_source(tmp_path / "*.nc")


def test_several_kinds_are_refused(tmp_path):
    parts(tmp_path)
    written(sample(), tmp_path, "zarr2")
    with pytest.raises(UnsupportedDataError, match=r"a\.nc and .*zarr2\.zarr: data of several kinds \(netcdf, zarr\)"):
        open_source(tmp_path / "*")


def written_as(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


REFUSED = {
    "absent": (lambda f: f / "absent.nc", SourceNotFoundError, "absent.nc: no such file or folder"),
    "no match": (lambda f: f / "*.nc", SourceNotFoundError, "no file or folder matches"),
    "empty name": (lambda f: "", SourceNotFoundError, "the name is empty"),
    "empty": (lambda f: written_as(f / "a.nc", b""), SourceError, "a.nc: an empty file"),
    "text": (lambda f: written_as(f / "a.txt", b"hello"), SourceError, "neither NetCDF, GRIB nor a Zarr store"),
    "text in .nc": (lambda f: written_as(f / "a.nc", b"hello"), SourceError, "no NetCDF file: it begins with b'hello'"),
    "text in .grib": (lambda f: written_as(f / "a.grib", b"hello"), SourceError, "no GRIB file"),
    "folder": (lambda f: f, SourceError, "a folder without Zarr metadata"),
    "parquet": (lambda f: written_as(f / "a", b"PAR1"), UnsupportedDataError, "Parquet cannot be read"),
    "csv": (lambda f: written_as(f / "a.csv", b"a,b\n"), UnsupportedDataError, "a table of text cannot be read"),
    "yaml": (lambda f: written_as(f / "a.yaml", b"a: 1\n"), UsageError, "no open_dataset specification: got keys a"),
    "zip": (lambda f: written_as(f / "a.zip", b"PK\3\4"), UnsupportedDataError, "a zip archive: unpack it first"),
    "number": (lambda f: 7, UnsupportedDataError, "data of type builtins.int cannot be read; give a path, "),
    "nothing": (lambda f: None, UnsupportedDataError, "data of type builtins.NoneType cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, case):
    make, kind, message = REFUSED[case]
    with pytest.raises(kind, match=re.escape(message)) as caught:
        open_source(make(tmp_path))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_folder_of_files_says_what_to_give(tmp_path):
    parts(tmp_path)
    with pytest.raises(SourceError, match=r"; give what is in it, .*\*\.nc$"):
        open_source(tmp_path)


def test_a_wrong_selection_closes_the_file(tmp_path, monkeypatch):
    closed = []
    from dqwatch.sources.cf import CFSource

    monkeypatch.setattr(CFSource, "close", lambda self: closed.append(self.name))
    with pytest.raises(UsageError):
        open_source(written(sample(), tmp_path, "classic"), select="nosuch")
    assert closed == ["classic.nc"]


def test_readers_of_others_are_asked_after_ours(tmp_path, monkeypatch):
    asked = []

    def theirs(data, **options):
        asked.append((data, options))
        return open_source(sample()) if str(data).endswith(".mine") else None

    load, names = registry.load, registry.names
    monkeypatch.setattr(registry, "names", lambda group: [*names(group), "theirs"])
    monkeypatch.setattr(registry, "load", lambda group, name: theirs if name == "theirs" else load(group, name))
    assert open_source(written_as(tmp_path / "a.mine", b"mine"), colour="red").kind == "memory"
    assert asked == [(str(tmp_path / "a.mine"), {"colour": "red"})]
    assert open_source(written(sample(), tmp_path, "classic")).kind == "netcdf"
    assert len(asked) == 1
    with pytest.raises(SourceError, match="neither NetCDF"):
        open_source(written_as(tmp_path / "a.other", b"other"))
