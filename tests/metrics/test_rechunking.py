"""Other layouts: what is proposed is the best there is, and the commands, really run, give what they promise."""

import math
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import real_data
from hypothesis import given
from hypothesis import strategies as st
from metrics.test_counted_bytes import make_classic
from sources.cf_data import opened_zarr, write_zarr
from sources.zarr_files import FORMATS, OLD_ZARR, make_anemoi

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.metrics.access import Geometry, Part, measure
from dqwatch.metrics.field_arrays import FieldArray
from dqwatch.metrics.rechunk_commands import copies, copy_step
from dqwatch.metrics.rechunking import (
    LARGEST,
    OVERHEAD,
    SMALLEST,
    WORTH,
    Candidate,
    candidate_shapes,
    cost,
    present,
    propose,
)
from dqwatch.types import StoredArray

DIMS = ("time", "variable", "ensemble", "cell")


def array(shape, chunks) -> FieldArray:
    stored = StoredArray("data", DIMS, shape, "float32", chunks)
    geometry = Geometry(shape, 4, chunks)
    return FieldArray(stored, geometry, DIMS, (0,), (3,), (2,), (1,), tuple(range(shape[1])), 0, 0)


def wishes(shape) -> dict[str, list[Part]]:
    n, v, _, cells = shape
    rest = [Part((1,), range(v)), Part((2,), range(1))]
    few = np.linspace(0, cells - 1, 45).astype(np.int64)
    start = n // 3
    return {
        "date": [Part((0,), range(start, start + 1)), *rest, Part((3,), range(cells))],
        "series": [Part((0,), range(start, start + n // 2)), *rest, Part((3,), few)],
    }


SHAPE = (1000, 10, 1, 5000)  # 200 MB


def test_every_shape_tried_is_of_a_size_to_be_recommended():
    shapes = list(candidate_shapes(array(SHAPE, (1, 10, 1, 5000))))
    assert len(shapes) == len(set(shapes)) > 40
    for shape in shapes:
        assert SMALLEST <= math.prod(shape) * 4 <= LARGEST
        assert all(1 <= c <= n for c, n in zip(shape, SHAPE, strict=True))


def test_no_shape_makes_more_than_a_million_objects_unless_shards_hold_them():
    shape = (64_000, 100, 1, 500_000)
    plain = array(shape, (1, 100, 1, 500_000))
    assert max(Geometry(shape, 4, s).n_chunks for s in candidate_shapes(plain)) <= 1_000_000
    sharded = replace(plain, geometry=replace(plain.geometry, shards=(1000, 100, 1, 500_000)))
    assert max(Geometry(shape, 4, s).n_chunks for s in candidate_shapes(sharded)) > 1_000_000


def test_the_best_is_the_cheapest_of_all_that_were_tried():
    held = array(SHAPE, (1, 10, 1, 5000))
    wanted = wishes(SHAPE)
    found = propose(held, wanted)
    prices: dict[str, list[float]] = {"date": [], "series": [], "all": []}
    for shape in candidate_shapes(held):
        geometry = Geometry(SHAPE, 4, shape)
        each = {name: cost(geometry, measure(geometry, parts)) for name, parts in wanted.items()}
        for name, price in each.items():
            prices[name].append(price)
        prices["all"].append(math.sqrt(each["date"] * each["series"]))
    best = {name: o for o in found for name in o.best_for}
    series = best["series"]
    assert cost(series.geometry, series.accesses["series"]) == min(prices["series"])
    together = best["all"]
    assert math.sqrt(math.prod(cost(together.geometry, a) for a in together.accesses.values())) == pytest.approx(
        min(prices["all"])
    )
    assert "date" not in best, "one chunk a date is the best already: 200 kB against at least 1 MB"


def test_costs_are_bytes_and_as_much_as_a_megabyte_for_each_chunk():
    geometry = Geometry((10, 10), 4, (5, 5))
    access = measure(geometry, [Part((0,), range(10)), Part((1,), range(1))])
    assert cost(geometry, access) == 2 * (5 * 5 * 4 + OVERHEAD)
    assert cost(Geometry((1024,), 4), measure(Geometry((1024,), 4), [Part((0,), range(1024))])) == 4096


def test_nothing_is_proposed_for_what_is_good_already_or_small():
    assert propose(array((100, 2, 1, 1000), (1, 2, 1, 1000)), wishes((100, 2, 1, 1000))) == []  # 800 kB
    held = array(SHAPE, (1, 10, 1, 5000))
    assert propose(held, {"date": wishes(SHAPE)["date"]}) == []
    best = propose(held, {"series": wishes(SHAPE)["series"]})[0]
    assert best.geometry.chunks is not None
    assert propose(array(SHAPE, best.geometry.chunks), {"series": wishes(SHAPE)["series"]}) == []


def test_what_is_proposed_is_worth_a_copy():
    held = array(SHAPE, (100, 1, 1, 5000))
    now = present(held, wishes(SHAPE))
    for found in propose(held, wishes(SHAPE)):
        for name in found.best_for:
            if name != "all":
                before = cost(now.geometry, now.accesses[name])
                assert cost(found.geometry, found.accesses[name]) < WORTH * before


def test_a_contiguous_array_may_be_transposed():
    held = array(SHAPE, None)
    first, *others = propose(held, wishes(SHAPE))
    assert first.contiguous
    assert first.dims == ("variable", "ensemble", "cell", "time")
    assert first.geometry.shape == (10, 1, 5000, 1000)
    assert first.best_for == ("series",)
    # 45 cells of 10 variables, 2000 bytes each at a stride of 4000 that is no multiple of a page: one page or two
    assert 450 <= first.accesses["series"].chunks <= 900
    assert not any(o.contiguous for o in others)


lengths = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=3)


@given(lengths, st.integers(1, 8), st.integers(1, 100_000))
def test_pieces_are_whole_new_chunks_and_fit_into_memory(axes, item, memory):
    shape, old, new = zip(*axes, strict=True)
    step = copy_step(shape, old, new, item, memory)
    held = math.prod(min(n, s) for n, s in zip(shape, step, strict=True)) * item
    assert held <= max(memory, math.prod(min(n, c) for n, c in zip(shape, new, strict=True)) * item)
    for s, n, c in zip(step, shape, new, strict=True):
        assert s % min(c, -(-n // c) * c) == 0
    seen = np.zeros(shape, int)
    decoded = 0
    for at in np.ndindex(*(-(-n // s) for n, s in zip(shape, step, strict=True))):
        part = tuple(slice(i * s, min((i + 1) * s, n)) for i, s, n in zip(at, step, shape, strict=True))
        seen[part] += 1
        decoded += math.prod((p.stop - 1) // c - p.start // c + 1 for p, c in zip(part, old, strict=True))
    assert (seen == 1).all()
    chunks = math.prod(-(-n // c) for n, c in zip(shape, old, strict=True))
    assert copies(shape, old, step) == pytest.approx(decoded / chunks)


def test_with_memory_for_it_each_old_chunk_is_decoded_once():
    step = copy_step((1000, 10, 1, 5000), (1, 10, 1, 5000), (250, 1, 1, 1000), 4, 10**9)
    assert copies((1000, 10, 1, 5000), (1, 10, 1, 5000), step) == 1
    assert copies((1000, 10, 1, 5000), (1, 10, 1, 5000), [250, 1, 1, 1000]) == 50


# The commands.


def run(command: str, folder: Path) -> None:
    """The command as a user types it; nothing of it may fail or warn."""
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def rechunked(path: Path, pattern: str, folder: Path) -> tuple[Candidate, Path]:
    """Inspect, run the command of the layout that is best for the pattern; the layout and the new data."""
    options = dqwatch.inspect(str(path), pattern=pattern).options
    option = next(o for o in options if "own" in o.candidate.best_for)
    assert option.command.text
    run(option.command.text, folder)
    suffix = ".zarr" if path.is_dir() else ".nc"
    return option.candidate, path.with_name(f"{path.stem}-rechunked{suffix}")


def check_promise(new: Path, promised: Candidate, pattern: str) -> None:
    """The new data have the layout, and reading them costs what was promised."""
    found = dqwatch.inspect(new, pattern=pattern).as_stored
    assert found is not None
    assert found.geometry.chunks == promised.geometry.chunks
    assert found.dims == promised.dims
    assert found.accesses == promised.accesses


def check_fields(old: Path, new: Path) -> None:
    """Every field has the same values, wherever it lies."""

    def fields(path):
        with closing(dqwatch.open_source(path)) as source:
            for block in source.blocks():
                for f in source.read(block, Buffers()):
                    v = source.variables[f.variable]
                    label = source.times[v.times].labels[f.time].split("+")[0]
                    yield (v.param, v.level, label, f.member), f.values.astype("f4")

    before, after = dict(fields(old)), dict(fields(new))
    assert before.keys() == after.keys()
    assert before
    for key, values in before.items():
        np.testing.assert_array_equal(values, after[key])


def anemoi(path: Path, chunks, zarr_format: int = 2, **options) -> Path:
    values = np.random.default_rng(3).normal(280, 5, (240, 4, 1, 2000)).astype("f4").round(1)  # 7.7 MB
    values[50] = np.nan
    attrs = {"chunks": list(options.get("shards") or chunks), "missing_dates": ["2020-02-20T00:00:00"]}
    names = ["2t", "msl", "t_850", "q_850"]
    make_anemoi(
        path, values, names, hours=24, chunks=chunks, zarr_format=zarr_format, attrs=attrs, data_options=options
    )
    return path


SERIES = "time=180d,cell=10,variable=2t"


@pytest.mark.parametrize("name", ["a.zarr", 'it\'s "$HOME" `a` store.zarr'])
@pytest.mark.parametrize("zarr_format", FORMATS)
def test_the_command_for_an_anemoi_store(tmp_path, zarr_format, name):
    old = anemoi(tmp_path / name, (1, 4, 1, 2000), zarr_format)
    promised, new = rechunked(old, SERIES, tmp_path)
    check_promise(new, promised, SERIES)
    check_fields(old, new)
    before, after = zarr.open(str(old), mode="r"), zarr.open(str(new), mode="r")
    assert sorted(before.array_keys()) == sorted(after.array_keys())
    for key in before.array_keys():
        np.testing.assert_array_equal(before[key][...], after[key][...])
        assert dict(before[key].attrs) == dict(after[key].attrs)
        assert key == "data" or before[key].chunks == after[key].chunks
    assert after["data"].chunks == promised.geometry.chunks
    assert dict(after.attrs) == dict(before.attrs) | {"chunks": list(promised.geometry.chunks or ())}


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("consolidated", [False, True])
def test_the_command_for_a_store_as_xarray_writes_it(tmp_path, zarr_format, consolidated):
    data = weather()
    old = tmp_path / "a.zarr"
    encoding = {"t2m": {"chunks": (1, 40, 50)}, "msl": {"chunks": (1, 40, 50)}}
    write_zarr(data, old, zarr_format, encoding, consolidated=consolidated)
    promised, new = rechunked(old, SERIES, tmp_path)
    check_promise(new, promised, SERIES)
    check_fields(old, new)
    with opened_zarr(new, consolidated=consolidated) as found:
        xr.testing.assert_identical(found.load(), data)
        for name in ("t2m", "msl"):
            assert found[name].encoding["chunks"] == promised.geometry.chunks


if not OLD_ZARR:

    def test_the_command_for_a_sharded_store_keeps_it_sharded(tmp_path):
        old = anemoi(tmp_path / "a.zarr", (1, 4, 1, 2000), 3, shards=(24, 4, 1, 2000))
        promised, new = rechunked(old, SERIES, tmp_path)
        check_promise(new, promised, SERIES)
        check_fields(old, new)
        data = zarr.open(str(new), mode="r")["data"]
        assert data.chunks == promised.geometry.chunks
        assert data.shards is not None
        assert all(s % c == 0 for s, c in zip(data.shards, data.chunks, strict=True))
        assert zarr.open(str(new), mode="r").attrs["chunks"] == list(data.shards)


def weather() -> xr.Dataset:
    rng = np.random.default_rng(0)
    dims = ("time", "latitude", "longitude")
    fields = {
        name: (dims, rng.normal(mean, 5, (240, 40, 50)).astype("f4"), {"units": units})
        for name, mean, units in (("t2m", 280, "K"), ("msl", 101_000, "Pa"))
    }
    places = {
        "latitude": ("latitude", np.linspace(78, -78, 40), {"units": "degrees_north"}),
        "longitude": ("longitude", np.arange(50) * 7.2, {"units": "degrees_east"}),
    }
    times = {"time": np.datetime64("2020-01-01", "ns") + np.arange(240) * np.timedelta64(1, "D")}
    return xr.Dataset(fields, times | places, {"title": "weather"})


def test_the_command_for_a_netcdf4_file(tmp_path):
    old = tmp_path / "a.nc"
    compressed = {"chunksizes": (1, 40, 50), "zlib": True, "complevel": 3, "shuffle": True}
    weather().to_netcdf(old, engine="h5netcdf", encoding={"t2m": compressed, "msl": compressed})
    promised, new = rechunked(old, SERIES, tmp_path)
    check_promise(new, promised, SERIES)
    check_fields(old, new)
    with h5py.File(new) as file:
        for name in ("t2m", "msl"):
            assert file[name].chunks == promised.geometry.chunks
            assert (file[name].compression, file[name].compression_opts, file[name].shuffle) == ("gzip", 3, True)
    with xr.open_dataset(old, engine="h5netcdf") as before, xr.open_dataset(new, engine="h5netcdf") as after:
        xr.testing.assert_equal(before, after)


def test_the_commands_for_a_classic_file_chunk_or_transpose_it(tmp_path):
    old = tmp_path / "a.nc"
    make_classic(old, np.random.default_rng(0).normal(280, 5, (300, 40, 50)).astype("f4"))
    pattern = "time=200,cell=10"
    options = dqwatch.inspect(old, pattern=pattern).options
    assert [o.candidate.contiguous for o in options].count(True) == 1
    assert options[0].candidate.dims == ("latitude", "longitude", "time")
    for option in options:
        run(option.command.text, tmp_path)
        new = tmp_path / "a-rechunked.nc"
        check_promise(new, option.candidate, pattern)
        check_fields(old, new)


def test_the_command_for_grib_writes_netcdf(tmp_path):
    source = real_data("grib", "era5-levels-members.grib")
    old = tmp_path / "a.grib"
    old.write_bytes(source.read_bytes())
    promised, new = rechunked(old, "time=all,cell=5", tmp_path)
    check_fields(old, new)
    with h5py.File(new) as file:
        fields = [v for v in file.values() if v.ndim == 3]
        assert len(fields) == 4
        assert {v.chunks for v in fields} == {promised.geometry.chunks}


def test_where_there_is_no_command_it_says_why(tmp_path):
    found = dqwatch.inspect(weather(), pattern=SERIES)
    assert all(o.command.text == "" for o in found.options)
    assert all("not a store or file on this machine" in o.command.remark for o in found.options)
