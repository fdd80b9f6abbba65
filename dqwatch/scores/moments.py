"""Scores of the whole field: its mean departure, their size, how rough they are, and the largest ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import KINDS, score_family
from dqwatch.scores.view import ScoreView, log


@score_family("mean", "ms", kinds=KINDS)
def moments(view: ScoreView) -> Sequence[float]:
    """Weighted mean of z, and log of the weighted mean of z^2."""
    return view.sums.mean, log(view.sums.mean_square)


@score_family("peak", kinds=KINDS)
def peaks(view: ScoreView) -> Sequence[float]:
    """Log of the mean of the 8 largest abs(z); NaN without any value."""
    return (log(float(view.largest.mean())) if view.sums.weight > 0 else np.nan,)


@score_family("roughness", kinds=KINDS)
def roughness(view: ScoreView) -> Sequence[float]:
    """Log of the mean square difference of z between neighbours over the mean square of z."""
    weight, square = view.steps_east
    if weight <= 0 or not view.sums.mean_square > 0:
        return (np.nan,)
    return (log(square / weight / view.sums.mean_square),)
