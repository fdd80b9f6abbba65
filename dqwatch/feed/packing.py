"""Dates of a source put into host buffers as they are stored, for a device to decode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from dqwatch.errors import SourceError, UsageError
from dqwatch.feed.pieces import Pieces, cut
from dqwatch.feed.workers import Worker
from dqwatch.sources.zarr_codecs import DecodeError
from dqwatch.storage import ChunkKind, GivesChunks, StoredChunk
from dqwatch.types import Source

ALIGNMENT = 16
"""Bytes; what nvCOMP asks of any piece, compressed or not, at most."""
_DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8")
"""That tensors have, in the order of bytes of this machine."""


class PackedChunk(NamedTuple):
    """A chunk in a host buffer, and where its fields belong."""

    pieces: Pieces | None
    """With offsets from the beginning of the date's buffer, multiples of `ALIGNMENT`; None: the chunk is absent."""
    time: int
    """Wanted, counted within the chunk."""
    rows: np.ndarray
    """int64, variables within the chunk."""
    places: np.ndarray
    """int64, of the same in a batch."""
    members: slice
    inside: slice | np.ndarray
    """Cells within the chunk."""
    cells: slice | np.ndarray
    """The same in a batch."""
    where: str


class PackedDate(NamedTuple):
    """What a worker has put into a buffer."""

    chunks: tuple[PackedChunk, ...]
    nbytes: int
    """Used of the buffer."""


class Packer:
    """Puts the chunks of a date into a buffer; may be used by several threads at once.

    Parameters
    ----------
    source : Source
    variables : sequence of int
        Indices into `source.variables`, in the order of a batch.
    points : np.ndarray or None
        int64, the cells that are wanted; None for all.

    Raises
    ------
    UsageError
        If the source cannot give its chunks as they are stored.
    """

    def __init__(self, source: Source, variables: Sequence[int], points: np.ndarray | None) -> None:
        kind = source.chunk_kind() if isinstance(source, GivesChunks) else f"it is of kind '{source.kind}'"
        if isinstance(kind, ChunkKind) and str(kind.dtype) not in _DTYPES:
            kind = f"its values are {kind.dtype}, a device takes {', '.join(_DTYPES)}"
        if isinstance(kind, str):
            raise UsageError(
                f"decoder: {source.name}: {kind}; only chunks of anemoi's Zarr stores, with Blosc (lz4, lz4hc, zstd, "
                "zlib), zstd, lz4, zlib, gzip or none, are decoded on a device; decoder='host' reads anything"
            )
        self.kind = kind
        self._source = cast(GivesChunks, source)
        self._variables, self._points = tuple(variables), points
        self._place = {v: k for k, v in enumerate(self._variables)}
        self.room = self._room(source)
        """Bytes of a date's buffer."""

    @property
    def chunk_bytes(self) -> int:
        """Of a decoded chunk."""
        return math.prod(self.kind.shape) * self.kind.dtype.itemsize

    def _room(self, source: Source) -> int:
        """For pieces none of which is longer than what it decodes to, each of them aligned; and a header's worth."""
        first = source.variables[self._variables[0]]
        n_cells = source.grids[first.grid].n_cells
        _, rows, members, cells = self.kind.shape
        chunks = -(-first.members // members) * -(-n_cells // cells)
        chunks *= min(len(self._variables), -(-len(source.variables) // rows) if rows > 1 else len(self._variables))
        return chunks * (-(-(self.chunk_bytes * 9 // 8) // 64) * 64 + (1 << 16))

    def pack(self, time: int, buffer: np.ndarray, worker: Worker) -> PackedDate:
        """Put the chunks of one date into a buffer.

        Parameters
        ----------
        time : int
            Position on the time axis.
        buffer : np.ndarray uint8 (room,)
        worker : Worker

        Raises
        ------
        SourceError
            If a chunk cannot be read, or is not what its codec writes; names array and key.
        """
        found, used = [], 0
        for chunk in self._source.read_chunks(time, self._variables, worker.buffers):
            worker.checkpoint()
            pieces = None
            if chunk.data is not None:
                try:
                    pieces, used = self._put(chunk.data, buffer, used)
                except DecodeError as error:
                    raise SourceError(f"{chunk.where}: {error}") from error
            found.append(self._placed(chunk, pieces))
        return PackedDate(tuple(found), used)

    def _put(self, data: np.ndarray, buffer: np.ndarray, used: int) -> tuple[Pieces, int]:
        """Copy the pieces of a chunk behind what a buffer holds; the buffer's new fill."""
        pieces = cut(self.kind.compressor, data, self.chunk_bytes)
        aligned = -(-pieces.sizes // ALIGNMENT) * ALIGNMENT
        ends = used + np.cumsum(aligned)
        if ends[-1] > buffer.size:
            raise DecodeError(f"its pieces take {ends[-1]} bytes, there is room for {buffer.size}")
        starts = ends - aligned
        for target, origin, size in zip(starts.tolist(), pieces.offsets.tolist(), pieces.sizes.tolist(), strict=True):
            buffer[target : target + size] = data[origin : origin + size]
        return pieces._replace(offsets=starts), int(ends[-1])

    def _placed(self, chunk: StoredChunk, pieces: Pieces | None) -> PackedChunk:
        """A chunk, with where its fields belong."""
        rows = [(row, self._place[v]) for row, v in enumerate(chunk.variables) if v in self._place]
        inside: slice | np.ndarray = slice(0, len(chunk.cells))
        cells: slice | np.ndarray = slice(chunk.cells.start, chunk.cells.stop)
        if self._points is not None:
            cells = np.flatnonzero((self._points >= chunk.cells.start) & (self._points < chunk.cells.stop))
            inside = self._points[cells] - chunk.cells.start
        taken, places = np.array(rows, np.int64).reshape(-1, 2).T
        members = slice(chunk.members.start, chunk.members.stop)
        return PackedChunk(pieces, chunk.time, taken, places, members, inside, cells, chunk.where)
