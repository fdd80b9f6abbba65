"""Zarr groups and arrays of formats 2 and 3, opened with plain zarr (2.18 or 3), without consolidated metadata."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.raw import Selection
from dqwatch.sources.zarr_chunks import ChunkReader
from dqwatch.sources.zarr_layout import Layout, count_objects, flat_run, read_layout, split
from dqwatch.types import StoredArray

_GROUP_MARKS = (".zgroup", ".zattrs", ".zmetadata", "zarr.json")
PART = 0.6
"""A smaller part of a chunk is decoded on its own, if it lies in one piece; a larger one costs as much as the whole."""

_SINGLE_ARRAY = "{}: a single Zarr array; give the group (the folder above) that it belongs to"
_LOCAL_STORES = ("LocalStore", "DirectoryStore", "NestedDirectoryStore")


def open_group(path: str | os.PathLike[str]) -> Any | None:
    """The Zarr group in a local folder.

    Returns
    -------
    zarr.Group or None
        None if `path` is no folder, or one without any sign of Zarr.

    Raises
    ------
    SourceError
        If the folder looks like a Zarr store (metadata files, or a name that ends in `.zarr`) but cannot be opened.
    UnsupportedDataError
        If it is a single array.
    """
    folder = Path(path)
    if not folder.is_dir():
        return None
    if (folder / ".zarray").exists():
        raise UnsupportedDataError(
            f"{folder}: a single Zarr array; give the group (the folder above) that it belongs to"
        )
    if not any((folder / mark).exists() for mark in _GROUP_MARKS):
        if folder.suffix == ".zarr":
            what = "is empty" if not any(folder.iterdir()) else "has no Zarr metadata (.zgroup or zarr.json)"
            raise SourceError(f"{folder}: no Zarr store: the folder {what}; was it copied or written completely?")
        return None
    return _open(folder)


def _open(folder: Path) -> Any:
    import zarr

    before_3 = zarr.__version__.startswith("2.")
    if before_3 and not (folder / ".zgroup").exists() and (folder / "zarr.json").exists():
        raise SourceError(
            f"{folder}: Zarr format 3, which the installed zarr {zarr.__version__} cannot read: install zarr>=3"
        )
    _check_marks(folder)
    options = {} if before_3 else {"use_consolidated": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(str(folder), mode="r", **options)
            attributes(group)
    except Exception as error:  # broken metadata make zarr raise anything, by version
        raise SourceError(f"{folder}: cannot be opened as a Zarr group: {_one_line(error)}") from error
    return group


def _check_marks(folder: Path) -> None:
    """Refuse what zarr takes for an empty group, or for something else than a group."""
    for mark, version in (("zarr.json", 3), (".zgroup", 2)):
        file = folder / mark
        if not file.exists():
            continue
        try:
            found = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise SourceError(f"{file}: cannot be opened as a Zarr group: {_one_line(error)}") from error
        if not isinstance(found, dict) or found.get("zarr_format") != version:
            raise SourceError(f"{file}: cannot be opened as a Zarr group: 'zarr_format' should be {version}")
        if version == 3 and found.get("node_type") == "array":
            raise UnsupportedDataError(_SINGLE_ARRAY.format(folder))
        if version == 3 and found.get("node_type") != "group":
            raise SourceError(f"{file}: cannot be opened as a Zarr group: 'node_type' should be 'group'")
        return


def open_arrays(group: Any) -> dict[str, ZarrArray]:
    """The arrays of a group by name, those of groups inside it as `group/array`, sorted by name.

    Raises
    ------
    SourceError
        If the metadata of one are broken.
    """
    arrays: dict[str, ZarrArray] = {}
    _collect(group, "", local_folder(group), arrays)
    return dict(sorted(arrays.items()))


def _collect(group: Any, prefix: str, folder: Path | None, arrays: dict[str, ZarrArray]) -> None:
    where = folder or group
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(group.arrays())
            groups = list(group.groups())
    except Exception as error:  # the same
        raise SourceError(f"{where}: broken Zarr metadata: {_one_line(error)}") from error
    _check_complete(folder, {name for name, _ in found}, {name for name, _ in groups})
    for name, array in found:
        arrays[prefix + name] = ZarrArray(array, prefix + name, folder / name if folder else None)
    for name, inner in groups:
        _collect(inner, f"{prefix}{name}/", folder / name if folder else None, arrays)


def _check_complete(folder: Path | None, arrays: set[str], groups: set[str]) -> None:
    """Refuse a group with members that zarr passes over, or takes for groups, because their metadata are broken."""
    if folder is None:
        return
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if entry.name not in arrays and entry.is_dir()]
    for entry in others:
        for mark in (".zarray",) if entry.name in groups else (".zarray", ".zgroup", "zarr.json"):
            if os.path.exists(f"{entry.path}/{mark}"):
                raise SourceError(f"{entry.path}/{mark}: broken Zarr metadata: neither an array nor a group")


def local_folder(group: Any) -> Path | None:
    """Where a group lies on this machine; None for other stores."""
    if type(group.store).__name__ not in _LOCAL_STORES:
        return None
    root = getattr(group.store, "root", None) or group.store.path
    return Path(root) / group.path


def attributes(node: Any) -> dict[str, Any]:
    """Attributes of a group or array as plain Python values."""
    return dict(node.attrs.asdict())


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class ZarrArray:
    """A Zarr array as `RawArray`."""

    def __init__(self, array: Any, name: str, folder: Path | None) -> None:
        self.name = name
        self._array = array
        self._folder = folder
        where = folder or name
        try:
            attrs = attributes(array)
            self.shape: tuple[int, ...] = tuple(int(n) for n in array.shape)
            self.dims = _dims(array, attrs, len(self.shape))
            stored = np.dtype(object) if array.dtype.kind == "T" else np.dtype(array.dtype)
            self.fill_value: Any = array.fill_value
        except Exception as error:  # broken metadata make zarr raise anything, by version
            raise SourceError(f"{where}: broken Zarr metadata: {_one_line(error)}") from error
        attrs.pop("_ARRAY_DIMENSIONS", None)
        self.attrs: Mapping[str, Any] = attrs
        self._stored_dtype = stored
        self.dtype: np.dtype = stored.newbyteorder("=")
        self.layout: Layout | None = read_layout(folder, stored) if folder else None
        self.chunks: tuple[int, ...] = self.layout.chunks if self.layout else tuple(array.chunks)
        self._reader: ChunkReader | None = None
        if folder and self.layout and self.layout.direct:
            self._reader = ChunkReader(folder, name, self.layout, self.dtype)

    @property
    def partial(self) -> bool:
        """Whether a part of a chunk that lies in one piece can be decoded without the rest."""
        return self._reader is not None and self._reader.partial

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        ranges = tuple(_selected(s, n) for s, n in zip(selection, self.shape, strict=True))
        shape = tuple(len(r) for r, s in zip(ranges, selection, strict=True) if isinstance(s, slice))
        if out is None:
            out = np.empty(shape, self.dtype)
        if out.shape != shape or out.dtype != self.dtype:
            raise ValueError(f"{self.name}: out is {out.shape} {out.dtype}, the selection {shape} {self.dtype}")
        if out.size == 0:
            return out
        if self._reader is None:
            self._read_with_zarr(selection, ranges, out)
            return out
        dropped = tuple(0 if isinstance(s, int | np.integer) else slice(None) for s in selection)
        for index, inside, target in split(ranges, self.chunks):
            kept: Any = [t for t, s in zip(target, dropped, strict=True) if isinstance(s, slice)]
            self._read_piece(self._reader, index, inside, out[(*kept, ...)], dropped, buffers)
        return out

    def _read_piece(
        self,
        reader: ChunkReader,
        index: tuple[int, ...],
        inside: tuple[slice, ...],
        target: np.ndarray,
        dropped: Selection,
        buffers: Buffers,
    ) -> None:
        """Fill `target` with a part of a chunk: decoded in place where it is the whole chunk."""
        total = math.prod(self.chunks)
        if target.size == total and target.flags.c_contiguous:
            if not reader.read(index, target, buffers):
                target[...] = self._fill
            return
        run = flat_run(inside, self.chunks) if reader.partial else None
        if run is not None and run[1] - run[0] <= PART * total:
            part = reader.read_part(index, *run, buffers)
            target[...] = self._fill if part is None else part.view(self.dtype).reshape(target.shape)
            return
        whole = buffers.take("zarr.chunk", self.chunks, self.dtype)
        if reader.read(index, whole, buffers):
            target[...] = whole[inside][dropped]
        else:
            target[...] = self._fill

    @property
    def _fill(self) -> Any:
        """What an absent chunk reads as; zero where the store leaves that open."""
        return np.zeros((), self.dtype) if self.fill_value is None else self.fill_value

    def _read_with_zarr(self, selection: Selection, ranges: tuple[range, ...], out: np.ndarray) -> None:
        """Whatever the direct way does not know."""
        try:
            out[...] = self._array[selection]
        except Exception as error:  # a codec may raise anything
            raise SourceError(f"{self._culprit(ranges)}: cannot be decoded: {_one_line(error)}") from error

    def _culprit(self, ranges: tuple[range, ...]) -> str:
        """Array and key of the first chunk of a selection that cannot be read."""
        for index, inside, _ in split(ranges, self.chunks):
            start = [i * c for i, c in zip(index, self.chunks, strict=True)]
            part = tuple(slice(a + s.start, a + s.stop, s.step) for a, s in zip(start, inside, strict=True))
            try:
                self._array[part]
            except Exception:  # noqa: BLE001 - the question is only whether it raises
                return self.where(index)
        return str(self._folder or self.name)

    def where(self, index: tuple[int, ...]) -> str:
        """Where a chunk is, for a message."""
        if self.layout is None or self._folder is None:
            return f"array '{self.name}', chunk {index}"
        outer = tuple(i * c // o for i, c, o in zip(index, self.layout.chunks, self.layout.objects, strict=True))
        return f"{self._folder}: array '{self.name}', chunk {self.layout.key(outer)}"

    def describe(self) -> StoredArray:
        """The array as it lies in storage; lists its folder."""
        layout = self.layout
        found, stored = count_objects(self._folder, layout) if layout and self._folder else (None, None)
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=str(self._stored_dtype),
            chunks=self.chunks,
            shards=layout.shards if layout else None,
            codec=layout.codec if layout else _codec_of(self._array),
            fill_value=None if self.fill_value is None else str(self.fill_value),
            stored_bytes=stored,
            objects=found,
            expected_objects=layout.expected_objects if layout else None,
            calendar=self.attrs.get("calendar"),
        )


def _codec_of(array: Any) -> str:
    """Compression of an array whose metadata file is out of reach."""
    found = getattr(array, "compressors", None)
    if found is None:
        found = [array.compressor]
    return " + ".join(str(c) for c in found if c is not None) or "none"


def _dims(array: Any, attrs: Mapping[str, Any], count: int) -> tuple[str, ...]:
    named = getattr(getattr(array, "metadata", None), "dimension_names", None) or attrs.get("_ARRAY_DIMENSIONS")
    if not isinstance(named, list | tuple) or len(named) != count:
        named = [None] * count
    return tuple(str(n) if n is not None else f"dim_{i}" for i, n in enumerate(named))


def _selected(part: slice | int, length: int) -> range:
    if not isinstance(part, slice):
        at = int(part)
        if not -length <= at < length:
            raise IndexError(f"index {at} is out of bounds for length {length}")
        return range(at % length, at % length + 1)
    chosen = range(*part.indices(length))
    if chosen.step < 1:
        raise ValueError(f"a selection needs a positive step, got {chosen.step}")
    return chosen
