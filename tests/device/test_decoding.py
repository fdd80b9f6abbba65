"""Chunks decoded away from the threads that read them: the bits of the host's reading, for every codec."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import torch
from device.decoding import FAKE_NVCOMP, HostDecoder, HostLanes
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.fake_source import FakeSource
from sources.zarr_files import FORMATS, make_anemoi

import dqwatch
from dqwatch.errors import MissingExtraError, SourceError, UsageError
from dqwatch.feed import feed as module
from dqwatch.feed.decoders import NvcompDecoder
from dqwatch.feed.pieces import cut
from dqwatch.feed.unpacking import restore
from dqwatch.sources.zarr_codecs import DecodeError

NAMES = ["2t", "t_850", "t_500", "tp", "lsm"]
TIMES, CELLS = 6, 4_000
Blosc = numcodecs.Blosc
CODECS = {
    "none": None,
    "blosc lz4": Blosc("lz4", 5, Blosc.SHUFFLE),
    "blosc lz4, no shuffle": Blosc("lz4", 5, Blosc.NOSHUFFLE),
    "blosc lz4, bits": Blosc("lz4", 5, Blosc.BITSHUFFLE, 4096),
    "blosc lz4hc": Blosc("lz4hc", 3, Blosc.SHUFFLE, 8192),
    "blosc zstd": Blosc("zstd", 3, Blosc.SHUFFLE),
    "blosc zstd, bits": Blosc("zstd", 3, Blosc.BITSHUFFLE, 4000),
    "blosc zlib": Blosc("zlib", 3, Blosc.SHUFFLE, 5000),
    "blosc, stored": Blosc("lz4", 0, Blosc.SHUFFLE),
    "zstd": numcodecs.Zstd(3),
    "gzip": numcodecs.GZip(3),
    "zlib": numcodecs.Zlib(3),
    "lz4": numcodecs.LZ4(),
}


def values_of(dtype: str = "f4") -> np.ndarray:
    rng = np.random.default_rng(5)
    values = (rng.normal(0, 9, (TIMES, len(NAMES), 1, CELLS)).cumsum(-1) + 280).round(1)
    values[:, 3] = rng.normal(0, 1e3, (TIMES, 1, CELLS))  # no codec makes it smaller
    values[:, 4] = 0
    if np.dtype(dtype).kind == "f":
        values[1, 2, 0, 7:20] = np.nan
        return values.astype(dtype)
    return (values % 100).astype(dtype)


def store(
    path: Path,
    codec: Any = "default",
    *,
    values: np.ndarray | None = None,
    chunks: tuple[int, ...] = (1, 5, 1, CELLS),
) -> None:
    values = values_of() if values is None else values
    fill = np.nan if values.dtype.kind == "f" else 0
    make_anemoi(path, values, NAMES, chunks=chunks, data_options={"compressor": codec, "fill_value": fill})


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostDecoder]:
    """Feeds that decode on a device which is the memory of the host."""
    made = HostDecoder()
    monkeypatch.setattr(module, "check_decoder", lambda decoder, device: None)
    monkeypatch.setattr(module, "make_lanes", lambda device: HostLanes(made))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield made
    torch.set_num_threads(threads)


def fed(path: Any, **arguments: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    with dqwatch.Feed(path, workers=2, **arguments) as feed:
        return [(np.asarray(batch.values).copy(), batch.times) for batch in feed]


def assert_fed_alike(path: Any, **arguments: Any) -> None:
    """To the bit, against threads of the host; those beside a decoder have lanes of their own."""
    found = fed(path, decoder="nvcomp", **arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.undo()
        from dqwatch.feed.devices import Device
        from dqwatch.feed.lanes import HostLanes as Plain

        patch.setattr(module, "make_lanes", lambda device: Plain(Device("cpu")))
        expected = fed(path, **arguments)
    assert len(found) == len(expected) > 0
    for (values, times), (same, same_times) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(times, same_times)
        np.testing.assert_array_equal(values.view(np.uint32), same.view(np.uint32))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_every_codec_gives_the_bits_of_the_host(tmp_path: Path, codec: Any, decoder: HostDecoder) -> None:
    store(tmp_path / "a.zarr", codec)
    assert_fed_alike(tmp_path / "a.zarr", batch=2, window=2, shuffle=1)
    assert bool(decoder.calls) == (codec is not None and getattr(codec, "clevel", 1) > 0)


@pytest.mark.parametrize("dtype", ["f8", "f2", "i2", "i4", "i8", "u1"])
def test_every_type_becomes_float32(tmp_path: Path, dtype: str, decoder: HostDecoder) -> None:
    store(tmp_path / "a.zarr", CODECS["blosc lz4"], values=values_of(dtype), chunks=(1, 2, 1, CELLS))
    assert_fed_alike(tmp_path / "a.zarr", batch=4)


LAYOUTS = [(1, 1, 1, CELLS), (3, 2, 1, CELLS), (1, 5, 1, 999), (4, 3, 2, 1500)]


@pytest.mark.parametrize("chunks", LAYOUTS, ids=str)
def test_every_layout_and_selection(tmp_path: Path, chunks: tuple[int, ...], decoder: HostDecoder) -> None:
    values = np.repeat(values_of(), 3, axis=2)
    values[:, :, 1] += 1
    store(tmp_path / "a.zarr", CODECS["blosc zstd"], values=values, chunks=chunks)
    data = tmp_path / "a.zarr" / "data"
    next(p for p in sorted(data.iterdir()) if p.name.startswith("0.")).unlink()  # reads as the fill value
    assert_fed_alike(tmp_path / "a.zarr", batch=3)
    assert_fed_alike(tmp_path / "a.zarr", variables=["tp", "2t", "t_500"], window=2, hours=6)
    assert_fed_alike(tmp_path / "a.zarr", points=[3999, 5, 5, 1700], variables=["lsm", "2t"])
    chosen = dqwatch.open_source(tmp_path / "a.zarr", start="2020-01-01T06", select=["t_500", "2t"])
    assert_fed_alike(chosen, batch=2)


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_chunks_of_either_format_and_in_shards(tmp_path: Path, zarr_format: int, decoder: HostDecoder) -> None:
    options = {"shards": (2, 5, 1, CELLS)} if zarr_format == 3 else {}
    made = {"zarr_format": zarr_format, "data_options": options}
    make_anemoi(tmp_path / "a.zarr", values_of(), NAMES, chunks=(1, 5, 1, CELLS), **made)
    assert_fed_alike(tmp_path / "a.zarr", batch=2)
    assert decoder.calls


@settings(max_examples=150, deadline=None)
@given(
    cname=st.sampled_from(["lz4", "lz4hc", "zstd", "zlib"]),
    level=st.integers(0, 9),
    shuffle=st.sampled_from([Blosc.NOSHUFFLE, Blosc.SHUFFLE, Blosc.BITSHUFFLE]),
    blocksize=st.sampled_from([0, 0, 512, 1000, 4096, 70_000]),
    dtype=st.sampled_from(["u1", "f2", "f4", "f8", "c16", "V3", "V20"]),
    count=st.integers(1, 3000),
    spread=st.sampled_from([1, 7, 256]),
    seed=st.integers(0, 99),
)
def test_blosc_chunks_of_any_make(
    cname: str, level: int, shuffle: int, blocksize: int, dtype: str, count: int, spread: int, seed: int
) -> None:
    size = np.dtype(dtype).itemsize * count
    plain = np.random.default_rng(seed).integers(0, spread, size, np.uint8)
    chunk = np.frombuffer(Blosc(cname, level, shuffle, blocksize).encode(plain.view(dtype)), np.uint8)
    np.testing.assert_array_equal(decoded(chunk, size), plain)


def decoded(chunk: np.ndarray, size: int) -> np.ndarray:
    """A chunk of Blosc, piece by piece."""
    pieces = cut("blosc", chunk, size)
    assert pieces.lengths.sum() == size
    parts = []
    for start, stored, length, plain in zip(pieces.offsets, pieces.sizes, pieces.lengths, pieces.plain, strict=True):
        piece, out = torch.from_numpy(chunk[start : start + stored].copy()), torch.empty(int(length), dtype=torch.uint8)
        if plain:
            out[:] = piece
        else:
            HostDecoder().decode(pieces.algorithm, piece, np.array([[0, stored]]), out, np.array([[0, length]]))
        parts.append(out)
    whole = torch.cat(parts)
    full = pieces.blocks * pieces.streams * pieces.length
    found = [restore(whole[:full].reshape(pieces.blocks, -1), pieces).flatten()] if full else []
    found += [restore(whole[full:][None], pieces).flatten()] if pieces.rest else []
    return torch.cat(found).numpy()


def test_streams_of_a_block_are_told_apart() -> None:
    plain = np.random.default_rng(1).normal(280, 9, 40_000).astype("f4")
    several = cut("blosc", np.frombuffer(Blosc("lz4", 5, Blosc.SHUFFLE, 8192).encode(plain), np.uint8), plain.nbytes)
    one = cut("blosc", np.frombuffer(Blosc("zstd", 5, Blosc.SHUFFLE, 8192).encode(plain), np.uint8), plain.nbytes)
    assert (several.streams, several.length, several.blocks, several.rest) == (4, 16_384, 2, 28_928)
    assert (one.streams, one.length, one.blocks, one.rest) == (1, 8192, 19, 4352)
    assert several.offsets.size == 2 * 4 + 1  # Blosc makes blocks longer where it splits them
    assert one.offsets.size == 20
    assert several.plain.any()  # a stream that the codec could not make smaller
    assert not several.plain.all()


def overwrite(content: bytes, place: int) -> bytes:
    """A number that is far too large."""
    return content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 :]


BROKEN = {
    "of another length": (lambda b: b[:-7], "cut short"),
    "a table that leads outside": (lambda b: overwrite(b, 16), "contradictory table"),
    "a stream that leads outside": (
        lambda b: overwrite(b, int.from_bytes(b[16:20], "little")),
        "contradictory lengths",
    ),
    "no Blosc": (lambda b: b"nonsense" * 4, "no Blosc header"),
    "another codec": (lambda b: Blosc("blosclz", 5).encode(np.zeros((5, CELLS), "f4")), "another codec than lz4"),
}


@pytest.mark.parametrize(("spoil", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_chunk_is_named(tmp_path: Path, spoil: Any, message: str, decoder: HostDecoder) -> None:
    codec = Blosc("lz4", 5, Blosc.SHUFFLE)
    store(tmp_path / "a.zarr", codec)
    chunk = tmp_path / "a.zarr" / "data" / "4.0.0.0"
    chunk.write_bytes(spoil(chunk.read_bytes()))
    with pytest.raises(SourceError, match=rf"array 'data', chunk 4\.0\.0\.0: .*{message}"):
        fed(tmp_path / "a.zarr", decoder="nvcomp")


def test_a_chunk_that_the_device_refuses_is_named_and_leaves_nothing(tmp_path: Path, decoder: HostDecoder) -> None:
    store(tmp_path / "a.zarr", numcodecs.Zstd(3))
    chunk = tmp_path / "a.zarr" / "data" / "3.0.0.0"
    content = bytearray(chunk.read_bytes())
    content[40:400] = bytes(360)
    chunk.write_bytes(bytes(content))
    feed = dqwatch.Feed(tmp_path / "a.zarr", decoder="nvcomp", batch=2, workers=2)
    with pytest.raises(SourceError, match=r"array 'data', chunk 3\.0\.0\.0: ") as caught:
        list(feed)
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]
    assert feed._ring is None
    kept = weakref.ref(feed)
    del feed, caught
    gc.collect()
    assert kept() is None


OTHER = {
    "gzip of several members": (numcodecs.GZip(1), lambda b: b + numcodecs.GZip(1).encode(b"more"), "several members"),
    "zlib": (numcodecs.Zlib(1), lambda b: b"xx" + b[2:], "no zlib stream"),
    "gzip": (numcodecs.GZip(1), lambda b: b"xx" + b[2:], "no gzip stream"),
    "zstd": (numcodecs.Zstd(1), lambda b: b"xx" + b[2:], "no Zstandard frame"),
    "lz4": (numcodecs.LZ4(), lambda b: b"xx" + b[2:], "are expected"),
    "none": (None, lambda b: b[2:], "are expected"),
}


@pytest.mark.parametrize(("codec", "spoil", "message"), OTHER.values(), ids=OTHER)
def test_headers_are_read_with_distrust(codec: Any, spoil: Any, message: str) -> None:
    plain = np.arange(100, dtype=np.uint8)
    content = np.frombuffer(spoil(codec.encode(plain) if codec else plain.tobytes()), np.uint8)
    with pytest.raises(DecodeError, match=message):
        cut(codec.codec_id if codec else None, content, 100)


def test_a_gzip_stream_may_carry_a_name() -> None:
    plain = np.arange(100, dtype=np.uint8)
    bare = numcodecs.GZip(1).encode(plain)
    named = bytes(bare[:3]) + b"\x0c" + bytes(bare[4:10]) + b"\x02\x00ab" + b"name\0" + bytes(bare[10:])
    pieces = cut("gzip", np.frombuffer(named, np.uint8), 100)
    assert (pieces.offsets[0], pieces.sizes[0]) == (19, len(named) - 19 - 8)


def test_what_cannot_be_decoded_on_a_device_is_told(tmp_path: Path, decoder: HostDecoder) -> None:
    with pytest.raises(UsageError, match=r"^decoder: fake: it is of kind 'fake'; .*decoder='host' reads anything$"):
        dqwatch.Feed(FakeSource({"x": np.ones((2, 4), np.float32)}), decoder="nvcomp")
    store(tmp_path / "a.zarr", numcodecs.LZMA())
    with pytest.raises(UsageError, match=r"^decoder: a.zarr: only zarr-python can decode its codec 'lzma"):
        dqwatch.Feed(tmp_path / "a.zarr", decoder="nvcomp")
    store(tmp_path / "b.zarr", values=values_of("u2"))
    with pytest.raises(UsageError, match=r"^decoder: b.zarr: its values are uint16, a device takes"):
        dqwatch.Feed(tmp_path / "b.zarr", decoder="nvcomp")


def test_a_decoder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource({"x": np.ones((2, 4), np.float32)})
    with pytest.raises(UsageError, match=r"^decoder: got 'kvikio'; give host or nvcomp$"):
        dqwatch.Feed(source, decoder="kvikio")
    with pytest.raises(UsageError, match=r"^decoder: 'nvcomp' decodes on a CUDA device, got device 'cpu'"):
        dqwatch.Feed(source, decoder="nvcomp")
    monkeypatch.setattr(module, "check_device", lambda device: None)
    monkeypatch.setitem(sys.modules, "nvidia", None)
    with pytest.raises(MissingExtraError, match=r"^decoder: nvcomp is not installed; pip install 'dqwatch\[nvcomp\]'$"):
        dqwatch.Feed(source, device="cuda", decoder="nvcomp")


@pytest.fixture
def nvcomp(monkeypatch: pytest.MonkeyPatch) -> Any:
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "nvidia", SimpleNamespace(nvcomp=FAKE_NVCOMP))
    return FAKE_NVCOMP


def test_an_old_nvcomp_is_told(nvcomp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(nvcomp, "BatchArray")
    monkeypatch.setattr(nvcomp, "__version__", "4.2.0")
    with pytest.raises(MissingExtraError, match=r"^decoder: got nvcomp 4.2.0, 6.0 or later is needed"):
        NvcompDecoder(1, 5)


def test_nvcomp_is_asked_as_its_reference_says(nvcomp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = NvcompDecoder(1, 5)
    monkeypatch.setattr(module, "check_decoder", lambda decoder, device: None)
    monkeypatch.setattr(module, "make_lanes", lambda device: HostLanes(made))
    store(tmp_path / "a.zarr", CODECS["blosc lz4"])
    assert_fed_alike(tmp_path / "a.zarr", batch=2)
    plain = np.arange(100, dtype=np.uint8)
    piece = torch.from_numpy(np.frombuffer(numcodecs.Zstd(1).encode(plain), np.uint8).copy())
    place, out = np.array([[0, len(piece)]]), torch.empty(200, dtype=torch.uint8)
    made.decode("Zstd", piece, place, out, np.array([[0, 100]]))
    np.testing.assert_array_equal(out[:100].numpy(), plain)
    with pytest.raises(DecodeError, match=r"^decodes to 100 bytes, 120 are expected$"):
        made.decode("Zstd", piece, place, out, np.array([[0, 120]]))
    with pytest.raises(DecodeError, match=r"^nvCOMP: out is too small$"):
        made.decode("Zstd", piece, place, out, np.array([[0, 80]]))
    with pytest.raises(DecodeError, match=r"^nvCOMP: "):
        made.decode("Zstd", torch.zeros_like(piece), place, out, np.array([[0, 100]]))
