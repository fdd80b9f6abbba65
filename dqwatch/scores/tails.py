"""Scores of the tails: extreme quantiles of the departures."""

from __future__ import annotations

from collections.abc import Sequence

from dqwatch.scores.family import KINDS, score_family
from dqwatch.scores.view import ScoreView

_SHARE = 0.001


@score_family("low_tail", "high_tail", kinds=KINDS)
def tails(view: ScoreView) -> Sequence[float]:
    """The 0.1 % and 99.9 % quantiles of z: elements, of few cells the extremes; NaN without any value."""
    return view.tails(_SHARE)
