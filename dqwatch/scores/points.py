"""Scores of point masses: shares of cells with one and the same value.

Most variables have none, and their shares are compared with the extremes of training only. Where a mass varies from day
to day (dry cells in a field of rain) its size is ranked besides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView

_SMALLEST = 1e-4


@score_family("at_minimum", "at_maximum", "equal_beside", exact=True, slack=1.0)
def points(view: ScoreView) -> Sequence[float]:
    """Logs of the shares of cells at the minimum, at the maximum, and equal to the cell beside; 1e-4 added to each."""
    return view.once(_shares)


@score_family("minimum_mass", "maximum_mass", "equal_mass")
def masses(view: ScoreView) -> Sequence[float]:
    """The same, ranked wherever they vary from day to day."""
    return view.once(_shares)


def _shares(view: ScoreView) -> tuple[float, float, float]:
    low, high = view.range
    if not np.isfinite(low):
        return np.nan, np.nan, np.nan
    n, at_low, at_high, pairs, equal = view.count_points(low, high)
    return _share(at_low, n), _share(at_high, n), _share(equal, pairs)


def _share(count: int, total: int) -> float:
    return float(np.log(count / total + _SMALLEST)) if total else np.nan
