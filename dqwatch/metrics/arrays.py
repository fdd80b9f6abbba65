"""The table `arrays`: one row for each array as it lies in storage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch import tables
from dqwatch.types import Source, StoredArray

if TYPE_CHECKING:
    import pandas as pd


def arrays_table(
    source: Source, arrays: Sequence[StoredArray] | None = None, more: Mapping[str, Sequence[Any]] | None = None
) -> pd.DataFrame:
    """The table `arrays`.

    Parameters
    ----------
    source : Source
    arrays : sequence of StoredArray, optional
        Of the source, where they have been listed already.
    more : mapping of column to sequence, optional
        Optional columns, a value for each array.
    """
    rows = [_row(array) for array in (source.arrays() if arrays is None else arrays)]
    names = [column.name for column in tables.TABLES["arrays"]]
    return tables.frame("arrays", {**{name: [row[name] for row in rows] for name in names}, **(more or {})})


def _row(array: StoredArray) -> dict[str, Any]:
    item = _item_bytes(array.dtype)
    size = math.prod(array.shape) * item
    chunk = math.nan if array.chunks is None else math.prod(array.chunks) * item / 1e6
    counted = array.objects is not None and array.expected_objects is not None
    return {
        "array": array.name,
        "dims": " ".join(array.dims),
        "shape": _lengths(array.shape),
        "dtype": array.dtype,
        "chunks": _lengths(array.chunks),
        "shards": _lengths(array.shards),
        "chunk_mb": chunk,
        "codec": array.codec,
        "fill_value": "" if array.fill_value is None else str(array.fill_value),
        "size_mb": size / 1e6,
        "stored_mb": math.nan if array.stored_bytes is None else array.stored_bytes / 1e6,
        "ratio": size / array.stored_bytes if array.stored_bytes else math.nan,
        "objects": -1 if array.objects is None else array.objects,
        "missing_chunks": (array.expected_objects or 0) - (array.objects or 0) if counted else -1,
        "calendar": array.calendar or "",
        "length_ok": array.length_ok,
    }


def _lengths(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " x ".join(map(str, shape))


def _item_bytes(dtype: str) -> float:
    """Bytes of a value; NaN for types without a fixed size."""
    try:
        size = np.dtype(dtype).itemsize
    except TypeError:
        return math.nan
    return size or math.nan
