"""Remote objects of which only parts are wanted: fetched by ranges of bytes, or block by block into a cache."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.sources.object_cache import BLOCK_BYTES, ObjectCache
from dqwatch.sources.zarr_codecs import DecodeError

if TYPE_CHECKING:
    from dqwatch.sources.remote import Info, Remote
    from dqwatch.sources.stored import Stored

_BLOCKS_HELD = 32
"""Blocks of a file that stay in memory."""


class Parts:
    """A remote object as `Stored`: each part is a request, but for the first bytes, which are fetched once."""

    def __init__(self, remote: Remote, key: str, info: Info) -> None:
        self._remote, self._key, self._info = remote, key, info
        self.size = info.size or 0

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """See `Stored.fill`."""
        stop = _checked(offset + into.size, self.size)
        if stop <= self._remote.HEAD_BYTES:
            head = self._remote.head(self._key) or b""
            into[:] = np.frombuffer(head, np.uint8, into.size, offset)
        else:
            into[:] = np.frombuffer(self._remote.read_range(self._key, self._info, offset, stop), np.uint8)
        return into

    def close(self) -> None:
        """Nothing is held open."""


class Blocks:
    """A remote object as `Stored`, of which the blocks that were looked at are kept."""

    def __init__(self, remote: Remote, key: str, info: Info, kept: ObjectCache) -> None:
        self._remote, self._key, self._info, self._kept = remote, key, info, kept
        self._name = remote.name(key)
        self.size = info.size or 0

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """See `Stored.fill`."""
        stop = _checked(offset + into.size, self.size)
        block, last = offset // BLOCK_BYTES, -(-stop // BLOCK_BYTES)
        while block < last:
            if self._from_cache(block, into, offset):
                block += 1
                continue
            end = block + 1
            while end < last and not self._is_kept(end):
                end += 1
            self._fetch(block, end, into, offset)
            block = end
        return into

    def _length(self, block: int) -> int:
        return min(BLOCK_BYTES, self.size - block * BLOCK_BYTES)

    def _is_kept(self, block: int) -> bool:
        descriptor = self._kept.open(self._name, self._info.version, self._length(block), block)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None

    def _from_cache(self, block: int, into: np.ndarray, offset: int) -> bool:
        """Copy what is wanted of a block; whether it is there."""
        descriptor = self._kept.open(self._name, self._info.version, self._length(block), block)
        if descriptor is None:
            return False
        with open(descriptor, "rb") as file:
            _copy(file.read(), block * BLOCK_BYTES, into, offset)
        return True

    def _fetch(self, block: int, end: int, into: np.ndarray, offset: int) -> None:
        """Fetch blocks with one request, keep them, and copy what is wanted of them."""
        begin = block * BLOCK_BYTES
        content = self._remote.read_range(self._key, self._info, begin, min(end * BLOCK_BYTES, self.size))
        for number in range(block, end):
            piece = memoryview(content)[number * BLOCK_BYTES - begin :][:BLOCK_BYTES]
            self._kept.keep(self._name, self._info.version, piece, number)
        _copy(content, begin, into, offset)

    def close(self) -> None:
        """Nothing is held open."""


def _checked(stop: int, size: int) -> int:
    if stop > size:
        raise DecodeError(f"cut short: {size} bytes")
    return stop


def _copy(content: bytes, begin: int, into: np.ndarray, offset: int) -> None:
    """What lies both in `content`, from `begin` on, and in `into`, from `offset` on."""
    first, stop = max(begin, offset), min(begin + len(content), offset + into.size)
    into[first - offset : stop - offset] = np.frombuffer(content, np.uint8, stop - first, first - begin)


class SeekableFile(io.RawIOBase):
    """A stored object as a file to seek in, for one thread at a time; the blocks read last stay in memory."""

    def __init__(self, stored: Stored, where: str) -> None:
        self._stored = stored
        self._where = where
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def __repr__(self) -> str:
        return self._where  # what h5py takes for the name of the file

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to another position."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._stored.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the file goes."""
        into = np.frombuffer(buffer, np.uint8)
        stop = min(self._at + into.size, self._stored.size)
        into = into[: max(0, stop - self._at)]
        block, last = self._at // BLOCK_BYTES, -(-stop // BLOCK_BYTES)
        while block < last:
            end = block + 1
            if block not in self._blocks:
                while end < last and end not in self._blocks:
                    end += 1
                self._fetch(block, end, into)
            else:
                self._blocks.move_to_end(block)
                _copy(self._blocks[block], block * BLOCK_BYTES, into, self._at)
            block = end
        self._at += into.size
        return into.size

    def _fetch(self, block: int, end: int, into: np.ndarray) -> None:
        begin, stop = block * BLOCK_BYTES, min(end * BLOCK_BYTES, self._stored.size)
        if end - block > _BLOCKS_HELD:
            begin, stop = max(begin, self._at), min(stop, self._at + into.size)
            self._stored.fill(into[begin - self._at : stop - self._at], begin)
            return
        content = self._stored.fill(np.empty(stop - begin, np.uint8), begin).tobytes()
        _copy(content, begin, into, self._at)
        for number in range(block, end):
            self._blocks[number] = content[number * BLOCK_BYTES - begin :][:BLOCK_BYTES]
        while len(self._blocks) > _BLOCKS_HELD:
            self._blocks.popitem(last=False)

    def close(self) -> None:
        """Let go of what was read."""
        if not self.closed:
            self._blocks.clear()
            self._stored.close()
        super().close()
