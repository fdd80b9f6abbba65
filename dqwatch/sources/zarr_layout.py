"""How one Zarr array lies in storage: chunk shape, keys of its chunk objects, and the codecs, for formats 2 and 3."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.errors import SourceError

if TYPE_CHECKING:
    from dqwatch.sources.zarr_folders import Folder

COMPRESSORS = ("blosc", "zstd", "gzip", "zlib", "lz4")
"""Those that `zarr_chunks` decodes itself."""

_SHUFFLES = {-1: "autoshuffle", 0: "noshuffle", 1: "shuffle", 2: "bitshuffle"}


@dataclass(frozen=True)
class Layout:
    """What must be known of an array to find and decode its chunk objects."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    """What is decoded at once: the inner chunk of a shard."""
    shards: tuple[int, ...] | None
    """Shape of a chunk object that holds several chunks; None if each chunk is an object of its own."""
    prefix: str
    separator: str
    codec: str
    """For people: `blosc(lz4, 5, shuffle)`."""
    compressor: str | None
    """One of `COMPRESSORS`, or None for uncompressed chunks."""
    direct: bool
    """Whether `zarr_chunks` can decode it; if not, zarr-python must."""
    index_at_start: bool = False

    @property
    def objects(self) -> tuple[int, ...]:
        """Shape of a chunk object."""
        return self.shards or self.chunks

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunk objects along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.objects, strict=True))

    @property
    def expected_objects(self) -> int:
        """Number of chunk objects of a complete array."""
        return math.prod(self.grid)

    def key(self, index: tuple[int, ...]) -> str:
        """Key of the chunk object at `index`, relative to the array."""
        parts = [self.prefix] if self.prefix else []
        parts += [str(i) for i in index]
        return self.separator.join(parts) or "0"


def read_layout(folder: Folder, dtype: np.dtype) -> Layout:
    """The layout of the array in a folder.

    Raises
    ------
    SourceError
        If its metadata are not what the format says.
    """
    for name, parse in (("zarr.json", _parse_v3), (".zarray", _parse_v2)):
        try:
            document = folder.document(name)
            if document is None:
                continue
            layout = parse(json.loads(document), np.dtype(dtype))
            _check(layout)
            return layout
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise SourceError(f"{folder}/{name}: broken Zarr metadata: {type(error).__name__}: {error}") from error
    raise SourceError(f"{folder}: no Zarr array: neither zarr.json nor .zarray is there")


def _lengths(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _check(layout: Layout) -> None:
    """Lengths that fit each other."""
    shape, chunks, objects = layout.shape, layout.chunks, layout.objects
    if not len(shape) == len(chunks) == len(objects):
        raise ValueError(f"shape {shape} and chunks {objects} differ in length")
    if min(shape, default=0) < 0 or min(chunks, default=1) < 1:
        raise ValueError(f"shape {shape} or chunks {chunks} below their least")
    if any(outer % inner or outer < 1 for outer, inner in zip(objects, chunks, strict=True)):
        raise ValueError(f"shards {objects} are no multiple of the chunks {chunks}")


def _plain(dtype: np.dtype) -> bool:
    """Whether values of `dtype` are the bytes on disk, on this machine."""
    return dtype.kind in "biufcmM" and dtype.isnative and (dtype.itemsize == 1 or sys.byteorder == "little")


def _parse_v2(meta: Mapping[str, Any], dtype: np.dtype) -> Layout:
    compressor = meta.get("compressor") or None
    filters = meta.get("filters") or []
    name = compressor["id"] if compressor else None
    stages = [*filters, *([compressor] if compressor else [])]
    plain_order = meta.get("order", "C") == "C" or len(meta["shape"]) < 2
    return Layout(
        shape=_lengths(meta["shape"]),
        chunks=_lengths(meta["chunks"]),
        shards=None,
        prefix="",
        separator=meta.get("dimension_separator") or ".",
        codec=" + ".join(_label(s["id"], s) for s in stages) or "none",
        compressor=name,
        direct=not filters and plain_order and _plain(dtype) and (name is None or name in COMPRESSORS),
    )


def _parse_v3(meta: Mapping[str, Any], dtype: np.dtype) -> Layout:
    outer = _lengths(meta["chunk_grid"]["configuration"]["chunk_shape"])
    codecs = [_configured(c) for c in meta["codecs"]]
    inner: tuple[int, ...] | None = None
    index_plain, at_start, label = True, False, ""
    if len(codecs) == 1 and codecs[0][0] == "sharding_indexed":
        shard = codecs[0][1]
        inner = _lengths(shard["chunk_shape"])
        codecs = [_configured(c) for c in shard["codecs"]]
        names = [_configured(c)[0] for c in shard.get("index_codecs", ())]
        endian = [_configured(c)[1].get("endian", "little") for c in shard.get("index_codecs", ())]
        index_plain = names == ["bytes", "crc32c"] and endian[0] == "little"
        at_start = shard.get("index_location", "end") == "start"
        label = "sharded: "
    compressor, direct = _known_chain(codecs)
    encoding = meta.get("chunk_key_encoding") or {"name": "default"}
    is_default = encoding["name"] == "default"
    separator = (encoding.get("configuration") or {}).get("separator") or ("/" if is_default else ".")
    stages = [_label(n, c) for n, c in codecs if n != "bytes"]
    simple_grid = meta["chunk_grid"]["name"] == "regular" and encoding["name"] in ("default", "v2")
    return Layout(
        shape=_lengths(meta["shape"]),
        chunks=inner or outer,
        shards=outer if inner else None,
        prefix="c" if is_default else "",
        separator=separator,
        codec=label + (" + ".join(stages) or "none"),
        compressor=compressor,
        direct=direct and index_plain and simple_grid and _plain(dtype) and not meta.get("storage_transformers"),
        index_at_start=at_start,
    )


def _configured(codec: Any) -> tuple[str, Mapping[str, Any]]:
    """Name and settings of a codec of format 3, which may be written as its name alone."""
    if isinstance(codec, str):
        return codec, {}
    return codec["name"], codec.get("configuration") or {}


def _known_chain(codecs: list[tuple[str, Mapping[str, Any]]]) -> tuple[str | None, bool]:
    """The compressor of a chain `bytes` + at most one compressor, and whether it is such a chain."""
    if not codecs or codecs[0][0] != "bytes" or codecs[0][1].get("endian", "little") != "little":
        return None, False
    if len(codecs) == 1:
        return None, True
    name = codecs[1][0].removeprefix("numcodecs.")
    return name, len(codecs) == 2 and name in COMPRESSORS


def _label(name: str, settings: Mapping[str, Any]) -> str:
    """A codec with the settings that people ask for."""
    shuffle = settings.get("shuffle")
    shuffle = _SHUFFLES.get(shuffle, shuffle) if isinstance(shuffle, int) else shuffle
    level = settings.get("clevel", settings.get("level"))
    shown = [str(v) for v in (settings.get("cname"), level, shuffle) if v is not None]
    name = name.removeprefix("numcodecs.")
    return f"{name}({', '.join(shown)})" if shown else name


def split(
    ranges: tuple[range, ...], chunks: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """The chunks that a selection touches.

    Parameters
    ----------
    ranges : tuple of range
        Selected indices of each dimension, ascending.
    chunks : tuple of int
        Length of a chunk in each dimension.

    Yields
    ------
    index : tuple of int
        Which chunk.
    inside : tuple of slice
        What is selected of it.
    target : tuple of slice
        Where that lies in the result.
    """
    for parts in itertools.product(*(list(_split_one(r, c)) for r, c in zip(ranges, chunks, strict=True))):
        yield tuple(p[0] for p in parts), tuple(p[1] for p in parts), tuple(p[2] for p in parts)


def _split_one(selected: range, length: int) -> Iterator[tuple[int, slice, slice]]:
    done = 0
    while done < len(selected):
        first = selected[done]
        chunk, offset = divmod(first, length)
        count = min(len(selected) - done, -(-(length - offset) // selected.step))
        stop = offset + (count - 1) * selected.step + 1
        yield chunk, slice(offset, stop, selected.step), slice(done, done + count)
        done += count


def flat_run(inside: tuple[slice, ...], chunks: tuple[int, ...]) -> tuple[int, int] | None:
    """Begin and end of a part of a chunk in the flattened chunk; None if it has gaps."""
    start, length, whole = 0, 1, True
    stride = 1
    for part, n in zip(reversed(inside), reversed(chunks), strict=True):
        count = len(range(part.start, part.stop, part.step))
        if count > 1 and (part.step != 1 or not whole):
            return None
        whole = whole and count == n
        start += part.start * stride
        length *= count
        stride *= n
    return start, start + length
