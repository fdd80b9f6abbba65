"""Scores of texture: how differences change from scale to scale, of the field, of its change, of its departure."""

from __future__ import annotations

from collections.abc import Sequence

from dqwatch.scores.family import BACKGROUND, STEP, score_family
from dqwatch.scores.view import ScoreView

_ORDERS = 2
"""Orders that are looked at in a change or departure, which is rough already."""


@score_family(
    *(f"texture_{k}" for k in range(1, 5)),
    *(f"texture_peak_{k}" for k in range(1, 5)),
)
def textures(view: ScoreView) -> Sequence[float]:
    """The ratios and peaks of `dqwatch.metrics.texture`."""
    return (*view.texture.ratios, *view.texture.peaks)


@score_family(
    *(f"difference_texture_{k}" for k in range(1, _ORDERS + 1)),
    *(f"difference_peak_{k}" for k in range(1, _ORDERS + 1)),
    kinds=(STEP, BACKGROUND),
)
def difference_textures(view: ScoreView) -> Sequence[float]:
    """The same of a change, or a departure from a background, less what is expected of it."""
    found = view.anomaly_texture
    return (*found.ratios[:_ORDERS], *found.peaks[:_ORDERS])
