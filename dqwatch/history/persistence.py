"""Since when a variable has departed, and whether it lasts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

UNUSUAL = 0.05
"""p of a variable that counts as unusual."""
_LASTING = 0.5
"""Share of unusual cycles of what is looked for."""
_CHANCE = 0.01
"""How often any variable may be said to last by chance."""
_DAYS = 3.0


class Stretch(NamedTuple):
    """The stretch of a series in which the unusual is most concentrated."""

    first: int
    """Position of its first cycle, which is unusual."""
    last: int
    """Position of its last cycle, which is unusual; -1 where the series has none."""
    unusual: int
    total: int
    gain: float
    """Logarithm of how much better half of all cycles unusual explains it than 5 %."""


def find_stretch(p_values: np.ndarray) -> Stretch:
    """The stretch with the largest gain.

    Parameters
    ----------
    p_values : np.ndarray float64 (cycle,)
        Of one variable, in order of time; NaN do not count.

    Returns
    -------
    Stretch
        Positions are those of `p_values`.
    """
    places = np.flatnonzero(np.isfinite(p_values))
    hits = p_values[places] <= UNUSUAL
    if not hits.any():
        return Stretch(0, -1, 0, 0, 0.0)
    steps = np.where(hits, np.log(_LASTING / UNUSUAL), np.log((1 - _LASTING) / (1 - UNUSUAL)))
    sums = np.concatenate([[0.0], np.cumsum(steps)])
    least = np.minimum.accumulate(sums[:-1])
    last = int(np.argmax(sums[1:] - least))
    first = int(np.flatnonzero(sums[: last + 1] == least[last])[-1])
    inside = hits[first : last + 1]
    gain = float(sums[last + 1] - least[last])
    return Stretch(int(places[first]), int(places[last]), int(inside.sum()), inside.size, gain)


def lasts(stretch: Stretch, n_cycles: int, n_variables: int, days: float) -> bool:
    """Whether a stretch is more than chance brings to any variable of a history, and no weather of a few days.

    Parameters
    ----------
    stretch : Stretch
    n_cycles : int
        Of the series.
    n_variables : int
        That are looked at.
    days : float
        That the stretch spans.

    Notes
    -----
    Where cycles are independent, a likelihood ratio reaches x after a given start with a chance of at most 1 / x
    (Ville's inequality), so after any start of any variable with at most n_cycles n_variables / x.
    """
    return days >= _DAYS and stretch.gain >= np.log(max(n_cycles, 1) * max(n_variables, 1) / _CHANCE)


def is_over(stretch: Stretch, p_values: np.ndarray) -> bool:
    """Whether a stretch has ended: four usual cycles or more follow it."""
    return int((p_values[stretch.last + 1 :] > UNUSUAL).sum()) >= 4
