"""Know a data set: its sizes, layout and periods, and what reading it costs; next to nothing of it is read."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dqwatch.errors import UsageError
from dqwatch.metrics.access import Access, measure, touched_chunks
from dqwatch.metrics.access_patterns import BUILT_IN, Pattern, choose_times, choose_variables, parse_pattern
from dqwatch.metrics.feeding import Feeding
from dqwatch.metrics.field_arrays import FieldArray, find_field_arrays
from dqwatch.metrics.footprint import Footprint, measure_footprint
from dqwatch.metrics.holes import Holes, sample_holes
from dqwatch.metrics.machine import Device, devices, host_memory
from dqwatch.metrics.peak_memory import PeakMemory
from dqwatch.metrics.periods import Period, describe_period
from dqwatch.metrics.rechunk_commands import Command, rechunk_command
from dqwatch.metrics.rechunking import Candidate, Wishes, present, propose
from dqwatch.sources.chunk_sizes import StoredBytes, find_stored_bytes, local_paths
from dqwatch.types import Grid, Source, StoredArray, TimeAxis, Variable

INPUT_STEPS, TARGET_STEPS = 2, 1
"""Dates that a sample of training has: two states to start from and the one to be forecast."""
VALUE_BYTES = 4
"""Models are fed with float32, whatever is stored."""
MOST_LOOKED_UP = 50_000
"""Chunks whose size in storage is looked up one by one; of more, the mean size is taken."""


@dataclass(frozen=True)
class ReadCost:
    """What reading a pattern costs, over all arrays."""

    pattern: Pattern
    access: Access
    stored_bytes: int | None
    """Bytes fetched from storage; None where nothing is stored."""
    stored_exact: bool
    """Whether that is the sum over the chunks; if not, it follows from their mean size."""
    period: tuple[str, str]
    """First and last time that is read, of the first axis."""


@dataclass(frozen=True)
class Option:
    """Another layout and how to get there."""

    candidate: Candidate
    command: Command


@dataclass(frozen=True)
class Memory:
    """Bytes of what a model is fed with, and of what there is to hold it."""

    date: int
    """One date, all variables, as float32."""
    batch: int
    """`n_samples` times two input steps and one target."""
    n_samples: int
    host: int | None
    devices: tuple[Device, ...] | None
    """None: unknown."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """What `inspect` finds."""

    name: str
    kind: str
    identity: str
    variables: tuple[Variable, ...]
    times: tuple[TimeAxis, ...]
    grids: tuple[Grid, ...]
    arrays: tuple[StoredArray, ...]
    """As they lie in storage, coordinates included."""
    notes: tuple[str, ...]
    footprint: Footprint | None
    """Of all files; None where there are none on this machine."""
    bytes: int
    """Uncompressed, all arrays."""
    dimensions: Mapping[str, int]
    periods: tuple[Period, ...]
    holes: Holes
    memory: Memory
    reads: tuple[ReadCost, ...]
    main: FieldArray | None
    """The array for which other layouts are weighed: the largest of those that the first pattern of the user's own
    wants, or of all; None if there is none."""
    as_stored: Candidate | None
    """What the patterns cost on `main` now."""
    options: tuple[Option, ...]
    seconds: float
    audit: PeakMemory | None = None
    """What an audit takes."""
    feeding: Feeding | None = None
    """How fast a model can be fed; None where that was not asked."""


def check_request(pattern: str | Sequence[str] | None, batch: int) -> list[Pattern]:
    """The user's own patterns; what is wrong with the request is told before any data are opened.

    Raises
    ------
    UsageError
        If a pattern cannot be understood, or `batch` is below 1.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise UsageError(f"batch: got {batch!r}; give a whole number of 1 or more")
    texts = [pattern] if isinstance(pattern, str) else list(pattern or ())
    names = ["own"] if len(texts) == 1 else [f"own{k}" for k in range(1, len(texts) + 1)]
    return [parse_pattern(text, name=name) for text, name in zip(texts, names, strict=True)]


def inspect_source(
    source: Source, data: Any, *, patterns: Sequence[Pattern] = (), batch: int = 1, audit: PeakMemory | None = None
) -> Inspection:
    """Inspect a source.

    Parameters
    ----------
    source : Source
    data : Any
        What it was opened from: tells files apart.
    patterns : sequence of Pattern
        Ways of reading beside the built-in ones.
    batch : int
        Samples of a batch.
    audit : PeakMemory, optional
        What an audit of the source takes.

    Raises
    ------
    UsageError
        If a pattern names a variable that there is not, or wants more than there is.
    SourceError
        If the sample of fields cannot be read.
    """
    began = time.perf_counter()
    arrays = _as_they_lie(data, source.arrays())
    held, unclear = find_field_arrays(source, arrays)
    reads = tuple(_read_cost(source, data, held, pattern) for pattern in (*patterns, *BUILT_IN))
    main = _main(source, held, patterns)
    wishes = _wishes(source, main, [*patterns, *BUILT_IN]) if main is not None else {}
    notes = [*source.notes, *(f"{name}: its dimensions are not understood, left out of the costs" for name in unclear)]
    return Inspection(
        name=source.name,
        kind=source.kind,
        identity=source.identity,
        variables=tuple(source.variables),
        times=tuple(source.times),
        grids=tuple(source.grids),
        arrays=arrays,
        notes=tuple(notes),
        footprint=None if source.kind == "anemoi_dataset" else measure_footprint(data),  # whose file only names others
        bytes=sum(uncompressed_bytes(array) for array in arrays),
        dimensions={dim: n for array in arrays for dim, n in zip(array.dims, array.shape, strict=True)},
        periods=tuple(describe_period(axis) for axis in source.times),
        holes=sample_holes(source, held),
        memory=_memory(source, batch),
        reads=reads,
        main=main,
        as_stored=present(main, wishes) if main is not None else None,
        options=_options(data, source.kind, held, main, wishes),
        seconds=time.perf_counter() - began,
        audit=audit,
    )


def _as_they_lie(data: Any, arrays: Sequence[StoredArray]) -> tuple[StoredArray, ...]:
    """The arrays; those of classic NetCDF without chunks, for any part of a record can be had by itself."""
    paths = [Path(path) for path in local_paths(data)]
    if paths and all(path.is_file() and _is_classic(path) for path in paths):
        return tuple(replace(array, chunks=None) for array in arrays)
    return tuple(arrays)


def _is_classic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"CDF"


def uncompressed_bytes(array: StoredArray) -> int:
    """Uncompressed bytes of an array; 0 for values without a fixed size."""
    try:
        return math.prod(array.shape) * np.dtype(array.dtype).itemsize
    except TypeError:
        return 0


def _memory(source: Source, batch: int) -> Memory:
    date = sum(source.grids[v.grid].n_cells * v.members for v in source.variables) * VALUE_BYTES
    steps = INPUT_STEPS + TARGET_STEPS
    return Memory(date, date * steps * batch, batch, host_memory(), devices())


def _read_cost(source: Source, data: Any, arrays: Sequence[FieldArray], pattern: Pattern) -> ReadCost:
    variables = choose_variables(pattern, source.variables)
    wanted = decoded = chunks = stored = 0
    exact, counted, known = True, True, True
    for array in arrays:
        parts = array.parts(source, pattern, variables)
        if not parts:
            continue
        access = measure(array.geometry, parts)
        wanted, decoded = wanted + access.wanted_bytes, decoded + access.decoded_bytes
        chunks, exact = chunks + access.chunks, exact and access.exact
        size, sure = _stored(array, access, parts, find_stored_bytes(data, array.stored))
        known, counted = known and size is not None, counted and sure
        stored += size or 0
    access = Access(wanted, decoded, chunks, exact)
    return ReadCost(pattern, access, stored if known else None, known and counted, _period(source, pattern, variables))


def _period(source: Source, pattern: Pattern, variables: Sequence[int]) -> tuple[str, str]:
    """First and last time that a pattern reads, of the longest axis."""
    axes = [source.times[source.variables[v].times] for v in variables]
    if not axes:
        return "", ""
    axis = max(axes, key=len)
    chosen = choose_times(pattern, axis)
    return (axis.labels[chosen[0]], axis.labels[chosen[-1]]) if len(chosen) else ("", "")


def _stored(
    array: FieldArray, access: Access, parts: Sequence[Any], sizes: StoredBytes | None
) -> tuple[int | None, bool]:
    """Bytes fetched from storage, and whether they were counted chunk by chunk."""
    total = array.stored.stored_bytes
    if sizes is not None and access.chunks <= MOST_LOOKED_UP:
        return sizes(touched_chunks(array.geometry, parts)), True
    if total is None:
        return None, False
    if array.geometry.chunks is None:
        return access.decoded_bytes, False
    return round(total * access.chunks / max(1, array.geometry.n_chunks)), access.chunks == array.geometry.n_chunks


def _main(source: Source, arrays: Sequence[FieldArray], patterns: Sequence[Pattern]) -> FieldArray | None:
    wanted = set(choose_variables(patterns[0], source.variables)) if patterns else set()
    touched = [a for a in arrays if wanted.intersection(a.variables)] or arrays
    return max(touched, key=lambda a: math.prod(a.geometry.shape) * a.geometry.itemsize, default=None)


def _wishes(source: Source, main: FieldArray, patterns: Sequence[Pattern]) -> Wishes:
    found = {}
    for pattern in patterns:
        parts = main.parts(source, pattern, choose_variables(pattern, source.variables))
        if parts and all(len(part) for part in parts):
            found[pattern.name] = parts
    return found


def _options(
    data: Any, kind: str, arrays: Sequence[FieldArray], main: FieldArray | None, wishes: Wishes
) -> tuple[Option, ...]:
    if main is None or not wishes:
        return ()
    alike = [a.stored for a in arrays if (a.dims, a.stored.shape) == (main.dims, main.stored.shape)]
    if main.dims != main.stored.dims:  # messages: they are written anew all together
        alike = [a.stored for a in arrays]
    return tuple(Option(c, rechunk_command(data, kind, alike, c)) for c in propose(main, wishes))
