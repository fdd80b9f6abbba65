"""The cells of a grid cut into runs that lie in one area of each kind: one pass over a field sums all areas."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.baselines.kernel_sums import add_pieces
from dqwatch.scores.areas import Areas
from dqwatch.scores.view import Place


class Means(NamedTuple):
    """Weighted means over areas of the finite values, float64 (area,) each; NaN where there is none."""

    of_areas: np.ndarray
    of_coarse: np.ndarray
    coarse_squares: np.ndarray
    """Of the squares of the values."""


class Pieces:
    """Runs of cells, each within one of the areas that are scored and one of the coarse areas.

    Parameters
    ----------
    place : Place
        Cells, their weights, and the areas that are scored.
    coarse : Areas, optional
        Without them nothing is found of coarse areas.

    Attributes
    ----------
    weights : np.ndarray float64 (cell,)
    area_weights, coarse_weights : np.ndarray float64 (area,)
        Of all cells of each.
    """

    def __init__(self, place: Place, coarse: Areas | None = None) -> None:
        self.weights = place.weights
        of_cell = [place.areas.of_cell] + ([] if coarse is None else [coarse.of_cell])
        starts = np.flatnonzero(np.any([np.diff(own, prepend=-1) != 0 for own in of_cell], axis=0))
        self._bounds = np.append(starts, place.weights.size)
        self._of = [own[starts] for own in of_cell]
        if coarse is None:
            self._of.append(np.zeros(starts.size, np.int32))
        self._sizes = place.areas.size, 0 if coarse is None else coarse.size
        sums = self._sum(np.ones(place.weights.size, np.float32), None)
        self.area_weights, self.coarse_weights = (own[0] for own in sums)

    def means(self, values: np.ndarray, before: np.ndarray | None = None) -> Means:
        """Means of a field (cell,), or of its change since another of the same type, which must be as large."""
        areas, coarse = self._sum(values, before)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_areas = np.where(areas[0] > 0, areas[1] / areas[0], np.nan)
            of_coarse, squares = (np.where(coarse[0] > 0, own / coarse[0], np.nan) for own in coarse[1:])
        return Means(of_areas, of_coarse, squares)

    def _sum(self, values: np.ndarray, before: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Sums of w, w x and w x^2, (3, area) of each kind."""
        n_areas, n_coarse = self._sizes
        areas, coarse = np.zeros((3, n_areas)), np.zeros((3, max(1, n_coarse)))
        other = values[:0] if before is None else before
        add_pieces(values, other, self.weights, self._bounds, *self._of, areas, coarse)
        return areas, coarse[:, :n_coarse]
