"""Which dates a batch has: windows along the time axis, in order or shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.errors import UsageError
from dqwatch.types import NOT_A_TIME, TimeAxis


@dataclass(frozen=True, eq=False)
class Order:
    """The samples of an epoch, and how they are put into batches.

    Attributes
    ----------
    samples : np.ndarray int64 (sample, step)
        Positions on the time axis, in order of time.
    batch : int
        Samples of a batch.
    seed : int or None
        Shuffles; None keeps the order of time.
    drop_last : bool
        Whether a last batch of fewer samples is left out.
    share : tuple of int
        Rank and number of those who share the samples between them.
    """

    samples: np.ndarray
    batch: int
    seed: int | None = None
    drop_last: bool = False
    share: tuple[int, int] = (0, 1)

    def __len__(self) -> int:
        """Number of batches."""
        own = self._n_own
        return own // self.batch if self.drop_last else -(-own // self.batch)

    @property
    def _n_own(self) -> int:
        """Samples of this rank: every rank has as many, so that none waits for the others."""
        return len(self.samples) // self.share[1]

    def epoch(self, number: int) -> np.ndarray:
        """The samples of an epoch in the order in which they come, int64 (sample, step)."""
        rank, size = self.share
        chosen = np.arange(len(self.samples))
        if self.seed is not None:
            chosen = np.random.default_rng([self.seed, number]).permutation(chosen)
        own = chosen[rank : self._n_own * size : size]
        return np.asarray(self.samples[own[: len(self) * self.batch]])


def lay_windows(axis: TimeAxis, window: int, hours: float | None) -> np.ndarray:
    """The windows of dates along an axis, int64 (sample, step): positions of dates that are evenly spaced in time.

    Parameters
    ----------
    axis : TimeAxis
        Dates declared missing are in no window; where only some are looked at (`every`), windows begin there.
    window : int
        Dates of a window.
    hours : float, optional
        Between the dates of a window; the commonest step of the axis by default. Of an axis that is not time, dates
        follow each other as they are stored.
    """
    if axis.kind != "time":
        n = max(0, len(axis) - window + 1)
        return np.arange(n)[:, None] + np.arange(window)
    usable = axis.seconds != NOT_A_TIME
    if axis.declared_missing is not None:
        usable = usable & ~axis.declared_missing
    begins = usable if axis.sampled is None else usable & axis.sampled
    place = {int(s): i for i, s in reversed(list(enumerate(axis.seconds.tolist()))) if usable[i]}
    step = _step(axis.seconds[usable]) if hours is None else round(hours * 3600)
    if step == 0 and window > 1:
        return np.empty((0, window), np.int64)
    rows = [
        [place.get(int(axis.seconds[i]) + k * step, -1) if k else int(i) for k in range(window)]
        for i in np.flatnonzero(begins)[np.argsort(axis.seconds[begins], kind="stable")]
    ]
    found = np.array(rows, np.int64).reshape(-1, window)
    return np.asarray(found[(found >= 0).all(axis=1)])


def _step(seconds: np.ndarray) -> int:
    """The commonest step between successive times; 0 of fewer than two."""
    steps = np.diff(np.unique(seconds))
    if not steps.size:
        return 0
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def check_share(share: tuple[int, int]) -> None:
    """Refuse a rank that there is not.

    Raises
    ------
    UsageError
        If the rank is not below the number of those who share.
    """
    rank, size = share
    if size < 1 or not 0 <= rank < size:
        raise UsageError(f"share: got {share}; give (rank, number of ranks), the rank from 0 on")
