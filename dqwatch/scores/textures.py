"""Scores of texture: how differences change from scale to scale, of the field as it is."""

from __future__ import annotations

from collections.abc import Sequence

from dqwatch.metrics.texture import texture
from dqwatch.scores.family import score_family
from dqwatch.scores.view import ScoreView


@score_family(
    *(f"texture_{k}" for k in range(1, 5)),
    *(f"texture_peak_{k}" for k in range(1, 5)),
)
def textures(view: ScoreView) -> Sequence[float]:
    """The ratios and peaks of `dqwatch.metrics.texture`."""
    found = texture(view.values, view.place.geometry, std=view.std)
    return (*found.ratios, *found.peaks)
