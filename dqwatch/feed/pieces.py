"""A compressed chunk cut into the pieces that its codec compressed one by one, without decoding any."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.sources.zarr_codecs import BloscHeader, DecodeError, parse_blosc

_SHUFFLE, _BITSHUFFLE, _ONE_STREAM = 1, 4, 16
"""Flags of a Blosc chunk."""
_BLOSC = {1: "LZ4", 3: "zlib", 4: "Zstd"}
"""What Blosc calls its codecs (LZ4HC writes what LZ4 does) -> what its pieces are."""
_MOST_STREAMS, _LEAST_STREAM = 16, 128
"""Blosc 1 compresses the bytes of a value apart where values are no wider, and the streams of a block no shorter."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT, _GZIP_CHECKSUM = 4, 8, 16, 2


class Pieces(NamedTuple):
    """Where the pieces of a chunk lie, in the order of what they decode to, and what is to be made of that.

    A chunk is blocks of `streams` pieces each, all of the same length; the last block may be shorter and is one piece.
    """

    algorithm: str
    """'LZ4', 'Zstd' or 'Deflate', each without any header but its own; '' where nothing is compressed."""
    offsets: np.ndarray
    """int64 (piece,), bytes from the beginning of the chunk."""
    sizes: np.ndarray
    """int64 (piece,), bytes."""
    plain: np.ndarray
    """bool (piece,), not compressed."""
    blocks: int
    """Whole ones."""
    streams: int
    length: int
    """Bytes of a decoded piece of a whole block."""
    rest: int
    """Bytes of the last block if it is shorter; 0 if there is none."""
    shuffle: str
    """'', 'bytes' or 'bits': how the values of each block were rearranged before they were compressed."""
    itemsize: int

    @property
    def lengths(self) -> np.ndarray:
        """Bytes of each decoded piece, int64 (piece,)."""
        lengths = np.full(self.offsets.size, self.length, np.int64)
        if self.rest:
            lengths[-1] = self.rest
        return lengths


def cut(compressor: str | None, data: np.ndarray, nbytes: int) -> Pieces:
    """The pieces of one chunk.

    Parameters
    ----------
    compressor : str or None
        'blosc', 'zstd', 'gzip', 'zlib', 'lz4'; None for values as they are.
    data : np.ndarray of uint8
        The chunk as stored.
    nbytes : int
        Bytes that it decodes to.

    Raises
    ------
    DecodeError
        If it is no chunk of that codec and length, or one of a kind that cannot be cut: Blosc with blosclz or snappy,
        gzip of several members, Zstandard without the length of its content.
    """
    if compressor == "blosc":
        return _cut_blosc(data, nbytes)
    if compressor is None:
        if data.size != nbytes:
            raise DecodeError(f"has {data.size} bytes, {nbytes} are expected")
        return _one("", 0, nbytes, nbytes)
    begin, end, algorithm = _BARE[compressor](data, nbytes)
    if end <= begin:
        raise DecodeError(f"cut short: {data.size} bytes")
    return _one(algorithm, begin, end - begin, nbytes)


def _one(algorithm: str, offset: int, size: int, nbytes: int) -> Pieces:
    """A chunk that is one piece."""
    where, extent = np.array([offset], np.int64), np.array([size], np.int64)
    return Pieces(algorithm, where, extent, np.array([not algorithm]), 1, 1, nbytes, 0, "", 1)


def _cut_blosc(data: np.ndarray, nbytes: int) -> Pieces:
    """Those of Blosc 1: a table of blocks, each of them streams with their length in front."""
    header = parse_blosc(data, data.size, nbytes)
    if header.stored:
        return _one("", 16, nbytes, nbytes)
    found = _BLOSC.get(header.flags >> 5)
    if found is None:
        raise DecodeError("Blosc with another codec than lz4, lz4hc, zstd and zlib")
    blocks, rest = divmod(nbytes, header.blocksize)
    streams = _streams(header)
    length, odd = divmod(header.blocksize, streams)
    if odd:
        raise DecodeError("contradictory Blosc header")
    starts = data[16 : 16 + 4 * header.blocks].view("<i4").astype(np.int64).tolist()
    places = [
        place
        for block, start in enumerate(starts)
        for place in _streams_at(data[: header.cbytes], start, streams if block < blocks else 1)
    ]
    offsets, sizes = np.array(places, np.int64).T
    lengths = np.full(len(places), length, np.int64)
    if rest:
        lengths[-1] = rest
    plain = sizes == lengths
    if (sizes > lengths).any():
        raise DecodeError("contradictory lengths of Blosc streams")
    if found == "zlib":
        for i in np.flatnonzero(~plain):
            begin, end, _ = _bare_zlib(data[offsets[i] : offsets[i] + sizes[i]], 0)
            offsets[i], sizes[i] = offsets[i] + begin, end - begin
        found = "Deflate"
    shuffle = "bytes" if header.flags & _SHUFFLE else "bits" if header.flags & _BITSHUFFLE else ""
    if shuffle == "bytes" and header.typesize == 1:
        shuffle = ""
    return Pieces(found, offsets, sizes, plain, blocks, streams, length, rest, shuffle, header.typesize)


def _streams(header: BloscHeader) -> int:
    """Pieces of a whole block."""
    wide = header.typesize > _MOST_STREAMS or header.blocksize // header.typesize < _LEAST_STREAM
    return 1 if wide or header.flags & _ONE_STREAM else header.typesize


def _streams_at(data: np.ndarray, start: int, streams: int) -> list[tuple[int, int]]:
    """Offset and size of the streams of a block that begins at `start`."""
    found = []
    for _ in range(streams):
        if not 16 <= start <= data.size - 4:
            raise DecodeError("contradictory table of Blosc blocks")
        size = int.from_bytes(data[start : start + 4].tobytes(), "little")
        if not 0 < size <= data.size - start - 4:
            raise DecodeError("contradictory lengths of Blosc streams")
        found.append((start + 4, size))
        start += 4 + size
    return found


def _bare_lz4(data: np.ndarray, nbytes: int) -> tuple[int, int, str]:
    """As numcodecs writes it, with the length in front."""
    length = int.from_bytes(data[:4].tobytes(), "little")
    if data.size >= 4 and length != nbytes:
        raise DecodeError(f"decodes to {length} bytes, {nbytes} are expected")
    return 4, data.size, "LZ4"


def _bare_zstd(data: np.ndarray, nbytes: int) -> tuple[int, int, str]:
    """A frame, taken whole, if it says how long its content is (RFC 8878, 3.1.1.1)."""
    if data.size < 6 or data[:4].tobytes() != _ZSTD_MAGIC:
        raise DecodeError("no Zstandard frame")
    if not data[4] & 0xE0:
        raise DecodeError("a Zstandard frame that does not say how long its content is")
    return 0, data.size, "Zstd"


def _bare_zlib(data: np.ndarray, nbytes: int) -> tuple[int, int, str]:
    """Without its header and checksum (RFC 1950)."""
    if data.size < 7 or data[0] & 0x0F != 8 or (int(data[0]) << 8 | int(data[1])) % 31 or data[1] & 0x20:
        raise DecodeError("no zlib stream")
    return 2, data.size - 4, "Deflate"


def _bare_gzip(data: np.ndarray, nbytes: int) -> tuple[int, int, str]:
    """Of one member, without its header and checksum (RFC 1952)."""
    if data.size < 19 or data[:3].tobytes() != b"\x1f\x8b\x08":
        raise DecodeError("no gzip stream")
    if int.from_bytes(data[-4:].tobytes(), "little") != nbytes & 0xFFFFFFFF:
        raise DecodeError("a gzip stream of another length, or of several members")
    flags, begin = int(data[3]), 10
    if flags & _GZIP_EXTRA:
        begin += 2 + int.from_bytes(data[10:12].tobytes(), "little")
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        if flags & flag:
            begin = data.tobytes().find(b"\0", begin) + 1 or data.size
    return begin + (2 if flags & _GZIP_CHECKSUM else 0), data.size - 8, "Deflate"


_BARE = {"lz4": _bare_lz4, "zstd": _bare_zstd, "zlib": _bare_zlib, "gzip": _bare_gzip}
"""Where the bare stream of a codec begins and ends in a chunk, and what nvCOMP calls it."""
