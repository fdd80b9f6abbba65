"""The figures of `inspect` agree with the bytes that stores hand out while the patterns are really read."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest
from metrics.counted import OLD_ZARR, coordinates, read
from sources.zarr_files import FORMATS, make_anemoi, make_array, make_group

import dqwatch
from dqwatch.metrics.access_patterns import choose_variables
from dqwatch.metrics.field_arrays import find_field_arrays

OWN = [
    "time=28,cell=100,variable=2t",
    "time=10%,variable=msl+t_850",
    "time=3x5,cell=2x6",
    "cell=region,time=48h,variable=1",
]
N_DATES, CELLS = 190, 208
"""Daily, half a year and a bit; an octahedral grid."""
VARIABLES = ["2t", "msl", "t_850"]


def anemoi(path: Path, chunks, zarr_format: int = 2, **options) -> Path:
    """Smooth fields, so that chunks differ in size, with some chunks that are absent because they are all NaN."""
    rng = np.random.default_rng(3)
    values = rng.normal(280, 5, (N_DATES, len(VARIABLES), 1, CELLS)).astype("f4").round(1)
    values[80:110] = np.nan
    values[130:140, :, :, 60:] = 280
    options = {} if OLD_ZARR else {"config": {"write_empty_chunks": False}, **options}
    if OLD_ZARR:
        options = {"write_empty_chunks": False}
    make_anemoi(path, values, VARIABLES, hours=24, chunks=chunks, zarr_format=zarr_format, data_options=options)
    return path


def gridded(path: Path, chunks, zarr_format: int = 2, **options) -> Path:
    """As xarray writes: variables of their own, one of them with levels and one without time."""
    rng = np.random.default_rng(4)
    group = make_group(path, zarr_format)
    places = {"latitude": np.linspace(75, -75, 11), "longitude": np.arange(0, 360, 22.5)}
    dims = ("time", "latitude", "longitude")
    times = np.arange(190) * 24.0
    make_array(group, "time", times, (190,), dims=("time",), attrs={"units": "hours since 2020-01-01"})
    make_array(group, "level", np.array([850.0, 500.0]), (2,), dims=("level",), attrs={"units": "hPa"})
    for name, values in places.items():
        units = "degrees_north" if name == "latitude" else "degrees_east"
        make_array(group, name, values, values.shape, dims=(name,), attrs={"units": units})
    for name, units in (("t2m", "K"), ("msl", "Pa")):
        values = rng.normal(280, 5, (190, 11, 16)).astype("f4").round(1)
        make_array(group, name, values, chunks, dims=dims, attrs={"units": units}, **options)
    values = rng.normal(250, 5, (190, 2, 11, 16)).astype("f4").round(1)
    make_array(group, "t", values, (chunks[0], 1, *chunks[1:]), dims=("time", "level", *dims[1:]), attrs={"units": "K"})
    make_array(group, "lsm", values[0, 0].clip(0, 1), chunks[1:], dims=dims[1:], attrs={"units": "1"})
    return path


ANEMOI = {
    "one chunk per date": (1, 3, 1, CELLS),
    "one chunk per field": (1, 1, 1, CELLS),
    "time in chunks": (40, 3, 1, CELLS),
    "all times of some cells": (N_DATES, 1, 1, 16),
    "tiles": (48, 2, 1, 50),
}
GRIDDED = {"one chunk per date": (1, 11, 16), "time in chunks": (50, 11, 16), "tiles": (64, 4, 5)}
SHARDED = {"cells in shards": ((8, 3, 1, 52), (8, 3, 1, 208)), "tiles in shards": ((10, 1, 1, 40), (40, 3, 1, 120))}


def check(path: Path) -> None:
    """Read each pattern through zarr, array by array, and hold what was fetched and decoded against the figures."""
    inspection = dqwatch.inspect(path, pattern=OWN)
    source = dqwatch.open_source(path)
    arrays, unclear = find_field_arrays(source, source.arrays())
    assert not unclear
    assert {r.pattern.name for r in inspection.reads} == {
        "date",
        "series",
        "points",
        "window",
        "own1",
        "own2",
        "own3",
        "own4",
    }
    for cost in inspection.reads:
        wanted = fetched = chunks = 0
        for array in arrays:
            parts = array.parts(source, cost.pattern, choose_variables(cost.pattern, source.variables))
            if not parts:
                continue
            values, store = read(path, array, parts)
            name = array.stored.name
            wanted += values.nbytes
            fetched += store.bytes_of(name)
            keys = {key for key, _ in store.pieces if key.startswith(f"{name}/")}
            if array.stored.shards is None:
                assert len(keys) == len(store.pieces), "an object was fetched twice"
                chunks += len(keys)
        assert cost.access.wanted_bytes == wanted, cost
        assert cost.stored_exact
        assert cost.stored_bytes == fetched, cost
        if not any(a.stored.shards or a.stored.objects != a.stored.expected_objects for a in arrays):
            assert cost.access.chunks == chunks, cost
            assert cost.access.amplification >= 1


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("layout", ANEMOI)
def test_anemoi_stores(tmp_path, layout, zarr_format):
    check(anemoi(tmp_path / "a.zarr", ANEMOI[layout], zarr_format))


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("layout", GRIDDED)
def test_stores_as_xarray_writes_them(tmp_path, layout, zarr_format):
    check(gridded(tmp_path / "a.zarr", GRIDDED[layout], zarr_format))


if not OLD_ZARR:

    @pytest.mark.parametrize("layout", SHARDED)
    def test_shards_cost_their_index_and_the_chunks(tmp_path, layout):
        chunks, shards = SHARDED[layout]
        check(anemoi(tmp_path / "a.zarr", chunks, 3, shards=shards))


def test_amplification_is_what_is_decoded_over_what_is_wanted(tmp_path):
    """The bytes that codecs yield, counted chunk by chunk, on uncompressed data: there stored is decoded."""
    rng = np.random.default_rng(0)
    values = rng.normal(280, 5, (N_DATES, 3, 1, CELLS)).astype("f4")
    path = tmp_path / "a.zarr"
    make_anemoi(path, values, VARIABLES, hours=24, chunks=(64, 3, 1, 70), data_options={"compressor": None})
    for cost in dqwatch.inspect(path, pattern=OWN).reads:
        assert cost.stored_bytes == cost.access.decoded_bytes
        assert cost.access.amplification == cost.stored_bytes / cost.access.wanted_bytes


class CountingFile:
    """A file that notes where and how much is read of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.pieces: list[tuple[int, int]] = []

    def readinto(self, buffer) -> int:
        at = self._file.tell()
        n = self._file.readinto(buffer)
        self.pieces.append((at, n))
        return n

    def __getattr__(self, name):
        return getattr(self._file, name)

    def close(self) -> None:
        self._file.close()


def test_chunks_of_netcdf4_files(tmp_path):
    path = tmp_path / "a.nc"
    values = np.random.default_rng(0).normal(280, 5, (120, 20, 30)).astype("f4").round(1)
    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"time": 120, "latitude": 20, "longitude": 30}
        file.create_variable("time", ("time",), data=np.arange(120) * 6.0).attrs["units"] = "hours since 2020-01-01"
        for name, (low, high), units in (
            ("latitude", (-85, 85), "degrees_north"),
            ("longitude", (0, 348), "degrees_east"),
        ):
            n = file.dimensions[name].size
            file.create_variable(name, (name,), data=np.linspace(low, high, n)).attrs["units"] = units
        dims = ("time", "latitude", "longitude")
        t2m = file.create_variable("t2m", dims, data=values, chunks=(16, 10, 8), compression="gzip", shuffle=True)
        t2m.attrs["units"] = "K"
    inspection = dqwatch.inspect(path, pattern=["time=20,cell=region", "time=1"])
    with closing(dqwatch.open_source(path)) as source:
        (array,), _ = find_field_arrays(source, source.arrays())
    for cost in inspection.reads:
        if cost.pattern.name not in ("own1", "own2", "date", "window"):
            continue  # HDF5 reads boxes in one go; of single points it may fetch a chunk again
        parts = array.parts(source, cost.pattern, [0])
        box: list = [None] * 3
        for part in parts:
            assert isinstance(part.indices, range)
            box[part.axes[0]] = slice(part.indices.start, part.indices.stop)
        with closing(CountingFile(path)) as counting, h5py.File(counting, "r") as file:
            dataset = file["t2m"]
            known = [dataset.id.get_chunk_info(i) for i in range(dataset.id.get_num_chunks())]
            sizes = {(chunk.byte_offset, chunk.size) for chunk in known}
            counting.pieces.clear()
            got = dataset[tuple(box)]
            fetched = [piece for piece in counting.pieces if piece in sizes]
        np.testing.assert_array_equal(got, values[tuple(box)])
        assert cost.access.wanted_bytes == got.nbytes
        assert cost.access.chunks == len(fetched) == len(set(fetched))
        assert cost.access.decoded_bytes == len(fetched) * 16 * 10 * 8 * 4
        assert cost.stored_exact
        assert cost.stored_bytes == sum(size for _, size in fetched)


def test_pages_of_a_contiguous_file(tmp_path):
    """A file without chunks costs the pages that hold what is wanted: here counted value by value."""
    path = tmp_path / "a.nc"
    values = np.random.default_rng(0).normal(280, 5, (50, 40, 60)).astype("f4")
    make_classic(path, values)
    inspection = dqwatch.inspect(path, pattern="time=10,cell=7")
    source = dqwatch.open_source(path)
    arrays, _ = find_field_arrays(source, inspection.arrays)
    assert inspection.main is not None
    assert inspection.main.stored.chunks is None
    for cost in inspection.reads:
        (array,) = arrays
        places = np.zeros(values.shape, bool)
        places[coordinates(array, array.parts(source, cost.pattern, [0]))] = True
        pages = {int(p) * 4 // 4096 for p in np.flatnonzero(places)}
        assert cost.access.decoded_bytes == len(pages) * 4096
        assert cost.access.wanted_bytes == places.sum() * 4
        assert cost.stored_bytes == cost.access.decoded_bytes
        assert not cost.stored_exact


def make_classic(path: Path, values: np.ndarray) -> None:
    """A NetCDF-3 file of one variable."""
    from scipy.io import netcdf_file

    with netcdf_file(str(path), "w") as file:
        for name, n in zip(("time", "latitude", "longitude"), values.shape, strict=True):
            file.createDimension(name, n)
        described = {
            "time": (np.arange(values.shape[0]) * 6.0, "hours since 2020-01-01"),
            "latitude": (np.linspace(-85, 85, values.shape[1]), "degrees_north"),
            "longitude": (np.linspace(0, 350, values.shape[2]), "degrees_east"),
        }
        for name, (numbers, units) in described.items():
            variable = file.createVariable(name, "f8", (name,))
            variable[:] = numbers
            variable.units = units
        t2m = file.createVariable("t2m", "f4", ("time", "latitude", "longitude"))
        t2m[:] = values
        t2m.units = "K"


def test_objects_are_stored_whole(tmp_path):
    """All of a store: every object once."""
    path = anemoi(tmp_path / "a.zarr", (48, 2, 1, 50))
    (own, *_) = dqwatch.inspect(path, pattern="time=all").reads
    files = [f for f in (path / "data").rglob("*") if f.is_file() and not f.name.startswith((".z", "zarr.json"))]
    assert own.stored_bytes == sum(f.stat().st_size for f in files)
    assert own.access.chunks == math.prod([4, 2, 1, 5])  # 190 / 48, 3 / 2, 1 / 1, 208 / 50, each rounded up
    assert own.access.decoded_bytes == 4 * 2 * 5 * 48 * 2 * 50 * 4
