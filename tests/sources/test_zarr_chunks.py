"""Reading chunks directly gives the bits that zarr-python gives, without allocations."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from sources.zarr_files import (
    CASES,
    FORMATS,
    chunk_files,
    make_array,
    make_group,
    open_one,
    same_bits,
    weather,
)

from dqwatch.buffers import Buffers

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")


OTHERS_2: dict[str, dict[str, Any]] = {
    "bz2": {"compressor": numcodecs.BZ2(1)},
    "lzma": {"compressor": numcodecs.LZMA(preset=1)},
    "filter": {"filters": [numcodecs.Delta("<f4")]},
    "columns": {"order": "F"},
}


SELECTIONS: list[tuple[slice | int, ...]] = [
    (slice(None),) * 3,
    (slice(0, 3), slice(0, 4), slice(0, 5)),
    (slice(3, 6), slice(4, 8), slice(5, 10)),
    (2, slice(None), slice(None)),
    (-1, 3, slice(2, 9)),
    (slice(1, 7, 2), slice(0, None, 3), slice(4, 11)),
    (slice(0, 1), slice(1, 2), slice(0, 11)),
    (4, 5, 6),
    (slice(5, 5), slice(None), slice(None)),
    (6, slice(8, 9), slice(10, 11)),
]


@CASES
@pytest.mark.parametrize("separator", [".", "/"])
def test_every_codec_gives_the_bits_that_zarr_gives(tmp_path, zarr_format, codec, separator):
    values = weather(7, 9, 11)
    group = make_group(tmp_path / "s.zarr", zarr_format)
    make_array(group, "x", values, (3, 4, 5), compressor=codec, separator=separator, fill_value=np.nan)
    files = chunk_files(tmp_path / "s.zarr")
    assert len(files) == 27
    for gone in files[5::6]:
        gone.unlink()
    array, reference = open_one(tmp_path / "s.zarr"), zarr.open_group(str(tmp_path / "s.zarr"), mode="r")["x"]
    assert array.layout is not None
    assert array.layout.direct
    buffers = Buffers()
    for selection in SELECTIONS:
        same_bits(array.read(selection, None, buffers), np.asarray(reference[selection]))
        same_bits(array.borrow(selection, buffers), np.asarray(reference[selection]))
    whole = array.read(SELECTIONS[0], None, buffers)
    assert np.isnan(whole).sum() > np.isnan(values).sum()
    there = ~np.isnan(whole)
    np.testing.assert_array_equal(whole[there], values[there])


@pytest.mark.parametrize("kind", OTHERS_2)
def test_what_is_not_read_directly_is_read_by_zarr(tmp_path, kind):
    values = weather(7, 9, 11)
    values[~np.isfinite(values)] = 0
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (3, 4, 5), fill_value=np.nan, **OTHERS_2[kind])
    array, reference = open_one(tmp_path / "s.zarr"), zarr.open_group(str(tmp_path / "s.zarr"), mode="r")["x"]
    assert array.layout is not None
    assert not array.layout.direct
    for selection in SELECTIONS:
        same_bits(array.read(selection, None, Buffers()), np.asarray(reference[selection]))
        same_bits(array.borrow(selection, Buffers()), np.asarray(reference[selection]))


@pytest.mark.parametrize("zarr_format", FORMATS)
@pytest.mark.parametrize("dtype", ["<f8", "<i2", "u1", "?", "<M8[s]", ">f4", "<f2", "<c8", "S3"])
def test_types(tmp_path, zarr_format, dtype):
    if dtype == "S3":
        values = np.array([b"a", b"bcd", b"", b"ef"] * 3, dtype)
    elif dtype == "?":
        values = np.arange(12) % 3 == 0
    elif dtype == "<M8[s]":
        values = np.datetime64("2020-01-01", "s") + np.arange(12)
    else:
        values = np.arange(12).astype(dtype)
    fill = np.zeros((), values.dtype)[()]
    # Format 3 has the byte order in its codec.
    options = {"serializer": zarr.codecs.BytesCodec(endian="big")} if (zarr_format, dtype) == (3, ">f4") else {}
    make_array(make_group(tmp_path / "s.zarr", zarr_format), "x", values, (5,), fill_value=fill, **options)
    chunk_files(tmp_path / "s.zarr")[1].unlink()
    array = open_one(tmp_path / "s.zarr")
    values[5:10] = fill
    same_bits(array.read((slice(None),), None, Buffers()), values)
    assert array.layout is not None
    assert array.layout.direct == (dtype not in {">f4", "S3"})
    assert array.dtype.isnative


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_numbers_without_dimensions(tmp_path, zarr_format):
    make_array(make_group(tmp_path / "s.zarr", zarr_format), "x", np.array(3.5), ())
    array = open_one(tmp_path / "s.zarr")
    got = array.read((), None, Buffers())
    assert (got.shape, float(got)) == ((), 3.5)
    described = array.describe()
    assert (described.objects, described.expected_objects) == (1, 1)


@settings(max_examples=60)
@given(st.data())
def test_any_shape_chunk_and_selection(tmp_path_factory, data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4), label="shape"))
    chunks = tuple(data.draw(st.integers(1, n + 2), label="chunk") for n in shape)
    selection: list[slice | int] = []
    for n in shape:
        if data.draw(st.booleans()):
            selection.append(data.draw(st.integers(-n, n - 1)))
        else:
            low, high = sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))
            selection.append(slice(low, high, data.draw(st.integers(1, 3))))
    codec = data.draw(st.sampled_from([None, numcodecs.Blosc("lz4", 5, 1), numcodecs.Zstd(1)]))
    values = weather(*shape)
    path = tmp_path_factory.mktemp("any") / "s.zarr"
    make_array(make_group(path), "x", values, chunks, compressor=codec, fill_value=np.nan)
    array = open_one(path)
    same_bits(array.read(tuple(selection), None, Buffers()), np.asarray(values[tuple(selection)]))
    same_bits(array.borrow(tuple(selection), Buffers()), np.asarray(values[tuple(selection)]))


@pytest.mark.parametrize(
    "codec",
    [
        None,
        numcodecs.Blosc("lz4", 5, 1),
        numcodecs.Blosc("zstd", 1, 2),
        numcodecs.Blosc("lz4", 9, 0),
        numcodecs.Blosc("lz4", 0, 0),
        numcodecs.Zstd(1),
    ],
    ids=str,
)
@pytest.mark.parametrize("blocksize", [0, 4096])
def test_parts_of_a_chunk_of_many_blocks(tmp_path, codec, blocksize):
    """One field out of the chunk of a date: only its Blosc blocks are decoded, and give the bits of the whole."""
    if isinstance(codec, numcodecs.Blosc):
        codec = numcodecs.Blosc(codec.cname, codec.clevel, codec.shuffle, blocksize)
    values = weather(2, 12, 1, 40_013)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 12, 1, 40_013), compressor=codec)
    array, buffers = open_one(tmp_path / "s.zarr"), Buffers()
    for first, last in itertools.combinations([0, 1, 2, 5, 6, 11, 12], 2):
        part = array.read((1, slice(first, last), slice(None), slice(None)), None, buffers)
        same_bits(part, values[1, first:last])
    same_bits(array.read((0, 3, 0, slice(17, 40_001)), None, buffers), values[0, 3, 0, 17:40_001])
    same_bits(array.read((0, 11, 0, slice(40_012, 40_013)), None, buffers), values[0, 11, 0, 40_012:])


def test_a_part_reads_and_decodes_no_more_than_it_needs(tmp_path):
    values = weather(1, 50, 1, 60_000)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, values.shape, compressor=numcodecs.Blosc("lz4", 5, 1))
    array, buffers = open_one(tmp_path / "s.zarr"), Buffers()
    array.read((0, 20, 0, slice(None)), None, buffers)
    # Blosc makes blocks of at most half a megabyte here: a field of 240 kB lies in two or three of them.
    assert buffers.nbytes < values.nbytes / 5


def test_no_allocation_of_the_size_of_a_chunk_once_warm(tmp_path):
    values = weather(4, 2, 300_000)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 2, 300_000), compressor=numcodecs.Blosc("lz4", 5, 1))
    array, buffers = open_one(tmp_path / "s.zarr"), Buffers()
    out = buffers.take("out", (1, 2, 300_000), np.float32)
    array.read((slice(0, 1), slice(None), slice(None)), out, buffers)
    array.read((0, 1, slice(None)), out[0, 1], buffers)
    array.borrow((0, slice(None), slice(None)), buffers)
    tracemalloc.start()
    for i in range(1, 4):
        array.read((slice(i, i + 1), slice(None), slice(None)), out, buffers)
        array.read((i, 1, slice(None)), out[0, 1], buffers)
        array.borrow((i, slice(None), slice(None)), buffers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 < values[0].nbytes / 20


def test_a_whole_chunk_needs_no_scratch_chunk(tmp_path):
    values = weather(3, 2, 50_000)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 2, 50_000), compressor=None)
    array, buffers = open_one(tmp_path / "s.zarr"), Buffers()
    same_bits(array.read((slice(None),) * 3, None, buffers), values)
    assert buffers.nbytes == 0


def test_threads_with_buffers_of_their_own(tmp_path):
    values = weather(24, 3, 20_000)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 3, 20_000), compressor=numcodecs.Blosc("lz4", 5, 1))
    array, own = open_one(tmp_path / "s.zarr"), threading.local()

    def read(i: int) -> bytes:
        if not hasattr(own, "buffers"):
            own.buffers = Buffers()
        return array.read((i % 24, slice(None), slice(None)), None, own.buffers).tobytes()

    with ThreadPoolExecutor(4) as pool:
        for i, got in enumerate(pool.map(read, range(96))):
            assert got == values[i % 24].tobytes()


def test_blosc_starts_no_threads_of_its_own_and_its_setting_is_left_alone(tmp_path, monkeypatch):
    seen: list[Any] = []
    decompress = numcodecs.blosc.decompress

    def watched(*args: Any) -> Any:
        seen.append(numcodecs.blosc.use_threads)
        return decompress(*args)

    monkeypatch.setattr(numcodecs.blosc, "decompress", watched)
    monkeypatch.setattr(numcodecs.blosc, "use_threads", None)
    make_array(make_group(tmp_path / "s.zarr"), "x", weather(2, 500), (2, 500), compressor=numcodecs.Blosc("lz4", 5, 1))
    open_one(tmp_path / "s.zarr").read((slice(None), slice(None)), None, Buffers())
    assert seen == [False]
    assert numcodecs.blosc.use_threads is None


def test_out_must_fit(tmp_path):
    make_array(make_group(tmp_path / "s.zarr"), "x", weather(2, 30), (1, 30))
    array = open_one(tmp_path / "s.zarr")
    with pytest.raises(ValueError, match="out is"):
        array.read((0, slice(None)), np.empty(29, np.float32), Buffers())
    with pytest.raises(ValueError, match="positive step"):
        array.read((0, slice(None, None, -1)), None, Buffers())
    with pytest.raises(IndexError, match="out of bounds"):
        array.read((2, slice(None)), None, Buffers())
