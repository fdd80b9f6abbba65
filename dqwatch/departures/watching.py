"""How often something may be done beside other work, so that it takes no more than a share of the time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dqwatch.departures.scoring import Cycle


class Pace:
    """Counts batches, and says of which there is time to score a date.

    Parameters
    ----------
    share : float
        Of the time that may be spent.
    most : int
        Scored dates to keep.
    clock : callable, optional
        Seconds.
    """

    def __init__(self, share: float, most: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share, self._clock = share, clock
        self._began: float | None = None
        self._at = self._spent = 0.0
        self.n_batches = self.n_scored = 0
        self.kept: deque[Cycle] = deque(maxlen=most)

    def begin(self) -> bool:
        """Another batch has come: whether there is time to score a date of it."""
        self.n_batches += 1
        self._at = self._clock()
        if self._began is None:
            self._began = self._at
        return self._share >= 1 or self._spent <= self._share * (self._at - self._began)

    def end(self, cycles: Iterable[Cycle]) -> None:
        """It was scored."""
        self.kept.extend(cycles)
        self.n_scored += 1
        self._spent += self._clock() - self._at

    @property
    def overhead(self) -> float:
        """Seconds of scoring over all seconds since the first batch; 0 before."""
        passed = 0.0 if self._began is None else self._clock() - self._began
        return self._spent / passed if passed > 0 else 0.0
