"""What is to be decoded for the batches of an epoch, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Item(NamedTuple):
    """A date of a batch, or a part of it, to be decoded."""

    batch: int
    place: tuple[int, int]
    time: int
    part: int
    first: bool
    """Whether the batch has this date for the first time."""
    again: tuple[tuple[int, int], ...]
    """Where else it has it."""


class Plan(Sequence[Item]):
    """All items of an epoch, each made when it is asked for.

    Parameters
    ----------
    samples : np.ndarray int64 (sample, step)
    batch : int
        Samples of a batch.
    parts : int
        Of a date.
    """

    def __init__(self, samples: np.ndarray, batch: int, parts: int) -> None:
        self._samples, self._batch, self.parts = samples, batch, parts
        self.per_batch = batch * samples.shape[1] * parts
        self.n_batches = -(-len(samples) // batch)

    def samples_of(self, batch: int) -> np.ndarray:
        """Positions of the dates of a batch, int64 (sample, step)."""
        return self._samples[batch * self._batch : (batch + 1) * self._batch]

    def items_of(self, batch: int) -> tuple[int, int]:
        """The first item of a batch, and the first after it."""
        return batch * self.per_batch, min((batch + 1) * self.per_batch, len(self))

    def __len__(self) -> int:
        """Number of items."""
        return self._samples.size * self.parts

    def __getitem__(self, index: Any) -> Any:
        """One item."""
        batch, inner = divmod(int(index), self.per_batch)
        samples = self.samples_of(batch)
        flat, part = divmod(inner, self.parts)
        place = divmod(flat, samples.shape[1])
        time = int(samples[place])
        same = [(int(a), int(b)) for a, b in np.argwhere(samples == time)] if samples.size > 1 else [place]
        return Item(batch, place, time, part, same[0] == place, tuple(same[1:]))
