"""How rare a departure is: tails beyond the sample, and p-values that allow for how often was looked."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

_BODY = 0.95
"""Quantile at which the tail begins."""
_CENSORED = 0.002
"""Share of the values, the largest, of which only the number counts: spikes must not bend the tail."""
_LEAST = 500
_HEAVIEST = 0.5


class Tail(NamedTuple):
    """A generalised Pareto tail beyond the 95 % quantile (Pickands 1975, Statistical inference using extreme order
    statistics).
    """

    start: float
    scale: float
    shape: float
    """0 (exponential, which is heavier than a normal tail) to 0.5."""

    def p_value(self, values: np.ndarray) -> np.ndarray:
        """Probability of a value as large; 1 below the start of the tail, NaN where the value is."""
        beyond = np.maximum(values - self.start, 0.0) / self.scale
        far = np.exp(-beyond) if self.shape == 0 else (1 + self.shape * beyond) ** (-1 / self.shape)
        return np.where(np.isnan(values), np.nan, np.where(values > self.start, (1 - _BODY) * far, 1.0))


def fit_tail(values: np.ndarray) -> Tail | None:
    """The upper tail of a sample: the likeliest, made heavier by the standard error of its shape.

    Parameters
    ----------
    values : np.ndarray
        NaN are left out.

    Returns
    -------
    Tail or None
        None with fewer than 500 values, or where the tail has no width.
    """
    known = np.sort(values[np.isfinite(values)])
    if known.size < _LEAST:
        return None
    start, end = np.quantile(known, [_BODY, 1 - _CENSORED])
    beyond = known[known > start] - start
    if not end > start:
        return None
    inside, n_censored, last = beyond[beyond < end - start], int((beyond >= end - start).sum()), float(end - start)
    shapes = np.linspace(-0.2, _HEAVIEST, 36)
    fits = [_fit_scale(inside, n_censored, last, shape) for shape in shapes]
    best = int(np.argmax([likelihood for likelihood, _ in fits]))
    error = (1 + max(0.0, shapes[best])) / math.sqrt(beyond.size)
    shape = min(_HEAVIEST, max(0.0, float(shapes[best]) + error))
    return Tail(float(start), _fit_scale(inside, n_censored, last, shape)[1], shape)


def _fit_scale(inside: np.ndarray, n_censored: int, last: float, shape: float) -> tuple[float, float]:
    """Log likelihood and scale of the likeliest tail of a shape."""
    scales = float(inside.mean()) * np.geomspace(0.3, 3.0, 61)[:, None]
    widest = np.maximum(1 + shape * inside / scales, 1e-9)
    log_far = np.log(np.maximum(1 + shape * last / scales[:, 0], 1e-9))
    if shape == 0:
        found = -inside.size * np.log(scales[:, 0]) - (inside / scales).sum(axis=1) - n_censored * last / scales[:, 0]
    else:
        found = -inside.size * np.log(scales[:, 0]) - (1 + 1 / shape) * np.log(widest).sum(axis=1)
        found -= n_censored * log_far / shape
    k = int(np.argmax(found))
    return float(found[k]), float(scales[k, 0])


def for_many(p: np.ndarray | float, n: float) -> np.ndarray:
    """The probability that the smallest of n such p-values is as small, if they were independent: 1 - (1 - p)^n."""
    with np.errstate(divide="ignore"):
        return -np.expm1(n * np.log1p(-np.minimum(p, 1.0)))


def kolmogorov(largest: float) -> float:
    """Probability that a Brownian bridge departs as far (Kolmogorov 1933)."""
    if not math.isfinite(largest):
        return math.nan
    if largest < 0.2:
        return 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * (k * largest) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))
