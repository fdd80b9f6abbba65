"""Whether months have enough of their days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from dqwatch.metrics.rhythm import Columns

MOST_DAYS = 10
MOST_IN_A_ROW = 4
"""Days that may be missing of a month, in all and one after the other."""


def judge_months(rows: Columns) -> np.ndarray:
    """Whether the month of each time of an axis lacks few of its days.

    A day is missing if one of its expected times is not there, is declared missing or has no value. A month of which
    nothing is there is a gap and not incomplete: data of one season are no worse for it.

    Parameters
    ----------
    rows : mapping of column to array (row,)
        Of the table `times`.

    Returns
    -------
    np.ndarray (row,), bool
        True also where a time cannot be decoded.

    References
    ----------
    WMO-No. 1203, 2017: WMO Guidelines on the Calculation of Climate Normals (11 days, or 5 in a row).
    """
    there = rows["present"] & ~rows["declared_missing"] & ~rows["all_nan"]
    months = [str(label)[:7] if known else "" for label, known in zip(rows["time"], rows["decodable"], strict=True)]
    lost: dict[str, set[int]] = defaultdict(set)
    for i in np.flatnonzero(~there & rows["decodable"] & rows["expected"]):
        lost[months[i]].add(int(str(rows["time"][i])[8:10]))
    begun = {months[i] for i in np.flatnonzero(there)}
    bad = {month for month, days in lost.items() if month in begun and not _bearable(days)}
    return np.array([month not in bad for month in months], bool)


def _bearable(days: Iterable[int]) -> bool:
    ordered = sorted(days)
    run = longest = 0
    for i, day in enumerate(ordered):
        run = run + 1 if i and day == ordered[i - 1] + 1 else 1
        longest = max(longest, run)
    return len(ordered) <= MOST_DAYS and longest <= MOST_IN_A_ROW
