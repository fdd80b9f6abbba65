"""Remote objects of which only parts are wanted: fetched by ranges of bytes, or block by block into a cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dqwatch.sources.object_cache import BLOCK_BYTES, ObjectCache
from dqwatch.sources.zarr_codecs import DecodeError

if TYPE_CHECKING:
    from dqwatch.sources.remote import Remote


class Info(NamedTuple):
    """What a server says of an object."""

    size: int | None
    """Bytes; None where it does not say."""
    version: str
    """Changes with the content; '' where nothing is said that does."""


ReadRange = Callable[[str, Info, int, int], bytes]
"""Key, info, begin and end -> bytes."""


class Parts:
    """A remote object as `Stored`: each part is a request, but for the first bytes, which are fetched once."""

    def __init__(self, remote: Remote, key: str, info: Info, read_range: ReadRange) -> None:
        self._remote, self._key, self._info, self._read_range = remote, key, info, read_range
        self.size = info.size or 0

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """See `Stored.fill`."""
        stop = _checked(offset + into.size, self.size)
        if stop <= self._remote.HEAD_BYTES:
            head = self._remote.head(self._key) or b""
            into[:] = np.frombuffer(head, np.uint8, into.size, offset)
        else:
            into[:] = np.frombuffer(self._read_range(self._key, self._info, offset, stop), np.uint8)
        return into

    def close(self) -> None:
        """Nothing is held open."""


class Blocks:
    """A remote object as `Stored`, of which the blocks that were looked at are kept."""

    def __init__(self, name: str, key: str, info: Info, read_range: ReadRange, kept: ObjectCache) -> None:
        self._name, self._key, self._info, self._read_range, self._kept = name, key, info, read_range, kept
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
        content = self._read_range(self._key, self._info, begin, min(end * BLOCK_BYTES, self.size))
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
