"""NetCDF and GRIB files behind URLs give the bits of local ones; copies do not outlive the source."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import eccodes as ec
import iris_sample_data
import netCDF4
import numpy as np
import pytest
from sources.anemoi_files import fields_of
from sources.remote_servers import put

from dqwatch.errors import SourceError, SourceNotFoundError, UnsupportedDataError
from dqwatch.sources import open_source, remote, remote_hdf5, remote_parts
from dqwatch.types import Source

FORMS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA", "NETCDF4")


def make_netcdf(path: Path, form: str = "NETCDF4", *, start: int = 0, cells: int = 400) -> Path:
    """Two variables of three times; the second of them compressed where the format can."""
    numbers = np.random.default_rng(start)
    options = {"zlib": True, "chunksizes": (1, 20, cells)} if form == "NETCDF4" else {}
    with netCDF4.Dataset(path, "w", format=form) as file:
        for name, length in (("time", None), ("lat", 20), ("lon", cells)):
            file.createDimension(name, length)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "hours since 2020-01-01"
        time[:] = start + np.arange(3) * 6
        for name, units, n in (("lat", "degrees_north", 20), ("lon", "degrees_east", cells)):
            axis = file.createVariable(name, "f8", (name,))
            axis.units = units
            axis[:] = np.linspace(-80, 80, n) if name == "lat" else np.arange(n) * 360 / n
        for name, extra in (("t2m", {}), ("d2m", options)):
            variable = file.createVariable(name, "f4", ("time", "lat", "lon"), fill_value=-9.0, **extra)
            variable.units = "K"
            variable[:] = numbers.normal(280, 9, (3, 20, cells)).astype("f4")
            variable[1, 2, 3:9] = -9
    return path


def make_grib(path: Path, *steps: int) -> Path:
    """Messages of a temperature with a bitmap, on a small grid."""
    with open(path, "wb") as stream:
        for step in steps:
            handle = ec.codes_grib_new_from_samples("regular_ll_pl_grib2")
            for key, value in (("level", 850), ("dataDate", 20200101), ("step", step), ("bitmapPresent", 1)):
                ec.codes_set(handle, key, value)
            values = np.random.default_rng(step).normal(280, 9, ec.codes_get_size(handle, "values"))
            values[3:7] = ec.codes_get(handle, "missingValue")
            ec.codes_set_values(handle, values)
            ec.codes_write(handle, stream)
            ec.codes_release(handle)
    return path


def check_same(found: Source, wanted: Source) -> None:
    assert (found.kind, found.name, found.identity) == (wanted.kind, wanted.name, wanted.identity)
    assert (found.variables, found.notes, found.arrays()) == (wanted.variables, wanted.notes, wanted.arrays())
    assert [a.labels for a in found.times] == [a.labels for a in wanted.times]
    for a, b in zip(found.grids, wanted.grids, strict=True):
        np.testing.assert_array_equal(a.latitudes, b.latitudes)
        np.testing.assert_array_equal(a.area_weights, b.area_weights)
    ours, theirs = fields_of(found), fields_of(wanted)
    assert ours.keys() == theirs.keys()
    assert theirs
    for key, values in theirs.items():
        assert ours[key].tobytes() == values.tobytes()
    found.close()
    found.close()
    wanted.close()


def copies() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("dqwatch-*"))


@pytest.fixture(autouse=True)
def _no_copies_left(tmp_path, monkeypatch):
    """Copies go to a folder of their own, which is empty in the end."""
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not copies()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cached", [False, True])
def test_a_remote_netcdf_file_is_what_it_is_here(share, tmp_path, form, cached):
    path = make_netcdf(tmp_path / "a file.nc", form)
    options = {"cache": tmp_path / "cache"} if cached else {}
    for _ in range(1 + cached):
        source = open_source(share(path), **options)
        assert bool(copies()) == (form != "NETCDF4")
        check_same(source, open_source(path))


@pytest.mark.parametrize("cached", [False, True])
def test_a_remote_grib_file_is_what_it_is_here(share, tmp_path, cached):
    path = make_grib(tmp_path / "a file.grib2", 0, 6, 12)
    options = {"cache": tmp_path / "cache"} if cached else {}
    for _ in range(1 + cached):
        source = open_source(share(path), **options)
        assert copies()
        check_same(source, open_source(path))


def test_several_urls_are_joined(share, tmp_path):
    first, second = make_netcdf(tmp_path / "1.nc"), make_netcdf(tmp_path / "2.nc", start=18)
    check_same(open_source([share(first), share(second)]), open_source([first, second]))
    check_same(open_source([share(first), second]), open_source([first, second]))
    first, second = make_grib(tmp_path / "1.grib2", 0, 6), make_grib(tmp_path / "2.grib2", 12)
    check_same(open_source([share(first), share(second)]), open_source([first, second]))


@pytest.mark.parametrize("base", ["s3", "memory"])
def test_patterns_where_objects_can_be_listed(request, tmp_path, base):
    base = request.getfixturevalue(base)
    for step in (0, 6, 12):
        put(make_grib(tmp_path / f"{step}.grib2", step), f"{base}/day/{step}.grib2")
    check_same(open_source(f"{base}/day/*.grib2"), open_source(f"{tmp_path}/*.grib2"))
    check_same(open_source(f"{base}/day/[06].grib2"), open_source(f"{tmp_path}/[06].grib2"))
    with pytest.raises(SourceNotFoundError, match=r"day/\*\.nc: no file or folder matches"):
        open_source(f"{base}/day/*.nc")


def test_http_has_no_patterns(http, tmp_path):
    make_netcdf(tmp_path / "a[1].nc")
    check_same(open_source(f"{http.url}/a[1].nc?key=1*"), open_source(tmp_path / "a[1].nc"))


def test_netcdf4_is_fetched_in_parts(http, tmp_path, monkeypatch):
    for module in (remote, remote_hdf5, remote_parts):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 14)
    path = make_netcdf(tmp_path / "x.nc", cells=20000)
    size = path.stat().st_size
    source = open_source(f"{http.url}/x.nc", select="d2m")
    found = fields_of(source, source.blocks()[:1])
    np.testing.assert_array_equal(found[0, 0, 0], fields_of(open_source(path, select="d2m"))[0, 0, 0])
    ranges = [[int(n) for n in r.range.removeprefix("bytes=").split("-")] for r in http.bodies()]
    fetched = sum(b - a + 1 for a, b in ranges)
    assert fetched < size / 2
    source.close()


SAMPLES = ("ostia_monthly.nc", "hybrid_height.nc", "rotated_pole.nc", "atlantic_profiles.nc")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("length", [512, 1 << 14])
def test_any_read_of_h5py_may_be_fetched(memory, monkeypatch, name, length):
    monkeypatch.setattr(remote_hdf5, "BLOCK_BYTES", length)
    monkeypatch.setattr(remote_hdf5, "_BLOCKS_HELD", 3)
    path = Path(iris_sample_data.path) / name
    check_same(open_source(put(path, f"{memory}/{name}")), open_source(path))


LITTER = """
    import gc, sys
    import fsspec.asyn, h5py
    from dqwatch.buffers import Buffers
    from dqwatch.sources import open_source

    gc.disable()
    source = open_source(sys.argv[1])
    for block in source.blocks():
        ring = [h5py.File(sys.argv[2])["t2m"]]
        ring.append(ring)
        del ring
        loop = fsspec.asyn.get_loop()
        loop.call_soon_threadsafe(loop.call_later, 0.1, gc.collect)
        print(sum(1 for _ in source.read(block, Buffers())))
    source.close()
"""


def test_whoever_collects_garbage_of_h5py_does_not_stop_the_reading(http, tmp_path):
    """The thread that fetches waits for h5py then, which must not wait for that thread."""
    path = make_netcdf(tmp_path / "x.nc", cells=20000)
    http.delay = 0.3
    words = [sys.executable, "-c", textwrap.dedent(LITTER), f"{http.url}/x.nc", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.split() == ["3", "3"]


@pytest.mark.parametrize("form", FORMS)
def test_a_server_without_ranges(http, tmp_path, form):
    path = make_netcdf(tmp_path / "x.nc", form)
    http.ranges = False
    check_same(open_source(f"{http.url}/x.nc"), open_source(path))
    http.lengths = False
    check_same(open_source(f"{http.url}/x.nc", cache=tmp_path / "cache"), open_source(path))


def test_a_server_without_head(http, tmp_path):
    path = make_netcdf(tmp_path / "x.nc")
    http.heads = False
    check_same(open_source(f"{http.url}/x.nc"), open_source(path))


@pytest.mark.parametrize("status", [500, 403])
def test_an_error_of_the_server_in_the_middle(http, tmp_path, monkeypatch, status):
    monkeypatch.setattr(remote, "PAUSES_S", ())
    for module in (remote, remote_hdf5, remote_parts):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 14)
    make_netcdf(tmp_path / "x.nc", cells=20000)
    source = open_source(f"{http.url}/x.nc")
    http.failing["x.nc"] = status
    with pytest.raises(SourceError, match=rf"^{http.url}/x\.nc: .*HTTP {status}"):
        fields_of(source)
    source.close()
    http.failing.clear()
    assert fields_of(open_source(f"{http.url}/x.nc")).keys() == {(t, v, 0) for t in range(3) for v in range(2)}


@pytest.mark.parametrize("name", ["x.nc", "x.grib2", "x4.nc"])
@pytest.mark.parametrize("at", range(4))
def test_an_error_of_the_server_while_it_is_opened(http, tmp_path, monkeypatch, name, at):
    monkeypatch.setattr(remote, "PAUSES_S", ())
    make_netcdf(tmp_path / "x.nc", "NETCDF3_CLASSIC")
    make_netcdf(tmp_path / "x4.nc")
    make_grib(tmp_path / "x.grib2", 0)
    open_source(f"{http.url}/{name}").close()
    assert len(http.log) > at
    http.failing[name] = [*[None] * at, *[500] * 9]
    with pytest.raises(SourceError, match=rf"{name}: .*HTTP 500"):
        open_source(f"{http.url}/{name}")


def test_broken_files_are_named_by_their_urls(http, tmp_path):
    for form in FORMS:
        content = make_netcdf(tmp_path / "x.nc", form, cells=2000).read_bytes()
        (tmp_path / "x.nc").write_bytes(content[: len(content) // 2])
        with pytest.raises(SourceError, match=rf"^{http.url}/x\.nc: broken or truncated NetCDF"):
            open_source(f"{http.url}/x.nc")
    content = make_grib(tmp_path / "x.grib2", 0, 6).read_bytes()
    (tmp_path / "x.grib2").write_bytes(content[:-100])
    with pytest.raises(SourceError, match=r"^x\.grib2: GRIB message 2"):
        open_source(f"{http.url}/x.grib2")


def test_what_is_no_data(http, tmp_path):
    (tmp_path / "page.nc").write_text("<html>")
    (tmp_path / "none.grib2").write_text("<html>")
    (tmp_path / "empty.nc").write_bytes(b"")
    (tmp_path / "table.csv").write_text("a,b")
    for name, error, text in (
        ("page.nc", SourceError, "no NetCDF file: it begins with b'<html>'"),
        ("none.grib2", SourceError, "no GRIB file"),
        ("empty.nc", SourceError, "an empty file"),
        ("table.csv", UnsupportedDataError, "a table of text cannot be read"),
    ):
        with pytest.raises(error, match=rf"^{http.url}/{name}: {text}"):
            open_source(f"{http.url}/{name}")


def test_a_download_that_is_cut(http, tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PAUSES_S", ())
    make_grib(tmp_path / "x.grib2", 0)
    http.cut.add("x.grib2")
    with pytest.raises(SourceError, match=r"x\.grib2: the connection broke"):
        open_source(f"{http.url}/x.grib2")


def test_local_files_by_url(tmp_path):
    path = make_netcdf(tmp_path / "a file.nc")
    for url in (f"file:{path}", "file:" + f"//{path}", "file:" + f"//localhost{path}".replace(" ", "%20")):
        check_same(open_source(url), open_source(path))
    check_same(open_source(["file:" + f"//{path}"]), open_source(path))
    with pytest.raises(SourceNotFoundError, match="no such file"):
        open_source(f"file:{tmp_path}/none.nc")
    with pytest.raises(UnsupportedDataError, match="'folder' would be a machine"):
        open_source("file:" + "//folder/x.nc")
