"""Scores of point masses: shares of cells with one and the same value. Compared with the extremes of training only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.kernel_scores import count_points
from dqwatch.scores.view import ScoreView

_SMALLEST = 1e-4


@score_family("at_minimum", "at_maximum", "equal_beside", exact=True, slack=1.0)
def points(view: ScoreView) -> Sequence[float]:
    """Logs of the shares of cells at the minimum, at the maximum, and equal to the cell beside; 1e-4 added to each."""
    finite = view.values[np.isfinite(view.values)]
    if finite.size == 0:
        return np.nan, np.nan, np.nan
    n, low, high, pairs, equal = count_points(view.values, view.place.beside.east, finite.min(), finite.max())
    return _share(low, n), _share(high, n), _share(equal, pairs)


def _share(count: int, total: int) -> float:
    return float(np.log(count / total + _SMALLEST)) if total else np.nan
