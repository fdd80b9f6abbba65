"""Absent chunks: those that are lost, told from those that hold nothing but fill values and were never written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from sources.remote_servers import data_server, put
from sources.zarr_files import FORMATS, OLD_ZARR, chunk_files, make_anemoi, make_array, make_group

from dqwatch import sources
from dqwatch.errors import SourceError
from dqwatch.metrics import scan
from dqwatch.metrics.missing_chunks import COLUMNS

WANTED = {"arrays": frozenset(COLUMNS), "fields": frozenset({"lost_chunks"})}
TIMES, LAT, LON = 24, np.linspace(80, -80, 8), np.arange(0, 360, 22.5)
NIGHT = np.arange(TIMES) % 4 < 2


def fields() -> dict[str, np.ndarray]:
    """Temperature; rain, rare in the south-east tile; temperature of the sea, land in the north-west tile; sun."""
    rng = np.random.default_rng(0)
    temperature = rng.normal(280, 5, (TIMES, 8, 16))
    rain = np.where(rng.random((TIMES, 8, 16)) < 0.5, rng.gamma(1, 1e-3, (TIMES, 8, 16)), 0)
    rain[:, 4:, 8:] = 0
    rain[::5, 5, 9] = 1e-3
    sea = rng.normal(290, 5, (TIMES, 8, 16))
    sea[:, :4, :8] = np.nan
    sun = rng.uniform(1e5, 1e6, (TIMES, 8, 16))
    sun[NIGHT, 4:, :8] = 0
    every = {"2t": temperature, "tp": rain, "sst": sea, "ssrd": sun}
    return {name: values.astype("f4") for name, values in every.items()}


ATTRS: dict[str, dict[str, Any]] = {
    "2t": {"units": "K"}, "tp": {"units": "m"}, "sst": {"units": "K"}, "ssrd": {"units": "J m-2"},
}  # fmt: skip


def make(
    path: Path, zarr_format: int, *, fills: dict[str, Any] | None = None, empty: bool = False, **options: Any
) -> Any:
    """An xarray-style store of tiles of 4 x 8 cells; without chunks of nothing but the fill value, unless `empty`."""
    group = make_group(path, zarr_format)
    make_array(
        group, "time", 6.0 * np.arange(TIMES), (TIMES,), dims=("time",), attrs={"units": "hours since 2020-01-01"}
    )
    make_array(group, "latitude", LAT, (4,), dims=("latitude",), attrs={"units": "degrees_north"}, fill_value=np.nan)
    make_array(group, "longitude", LON, (16,), dims=("longitude",), attrs={"units": "degrees_east"}, fill_value=np.nan)
    for name, values in fields().items():
        fill = (fills or {}).get(name, fill_of(name, zarr_format))
        given = {"fill_value": fill, "dims": ("time", "latitude", "longitude"), "attrs": ATTRS[name], **options}
        make_array(group, name, values, (1, 4, 8), **given)
        if fill is not None and not empty:
            drop_empty(path, name, values, fill)
    return group


def fill_of(name: str, zarr_format: int) -> float:
    """Zero as in zarr itself; NaN in format 2, where what is equal to the fill value is missing to xarray."""
    return np.nan if zarr_format == 2 or name == "sst" else 0.0


def format_of(path: Path) -> int:
    return 3 if (path / "zarr.json").exists() else 2


def chunk(path: Path, name: str, *index: int) -> Path:
    """The file of a chunk, in either format."""
    if format_of(path) == 3:
        return path / name / "c" / "/".join(map(str, index))
    return path / name / ".".join(map(str, index))


def drop_empty(path: Path, name: str, values: np.ndarray, fill: float) -> None:
    """Take away the chunks of nothing but the fill value, as zarr leaves them out (zarr 2 only if asked to)."""
    for t, i, j in np.ndindex(TIMES, 2, 2):
        tile = values[t, 4 * i : 4 * i + 4, 8 * j : 8 * j + 8]
        if np.array_equal(tile, np.full_like(tile, fill), equal_nan=True):
            chunk(path, name, t, i, j).unlink(missing_ok=True)


def rows(where: Any, **part: Any) -> dict[str, dict[str, Any]]:
    with_all = scan(sources.open_source(str(where), **part), wanted=WANTED)
    return {row["array"]: row for row in with_all.tables["arrays"].to_dict("records")}


def counts(where: Any, name: str, **part: Any) -> tuple[int, int]:
    row = rows(where, **part)[name]
    return row["lost_chunks"], row["empty_chunks"]


@pytest.fixture
def memory() -> Iterator[str]:
    """The URL of an empty folder in memory."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield "memory://data"
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture(params=FORMATS)
def store(request, tmp_path) -> Path:
    path = tmp_path / "s.zarr"
    make(path, request.param)
    return path


def n_empty(name: str, fill: float = 0.0) -> int:
    """Tiles that hold nothing but the fill value."""
    tiles = fields()[name].reshape(TIMES, 2, 4, 2, 8)
    same = np.isnan(tiles) if np.isnan(fill) else tiles == fill
    return int(same.all(axis=(2, 4)).sum())


def test_a_store_as_it_is_written_has_lost_nothing(store):
    found = rows(store)
    assert {name: row["lost_chunks"] for name, row in found.items()} == dict.fromkeys(found, 0)
    assert found["2t"]["empty_chunks"] == 0
    assert found["sst"]["empty_chunks"] == n_empty("sst", np.nan) == TIMES
    assert n_empty("tp") > 10
    assert n_empty("ssrd") == TIMES / 2
    for name in ("tp", "ssrd"):
        assert found[name]["empty_chunks"] == n_empty(name, fill_of(name, format_of(store)))


def test_a_lost_chunk_is_named_with_its_variable_and_time(store):
    for index in ((5, 0, 1), (6, 0, 1), (9, 1, 0), (20, 1, 1)):
        chunk(store, "2t", *index).unlink()
    row = rows(store)["2t"]
    assert (row["lost_chunks"], row["empty_chunks"], row["missing_chunks"]) == (4, 0, 4)
    keys = [str(chunk(store, "2t", *index).relative_to(store / "2t")) for index in ((5, 0, 1), (6, 0, 1), (9, 1, 0))]
    assert row["lost_keys"] == f"{', '.join(keys)} (+1)"
    assert row["lost_fields"] == "2t from 2020-01-02T06:00:00 to 2020-01-06T00:00:00 (4 times)"


def test_fields_say_how_many_chunks_they_have_lost(store):
    for index in ((5, 0, 1), (5, 1, 1), (9, 1, 0)):
        chunk(store, "2t", *index).unlink()
    for part in ({}, {"start": "2020-01-02", "select": "2t"}, {"every": 5}):
        table = scan(sources.open_source(str(store), **part), wanted=WANTED).tables["fields"]
        lost = table[table["lost_chunks"] > 0]
        expected = {"2020-01-02T06:00:00": 2, "2020-01-03T06:00:00": 1}
        there = {t: n for t, n in expected.items() if t in set(table["time"])}
        assert there
        assert dict(zip(lost["time"], lost["lost_chunks"], strict=True)) == there
        assert set(lost["variable"]) == {"2t"}


@pytest.mark.parametrize(("name", "index"), [("tp", (7, 0, 0)), ("sst", (7, 1, 1)), ("ssrd", (7, 0, 1))])
def test_neighbours_in_time_tell_that_a_fill_value_is_out_of_place(store, name, index):
    """Where it rains in half of the cells, in the sea, by day."""
    before = counts(store, name)
    chunk(store, name, *index).unlink()
    assert counts(store, name) == (1, before[1])


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_where_empty_chunks_are_written_absence_is_loss(tmp_path, zarr_format):
    path = tmp_path / "s.zarr"
    options: dict[str, Any] = {"write_empty_chunks": True} if OLD_ZARR else {"config": {"write_empty_chunks": True}}
    make(path, zarr_format, empty=True, **options)
    assert counts(path, "tp") == (0, 0)
    chunk(path, "tp", 11, 1, 1).unlink()
    chunk(path, "sst", 3, 0, 0).unlink()
    assert counts(path, "tp") == (1, 0)
    assert counts(path, "sst") == (1, 0)


def test_without_a_fill_value_absence_is_judged_as_zero(tmp_path):
    """Zarr 3 leaves out chunks of zero where there is no fill value; zarr 2 writes all chunks."""
    path = tmp_path / "s.zarr"
    make(path, 2, fills={"tp": None})
    lost, empty = counts(path, "tp")
    assert lost == 0
    chunk(path, "tp", 7, 0, 0).unlink()
    assert counts(path, "tp") == (1, empty)


@pytest.mark.parametrize("fill", [0.0, 9.969209968386869e36, -9999.0])
def test_what_is_impossible_for_a_variable_is_loss_without_any_neighbour(tmp_path, fill):
    """The second half of the cells at all dates: 0 K, or a flag that nobody decodes."""
    path = tmp_path / "a.zarr"
    make_anemoi(path, weather(6), ["2t", "t_850", "swvl1"], chunks=(1, 3, 1, 104), data_options={"fill_value": fill})
    for t in range(6):
        chunk(path, "data", t, 0, 0, 1).unlink()
    row = rows(path)["data"]
    assert (row["lost_chunks"], row["empty_chunks"]) == (6, 0)
    assert row["lost_keys"] == "0.0.0.1, 1.0.0.1, 2.0.0.1 (+3)"


def test_a_chunk_that_may_well_be_empty_is_none_the_worse_for_it(tmp_path):
    """Rain in one cell of 208: lost, the chunk looks like the dry ones around it; with rain in 30 cells it does not."""
    for wet, expected in ((1, (0, 1)), (30, (1, 0))):
        path = tmp_path / f"{wet}.zarr"
        values = np.zeros((8, 1, 1, 208), "f4")
        values[:, 0, 0, :wet] = 1e-3
        make_anemoi(path, values, ["tp"], data_options={"fill_value": 0.0})
        chunk(path, "data", 4, 0, 0, 0).unlink()
        assert counts(path, "data") == expected


def test_an_array_of_which_nothing_was_written_has_lost_nothing(store):
    for file in chunk_files(store, "tp"):
        file.unlink()
    assert counts(store, "tp") == (0, 4 * TIMES)


def test_more_runs_than_are_judged_stand_for_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("dqwatch.metrics.lost_chunks.MOST_RUNS", 3)
    path = tmp_path / "s.zarr"
    make(path, 2)
    for t in range(1, TIMES, 2):
        chunk(path, "2t", t, 0, 0).unlink()
    assert counts(path, "2t") == (TIMES // 2, 0)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_coordinates_are_lost_unless_they_may_be_zero(tmp_path, zarr_format):
    path = tmp_path / "s.zarr"
    group = make(path, zarr_format)
    make_array(group, "surface", np.zeros(1, "i4"), (1,), dims=("n",), fill_value=0)
    for file in chunk_files(path, "surface"):
        file.unlink()
    chunk(path, "latitude", 1).unlink()
    found = rows(path)
    assert (found["latitude"]["lost_chunks"], found["latitude"]["lost_fields"]) == (1, "")
    assert (found["surface"]["lost_chunks"], found["surface"]["empty_chunks"]) == (0, 1)


def test_a_source_that_nobody_asks_is_not_looked_at(store):
    chunk(store, "2t", 5, 0, 1).unlink()
    table = scan(sources.open_source(str(store))).tables["arrays"]
    assert not set(COLUMNS) & set(table)


def weather(times: int = 10) -> np.ndarray:
    return np.random.default_rng(1).normal(280, 9, (times, 3, 1, 208)).astype("f4")


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_of_an_anemoi_store_a_chunk_is_a_date(tmp_path, zarr_format):
    path = tmp_path / "a.zarr"
    values = weather()
    values[6] = np.nan
    make_anemoi(
        path,
        values,
        ["2t", "t_850", "swvl1"],
        zarr_format=zarr_format,
        attrs={"missing_dates": ["2020-01-02T12:00:00"]},
    )
    assert rows(path)["data"]["lost_chunks"] == 0  # whether the missing date was written or not
    chunk(path, "data", 3, 0, 0, 0).unlink()
    row = rows(path)["data"]
    assert row["lost_chunks"] == 1
    assert row["lost_fields"] == "2t, t_850, swvl1 at 2020-01-01T18:00:00"
    chunk(path, "data", 6, 0, 0, 0).unlink(missing_ok=True)
    assert counts(path, "data") == (1, 1)


def test_one_field_out_of_place_in_a_chunk_of_several_is_enough(tmp_path):
    """Soil moisture and rain may be zero everywhere here; pressure may not."""
    values = np.zeros((6, 3, 1, 208), "f4")
    values[:, 2] = np.random.default_rng(1).normal(1e5, 500, (6, 1, 208))
    make_anemoi(tmp_path / "a.zarr", values, ["tp", "swvl1", "msl"], data_options={"fill_value": 0.0})
    chunk(tmp_path / "a.zarr", "data", 3, 0, 0, 0).unlink()
    assert counts(tmp_path / "a.zarr", "data") == (1, 0)


if not OLD_ZARR:

    def test_chunks_inside_shards_are_told_apart(tmp_path):
        """Shards of 4 dates by all cells; `tp` of the dry tile is left out by zarr itself."""
        path = tmp_path / "s.zarr"
        make(path, 3, shards=(4, 8, 16))
        found = rows(path)
        assert (found["tp"]["missing_chunks"], found["tp"]["lost_chunks"]) == (0, 0)
        assert found["tp"]["empty_chunks"] == n_empty("tp")
        chunk(path, "2t", 2, 0, 0).unlink()  # a whole shard: dates 8 to 11, four tiles each
        row = rows(path)["2t"]
        assert (row["missing_chunks"], row["lost_chunks"], row["empty_chunks"]) == (1, 16, 0)
        assert row["lost_keys"].startswith("c/2/0/0 inner (0, 0, 0), c/2/0/0 inner (0, 0, 1), ")
        assert row["lost_fields"] == "2t from 2020-01-03T00:00:00 to 2020-01-03T18:00:00 (4 times)"

    def test_one_chunk_lost_inside_a_shard(tmp_path):
        path = tmp_path / "s.zarr"
        group = make(path, 3, shards=(4, 8, 16))
        group["2t"][9, :4, 8:] = 0.0  # zarr then leaves the chunk out of its shard
        row = rows(path)["2t"]
        assert (row["missing_chunks"], row["lost_chunks"]) == (0, 1)
        assert (row["lost_keys"], row["lost_fields"]) == ("c/2/0/0 inner (1, 0, 1)", "2t at 2020-01-03T06:00:00")

    def test_a_broken_index_of_a_shard_is_named(tmp_path):
        path = tmp_path / "s.zarr"
        make(path, 3, shards=(4, 8, 16))
        held = sources.open_source(str(path)).arrays()
        file = chunk(path, "2t", 2, 0, 0)
        file.write_bytes(file.read_bytes()[:100])
        (array,) = (a for a in held if a.name == "2t")
        assert array.held is not None
        with pytest.raises(SourceError, match=r"array '2t', chunk c/2/0/0.*cut short"):
            array.held.sizes()


def test_object_stores_are_listed(store, memory):
    chunk(store, "2t", 5, 0, 1).unlink()
    url = put(store, f"{memory}/s.zarr")
    found, here = rows(url), rows(store)
    for name, row in here.items():
        assert {c: found[name][c] for c in COLUMNS} == {c: row[c] for c in COLUMNS}
    assert found["2t"]["lost_chunks"] == 1


def test_a_server_that_lists_nothing_leaves_it_open(tmp_path, monkeypatch):
    import zarr

    path = tmp_path / "s.zarr"
    make(path, 2)
    zarr.consolidate_metadata(str(path))
    chunk(path, "2t", 5, 0, 1).unlink()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with data_server(tmp_path) as server:
        found = rows(f"{server.url}/s.zarr")
    assert {(row["lost_chunks"], row["empty_chunks"], row["missing_chunks"]) for row in found.values()} == {
        (-1, -1, -1)
    }
