"""Zarr stores that count the bytes they are asked for, and reads of exactly what a pattern wants; zarr 2 and 3."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from dqwatch.metrics.access import Part
from dqwatch.metrics.field_arrays import FieldArray

OLD_ZARR = zarr.__version__.startswith("2.")
LocalStore: Any = zarr.DirectoryStore if OLD_ZARR else zarr.storage.LocalStore
_METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")


class CountingStore(LocalStore):  # type: ignore[misc]  # zarr is not typed here
    """A local store that notes the size of every piece of a chunk object that it hands out."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), **({} if OLD_ZARR else {"read_only": True}))
        self.pieces: list[tuple[str, int]] = []

    def note(self, key: str, piece: Any) -> Any:
        if piece is not None and not key.endswith(_METADATA):
            self.pieces.append((key, len(piece)))
        return piece

    def __getitem__(self, key: str) -> Any:  # how zarr 2 reads
        return self.note(key, super().__getitem__(key))

    async def get(self, key: str, *args: Any, **options: Any) -> Any:  # how zarr 3 reads
        return self.note(key, await super().get(key, *args, **options))

    def get_sync(self, key: str, *args: Any, **options: Any) -> Any:  # how later ones do
        return self.note(key, super().get_sync(key, *args, **options))

    def bytes_of(self, name: str) -> int:
        """Bytes of chunks of an array."""
        return sum(size for key, size in self.pieces if key.startswith(f"{name}/"))


def read(path: Path, array: FieldArray, parts: Sequence[Part]) -> tuple[np.ndarray, CountingStore]:
    """The values of `parts`, flat, read through zarr in one go, and the store that counted."""
    store = CountingStore(path)
    # Later zarr-python fetches small gaps between the chunks of a shard as well, unless it is told not to before it
    # opens the array.
    setting = {"array.sharding_coalesce_max_gap_bytes": 0}
    with nullcontext() if OLD_ZARR else zarr.config.set(setting):
        values = zarr.open(store, mode="r")[array.stored.name].vindex[coordinates(array, parts)]
    return np.asarray(values), store


def coordinates(array: FieldArray, parts: Sequence[Part]) -> tuple[np.ndarray, ...]:
    """Where each wanted value lies, one array of indices for each axis."""
    shape = array.stored.shape
    flat = np.meshgrid(*(np.asarray(p.indices, np.int64) for p in parts), indexing="ij")
    where: dict[int, np.ndarray] = {}
    for part, indices in zip(parts, flat, strict=True):
        found = np.unravel_index(indices.ravel(), [shape[a] for a in part.axes])
        where.update(zip(part.axes, found, strict=True))
    return tuple(where[axis] for axis in range(len(shape)))
