"""Each variable against the others: one that parts from them after a step or a source, or that stalls."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from dqwatch.learning.tails import for_many

CERTAIN = 0.01
"""A variable has parted from the others below this p-value."""
_MOST_TURNS = 8
LEAST = 120
"""Losses that a variable must have."""
_SIGMA = 1.4826
_LOOKS = 4.0
"""Windows at each place that one slides over are so many looks: calibrated on clean series."""
_FEW = 8
"""Variables below which each is left out of the median that it is held against."""
_LEAST_VARIABLES = 5
"""To tell a variable that stalls from how differently variables learn."""
_BLOCKS = 8
_AROUND = 50
"""Steps on either side whose median is the trend."""
_WINSOR = 4.0
_STILL = 0.25
"""A variable stalls if it falls by less than this part of what the others fall by."""


class Parting(NamedTuple):
    """Of one variable; NaN and -1 where it cannot be told."""

    by: float = math.nan
    """How far it goes up against the others, as values are."""
    p_value: float = math.nan
    """Of any variable doing so."""
    at: int = -1
    """Index of the step, of the date among those in order, or of the source."""


class Beside(NamedTuple):
    """The variables beside the median of the others at the same step, float64 (n, v)."""

    relative: np.ndarray
    """Of the values, each variable's own level taken off."""
    left: np.ndarray
    """Of what is left of them when the median around each step is taken off; far values are drawn in."""


def settle(values: np.ndarray, find: Callable[[Beside], list[Parting]]) -> list[Parting]:
    """What is found of each variable beside the others, when those that part are no longer among the others.

    Else the median that they shift would make the others part the other way.
    """
    aside = np.zeros(values.shape[1], bool)
    level, rest = values - _medians(values), without_trend(values)
    for _ in range(_MOST_TURNS):
        found = find(Beside(_at_own_pace(level, beside_others(level, aside)), draw_in(beside_others(rest, aside))))
        size = np.array([abs(one.by) if one.p_value <= CERTAIN else 0.0 for one in found])
        more = ~aside & (size > 0)
        if not more.any():
            break
        aside |= more & (size >= size[more].max() / 2)
    return found


def beside_others(values: np.ndarray, aside: np.ndarray) -> np.ndarray:
    """Each variable less the median of the others at the same step, float64 (n, v); NaN for a single variable.

    Parameters
    ----------
    values : np.ndarray, float64 (n, v)
    aside : np.ndarray, bool (v,)
        Variables that are none of the others.
    """
    n_variables, others = values.shape[1], ~aside
    with np.errstate(invalid="ignore"):
        if others.sum() >= _FEW:
            return values - _median(values[:, others])[:, None]
        columns = []
        for k in range(n_variables):
            rest = others & (np.arange(n_variables) != k)
            columns.append(values[:, k] - _median(values[:, rest]) if rest.any() else np.full(len(values), np.nan))
        return np.column_stack(columns)


def _median(values: np.ndarray) -> np.ndarray:
    """Of each row, NaN left out; NaN for a row of nothing else."""
    found = np.full(values.shape[0], np.nan)
    there = np.isfinite(values).any(axis=1)
    found[there] = np.nanmedian(values[there], axis=1)
    return found


def find_steps(beside: Beside) -> list[Parting]:
    """The step at which each variable rises most against the others, and stays there.

    The median over a window after a step less that before it, less the mean of the same two windows further off: a
    smooth trend has little of it. In deviations of the variable's own noise it spreads over all steps and variables;
    p is that of a t distribution, by how many windows there are.

    Parameters
    ----------
    beside : Beside
    """
    from scipy.stats import t

    relative, left = beside
    noise = _SIGMA * np.array([_spread(left[:, k]) for k in range(left.shape[1])])
    rises = [_rises(relative[:, k]) / noise[k] for k in range(relative.shape[1])]
    known = [rise[np.isfinite(rise)] for rise in rises]
    if not any(rise.size for rise in known):
        return [Parting()] * len(rises)
    common = _spread(np.concatenate(known))
    windows = sum(rise.size / _window(int(np.isfinite(relative[:, k]).sum())) for k, rise in enumerate(known))
    found = []
    for k, rise in enumerate(rises):
        if not known[k].size:
            found.append(Parting())
            continue
        at = int(np.nanargmax(rise))
        scale = _SIGMA * max(common, _spread(known[k]))
        p = float(for_many(t.sf(rise[at] / scale, max(3.0, windows / 6)), _LOOKS * windows))
        found.append(Parting(float(rise[at] * noise[k]), p, at))
    return found


def _window(n: int) -> int:
    """Losses in a window of a series of n."""
    return int(np.clip(n // 20, 10, 400))


def _spread(values: np.ndarray) -> float:
    """Median absolute value; NaN left out, and NaN where there is nothing, or no spread."""
    known = np.abs(values[np.isfinite(values)])
    return float(np.median(known)) or math.nan if known.size else math.nan


def _rises(own: np.ndarray) -> np.ndarray:
    """By how much a variable is higher after each step than before, its trend taken off; NaN near the ends."""
    import pandas as pd

    found = np.full(own.size, np.nan)
    there = np.flatnonzero(np.isfinite(own))
    n = there.size
    if n < LEAST:
        return found
    window = _window(n)
    median = pd.Series(own[there]).rolling(window).median().to_numpy()
    jump = np.full(n, np.nan)
    jump[window : n - window + 1] = median[2 * window - 1 :] - median[window - 1 : n - window]
    early, late = np.full(n, np.nan), np.full(n, np.nan)
    early[2 * window :], late[: -2 * window] = jump[: -2 * window], jump[2 * window :]
    trend = np.where(np.isnan(early), late, np.where(np.isnan(late), early, (early + late) / 2))
    rise = jump - np.nan_to_num(trend)
    rise[: max(2 * window, n // 10)] = np.nan  # the first falls are steep
    found[there] = rise
    return found


def _at_own_pace(level: np.ndarray, relative: np.ndarray) -> np.ndarray:
    """What is left of each variable, when the others are taken off as many times as fits: some learn faster."""
    found = np.full(relative.shape, np.nan)
    for k in range(level.shape[1]):
        there = np.isfinite(relative[:, k])
        if there.any():
            own, others = level[there, k], level[there, k] - relative[there, k]
            apart = others - others.mean()
            pace = float(apart @ (own - own.mean()) / (apart @ apart)) if (apart @ apart) > 0 else 1.0
            found[there, k] = own - pace * others
    return found


def without_trend(values: np.ndarray) -> np.ndarray:
    """What is left of each variable when the median around each step is taken off; NaN where there are too few."""
    import pandas as pd

    left = np.full(values.shape, np.nan)
    for k in range(values.shape[1]):
        there = np.flatnonzero(np.isfinite(values[:, k]))
        if there.size >= LEAST:
            own = pd.Series(values[there, k])
            left[there, k] = own - own.rolling(2 * _AROUND + 1, center=True, min_periods=_AROUND).median()
    return left


def draw_in(left: np.ndarray) -> np.ndarray:
    """Values of each column no further from its median than four robust deviations; NaN for one that does not vary."""
    middle = _medians(left)
    scale = _SIGMA * _medians(np.abs(left - middle))
    limit = np.where(scale > 0, _WINSOR * scale, np.nan)
    return np.clip(left, middle - limit, middle + limit)


def find_sources(left: np.ndarray, sources: Sequence[str]) -> list[Parting]:
    """The source whose samples have the largest losses of a variable, against all others; sources taken by turns.

    Returns
    -------
    list of Parting, whose `at` points into the names of the sources in order
    """
    from scipy.stats import norm

    labels = np.array(sources)
    names = sorted(set(labels.tolist()) - {""})
    found = []
    for k in range(left.shape[1]):
        best = Parting()
        for at, name in enumerate(names):
            known = np.isfinite(left[:, k])
            own, rest = left[known & (labels == name), k], left[known & (labels != name) & (labels != ""), k]
            if min(own.size, rest.size) < _AROUND:
                continue
            by = float(own.mean() - rest.mean())
            error = math.sqrt(own.var() / own.size + rest.var() / rest.size)
            if error > 0 and not by <= best.by:
                best = Parting(by, float(norm.sf(by / error)), at)
        found.append(best)
    looked = sum(math.isfinite(one.p_value) for one in found) * max(1, len(names))
    return [one._replace(p_value=float(for_many(one.p_value, looked))) if looked else one for one in found]


def find_stalls(values: np.ndarray) -> list[Parting]:
    """Variables that no longer fall while the others do, against how differently the variables learn.

    The series is cut into eight. From one eighth on, how far a variable falls over how far the median one does, against
    the same before; over the spread of that among the variables.

    Returns
    -------
    list of Parting
        `by` is how far the variable has not come that the others have since; `at` the index of the step.
    """
    from scipy.stats import t

    n, v = values.shape
    best = [Parting()] * v
    if v < _LEAST_VARIABLES or n < LEAST:
        return best
    edges = np.linspace(0, n, _BLOCKS + 1).astype(int)
    levels = np.stack([_medians(values[a:b]) for a, b in pairwise(edges)])
    for since in range(2, _BLOCKS - 1):
        early, late = levels[0] - levels[since], levels[since] - levels[-1]
        typical = float(np.nanmedian(early)), float(np.nanmedian(late))
        if not min(typical) > 0:
            continue
        lost = early / typical[0] - late / typical[1]
        middle = float(np.nanmedian(lost))
        scale = _SIGMA * float(np.nanmedian(np.abs(lost - middle)))
        if not scale > 0:
            continue
        p = for_many(t.sf((lost - middle) / scale, v - 1), v * (_BLOCKS - 3))
        stalled = (late < _STILL * typical[1]) & (early > typical[0] / 2)
        for k in np.flatnonzero(np.isfinite(lost)):
            one = (
                Parting(float(typical[1] - late[k]), float(p[k]), int(edges[since]))
                if stalled[k]
                else Parting(0.0, 1.0)
            )
            if not one.p_value >= best[k].p_value:
                best[k] = one
    return best


def _medians(block: np.ndarray) -> np.ndarray:
    """Of each column, NaN left out."""
    found = np.full(block.shape[1], np.nan)
    there = np.isfinite(block).any(axis=0)
    found[there] = np.nanmedian(block[:, there], axis=0)
    return found
