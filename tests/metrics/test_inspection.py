"""What `inspect` tells of a data set, against what was written; and how little it reads for it."""

import json
import math
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from conftest import real_data
from sources.zarr_files import FORMATS, OLD_ZARR, make_anemoi, make_array, make_group

import dqwatch
from dqwatch.errors import SourceError, UsageError
from dqwatch.metrics import holes
from dqwatch.metrics.field_arrays import find_field_arrays
from dqwatch.sources.tensors import Tensors
from dqwatch.types import StoredArray

VARIABLES = ["2t", "msl", "lsm"]


def store(path: Path, n: int = 40, cells: int = 208, *, chunks=None, zarr_format: int = 2, **attrs) -> Path:
    """Date 7 is declared missing; lsm is NaN in a quarter of its cells; date 20 is NaN throughout."""
    values = np.random.default_rng(0).normal(280, 5, (n, 3, 1, cells)).astype("f4")
    values[:, 2, :, : cells // 4] = np.nan
    values[[7, 20]] = np.nan
    dates = np.datetime64("2020-01-01T00", "s") + np.arange(n) * np.timedelta64(6, "h")
    given = {"missing_dates": [str(dates[7])], **attrs}
    make_anemoi(path, values, VARIABLES, chunks=chunks, zarr_format=zarr_format, attrs=given)
    return path


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_an_anemoi_store(tmp_path, zarr_format):
    path = store(tmp_path / "a.zarr", zarr_format=zarr_format)
    found = dqwatch.inspect(path, batch=4)
    assert (found.name, found.kind) == ("a.zarr", "anemoi_zarr")
    files = [f for f in path.rglob("*") if f.is_file()]
    assert found.footprint == (len(files), sum(f.stat().st_size for f in files))
    # data, dates, two coordinates, four statistics
    assert found.bytes == 40 * 3 * 208 * 4 + 40 * 8 + 2 * 208 * 8 + 4 * 3 * 8
    assert found.dimensions == {"time": 40, "variable": 3, "ensemble": 1, "cell": 208}
    assert [v.name for v in found.variables] == VARIABLES
    (period,) = found.periods
    assert (period.n, period.first, period.last) == (40, "2020-01-01T00:00:00", "2020-01-10T18:00:00")
    assert (period.frequency, period.frequency_declared, period.calendar) == ("6 h", True, "proleptic_gregorian")
    assert (period.n_declared_missing, period.declared_missing) == (1, ("2020-01-02T18:00:00",))
    assert period.n_missing == 0
    assert found.memory.date == 3 * 208 * 4
    assert found.memory.batch == 4 * 3 * found.memory.date
    assert found.main is not None
    assert (found.main.stored.name, found.main.geometry.chunks) == ("data", (1, 3, 1, 208))
    assert {r.pattern.name: r.access.amplification for r in found.reads if r.pattern.name != "window"} == {
        "date": 1,
        "series": pytest.approx(208 / cells_of(found, "series", 40)),
        "points": pytest.approx(208 / 21),
    }
    assert found.seconds < 30


def cells_of(found, pattern: str, n_times: int) -> int:
    (read,) = (r for r in found.reads if r.pattern.name == pattern)
    return read.access.wanted_bytes // (n_times * 3 * 4)


def test_nan_are_looked_for_in_a_few_dates_and_it_says_which(tmp_path):
    found = dqwatch.inspect(store(tmp_path / "a.zarr")).holes
    # 39 dates are not declared missing: the first, a third, two thirds, the last; date 7 has moved the others by one.
    assert found.times == ("2020-01-01T00:00:00", "2020-01-04T12:00:00", "2020-01-07T12:00:00", "2020-01-10T18:00:00")
    assert (found.n_fields, found.n_of, found.n_variables) == (12, 120, 3)
    assert found.shares == {"lsm": 0.25}
    assert found.empty_times == ()
    again = dqwatch.inspect(tmp_path / "a.zarr").holes
    assert again == found


def test_an_empty_date_in_the_sample_is_told(tmp_path):
    found = dqwatch.inspect(store(tmp_path / "a.zarr", n=21)).holes
    assert found.times[-1] == "2020-01-06T00:00:00"
    assert found.empty_times == ("2020-01-06T00:00:00",)
    assert found.shares["2t"] == 1 / len(found.times)


@pytest.mark.parametrize(
    ("budget", "n_dates", "n_variables"),
    [(10**9, 4, 3), (2 * 40 * 208 * 4 * 3, 2, 3), (40 * 208 * 4 * 2, 1, 2), (1, 1, 1)],
)
def test_the_sample_is_as_large_as_may_be_decoded(tmp_path, budget, n_dates, n_variables):
    """All dates in one chunk: a date of all variables costs 40 x 208 x 4 x 3 bytes."""
    path = store(tmp_path / "a.zarr", chunks=(40, 1, 1, 208))
    with closing(dqwatch.open_source(path)) as source:
        arrays, _ = find_field_arrays(source, source.arrays())
        found = holes.sample_holes(source, arrays, budget=budget)
    assert (len(found.times), found.n_variables, found.n_fields) == (n_dates, n_variables, n_dates * n_variables)


def test_nothing_is_read_beyond_the_sample(tmp_path):
    """Chunks of other dates may be broken: nobody notices."""
    path = store(tmp_path / "a.zarr", n=100)
    sampled = {0, 34, 66, 99}  # of the 99 dates that are not missing, moved by one after date 7
    for file in (path / "data").iterdir():
        if not file.name.startswith(".") and int(file.name.split(".")[0]) not in sampled:
            file.write_bytes(b"broken")
    assert dqwatch.inspect(path).holes.n_fields == 12
    (path / "data" / "34.0.0.0").write_bytes(b"broken")
    with pytest.raises(SourceError, match=r"34\.0\.0\.0"):
        dqwatch.inspect(path)


def test_a_store_of_64_thousand_dates_takes_seconds(tmp_path):
    n, cells = 64_284, 4
    path = tmp_path / "a.zarr"
    values = np.broadcast_to(np.float32(280), (n, 3, 1, cells))
    make_anemoi(path, values, VARIABLES, chunks=(n, 3, 1, cells))
    # As if each date had a chunk of its own: the metadata say so, and every chunk is there, small and uncompressed.
    data = path / "data"
    for file in data.iterdir():
        if file.name not in (".zarray", ".zattrs"):
            file.unlink()
    meta = json.loads((data / ".zarray").read_text())
    (data / ".zarray").write_text(json.dumps(meta | {"chunks": [1, 3, 1, cells], "compressor": None}))
    chunk = np.full(3 * cells, 280, "<f4").tobytes()
    for i in range(n):
        (data / f"{i}.0.0.0").write_bytes(chunk)
    began = time.perf_counter()
    found = dqwatch.inspect(path, pattern="time=50000,cell=1")
    assert time.perf_counter() - began < 20  # some 2 s on an idle machine
    assert found.periods[0].n == n
    assert found.footprint is not None
    assert found.footprint.files > n
    (own, *_) = found.reads
    assert (own.access.chunks, own.stored_bytes, own.stored_exact) == (50_000, 50_000 * 48, True)


def test_a_store_as_xarray_writes_it(tmp_path):
    group = make_group(tmp_path / "a.zarr")
    axes = {"time": np.arange(12) * 6.0, "lat": np.linspace(80, -80, 9), "lon": np.arange(0, 360, 30.0)}
    units = {"time": "hours since 2020-01-01", "lat": "degrees_north", "lon": "degrees_east"}
    for name, values in axes.items():
        make_array(group, name, values, values.shape, dims=(name,), attrs={"units": units[name]})
    rng = np.random.default_rng(0)
    packed = rng.integers(0, 1000, (12, 9, 12)).astype("i2")
    dims = ("time", "lat", "lon")
    make_array(
        group, "t2m", packed, (4, 9, 12), dims=dims, attrs={"units": "K", "scale_factor": 0.1, "add_offset": 200.0}
    )
    field = rng.normal(0, 1, (9, 12))
    make_array(group, "lsm", field, (9, 12), dims=("lat", "lon"), attrs={"units": "1"})
    found = dqwatch.inspect(tmp_path / "a.zarr")
    assert found.kind == "xarray_zarr"
    date = next(r for r in found.reads if r.pattern.name == "date")
    # One date of int16 values of which a chunk holds four, and the one field of float64 without time.
    assert date.access.wanted_bytes == 9 * 12 * 2 + 9 * 12 * 8
    assert date.access.decoded_bytes == 4 * 9 * 12 * 2 + 9 * 12 * 8
    assert found.memory.date == 2 * 9 * 12 * 4, "models get float32"
    assert {p.kind for p in found.periods} == {"time", "static"}


def test_levels_members_and_lead_times_are_told_apart(tmp_path):
    rng = np.random.default_rng(0)
    shape = (5, 4, 3, 2, 6, 8)  # time, step, member, level, latitude, longitude
    data = xr.Dataset(
        {"t": (("time", "step", "number", "level", "latitude", "longitude"), rng.normal(280, 5, shape).astype("f4"))},
        {
            "time": (
                "time",
                np.arange(5) * 24.0,
                {"units": "hours since 2020-01-01", "standard_name": "forecast_reference_time"},
            ),
            "step": ("step", np.arange(4) * 6.0, {"units": "hours", "standard_name": "forecast_period"}),
            "number": ("number", np.arange(3), {"standard_name": "realization"}),
            "level": ("level", [850.0, 500.0], {"units": "hPa"}),
            "latitude": ("latitude", np.linspace(75, -75, 6), {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(8) * 45.0, {"units": "degrees_east"}),
        },
    )
    data["t"].attrs["units"] = "K"
    path = tmp_path / "a.nc"
    data.to_netcdf(path, engine="h5netcdf", encoding={"t": {"chunksizes": (1, 2, 1, 1, 6, 8)}})
    found = dqwatch.inspect(path, pattern=["time=1,member=1,variable=t_500", "time=3,member=2,variable=t,cell=7"])
    main = found.main
    assert main is not None
    assert (main.times, main.members, main.rest, main.cells) == ((0, 1), (2,), (3,), (4, 5))
    one, three = (r.access for r in found.reads[:2])
    assert one.wanted_bytes == 6 * 8 * 4
    assert (one.chunks, one.decoded_bytes) == (1, 2 * 6 * 8 * 4)
    # Times 8, 9, 10 of 20 are steps 0, 1, 2 of the third start: two chunks; two members, two levels each.
    assert three.wanted_bytes == 3 * 2 * 2 * 7 * 4
    assert three.chunks == 2 * 2 * 2
    (period,) = found.periods
    assert period.lead_times == "0 h to 18 h (4)"
    assert period.frequency == "1 d"


def test_several_files_are_one(tmp_path):
    """Arrays go on from file to file; each file has chunks of its own."""
    for year, n in ((2020, 6), (2021, 4)):
        times = np.datetime64(f"{year}-01-01", "ns") + np.arange(n) * np.timedelta64(1, "D")
        data = xr.Dataset(
            {"t2m": (("time", "lat", "lon"), np.full((n, 4, 6), 280, "f4"), {"units": "K"})},
            {
                "time": times,
                "lat": ("lat", [60.0, 20, -20, -60], {"units": "degrees_north"}),
                "lon": ("lon", np.arange(6) * 60.0, {"units": "degrees_east"}),
            },
        )
        data.to_netcdf(
            tmp_path / f"{year}.nc", engine="h5netcdf", encoding={"t2m": {"chunksizes": (2, 4, 6), "zlib": True}}
        )
    found = dqwatch.inspect(str(tmp_path / "*.nc"), pattern=["time=4", "time=all"])
    four, every, *_ = found.reads
    # The middle four of ten times are the last three of the first file and the first of the second: 2 + 1 chunks.
    assert (four.access.chunks, four.access.wanted_bytes) == (3, 4 * 24 * 4)
    assert (every.access.chunks, every.access.wanted_bytes) == (5, 10 * 24 * 4)
    stored = sum(a.stored_bytes or 0 for a in found.arrays if a.name.endswith("t2m"))
    assert every.stored_exact
    assert every.stored_bytes == stored
    assert found.footprint is not None
    assert found.footprint.files == 2
    assert all(o.command.text == "" for o in found.options)


def test_grib_messages_are_decoded_whole():
    found = dqwatch.inspect(
        real_data("grib", "era5-levels-members.grib"), pattern="time=2,cell=10,variable=t_850,member=3"
    )
    assert found.kind == "grib"
    own = found.reads[0].access
    assert own.wanted_bytes == 2 * 10 * 3 * 8
    assert own.chunks == 2 * 3
    assert own.decoded_bytes == 2 * 3 * 7320 * 8
    date = next(r for r in found.reads if r.pattern.name == "date")
    assert date.access.amplification == 1
    assert date.access.chunks == 4 * 10  # two variables on two levels, ten members
    total = sum(a.stored_bytes or 0 for a in found.arrays)
    assert date.stored_bytes == pytest.approx(total / 4, rel=1e-3)  # four times; messages are of one size here
    assert not date.stored_exact


def test_classic_files_have_no_chunks():
    found = dqwatch.inspect(real_data("monthly", "ts.nc"))
    assert found.main is not None
    assert all(a.chunks is None for a in found.arrays)
    assert found.periods[1].problem


def test_an_xarray_dataset_in_memory():
    data = xr.Dataset(
        {"t2m": (("time", "lat", "lon"), np.full((6, 4, 8), 280, "f4"), {"units": "K"})},
        {
            "time": np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(1, "D"),
            "lat": ("lat", [60.0, 20, -20, -60], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(8) * 45.0, {"units": "degrees_east"}),
        },
    )
    found = dqwatch.inspect(data)
    assert found.footprint is None
    assert found.kind == "memory"
    date = next(r for r in found.reads if r.pattern.name == "date")
    assert date.access.decoded_bytes == 2 * 64, "32 values of 4 bytes: two cache lines"
    assert date.stored_bytes is None


def test_tensors():
    fields = {"2t": np.full((2, 100), 280, "f4"), "msl": np.full((2, 100), 1e5, "f4")}
    found = dqwatch.inspect(Tensors(fields, name="state"))
    date = next(r for r in found.reads if r.pattern.name == "date")
    assert date.access.wanted_bytes == 2 * 100 * 4
    assert found.memory.date == 2 * 100 * 4


def test_what_is_no_array_of_fields_is_noted(tmp_path, monkeypatch):
    path = store(tmp_path / "a.zarr")
    with closing(dqwatch.open_source(path)) as source:
        odd = [StoredArray("data", ("a", "b"), (7, 3), "float32", (7, 3))]
        assert find_field_arrays(source, odd) == ([], ["data"])
        assert find_field_arrays(source, []) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": "tme=1"}, "'tme=1' is no part of a pattern"),
        ({"pattern": ["time=1", "cell=x"]}, "cell=x is no amount"),
        ({"batch": 0}, "batch: got 0; give a whole number of 1 or more"),
        ({"batch": 1.5}, "batch: got 1.5"),
    ],
)
def test_a_wrong_request_is_told_before_data_are_opened(arguments, message):
    with pytest.raises(UsageError, match=message):
        dqwatch.inspect("no such file", **arguments)


def test_a_pattern_that_wants_too_much(tmp_path):
    path = store(tmp_path / "a.zarr")
    with pytest.raises(UsageError, match="time=41, but there are only 40; give 1 to 40"):
        dqwatch.inspect(path, pattern="time=41")
    with pytest.raises(UsageError, match="no variable '2d'; there are 2t"):
        dqwatch.inspect(path, pattern="variable=2d")


if not OLD_ZARR:

    def test_shards_are_objects(tmp_path):
        values = np.random.default_rng(0).normal(280, 5, (40, 3, 1, 208)).astype("f4")
        options = {"shards": (20, 3, 1, 208)}
        make_anemoi(tmp_path / "a.zarr", values, VARIABLES, chunks=(4, 3, 1, 52), zarr_format=3, data_options=options)
        found = dqwatch.inspect(tmp_path / "a.zarr")
        assert found.main is not None
        assert (found.main.geometry.n_chunks, found.main.geometry.n_objects) == (10 * 4, 2)
        date = next(r for r in found.reads if r.pattern.name == "date")
        assert date.access.chunks == 4
        assert date.access.decoded_bytes == 4 * math.prod((4, 3, 1, 52)) * 4
        assert date.stored_exact
