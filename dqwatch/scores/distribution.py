"""Scores of the distribution: how far the values of a field, whatever their places, are from those to be expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.metrics.histogram import Bins
from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView, log


@score_family("histogram_distance", "histogram_divergence")
def histograms(view: ScoreView) -> Sequence[float]:
    """Logs of the Wasserstein-1 and of the Jensen-Shannon distance to the histogram of the month and the hour."""
    expected = view.expected.distribution
    if expected is None:
        return np.nan, np.nan
    found, usual = _shares(view.count(expected.bins)), _shares(expected.counts)
    return log(_wasserstein(found, usual, expected.bins)), log(_jensen_shannon(found, usual))


def _shares(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum())


def _wasserstein(p: np.ndarray, q: np.ndarray, bins: Bins) -> float:
    """The integral of the distance between the two cumulated distributions; NaN where one has no values."""
    return float((np.abs(np.cumsum(p - q))[:-1] * np.diff(bins.places)).sum())


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """The root of the divergence in bits: from 0 to 1; NaN where one has no values."""
    middle = 0.5 * (p + q)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = [np.where(one > 0, one * np.log2(one / middle), 0.0 * one) for one in (p, q)]
    return float(np.sqrt(max(0.5 * (each[0].sum() + each[1].sum()), 0.0)))
