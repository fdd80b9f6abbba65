"""Scores of place: whether a field lies where its climatology does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.scores.family import score_family
from dqwatch.scores.kernel_scores import slope_products, weighted_products
from dqwatch.scores.view import ScoreView

_NEARLY_ONE = 1 - 1e-12


@score_family("pattern")
def pattern(view: ScoreView) -> Sequence[float]:
    """Artanh of the weighted correlation of the field and its expected mean; NaN where either does not vary."""
    n, sx, sy, xx, yy, xy = weighted_products(view.values, view.expected.mean, view.place.weights)
    if n <= 0:
        return (np.nan,)
    mx, my = sx / n, sy / n
    vx, vy, c = xx / n - mx * mx, yy / n - my * my, xy / n - mx * my
    if not (vx > 0 and vy > 0):
        return (np.nan,)
    return (float(np.arctanh(np.clip(c / np.sqrt(vx * vy), -_NEARLY_ONE, _NEARLY_ONE))),)


@score_family("shift_east", "shift_north")
def shifts(view: ScoreView) -> Sequence[float]:
    """How far the field seems moved against its expected mean along rows and across them, in cells: least squares."""
    beside, expected = view.place.beside, view.expected
    found = []
    for before, after in ((beside.west, beside.east), (beside.south, beside.north)):
        product, square = slope_products(view.z, expected.mean, expected.sd, before, after, view.place.weights)
        found.append(-product / square if square > 0 else np.nan)
    return found
