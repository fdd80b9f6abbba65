"""Which chunk objects of a Zarr array there are, and how large they are."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dqwatch.sources.zarr_layout import Layout

Index = tuple[int, ...]
MOST_CHUNKS = 10_000_000
"""Chunks of an array of more than this many are counted, but not told apart."""
_INDEX_WORKERS = 8


def find_objects(folder: Path, layout: Layout) -> Iterator[tuple[Index, int]]:
    """Chunk objects of an array that lie in a local folder, and their bytes.

    Files that are no chunk of the array (other names, indices beyond its shape) do not count.
    """
    grid = layout.grid
    if not grid:
        path = folder / layout.key(())
        if path.is_file():
            yield (), path.stat().st_size
    elif layout.separator == "/":
        yield from _find_nested(folder / layout.prefix if layout.prefix else folder, grid, ())
    else:
        pattern = _key_pattern(layout)
        for entry in _scan(folder):
            match = pattern.fullmatch(entry.name)
            if match and _is_inside(match, grid) and entry.is_file():
                yield _index(match), entry.stat().st_size


def find_keys(sizes: Mapping[str, int], layout: Layout) -> Iterator[tuple[Index, int]]:
    """Chunk objects of an array among objects of which the bytes are known by key, and their bytes."""
    pattern = _key_pattern(layout)
    for key, size in sizes.items():
        match = pattern.fullmatch(key)
        if match and _is_inside(match, layout.grid):
            yield _index(match), size


def _key_pattern(layout: Layout) -> re.Pattern[str]:
    if not layout.grid:
        return re.compile(re.escape(layout.key(())))
    head = re.escape(layout.prefix + layout.separator) if layout.prefix else ""
    return re.compile(head + re.escape(layout.separator).join([r"(0|[1-9]\d*)"] * len(layout.grid)))


def _index(match: re.Match[str]) -> Index:
    return tuple(map(int, match.groups()))


def _is_inside(match: re.Match[str], grid: Index) -> bool:
    return all(int(i) < n for i, n in zip(match.groups(), grid, strict=True))


def _find_nested(folder: Path | str, grid: Index, above: Index) -> Iterator[tuple[Index, int]]:
    for entry in _scan(folder):
        if not re.fullmatch(r"0|[1-9]\d*", entry.name) or int(entry.name) >= grid[0]:
            continue
        index = (*above, int(entry.name))
        if len(grid) > 1:
            if entry.is_dir():
                yield from _find_nested(entry.path, grid[1:], index)
        elif entry.is_file():
            yield index, entry.stat().st_size


def _scan(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


@dataclass(frozen=True, eq=False)
class Objects:
    """The chunk objects of an array that were found, and the chunks inside them; see `dqwatch.storage.Chunks`."""

    count: int
    stored_bytes: int
    layout: Layout
    table: np.ndarray | None
    """int64, as the grid of objects: bytes of each, -1 where there is none; None where there are too many to tell."""
    inner: Callable[[Index], np.ndarray | None]
    """Bytes of the chunks in a shard, as their grid in it, -1 where there is none; None where that cannot be told."""

    def sizes(self) -> np.ndarray | None:
        """See `Chunks.sizes`; reads the index of every shard."""
        layout, table = self.layout, self.table
        counts = tuple(-(-n // c) for n, c in zip(layout.shape, layout.chunks, strict=True))
        if table is None or layout.shards is None or math.prod(counts) > MOST_CHUNKS:
            return table if layout.shards is None else None
        per = tuple(s // c for s, c in zip(layout.shards, layout.chunks, strict=True))
        found = np.full(tuple(n * p for n, p in zip(table.shape, per, strict=True)), -1, np.int64)
        there = [tuple(index) for index in np.argwhere(table >= 0).tolist()]
        with ThreadPoolExecutor(_INDEX_WORKERS) as pool:
            for index, inside in zip(there, pool.map(self.inner, there), strict=True):
                place = tuple(slice(i * p, (i + 1) * p) for i, p in zip(index, per, strict=True))
                found[place] = table[index] // math.prod(per) if inside is None else inside
        return found[tuple(slice(0, n) for n in counts)]

    def key(self, index: Index) -> str:
        """See `Chunks.key`."""
        layout = self.layout
        if layout.shards is None:
            return layout.key(index)
        per = [s // c for s, c in zip(layout.shards, layout.chunks, strict=True)]
        within = tuple(i % p for i, p in zip(index, per, strict=True))
        return f"{layout.key(tuple(i // p for i, p in zip(index, per, strict=True)))} inner {within}"


def tally(
    found: Iterable[tuple[Index, int]], layout: Layout, inner: Callable[[Index], np.ndarray | None] = lambda _: None
) -> Objects:
    """Objects as they were listed, in a table.

    Parameters
    ----------
    found : iterable of (index, bytes)
    layout : Layout
        Of the array.
    inner : callable, optional
        Tells the bytes of the chunks in a shard.
    """
    table = np.full(layout.grid, -1, np.int64) if layout.expected_objects <= MOST_CHUNKS else None
    count = stored = 0
    for index, size in found:
        count, stored = count + 1, stored + size
        if table is not None:
            table[index] = size
    return Objects(count, stored, layout, table, inner)
