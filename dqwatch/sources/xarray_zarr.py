"""Zarr stores as xarray writes them (formats 2 and 3), read with plain zarr, as a source."""

from __future__ import annotations

import base64
import binascii
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.raw import Selection
from dqwatch.sources.urls import short_name, shown
from dqwatch.sources.zarr_consolidated import stale_notes
from dqwatch.sources.zarr_store import ZarrArray, attributes, open_arrays, open_group
from dqwatch.types import StoredArray


class _Described:
    """A Zarr array with `_FillValue` as xarray understands it."""

    def __init__(self, array: ZarrArray, zarr_format: int) -> None:
        self._array = array
        self.name, self.dims, self.shape = array.name, array.dims, array.shape
        self.dtype, self.chunks, self.fill_value = array.dtype, array.chunks, array.fill_value
        self.attrs: Mapping[str, Any] = _with_fill_value(array, zarr_format)

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        return self._array.read(selection, out, buffers)

    def describe(self) -> StoredArray:
        """The array as it lies in storage; may list files."""
        return self._array.describe()


def open_xarray_zarr(data: Any, *, cache: str | os.PathLike[str] | None = None, **_options: Any) -> CFSource | None:
    """A Zarr group whose arrays have named dimensions as a source; None for anything else.

    Parameters
    ----------
    data : str or os.PathLike
        A local folder, or a URL.
    cache : path, optional
        Folder in which what is fetched from a URL is kept.

    Raises
    ------
    SourceError
        If the store is broken.
    """
    if not isinstance(data, str | os.PathLike):
        return None
    where = shown(os.fspath(data))
    group = open_group(data, cache)
    if group is None:
        return None
    arrays = open_arrays(group)
    if not arrays:
        raise SourceError(f"{where}: a Zarr group without arrays")
    if not any(dims_are_named(a.dims) for a in arrays.values() if a.shape):
        raise SourceError(
            f"{where}: no array names its dimensions, as xarray and anemoi write them: fields are not to be told"
        )
    zarr_format = _format_of(group)
    described = {name: _Described(array, zarr_format) for name, array in arrays.items()}
    source = CFSource(short_name(data), "xarray_zarr", _qualified(described), attributes(group))
    source.notes += stale_notes(group, arrays)
    return source


def dims_are_named(dims: tuple[str, ...]) -> bool:
    """Whether the names of dimensions are in the store, and not just their numbers."""
    return dims != tuple(f"dim_{i}" for i in range(len(dims)))


def _format_of(group: Any) -> int:
    metadata = getattr(group, "metadata", None)
    return int(getattr(metadata, "zarr_format", 2))


def _with_fill_value(array: ZarrArray, zarr_format: int) -> dict[str, Any]:
    """Format 2: the fill value of the array is the CF fill value; format 3: an attribute of its own, encoded."""
    attrs = dict(array.attrs)
    if zarr_format == 2:
        if array.fill_value is not None:
            attrs["_FillValue"] = array.fill_value
        return attrs
    given = attrs.get("_FillValue")
    if isinstance(given, str) and array.dtype.kind == "f":
        try:
            attrs["_FillValue"] = struct.unpack("<d", base64.standard_b64decode(given))[0]
        except (binascii.Error, struct.error):
            attrs["_FillValue"] = given
    return attrs


def _qualified(arrays: Mapping[str, _Described]) -> dict[str, _Described]:
    """Dimensions of arrays in inner groups by the path of the group that has their coordinate or is their own."""
    for name, array in arrays.items():
        group = name.rpartition("/")[0]
        if group:
            array.dims = tuple(_path(dim, group, arrays) for dim in array.dims)
    return dict(arrays)


def _path(dim: str, group: str, arrays: Mapping[str, _Described]) -> str:
    """The nearest group outwards in which an array of that name lies on the dimension; else the group itself."""
    inner = group
    while inner:
        if f"{inner}/{dim}" in arrays:
            return f"{inner}/{dim}"
        inner = inner.rpartition("/")[0]
    return dim if dim in arrays else f"{group}/{dim}"
