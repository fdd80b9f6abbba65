"""What lies in storage: arrays with their chunks, chunks as they are stored, and statistics that a store carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from dqwatch.buffers import Buffers


class Chunks(Protocol):
    """The chunks of a stored array, as far as they are there."""

    def sizes(self) -> np.ndarray | None:
        """Bytes of each chunk, int64 with a dimension for each of the array; -1 where it is absent.

        Chunks in shards are told one by one. None where they are too many; may read from the store.
        """

    def key(self, index: tuple[int, ...]) -> str:
        """What a chunk is called, relative to the array."""


@dataclass(frozen=True)
class StoredArray:
    """One array as it lies in storage."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...] | None = None
    shards: tuple[int, ...] | None = None
    codec: str = "none"
    fill_value: str | None = None
    stored_bytes: int | None = None
    objects: int | None = None
    """Chunk objects (files, keys) present; None where chunks are not objects of their own."""
    expected_objects: int | None = None
    calendar: str | None = None
    length_ok: bool | None = None
    """Whether its time dimension is as long as the time axis; None where it has no such dimension."""
    held: Chunks | None = field(default=None, compare=False, repr=False)
    """Which chunks there are; None where they cannot be listed, or are no objects."""


class StoredStatistics(NamedTuple):
    """Statistics of one variable as its store has them; NaN where the store lacks one."""

    mean: float
    stdev: float
    minimum: float
    maximum: float
    window: tuple[int, int] | None
    """First and last second (as in `TimeAxis.seconds`) of the dates that they are of; None where nothing says so."""
    n_times: int
    """Dates of the whole store in the window, without those declared missing."""
    constant: bool | None
    """Whether the store declares the variable constant in time; None where it declares none to be."""
    counted: float = nan
    """Values that are not NaN."""
    sums: float = nan
    has_nans: bool | None = None
    tendencies: Mapping[int, tuple[float, float]] = MappingProxyType({})
    """Seconds between two dates -> mean and standard deviation of the change."""
    effective: bool = False
    """Whether they are what a specification of several stores, or of a part of one, hands out: then they are held
    against all its dates, though they may have been made of others."""


@runtime_checkable
class CarriesStatistics(Protocol):
    """A source whose store has statistics of its own."""

    def stored_statistics(self) -> Sequence[StoredStatistics | None]:
        """Those of each variable, in order; None for one without. Reads them from the store."""


class ChunkKind(NamedTuple):
    """How the fields of a source lie in chunks."""

    shape: tuple[int, int, int, int]
    """Of a chunk: (time, variable, member, cell)."""
    dtype: np.dtype
    compressor: str | None
    """'blosc', 'zstd', 'gzip', 'zlib' or 'lz4'; None where values lie as they are."""
    fill_value: float
    """What an absent chunk reads as."""
    codec: str
    """For people."""


class StoredChunk(NamedTuple):
    """A chunk of fields, not decoded."""

    data: np.ndarray | None
    """uint8 (bytes,), valid until the next one is asked for; None where it is absent."""
    time: int
    """The time that is wanted, counted within the chunk."""
    variables: Sequence[int]
    """Of the source, in the order in which they lie in the chunk; -1 for those that it does not show."""
    members: range
    cells: range
    where: str
    """For messages: store, array, key."""


@runtime_checkable
class GivesChunks(Protocol):
    """A source that can give chunks of its fields as they are stored, to be decoded elsewhere."""

    def chunk_kind(self) -> ChunkKind | str:
        """How they lie; a text that says why they cannot be given."""

    def read_chunks(self, time: int, variables: Sequence[int], buffers: Buffers) -> Iterator[StoredChunk]:
        """The chunks that hold some variables at one time; none of a time that is not stored.

        Raises
        ------
        SourceError
            If one cannot be read; names array and key.
        """
