"""Parts of the training data that are held out together: whole years where there are enough of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.errors import UsageError
from dqwatch.metrics.calendars import DAY, dates
from dqwatch.types import NOT_A_TIME, TimeAxis

FOLDS = 8
_FEWEST_TIMES = 16
_FEWEST_YEARS = 5
"""Years below which years are too few to be the unit of what is normal."""
_GROUPS = 10
"""Groups of years that are judged by fits to the others, if there are so many years."""
_SHARE = 0.05
"""Of the steps between times: the shortest step as frequent as this is the step of the data."""
_ALIKE = 1.2
"""Steps that differ by less, and yet differ, are months or years."""


class Times(NamedTuple):
    """The times of the training data that are used, in order, each once."""

    indices: np.ndarray
    """int64 (time,), positions on the axis."""
    seconds: np.ndarray
    """int64 (time,)."""
    years: np.ndarray
    """int64 (time,)."""
    folds: np.ndarray
    """int64 (time,), held out together."""
    groups: np.ndarray
    """int64 (time,), calibrated together; whole folds are not needed."""
    n_folds: int
    n_years: int
    """Years that have at least half as many times as the fullest."""
    step: int
    """Seconds from the field before that a change is taken over; 0 for none."""


def lay_folds(axis: TimeAxis) -> Times:
    """The times of an axis, and their folds.

    Parameters
    ----------
    axis : TimeAxis

    Returns
    -------
    Times
        From 8 years on folds are runs of whole years, else runs of equally many times.

    Raises
    ------
    UsageError
        If fewer than 16 times can be used.
    """
    usable = (axis.seconds != NOT_A_TIME) & (True if axis.sampled is None else axis.sampled)
    if axis.declared_missing is not None:
        usable &= ~axis.declared_missing
    seconds, first = np.unique(axis.seconds[usable], return_index=True)
    indices = np.flatnonzero(usable)[first]
    if axis.kind != "time" or seconds.size < _FEWEST_TIMES:
        raise UsageError(
            f"{axis.name}: {seconds.size} usable times; a baseline needs {_FEWEST_TIMES} at the very least, and some "
            "1,500 of 15 years to be relied on"
        )
    years = dates(seconds, axis.calendar).year
    kept, counts = np.unique(years, return_counts=True)
    full = int((counts >= 0.5 * counts.max()).sum()) if seconds[-1] - seconds[0] > 300 * DAY else 0
    number = np.searchsorted(kept, years)
    if full >= FOLDS:
        folds = number * FOLDS // kept.size
        groups = number * min(_GROUPS, kept.size) // kept.size
    elif full >= _FEWEST_YEARS:
        folds, groups = _runs(seconds.size, FOLDS), number
    else:
        folds, groups = _runs(seconds.size, FOLDS), _runs(seconds.size, FOLDS)
    return Times(indices, seconds, years, folds, groups, FOLDS, full, find_step(seconds, axis.frequency))


def _runs(size: int, count: int) -> np.ndarray:
    return np.arange(size) * count // size


def find_step(seconds: np.ndarray, declared: int | None) -> int:
    """The step (s) that changes are taken over: as declared, else the shortest that is not rare; 0 if there is none.

    Months and years have none, for they are not of one length.
    """
    steps, counts = np.unique(np.diff(seconds), return_counts=True)
    if declared and declared in steps:
        return declared
    frequent = steps[counts >= _SHARE * counts.sum()]
    if not frequent.size or (frequent.size > 1 and frequent[1] < _ALIKE * frequent[0]):
        return 0
    return int(frequent[0])
