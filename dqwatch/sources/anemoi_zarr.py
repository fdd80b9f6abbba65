"""Gridded anemoi data sets: one Zarr array `data` (time, variable, ensemble, cell), its variables in the attributes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.anemoi_chunks import kind_of, read_chunks
from dqwatch.sources.anemoi_metadata import make_time_axis, make_variables
from dqwatch.sources.anemoi_statistics import NAMES, read_statistics, read_window
from dqwatch.sources.grids import unstructured_grid
from dqwatch.sources.urls import short_name, shown
from dqwatch.sources.zarr_store import ZarrArray, attributes, open_arrays, open_group
from dqwatch.storage import ChunkKind, StoredArray, StoredChunk, StoredStatistics
from dqwatch.types import Block, Field, Grid, Source, TimeAxis, Variable

BLOCK_BYTES = 1 << 29
"""Chunks that join dates are read in parts of so many bytes, at least a date at a time."""

_CACHED = 1 << 20
"""Bytes decoded together where parts of a chunk can be: what follows finds them in the cache of its core."""
SPARSE = 0.5
"""A smaller share of the fields of a chunk is decoded field by field, where the codec allows that."""


def open_anemoi_zarr(data: Any, *, cache: str | os.PathLike[str] | None = None, **_: Any) -> Source | None:
    """Open a gridded anemoi data set.

    Parameters
    ----------
    data : str or path
        A local folder, or a URL.
    cache : path, optional
        Folder in which what is fetched from a URL is kept.

    Returns
    -------
    Source or None
        None if `data` is no path or URL, or no Zarr group with an array `data` and an attribute `variables`.

    Raises
    ------
    UnsupportedDataError
        If its layout is another than gridded.
    SourceError
        If the store is broken, or its parts contradict each other.
    """
    if not isinstance(data, str | os.PathLike):
        return None
    where = shown(os.fspath(data))
    group = open_group(data, cache)
    if group is None:
        return None
    attrs = attributes(group)
    names = _names(attrs)
    if names is None:
        return None
    layout = attrs.get("layout", attrs.get("format", "gridded"))
    if layout != "gridded":
        raise UnsupportedDataError(
            f"{where}: anemoi layout '{layout}'; of anemoi stores only 'gridded' ones can be read"
        )
    arrays = open_arrays(group)
    if "data" not in arrays:
        if "dates" in arrays or "variables_metadata" in attrs:
            raise SourceError(f"{where}: an anemoi store without array 'data'; was it built to the end?")
        return None
    return AnemoiZarr(short_name(data), where, attrs, names, arrays)


def _names(attrs: Mapping[str, Any]) -> list[str] | None:
    """The names on the variable axis; old stores have `name_to_index` instead."""
    index = attrs.get("name_to_index")
    if isinstance(index, Mapping) and "variables" not in attrs and all(isinstance(i, int) for i in index.values()):
        return sorted(index, key=lambda name: index[name])
    names = attrs.get("variables")
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    return list(names)


class AnemoiZarr:
    """A gridded anemoi store as `Source`."""

    kind = "anemoi_zarr"

    def __init__(
        self,
        name: str,
        where: str,
        attrs: Mapping[str, Any],
        names: list[str],
        arrays: Mapping[str, ZarrArray],
    ) -> None:
        self.name = name
        self.attributes: Mapping[str, Any] = attrs
        self._arrays = arrays
        self._data = arrays["data"]
        _check(where, names, arrays)
        axis, notes = _time_axis(where, attrs, arrays)
        stored = self._data.shape[0]
        if stored != len(axis):
            notes.append(f"data hold {stored} dates, the time axis {len(axis)}")
        if any(name.startswith("_build") for name in arrays):
            notes.append("the store holds arrays of its building (_build): it may be unfinished")
        if arrays.keys() & set(NAMES) and read_window(attrs) is None:
            notes.append("without statistics_start_date and _end_date stored statistics are not held against the data")
        self._stored = min(stored, len(axis))
        self._names = names
        self._statistics: Sequence[StoredStatistics | None] | None = None
        self.times: tuple[TimeAxis, ...] = (axis,)
        self.variables: tuple[Variable, ...] = make_variables(names, attrs, self._data.shape[2])
        self.grids: tuple[Grid, ...] = (_grid(attrs, arrays),)
        self.notes: tuple[str, ...] = tuple(notes)
        self.identity = _identity(attrs, arrays)

    def arrays(self) -> list[StoredArray]:
        """The arrays as they lie in storage; lists the store where it can be listed."""
        along_time = {"data", "dates"} | {n for n, a in self._arrays.items() if a.dims[:1] == ("time",)}
        described = []
        for name, array in self._arrays.items():
            found = array.describe()
            if name in along_time:
                found = dataclasses.replace(found, length_ok=array.shape[0] == len(self.times[0]))
            described.append(found)
        return described

    def stored_statistics(self) -> Sequence[StoredStatistics | None]:
        """The statistics that the store has of each variable, read from it once."""
        if self._statistics is None:
            self._statistics = read_statistics(self._names, self.attributes, self._arrays, self.times[0], self._stored)
        return self._statistics

    def blocks(self) -> Sequence[Block]:
        """One block for each chunk along time, of all variables; several where a chunk is very large."""
        _, variables, members, cells = self._data.shape
        length, *others, _ = self._data.chunks
        field = cells * self._data.dtype.itemsize
        unit = min(others[0], variables) * min(others[1], members) * field
        step = max(1, min(length, BLOCK_BYTES // max(unit, 1)))
        every = tuple(range(variables))
        blocks = []
        for begin in range(0, self._stored, length):
            end = min(begin + length, self._stored)
            blocks += [Block(tuple(range(t, min(t + step, end))), every) for t in range(begin, end, step)]
        return blocks

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block; each chunk is decoded once.

        Fields are views into `buffers`, valid until the next one is asked for.
        """
        times = sorted(t for t in set(block.times) if t < self._stored)
        chunk = self._data.chunks
        for several in _by_chunk(times, chunk[0]):
            for variables in _by_chunk(sorted(set(block.variables)), chunk[1]):
                for first in range(0, self._data.shape[2], chunk[2]):
                    yield from self._read_chunk(several, variables, self._along(2, first), buffers)

    def read_into(self, block: Block, out: np.ndarray, buffers: Buffers) -> bool:
        """The fields of a block straight into `out`; see `dqwatch.types.DecodesInto`."""
        data, times, variables = self._data, block.times, block.variables
        consecutive = variables == tuple(range(variables[0], variables[-1] + 1))
        if out.dtype != data.dtype or not consecutive or max(times) >= self._stored:
            return False
        some = slice(variables[0], variables[-1] + 1)
        for time, target in zip(times, out, strict=True):
            data.read((slice(time, time + 1), some, slice(None), slice(None)), target[None], buffers)
        return True

    def chunk_kind(self) -> ChunkKind | str:
        """See `dqwatch.storage.GivesChunks`."""
        return kind_of(self._data)

    def read_chunks(self, time: int, variables: Sequence[int], buffers: Buffers) -> Iterator[StoredChunk]:
        """See `dqwatch.storage.GivesChunks`."""
        return read_chunks(self._data, time, variables, buffers) if time < self._stored else iter(())

    def _read_chunk(self, times: list[int], variables: list[int], members: range, buffers: Buffers) -> Iterator[Field]:
        """Fields that share their chunks (but for those along the cells)."""
        held = len(self._along(0, times[0])) * len(self._along(1, variables[0]))
        several = max(1, _CACHED // (self._data.shape[3] * self._data.dtype.itemsize * len(members)))
        small = self._data.near and 2 * several < len(variables)
        if self._data.partial and (small or len(times) * len(variables) < SPARSE * held):
            runs = _runs(variables, several if small else len(variables))
            parts = [([t], run) for t in times for run in runs]
        else:
            parts = [(times, variables)]
        for some_times, some_variables in parts:
            yield from self._read_part(some_times, some_variables, members, buffers)

    def _along(self, dimension: int, index: int) -> range:
        """Indices of the data that lie in the chunk of `index`."""
        length = self._data.chunks[dimension]
        begin = index - index % length
        return range(begin, min(begin + length, self._data.shape[dimension]))

    def _read_part(self, times: list[int], variables: list[int], members: range, buffers: Buffers) -> Iterator[Field]:
        """Fields out of the smallest box that holds them."""
        data = self._data
        box = (
            slice(times[0], times[-1] + 1),
            slice(variables[0], variables[-1] + 1),
            slice(members.start, members.stop),
            slice(0, data.shape[3]),
        )
        values = data.borrow(box, buffers)
        for time in times:
            for variable in variables:
                for member in members:
                    field = values[time - times[0], variable - variables[0], member - members.start]
                    yield Field(time, variable, member, _as_float(field, buffers))

    def close(self) -> None:
        """Nothing is held open."""


def _as_float(values: np.ndarray, buffers: Buffers) -> np.ndarray:
    """Float32 and float64 as they are, half precision as float32, whole numbers as float64."""
    if values.dtype in (np.float32, np.float64):
        return values
    wide = np.float32 if values.dtype == np.float16 else np.float64
    converted = buffers.take("anemoi.float", values.shape, wide)
    converted[...] = values
    return converted


def _by_chunk(indices: list[int], length: int) -> list[list[int]]:
    """Ascending indices, those of one chunk together."""
    groups: dict[int, list[int]] = {}
    for i in indices:
        groups.setdefault(i // length, []).append(i)
    return list(groups.values())


def _runs(indices: list[int], most: int) -> list[list[int]]:
    """Ascending indices, those that follow each other together, so many at most."""
    runs: list[list[int]] = []
    for i in indices:
        if runs and runs[-1][-1] == i - 1 and len(runs[-1]) < most:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _check(where: str, names: list[str], arrays: Mapping[str, ZarrArray]) -> None:
    """Refuse what cannot be told apart into fields."""
    data = arrays["data"]
    if len(data.shape) != 4:
        raise SourceError(f"{where}: array 'data' has shape {data.shape}, expected (time, variable, ensemble, cell)")
    if len(names) != data.shape[1]:
        raise SourceError(f"{where}: attribute 'variables' names {len(names)}, array 'data' holds {data.shape[1]}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{where}: attribute 'variables' names {', '.join(twice)} more than once")
    if data.dtype.kind not in "fiu":
        raise SourceError(f"{where}: array 'data' is {data.dtype}, expected numbers")


def _time_axis(where: str, attrs: Mapping[str, Any], arrays: Mapping[str, ZarrArray]) -> tuple[TimeAxis, list[str]]:
    dates = arrays.get("dates")
    if dates is None or len(dates.shape) != 1 or dates.dtype.kind != "M":
        got = "is missing" if dates is None else f"has shape {dates.shape} and type {dates.dtype}"
        raise SourceError(f"{where}: array 'dates' {got}, expected datetime64 (time,)")
    return make_time_axis(dates.read((slice(None),), None, Buffers()), attrs)


def _grid(attrs: Mapping[str, Any], arrays: Mapping[str, ZarrArray]) -> Grid:
    name = str(attrs.get("resolution") or "grid")
    cells = arrays["data"].shape[3]
    coordinates = []
    for key in ("latitudes", "longitudes"):
        array = arrays.get(key, arrays.get(key.removesuffix("s")))
        if array is None or array.shape != (cells,) or array.dtype.kind not in "fiu":
            got = "is missing" if array is None else f"has shape {array.shape} and type {array.dtype}"
            reason = f"array '{key}' {got}, expected numbers ({cells},)"
            return Grid("unknown", (cells,), weights_origin=f"none: {reason}", name=name, problem=reason)
        coordinates.append(array.read((slice(None),), None, Buffers()).astype(np.float64))
    declared = attrs.get("field_shape")
    shape = None
    if isinstance(declared, list | tuple) and all(isinstance(n, int) for n in declared):
        shape = tuple(declared)
    return unstructured_grid(coordinates[0], coordinates[1], name, shape)


def _identity(attrs: Mapping[str, Any], arrays: Mapping[str, ZarrArray]) -> str:
    """The uuid that the store was given, else a digest of its metadata."""
    uuid = attrs.get("uuid")
    if isinstance(uuid, str) and uuid:
        return uuid
    shapes = {name: [list(array.shape), str(array.dtype)] for name, array in arrays.items()}
    text = json.dumps([dict(attrs), shapes], sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
