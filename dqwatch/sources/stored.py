"""Objects as they lie in storage, to be read at any offset: files of this machine, or bytes that were fetched."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np

from dqwatch.sources.zarr_codecs import DecodeError


class Stored(Protocol):
    """One object, opened."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """Fill an array of uint8 with the bytes from `offset` on, and return it.

        Raises
        ------
        DecodeError
            If the object ends before.
        """

    def close(self) -> None:
        """Let go of it; to be called once."""


class File:
    """A local file as `Stored`, by its descriptor, which it closes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """See `Stored.fill`."""
        view = into.data
        done = 0
        while done < len(view):
            got = os.preadv(self._descriptor, [view[done:]], offset + done)
            if got == 0:
                raise DecodeError(f"cut short: {offset + done} bytes")
            done += got
        return into

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Held:
    """Bytes in memory as `Stored`."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def fill(self, into: np.ndarray, offset: int) -> np.ndarray:
        """See `Stored.fill`."""
        if offset + into.size > self.size:
            raise DecodeError(f"cut short: {self.size} bytes")
        into[:] = np.frombuffer(self._content, np.uint8, into.size, offset)
        return into

    def close(self) -> None:
        """Nothing is held open."""
