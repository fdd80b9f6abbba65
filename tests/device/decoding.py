"""A decoder and lanes for the device that only seem one: the codecs of the host behind the interface of nvCOMP."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numcodecs import lz4, zstd

from dqwatch.feed.unpacking import Arrived, Unpacker
from dqwatch.sources.zarr_codecs import DecodeError
from dqwatch.storage import ChunkKind


def _lz4(piece: bytes, length: int) -> bytes:
    return bytes(lz4.decompress(length.to_bytes(4, "little") + piece))


def _deflate(piece: bytes, length: int) -> bytes:
    return zlib.decompress(piece, wbits=-15)


ALGORITHMS = {"LZ4": _lz4, "Zstd": lambda piece, length: bytes(zstd.decompress(piece)), "Deflate": _deflate}


def decode_piece(algorithm: str, piece: bytes, length: int) -> np.ndarray:
    """One piece by a library of the host, which raises RuntimeError as nvCOMP does."""
    try:
        found = ALGORITHMS[algorithm](piece, length)
    except (zlib.error, ValueError) as error:
        raise RuntimeError(str(error)) from error
    return np.frombuffer(found, np.uint8)


class HostDecoder:
    """As `NvcompDecoder`, on tensors of the host."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def decode(self, algorithm: str, given: Any, places: np.ndarray, out: Any, targets: np.ndarray) -> None:
        assert not (places[:, 0] % 16).any()
        assert not (targets[:, 0] % 16).any()
        self.calls.append((algorithm, len(places)))
        for (start, size), (place, length) in zip(places.tolist(), targets.tolist(), strict=True):
            try:
                found = decode_piece(algorithm, given[start : start + size].numpy().tobytes(), length)
            except RuntimeError as error:
                raise DecodeError(str(error)) from error
            if found.size != length:
                raise DecodeError(f"decodes to {found.size} bytes, {length} are expected")
            out[place : place + length] = torch.from_numpy(found.copy())


class Done:
    """An event of the past."""

    def synchronize(self) -> None:
        pass


class HostLanes:
    """As `CudaLanes`, whose device is the memory of the host."""

    n_targets = 3

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder

    def make_host(self, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
        tensor = torch.full(shape, 7, dtype=torch.float32)
        return tensor.numpy(), tensor

    def make_target(self, shape: tuple[int, ...]) -> Any:
        return torch.full(shape, -1.0)

    def make_unpacker(self, kind: ChunkKind) -> Unpacker:
        return Unpacker(self.decoder, kind, "cpu")

    def unpack(self, unpacker: Unpacker, arrived: Sequence[Arrived], host: Any, target: Any, after: Any) -> Done:
        unpacker.unpack(host.view(torch.uint8), arrived, target)
        return Done()

    def hand_over(self, copied: Done) -> None:
        pass

    def mark(self) -> Done:
        return Done()


class FakeBatch:
    """As `nvcomp.BatchArray`: parts of one buffer."""

    def __init__(self, buffer: Any, offsets: list[int], sizes: list[int], cuda_stream: int) -> None:
        assert cuda_stream == 5
        self.parts = [buffer[a : a + n] for a, n in zip(offsets, sizes, strict=True)]
        self.buffer_sizes = sizes

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)


class FakeCodec:
    """As `nvcomp.Codec`, of bare streams."""

    def __init__(self, *, algorithm: str, device_id: int, cuda_stream: int, bitstream_kind: str) -> None:
        assert (device_id, cuda_stream, bitstream_kind) == (1, 5, "raw")
        self.algorithm = algorithm

    def decode(self, given: FakeBatch, *, out: FakeBatch) -> FakeBatch:
        for piece, part in zip(given, out, strict=True):
            found = decode_piece(self.algorithm, piece.numpy().tobytes(), len(part))
            if found.size > len(part):
                raise ValueError("out is too small")
            part[: found.size] = torch.from_numpy(found.copy())
            out.buffer_sizes = [*out.buffer_sizes[:-1], found.size] if found.size < len(part) else out.buffer_sizes
        return out


FAKE_NVCOMP = SimpleNamespace(
    __version__="6.0.0",
    BatchArray=FakeBatch,
    BitstreamKind=SimpleNamespace(RAW="raw"),
    Codec=FakeCodec,
    as_arrays=FakeBatch,
)
"""What is used of nvidia.nvcomp 6.0.0, with the same arguments."""
