"""NetCDF-4 files behind URLs, read in parts with h5py, which never waits for the network.

h5py runs one call at a time, and any thread that happens to collect garbage may have to wait for it, the one that
fetches included: a file that fetched while h5py reads it could wait for ever. So what is not there yet makes the call
fail; it is fetched, several parts at once, and the call is made again.
"""

from __future__ import annotations

import bisect
import io
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.hdf5 import Hdf5Array, open_hdf5
from dqwatch.sources.object_cache import BLOCK_BYTES
from dqwatch.sources.raw import Selection
from dqwatch.sources.stored import Stored
from dqwatch.types import StoredArray

T = TypeVar("T")
_BLOCKS_HELD = 32
"""Blocks of metadata that stay in memory."""
_NEAR = 1 << 16
"""Pieces that lie so close to each other are fetched as one."""
_LONG = 1 << 24
_AT_ONCE = 8

Span = tuple[int, int]
"""Begin and end, in bytes of the file."""


class _AbsentError(BaseException):
    """What h5py reads has not been fetched yet; no error, and not to be caught as one."""

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self.span = span


class _Fetched:
    """What was fetched for one call: pieces that are known beforehand, and others as they turned out to be needed."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[memoryview] = []
        self.others: dict[int, memoryview] = {}

    def put(self, pieces: Mapping[int, memoryview]) -> None:
        """Pieces by their begin, which must not overlap."""
        self._starts = sorted(pieces)
        self._pieces = [pieces[start] for start in self._starts]

    def find(self, at: int) -> tuple[int, memoryview] | None:
        """A piece that holds a byte, and where it begins."""
        place = bisect.bisect_right(self._starts, at) - 1
        if place >= 0 and at < self._starts[place] + len(self._pieces[place]):
            return self._starts[place], self._pieces[place]
        for begin, piece in self.others.items():
            if begin <= at < begin + len(piece):
                return begin, piece
        return None


class PartialFile(io.RawIOBase):
    """A stored object as the file that h5py reads, to be used within `run` only.

    Parameters
    ----------
    stored : Stored
    where : str
        What h5py is to take for its name.
    """

    def __init__(self, stored: Stored, where: str) -> None:
        self._stored = stored
        self._where = where
        self._at = 0
        self._blocks: dict[int, memoryview] = {}
        self._lock = threading.Lock()
        self._own = threading.local()

    def __repr__(self) -> str:
        return self._where

    def run(self, function: Callable[[], T], spans: Iterable[Span] = ()) -> T:
        """What a function of h5py returns, called again and again until all is there that it reads.

        Parameters
        ----------
        function : callable
        spans : iterable of (int, int)
            What it is known to read.
        """
        fetched = _Fetched()
        before = getattr(self._own, "fetched", None)
        self._own.fetched = fetched
        try:
            size = self._stored.size
            fetched.put(self._fetch(_merged((a, min(b, size)) for a, b in spans if a < size)))
            while True:
                try:
                    return function()
                except _AbsentError as absent:
                    fetched.others |= self._fetch([_whole_blocks(absent.span, size)])
        finally:
            self._own.fetched = before
            self._remember(fetched.others)

    def _fetch(self, spans: list[Span]) -> dict[int, memoryview]:
        def fetch(span: Span) -> tuple[int, memoryview]:
            return span[0], self._stored.fill(np.empty(span[1] - span[0], np.uint8), span[0]).data

        if len(spans) < 2:
            return dict(map(fetch, spans))
        with ThreadPoolExecutor(min(_AT_ONCE, len(spans))) as pool:
            return dict(pool.map(fetch, spans))

    def _remember(self, pieces: Mapping[int, memoryview]) -> None:
        """Keep blocks for the calls of any thread to come; long pieces are values, which are asked for once only."""
        with self._lock:
            for start, piece in pieces.items():
                if len(piece) <= BLOCK_BYTES:
                    self._blocks[start // BLOCK_BYTES] = piece
            while len(self._blocks) > _BLOCKS_HELD:
                del self._blocks[next(iter(self._blocks))]

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
        """Fill `buffer` as far as the file goes, out of what was fetched; nothing in here may wait for a lock."""
        into = memoryview(buffer).cast("B")
        start, stop = self._at, max(self._at, min(self._at + len(into), self._stored.size))
        while start < stop:
            begin, content = self._find(start, stop)
            part = content[start - begin : stop - begin]
            into[start - self._at :][: len(part)] = part
            start += len(part)
        self._at, done = stop, stop - self._at
        return done

    def _find(self, start: int, stop: int) -> tuple[int, memoryview]:
        """Something fetched that holds the byte `start`, and where it begins."""
        found = self._own.fetched.find(start)
        if found is not None:
            return found
        block = start // BLOCK_BYTES
        content = self._blocks.get(block)
        if content is None:
            raise _AbsentError((start, stop))
        return block * BLOCK_BYTES, content

    def close(self) -> None:
        """Let go of what was fetched."""
        if not self.closed:
            self._blocks.clear()
            self._stored.close()
        super().close()


def _whole_blocks(span: Span, size: int) -> Span:
    start, stop = span
    return start - start % BLOCK_BYTES, min(stop + -stop % BLOCK_BYTES, size)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or nearly touch as one, but for long ones; none overlap."""
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start < merged[-1][1]:
            start = merged[-1][1]
            if stop <= start:
                continue
        if merged and start - merged[-1][1] <= _NEAR and stop - merged[-1][0] <= _LONG:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


class RemoteHdf5Array:
    """A variable of a remote NetCDF-4 file as `RawArray`."""

    def __init__(self, array: Hdf5Array, file: PartialFile) -> None:
        self._array = array
        self._file = file
        self.name, self.dims, self.shape, self.attrs = array.name, array.dims, array.shape, array.attrs
        self.dtype, self.chunks, self.fill_value = array.dtype, array.chunks, array.fill_value

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        places = self._file.run(lambda: self._array.places(selection))
        return self._file.run(lambda: self._array.read(selection, out, buffers), places)

    def describe(self) -> StoredArray:
        """The array as it lies in storage."""
        return self._file.run(self._array.describe)


def open_remote_hdf5(
    stored: Stored, where: str
) -> tuple[dict[str, RemoteHdf5Array], dict[str, Any], Callable[[], None]]:
    """As `open_hdf5`, of an object that is fetched in parts; the third is what closes it.

    Raises
    ------
    SourceError
        If the file is broken, HDF5 but not NetCDF, or cannot be fetched.
    """
    file = PartialFile(stored, where)
    try:
        arrays, attributes, opened = file.run(lambda: open_hdf5(where, file))
    except BaseException:
        file.close()
        raise

    def close() -> None:
        file.run(opened.close)
        file.close()

    return {name: RemoteHdf5Array(array, file) for name, array in arrays.items()}, attributes, close
