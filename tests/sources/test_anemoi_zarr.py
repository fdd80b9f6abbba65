"""Gridded anemoi stores as sources: what the attributes say, and every field once, as numpy wrote it."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sources.zarr_files import FORMATS, make_anemoi, make_array, make_group

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources import anemoi_zarr
from dqwatch.sources.anemoi_metadata import make_variables, read_span
from dqwatch.sources.anemoi_zarr import AnemoiZarr, open_anemoi_zarr
from dqwatch.sources.zarr_chunks import ChunkReader
from dqwatch.types import NOT_A_TIME, Block, Source

CELLS = 208  # the octahedral grid O4
NAMES = ["2t", "t_850", "t_500", "swvl1", "tp", "lsm", "something"]


def weather(times: int = 5, variables: int = 7, members: int = 1, cells: int = CELLS) -> np.ndarray:
    values = np.random.default_rng(5).normal(280, 9, (times, variables, members, cells)).astype("f4")
    values[1, 2, 0, 7:20] = np.nan
    return values


def opened(path: Path | str) -> AnemoiZarr:
    source = open_anemoi_zarr(path)
    assert isinstance(source, AnemoiZarr)
    assert isinstance(source, Source)
    return source


def fields_of(source: Source, blocks: Any = None) -> dict[tuple[int, int, int], np.ndarray]:
    """Copies of all fields; none may come twice."""
    found: dict[tuple[int, int, int], np.ndarray] = {}
    buffers = Buffers()
    for block in source.blocks() if blocks is None else blocks:
        for field in source.read(block, buffers):
            key = (field.time, field.variable, field.member)
            assert key not in found
            assert field.time in block.times
            assert field.variable in block.variables
            assert field.values.flags.c_contiguous
            assert field.values.dtype.isnative
            found[key] = field.values.copy()
    return found


def check_fields(source: Source, values: np.ndarray) -> None:
    found = fields_of(source)
    assert set(found) == set(np.ndindex(values.shape[:3]))
    for key, field in found.items():
        np.testing.assert_array_equal(field, values[key])


METADATA = {
    "2t": {"mars": {"param": "2t", "levtype": "sfc"}, "units": "K"},
    "t_850": {"mars": {"param": "t", "levtype": "pl", "levelist": 850}, "units": "K"},
    "t_500": {"mars": {"param": "t", "levtype": "pl", "levelist": "500"}},
    "swvl1": {"mars": {"param": "swvl1", "levtype": "sfc"}, "units": "m**3 m**-3"},
    "tp": {"mars": {"param": "tp", "levtype": "sfc"}, "process": "accumulation", "period": ["0h", "6h"], "units": "m"},
    "lsm": {"mars": {"param": "lsm", "levtype": "sfc"}, "constant_in_time": True},
    "something": {"computed_forcing": True},
}


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_as_anemoi_datasets_writes_it(tmp_path, zarr_format):
    values = weather()
    attrs = {"variables_metadata": METADATA, "missing_dates": ["2020-01-01T12:00:00"], "allow_nans": ["swvl1"]}
    make_anemoi(tmp_path / "train.zarr", values, NAMES, zarr_format=zarr_format, attrs=attrs)
    source = opened(str(tmp_path / "train.zarr"))
    assert (source.name, source.kind) == ("train.zarr", "anemoi_zarr")
    assert source.identity == "8f6d2c9e-0000-4000-8000-000000000001"
    assert source.notes == ()
    assert [(v.name, v.param, v.level, v.level_type) for v in source.variables] == [
        ("2t", "2t", None, "sfc"),
        ("t_850", "t", 850, "pl"),
        ("t_500", "t", 500, "pl"),
        ("swvl1", "swvl1", None, "sfc"),
        ("tp", "tp", None, "sfc"),
        ("lsm", "lsm", None, "sfc"),
        ("something", "something", None, None),
    ]
    assert [v.source_name for v in source.variables] == NAMES
    assert [v.units for v in source.variables] == ["K", "K", None, "m**3 m**-3", "m", None, None]
    assert [v.kind for v in source.variables] == ["instant"] * 4 + ["accumulation", "constant", "instant"]
    assert [v.period for v in source.variables] == [None] * 4 + [6.0, None, None]
    assert [v.nan_allowed for v in source.variables] == [False] * 3 + [True] + [False] * 3
    (axis,) = source.times
    assert list(axis.labels[:2]) == ["2020-01-01T00:00:00", "2020-01-01T06:00:00"]
    np.testing.assert_array_equal(np.diff(axis.seconds), 21600)
    assert axis.declared_missing is not None
    assert list(axis.declared_missing) == [False, False, True, False, False]
    assert (axis.frequency, axis.hours, axis.kind, axis.problem) == (21600, None, "time", None)
    assert axis.declared_range == (1577836800, 1577836800 + 4 * 21600)
    (grid,) = source.grids
    assert (grid.kind, grid.shape, grid.name) == ("reduced_gaussian", (CELLS,), "o4")
    assert grid.area_weights is not None
    assert source.attributes["frequency"] == "6h"
    check_fields(source, values)
    source.close()
    source.close()


CHUNKS = [
    (1, 7, 1, CELLS),
    (1, 1, 1, CELLS),
    (2, 7, 1, CELLS),
    (3, 2, 1, CELLS),
    (5, 7, 3, CELLS),
    (2, 3, 2, 50),
    (1, 7, 1, 300),
    (9, 9, 9, 999),
]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("codec", ["blosc", "none", "zstd", "bz2"])
def test_fields_for_any_chunks(tmp_path, chunks, codec):
    compressor = {
        "blosc": numcodecs.Blosc("lz4", 5, 1),
        "none": None,
        "zstd": numcodecs.Zstd(1),
        "bz2": numcodecs.BZ2(1),
    }
    values = weather(members=3)
    options = {"compressor": compressor[codec]}
    make_anemoi(tmp_path / "s.zarr", values, NAMES, chunks=chunks, data_options=options)
    source = opened(tmp_path / "s.zarr")
    assert [v.members for v in source.variables] == [3] * 7
    blocks = source.blocks()
    assert [t for b in blocks for t in b.times] == list(range(5))
    assert all(len(b.times) == min(chunks[0], 5 - b.times[0]) for b in blocks)
    assert all(b.variables == tuple(range(7)) for b in blocks)
    check_fields(source, values)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """One store for each chunking and kind of codec."""
    folder, codecs = tmp_path_factory.mktemp("stores"), (numcodecs.Blosc("lz4", 5, 1), None, numcodecs.Zstd(1))
    for i, (chunks, codec) in enumerate(itertools.product(CHUNKS, codecs)):
        options = {"compressor": codec}
        make_anemoi(folder / f"{i}.zarr", weather(members=2), NAMES, chunks=chunks, data_options=options)
    return [opened(path) for path in sorted(folder.iterdir())]


@given(data=st.data())
def test_any_part_of_a_block(stores, data):
    values = weather(members=2)
    source = data.draw(st.sampled_from(stores))
    block = data.draw(st.sampled_from(source.blocks()))
    times = data.draw(st.lists(st.sampled_from(block.times), unique=True))
    variables = data.draw(st.lists(st.sampled_from(block.variables), unique=True))
    found = fields_of(source, [Block(tuple(times), tuple(variables))])
    assert set(found) == {(t, v, m) for t in times for v in variables for m in range(2)}
    for key, field in found.items():
        np.testing.assert_array_equal(field, values[key])


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> Counter[Any]:
    counted: Counter[Any] = Counter()
    for name in ("read", "read_part"):
        original = getattr(ChunkReader, name)

        def counting(self: ChunkReader, index: Any, *args: Any, original: Any = original, name: str = name) -> Any:
            counted[name, index] += 1
            return original(self, index, *args)

        monkeypatch.setattr(ChunkReader, name, counting)
    return counted


@pytest.mark.parametrize("chunks", CHUNKS)
def test_each_chunk_is_decoded_once(tmp_path, monkeypatch, chunks):
    values = weather(members=3)
    make_anemoi(tmp_path / "s.zarr", values, NAMES, chunks=chunks)
    source = opened(tmp_path / "s.zarr")
    counted = count_decoding(monkeypatch)
    fields_of(source)
    expected = np.prod([-(-n // c) for n, c in zip(values.shape, chunks, strict=True)])
    assert set(counted.values()) == {1}
    assert len(counted) == expected


def test_a_field_of_a_date_is_decoded_alone(tmp_path, monkeypatch):
    values = weather(cells=30_000)
    codec = numcodecs.Blosc("lz4", 5, 1, blocksize=16_384)
    make_anemoi(tmp_path / "s.zarr", values, NAMES, data_options={"compressor": codec})
    source, buffers = opened(tmp_path / "s.zarr"), Buffers()
    counted = count_decoding(monkeypatch)
    for field in source.read(Block((3,), (1, 2, 5)), buffers):
        np.testing.assert_array_equal(field.values, values[3, field.variable, 0])
    assert counted == {("read_part", (3, 0, 0, 0)): 2}
    assert buffers.nbytes < values[3].nbytes


def test_fields_are_views_of_what_was_decoded(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    source, buffers = opened(tmp_path / "s.zarr"), Buffers()
    fields = [f.values for f in source.read(source.blocks()[0], buffers)]
    held = buffers.take("zarr.chunk", (7, CELLS), np.float32)
    assert all(np.shares_memory(f, held) for f in fields)


def test_large_chunks_of_dates_are_read_in_parts(tmp_path, monkeypatch):
    values = weather(times=7)
    make_anemoi(tmp_path / "s.zarr", values, NAMES, chunks=(5, 1, 1, 100))
    monkeypatch.setattr(anemoi_zarr, "BLOCK_BYTES", 2 * CELLS * 4)
    source = opened(tmp_path / "s.zarr")
    assert [b.times for b in source.blocks()] == [(0, 1), (2, 3), (4,), (5, 6)]
    check_fields(source, values)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_data_shorter_than_dates_open_and_say_so(tmp_path, zarr_format):
    values = weather(times=6)
    dates = np.datetime64("2020-01-01", "s") + np.arange(8) * np.timedelta64(6, "h")
    make_anemoi(tmp_path / "s.zarr", values, NAMES, dates=dates, chunks=(4, 7, 1, CELLS), zarr_format=zarr_format)
    source = opened(tmp_path / "s.zarr")
    assert len(source.times[0]) == 8
    assert source.notes == ("data hold 6 dates, the time axis 8",)
    stored = {a.name: a for a in source.arrays()}
    assert stored["data"].length_ok is False
    assert stored["dates"].length_ok is True
    assert stored["mean"].length_ok is None
    check_fields(source, values)
    assert fields_of(source, [Block((5, 6, 7), (0,))]).keys() == {(5, 0, 0)}


def test_data_longer_than_dates(tmp_path):
    values = weather(times=6)
    dates = np.datetime64("2020-01-01", "s") + np.arange(4) * np.timedelta64(6, "h")
    make_anemoi(tmp_path / "s.zarr", values, NAMES, dates=dates)
    source = opened(tmp_path / "s.zarr")
    assert "data hold 6 dates, the time axis 4" in source.notes
    check_fields(source, values[:4])


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_missing_chunk_reads_as_nan_and_is_counted(tmp_path, zarr_format):
    values = weather()
    group = make_anemoi(tmp_path / "s.zarr", values, NAMES, zarr_format=zarr_format)
    key = "2.0.0.0" if zarr_format == 2 else "c/2/0/0/0"
    (tmp_path / "s.zarr" / "data" / key).unlink()
    values[2] = np.nan
    np.testing.assert_array_equal(group["data"][:], values)
    source = opened(tmp_path / "s.zarr")
    check_fields(source, values)
    stored = {a.name: a for a in source.arrays()}["data"]
    assert (stored.objects, stored.expected_objects) == (4, 5)
    assert stored.codec != "none"
    assert stored.stored_bytes is not None
    assert 0 < stored.stored_bytes < values.nbytes


def test_a_spoilt_chunk_is_named(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    file = tmp_path / "s.zarr" / "data" / "3.0.0.0"
    file.write_bytes(file.read_bytes()[:-20])
    source = opened(tmp_path / "s.zarr")
    with pytest.raises(SourceError, match=r"array 'data', chunk 3\.0\.0\.0: cut short"):
        fields_of(source)


def test_threads_agree(tmp_path):
    values = weather(times=12, cells=5_000)
    make_anemoi(tmp_path / "s.zarr", values, NAMES, chunks=(2, 7, 1, 5_000))
    source, own = opened(tmp_path / "s.zarr"), threading.local()

    def total(block: Block) -> float:
        if not hasattr(own, "buffers"):
            own.buffers = Buffers()
        return sum(float(np.nansum(f.values, dtype=np.float64)) for f in source.read(block, own.buffers))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for block, got in zip(source.blocks(), pool.map(total, source.blocks()), strict=True):
                expected = sum(
                    float(np.nansum(values[t, v, 0], dtype=np.float64)) for t in block.times for v in range(7)
                )
                assert got == expected


@pytest.mark.parametrize(("dtype", "expected"), [("f8", "f8"), ("f2", "f4"), ("i2", "f8"), (">f4", "f4")])
def test_other_types_of_data(tmp_path, dtype, expected):
    values = np.arange(3 * 2 * CELLS).reshape(3, 2, 1, CELLS).astype(dtype)
    make_anemoi(tmp_path / "s.zarr", values, ["2t", "msl"], data_options={"fill_value": 0})
    found = fields_of(opened(tmp_path / "s.zarr"))
    assert all(field.dtype == np.dtype(expected) for field in found.values())
    check_fields(opened(tmp_path / "s.zarr"), values)


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        ({"allow_nans": True}, [True, True]),
        ({"allow_nans": False}, [False, False]),
        ({"allow_nans": ["msl"]}, [False, True]),
        ({"variables_with_nans": ["2t"]}, [True, False]),
        ({"allow_nans": True, "variables_with_nans": ["2t"]}, [True, False]),
        ({}, [None, None]),
    ],
)
def test_where_nan_is_allowed(attrs, expected):
    assert [v.nan_allowed for v in make_variables(["2t", "msl"], attrs, 1)] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t_850", ("t_850", "t", 850, "pl")),
        ("q_50", ("q_50", "q", 50, "pl")),
        ("10u", ("10u", "10u", None, None)),
        ("swvl2", ("swvl2", "swvl2", None, None)),
        ("unheard_7", ("unheard_7", "unheard", 7, None)),
        ("cos_latitude", ("cos_latitude", "cos_latitude", None, None)),
    ],
)
def test_names_without_metadata(name, expected):
    (variable,) = make_variables([name], {}, 1)
    assert (variable.name, variable.param, variable.level, variable.level_type) == expected


def test_names_of_their_own_get_those_of_the_catalogue():
    metadata = {
        "t2m": {"mars": {"param": "2t", "levtype": "sfc"}},
        "temp850": {"mars": {"param": "t", "levtype": "pl", "levelist": 850}},
    }
    first, second = make_variables(["t2m", "temp850"], {"variables_metadata": metadata}, 1)
    assert (first.name, first.source_name) == ("2t", "t2m")
    assert (second.name, second.source_name, second.level) == ("t_850", "temp850", 850)


def test_two_names_of_one_quantity_stay_apart():
    metadata = {"t2m": {"mars": {"param": "2t", "levtype": "sfc"}}}
    both = make_variables(["2t", "t2m"], {"variables_metadata": metadata}, 1)
    assert [v.name for v in both] == ["2t", "t2m"]
    assert [v.param for v in both] == ["2t", "2t"]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"process": "accumulation", "period": ["0h", "6h"]}, ("accumulation", 6)),
        ({"process": "accumulation", "period": [0, 24]}, ("accumulation", 24)),
        ({"process": "average", "period": ["1d", "2d"]}, ("mean", 24)),
        ({"process": "maximum", "period": ["3h", "3h"]}, ("maximum", None)),
        ({"process": "minimum"}, ("minimum", None)),
        ({"process": "accumulation", "period": "6h"}, ("accumulation", None)),
        ({"process": 3, "period": None}, ("instant", None)),
        ({"constant_in_time": True}, ("constant", None)),
    ],
)
def test_processing(metadata, expected):
    (variable,) = make_variables(["tp"], {"variables_metadata": {"tp": metadata}}, 1)
    assert (variable.kind, variable.period) == expected


def test_constant_fields_count_where_there_are_no_metadata():
    kinds = [v.kind for v in make_variables(["z", "2t"], {"constant_fields": ["z"]}, 1)]
    assert kinds == ["constant", "instant"]
    metadata = {"z": {"mars": {"param": "z", "levtype": "sfc"}}}
    (z,) = make_variables(["z"], {"constant_fields": ["z"], "variables_metadata": metadata}, 1)
    assert z.kind == "instant"


@pytest.mark.parametrize(
    "metadata",
    [
        3,
        [],
        {"2t": 3},
        {"2t": {"mars": 3, "units": 4, "process": [], "period": {}}},
        {"2t": {"mars": {"param": "2t", "levtype": 4, "levelist": "high"}}},
        {"2t": {"mars": {"param": 167}}},
    ],
)
def test_odd_metadata_do_no_harm(metadata):
    (variable,) = make_variables(["2t"], {"variables_metadata": metadata, "allow_nans": 3, "constant_fields": 3}, 1)
    assert (variable.name, variable.param, variable.level) == ("2t", "2t", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6h", 21600),
        (6, 21600),
        ("6", 21600),
        ("1d", 86400),
        ("30m", 1800),
        ("10s", 10),
        ("2w", 1209600),
        ("PT6H", 21600),
        ("P1DT12H", 129600),
        ("6:00:00", 21600),
        ("1 day, 0:00:00", 86400),
        (1.5, 5400),
        ("monthly", None),
        ("", None),
        ("P", None),
        (None, None),
        (True, None),
        ([6], None),
        ("6 parsecs", None),
    ],
)
def test_lengths_of_time(text, seconds):
    assert read_span(text) == seconds


def test_what_of_the_times_cannot_be_used_is_noted(tmp_path):
    attrs = {"frequency": "monthly", "missing_dates": ["never", "1999-01-01T00:00:00", "2020-01-01T06:00:00"]}
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs=attrs)
    source = opened(tmp_path / "s.zarr")
    assert source.notes == (
        "1 of missing_dates are no dates",
        "1 of missing_dates are not among the dates",
        "frequency 'monthly' is not understood",
    )
    assert source.times[0].frequency is None
    assert source.times[0].declared_missing is not None
    assert list(np.flatnonzero(source.times[0].declared_missing)) == [1]


def test_dates_that_are_no_times(tmp_path):
    dates = np.array(["2020-01-01", "NaT", "2020-01-03", "2020-01-03", "2020-01-02"], "M8[s]")
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, dates=dates)
    axis = opened(tmp_path / "s.zarr").times[0]
    assert axis.seconds[1] == NOT_A_TIME
    assert axis.labels[1] == "NaT"
    assert axis.problem is not None
    assert axis.labels[4] == "2020-01-02T00:00:00"


def test_pairs_of_dates(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"dqwatch_cadence": {"hours": [0, 6], "every": "3d"}})
    axis = opened(tmp_path / "s.zarr").times[0]
    assert (axis.hours, axis.every) == ((0, 6), 3 * 86400)


@pytest.mark.parametrize("cadence", [3, [], {"hours": 3}, {"hours": ["a", 99, -1]}])
def test_a_cadence_that_is_none(tmp_path, cadence):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"dqwatch_cadence": cadence})
    axis = opened(tmp_path / "s.zarr").times[0]
    assert (axis.hours, axis.every) == (None, None)


def test_grids(tmp_path):
    values = weather(cells=9 * 12)
    lat, lon = np.arange(80.0, -81, -20), np.arange(0.0, 360, 30)
    flat = np.repeat(lat, 12), np.tile(lon, 9)
    make_anemoi(tmp_path / "regular.zarr", values, NAMES, coordinates=flat, attrs={"field_shape": [9, 12]})
    assert opened(tmp_path / "regular.zarr").grids[0].shape == (9, 12)
    assert opened(tmp_path / "regular.zarr").grids[0].kind == "regular"
    make_anemoi(tmp_path / "spiral.zarr", values, NAMES, attrs={"field_shape": "odd"})
    assert opened(tmp_path / "spiral.zarr").grids[0].kind == "unstructured"
    assert opened(tmp_path / "spiral.zarr").grids[0].weights_origin == "Voronoi cells"


def test_coordinates_of_the_wrong_length_are_a_problem_of_the_grid(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, coordinates=(np.zeros(5), np.zeros(CELLS)))
    grid = opened(tmp_path / "s.zarr").grids[0]
    assert (grid.kind, grid.shape, grid.latitudes) == ("unknown", (CELLS,), None)
    assert grid.problem == f"array 'latitudes' has shape (5,) and type float64, expected numbers ({CELLS},)"


def test_older_names(tmp_path):
    values = weather()
    index = {name: i for i, name in enumerate(NAMES)}
    group = make_anemoi(
        tmp_path / "s.zarr", values, NAMES, attrs={"variables": None, "name_to_index": index, "layout": None}
    )
    for name in ("latitudes", "longitudes"):
        make_array(group, name.removesuffix("s"), group[name][:], (CELLS,))
        del group[name]
    source = opened(tmp_path / "s.zarr")
    assert [v.source_name for v in source.variables] == NAMES
    assert source.grids[0].kind == "reduced_gaussian"


def test_without_a_uuid_the_metadata_identify(tmp_path):
    identities = []
    for title in ("a", "b", "a"):
        make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"uuid": None, "description": title})
        identities.append(opened(tmp_path / "s.zarr").identity)
    assert identities[0].startswith("sha256:")
    assert identities[0] == identities[2] != identities[1]


def test_an_unfinished_store_is_noted(tmp_path):
    group = make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    make_array(group.create_group("_build"), "flags", np.ones(5, bool), (5,))
    assert "unfinished" in opened(tmp_path / "s.zarr").notes[0]


@pytest.mark.parametrize("layout", ["tabular", "trajectories", "news", 3])
def test_other_layouts_are_refused(tmp_path, layout):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"layout": layout})
    with pytest.raises(UnsupportedDataError, match=f"anemoi layout '{layout}'") as caught:
        open_anemoi_zarr(tmp_path / "s.zarr")
    assert caught.value.exit_code == 2


def test_what_is_not_ours_is_none(tmp_path):
    make_array(make_group(tmp_path / "x.zarr"), "t", np.zeros((3, 4)), (1, 4), dims=("time", "x"))
    group = make_group(tmp_path / "y.zarr")
    group.attrs["variables"] = ["t"]
    make_array(group, "t", np.zeros((3, 4)), (1, 4), dims=("time", "x"))
    for data in (tmp_path / "x.zarr", tmp_path / "y.zarr", tmp_path, "s3://bucket/a.zarr", 3, np.zeros(4), group):
        assert open_anemoi_zarr(data) is None


def test_contradictions_are_one_line(tmp_path):
    def spoil(**changes: Any) -> str:
        group = make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs=changes.get("attrs"))
        for name in changes.get("without", ()):
            del group[name]
        for name, values in changes.get("arrays", {}).items():
            del group[name]
            make_array(group, name, values, values.shape)
        with pytest.raises(SourceError) as caught:
            open_anemoi_zarr(tmp_path / "s.zarr")
        assert "\n" not in str(caught.value)
        assert str(tmp_path / "s.zarr") in str(caught.value)
        return str(caught.value)

    assert "names 2, array 'data' holds 7" in spoil(attrs={"variables": ["a", "b"]})
    assert "names tp more than once" in spoil(attrs={"variables": [*NAMES[:-1], "tp"]})
    assert "without array 'data'" in spoil(without=["data"])
    assert "array 'dates' is missing" in spoil(without=["dates"])
    assert "has shape (5, 7)" in spoil(arrays={"data": np.zeros((5, 7))})
    assert "array 'dates' has shape (5,) and type float64" in spoil(arrays={"dates": np.zeros(5)})
    assert "expected numbers" in spoil(arrays={"data": np.zeros((5, 7, 1, CELLS), bool)})


def test_zarr_reads_the_same(tmp_path):
    """The reader against zarr-python itself, rather than against what was written."""
    make_anemoi(tmp_path / "s.zarr", weather(members=2), NAMES, chunks=(2, 3, 1, 70))
    reference = zarr.open_group(str(tmp_path / "s.zarr"), mode="r")["data"][:]
    check_fields(opened(tmp_path / "s.zarr"), reference)
