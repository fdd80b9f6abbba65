"""Scores of the mask: cells without a value that training expects one of, and values where it never had any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView

_ONE_CELL = 0.5
"""Less than the logarithm of 2: one cell more than ever is told where training has none."""


@score_family("missing", "appeared", exact=True, slack=_ONE_CELL)
def mask(view: ScoreView) -> Sequence[float]:
    """Logs of 1 + the cells without a value of which one is expected, and of 1 + those that have one unexpectedly."""
    missing, appeared = view.unexpected
    return float(np.log1p(missing)), float(np.log1p(appeared))
