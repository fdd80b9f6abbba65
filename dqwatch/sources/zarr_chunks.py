"""Chunks of Zarr arrays read straight into memory that is used again: no allocation per chunk of a local store."""

from __future__ import annotations

import math
from contextlib import closing
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.stored import Stored
from dqwatch.sources.zarr_codecs import BloscHeader, DecodeError, decode, parse_blosc
from dqwatch.sources.zarr_folders import Folder
from dqwatch.sources.zarr_layout import Layout

_ABSENT = 2**64 - 1
"""Offset and length of a chunk that a shard lacks."""


_TABLES = 16
"""Of the latest chunks."""


class _Table(NamedTuple):
    """Where the blocks of a Blosc chunk lie in it."""

    head: np.ndarray
    """uint8 (16,)."""
    header: BloscHeader
    starts: np.ndarray
    """int64 (block,), bytes from its beginning."""
    ends: np.ndarray


class ChunkReader:
    """Reads the chunks of one array whose layout is `direct`, for any number of threads.

    Parameters
    ----------
    folder : Folder
        Of the array.
    name : str
        Of the array, for messages.
    layout : Layout
    dtype : np.dtype
        Native, fixed in size.
    """

    def __init__(self, folder: Folder, name: str, layout: Layout, dtype: np.dtype) -> None:
        self._folder = folder
        self._name = name
        self._layout = layout
        self._itemsize = dtype.itemsize
        self._nbytes = math.prod(layout.chunks) * dtype.itemsize
        self._tables: dict[tuple[int, ...], _Table] = {}
        self._shard_index = lru_cache(maxsize=8)(self._read_shard_index)

    @property
    def partial(self) -> bool:
        """Whether a part of a chunk can be decoded without the rest."""
        return self._layout.compressor in (None, "blosc")

    def read(self, index: tuple[int, ...], out: np.ndarray, buffers: Buffers) -> bool:
        """Decode a whole chunk.

        Parameters
        ----------
        index : tuple of int
            Which chunk.
        out : np.ndarray
            C-contiguous, of as many bytes as a chunk.
        buffers : Buffers
            Of the caller's thread; `zarr.file` is used.

        Returns
        -------
        bool
            Whether the chunk is there; if not, `out` is left as it is.

        Raises
        ------
        SourceError
            If it cannot be read or decoded; names array and key.
        """
        target = out.reshape(-1).view(np.uint8)
        try:
            stored = self._open(index, whole=self._layout.shards is None)
            if stored is None:
                return False
            with closing(stored):
                return self._read_open(stored, index, target, buffers)
        except SourceError:
            raise
        except (OSError, DecodeError) as error:
            raise self._broken(index, error) from error

    def read_stored(self, index: tuple[int, ...], buffers: Buffers) -> np.ndarray | None:
        """A whole chunk as it is stored.

        Parameters
        ----------
        index : tuple of int
            Which chunk.
        buffers : Buffers
            Of the caller's thread; `zarr.file` is used.

        Returns
        -------
        np.ndarray or None
            uint8 (bytes,), valid until the next use of the buffers; None if the chunk is absent.

        Raises
        ------
        SourceError
            If it cannot be read; names array and key.
        """
        try:
            stored = self._open(index, whole=self._layout.shards is None)
            if stored is None:
                return None
            with closing(stored):
                place = self._place(stored, index)
                return None if place is None else self._read_bytes(stored, *place, buffers)
        except SourceError:
            raise
        except (OSError, DecodeError) as error:
            raise self._broken(index, error) from error

    def read_part(self, index: tuple[int, ...], start: int, stop: int, buffers: Buffers) -> np.ndarray | None:
        """Some values of a chunk, no more of it decoded than needed; only where `partial` is true.

        Parameters
        ----------
        index : tuple of int
            Which chunk.
        start, stop : int
            Positions in the flattened chunk.
        buffers : Buffers
            Of the caller's thread; `zarr.file` and `zarr.part` are used.

        Returns
        -------
        np.ndarray or None
            uint8 ((stop - start) x itemsize,), valid until the next use of the buffers; None if the chunk is absent.

        Raises
        ------
        SourceError
            If it cannot be read or decoded; names array and key.
        """
        low, high = start * self._itemsize, stop * self._itemsize
        try:
            stored = self._open(index, whole=False)
            if stored is None:
                return None
            with closing(stored):
                place = self._place(stored, index)
                if place is None:
                    return None
                if self._layout.compressor is None:
                    self._check_plain(place[1])
                    return stored.fill(buffers.take("zarr.part", high - low, np.uint8), place[0] + low)
                return self._read_blosc_part(stored, place, self._table(stored, place, index), low, high, buffers)
        except SourceError:
            raise
        except (OSError, DecodeError) as error:
            raise self._broken(index, error) from error

    def inner_sizes(self, index: tuple[int, ...]) -> np.ndarray:
        """Bytes of the chunks that a shard holds, int64 as their grid in it; -1 where one is absent.

        Raises
        ------
        SourceError
            If the index of the shard cannot be read.
        """
        layout = self._layout
        counts = [s // c for s, c in zip(layout.objects, layout.chunks, strict=True)]
        try:
            table = self._shard_index(index)
        except SourceError:
            raise
        except (OSError, DecodeError) as error:
            first = tuple(i * n for i, n in zip(index, counts, strict=True))
            raise self._broken(first, error) from error
        absent = (table == np.uint64(_ABSENT)).all(axis=1)
        return np.where(absent, -1, table[:, 1].astype(np.int64)).reshape(counts)

    def _broken(self, index: tuple[int, ...], error: Exception) -> SourceError:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        inner = f", inner chunk {index}" if self._layout.shards else ""
        key = self._layout.key(self._object(index))
        return SourceError(f"{self._folder}: array '{self._name}', chunk {key}{inner}: {what}")

    def _object(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Index of the chunk object that holds a chunk."""
        if self._layout.shards is None:
            return index
        return tuple(i * c // s for i, c, s in zip(index, self._layout.chunks, self._layout.shards, strict=True))

    def _open(self, index: tuple[int, ...], *, whole: bool) -> Stored | None:
        return self._folder.open(self._layout.key(self._object(index)), whole=whole)

    def _check_plain(self, size: int) -> None:
        if size != self._nbytes:
            raise DecodeError(f"has {size} bytes, {self._nbytes} are expected")

    def _read_open(self, stored: Stored, index: tuple[int, ...], target: np.ndarray, buffers: Buffers) -> bool:
        place = self._place(stored, index)
        if place is None:
            return False
        offset, size = place
        if self._layout.compressor is None:
            self._check_plain(size)
            stored.fill(target, offset)
        else:
            decode(self._layout.compressor, self._read_bytes(stored, offset, size, buffers), target)
        return True

    def _read_bytes(self, stored: Stored, offset: int, size: int, buffers: Buffers) -> np.ndarray:
        # No codec makes a chunk longer than this: a longer file is something else, and may be of any size. Always taken
        # whole, so that the buffer never grows; what is not filled takes no memory.
        room = self._nbytes + self._nbytes // 32 + 65536
        if size > room:
            raise DecodeError(f"has {size} bytes, far more than the {self._nbytes} of the decoded chunk")
        return stored.fill(buffers.take("zarr.file", room, np.uint8)[:size], offset)

    def _place(self, stored: Stored, index: tuple[int, ...]) -> tuple[int, int] | None:
        """Where a chunk begins in its object and how long it is; None if a shard lacks it."""
        if self._layout.shards is None:
            return 0, stored.size
        table = self._shard_index(self._object(index))
        counts = [s // c for s, c in zip(self._layout.shards, self._layout.chunks, strict=True)]
        flat = 0
        for i, n in zip(index, counts, strict=True):
            flat = flat * n + i % n
        offset, length = (int(n) for n in table[flat])
        if offset == _ABSENT and length == _ABSENT:
            return None
        if offset + length > stored.size:
            raise DecodeError(f"cut short: {stored.size} bytes, a chunk ends at {offset + length}")
        return offset, length

    def _read_shard_index(self, index: tuple[int, ...]) -> np.ndarray:
        """Offsets and lengths of the chunks of a shard, uint64 (chunk, 2)."""
        import google_crc32c  # comes with every zarr that reads shards

        layout = self._layout
        count = math.prod(s // c for s, c in zip(layout.objects, layout.chunks, strict=True))
        length = 16 * count + 4
        stored = self._folder.open(layout.key(index), whole=False)
        if stored is None:
            raise DecodeError("it is gone")
        with closing(stored):
            if stored.size < length:
                raise DecodeError(f"cut short: {stored.size} bytes, the index of a shard has {length}")
            place = 0 if layout.index_at_start else stored.size - length
            raw = stored.fill(np.empty(length, np.uint8), place).tobytes()
        if google_crc32c.value(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            raise DecodeError("the checksum of the shard's index does not fit")
        return np.frombuffer(raw[:-4], "<u8").reshape(count, 2)

    def _table(self, stored: Stored, place: tuple[int, int], index: tuple[int, ...]) -> _Table:
        """Where the blocks of a Blosc chunk lie; of the latest chunks it is kept, for they are read part by part."""
        key = (*index, *place)
        found = self._tables.get(key)
        if found is None:
            found = self._tables[key] = self._read_table(stored, place)
            for old in list(self._tables)[:-_TABLES]:
                self._tables.pop(old, None)  # another thread may have done so
        return found

    def _read_table(self, stored: Stored, place: tuple[int, int]) -> _Table:
        offset, size = place
        head = stored.fill(np.empty(min(16, size), np.uint8), offset)
        header = parse_blosc(head, size, self._nbytes)
        none = np.empty(0, np.int64)
        if header.stored:
            return _Table(head, header, none, none)
        starts = stored.fill(np.empty(4 * header.blocks, np.uint8), offset + 16).view("<u4").astype(np.int64)
        if starts.min() < 16 + starts.size * 4 or starts.max() >= header.cbytes:
            raise DecodeError("contradictory table of Blosc blocks")
        # Threads that compress write their blocks in any order: a block ends where the next one in the file begins.
        following = np.append(np.sort(starts), header.cbytes)
        return _Table(head, header, starts, following[np.searchsorted(following, starts, side="right")])

    def _read_blosc_part(
        self, stored: Stored, place: tuple[int, int], table: _Table, low: int, high: int, buffers: Buffers
    ) -> np.ndarray:
        """The bytes `low` to `high`, from a small Blosc chunk made of the blocks that hold them."""
        offset, (head, header, starts, ends) = place[0], table
        if header.stored:
            return stored.fill(buffers.take("zarr.part", high - low, np.uint8), offset + 16 + low)
        # The last block may be shorter, and Blosc takes no chunk that is shorter than its blocks.
        first = min(low // header.blocksize, max(0, header.blocks - 2))
        last = -(-high // header.blocksize)
        begin, end = int(starts[first:last].min()), int(ends[first:last].max())
        room = 16 + 4 * (last - first)
        nbytes = min(last * header.blocksize, header.nbytes) - first * header.blocksize
        piece = buffers.take("zarr.file", room + end - begin, np.uint8)
        piece[:4] = head[:4]
        piece[4:16].view("<u4")[:] = nbytes, header.blocksize, piece.size
        piece[16:room].view("<i4")[:] = starts[first:last] - begin + room
        stored.fill(piece[room:], offset + begin)
        part = buffers.take("zarr.part", nbytes, np.uint8)
        decode("blosc", piece, part)
        return part[low - first * header.blocksize : high - first * header.blocksize]
