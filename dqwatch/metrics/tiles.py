"""The tiles in which fields are stored: chunks that hold a part of the cells."""

from __future__ import annotations

import threading

from dqwatch.types import Source, StoredArray, Variable


class Tiles:
    """Of the fields of one source; how arrays are stored is asked when the first tile is. Threads may share it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._arrays: list[StoredArray] | None = None
        self._known: dict[str, tuple[int, ...] | None] = {}
        self._lock = threading.Lock()

    def of(self, variable: Variable) -> tuple[int, ...] | None:
        """Cells of a chunk along each axis of the grid's shape; None where a field is one chunk, or nothing is known.

        The array is the one with the name that the variable has in the source, or the only one of several dimensions.
        """
        if variable.name in self._known:
            return self._known[variable.name]
        with self._lock:
            if variable.name not in self._known:
                if self._arrays is None:
                    self._arrays = self._source.arrays()
                self._known[variable.name] = _find(variable, self._source.grids[variable.grid].shape, self._arrays)
            return self._known[variable.name]


def _find(variable: Variable, shape: tuple[int, ...], arrays: list[StoredArray]) -> tuple[int, ...] | None:
    fitting = [
        a for a in arrays if a.chunks and len(a.shape) >= len(shape) and a.shape[len(a.shape) - len(shape) :] == shape
    ]
    own = [a for a in fitting if a.name == variable.source_name] or [a for a in fitting if len(a.shape) > len(shape)]
    if len(own) != 1 or own[0].chunks is None:
        return None
    tile = own[0].chunks[len(own[0].shape) - len(shape) :]
    return None if all(t >= n for t, n in zip(tile, shape, strict=True)) else tile
