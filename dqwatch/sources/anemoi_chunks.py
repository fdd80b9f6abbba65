"""Chunks of an anemoi store as they are stored, for those who decode them elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from dqwatch.buffers import Buffers
from dqwatch.sources.zarr_array import ZarrArray
from dqwatch.storage import ChunkKind, StoredChunk


def kind_of(data: ZarrArray) -> ChunkKind | str:
    """How the chunks of (time, variable, member, cell) lie; a text where only zarr-python can read them."""
    layout = data.layout
    if layout is None or data.stored is None:
        return f"only zarr-python can decode its codec '{layout.codec if layout else 'unknown'}'"
    time, variable, member, cell = data.chunks
    return ChunkKind((time, variable, member, cell), data.dtype, layout.compressor, float(data.fill), layout.codec)


def read_chunks(data: ZarrArray, time: int, variables: Sequence[int], buffers: Buffers) -> Iterator[StoredChunk]:
    """The chunks that hold some variables at one time, each once; `kind_of` has found that they can be given.

    Raises
    ------
    SourceError
        If one cannot be read; names array and key.
    """
    reader, lengths = data.stored, data.chunks
    assert reader is not None  # noqa: S101 (what `kind_of` says)
    along = [sorted({v // lengths[1] for v in variables})]
    along += [list(range(-(-n // c))) for n, c in zip(data.shape[2:], lengths[2:], strict=True)]
    for inner in itertools.product(*along):
        index = (time // lengths[0], *inner)
        parts = [range(i * c, min(i * c + c, n)) for i, c, n in zip(index, lengths, data.shape, strict=True)]
        stored = reader.read_stored(index, buffers)
        yield StoredChunk(stored, time % lengths[0], parts[1], parts[2], parts[3], data.where(index))
