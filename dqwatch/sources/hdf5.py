"""NetCDF-4: dimensions and attributes as h5netcdf finds them, values read with h5py into the caller's memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import h5netcdf
import h5py
import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.raw import Selection
from dqwatch.types import StoredArray

_HIDDEN = "_nc4_non_coord_"
"""Prefix of a data set whose name is that of a dimension that it is no coordinate of."""
BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
"""What h5py and h5netcdf raise on broken files; UnicodeDecodeError is a ValueError."""


class Hdf5Array:
    """A variable of a NetCDF-4 file as `RawArray`."""

    def __init__(
        self,
        name: str,
        dims: tuple[str, ...],
        shape: tuple[int, ...],
        attrs: Mapping[str, Any],
        dataset: h5py.Dataset,
        lock: threading.Lock,
    ) -> None:
        self.name = name
        self.dims = dims
        self.shape = shape
        self.attrs = attrs
        self.dtype: np.dtype = _native(dataset.dtype)
        self.chunks: tuple[int, ...] | None = dataset.chunks
        self.fill_value: Any = dataset.fillvalue if dataset.dtype.kind in "biuf" else None
        self._dataset = dataset
        self._lock = lock

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        chosen = [_indices(s, n) for s, n in zip(selection, self.shape, strict=True)]
        kept = tuple(len(r) for r, s in zip(chosen, selection, strict=True) if isinstance(s, slice))
        if out is None:
            out = np.empty(kept, self.dtype)
        # h5py wants a destination with all dimensions; those of length 1 can be put back without a copy.
        full = out.reshape([len(r) for r in chosen])
        there = [
            r[: len(range(r.start, min(r.stop, n), r.step))] for r, n in zip(chosen, self._dataset.shape, strict=True)
        ]
        if any(len(a) < len(b) for a, b in zip(there, chosen, strict=True)):
            full[...] = self.fill_value  # the dimension has grown since this variable was written
        if all(len(r) for r in there):
            self._read(there, full)
        return out

    def _read(self, parts: list[range], full: np.ndarray) -> None:
        source = tuple(slice(r.start, r.stop, r.step) for r in parts)
        target = tuple(slice(0, len(r)) for r in parts)
        try:
            with self._lock:
                if not self.shape:
                    full[...] = self._dataset[()]
                elif self.dtype.kind == "O" or not full.flags.c_contiguous:
                    full[target] = self._dataset[source]
                else:
                    self._dataset.read_direct(full, source, target)
        except BROKEN as error:
            raise SourceError(
                f"{self._dataset.file.filename}: variable '{self.name}' cannot be read: {one_line(error)}"
            ) from error

    def describe(self) -> StoredArray:
        """The array as it lies in storage."""
        fill = self.attrs.get("_FillValue")
        with self._lock:
            size, codec = self._dataset.id.get_storage_size(), _codec(self._dataset)
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=self._dataset.dtype.str if self.dtype.kind in "biufS" else str(self._dataset.dtype),
            chunks=self.chunks,
            codec=codec,
            fill_value=None if fill is None else str(fill),
            stored_bytes=int(size),
            calendar=self.attrs.get("calendar"),
        )


def open_hdf5(path: str | os.PathLike[str]) -> tuple[dict[str, Hdf5Array], dict[str, Any], h5py.File]:
    """The variables of a NetCDF-4 file (those of groups as `group/name`), its global attributes, and the open file.

    Raises
    ------
    SourceError
        If the file is broken, or HDF5 but not NetCDF.
    """
    file = None
    try:
        # Two handles: h5netcdf's public interface always allocates what it reads.
        file = h5py.File(path, "r", locking="best-effort")
        with h5netcdf.File(os.fspath(path), "r", phony_dims="access", locking="best-effort") as described:
            arrays = {a.name: a for a in _collect(described, file, "", threading.Lock())}
            attributes = _attributes(described)
        netcdf = "_NCProperties" in file.attrs or _has_dimension_scale(file)
    except BROKEN as error:
        if file is not None:
            file.close()
        raise SourceError(f"{path}: broken or truncated NetCDF-4 (HDF5) file: {one_line(error)}") from error
    if not netcdf:
        file.close()
        raise SourceError(f"{path}: HDF5, but not NetCDF: it has no dimensions (netCDF dimension scales)")
    return arrays, attributes, file


def _collect(group: Any, file: h5py.File, prefix: str, lock: threading.Lock) -> Iterator[Hdf5Array]:
    for name, variable in group.variables.items():
        inner = file[f"/{prefix}"]
        dataset = inner[_HIDDEN + name if _HIDDEN + name in inner else name]
        dims = tuple(_qualified(str(d), group, prefix) for d in variable.dimensions)
        if len(dims) != len(dataset.shape):
            dims = tuple(f"dim_{i}" for i in range(len(dataset.shape)))  # pairs of strings and the like
        shape = tuple(variable.shape) if len(variable.shape) == len(dataset.shape) else dataset.shape
        yield Hdf5Array(prefix + name, dims, shape, _attributes(variable), dataset, lock)
    for name, inner in group.groups.items():
        yield from _collect(inner, file, f"{prefix}{name}/", lock)


def _qualified(dim: str, group: Any, prefix: str) -> str:
    """The name of a dimension with the path of the group that defines it, which may be one further out."""
    parts = prefix.rstrip("/").split("/") if prefix else []
    while parts and dim not in _own_dimensions(group):
        parts.pop()
        group = group.parent
    return "/".join([*parts, dim])


def _own_dimensions(group: Any) -> set[str]:
    return set(group.dimensions) - set(group.parent.dimensions if group.parent is not None else ())


def _attributes(node: Any) -> dict[str, Any]:
    return {str(name): _plain(value) for name, value in node.attrs.items()}


def _plain(value: Any) -> Any:
    """An attribute as text, numpy scalar (its type matters for packing) or numpy array."""
    if isinstance(value, h5py.Empty):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OSU":
            texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in value.ravel()]
            return texts[0] if len(texts) == 1 else texts
        return value.reshape(-1)[0] if value.size == 1 else value
    return value


def _has_dimension_scale(file: h5py.File) -> bool:
    def is_scale(_: str, node: Any) -> bool | None:
        return True if isinstance(node, h5py.Dataset) and node.is_scale else None

    return bool(file.visititems(is_scale))


def _native(dtype: np.dtype) -> np.dtype:
    return dtype.newbyteorder("=") if dtype.kind in "biuf" else dtype


def _indices(part: slice | int, length: int) -> range:
    if isinstance(part, slice):
        return range(*part.indices(length))
    return range(part, part + 1)


def _codec(dataset: h5py.Dataset) -> str:
    """The filters that a chunk passes on its way to the disk."""
    plist = dataset.id.get_create_plist()
    names = []
    for i in range(plist.get_nfilters()):
        code, _, values, name = plist.get_filter(i)
        words = {h5py.h5z.FILTER_DEFLATE: f"gzip({values[0] if values else ''})", h5py.h5z.FILTER_SHUFFLE: "shuffle"}
        names.append(words.get(code, name.decode("utf-8", "replace") or f"filter {code}"))
    return " + ".join(names) or "none"


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
