"""How far out a value lies among those of a sample, beyond its largest too: empirical inside, a fitted tail outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LEVELS = np.array([0.5, 0.75, 0.9, 0.95])
"""Quantiles between which -log p is interpolated; beyond the last the fitted tail holds."""
_TAIL = 0.05
_HEAVIEST = 0.5
"""Largest shape parameter of the tail."""
_FARTHEST = 1e6
"""Departures are all alike from there on."""
_UNIT = np.log(100.0)
"""-log p of 1 %: there a departure is 1."""


def departure_of(p: float) -> float:
    """-ln p / ln 100."""
    return float(-np.log(p) / _UNIT)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of the distribution of each column, values turned so that larger is further out."""

    quantiles: np.ndarray
    """float64 (level, column)."""
    shape: np.ndarray
    """float64 (column,), of the generalised Pareto tail: 0 is exponential."""
    scale: np.ndarray
    """float64 (column,)."""

    def departures(self, values: np.ndarray) -> np.ndarray:
        """-ln p / ln 100 of values (row, column): 0 inside the median, 1 where p = 1 %, without bound."""
        steps = -np.log(1 - _LEVELS)
        found = np.zeros(values.shape)
        for low, high, begin, end in zip(self.quantiles, self.quantiles[1:], steps, steps[1:], strict=False):
            with np.errstate(divide="ignore", invalid="ignore"):
                way = np.clip((values - low) / (high - low), 0.0, 1.0)
            found = np.where(values > low, begin + np.where(np.isfinite(way), way, 1.0) * (end - begin), found)
        beyond = np.maximum(values - self.quantiles[-1], 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = beyond / self.scale
            heavy = np.log1p(self.shape * ratio) / self.shape
        extra = np.where(self.shape > 1e-9, heavy, ratio)
        found = np.where(beyond > 0, steps[-1] + np.where(np.isfinite(extra), extra, np.inf), found)
        return np.asarray(np.where(found > steps[0], found, 0.0) / _UNIT)


def fit_side(values: np.ndarray) -> Side:
    """The upper side of each column of a sample (row, column).

    References
    ----------
    Moments of the excesses over a threshold: Hosking and Wallis, 1987, Parameter and quantile estimation for the
    generalized Pareto distribution, Technometrics 29.
    """
    quantiles = np.quantile(values, _LEVELS, axis=0)
    excess = values - quantiles[-1]
    outside = excess > 0
    n = np.maximum(outside.sum(axis=0), 1)
    excess = np.where(outside, excess, 0.0)
    mean = excess.sum(axis=0) / n
    variance = np.maximum((excess * excess).sum(axis=0) / n - mean * mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = 0.5 * (1.0 - mean * mean / variance)
    shape = np.clip(np.where(np.isfinite(shape), shape, 0.0), 0.0, _HEAVIEST)
    return Side(quantiles, shape, mean * (1.0 - shape))


def predict(departures: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Departures (row, column) as seen by one who knows each column by few independent values.

    A normal deviate becomes Student's: a score that moves as slowly as the seasons was seen in a few states only, and
    what lies beyond them is less of a surprise than so many cycles pretend.

    Parameters
    ----------
    departures : np.ndarray float64 (row, column)
        -ln p / ln 100.
    freedom : np.ndarray float64 (column,)
        Degrees of freedom.

    References
    ----------
    Wallace, 1959, Bounds on normal approximations to Student's and the chi-square distributions, Annals of Mathematical
    Statistics 30.
    """
    from scipy.special import log_ndtr, ndtri_exp

    found = departures.copy()
    rows, columns = np.nonzero(departures > -np.log(_TAIL) / _UNIT)
    deviate = -ndtri_exp(-_UNIT * np.minimum(departures[rows, columns], _FARTHEST))
    f = freedom[columns]
    normal = (8 * f + 1) / (8 * f + 3) * np.sqrt(f * np.log1p(deviate * deviate / f))
    found[rows, columns] = np.maximum(-log_ndtr(-normal) / _UNIT, -np.log(_TAIL) / _UNIT)
    return found
