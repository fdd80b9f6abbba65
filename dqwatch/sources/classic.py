"""Classic NetCDF (CDF-1, CDF-2 and CDF-5): the header parsed, the data mapped into memory and read when asked for.

The format is specified in the NetCDF User's Guide, "File Format Specifications" (Unidata).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.raw import Selection
from dqwatch.types import StoredArray

_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12
_TYPES = dict(enumerate((">i1", "S1", ">i2", ">i4", ">f4", ">f8", ">u1", ">u2", ">u4", ">i8", ">u8"), start=1))
_OLD_TYPES = 6
"""CDF-1 and CDF-2 know the first six only."""


class _Variable(NamedTuple):
    name: str
    dims: tuple[int, ...]
    attrs: dict[str, Any]
    dtype: np.dtype
    begin: int


class ClassicArray:
    """A variable of a classic file as `RawArray`."""

    chunks: tuple[int, ...] | None = None
    fill_value: Any = None

    def __init__(
        self, name: str, dims: tuple[str, ...], attrs: Mapping[str, Any], stored: np.ndarray, *, per_record: bool
    ) -> None:
        self.name = name
        self.dims = dims
        self.attrs = attrs
        self.shape: tuple[int, ...] = stored.shape
        self.dtype: np.dtype = stored.dtype.newbyteorder("=")
        self._stored = stored
        if per_record:
            # One record of every variable lies after the other: nothing of this one is contiguous over records.
            self.chunks = (1, *stored.shape[1:])

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        part = self._stored[selection]
        if out is None:
            out = np.empty(part.shape, self.dtype)
        np.copyto(out, part)
        return out

    def describe(self) -> StoredArray:
        """The array as it lies in storage."""
        fill = self.attrs.get("_FillValue")
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=self._stored.dtype.str,
            chunks=self.chunks,
            fill_value=None if fill is None else str(fill),
            stored_bytes=math.prod(self.shape) * self.dtype.itemsize,
            calendar=self.attrs.get("calendar"),
        )


def open_classic(path: str | os.PathLike[str]) -> tuple[dict[str, ClassicArray], dict[str, Any]]:
    """The variables and global attributes of a classic NetCDF file.

    Raises
    ------
    SourceError
        If the header is broken, or the file is shorter than its header says.
    """
    try:
        content = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    header = _Header(path, content)
    try:
        return header.parse()
    except (ValueError, OverflowError, MemoryError) as error:  # lengths that no array can have
        raise header.broken(str(error)) from error


class _Header:
    """A header while it is parsed."""

    def __init__(self, path: str | os.PathLike[str], content: np.ndarray) -> None:
        self.path = path
        self.content = content
        self.at = 4
        version = int(content[3]) if content.size >= 4 else 0
        if content[:3].tobytes() != b"CDF" or version not in (1, 2, 5):
            raise self.broken(f"it begins with {content[:4].tobytes()!r}")
        self.count_type = ">u8" if version == 5 else ">u4"
        self.offset_type = ">u4" if version == 1 else ">u8"
        self.types = {k: v for k, v in _TYPES.items() if version == 5 or k <= _OLD_TYPES}

    def broken(self, why: str) -> SourceError:
        return SourceError(f"{self.path}: broken or truncated NetCDF file: {why}")

    def take(self, size: int) -> bytes:
        if size > self.content.size - self.at:
            raise self.broken(f"the header ends at byte {self.content.size}, in the middle of an entry")
        found = self.content[self.at : self.at + size].tobytes()
        self.at += size
        return found

    def number(self, kind: str) -> int:
        return int(np.frombuffer(self.take(int(kind[2])), kind)[0])

    def count(self) -> int:
        return self.number(self.count_type)

    def padded(self, size: int) -> bytes:
        found = self.take(size)
        self.take(-size % 4)
        return found

    def text(self) -> str:
        return _decoded(self.padded(self.count()))

    def dtype(self) -> np.dtype:
        code = self.number(">u4")
        if code not in self.types:
            raise self.broken(f"unknown type {code} before byte {self.at}")
        return np.dtype(self.types[code])

    def entries(self, tag: int) -> range:
        """The head of a list: how many entries follow."""
        found, count = self.number(">u4"), self.count()
        if found != tag and (found, count) != (0, 0):
            raise self.broken(f"a list is marked {found} in place of {tag} before byte {self.at}")
        return range(count)

    def attributes(self) -> dict[str, Any]:
        return {self.text(): self.attribute() for _ in self.entries(_ATTRIBUTE)}

    def attribute(self) -> Any:
        dtype, count = self.dtype(), self.count()
        content = self.padded(count * dtype.itemsize)
        if dtype.kind == "S":
            return _decoded(content)
        values = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
        return values[0] if count == 1 else values

    def variable(self, n_dims: int) -> _Variable:
        name = self.text()
        dims = tuple(self.count() for _ in range(self.count()))
        if any(d >= n_dims for d in dims):
            raise self.broken(f"variable {name!r} has a dimension that is not there")
        attrs, dtype = self.attributes(), self.dtype()
        self.count()  # its size, which is not to be trusted above 4 GiB and follows from the shape
        return _Variable(name, dims, attrs, dtype, self.number(self.offset_type))

    def parse(self) -> tuple[dict[str, ClassicArray], dict[str, Any]]:
        records = self.count()
        names, lengths = [], []
        for _ in self.entries(_DIMENSION):
            names.append(self.text())
            lengths.append(self.count())
        attributes = self.attributes()
        variables = [self.variable(len(names)) for _ in self.entries(_VARIABLE)]
        if sum(length == 0 for length in lengths) > 1:
            raise self.broken("it has several record dimensions")
        per_record = {v.name: v for v in variables if v.dims and lengths[v.dims[0]] == 0}
        sizes = [math.prod(lengths[d] for d in v.dims[1:]) * v.dtype.itemsize for v in per_record.values()]
        stride = sizes[0] if len(sizes) == 1 else sum(n + -n % 4 for n in sizes)
        if records == np.iinfo(self.count_type).max:
            first = min((v.begin for v in per_record.values()), default=0)
            records = (self.content.size - first) // stride if stride else 0
        lengths = [length or records for length in lengths]
        arrays = {}
        for v in variables:
            on_records = v.name in per_record
            stored = self.mapped(v, tuple(lengths[d] for d in v.dims), stride if on_records else None)
            arrays[v.name] = ClassicArray(
                v.name, tuple(names[d] for d in v.dims), v.attrs, stored, per_record=on_records and len(per_record) > 1
            )
        return arrays, attributes

    def mapped(self, variable: _Variable, shape: tuple[int, ...], stride: int | None) -> np.ndarray:
        """The values of a variable where they lie in the file."""
        size = variable.dtype.itemsize
        strides = [math.prod(shape[i + 1 :]) * size for i in range(len(shape))]
        if stride is not None:
            strides[0] = stride
        empty = math.prod(shape) == 0
        end = variable.begin + size + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if not empty and end > self.content.size:
            raise self.broken(f"variable {variable.name!r} ends at byte {end}, the file at byte {self.content.size}")
        if empty:
            return np.empty(shape, variable.dtype)
        return np.ndarray(shape, variable.dtype, self.content, variable.begin, tuple(strides))


def _decoded(content: bytes) -> str:
    content = content.rstrip(b"\0")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")
