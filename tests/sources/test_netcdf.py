"""NetCDF files against xarray and netCDF4: real ones, made ones, and broken ones, which end in one kind of error."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import iris_sample_data
import netCDF4
import numpy as np
import pytest
import xarray as xr
from conftest import real_data
from sources.cf_data import by_place, expected, fields, opened, same_bits, written

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.classic import open_classic
from dqwatch.sources.hdf5 import open_hdf5
from dqwatch.sources.netcdf import open_netcdf
from dqwatch.types import NOT_A_TIME, Block

IRIS = sorted(str(p.relative_to(iris_sample_data.path)) for p in Path(iris_sample_data.path).rglob("*.nc"))


def source_of(path: Path) -> CFSource:
    source = open_netcdf(path)
    assert source is not None
    return source


def check_against_xarray(path: Path) -> None:
    """Values, missing values, times and arrays of a file are those that xarray and netCDF4 have."""
    source = source_of(path)
    data = opened(path, decode_times=False)
    wanted, found = expected(data, source), by_place(source)
    assert wanted.keys() == found.keys()
    for key, values in wanted.items():
        assert same_bits(found[key], values), key
    with netCDF4.Dataset(path) as file:
        assert {a.name: a.shape for a in source.arrays()} == {n: v.shape for n, v in file.variables.items()}
        check_times(source, file)
    source.close()


def check_times(source: CFSource, file: netCDF4.Dataset) -> None:
    for axis in source.times:
        if axis.kind != "time" or axis.problem:
            continue
        stored = file.variables[axis.name]
        calendar = getattr(stored, "calendar", "standard")
        dates = np.atleast_1d(netCDF4.num2date(stored[...], stored.units, calendar))
        assert [str(label)[:19] for label in axis.labels] == [
            f"{d.year:04d}-{d.month:02d}-{d.day:02d}T{d.hour:02d}:{d.minute:02d}:{d.second:02d}" for d in dates
        ]


@pytest.mark.parametrize("name", IRIS)
def test_sample_files_are_read_as_xarray_reads_them(name):
    check_against_xarray(Path(iris_sample_data.path) / name)


def test_real_files_are_read_as_xarray_reads_them():
    paths = sorted(real_data().rglob("*.nc"))
    assert len(paths) >= 20
    for path in paths:
        check_against_xarray(path)


def test_undecodable_times_of_a_real_file():
    source = source_of(real_data("monthly", "ts.nc"))
    (axis,) = (a for a in source.times if a.kind == "time")
    assert (axis.seconds == NOT_A_TIME).all()
    assert axis.problem == "units 'Months' of 'time' name no reference date ('days since ...')"
    assert len(axis) == 132
    assert {v.param for v in source.variables} == {"u", "v", "q", "t", "gw"}


def test_unmasked_fills_stay_in_the_data():
    source = source_of(real_data("cmip6", "ta_day_MIROC6_historical_r1i1p1f1_gn_20020101-20021231.nc"))
    values = np.concatenate([f.values for f in fields(source)])
    assert not np.isnan(values).any()
    assert 0.02 < (values == np.float32(9.96921e36)).mean() < 0.04


def test_packed_integers_of_a_real_file():
    source = source_of(real_data("reanalysis", "eraint_uvz.nc"))
    assert [v.name for v in source.variables][:3] == ["z_200", "z_500", "z_850"]
    assert source.times[0].kind == "index"
    assert {f.values.dtype for f in fields(source)} == {np.dtype(np.float64)}


def sample() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), rng.normal(280, 10, (6, 5, 8)).astype("f4"), {"units": "K"}),
            "tp": (("time", "lat", "lon"), rng.gamma(1, 1, (6, 5, 8)), {"units": "m"}),
        },
        {
            "time": ("time", np.arange(6) * 6, {"units": "hours since 2020-01-01"}),
            "lat": ("lat", np.linspace(60, -60, 5), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(8) * 45.0, {"units": "degrees_east"}),
        },
        {"title": "größer"},
    )


def test_a_record_dimension_and_one_record_variable(tmp_path):
    """A single record variable of odd size is not padded; several are."""
    for many in (False, True):
        path = tmp_path / f"{many}.nc"
        with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
            for name, length in (("time", None), ("lat", 3), ("lon", 1)):
                file.createDimension(name, length)
            for name in ("lat", "lon"):
                file.createVariable(name, "f8", (name,))[:] = [10.0, 20, 30][: 3 if name == "lat" else 1]
            if many:
                file.createVariable("time", "f8", ("time",))[:] = [0.0, 1, 2, 3]
                file["time"].units = "days since 2000-01-01"
            file.createVariable("a", "i1", ("time", "lat", "lon"))[:] = np.arange(12).reshape(4, 3, 1)
        found = by_place(source_of(path))
        assert np.concatenate([found["a", t, 0] for t in range(4)]).tolist() == list(range(12))


def test_cdf5_with_wide_integers(tmp_path):
    path = tmp_path / "wide.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as file:
        file.createDimension("lat", 2)
        file.createDimension("lon", 2)
        file.createVariable("lat", "f8", ("lat",))[:] = [10, 20]
        file.createVariable("lon", "f8", ("lon",))[:] = [10, 20]
        for kind in ("u1", "u2", "u4", "i8", "u8"):
            file.createVariable(kind, kind, ("lat", "lon"))[:] = [[1, 2], [3, 200]]
        file.number = np.int64(2**40)
    source = source_of(path)
    assert source.attributes["number"] == 2**40
    assert all(v.tolist() == [1, 2, 3, 200] for v in by_place(source).values())
    assert len(source.variables) == 5


def test_a_stream_of_records_of_unknown_number(tmp_path):
    path = written(sample().assign_coords(time=np.arange(6)), tmp_path, "classic")
    with netCDF4.Dataset(path, "r") as file:
        assert not file.dimensions["time"].isunlimited()
    data = sample()
    with netCDF4.Dataset(tmp_path / "s.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("time", None)
        file.createDimension("lat", 5)
        file.createVariable("lat", "f8", ("lat",))[:] = data["lat"].values
        file.createVariable("x", "f4", ("time", "lat"))[:] = data["t2m"].values[..., 0]
    content = bytearray((tmp_path / "s.nc").read_bytes())
    content[4:8] = b"\xff" * 4
    (tmp_path / "s.nc").write_bytes(content)
    arrays, _ = open_classic(tmp_path / "s.nc")
    assert arrays["x"].shape == (6, 5)


def test_a_variable_that_has_not_grown_with_its_dimension(tmp_path):
    """What was not written reads as the fill value, as in netCDF-C."""
    path = tmp_path / "grown.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", None)
        file.createDimension("lat", 2)
        file.createVariable("lat", "f8", ("lat",))[:] = [10, 20]
        file.createVariable("time", "f8", ("time",))[:] = [0, 1, 2]
        file["time"].units = "days since 2000-01-01"
        file.createVariable("t2m", "f4", ("time", "lat"), fill_value=-9.0)[:1] = [[280, 281]]
    with netCDF4.Dataset(path) as file:
        assert file["t2m"].shape == (3, 2)
    found = by_place(source_of(path))
    assert found["2t", 0, 0].tolist() == [280, 281]
    assert np.isnan(found["2t", 2, 0]).all()


def test_a_variable_named_like_a_dimension_that_it_does_not_lie_on(tmp_path):
    path = tmp_path / "named.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, n in (("lat", 2), ("lon", 3), ("z", 1)):
            file.createDimension(name, n)
        file.createVariable("lat", "f8", ("lat",))[:] = [10, 20]
        file.createVariable("lon", "f8", ("lon",))[:] = [10, 20, 30]
        file.createVariable("z", "f4", ("lat", "lon"))[:] = np.arange(6).reshape(2, 3)
        file["z"].units = "m2 s-2"
        file["z"].standard_name = "geopotential"
    assert by_place(source_of(path))["z", 0, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_groups_and_the_dimensions_that_they_inherit(tmp_path):
    path = tmp_path / "groups.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", 2)
        file.createVariable("lat", "f8", ("lat",))[:] = [10, 20]
        group = file.createGroup("model")
        for name, n in (("lon", 3), ("time", 2)):
            group.createDimension(name, n)
        group.createVariable("lon", "f8", ("lon",))[:] = [10, 20, 30]
        group.createVariable("time", "f8", ("time",))[:] = [0, 1]
        group["time"].units = "days since 2000-01-01"
        group.createVariable("t2m", "f4", ("time", "lat", "lon"))[:] = np.arange(12).reshape(2, 2, 3)
    source = source_of(path)
    assert [(v.name, v.source_name) for v in source.variables] == [("2t", "model/t2m")]
    assert source.grids[0].name == "lat, model/lon"
    assert source.times[0].labels == ["2000-01-01T00:00:00", "2000-01-02T00:00:00"]
    assert by_place(source)["2t", 1, 0].tolist() == list(range(6, 12))


def test_big_endian_compressed_and_text(tmp_path):
    path = tmp_path / "odd.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("lat", 2)
        file.createVariable("lat", "f8", ("lat",))[:] = [10, 20]
        file.createVariable("t2m", ">f4", ("lat",), endian="big", zlib=True, shuffle=True, fletcher32=True)[:] = [
            280,
            281,
        ]
        file.createVariable("words", str, ("lat",))[:] = np.array(["a", "b"], object)
        file.createVariable("flag", file.createEnumType("i1", "flags", {"no": 0, "yes": 1}), ("lat",))[:] = [0, 1]
    source = source_of(path)
    assert by_place(source)["2t", 0, 0].tolist() == [280, 281]
    assert by_place(source)["flag", 0, 0].tolist() == [0, 1]
    stored = {a.name: a for a in source.arrays()}
    assert set(stored["t2m"].codec.split(" + ")) == {"shuffle", "gzip(4)", "fletcher32"}
    assert stored["t2m"].dtype == ">f4"
    assert stored["t2m"].chunks == (2,)
    assert "left out: words (text or no numbers)" in source.notes


def test_attributes_are_plain(tmp_path):
    source = source_of(written(sample(), tmp_path, "netcdf4"))
    assert source.attributes == {"title": "größer"}
    assert source.variables[0].attributes["units"] == "K"
    assert all(type(v).__module__ == "builtins" for x in source.variables for v in x.attributes.values())


def test_what_is_no_path_of_netcdf_is_not_ours(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    assert open_netcdf(tmp_path / "a.txt") is None
    assert open_netcdf(tmp_path) is None
    assert open_netcdf(sample()) is None


def test_hdf5_that_is_no_netcdf_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros((3, 4))
    with pytest.raises(SourceError, match=r"a\.h5: HDF5, but not NetCDF"):
        open_netcdf(tmp_path / "a.h5")


def test_hdf5_behind_a_user_block_is_found(tmp_path):
    path = written(sample(), tmp_path, "h5netcdf")
    path.write_bytes(b"\0" * 512 + path.read_bytes())
    assert len(source_of(path).variables) == 2


def test_closing_lets_go_of_the_file(tmp_path):
    source = source_of(written(sample(), tmp_path, "netcdf4"))
    source.close()
    with pytest.raises(SourceError, match="cannot be read"):
        list(source.read(source.blocks()[0], Buffers()))


@pytest.mark.parametrize("form", ["classic", "netcdf4"])
def test_several_threads_may_read_at_once(form, tmp_path):
    source = source_of(written(sample(), tmp_path, form, {"t2m": {"dtype": "f4", "_FillValue": np.float32(-1)}}))
    blocks = [Block((t,), (v,)) for t in range(6) for v in range(2)] * 20
    whole = {(f.time, f.variable): f.values for f in fields(source)}

    def read(block: Block) -> bool:
        (field,) = source.read(block, own.buffers)
        return np.array_equal(field.values, whole[field.time, field.variable])

    own = threading.local()
    with ThreadPoolExecutor(4, initializer=lambda: setattr(own, "buffers", Buffers())) as pool:
        assert all(pool.map(read, blocks))


def test_arrays_of_both_formats_read_any_part(tmp_path):
    rng = np.random.default_rng(0)
    classic, _ = open_classic(written(sample(), tmp_path, "classic"))
    hdf5, _, file = open_hdf5(written(sample(), tmp_path, "netcdf4"))
    values = sample()["t2m"].values
    for _ in range(50):
        selection = tuple(
            int(rng.integers(n))
            if rng.random() < 0.3
            else slice(*sorted(rng.integers(0, n + 1, 2).tolist()), int(rng.integers(1, 3)))
            for n in values.shape
        )
        for array in (classic["t2m"], hdf5["t2m"]):
            found = array.read(selection, None, Buffers())
            assert np.array_equal(found, values[selection])
            out = np.empty(found.shape, found.dtype)
            assert array.read(selection, out, Buffers()) is out
            assert np.array_equal(out, found)
    file.close()
