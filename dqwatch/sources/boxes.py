"""Which parts of an array to read at once: boxes that follow its chunks and fit into bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

BOX_BYTES = 64_000_000
"""The most that is read at once; a single field may be larger."""
BLOCK_BYTES = 16_000_000
"""A block grows to this, so that a small file still gives work to several workers."""
SPARSE = 4
"""A box may hold this many times the points that are asked for before it is taken apart."""


def boxes(
    points: np.ndarray, chunks: Sequence[int], point_bytes: int, most: int = BOX_BYTES
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Boxes that together hold some points of a lattice, each point in one box.

    Parameters
    ----------
    points : np.ndarray (point, dim + any further columns), int
        In ascending order; the further columns are carried along.
    chunks : sequence of int, one per dim
        Length of a chunk along each dimension.
    point_bytes : int
        Bytes to be read for one point.
    most : int
        Bytes that a box of several points may have.

    Yields
    ------
    points, low, high : np.ndarray
        The points of the box in the order given, and its corners, `high` exclusive. Boxes are cut at the edges of
        chunks as long as they hold several, so that no chunk is decoded twice unless it is larger than `most`.
    """
    if len(points) == 0:
        return
    size = np.asarray(chunks, np.int64)
    places = points[:, : size.size]
    low, high = places.min(axis=0), places.max(axis=0) + 1
    volume = math.prod(int(n) for n in high - low)
    crossed = (high - 1) // size - low // size
    sparse = volume > SPARSE * len(points) and crossed.any()
    if len(points) == 1 or (volume * point_bytes <= most and not sparse):
        yield points, low, high
        return
    dim = int(np.argmax(crossed)) if crossed.any() else int(np.argmax(high - low))
    cut = (low[dim] + high[dim]) // 2
    if crossed.any():
        cut = max(cut // size[dim], low[dim] // size[dim] + 1) * size[dim]
    before = points[:, dim] < cut
    yield from boxes(points[before], chunks, point_bytes, most)
    yield from boxes(points[~before], chunks, point_bytes, most)


def runs(length: int, chunk: int, item_bytes: int, target: int = BLOCK_BYTES, most: int = BOX_BYTES) -> list[range]:
    """A dimension in runs of whole chunks.

    Parameters
    ----------
    length, chunk : int
        Of the dimension, and of a chunk along it.
    item_bytes : int
        Bytes for one index along the dimension.
    target : int
        Bytes that a run of several chunks grows to.
    most : int
        Bytes above which even a single chunk is cut.
    """
    one = max(chunk, 1) * item_bytes
    if one > most:
        step = max(1, most // item_bytes)
        parts = [range(a, min(a + chunk, length)) for a in range(0, length, max(chunk, 1))]
        return [range(a, min(a + step, part.stop)) for part in parts for a in range(part.start, part.stop, step)]
    step = chunk * max(1, target // max(one, 1))
    return [range(a, min(a + step, length)) for a in range(0, length, step)]
