"""NetCDF-4 files behind URLs, read in parts with h5py.

h5py runs one call at a time; any thread that happens to collect garbage may have to wait for it, those that fetch
included. So a file must not wait for those while h5py reads it: what a call is known to read is fetched before it,
several parts at once, and what is left is fetched by a `QuietClient`. Nor may a file raise within h5py, which may not
survive that: it gives zeros, and the result is thrown away.
"""

from __future__ import annotations

import bisect
import io
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.hdf5 import Hdf5Array, open_hdf5
from dqwatch.sources.object_cache import BLOCK_BYTES
from dqwatch.sources.quiet_client import QuietClient
from dqwatch.sources.raw import Selection
from dqwatch.sources.remote import Remote
from dqwatch.types import StoredArray

T = TypeVar("T")
_BLOCKS_HELD = 32
"""Blocks that stay in memory."""
_NEAR = 1 << 16
"""Pieces that lie so close to each other are fetched as one."""
_LONG = 1 << 24
_AT_ONCE = 8

Span = tuple[int, int]
"""Begin and end, in bytes of the file."""
Piece = tuple[int, memoryview]
"""Begin and content."""


class PartialFile(io.RawIOBase):
    """A remote object as the file that h5py reads, to be used within `run` only.

    Parameters
    ----------
    remote : Remote
        Whose server gives parts.
    """

    def __init__(self, remote: Remote) -> None:
        self._where = str(remote)
        self._client = QuietClient(remote)
        before, within = remote.open("", whole=False), remote.open("", whole=False, read_range=self._client.read_range)
        if before is None or within is None:
            raise SourceError(f"{remote}: it is gone")
        self._before, self._within = before, within
        self._at = 0
        self._blocks: dict[int, bytes] = {}
        self._pieces = threading.local()
        self._failure: BaseException | None = None

    def __repr__(self) -> str:
        return self._where  # what h5py takes for its name

    def run(self, function: Callable[[], T], spans: Iterable[Span] = ()) -> T:
        """What a function of h5py returns.

        Parameters
        ----------
        function : callable
        spans : iterable of (int, int)
            What it is known to read.

        Raises
        ------
        SourceError
            If something cannot be fetched. What h5py knows of the file may be wrong if that happened within it: then
            the file cannot be used any more.
        """
        size = self._before.size
        self._pieces.sorted = self._fetch(_merged((a, min(b, size)) for a, b in spans if a < size))
        try:
            if self._failure is None:
                result = function()
        except Exception:
            if self._failure is None:
                raise
        finally:
            self._pieces.sorted = []
        if self._failure is not None:
            raise self._failure
        return result

    def _fetch(self, spans: list[Span]) -> list[Piece]:
        def fetch(span: Span) -> Piece:
            return span[0], self._before.fill(np.empty(span[1] - span[0], np.uint8), span[0]).data

        if len(spans) < 2:
            return list(map(fetch, spans))
        with ThreadPoolExecutor(min(_AT_ONCE, len(spans))) as pool:
            return list(pool.map(fetch, spans))

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
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._before.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as the file goes."""
        into = memoryview(buffer).cast("B")
        start, stop = self._at, max(self._at, min(self._at + len(into), self._before.size))
        while start < stop and self._failure is None:
            begin, piece = self._find(start) or self._fetch_blocks(start, stop)
            part = piece[start - begin : stop - begin]
            into[start - self._at :][: len(part)] = part
            start += len(part)
        into[start - self._at :] = bytes(len(into) - (start - self._at))
        self._at, done = stop, stop - self._at
        return done

    def _find(self, at: int) -> Piece | None:
        """Something fetched that holds a byte."""
        pieces: list[Piece] = getattr(self._pieces, "sorted", [])
        place = bisect.bisect_right(pieces, at, key=itemgetter(0)) - 1
        if place >= 0 and at < pieces[place][0] + len(pieces[place][1]):
            return pieces[place]
        block = at // BLOCK_BYTES
        content = self._blocks.get(block)
        return None if content is None else (block * BLOCK_BYTES, memoryview(content))

    def _fetch_blocks(self, start: int, stop: int) -> Piece:
        """The blocks from one byte to another, fetched by this thread; those of metadata are remembered."""
        begin, end = start - start % BLOCK_BYTES, min(stop + -stop % BLOCK_BYTES, self._before.size)
        try:
            content = self._within.fill(np.empty(end - begin, np.uint8), begin).tobytes()
        except BaseException as error:  # noqa: BLE001 (`run` raises it: h5py may not survive that here)
            self._failure = error
            return begin, memoryview(bytes(end - begin))
        if len(content) <= BLOCK_BYTES:
            self._blocks[begin // BLOCK_BYTES] = content
            if len(self._blocks) > _BLOCKS_HELD:
                del self._blocks[next(iter(self._blocks))]
        return begin, memoryview(content)

    def close(self) -> None:
        """Let go of what was fetched, and of the server."""
        if not self.closed:
            self._blocks.clear()
            self._before.close()
            self._within.close()
            self._client.close()
        super().close()


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


def open_remote_hdf5(remote: Remote) -> tuple[dict[str, RemoteHdf5Array], dict[str, Any], Callable[[], None]]:
    """As `open_hdf5`, of a file that is fetched in parts; the third is what closes it.

    Raises
    ------
    SourceError
        If the file is broken, HDF5 but not NetCDF, or cannot be fetched.
    """
    file = PartialFile(remote)
    try:
        arrays, attributes, opened = file.run(lambda: open_hdf5(str(remote), file))
    except BaseException:
        file.close()
        raise

    def close() -> None:
        opened.close()
        file.close()

    return {name: RemoteHdf5Array(array, file) for name, array in arrays.items()}, attributes, close
