"""The share of isolated cells of rain, held against the largest in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView

NAME = "isolated_rain"
_SLACK = 0.004
"""Share of the cells: what a forecast of a very showery day may have, as of rule fc.isolated_rain.some."""


@score_family(NAME, exact=True, slack=_SLACK)
def isolated_rain(view: ScoreView) -> Sequence[float]:
    """Wet cells all of whose neighbours are dry, over the cells with a value; NaN of what is no rain.

    Accumulations count as those over 6 hours, in training as later.
    """
    if view.rain is None:
        return (np.nan,)
    found, n = view.isolated
    return (found / n if n else np.nan,)
