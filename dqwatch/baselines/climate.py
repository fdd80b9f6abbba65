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
    """The climate of all folds of some sums together.

    Parameters
    ----------
    sums : HarmonicSums
        Often `sums.kept(folds)`.
    weights : np.ndarray float64 (cell,)
        Area weights.

    Returns
    -------
    Climate
        Least squares in every cell: mean = phi'A^-1 b, mean square = phi'A^-1 q.
    """
    total = sums if sums.moments.shape[0] == 1 else sums.kept(range(sums.moments.shape[0]))
    n_hours, n_cells = total.products.shape[1:3]
    mean = np.zeros((n_hours, n_cells, total.terms), np.float32)
    square = np.zeros((n_hours, n_cells, total.square_terms), np.float32)
    variance = np.zeros((n_hours, n_cells), np.float32)
    for hour in range(n_hours):
        lost = None if total.missing_moments is None else total.missing_moments[0, hour]
        count = total.moments[0, hour, 0, 0] - total.missing[0, hour]
        b, q = total.products[0, hour], total.squares[0, hour]
        coefficients = _solve(total.moments[0, hour], lost, b)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (q[:, 0] - np.einsum("ck,ck->c", coefficients, b)) / count
        enough = count >= _FEWEST * total.terms
        mean[hour], variance[hour] = coefficients, np.where(enough, np.maximum(left, 0.0), np.nan)
        moments, few = total.moments[0, hour], total.square_terms
        square[hour] = _solve(moments[:few, :few], None if lost is None else lost[:, :few, :few], q)
    return Climate(total.first, mean, square, variance, _floor(variance, weights))


def _solve(moments: np.ndarray, lost: np.ndarray | None, right: np.ndarray) -> np.ndarray:
    """A^-1 of each cell's right-hand side, (cell, term); the moments of missing values are taken off A."""
    ridge = _RIDGE * max(float(np.trace(moments)), 1.0) * np.eye(len(moments))
    whole = np.linalg.solve(moments + ridge, right.T).T
    if lost is None:
        return np.asarray(whole)
    own = lost[:, 0, 0] > 0
    whole[own] = np.linalg.solve(moments - lost[own] + ridge, right[own][:, :, None])[:, :, 0]
    return np.asarray(whole)


def _floor(variance: np.ndarray, weights: np.ndarray) -> float:
    sd = np.sqrt(variance.mean(axis=0, dtype=np.float64))
    known = np.isfinite(sd)
    total = weights[known].sum()
    return float(FLOOR * (weights[known] * sd[known]).sum() / total) if total > 0 else 0.0
