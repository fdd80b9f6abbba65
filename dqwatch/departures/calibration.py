"""From scores to p-values: the ledger is the null, over exactly the scores and variables that are present."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.ledger import Ledger
from dqwatch.departures.fitting import Fit, fit
from dqwatch.departures.tails import departure_of
from dqwatch.scores import Score

_MOSTLY = 0.3
"""Share of values in one place from which on a score is quasi-constant."""
_PLACE = 1e-3
"""Of the largest deviation: what lies within it is one place."""
_FEWEST = 25
"""Distinct values below which a score is quasi-constant."""
_PRESENT = 0.98
"""Share of the present scores that a cycle of the null must have; the others are taken for usual."""
_LEVELLED = 0.95
"""Quantile at which the departures of all columns are made alike."""
_FEWEST_YEARS = 3
_GAP = 0.2
"""Of a year without cycles: beyond it the season is not told."""
_OFTEN = 50
"""Cycles of an hour of the day from which on it has a centre of its own."""


@dataclass(frozen=True, eq=False)
class Exact:
    """Checks of columns that hardly vary in the ledger."""

    columns: np.ndarray
    """int64, positions in the flattened (variable, score)."""
    middle: np.ndarray
    limit: np.ndarray
    """Largest deviation that passes."""

    def violated(self, scores: np.ndarray) -> np.ndarray:
        """Bool (row, column) of scores (row, all columns)."""
        deviation = np.abs(scores[:, self.columns] - self.middle)
        return np.asarray(deviation > self.limit)


@dataclass(frozen=True, eq=False)
class Departures:
    """What calibration says of some cycles; NaN (or -1) where a variable has no ranked score."""

    p_cycle: np.ndarray
    """float64 (cycle,)."""
    p_value: np.ndarray
    """float64 (cycle, variable)."""
    departure: np.ndarray
    """float64 (cycle, variable), 1 where the leading score alone is at 1 %."""
    leading: np.ndarray
    """int64 (cycle, variable), index of the score that departs most."""
    violated: np.ndarray
    """bool (cycle, variable, score), exact checks that fail."""
    null_size: int
    """Cycles of the ledger that these were held against."""
    null_years: int


class _Null(NamedTuple):
    """The ledger as calibration sees it."""

    fits: list[Fit]
    """To all groups but one."""
    scale: np.ndarray
    """float64 (column,), 1 or more."""
    departures: np.ndarray
    """float64 (cycle, variable), the largest of each variable, levelled."""


class Calibration:
    """The null for one set of present scores.

    Each group of years is judged by a fit to the other groups. A new cycle, which none of these fits has seen either,
    is judged by each of them, and held against the group that this fit has not seen. What a column's departures reach
    too often when its own group is held out, they are divided by: a score that moves slowly, of which each year is a
    world of its own, shall not drown the others in the maximum.

    Parameters
    ----------
    ledger : Ledger
    scores : sequence of Score
    present : np.ndarray bool (variable, score)

    References
    ----------
    Vovk, 2015, Cross-conformal predictors, Annals of Mathematics and Artificial Intelligence 74.
    """

    def __init__(self, ledger: Ledger, scores: Sequence[Score], present: np.ndarray) -> None:
        self._shape = present.shape
        flat = ledger.scores.reshape(ledger.size, -1)
        columns = np.flatnonzero(present.reshape(-1))
        columns = columns[np.isfinite(flat[:, columns]).any(axis=0)] if ledger.size else columns[:0]
        rows = complete(flat, columns)
        self._ledger = ledger.take(rows)
        values = filled(flat[rows][:, columns].astype(np.float64))
        exact = np.array([scores[c % present.shape[1]].exact for c in columns], bool) | quasi_constant(values)
        self.exact = _exact(values[:, exact], columns[exact], scores, present.shape[1])
        self._columns = columns[~exact]
        self._values = values[:, ~exact]
        owner = self._columns // present.shape[1]
        self.variables = np.unique(owner)
        self._own = [np.flatnonzero(owner == v) for v in self.variables]
        self._hours = _common_hours(self._ledger.hours)
        self._seasonal = _all_seasons(self._ledger.fractions)
        self._functions = self._functions_of(self._ledger.fractions, self._ledger.hours)

    @property
    def null_size(self) -> int:
        """Cycles of the null."""
        return self._ledger.size if self._columns.size else 0

    @property
    def null_years(self) -> int:
        """Years that they come from."""
        return int(np.unique(self._ledger.years).size) if self._columns.size else 0

    def judge(self, scores: np.ndarray, fractions: np.ndarray, hours: np.ndarray) -> Departures:
        """p-values of cycles that have exactly the scores of this null.

        Parameters
        ----------
        scores : np.ndarray (cycle, variable, score)
        fractions : np.ndarray float64 (cycle,)
            Of the year.
        hours : np.ndarray int64 (cycle,)
            Index of the hour of the day.

        Returns
        -------
        Departures
        """
        n, (n_variables, n_scores) = len(scores), self._shape
        flat = np.asarray(scores, np.float64).reshape(n, -1)
        violated = np.zeros((n, n_variables * n_scores), bool)
        violated[:, self.exact.columns] = self.exact.violated(flat)
        p_value, departure = np.full((2, n, n_variables), np.nan)
        leading = np.full((n, n_variables), -1, np.int64)
        p_cycle = np.full(n, np.nan)
        if self._columns.size:
            functions = self._functions_of(fractions, hours)
            each = [one.departures(flat[:, self._columns], functions) / self._null.scale for one in self._null.fits]
            found = np.mean(each, axis=0)
            for k, (variable, own) in enumerate(zip(self.variables, self._own, strict=True)):
                best = found[:, own].argmax(axis=1)
                departure[:, variable] = found[np.arange(n), own[best]]
                leading[:, variable] = self._columns[own[best]] % n_scores
                p_value[:, variable] = self._cross(
                    self._null.departures[:, k], [one[:, own].max(axis=1) for one in each]
                )
            p_cycle = self._cross(self._null.departures.max(axis=1), [one.max(axis=1) for one in each])
        violated = violated.reshape(n, n_variables, n_scores)
        return Departures(p_cycle, p_value, departure, leading, violated, self.null_size, self.null_years)

    def _cross(self, null: np.ndarray, each: Sequence[np.ndarray]) -> np.ndarray:
        """Cross-conformal p-values, float64 (cycle,).

        Parameters
        ----------
        null : np.ndarray (ledger cycle,)
            Each group by the fit to the others.
        each : sequence of np.ndarray (cycle,)
            The same of new cycles, by each of these fits: it is held against the group that the fit has not seen.
        """
        groups = self._ledger.groups
        larger = sum(at_least(null[groups == g], own) for g, own in zip(np.unique(groups), each, strict=True))
        return np.asarray((1 + larger) / (null.size + 1))

    def typical(self, fractions: np.ndarray, hours: np.ndarray) -> np.ndarray:
        """What scores usually are, float64 (cycle, variable, score); NaN where they are not ranked."""
        found = np.full((fractions.size, self._shape[0] * self._shape[1]), np.nan)
        if self._columns.size:
            functions = self._functions_of(fractions, hours)
            centres = [functions @ one.centre + one.middle for one in self._null.fits]
            found[:, self._columns] = np.mean(centres, axis=0)
        return found.reshape(-1, *self._shape)

    @cached_property
    def _null(self) -> _Null:
        """Each group of the ledger by a fit to the others."""
        groups, years = self._ledger.groups, self._ledger.years
        if np.unique(years).size < _FEWEST_YEARS:
            years = self._ledger.folds
        fits, found = [], np.empty(self._values.shape)
        for group in np.unique(groups):
            held = groups == group
            others = ~held if (~held).sum() >= 2 * self._functions.shape[1] else np.ones(held.size, bool)
            fits.append(fit(self._values[others], self._functions[others], self._own, years[others]))
            found[held] = fits[-1].departures(self._values[held], self._functions[held])
        scale = np.maximum(np.quantile(found, _LEVELLED, axis=0) / departure_of(1 - _LEVELLED), 1.0)
        found /= scale
        return _Null(fits, scale, np.stack([found[:, own].max(axis=1) for own in self._own], axis=1))

    def _functions_of(self, fractions: np.ndarray, hours: np.ndarray) -> np.ndarray:
        """A constant, the first harmonic of the year, and one step for each hour of the day but the first."""
        angle = 2 * np.pi * np.asarray(fractions)
        waves = [np.cos(angle), np.sin(angle)] if self._seasonal else []
        steps = [(hours == hour).astype(np.float64) for hour in self._hours[1:]]
        return np.stack([np.ones_like(angle), *waves, *steps], axis=1)


def _all_seasons(fractions: np.ndarray) -> bool:
    """Whether cycles lie in all parts of the year, so that a season can be told."""
    ordered = np.sort(fractions)
    return bool(ordered.size and np.diff(np.append(ordered, ordered[0] + 1)).max() < _GAP)


def conformal(null: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(1 + how many of the null are as large or larger) / (n + 1), float64 (value,)."""
    return np.asarray((1 + at_least(null, values)) / (null.size + 1))


def at_least(null: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the null are as large as each value, or larger: int64 (value,)."""
    return np.asarray(null.size - np.searchsorted(np.sort(null), values, side="left"))


def quasi_constant(values: np.ndarray) -> np.ndarray:
    """Columns (row, column) of which many values are in one place, or few are distinct: bool (column,)."""
    if not len(values):
        return np.zeros(values.shape[1], bool)
    deviation = np.abs(values - np.median(values, axis=0))
    mostly = (deviation <= _PLACE * deviation.max(axis=0)).mean(axis=0) > _MOSTLY
    ordered = np.sort(values, axis=0)
    distinct = 1 + (np.diff(ordered, axis=0) > 0).sum(axis=0)
    return np.asarray(mostly | (distinct < min(_FEWEST, max(2, len(values) // 2))))


def _exact(values: np.ndarray, columns: np.ndarray, scores: Sequence[Score], n_scores: int) -> Exact:
    if not len(values):
        return Exact(columns[:0], np.empty(0), np.empty(0))
    middle = np.median(values, axis=0)
    slack = np.array([scores[c % n_scores].slack for c in columns])
    return Exact(columns, middle, np.maximum(2 * np.abs(values - middle).max(axis=0), slack))


def complete(flat: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Cycles that have as good as all of the columns, int64."""
    if not columns.size:
        return np.arange(len(flat))
    return np.flatnonzero(np.isfinite(flat[:, columns]).mean(axis=1) >= _PRESENT)


def filled(values: np.ndarray) -> np.ndarray:
    """Missing scores in place of which the median of their column stands."""
    missing = ~np.isfinite(values)
    if missing.any():
        known = np.where(missing, np.nan, values)
        lost = missing.all(axis=0)
        known[:, lost] = 0.0
        values = np.where(missing, np.nanmedian(known, axis=0), values)
    return values


def _common_hours(hours: np.ndarray) -> np.ndarray:
    found, counts = np.unique(hours, return_counts=True)
    return np.asarray(found[counts >= _OFTEN])
