"""What the layout of stored arrays costs whoever reads them: dates, series at a place, chunks filled in part."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dqwatch.metrics.access import Part, measure
from dqwatch.metrics.field_arrays import FieldArray, find_field_arrays
from dqwatch.metrics.metric import Wanted
from dqwatch.types import Source, StoredArray

COLUMNS = ("date_amplification", "series_amplification", "padding")
"""Optional columns of the table `arrays`."""


def layout_columns(source: Source, arrays: Sequence[StoredArray], wanted: Wanted) -> Mapping[str, list[Any]]:
    """Columns of the table `arrays` about what its layout costs; arithmetic on shapes, nothing is read.

    Parameters
    ----------
    source : Source
    arrays : sequence of StoredArray
        Of the source.
    wanted : mapping of table to columns

    Returns
    -------
    mapping of column to list, one value per array
        NaN for arrays that hold no fields or, of `padding`, have no chunks; empty if none is wanted.
    """
    if not set(COLUMNS) & set(wanted.get("arrays", ())):
        return {}
    whole: Source = getattr(source, "whole", source)
    placed, _ = find_field_arrays(whole, arrays if whole is source else whole.arrays())
    by_name = {array.stored.name: array for array in placed}
    rows = [_row(by_name.get(array.name)) for array in arrays]
    return {name: [row[i] for row in rows] for i, name in enumerate(COLUMNS)}


def _row(array: FieldArray | None) -> tuple[float, float, float]:
    if array is None or 0 in array.geometry.shape:
        return math.nan, math.nan, math.nan
    return _amplification(array, array.times), _amplification(array, array.cells), _padding(array)


def _amplification(array: FieldArray, once: tuple[int, ...]) -> float:
    """Bytes decoded for each byte wanted, if of some axes the first index is wanted and all of the others."""
    parts = [Part((a,), range(1 if a in once else n)) for a, n in enumerate(array.geometry.shape)]
    return measure(array.geometry, parts).amplification


def _padding(array: FieldArray) -> float:
    """Share of the bytes of all chunks that lie beyond the edges of the array."""
    if array.geometry.chunks is None:
        return math.nan
    held = math.prod(-(-n // c) * c for n, c in zip(array.geometry.shape, array.geometry.chunks, strict=True))
    return 1 - math.prod(array.geometry.shape) / held
