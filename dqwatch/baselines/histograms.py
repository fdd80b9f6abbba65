"""Histograms of a variable by month and hour of the day: sums that add up, and what they let expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.metrics.histogram import Bins, count_values, linear_bins, skewed_bins
from dqwatch.metrics.kernel_layout import SLOTS
from dqwatch.metrics.known import Knowledge
from dqwatch.scores.view import Distribution

MONTHS = 12


class HistogramSums:
    """Counts of the finite values of many fields.

    Parameters
    ----------
    bins : Bins
    hours : int

    Attributes
    ----------
    counts : np.ndarray int64 (month, hour, slot)
    """

    def __init__(self, bins: Bins, hours: int) -> None:
        self.bins = bins
        self.counts = np.zeros((MONTHS, hours, SLOTS), np.int64)
        self._buffers = Buffers()

    def add(self, values: np.ndarray, month: int, hour: int) -> None:
        """One field."""
        self.counts[month, hour] += count_values(np.ascontiguousarray(values), self.bins, self._buffers)

    def merge(self, other: HistogramSums) -> None:
        """The counts of other times onto these.

        Raises
        ------
        ValueError
            If bins or hours differ.
        """
        if other.bins != self.bins or other.counts.shape != self.counts.shape:
            raise ValueError("histograms: counted in other bins, or at other hours")
        self.counts += other.counts


@dataclass(frozen=True, eq=False)
class Histograms:
    """What fields of a month and an hour were like."""

    bins: Bins
    counts: np.ndarray
    """int64 (month, hour, slot)."""

    def expect(self, month: int, hour: int) -> Distribution:
        """The values to be expected: those of the month, and half as much of the months beside.

        Where there are none at that hour, those of all months; else of all hours too.
        """
        before, after = (month - 1) % MONTHS, (month + 1) % MONTHS
        own = self.counts[:, hour]
        for found in (own[before] + 2 * own[month] + own[after], own.sum(axis=0)):
            if found.any():
                return Distribution(self.bins, found)
        return Distribution(self.bins, self.counts.sum(axis=(0, 1)))


def choose_bins(known: Knowledge, first: np.ndarray) -> Bins:
    """The bins of a variable: from the catalogue, else from the range of its first field, and as much on both sides."""
    if known.bins is not None:
        return known.bins
    finite = first[np.isfinite(first)].astype(np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if known.entry is not None and known.entry.histogram == "skewed":
        return skewed_bins(2 * high)
    return linear_bins(2 * low - high, 2 * high - low)
