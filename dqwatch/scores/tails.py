"""Scores of the tails: extreme quantiles of the departures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import KINDS, score_family
from dqwatch.scores.kernel_scores import gather_tails
from dqwatch.scores.view import ScoreView

_SHARE = 0.001
_BOUNDS = (np.float32(2.5), np.float32(1.5))
"""Departures beyond which values are looked for first, one after the other: a tenth of the cost of sorting all."""
_ROOM = 100
"""Times as many values as the tail has cells are kept: 10 % of the field."""


@score_family("low_tail", "high_tail", kinds=KINDS)
def tails(view: ScoreView) -> Sequence[float]:
    """The 0.1 % and 99.9 % quantiles of z: elements, of few cells the extremes; NaN without any value."""
    n = view.sums.n
    if n == 0:
        return np.nan, np.nan
    place = int(_SHARE * (n - 1))
    room = min(n, _ROOM * (place + 1))
    low, high = view.take("tails.low", room), view.take("tails.high", room)
    for bound in _BOUNDS:
        n_low, n_high = gather_tails(view.z, bound, low, high)
        if place < n_low <= room and place < n_high <= room:
            low, high = low[:n_low], high[:n_high]
            low.partition(place)
            high.partition(n_high - 1 - place)
            return float(low[place]), float(high[n_high - 1 - place])
    z = view.z[np.isfinite(view.z)]
    z.partition((place, n - 1 - place))
    return float(z[place]), float(z[n - 1 - place])
