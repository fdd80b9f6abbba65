"""How many alarms chance brings, and how unlikely it is that it brings as many as there were."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqwatch.chance import interval, tail, usual


def spend(p_values: np.ndarray, days: np.ndarray, level: float) -> dict[str, Any]:
    """The budget of false alarms of a level, held against the alarms there were.

    Parameters
    ----------
    p_values : np.ndarray float64 (cycle,)
        Of whole cycles, in order of time; NaN do not count.
    days : np.ndarray (cycle,)
        The day of each, in any form that can be told apart.
    level : float
        A cycle alarms at this p or less.

    Returns
    -------
    dict
        `level`, `cycles`, `alarms`, `stretches` (alarms one after another are one), `expected`, `usual_low` and
        `usual_high` (95 % of what chance brings, binomial), `p_value` (of as many or more, binomial, cycles taken as
        independent), `rate_low` and `rate_high` (95 % interval of the rate, Clopper and Pearson), `days`,
        `alarm_days` and `p_days`: the same by days. A day alarms if a cycle of it does, at most as often as independent
        cycles would; so cycles of one day may depend on one another.

    """
    known = np.isfinite(p_values)
    alarms = p_values[known] <= level
    n, k = alarms.size, int(alarms.sum())
    _, day, many = np.unique(days[known], return_inverse=True, return_counts=True)
    alarm_days = int((np.bincount(day, alarms, minlength=many.size) > 0).sum())
    chance = float((1 - (1 - level) ** many).mean()) if n else 0.0
    low, high = usual(n, level)
    rate = interval(k, n)
    return {
        "level": level,
        "cycles": n,
        "alarms": k,
        "stretches": int((np.diff(alarms.astype(int), prepend=0) == 1).sum()),
        "expected": n * level,
        "usual_low": int(low[0]),
        "usual_high": int(high[0]),
        "p_value": tail(k, n, level) if n else None,
        "rate_low": rate[0],
        "rate_high": rate[1],
        "days": int(many.size),
        "alarm_days": alarm_days,
        "p_days": tail(alarm_days, many.size, chance) if n else None,
    }
