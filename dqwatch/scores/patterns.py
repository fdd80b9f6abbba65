"""Scores of place: whether a field lies where its climatology does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView

_NEARLY_ONE = 1 - 1e-12
_ROUNDING = 1e-13
"""Of the mean square: a variance below it is what rounding leaves of a constant field."""


@score_family("pattern")
def pattern(view: ScoreView) -> Sequence[float]:
    """Artanh of the weighted correlation of the field and its expected mean; NaN where either does not vary."""
    n, sx, sy, xx, yy, xy = view.products
    if n <= 0:
        return (np.nan,)
    mx, my = sx / n, sy / n
    vx, vy, c = xx / n - mx * mx, yy / n - my * my, xy / n - mx * my
    if not (vx > _ROUNDING * xx / n and vy > _ROUNDING * yy / n):
        return (np.nan,)
    return (float(np.arctanh(np.clip(c / np.sqrt(vx * vy), -_NEARLY_ONE, _NEARLY_ONE))),)


@score_family("shift_east", "shift_north")
def shifts(view: ScoreView) -> Sequence[float]:
    """How far the field seems moved against its expected mean along rows and across them, in cells: least squares."""
    found = []
    for product, square in view.slopes:
        found.append(-product / square if square > 0 else np.nan)
    return found
