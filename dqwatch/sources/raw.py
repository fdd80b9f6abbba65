"""What every format looks like to the readers above it: arrays of raw values with dimensions and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from dqwatch.buffers import Buffers
    from dqwatch.types import StoredArray

Selection = tuple[slice | int, ...]
"""Basic indices, one per dimension: an int drops its dimension, the step of a slice is positive."""


class RawArray(Protocol):
    """One array of a file or store, its values as stored: nothing scaled, no fill value masked.

    `read` may be called by several threads at once, each with buffers of its own.
    """

    @property
    def name(self) -> str:
        """Name in the file; with the path of its group if that is not the root."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions; `dim_0`, `dim_1`, ... where the file names none."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""

    @property
    def dtype(self) -> np.dtype:
        """Type of what `read` returns, in native byte order."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes as plain Python values."""

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of what is decoded at once; None for contiguous storage."""

    @property
    def fill_value(self) -> Any:
        """What an absent chunk reads as; None where the file says nothing."""

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array.

        Parameters
        ----------
        selection : tuple of slice or int, one per dimension
        out : np.ndarray or None
            Of the selection's shape and of `dtype`; a new array is made where None.
        buffers : Buffers
            Scratch memory of the caller's thread.

        Returns
        -------
        np.ndarray
            `out`, or the new array.

        Raises
        ------
        SourceError
            If something stored cannot be read or decoded.
        """

    def describe(self) -> StoredArray:
        """The array as it lies in storage; may list files."""
