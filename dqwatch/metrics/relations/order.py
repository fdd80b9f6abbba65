"""Relations that say that one variable never exceeds another."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.relations.relation import Context, Fields, Judgement, Violations, judge


def never_above(first: str, second: str, tolerance: float, *, per_hour: bool = False) -> Judgement:
    """The function of a relation `first <= second`.

    Parameters
    ----------
    first, second : str
    tolerance : float
        The packing errors of both are added where they matter.
    per_hour : bool
        Whether the tolerance grows with the hours of the period (1 if it is unknown).
    """

    def departure(fields: Fields, context: Context) -> Violations:
        allowed = tolerance * (context.period_h or 1.0) if per_hour else tolerance
        return judge_packed(fields[first] - fields[second], allowed, fields, context, (first, second))

    return departure


def judge_packed(
    departure: np.ndarray,
    tolerance: float | np.ndarray,
    fields: Fields,
    context: Context,
    names: tuple[str, ...],
) -> Violations:
    """As `judge`; where that finds violations, allow for the packing errors of the variables `names` too."""
    found = judge(departure, tolerance)
    if found.n_violations == 0:
        return found
    # A hundredth more, for the rounding of the unpacked numbers.
    packing = 1.01 * context.packing_of(fields, *names)
    return judge(departure, tolerance + packing) if packing > 0 else found
