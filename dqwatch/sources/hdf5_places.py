"""Where values lie in an HDF5 file: the bytes that reading them will need."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import h5py

_GAPS = 4
"""Contiguous values with gaps between them are one piece if it is at most so many times as long as they are."""


def find_places(dataset: h5py.Dataset, parts: Sequence[range]) -> list[tuple[int, int]]:
    """Begin and end, in bytes of the file, of the chunks or of the piece that a selection needs.

    Parameters
    ----------
    dataset : h5py.Dataset
    parts : sequence of range
        Selected indices of each dimension, ascending, none of them empty.

    Returns
    -------
    list of (int, int)
        Chunk by chunk; empty where that cannot be told, or nothing is stored.
    """
    if dataset.chunks is None:
        return _contiguous(dataset, parts)
    steps = [sorted({i // n for i in part}) for part, n in zip(parts, dataset.chunks, strict=True)]
    found = []
    for index in itertools.product(*steps):
        corner = tuple(i * n for i, n in zip(index, dataset.chunks, strict=True))
        chunk = dataset.id.get_chunk_info_by_coord(corner)
        if chunk.byte_offset is not None:
            found.append((int(chunk.byte_offset), int(chunk.byte_offset + chunk.size)))
    return found


def _contiguous(dataset: h5py.Dataset, parts: Sequence[range]) -> list[tuple[int, int]]:
    offset = dataset.id.get_offset()
    if offset is None:
        return []
    first = last = 0
    for part, n in zip(parts, dataset.shape, strict=True):
        first, last = first * n + part[0], last * n + part[-1]
    wanted = math.prod(len(part) for part in parts)
    if last + 1 - first > _GAPS * wanted:
        return []
    size = dataset.id.get_type().get_size()
    return [(offset + first * size, offset + (last + 1) * size)]
