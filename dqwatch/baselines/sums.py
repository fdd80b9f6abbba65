"""The additive part of a baseline: sums over times, of which any selection of folds gives a climatology.

Merging is adding; to hold a fold out is to add the others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dqwatch.baselines.kernel_sums import add_field, add_missing, add_within

_HELD = ("moments", "products", "squares", "missing", "missing_moments")


class HarmonicSums:
    """Sums of one quantity at some cells (or areas), over times, with functions of the time of year.

    Parameters
    ----------
    first : np.ndarray (cell,)
        First guess, subtracted before anything is squared; what is not finite in it becomes the mean of the others.
    hours, terms : int
        Without any term the mean is taken for the first guess.
    square_terms : int, optional
        Terms of the sums of squares; fewer make the variance less seasonal, and smaller in memory.

    Attributes
    ----------
    moments : np.ndarray float64 (hour, term, term)
        Sums of phi phi' over all times.
    products, squares : np.ndarray float64 (hour, cell, term)
        Sums of phi x and of phi x^2.
    missing : np.ndarray int32 (hour, cell) or None
        Times at which the cell had no value; None as long as nothing was missing.
    missing_moments : np.ndarray float64 (hour, cell, term, term) or None
        Sums of phi phi' over those.
    """

    def __init__(self, first: np.ndarray, *, hours: int, terms: int, square_terms: int | None = None) -> None:
        self.first = _filled(first)
        self.terms, self.square_terms = terms, terms if square_terms is None else square_terms
        n, most = first.size, max(self.terms, self.square_terms)
        self.moments = np.zeros((hours, most, most))
        self.products = np.zeros((hours, n, terms))
        self.squares = np.zeros((hours, n, self.square_terms))
        self.missing: np.ndarray | None = None
        self.missing_moments: np.ndarray | None = None

    @property
    def counts(self) -> np.ndarray:
        """Times of each hour, float64 (hour,)."""
        return np.asarray(self.moments[:, 0, 0])

    def add(self, values: np.ndarray, hour: int, phi: np.ndarray) -> None:
        """One field, with the functions of its time, float64 (term,)."""
        most = self.moments.shape[1]
        outer = np.outer(phi[:most], phi[:most])
        self.moments[hour] += outer
        if add_field(values, self.first, phi, self.products[hour], self.squares[hour]):
            missing, lost = self._note_missing()
            add_missing(values, outer, missing[hour], lost[hour])

    def add_within(self, means: np.ndarray, mean_squares: np.ndarray, hour: int, phi: np.ndarray) -> None:
        """What the cells of areas vary within them, after `add` of the means: then squares are those of cells."""
        add_within(self.squares[hour], means, mean_squares, self.first, phi)

    def merge(self, other: HarmonicSums) -> None:
        """The sums of other times of the same quantity onto these.

        Raises
        ------
        ValueError
            If the two were not laid out alike, first guess included.
        """
        alike = self.products.shape == other.products.shape and self.squares.shape == other.squares.shape
        if not (alike and np.array_equal(self.first, other.first)):
            raise ValueError("sums: they were laid out with other hours, terms, cells or first guesses")
        for name in ("moments", "products", "squares"):
            getattr(self, name)[...] += getattr(other, name)
        if other.missing is not None and other.missing_moments is not None:
            missing, lost = self._note_missing()
            missing += other.missing
            lost += other.missing_moments

    def arrays(self) -> dict[str, np.ndarray]:
        """What was summed, for keeping; the first guess is kept apart."""
        return {name: values for name in _HELD if (values := getattr(self, name)) is not None}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Put back what `arrays` gave, into sums that were laid out alike."""
        for name in ("moments", "products", "squares"):
            getattr(self, name)[...] = arrays[name]
        if "missing" in arrays:
            missing, lost = self._note_missing()
            missing[...], lost[...] = arrays["missing"], arrays["missing_moments"]

    def _note_missing(self) -> tuple[np.ndarray, np.ndarray]:
        if self.missing is None or self.missing_moments is None:
            hours, most, _ = self.moments.shape
            self.missing = np.zeros((hours, self.first.size), np.int32)
            self.missing_moments = np.zeros((hours, self.first.size, most, most))
        return self.missing, self.missing_moments


def _filled(first: np.ndarray) -> np.ndarray:
    """A first guess of which every value is finite."""
    first = np.array(first, np.float64)
    finite = np.isfinite(first)
    if not finite.all():
        first[~finite] = first[finite].mean() if finite.any() else 0.0
    return first
