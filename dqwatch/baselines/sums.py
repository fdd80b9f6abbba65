"""The additive part of a baseline: sums by fold and hour, of which any selection of folds gives a climatology.

Merging is adding; to hold a fold out is to add the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.baselines.kernel_sums import add_field, add_missing


class HarmonicSums:
    """Sums of one quantity at some cells (or areas), over times, with functions of the time of year.

    Parameters
    ----------
    first : np.ndarray (cell,)
        First guess, subtracted before anything is squared; what is not finite in it becomes the mean of the others.
    folds, hours, terms : int
    square_terms : int, optional
        Terms of the sums of squares, at most `terms`; fewer make the variance less seasonal, and smaller in memory.

    Attributes
    ----------
    moments : np.ndarray float64 (fold, hour, term, term)
        Sums of phi phi' over all times.
    products, squares : np.ndarray float64 (fold, hour, cell, term)
        Sums of phi x and of phi x^2.
    missing : np.ndarray int32 (fold, hour, cell)
        Times at which the cell had no value.
    missing_moments : np.ndarray float64 (fold, hour, cell, term, term) or None
        Sums of phi phi' over those; None as long as nothing was missing.
    """

    def __init__(
        self, first: np.ndarray, *, folds: int, hours: int, terms: int, square_terms: int | None = None
    ) -> None:
        self.first = _filled(first)
        self.terms, self.square_terms = terms, terms if square_terms is None else square_terms
        n = first.size
        self.moments = np.zeros((folds, hours, terms, terms))
        self.products = np.zeros((folds, hours, n, terms))
        self.squares = np.zeros((folds, hours, n, self.square_terms))
        self.missing = np.zeros((folds, hours, n), np.int32)
        self.missing_moments: np.ndarray | None = None

    @property
    def counts(self) -> np.ndarray:
        """Times of each fold and hour, float64 (fold, hour)."""
        return np.asarray(self.moments[:, :, 0, 0])

    def add(self, values: np.ndarray, fold: int, hour: int, phi: np.ndarray) -> None:
        """One field, with the functions of its time, float64 (term,)."""
        outer = np.outer(phi, phi)
        self.moments[fold, hour] += outer
        at = fold, hour
        n = add_field(values, self.first, phi, self.square_terms, self.products[at], self.squares[at], self.missing[at])
        if n:
            if self.missing_moments is None:
                self.missing_moments = np.zeros((*self.missing.shape, self.terms, self.terms))
            add_missing(values, outer, self.missing_moments[at])

    def merge(self, other: HarmonicSums) -> None:
        """The sums of other times of the same quantity onto these.

        Raises
        ------
        ValueError
            If the two were not laid out alike, first guess included.
        """
        alike = self.products.shape == other.products.shape and self.squares.shape == other.squares.shape
        if not (alike and np.array_equal(self.first, other.first)):
            raise ValueError("sums: they were laid out with other folds, hours, terms, cells or first guesses")
        for name in ("moments", "products", "squares", "missing"):
            getattr(self, name)[...] += getattr(other, name)
        if other.missing_moments is not None:
            if self.missing_moments is None:
                self.missing_moments = np.zeros_like(other.missing_moments)
            self.missing_moments += other.missing_moments

    def kept(self, folds: Sequence[int]) -> HarmonicSums:
        """The sums of some folds together, as those of a single fold."""
        made = HarmonicSums.__new__(HarmonicSums)
        made.first, made.terms, made.square_terms = self.first, self.terms, self.square_terms
        chosen = list(folds)
        made.moments = self.moments[chosen].sum(axis=0, keepdims=True)
        made.products = self.products[chosen].sum(axis=0, keepdims=True)
        made.squares = self.squares[chosen].sum(axis=0, keepdims=True)
        made.missing = self.missing[chosen].sum(axis=0, keepdims=True, dtype=np.int32)
        lost = self.missing_moments
        made.missing_moments = None if lost is None else lost[chosen].sum(axis=0, keepdims=True)
        return made


def _filled(first: np.ndarray) -> np.ndarray:
    """A first guess of which every value is finite."""
    first = np.array(first, np.float64)
    finite = np.isfinite(first)
    if not finite.all():
        first[~finite] = first[finite].mean() if finite.any() else 0.0
    return first
