"""Text as NetCDF-3 stores it, one character per value, as an array of words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.raw import RawArray, Selection
from dqwatch.types import StoredArray


class Words:
    """An array of characters as a `RawArray` of words, without the dimension along the letters."""

    def __init__(self, array: RawArray) -> None:
        self._array = array
        self.name = array.name
        self.attrs: Mapping[str, Any] = array.attrs
        self.fill_value: Any = array.fill_value
        self.dims: tuple[str, ...] = array.dims[:-1]
        self.shape: tuple[int, ...] = array.shape[:-1]
        self.dtype: np.dtype = np.dtype(f"S{array.shape[-1]}")
        self.chunks: tuple[int, ...] | None = array.chunks[:-1] if array.chunks else None

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Words; see `RawArray.read`."""
        letters = np.ascontiguousarray(self._array.read((*selection, slice(None)), None, buffers))
        words: np.ndarray = letters.view(self.dtype)[..., 0]
        if out is None:
            return words
        np.copyto(out, words)
        return out

    def describe(self) -> StoredArray:
        """The array as it lies in storage."""
        return self._array.describe()


def with_words(arrays: Mapping[str, RawArray]) -> dict[str, RawArray]:
    """The arrays, those of characters made words."""
    return {name: Words(array) if _is_text(array) else array for name, array in arrays.items()}


def _is_text(array: RawArray) -> bool:
    return array.dtype == np.dtype("S1") and len(array.shape) > 0 and array.shape[-1] > 0
