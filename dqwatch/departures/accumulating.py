"""Series of departures accumulated over time: slots of days, the moving average, the cumulated sum, the onset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEMORY = 120.0
"""Days after which the moving average has forgotten all but 1/e."""
ALLOWANCE = 0.25
"""Of the cumulated sum: mean departures below it, in standard deviations of a slot, do not add up."""
_STEADIEST = 0.95
"""Largest memory from slot to slot that is taken out before cumulating."""


class Slots(NamedTuple):
    """Stretches of time of equal length, one after the other."""

    begin: int
    """Seconds at which the first begins."""
    length: int
    """Seconds."""
    of_cycle: np.ndarray
    """int64 (cycle,), the slot of each cycle."""
    size: int
    per_slot: float
    """Cycles of a full slot."""

    @property
    def days(self) -> float:
        """Length in days."""
        return self.length / 86400


def lay_slots(seconds: np.ndarray, length: int, per_slot: float | None = None) -> Slots:
    """Slots from the first of some times to the last.

    Parameters
    ----------
    seconds : np.ndarray int64 (cycle,)
    length : int
    per_slot : float, optional
        Cycles of a full slot; the median of these by default.
    """
    begin = int(seconds.min())
    of_cycle = (seconds - begin) // length
    size = int(of_cycle.max()) + 1
    if per_slot is None:
        held = np.bincount(of_cycle)
        per_slot = float(np.median(held[held > 0]))
    return Slots(begin, length, of_cycle, size, per_slot)


def slot_length(seconds: np.ndarray, least: int) -> int:
    """The length of slots that hold about one day of data at least: seconds."""
    days = np.unique(seconds // 86400)
    return max(least, int(np.median(np.diff(days))) * 86400) if days.size > 1 else least


def fill_slots(departures: np.ndarray, slots: Slots) -> np.ndarray:
    """Means over slots, float64 (slot, column).

    A slot with fewer cycles than a full one counts as if the others had been usual: what was seldom looked at scatters
    more, and must not alarm for that.
    """
    known = np.isfinite(departures)
    sums, counts = np.zeros((2, slots.size, departures.shape[1]))
    np.add.at(sums, slots.of_cycle, np.where(known, departures, 0.0))
    np.add.at(counts, slots.of_cycle, known.astype(np.float64))
    return np.asarray(sums / np.maximum(counts, slots.per_slot))


def average(values: np.ndarray, days: float) -> np.ndarray:
    """The exponentially weighted moving average from nothing on, (slot, column).

    References
    ----------
    Roberts, 1959, Control chart tests based on geometric moving averages, Technometrics 1.
    """
    share = 1 - np.exp(-days / MEMORY)
    found = np.empty_like(values)
    level = np.zeros(values.shape[1])
    for k, row in enumerate(values):
        level = level + share * (row - level)
        found[k] = level
    return found


def cumulate(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cumulated sums upward and downward, both positive, (slot, column) of values of mean 0 and variance 1.

    References
    ----------
    Page, 1954, Continuous inspection schemes, Biometrika 41.
    """
    up, down = np.empty_like(values), np.empty_like(values)
    high, low = np.zeros((2, values.shape[1]))
    for k, row in enumerate(values):
        high = np.maximum(0.0, high + row - ALLOWANCE)
        low = np.maximum(0.0, low - row - ALLOWANCE)
        up[k], down[k] = high, low
    return up, down


class Whitening(NamedTuple):
    """How much of a slot the one before it tells, and what is left."""

    memory: np.ndarray
    """float64 (column,), from 0 on."""
    spread: np.ndarray
    """float64 (column,), standard deviation of what is left."""


def learn_whitening(values: np.ndarray) -> Whitening:
    """The lag-one memory of series (slot, column) and the spread of their innovations."""
    before, after = values[:-1], values[1:]
    power = np.maximum((before * before).sum(axis=0), 1e-12)
    memory = np.clip((before * after).sum(axis=0) / power, 0.0, _STEADIEST)
    left = after - memory * before
    return Whitening(memory, np.maximum(left.std(axis=0), 1e-9))


def whiten(values: np.ndarray, by: Whitening) -> np.ndarray:
    """What slots bring that those before them did not tell, standardised; the first has none before it."""
    before = np.concatenate([np.zeros((1, values.shape[1])), values[:-1]])
    return np.asarray((values - by.memory * before) / by.spread)


def find_onset(values: np.ndarray) -> int:
    """The slot from which on the mean of a series (slot,) most likely is another than 0, to its end.

    Of a step of any size at slot k in white noise the likelihood grows with the squared sum of the values from k on
    over their number.

    References
    ----------
    Hinkley, 1970, Inference about the change-point in a sequence of random variables, Biometrika 57.
    """
    sums = np.cumsum(values[::-1])[::-1]
    return int(np.argmax(sums * sums / np.arange(values.size, 0, -1)))
