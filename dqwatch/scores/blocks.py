"""Scores of areas: a departure of one region that the whole field drowns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import KINDS, score_family
from dqwatch.scores.view import ScoreView, log

_MOST = 4
"""Areas that are looked at: those that depart most."""


@score_family("scan", "block_ms", kinds=KINDS)
def blocks(view: ScoreView) -> Sequence[float]:
    """Mean of the 4 largest abs(z of area means); log of the mean of the 4 largest mean squares of z in areas."""
    return _largest(np.abs(view.area_z)), log(_largest(view.area_mean_square))


def _largest(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    if values.size == 0:
        return np.nan
    most = min(_MOST, values.size)
    return float(np.partition(values, values.size - most)[-most:].mean())
