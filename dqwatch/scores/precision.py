"""Scores of precision: how many values are told apart, which packing changes while each value hardly moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView

_CELLS = 4096
"""That are looked at, evenly over the field: enough to tell 16 bits from 12, at next to no cost."""
_FEWEST = 64
"""Cells with values below which two alike by chance would count for too much."""
_SLACK = 0.05
"""What the share of distinct values may fall or rise by, in its logarithm, where training has always the same."""


@score_family("distinct", exact=True, slack=_SLACK)
def precision(view: ScoreView) -> Sequence[float]:
    """Log of the share of distinct values among the cells looked at; NaN of fewer than 64 values."""
    return view.once(_distinct)


@score_family("distinct_share")
def distinct_share(view: ScoreView) -> Sequence[float]:
    """The same, ranked wherever it varies from day to day."""
    return view.once(_distinct)


def _distinct(view: ScoreView) -> tuple[float]:
    sample = np.sort(view.sample(_CELLS))
    sample = sample[np.isfinite(sample)]
    if sample.size < _FEWEST:
        return (np.nan,)
    return (float(np.log((1 + np.count_nonzero(sample[1:] > sample[:-1])) / sample.size)),)
