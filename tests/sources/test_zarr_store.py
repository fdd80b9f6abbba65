"""Zarr groups of both formats open with and without consolidated metadata; broken ones say what is wrong in a line."""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sources.zarr_files import FORMATS, make_array, make_group

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.raw import RawArray
from dqwatch.sources.zarr_layout import Layout, flat_run, split
from dqwatch.sources.zarr_objects import find_objects, tally
from dqwatch.sources.zarr_store import ZarrArray, attributes, open_arrays, open_group

VALUES = np.arange(60, dtype=np.float32).reshape(5, 12)


def arrays_of(path: Path) -> dict[str, ZarrArray]:
    group = open_group(path)
    assert group is not None
    return open_arrays(group)


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("consolidated", [False, True])
def test_groups_arrays_and_attributes(tmp_path, zarr_format, consolidated):
    path = tmp_path / "s.zarr"
    group = make_group(path, zarr_format)
    group.attrs.update({"title": "a store", "list": [1, 2]})
    make_array(group, "x", VALUES, (2, 5), dims=("time", "cell"), attrs={"units": "K"}, fill_value=-1.0)
    make_array(group, "plain", VALUES, (5, 12))
    inner = group.create_group("inner")
    make_array(inner, "y", VALUES[0], (12,), dims=("cell",))
    if consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(str(path))
        # Made after the consolidation, as by appending: what was consolidated is stale.
        make_array(group, "later", VALUES, (5, 12))
    opened = open_group(path)
    assert opened is not None
    assert attributes(opened) == {"title": "a store", "list": [1, 2]}
    arrays = open_arrays(opened)
    assert list(arrays) == ["inner/y", *(["later"] if consolidated else []), "plain", "x"]
    x: RawArray = arrays["x"]
    assert (x.name, x.dims, x.shape, x.chunks) == ("x", ("time", "cell"), (5, 12), (2, 5))
    assert x.dtype == np.float32
    assert dict(x.attrs) == {"units": "K"}
    assert x.fill_value == -1
    assert arrays["plain"].dims == ("dim_0", "dim_1")
    np.testing.assert_array_equal(arrays["inner/y"].read((slice(None),), None, Buffers()), VALUES[0])


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("separator", [".", "/"])
def test_objects_are_counted(tmp_path, zarr_format, separator):
    group = make_group(tmp_path / "s.zarr", zarr_format)
    codec: Any = numcodecs.Zstd(1) if zarr_format == 2 else zarr.codecs.ZstdCodec(level=1)
    make_array(
        group,
        "x",
        VALUES,
        (2, 5),
        separator=separator,
        compressor=codec,
        fill_value=np.nan,
        attrs={"calendar": "noleap"},
    )
    folder = tmp_path / "s.zarr" / "x"
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name[0] != "." and p.name != "zarr.json")
    assert len(files) == 9
    files[4].unlink()
    stored = sum(p.stat().st_size for p in files if p.exists())
    # What is no chunk of the array does not count.
    for foreign in ("9.0", "0.9", "01.0", "0.0.0", "0.0.tmp", ".nfs123", "9", "a", "c.7.7"):
        (folder / foreign).write_text("x")
    found = arrays_of(tmp_path / "s.zarr")["x"].describe()
    assert (found.objects, found.expected_objects, found.stored_bytes) == (8, 9, stored)
    assert (found.codec, found.dtype, found.fill_value, found.calendar) == ("zstd(1)", "float32", "nan", "noleap")
    assert (found.chunks, found.shards, found.shape, found.length_ok) == ((2, 5), None, (5, 12), None)


def test_an_empty_array_has_no_objects(tmp_path):
    make_array(make_group(tmp_path / "s.zarr"), "x", np.zeros((0, 4)), (2, 4))
    found = arrays_of(tmp_path / "s.zarr")["x"].describe()
    assert (found.objects, found.expected_objects, found.stored_bytes) == (0, 0, 0)


@pytest.mark.parametrize("separator", [".", "/"])
def test_tens_of_thousands_of_objects_are_counted_at_once(tmp_path, separator):
    layout = Layout((16384, 2), (1, 1), None, "", separator, "none", None, True)
    for i in range(16384):
        if separator == "/":
            (tmp_path / str(i)).mkdir()
        for j in range(2):
            os.close(os.open(tmp_path / f"{i}{separator}{j}", os.O_CREAT | os.O_WRONLY))
    begin = time.process_time()
    found = tally(find_objects(tmp_path, layout), layout)
    assert (found.count, found.stored_bytes) == (32768, 0)
    assert time.process_time() - begin < 5


CODECS_2 = {
    "none": {"compressor": None},
    "blosc(lz4, 5, shuffle)": {"compressor": numcodecs.Blosc("lz4", 5, 1)},
    "blosc(zstd, 1, bitshuffle)": {"compressor": numcodecs.Blosc("zstd", 1, 2)},
    "gzip(3)": {"compressor": numcodecs.GZip(3)},
    "delta + zlib(1)": {"compressor": numcodecs.Zlib(1), "filters": [numcodecs.Delta("<f4")]},
    "lz4": {"compressor": numcodecs.LZ4()},
}


@pytest.mark.parametrize("label", CODECS_2)
def test_names_of_codecs(tmp_path, label):
    make_array(make_group(tmp_path / "s.zarr"), "x", VALUES, (2, 5), **CODECS_2[label])
    assert arrays_of(tmp_path / "s.zarr")["x"].describe().codec == label


def test_a_folder_without_any_sign_of_zarr_is_none(tmp_path):
    (tmp_path / "data.nc").write_text("x")
    assert open_group(tmp_path) is None
    assert open_group(tmp_path / "data.nc") is None
    assert open_group(tmp_path / "nowhere.zarr") is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "the folder is empty"),
        ({"notes.txt": "x"}, "has no Zarr metadata"),
        ({".zattrs": "{}"}, "cannot be opened"),
        ({".zgroup": "{"}, "cannot be opened"),
        ({".zgroup": ""}, "cannot be opened"),
        ({".zgroup": '{"zarr_format": 7}'}, "cannot be opened"),
        ({".zgroup": '{"zarr_format": 2}', ".zattrs": "[1"}, "cannot be opened"),
        ({".zgroup": '{"zarr_format": 2}', "x/.zarray": "{}"}, "broken Zarr metadata"),
        ({".zgroup": '{"zarr_format": 2}', "x/.zarray": "no json"}, "broken Zarr metadata"),
        ({"zarr.json": "{}"}, "Zarr"),
        ({"zarr.json": '{"zarr_format": 3, "node_type": "group", "attributes": 3}'}, "Zarr"),
        ({"zarr.json": "\0\0\0"}, "Zarr"),
    ],
)
def test_broken_stores_are_one_line(tmp_path, files, message):
    path = tmp_path / "broken.zarr"
    path.mkdir()
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    with pytest.raises(SourceError, match=message) as caught:
        arrays_of(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_metadata_cut_anywhere_are_an_error_or_nothing(tmp_path, zarr_format):
    path = tmp_path / "s.zarr"
    make_array(make_group(path, zarr_format), "x", VALUES, (2, 5))
    file = path / "x" / (".zarray" if zarr_format == 2 else "zarr.json")
    text = file.read_text()
    for end in range(0, len(text) - 1, 7):
        file.write_text(text[:end])
        with pytest.raises(SourceError, match="broken Zarr metadata"):
            arrays_of(path)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_metadata_of_the_wrong_type_are_an_error(tmp_path, zarr_format):
    path = tmp_path / "s.zarr"
    make_array(make_group(path, zarr_format), "x", VALUES, (2, 5))
    file = path / "x" / (".zarray" if zarr_format == 2 else "zarr.json")
    metadata = json.loads(file.read_text())
    wrongs: list[Any] = [None, 3, "x", [], {}, [None, None], [-1, -1], [0, 0]]
    keys = {"shape", "chunks", "dtype", "data_type", "chunk_grid", "codecs"} & set(metadata)
    for key in sorted(keys):
        for wrong in wrongs:
            if key == "shape" and wrong == [0, 0]:
                continue  # an empty array is right
            file.write_text(json.dumps({**metadata, key: wrong}))
            with pytest.raises(SourceError):
                arrays_of(path)["x"].read((slice(None), slice(None)), None, Buffers())


def test_a_single_array_is_refused(tmp_path):
    make_array(make_group(tmp_path / "s.zarr"), "x", VALUES, (2, 5))
    with pytest.raises(UnsupportedDataError, match="a single Zarr array"):
        open_group(tmp_path / "s.zarr" / "x")


def test_a_chunk_grid_is_split_at_its_boundaries():
    pieces = list(split((range(1, 8, 3), range(2, 3)), (3, 2)))
    assert pieces == [
        ((0, 1), (slice(1, 2, 3), slice(0, 1, 1)), (slice(0, 1), slice(0, 1))),
        ((1, 1), (slice(1, 2, 3), slice(0, 1, 1)), (slice(1, 2), slice(0, 1))),
        ((2, 1), (slice(1, 2, 3), slice(0, 1, 1)), (slice(2, 3), slice(0, 1))),
    ]


@given(st.data())
def test_what_lies_in_one_piece(data):
    chunks = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    inside = []
    for n in chunks:
        start = data.draw(st.integers(0, n - 1))
        inside.append(slice(start, data.draw(st.integers(start + 1, n)), data.draw(st.integers(1, 2))))
    places = np.arange(np.prod(chunks)).reshape(chunks)[tuple(inside)].ravel()
    run = flat_run(tuple(inside), chunks)
    if (np.diff(places) == 1).all():
        assert run == (places[0], places[-1] + 1)
    else:
        assert run is None
