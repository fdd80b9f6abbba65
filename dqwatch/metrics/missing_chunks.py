"""Chunks that a store lacks: those that are lost, and those that hold nothing but fill values and were never written.

A Zarr array reads as its fill value where a chunk is absent, and by default chunks of nothing else are not written. So
absence alone proves nothing; whether the fill value may be meant is told by the fields around it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.metrics.field_arrays import FieldArray, find_field_arrays
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.lost_chunks import Judge
from dqwatch.types import Source, StoredArray

COLUMNS = ("lost_chunks", "empty_chunks", "lost_keys", "lost_fields")
"""Optional columns of the table `arrays`; the first is one of the table `fields`, too."""
_SHOWN = 3
Wanted = Mapping[str, Collection[str]]


class Absences(NamedTuple):
    """What is absent from the arrays of a source."""

    columns: dict[str, list[Any]]
    """`COLUMNS`, a value for each array."""
    fields: Mapping[tuple[str, str], int]
    """Variable and label of the time -> lost chunks of the field."""


class _Row(NamedTuple):
    lost: int = -1
    empty: int = -1
    keys: str = ""
    fields: str = ""


def find_absences(
    source: Source, arrays: Sequence[StoredArray], knowledge: Sequence[Knowledge], wanted: Wanted
) -> Absences | None:
    """Which chunks of the arrays of a source are lost, and which were never written; None if nobody wants to know.

    Of a part of a source the whole arrays are looked at; a few fields are read around what is absent.

    Parameters
    ----------
    source : Source
    arrays : sequence of StoredArray
        Of the source.
    knowledge : sequence of Knowledge
        Of each variable of the source.
    wanted : mapping of table to columns

    Raises
    ------
    SourceError
        If the index of a shard, or a field beside an absent chunk, cannot be read.
    """
    if not set(COLUMNS) & set(wanted.get("arrays", ())) and COLUMNS[0] not in wanted.get("fields", ()):
        return None
    whole: Source = getattr(source, "whole", source)
    known = {v.name: k for v, k in zip(source.variables, knowledge, strict=True)}
    placed, unclear = find_field_arrays(whole, arrays if whole is source else whole.arrays())
    by_name = {array.stored.name: array for array in placed}
    fields: dict[tuple[str, str], int] = {}
    rows = [_look(whole, a, by_name.get(a.name), a.name in unclear, known, fields) for a in arrays]
    return Absences({name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}, fields)


def _look(
    source: Source,
    stored: StoredArray,
    array: FieldArray | None,
    unclear: bool,
    known: Mapping[str, Knowledge],
    fields: dict[tuple[str, str], int],
) -> _Row:
    sizes = stored.held.sizes() if stored.held is not None else None
    if sizes is None or stored.held is None:
        return _Row()
    absent = sizes < 0
    n = int(absent.sum())
    if n == 0:
        return _Row(0, 0)
    if array is None:
        if unclear:
            return _Row(-1, n)
        return _Row(0, n) if _may_be_meant(stored.fill_value) else _Row(n, 0, _keys(stored, np.argwhere(absent)))
    judge = Judge(source, array, sizes, known)
    lost = judge.find_lost()
    if not len(lost):
        return _Row(0, n)
    times, variables = judge.count_fields(lost, fields)
    return _Row(len(lost), n - len(lost), _keys(stored, lost), _in_words(times, variables))


def _may_be_meant(fill_value: str | None) -> bool:
    """Whether a coordinate or statistic may be this throughout: zero or nothing, but not NaN, nor any other number."""
    if fill_value is None:
        return True  # zarr 3 leaves out chunks of zero then
    try:
        return float(fill_value) == 0
    except ValueError:
        return fill_value in ("", "False", "b''", "0j")


def _keys(stored: StoredArray, indices: np.ndarray) -> str:
    """The first keys, and how many more: `3.0.0.0, 4.0.0.0 (+7)`."""
    if stored.held is None:
        return ""
    return _few([stored.held.key(tuple(index)) for index in indices[:_SHOWN].tolist()], len(indices))


def _few(names: Sequence[str], n: int) -> str:
    return ", ".join(names[:_SHOWN]) + (f" (+{n - _SHOWN})" if n > _SHOWN else "")


def _in_words(times: Sequence[str], variables: Sequence[str]) -> str:
    """`2t, msl (+16) at 2020-01-01T06:00:00`, `2t from 2020-01-01T06:00:00 to 2020-01-02T00:00:00 (4 times)`."""
    what = _few(variables, len(variables))
    if not times or times == [""]:
        return what
    if len(times) == 1:
        return f"{what} at {times[0]}"
    return f"{what} from {times[0]} to {times[-1]} ({len(times)} times)"
