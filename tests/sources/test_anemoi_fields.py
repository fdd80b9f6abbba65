"""Every field of a gridded anemoi store comes once, as numpy wrote it, for any chunks and codec."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sources.anemoi_files import CELLS, NAMES, check_fields, fields_of, opened, weather
from sources.zarr_files import FORMATS, make_anemoi

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources import anemoi_zarr
from dqwatch.sources.zarr_chunks import ChunkReader
from dqwatch.types import Block

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


def test_zarr_reads_the_same(tmp_path):
    """The reader against zarr-python itself, rather than against what was written."""
    make_anemoi(tmp_path / "s.zarr", weather(members=2), NAMES, chunks=(2, 3, 1, 70))
    reference = zarr.open_group(str(tmp_path / "s.zarr"), mode="r")["data"][:]
    check_fields(opened(tmp_path / "s.zarr"), reference)
