"""A file of losses by variable that grows step by step, as `dqwatch losses` reads it."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dqwatch.errors import UsageError


class LossFile:
    """A CSV file: step, dates, and a column for each variable; a run that is resumed goes on in it."""

    def __init__(self, path: str | os.PathLike[str], variables: Sequence[str]) -> None:
        """Begin, or go on.

        Raises
        ------
        UsageError
            If the file has other columns, or cannot be written.
        """
        self._path, self._header = Path(path), ["step", "dates", *variables]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists() or not self._path.stat().st_size:
                self._append(self._header)
                return
            with open(self._path, encoding="utf-8", newline="") as file:
                found = next(csv.reader(file))
        except OSError as error:
            raise UsageError(
                f"{path}: losses cannot be written there: {error.strerror}; choose another path"
            ) from error
        if found != self._header:
            raise UsageError(f"{path}: holds losses of other variables; give another path, or take it away")

    def append(self, step: int, losses: Sequence[float], dates: Sequence[np.datetime64] = ()) -> None:
        """Append the losses of a step; a line is written whole."""
        self._append([str(step), " ".join(map(str, dates)), *(f"{loss:.6g}" for loss in losses)])

    def _append(self, cells: Sequence[str]) -> None:
        with open(self._path, "a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(cells)
