"""Reading chunks directly gives the bits that zarr-python gives, and a broken chunk is an error that names it."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from sources.zarr_files import FORMATS, OLD_ZARR, make_array, make_group

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources import zarr_codecs
from dqwatch.sources.zarr_store import ZarrArray, open_arrays, open_group

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")

CODECS_2: dict[str, Any] = {
    "none": None,
    "blosc lz4 shuffle": numcodecs.Blosc("lz4", 5, 1),
    "blosc lz4 bitshuffle": numcodecs.Blosc("lz4", 5, 2),
    "blosc lz4 noshuffle": numcodecs.Blosc("lz4", 5, 0),
    "blosc zstd": numcodecs.Blosc("zstd", 3, 1),
    "blosc zlib": numcodecs.Blosc("zlib", 1, 1),
    "blosc blosclz": numcodecs.Blosc("blosclz", 9, 1),
    "blosc stored": numcodecs.Blosc("lz4", 0, 0),
    "zstd": numcodecs.Zstd(3),
    "zlib": numcodecs.Zlib(1),
    "gzip": numcodecs.GZip(1),
    "lz4": numcodecs.LZ4(),
}
OTHERS_2: dict[str, dict[str, Any]] = {
    "bz2": {"compressor": numcodecs.BZ2(1)},
    "lzma": {"compressor": numcodecs.LZMA(preset=1)},
    "filter": {"filters": [numcodecs.Delta("<f4")]},
    "columns": {"order": "F"},
}


def codecs_3() -> dict[str, Any]:
    """Compressors of format 3 that are read directly."""
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
    from zarr.codecs.numcodecs import LZ4, Zlib

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numcodecs codecs are not in the Zarr version 3")
        foreign = {"numcodecs lz4": LZ4(), "numcodecs zlib": Zlib()}
    return foreign | {
        "none": None,
        "blosc lz4 shuffle": BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"),
        "blosc zstd bitshuffle": BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"),
        "zstd": ZstdCodec(level=0),
        "zstd checksum": ZstdCodec(level=3, checksum=True),
        "gzip": GzipCodec(level=1),
    }


DIRECT = [(2, name, codec) for name, codec in CODECS_2.items()]
if not OLD_ZARR:
    DIRECT += [(3, name, codec) for name, codec in codecs_3().items()]
CASES = pytest.mark.parametrize(
    ("zarr_format", "codec"), [(f, c) for f, _, c in DIRECT], ids=[f"{f} {n}" for f, n, _ in DIRECT]
)
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


def weather(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    """Numbers that compress a little, with NaN, infinities and -0.0 among them."""
    rng = np.random.default_rng(7)
    values = np.round(280 + np.cumsum(rng.normal(size=shape), axis=-1), 2).astype(dtype)
    if values.dtype.kind == "f":
        values.flat[:: max(1, values.size // 7)] = np.nan
        values.flat[1 :: max(1, values.size // 5)] = -0.0
        values.flat[2 :: max(1, values.size // 3)] = np.inf
    return values


def open_one(path: Path, name: str = "x") -> ZarrArray:
    group = open_group(path)
    assert group is not None
    return open_arrays(group)[name]


def chunk_files(path: Path, name: str = "x") -> list[Path]:
    return sorted(
        p for p in (path / name).rglob("*") if p.is_file() and p.name not in {".zarray", ".zattrs", "zarr.json"}
    )


def same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype.newbyteorder("=")
    assert got.tobytes() == expected.astype(got.dtype).tobytes()


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


@CASES
def test_a_chunk_that_is_cut_short_is_named(tmp_path, zarr_format, codec):
    values = weather(4, 300)
    make_array(make_group(tmp_path / "s.zarr", zarr_format), "x", values, (2, 300), compressor=codec, separator="/")
    file = chunk_files(tmp_path / "s.zarr")[1]
    whole = file.read_bytes()
    array = open_one(tmp_path / "s.zarr")
    for size in sorted({0, 1, 3, 4, 5, 8, 15, 16, 20, len(whole) // 2, len(whole) - 1}):
        file.write_bytes(whole[:size])
        with pytest.raises(SourceError, match=r"array 'x', chunk (c/)?1/0: ") as caught:
            array.read((slice(None), slice(None)), None, Buffers())
        assert "\n" not in str(caught.value)
    file.write_bytes(whole)
    same_bits(array.read((slice(None), slice(None)), None, Buffers()), values)


@CASES
def test_a_chunk_of_another_length_is_an_error(tmp_path, zarr_format, codec):
    values = weather(4, 300)
    for name, chunks in (("x", (2, 300)), ("longer", (3, 300)), ("shorter", (1, 300))):
        group = make_group(tmp_path / f"{name}.zarr", zarr_format)
        make_array(group, "x", values, chunks, compressor=codec, separator=".")
    array = open_one(tmp_path / "x.zarr")
    for other in ("longer", "shorter"):
        chunk_files(tmp_path / "x.zarr")[0].write_bytes(chunk_files(tmp_path / f"{other}.zarr")[0].read_bytes())
        with pytest.raises(SourceError, match="array 'x', chunk"):
            array.read((slice(0, 2), slice(None)), None, Buffers())


@CASES
@pytest.mark.parametrize("seed", range(3))
def test_spoilt_bytes_never_do_more_than_raise(tmp_path, zarr_format, codec, seed):
    values = weather(6, 5000)
    make_array(make_group(tmp_path / "s.zarr", zarr_format), "x", values, (6, 5000), compressor=codec)
    file = chunk_files(tmp_path / "s.zarr")[0]
    whole, rng = np.frombuffer(file.read_bytes(), np.uint8), np.random.default_rng(seed)
    array, buffers = open_one(tmp_path / "s.zarr"), Buffers()
    raised = 0
    for trial in range(60):
        spoilt = whole.copy()
        reach = 40 if trial % 2 else spoilt.size
        places = rng.integers(0, min(reach, spoilt.size), size=1 + trial % 5)
        spoilt[places] = rng.integers(0, 256, size=places.size)
        file.write_bytes(spoilt.tobytes())
        for selection in ((slice(None), slice(None)), (2, slice(None))):
            try:
                got = array.read(selection, None, buffers)
            except SourceError as error:
                assert "array 'x', chunk" in str(error)  # noqa: PT017 - it need not raise
                raised += 1
            else:
                assert got.shape == values[selection].shape
    assert raised > 0 or codec is None


def test_noise_for_every_decoder():
    rng, out = np.random.default_rng(1), np.empty(1000, np.uint8)
    for compressor in zarr_codecs.DECODERS:
        for size in (0, 1, 7, 16, 17, 40, 500):
            with pytest.raises(zarr_codecs.DecodeError):
                zarr_codecs.decode(compressor, rng.integers(0, 256, size).astype(np.uint8), out)


def test_zstandard_without_its_length():
    plain = np.arange(250, dtype=np.float32).view(np.uint8)
    # RFC 8878: magic, descriptor without content size, window, then one raw block that is the last.
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + (plain.size << 3 | 1).to_bytes(3, "little") + plain.tobytes()
    out = np.zeros(plain.size, np.uint8)
    try:
        numcodecs.zstd.decompress(frame)
    except RuntimeError:
        with pytest.raises(zarr_codecs.DecodeError):  # numcodecs before 0.16 cannot
            zarr_codecs.decode("zstd", np.frombuffer(frame, np.uint8), out)
        return
    zarr_codecs.decode("zstd", np.frombuffer(frame, np.uint8), out)
    np.testing.assert_array_equal(out, plain)
    with pytest.raises(zarr_codecs.DecodeError, match="1000 bytes, 1004 are expected"):
        zarr_codecs.decode("zstd", np.frombuffer(frame, np.uint8), np.zeros(1004, np.uint8))


def test_gzip_of_several_members_and_padding():
    plain = np.random.default_rng(3).integers(0, 9, 3_000_000).astype(np.uint8)
    packer = zlib.compressobj(1, wbits=31)
    first = packer.compress(plain[:1_234_567].tobytes()) + packer.flush()
    packer = zlib.compressobj(1, wbits=31)
    second = packer.compress(plain[1_234_567:].tobytes()) + packer.flush()
    out = np.zeros(plain.size, np.uint8)
    zarr_codecs.decode("gzip", np.frombuffer(first + second + b"\0" * 10, np.uint8), out)
    np.testing.assert_array_equal(out, plain)
    with pytest.raises(zarr_codecs.DecodeError, match="more than"):
        zarr_codecs.decode("gzip", np.frombuffer(first + second, np.uint8), out[:-1])
    with pytest.raises(zarr_codecs.DecodeError, match=r"cut short|are expected"):
        zarr_codecs.decode("gzip", np.frombuffer(first + second[:-9], np.uint8), out)


def test_a_file_that_is_far_too_long_is_not_read(tmp_path):
    values = weather(2, 30)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (2, 30), compressor=numcodecs.Zstd(1))
    with chunk_files(tmp_path / "s.zarr")[0].open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(SourceError, match=r"chunk 0\.0: has 1099511627776 bytes, far more than"):
        open_one(tmp_path / "s.zarr").read((slice(None), slice(None)), None, Buffers())


def test_a_folder_in_place_of_a_chunk_is_named(tmp_path):
    values = weather(2, 30)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 30))
    file = chunk_files(tmp_path / "s.zarr")[1]
    file.unlink()
    file.mkdir()
    with pytest.raises(SourceError, match=r"array 'x', chunk 1\.0: Is a directory"):
        open_one(tmp_path / "s.zarr").read((slice(None), slice(None)), None, Buffers())


def test_the_culprit_is_named_where_zarr_reads(tmp_path):
    values = np.arange(40.0).reshape(4, 10)
    make_array(make_group(tmp_path / "s.zarr"), "x", values, (1, 10), compressor=numcodecs.BZ2(1))
    file = chunk_files(tmp_path / "s.zarr")[2]
    file.write_bytes(file.read_bytes()[:11])
    with pytest.raises(SourceError, match=r"array 'x', chunk 2\.0: cannot be decoded"):
        open_one(tmp_path / "s.zarr").read((slice(None), slice(None)), None, Buffers())


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
