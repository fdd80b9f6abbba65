"""What means over areas of different variables are to one another, place by place.

Learnt from the cycles of the ledger by sums that add up: merging is adding, to hold a fold out is to add the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.scores import Family
from dqwatch.scores.relations import AreaView

_SHRINKAGE = 0.05
"""Of correlations between variables towards none."""
_FLOOR = 0.02
"""Of the mean deviation of a variable: the least that is taken for one."""
_RIDGE = 1e-9
_FEWEST = 30
"""Cycles below which nothing is said."""


class RelationSums:
    """Sums over some cycles.

    Parameters
    ----------
    first : np.ndarray float64 (variable, area)
        First guess, subtracted before anything is multiplied; what is not finite in it becomes 0.
    functions : int
        Of season and hour.
    """

    def __init__(self, first: np.ndarray, functions: int) -> None:
        self.first = np.where(np.isfinite(first), first, 0.0)
        n_variables, n_areas = first.shape
        self.moments = np.zeros((functions, functions))
        self.products = np.zeros((functions, n_variables, n_areas))
        self.squares = np.zeros((n_areas, n_variables, n_variables))
        self.missing = np.zeros((n_variables, n_areas))

    def add(self, means: np.ndarray, functions: np.ndarray) -> None:
        """Cycles (cycle, variable, area), with their functions of time (cycle, function)."""
        known = np.isfinite(means)
        y = np.where(known, means - self.first, 0.0)
        self.moments += functions.T @ functions
        self.products += np.einsum("np,nva->pva", functions, y, optimize=True)
        self.squares += np.matmul(y.transpose(2, 1, 0), y.transpose(2, 0, 1))
        self.missing += (~known).sum(axis=0)

    def merge(self, other: RelationSums) -> None:
        """The sums of other cycles onto these.

        Raises
        ------
        ValueError
            If the two were not laid out alike, first guess included.
        """
        if self.products.shape != other.products.shape or not np.array_equal(self.first, other.first):
            raise ValueError("sums of relations: laid out with other functions, variables, areas or first guesses")
        for name in ("moments", "products", "squares", "missing"):
            getattr(self, name)[...] += getattr(other, name)

    @property
    def count(self) -> float:
        """Cycles."""
        return float(self.moments[0, 0])


class Relations(NamedTuple):
    """What was fitted to some sums.

    Attributes
    ----------
    first : np.ndarray float64 (variable, area)
    mean : np.ndarray float64 (function, variable, area)
        Coefficients of the mean less `first`.
    sd : np.ndarray float64 (variable, area)
        About the mean; NaN where an area is not used: it has, or had once, no value.
    precision : np.ndarray float32 (area, variable, variable)
        Inverse of the correlations between variables.
    """

    first: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    precision: np.ndarray

    def n_hours(self, terms: int) -> int:
        """Hours of the day that are told apart, where so many functions are of the season."""
        return len(self.mean) - terms + 1

    def score(self, means: np.ndarray, functions: np.ndarray, families: Sequence[Family]) -> np.ndarray:
        """Scores of one cycle, float64 (variable, score), in the order of the families.

        Parameters
        ----------
        means : np.ndarray (variable, area)
            NaN where there is none. If a variable has none at all, nothing is said of what others leave of each, for
            cycles of training had it.
        functions : np.ndarray float64 (function,)
            Of season and hour.
        families : sequence of Family
            Those that look at areas.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            z = (means - self.first - np.tensordot(functions, self.mean, 1)) / self.sd
        known = np.isfinite(z)
        left = self._leave(np.where(known, z, 0.0).T)
        whole = bool((known.any(axis=1) | ~np.isfinite(self.sd).any(axis=1)).all()) and len(z) > 1
        found = []
        for v, there in enumerate(known):
            there = there if whole else np.zeros_like(there)
            view = AreaView(left.anywhere[there, v], left.everywhere[there, v])
            found.append([score for family in families for score in family.of_areas(view)])
        return np.array(found, np.float64).reshape(len(z), -1)

    def _leave(self, z: np.ndarray) -> _Left:
        """What variables leave of each other's departures (area, variable), each in its own deviations.

        What is wrong with one variable is felt by all that it helps to explain. So the variable that stands out most
        explains no other: in each area by itself, and the one that does so in the mean over all areas.
        """
        precision = self.precision.astype(np.float64)
        weighed = np.matmul(precision, z[:, :, None])[:, :, 0]
        own = np.diagonal(precision, axis1=1, axis2=2)
        left = weighed / np.sqrt(own)
        first = np.abs(left).argmax(axis=1)
        overall = np.full(first.size, np.abs(left.mean(axis=0)).argmax())
        return _Left(*(_without(precision, weighed, own, left, given) for given in (first, overall)))


class _Left(NamedTuple):
    """float64 (area, variable) each."""

    anywhere: np.ndarray
    everywhere: np.ndarray


def _without(
    precision: np.ndarray, weighed: np.ndarray, own: np.ndarray, left: np.ndarray, given: np.ndarray
) -> np.ndarray:
    """The residuals of all but one variable of each area, without the help of that one."""
    areas = np.arange(given.size)
    beside = precision[areas, :, given] / own[areas, given][:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (weighed - beside * weighed[areas, given][:, None]) / np.sqrt(own - beside * precision[areas, :, given])
    found[areas, given] = left[areas, given]
    return np.asarray(found)


def fit(parts: Iterable[RelationSums]) -> Relations | None:
    """What the cycles of some sums together tell; None where they are too few."""
    total: RelationSums | None = None
    for one in parts:
        if total is None:
            total = RelationSums(one.first, len(one.moments))
        total.merge(one)
    if total is None or total.count < max(_FEWEST, 2 * len(total.moments)):
        return None
    p, n_variables, _ = total.products.shape
    ridge = _RIDGE * np.trace(total.moments) * np.eye(p)
    mean = np.linalg.solve(total.moments + ridge, total.products.reshape(p, -1)).reshape(total.products.shape)
    freedom = total.count - p
    squares = (total.squares - np.einsum("pva,pua->avu", mean, total.products, optimize=True)) / freedom
    variance = np.diagonal(squares, axis1=1, axis2=2).T
    scale = np.abs(total.first).max(axis=1, keepdims=True)
    used = (total.missing == 0) & (variance > (1e-9 * scale) ** 2) & (variance > 0)
    sd = np.where(used, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    for v in np.flatnonzero(used.any(axis=1)):
        sd[v] = np.where(used[v], np.maximum(sd[v], _FLOOR * sd[v, used[v]].mean()), np.nan)
    inverse = np.where(used, 1 / np.where(used, sd, 1.0), 0.0).T
    shrunk = (1 - _SHRINKAGE) * squares * inverse[:, :, None] * inverse[:, None, :]
    diagonal = np.arange(n_variables)
    shrunk[:, diagonal, diagonal] = 1.0
    return Relations(total.first, mean, sd, np.linalg.inv(shrunk).astype(np.float32))


def time_functions(phi: np.ndarray, hours: np.ndarray, n_hours: int) -> np.ndarray:
    """Functions of season and hour, float64 (time, function): those of the season, steps for hours but the first."""
    return np.concatenate([phi, np.asarray(hours)[:, None] == np.arange(1, n_hours)], axis=1).astype(np.float64)
