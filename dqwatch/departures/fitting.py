"""What is fitted to the scores of a ledger, and applied to others: centre, correlations within a variable, tails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqwatch.departures.tails import Side, fit_side, predict

_SHRINKAGE = 0.05
"""Of correlations towards none."""
_RIDGE = 1e-9
"""Per cycle: functions of time may be the same at all of them."""
_LEAST_FREEDOM = 3.0
_CLIP = 6.0
"""Standard deviations at which residuals are clipped before they are conditioned on each other."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Fitted to a ledger of scores (cycle, column).

    Attributes
    ----------
    centre : np.ndarray float64 (function, column)
        Coefficients of the functions of season and hour.
    middle, spread : np.ndarray float64 (column,)
        Median and standard deviation of what is left.
    precisions : list of np.ndarray
        For each variable the inverse of the correlations of its columns.
    sides : tuple of Side
        Of the residuals upward and downward, then of the conditional residuals.
    freedom : tuple of np.ndarray float64 (column,)
        Degrees of freedom of the residuals, and of the conditional ones.
    """

    centre: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    columns: Sequence[np.ndarray]
    precisions: Sequence[np.ndarray]
    sides: tuple[Side, Side, Side, Side]
    freedom: tuple[np.ndarray, np.ndarray]

    def departures(self, scores: np.ndarray, functions: np.ndarray) -> np.ndarray:
        """How far out each score lies, (row, column); 1 where a side's p is 1 %.

        The larger of that of the residual about the centre, and that of what the other scores of the same variable do
        not explain of it.
        """
        residuals = (scores - functions @ self.centre - self.middle) / self.spread
        conditional = condition(residuals, self.columns, self.precisions)
        up, down, up_given, down_given = self.sides
        plain = np.maximum(up.departures(residuals), down.departures(-residuals))
        given = np.maximum(up_given.departures(conditional), down_given.departures(-conditional))
        return np.maximum(predict(plain, self.freedom[0]), predict(given, self.freedom[1]))


def fit(scores: np.ndarray, functions: np.ndarray, columns: Sequence[np.ndarray], parts: np.ndarray) -> Fit:
    """Fit a ledger.

    Parameters
    ----------
    scores : np.ndarray float64 (cycle, column)
        All finite, none quasi-constant.
    functions : np.ndarray float64 (cycle, function)
        Of season and hour.
    columns : sequence of np.ndarray of int
        The columns of each variable.
    parts : np.ndarray of int (cycle,)
        Years, or other runs of cycles between which there is as good as no memory.

    Returns
    -------
    Fit
    """
    # einsum, not BLAS: its threads wait for each other longer than products of so few numbers take.
    moments = np.einsum("ni,nj->ij", functions, functions) + _RIDGE * len(functions) * np.eye(functions.shape[1])
    centre = np.linalg.solve(moments, np.einsum("ni,nj->ij", functions, scores))
    left = scores - functions @ centre
    middle = np.median(left, axis=0)
    spread = left.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    residuals = (left - middle) / spread
    precisions = [_precision(residuals[:, own]) for own in columns]
    conditional = condition(residuals, columns, precisions)
    sides = tuple(fit_side(x) for x in (residuals, -residuals, conditional, -conditional))
    freedom = count_freedom(residuals, parts), count_freedom(conditional, parts)
    return Fit(centre, middle, spread, columns, precisions, sides, freedom)  # type: ignore[arg-type]


def count_freedom(residuals: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Degrees of freedom of each column (cycle, column): independent values less one, 3 at least.

    The variance of the means of parts is that of all values over the independent values of a part.
    """
    names, index = np.unique(parts, return_inverse=True)
    if names.size < 3:
        return np.full(residuals.shape[1], max(3.0, len(residuals) - 1.0))
    counts = np.bincount(index).astype(np.float64)
    sums = np.zeros((names.size, residuals.shape[1]))
    np.add.at(sums, index, residuals)
    large = counts >= 0.5 * counts.max()
    if large.sum() < 2:
        return np.full(residuals.shape[1], max(3.0, len(residuals) - 1.0))
    means = sums[large] / counts[large, None]
    between = np.maximum(means.var(axis=0, ddof=1), 1e-12)
    independent = names.size * residuals.var(axis=0) / between
    return np.clip(independent - 1.0, _LEAST_FREEDOM, len(residuals) - 1.0)


def _precision(residuals: np.ndarray) -> np.ndarray:
    clipped = np.clip(residuals, -_CLIP, _CLIP)
    clipped = clipped - clipped.mean(axis=0)
    scale = np.sqrt(np.maximum((clipped * clipped).mean(axis=0), 1e-12))
    correlations = np.einsum("ni,nj->ij", clipped, clipped) / len(clipped) / np.outer(scale, scale)
    n = len(correlations)
    return np.asarray(np.linalg.inv((1 - _SHRINKAGE) * correlations + _SHRINKAGE * np.eye(n)))


def condition(residuals: np.ndarray, columns: Sequence[np.ndarray], precisions: Sequence[np.ndarray]) -> np.ndarray:
    """What the other columns of the same variable do not explain of each residual (row, column): (P u)_s / P_ss."""
    clipped = np.clip(residuals, -_CLIP, _CLIP)
    found = np.empty_like(clipped)
    for own, precision in zip(columns, precisions, strict=True):
        found[:, own] = np.einsum("ni,ij->nj", clipped[:, own], precision) / np.diag(precision)
    return found
