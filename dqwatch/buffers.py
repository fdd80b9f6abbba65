"""Memory that a worker uses again and again, so that no field costs a fresh allocation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Buffers:
    """Named scratch arrays of one worker; each grows to the largest size asked for and stays.

    Not for several threads: every worker has its own.
    """

    def __init__(self) -> None:
        self._held: dict[str, np.ndarray] = {}

    def take(self, name: str, shape: tuple[int, ...] | int, dtype: Any) -> np.ndarray:
        """An uninitialised C-contiguous array; the same memory whenever `name` is the same.

        Parameters
        ----------
        name : str
            Two arrays in use at the same time need two names.
        shape : int or tuple of int
        dtype : numpy dtype

        Returns
        -------
        np.ndarray
            64-byte aligned view; valid until the next `take` of the same name.
        """
        dtype = np.dtype(dtype)
        count = shape if isinstance(shape, int) else math.prod(shape)
        needed = count * dtype.itemsize
        held = self._held.get(name)
        if held is None or held.nbytes < needed:
            raw = np.empty(needed + 64, np.uint8)
            start = -raw.ctypes.data % 64
            held = self._held[name] = raw[start : start + needed]
        return held[:needed].view(dtype).reshape(shape)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(b.nbytes for b in self._held.values())
