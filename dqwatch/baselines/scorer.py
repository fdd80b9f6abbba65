"""Fields scored against climates: the state, its change since the one before, its departure from a background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.quantity import Layout, QuantityClimate
from dqwatch.buffers import Buffers
from dqwatch.scores import BACKGROUND, KINDS, STATE, STEP, Family, Score, list_scores
from dqwatch.scores.view import ScoreView, score_field

Climates = Mapping[str, Sequence[QuantityClimate | None]]
"""Kind -> climate of each variable; None for one that is constant or was never seen."""


class Moment(NamedTuple):
    """When a field is valid, as climates know it."""

    phi: np.ndarray
    """float64 (term,), functions of the time of year."""
    hour: int
    """Index of the hour of the day."""


class Scored(NamedTuple):
    """What is found of one field."""

    scores: np.ndarray
    """float64 (score,), in the order of `Scorer.scores`; NaN where there is none."""
    areas: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Kind -> departure of the mean, and mean square departure, of each area."""


class Scorer:
    """Scores fields; may be used by several threads at once, each with buffers of its own."""

    def __init__(self, layout: Layout, climates: Climates, families: Sequence[Family]) -> None:
        self._layout, self._climates, self._families = layout, climates, families
        self.scores: tuple[Score, ...] = list_scores(families, KINDS)
        self._columns = {kind: [i for i, s in enumerate(self.scores) if s.kind == kind] for kind in KINDS}

    def score(
        self,
        variable: int,
        values: np.ndarray,
        moment: Moment,
        buffers: Buffers,
        *,
        previous: np.ndarray | None = None,
        background: np.ndarray | None = None,
    ) -> Scored:
        """All scores of a field.

        Parameters
        ----------
        variable : int
            As the climates count them.
        values : np.ndarray (cell,), float32 or float64
        moment : Moment
        buffers : Buffers
        previous : np.ndarray (cell,), optional
            The field one step before; without it there are no scores of the change.
        background : np.ndarray (cell,), optional
            Another estimate of the same field; without it there are no scores of the departure.
        """
        found = np.full(len(self.scores), np.nan)
        areas: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        parts: list[tuple[str, np.ndarray]] = [(STATE, values)]
        for kind, other in ((STEP, previous), (BACKGROUND, background)):
            if other is not None:
                difference = buffers.take(f"scorer.{kind}", values.size, values.dtype)
                with np.errstate(invalid="ignore", over="ignore"):  # infinite values
                    np.subtract(values, other, out=difference)
                parts.append((kind, difference))
        for kind, field in parts:
            climate = self._climates[kind][variable]
            if climate is None:
                continue
            expected = climate.expect(self._layout, moment.phi, moment.hour, buffers)
            view = ScoreView(field, kind, expected, self._layout.place, buffers)
            found[self._columns[kind]] = score_field(view, self._families)
            areas[kind] = view.area_z, view.area_mean_square
        return Scored(found, areas)
