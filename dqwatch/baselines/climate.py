"""From sums to what is to be expected: mean and standard deviation at any time of year, by hour of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dqwatch.baselines.kernel_sums import evaluate
from dqwatch.baselines.sums import HarmonicSums

_RIDGE = 1e-9
"""Of the trace of the moments: the times may lie so that two functions of time are the same."""
LEAST, MOST = 0.25, 4.0
"""Of the variance over all seasons: between these the seasonal variance is kept."""
FLOOR = 0.02
"""Of the area mean of the standard deviation: the least that is taken for one."""
_MOST = 1e34
"""Variance that float32 holds, with what the coefficients of its season may be."""
_FEWEST = 2
"""Values per term below which nothing is expected of a cell."""


@dataclass(frozen=True, eq=False)
class Climate:
    """Coefficients in time of one quantity at some cells.

    Attributes
    ----------
    first : np.ndarray float64 (cell,)
    mean : np.ndarray float32 (hour, cell, term)
        Of the mean less `first`.
    square : np.ndarray float32 (hour, cell, square term)
        Of the mean square of the value less `first`.
    variance : np.ndarray float32 (hour, cell)
        About the mean, over all seasons; NaN where there are too few values.
    floor : float
        Least standard deviation.
    """

    first: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    variance: np.ndarray
    floor: float

    @property
    def terms(self) -> int:
        """Functions of time."""
        return int(self.mean.shape[2])

    def expect(self, phi: np.ndarray, hour: int, mean: np.ndarray, sd: np.ndarray) -> None:
        """Mean and standard deviation at a time, into float32 or float64 (cell,) each; sd is NaN where unknown.

        Parameters
        ----------
        phi : np.ndarray float64 (term,)
            At least as many as the climate has.
        hour : int
            Index of the hour of the day.
        mean, sd : np.ndarray (cell,)
        """
        variance = self.variance[hour]
        seasonal = self.square.shape[2] == self.terms
        least, most = (LEAST * variance, MOST * variance) if seasonal else (variance, variance)
        evaluate(self.first, self.mean[hour], self.square[hour], phi, least, most, self.floor, mean, sd)


def fit(sums: HarmonicSums, weights: np.ndarray) -> Climate:
    """The climate of some sums.

    Parameters
    ----------
    sums : HarmonicSums
        Often of several folds, merged.
    weights : np.ndarray float64 (cell,)
        Area weights.

    Returns
    -------
    Climate
        Least squares in every cell: mean = phi'A^-1 b, mean square = phi'A^-1 q. Cells of which float32 cannot hold the
        variance (1e20 for missing values) count as unknown.
    """
    n_hours, n_cells = sums.products.shape[:2]
    mean = np.zeros((n_hours, n_cells, sums.terms), np.float32)
    square = np.zeros((n_hours, n_cells, sums.square_terms), np.float32)
    variance = np.zeros((n_hours, n_cells), np.float32)
    for hour in range(n_hours):
        lost = None if sums.missing_moments is None else sums.missing_moments[hour]
        count = sums.moments[hour, 0, 0] - (0 if sums.missing is None else sums.missing[hour])
        b, q = sums.products[hour], sums.squares[hour]
        coefficients = _solve(sums.moments[hour], lost, b)
        with np.errstate(all="ignore"):
            left = (q[:, 0] - np.einsum("ck,ck->c", coefficients, b)) / count
        enough = count >= _FEWEST * max(sums.terms, 1)
        known = enough & (left < _MOST)
        mean[hour] = np.where(known[:, None], coefficients, 0.0)
        variance[hour] = np.where(known, np.maximum(left, 0.0), np.nan)
        square[hour] = np.where(known[:, None], _solve(sums.moments[hour], lost, q), 0.0)
    return Climate(sums.first, mean, square, variance, _floor(variance, weights))


def _solve(moments: np.ndarray, lost: np.ndarray | None, right: np.ndarray) -> np.ndarray:
    """A^-1 of each cell's right-hand side, (cell, term); the moments of missing values are taken off A."""
    n = right.shape[1]
    if not n:
        return np.zeros_like(right)
    moments = moments[:n, :n]
    ridge = _RIDGE * max(float(np.trace(moments)), 1.0) * np.eye(len(moments))
    whole = np.linalg.solve(moments + ridge, right.T).T
    if lost is None:
        return np.asarray(whole)
    lost, own = lost[:, :n, :n], lost[:, 0, 0] > 0
    whole[own] = np.linalg.solve(moments - lost[own] + ridge, right[own][:, :, None])[:, :, 0]
    return np.asarray(whole)


def _floor(variance: np.ndarray, weights: np.ndarray) -> float:
    sd = np.sqrt(variance.mean(axis=0, dtype=np.float64))
    known = np.isfinite(sd)
    total = weights[known].sum()
    return float(FLOOR * (weights[known] * sd[known]).sum() / total) if total > 0 else 0.0
