"""How many bytes of storage the chunks of an array take, chunk by chunk: for local Zarr stores and NetCDF-4 files."""

from __future__ import annotations

import glob
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.sources.zarr_folders import LocalFolder
from dqwatch.sources.zarr_layout import Layout, read_layout
from dqwatch.types import StoredArray

Index = tuple[int, ...]
StoredBytes = Callable[[Iterable[Index]], int]
"""Bytes that are fetched to have some chunks, each named once, in one go."""


def find_stored_bytes(data: Any, array: StoredArray) -> StoredBytes | None:
    """What tells the bytes of chunks of an array.

    Chunks that are objects cost their size. Of a shard of which all chunks are wanted the whole object is fetched, else
    its index and the chunks; so does zarr-python.

    Parameters
    ----------
    data : Any
        What the source was opened from.
    array : StoredArray

    Returns
    -------
    callable or None
        None where single chunks cannot be told apart: remote stores, unknown codecs of shards, contiguous arrays.
    """
    paths = [Path(path) for path in local_paths(data)]
    part, _, name = array.name.rpartition(": ")  # as arrays of several files are called
    named = [path for path in paths if not part or path.name == part]
    if array.chunks is None or len(named) != 1:
        return None
    if named[0].is_dir():
        return _zarr(named[0] / name, array)
    return _hdf5(named[0], name, array.chunks) if array.objects is None else None


def local_paths(data: Any) -> list[str]:
    """The files and folders on this machine that a path, a glob pattern or several paths mean."""
    if isinstance(data, str | os.PathLike):
        text = os.fspath(data)
        return [text] if os.path.exists(text) else sorted(glob.glob(text, recursive=True))
    if isinstance(data, Sequence) and all(isinstance(d, str | os.PathLike) for d in data):
        return [os.fspath(d) for d in data if os.path.exists(d)]
    return []


def _zarr(folder: Path, array: StoredArray) -> StoredBytes | None:
    if not folder.is_dir():
        return None
    layout = read_layout(LocalFolder(folder), np.dtype(array.dtype))
    if layout.shards is None:
        return lambda chunks: sum(_size(f"{folder}/{layout.key(i)}") for i in chunks)
    if not layout.direct:
        return None
    return lambda chunks: _shard_bytes(folder, layout, chunks)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _shard_bytes(folder: Path, layout: Layout, chunks: Iterable[Index]) -> int:
    counts = [s // c for s, c in zip(layout.objects, layout.chunks, strict=True)]
    wanted: dict[Index, list[Index]] = defaultdict(list)
    for index in chunks:
        outer = tuple(i // n for i, n in zip(index, counts, strict=True))
        wanted[outer].append(tuple(i % n for i, n in zip(index, counts, strict=True)))
    total = 0
    for outer, inner in wanted.items():
        path = f"{folder}/{layout.key(outer)}"
        if not os.path.exists(path):
            continue
        if len(inner) == math.prod(counts):
            total += _size(path)
            continue
        lengths = _shard_index(path, layout, math.prod(counts))
        places = np.ravel_multi_index(np.array(inner).T, counts)
        total += 16 * math.prod(counts) + 4 + int(lengths[places].sum())
    return total


def _shard_index(path: str, layout: Layout, count: int) -> np.ndarray:
    """Length of each chunk of a shard, int64 (chunk,); 0 where it is absent."""
    length = 16 * count + 4  # offsets and lengths, a checksum
    with open(path, "rb") as file:
        if not layout.index_at_start:
            file.seek(max(0, os.fstat(file.fileno()).st_size - length))
        raw = file.read(length)
    if len(raw) != length:
        raise SourceError(f"{path}: cut short: {len(raw)} bytes, the index of a shard has {length}")
    lengths = np.frombuffer(raw[:-4], "<u8").reshape(count, 2)[:, 1]
    return np.where(lengths == np.uint64(2**64 - 1), 0, lengths).astype(np.int64)


def _hdf5(path: Path, name: str, chunk: tuple[int, ...]) -> StoredBytes | None:
    import h5py

    if not h5py.is_hdf5(path):
        return None

    def stored(chunks: Iterable[Index]) -> int:
        with h5py.File(path, "r", locking="best-effort") as file:
            dataset = file[_hidden(name) if _hidden(name) in file else name]
            corners = (tuple(i * c for i, c in zip(index, chunk, strict=True)) for index in chunks)
            return sum(dataset.id.get_chunk_info_by_coord(corner).size or 0 for corner in corners)

    return stored


def _hidden(name: str) -> str:
    """Where NetCDF-4 keeps a variable whose name is that of a dimension that it is no coordinate of."""
    group, _, last = name.rpartition("/")
    return f"{group}/_nc4_non_coord_{last}" if group else f"_nc4_non_coord_{last}"
