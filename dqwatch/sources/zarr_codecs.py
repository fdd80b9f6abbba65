"""Decoding of one compressed chunk straight into memory that exists; a broken chunk raises, whatever is wrong."""

from __future__ import annotations

import contextlib
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

_PIECE = 1 << 18
"""zlib hands out bytes objects, and what it has not consumed as another: pieces of this size stay in the cache."""


class DecodeError(ValueError):
    """A chunk is not what its codec writes; the message is the reason, one clause."""


class BloscHeader(NamedTuple):
    """The 16 bytes in front of what Blosc 1 writes."""

    flags: int
    typesize: int
    nbytes: int
    blocksize: int
    cbytes: int

    @property
    def stored(self) -> bool:
        """Whether the data follow as they are."""
        return bool(self.flags & 2)

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.nbytes // self.blocksize)


def parse_blosc(head: np.ndarray, size: int, expected: int) -> BloscHeader:
    """The header of a Blosc chunk, checked, for the library trusts it.

    Parameters
    ----------
    head : np.ndarray of uint8
        At least the first 16 bytes, if there are as many.
    size : int
        Bytes of the whole compressed chunk.
    expected : int
        Bytes it must decode to.

    Raises
    ------
    DecodeError
        If it is none, cut short, or one of other data.
    """
    if size < 16:
        raise DecodeError(f"cut short: {size} bytes, a Blosc header has 16")
    version, _, flags, typesize = (int(b) for b in head[:4])
    nbytes, blocksize, cbytes = (int(n) for n in head[4:16].view("<u4"))
    header = BloscHeader(flags, typesize, nbytes, blocksize, cbytes)
    if version not in (1, 2) or typesize == 0:
        raise DecodeError("no Blosc header")
    if nbytes != expected:
        raise DecodeError(f"decodes to {nbytes} bytes, {expected} are expected")
    if cbytes > size:
        raise DecodeError(f"cut short: {size} bytes of {cbytes}")
    if not 0 < blocksize <= max(nbytes, 1) or (header.stored and cbytes != nbytes + 16):
        raise DecodeError("contradictory Blosc header")
    if not header.stored and 16 + 4 * header.blocks > cbytes:
        raise DecodeError("contradictory Blosc header")
    return header


@contextlib.contextmanager
def _one_blosc_thread() -> Iterator[None]:
    """Keep Blosc from threads of its own, which it starts when called from the main thread; ours are the only ones."""
    from numcodecs import blosc

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = blosc.use_threads
    blosc.use_threads = False
    try:
        yield
    finally:
        blosc.use_threads = before


def decode_blosc(data: np.ndarray, out: np.ndarray) -> None:
    """Blosc 1, any of its codecs and shuffles."""
    from numcodecs import blosc

    header = parse_blosc(data, data.size, out.size)
    if header.stored:
        out[:] = data[16 : 16 + out.size]
        return
    with _one_blosc_thread():
        blosc.decompress(data[: header.cbytes], out)


def decode_zstd(data: np.ndarray, out: np.ndarray) -> None:
    """One Zstandard frame; straight into `out` if it says how long its content is."""
    from numcodecs import zstd

    length = _zstd_length(data)
    if length == out.size:
        zstd.decompress(data, out)
        return
    if length is not None:
        raise DecodeError(f"decodes to {length} bytes, {out.size} are expected")
    plain = zstd.decompress(data)
    if len(plain) != out.size:
        raise DecodeError(f"decodes to {len(plain)} bytes, {out.size} are expected")
    out[:] = np.frombuffer(plain, np.uint8)


def _zstd_length(data: np.ndarray) -> int | None:
    """The content size in the header of a frame (RFC 8878, 3.1.1.1); None where it is left out."""
    if data.size < 6 or data[:4].tobytes() != b"\x28\xb5\x2f\xfd":
        raise DecodeError("no Zstandard frame")
    descriptor = int(data[4])
    single = bool(descriptor & 0x20)
    width = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    if width == 0:
        return None
    start = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
    if data.size < start + width:
        raise DecodeError("cut short within its header")
    return int.from_bytes(data[start : start + width].tobytes(), "little") + (256 if width == 2 else 0)


def decode_lz4(data: np.ndarray, out: np.ndarray) -> None:
    """LZ4 block with the length in front, as numcodecs writes it."""
    from numcodecs import lz4

    if data.size < 4:
        raise DecodeError(f"cut short: {data.size} bytes")
    length = int(data[:4].view("<u4")[0])
    if length != out.size:
        raise DecodeError(f"decodes to {length} bytes, {out.size} are expected")
    lz4.decompress(data, out)


def decode_deflate(data: np.ndarray, out: np.ndarray) -> None:
    """A zlib or gzip stream (which of them, it says itself), of one or several members."""
    filled = position = 0
    while position < data.size:
        stream = zlib.decompressobj(wbits=47)
        rest = b""
        while not stream.eof:
            if not rest:
                rest = data[position : position + _PIECE].tobytes()
                position += len(rest)
            piece = stream.decompress(rest, _PIECE)
            if not rest and not piece and not stream.eof:
                raise DecodeError(f"cut short: {filled} bytes of {out.size} decoded")
            rest = stream.unconsumed_tail
            if filled + len(piece) > out.size:
                raise DecodeError(f"decodes to more than the {out.size} bytes that are expected")
            out[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        position -= len(stream.unused_data)
        if not data[position:].any():
            break  # zeros may pad a gzip file
    if filled != out.size:
        raise DecodeError(f"decodes to {filled} bytes, {out.size} are expected")


DECODERS: dict[str, Callable[[np.ndarray, np.ndarray], None]] = {
    "blosc": decode_blosc,
    "zstd": decode_zstd,
    "lz4": decode_lz4,
    "zlib": decode_deflate,
    "gzip": decode_deflate,
}
"""Each takes the compressed bytes and what to fill, uint8 (bytes,) both, and fills all of it or raises."""


def decode(compressor: str, data: np.ndarray, out: np.ndarray) -> None:
    """Decode one chunk.

    Parameters
    ----------
    compressor : str
        Key of `DECODERS`.
    data : np.ndarray of uint8
        The chunk as stored.
    out : np.ndarray of uint8
        Filled entirely.

    Raises
    ------
    DecodeError
        If `data` are not a chunk of exactly this length.
    """
    try:
        DECODERS[compressor](data, out)
    except (RuntimeError, ValueError, zlib.error) as error:
        text = " ".join(str(error).split())
        raise DecodeError(text or type(error).__name__) from error
