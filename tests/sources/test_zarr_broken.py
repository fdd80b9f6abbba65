"""A chunk that is cut short, spoilt or of another length is an error that names it, whatever its codec."""

from __future__ import annotations

import zlib

import numcodecs
import numpy as np
import pytest
from sources.zarr_files import (
    CASES,
    chunk_files,
    make_array,
    make_group,
    open_one,
    same_bits,
    weather,
)

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources import zarr_codecs

pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")


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
