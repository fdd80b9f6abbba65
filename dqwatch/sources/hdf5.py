"""NetCDF-4: variables, dimensions and attributes found in HDF5 with h5py, values read into the caller's memory.

How NetCDF-4 lies in HDF5 is specified in the NetCDF User's Guide, "NetCDF-4 Format" (Unidata).
"""

from __future__ import annotations

import io
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.hdf5_places import find_places
from dqwatch.sources.raw import Selection
from dqwatch.types import StoredArray

_COLLIDING = "_nc4_non_coord_"
"""Prefix of a variable whose name is that of a dimension that it is no coordinate of."""
_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
_HIDDEN = frozenset(
    {
        *("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS"),
        *("_Netcdf4Dimid", "_Netcdf4Coordinates", "_nc3_strict", "_NCProperties"),
    }
)
"""Attributes of the format itself."""
BROKEN = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
)
"""What h5py raises on broken files; UnicodeDecodeError is a ValueError."""


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
        self._stored_dtype = _dtype(dataset)
        self.dtype: np.dtype = _native(self._stored_dtype)
        self.chunks: tuple[int, ...] | None = dataset.chunks
        self.fill_value: Any = dataset.fillvalue if self.dtype.kind in "biuf" else None
        self._dataset = dataset
        self._stored_shape: tuple[int, ...] = dataset.shape
        self._path = str(dataset.file.filename)
        self._proven = False
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
            r[: len(range(r.start, min(r.stop, n), r.step))] for r, n in zip(chosen, self._stored_shape, strict=True)
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
            self._proven = True
        except BROKEN as error:
            raise SourceError(f"{self._path}: variable '{self.name}' cannot be read: {one_line(error)}") from error

    def places(self, selection: Selection) -> list[tuple[int, int]]:
        """Where a part of the array lies in the file, as far as that can be told: begin and end of each piece."""
        chosen = [_indices(s, n) for s, n in zip(selection, self.shape, strict=True)]
        there = [range(r.start, min(r.stop, n), r.step) for r, n in zip(chosen, self._stored_shape, strict=True)]
        if not all(len(r) for r in there):
            return []
        try:
            with self._lock:
                return find_places(self._dataset, there)
        except BROKEN as error:
            raise SourceError(f"{self._path}: variable '{self.name}' is broken: {one_line(error)}") from error

    def describe(self) -> StoredArray:
        """The array as it lies in storage."""
        fill = self.attrs.get("_FillValue")
        if not self._proven and self.chunks is not None and 0 not in self._stored_shape:
            # h5py looks beyond its memory if the description of a filter is spoilt; reading tells first.
            self.read(tuple(slice(0, 1) for _ in self.shape), None, Buffers())
        try:
            with self._lock:
                size, codec = self._dataset.id.get_storage_size(), _codec(self._dataset)
        except BROKEN as error:
            raise SourceError(f"{self._path}: variable '{self.name}' is broken: {one_line(error)}") from error
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=self._stored_dtype.str if self.dtype.kind in "biufS" else str(self._stored_dtype),
            chunks=self.chunks,
            codec=codec,
            fill_value=None if fill is None else str(fill),
            stored_bytes=int(size),
            calendar=self.attrs.get("calendar"),
        )


def open_hdf5(
    path: str | os.PathLike[str], stream: io.RawIOBase | None = None
) -> tuple[dict[str, Hdf5Array], dict[str, Any], h5py.File]:
    """The variables of a NetCDF-4 file (those of groups as `group/name`), its global attributes, and the open file.

    Parameters
    ----------
    path : path
        For messages only, if there is a stream.
    stream : file, optional
        What to read in place of the path.

    Raises
    ------
    SourceError
        If the file is broken, or HDF5 but not NetCDF.
    """
    file = None
    try:
        file = h5py.File(path if stream is None else stream, "r", locking="best-effort")
        found = list(_datasets(file, ""))
        scales = {str(d.name): d for _, d in found if _is_scale(d)}
        if not scales and "_NCProperties" not in file.attrs:
            raise SourceError(f"{path}: HDF5, but not NetCDF: it has no dimensions (netCDF dimension scales)")
        arrays = _arrays(found, _Dimensions(file, scales))
        return arrays, _attributes(file), file
    except BaseException as error:
        if file is not None:
            file.close()
        if isinstance(error, SourceError) or not isinstance(error, BROKEN):
            raise
        raise SourceError(f"{path}: broken or truncated NetCDF-4 (HDF5) file: {one_line(error)}") from error


def _datasets(group: h5py.Group, prefix: str) -> Iterator[tuple[str, h5py.Dataset]]:
    """All data sets with their names as NetCDF has them, those of inner groups last."""
    inner = []
    for name in group:
        node = group[name]
        if isinstance(node, h5py.Dataset):
            yield prefix + name.removeprefix(_COLLIDING), node
        elif isinstance(node, h5py.Group):
            inner.append((name, node))
    for name, node in inner:
        yield from _datasets(node, f"{prefix}{name}/")


def _is_scale(dataset: h5py.Dataset) -> bool:
    return bool(h5py.h5ds.is_scale(dataset.id))


class _Dimensions:
    """The dimensions of a file: names, and what their scales are."""

    def __init__(self, file: h5py.File, scales: Mapping[str, h5py.Dataset]) -> None:
        self._file = file
        self._scales = scales
        self._by_id = {int(d.attrs["_Netcdf4Dimid"]): n for n, d in scales.items() if "_Netcdf4Dimid" in d.attrs}

    def of(self, name: str, dataset: h5py.Dataset) -> tuple[str, ...]:
        """Names of the dimensions of a data set, with the paths of their groups."""
        attrs = dataset.attrs
        rank = len(dataset.shape)
        if "_Netcdf4Coordinates" in attrs and str(dataset.name) in self._scales:
            paths: list[str | None] = [self._by_id[int(i)] for i in np.atleast_1d(attrs["_Netcdf4Coordinates"])]
        elif "DIMENSION_LIST" in attrs:
            # Of several scales on one axis netCDF-C takes the last.
            paths = [str(self._file[refs[-1]].name) if len(refs) else None for refs in attrs["DIMENSION_LIST"]]
        else:
            paths = [str(dataset.name) if str(dataset.name) in self._scales else None, *[None] * rank][:rank]
        if len(paths) != rank:
            raise ValueError(f"variable '{name}' has {rank} axes but {len(paths)} dimensions")
        unnamed: Counter[int] = Counter()
        dims = []
        for path, length in zip(paths, dataset.shape, strict=True):
            unnamed[length] += path is None
            dims.append(path.lstrip("/") if path is not None else f"phony_dim_{length}_{unnamed[length]}")
        return tuple(dims)

    def grows(self, dim: str) -> bool:
        """Whether a dimension is unlimited: variables may have fallen behind it."""
        scale = self._scales.get(f"/{dim}")
        return scale is not None and scale.maxshape[:1] == (None,)


def _arrays(found: list[tuple[str, h5py.Dataset]], dimensions: _Dimensions) -> dict[str, Hdf5Array]:
    """The variables; those on a dimension that grows are as long as the longest of them."""
    lock = threading.Lock()
    variables = [(n, d) for n, d in found if d.shape is not None and not bytes(_name_of(d)).startswith(_NO_VARIABLE)]
    dims = {name: dimensions.of(name, dataset) for name, dataset in variables}
    lengths: dict[str, int] = {}
    for name, dataset in variables:
        for dim, length in zip(dims[name], dataset.shape, strict=True):
            lengths[dim] = max(length, lengths.get(dim, 0))
    arrays = {}
    for name, dataset in variables:
        pairs = zip(dims[name], dataset.shape, strict=True)
        shape = tuple(lengths[dim] if dimensions.grows(dim) else length for dim, length in pairs)
        arrays[name] = Hdf5Array(name, dims[name], shape, _attributes(dataset), dataset, lock)
    return arrays


def _name_of(dataset: h5py.Dataset) -> bytes:
    """The name of a dimension scale, which says whether it is a variable too."""
    found = dataset.attrs.get("NAME", b"")
    return found if isinstance(found, bytes) else str(found).encode()


def _attributes(node: Any) -> dict[str, Any]:
    found = {}
    for name in node.attrs:
        if name not in _HIDDEN:
            try:
                found[str(name)] = _plain(node.attrs[name])
            except TypeError:  # a type that numpy has none for
                found[str(name)] = "(unreadable)"
    return found


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


def _dtype(dataset: h5py.Dataset) -> np.dtype:
    try:
        return dataset.dtype
    except TypeError:  # numpy has none for it
        return np.dtype(object)


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
