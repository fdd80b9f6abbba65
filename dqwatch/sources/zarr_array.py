"""One Zarr array of either format, read directly where its layout allows that, else by zarr-python."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.raw import Selection
from dqwatch.sources.zarr_chunks import ChunkReader
from dqwatch.sources.zarr_folders import Folder, LocalFolder
from dqwatch.sources.zarr_layout import Layout, flat_run, read_layout, split
from dqwatch.sources.zarr_objects import tally
from dqwatch.types import StoredArray

PART = 0.6
"""A smaller part of a chunk is decoded on its own, if it lies in one piece; a larger one costs as much as the whole."""


def attributes(node: Any) -> dict[str, Any]:
    """Attributes of a group or array as plain Python values."""
    return dict(node.attrs.asdict())


def one_line(error: BaseException) -> str:
    """Type and text of an error of somebody else's, for a message of ours."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class ZarrArray:
    """A Zarr array as `RawArray`."""

    def __init__(self, array: Any, name: str, folder: Folder | None) -> None:
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
            raise SourceError(f"{where}: broken Zarr metadata: {one_line(error)}") from error
        attrs.pop("_ARRAY_DIMENSIONS", None)
        self.attrs: Mapping[str, Any] = attrs
        self._stored_dtype = stored
        self.dtype: np.dtype = stored.newbyteorder("=")
        self.layout: Layout | None = read_layout(folder, stored) if folder else None
        self.chunks: tuple[int, ...] = self.layout.chunks if self.layout else tuple(array.chunks)
        self._reader: ChunkReader | None = None
        self._near = isinstance(folder, LocalFolder)
        if folder and self.layout and self.layout.direct:
            self._reader = ChunkReader(folder, name, self.layout, self.dtype)

    @property
    def near(self) -> bool:
        """Whether chunks are read directly from files, so that many small reads cost no more than a large one."""
        return self._near

    @property
    def partial(self) -> bool:
        """Whether a part of a chunk that lies in one piece can be decoded without the rest."""
        return self._reader is not None and self._reader.partial

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        ranges, shape = self._extent(selection)
        if out is None:
            out = np.empty(shape, self.dtype)
        if out.shape != shape or out.dtype != self.dtype:
            raise ValueError(f"{self.name}: out is {out.shape} {out.dtype}, the selection {shape} {self.dtype}")
        if out.size == 0:
            return out
        if self._reader is None:
            self._read_with_zarr(selection, ranges, out)
            return out
        dropped = tuple(slice(None) if isinstance(s, slice) else 0 for s in selection)
        for index, inside, place in split(ranges, self.chunks):
            kept: Any = [t for t, s in zip(place, selection, strict=True) if isinstance(s, slice)]
            target = out[(*kept, ...)]
            if target.size == math.prod(self.chunks) and target.flags.c_contiguous:
                if not self._reader.read(index, target, buffers):
                    target[...] = self.fill
            else:
                found = self._decode(self._reader, index, inside, buffers)
                target[...] = self.fill if found is None else found[dropped]
        return out

    def borrow(self, selection: Selection, buffers: Buffers) -> np.ndarray:
        """As `read`, but the values lie in `buffers` and are valid until these are used again.

        What lies in one chunk is a view of the decoded chunk, so that nothing is copied.
        """
        ranges, shape = self._extent(selection)
        pieces = list(itertools.islice(split(ranges, self.chunks), 2))
        if self._reader is not None and len(pieces) == 1:
            found = self._decode(self._reader, *pieces[0][:2], buffers)
            if found is not None:
                dropped = tuple(slice(None) if isinstance(s, slice) else 0 for s in selection)
                return np.asarray(found[dropped])
        return self.read(selection, buffers.take("zarr.box", shape, self.dtype), buffers)

    @property
    def stored(self) -> ChunkReader | None:
        """What gives chunks as they are stored; None where only zarr-python can read them."""
        return self._reader

    @property
    def fill(self) -> Any:
        """What an absent chunk reads as; zero where the store leaves that open."""
        return np.zeros((), self.dtype) if self.fill_value is None else self.fill_value

    def _extent(self, selection: Selection) -> tuple[tuple[range, ...], tuple[int, ...]]:
        """Indices that a selection takes of each dimension, and the shape of the result."""
        ranges = tuple(_selected(s, n) for s, n in zip(selection, self.shape, strict=True))
        return ranges, tuple(len(r) for r, s in zip(ranges, selection, strict=True) if isinstance(s, slice))

    def _decode(
        self, reader: ChunkReader, index: tuple[int, ...], inside: tuple[slice, ...], buffers: Buffers
    ) -> np.ndarray | None:
        """A part of a chunk, a view into `buffers` with all dimensions; None if the chunk is absent."""
        run = flat_run(inside, self.chunks) if reader.partial else None
        if run is not None and run[1] - run[0] <= PART * math.prod(self.chunks):
            part = reader.read_part(index, *run, buffers)
            shape = [len(range(s.start, s.stop, s.step)) for s in inside]
            return None if part is None else part.view(self.dtype).reshape(shape)
        whole = buffers.take("zarr.chunk", self.chunks, self.dtype)
        return whole[inside] if reader.read(index, whole, buffers) else None

    def _read_with_zarr(self, selection: Selection, ranges: tuple[range, ...], out: np.ndarray) -> None:
        """Whatever the direct way does not know."""
        try:
            out[...] = self._array[selection]
        except SourceError:
            raise
        except Exception as error:  # a codec may raise anything
            raise SourceError(f"{self._culprit(ranges)}: cannot be decoded: {one_line(error)}") from error

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
        """The array as it lies in storage; lists its folder where that can be listed."""
        layout = self.layout
        listed = self._folder.objects(layout) if layout and self._folder else None
        inner = self._reader.inner_sizes if self._reader else lambda _: None
        found = tally(listed, layout, inner) if layout and listed is not None else None
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=str(self._stored_dtype),
            chunks=self.chunks,
            shards=layout.shards if layout else None,
            codec=layout.codec if layout else _codec_of(self._array),
            fill_value=None if self.fill_value is None else str(self.fill_value),
            stored_bytes=found.stored_bytes if found else None,
            objects=found.count if found else None,
            expected_objects=layout.expected_objects if layout else None,
            calendar=self.attrs.get("calendar"),
            held=found,
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
