"""Suggested loss weights: what drifts further than a step can teach counts less, at most ten times less, never more.

A Gaussian likelihood with extra variance from the mismatch of two sources weighs by the inverse of the total variance
(Kendall, Gal and Cipolla 2018, Multi-task learning using uncertainty to weigh losses); that a drift should be answered
in this way is a proposal of dqwatch, published nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.advice.mismatch import Mismatch
from dqwatch.advice.shares import Weighed

LEAST, MOST = 0.1, 1.0
"""Bounds of the factor."""
_UNCHANGED = 0.995


class Suggestion(NamedTuple):
    """For one variable."""

    departure: float
    """d: how far the source stays away from training, standard deviations, what is usual taken off."""
    step: float
    """s: how far a step changes it, standard deviations."""
    p_value: float
    """Of all its cycles together."""
    q_value: float
    """The same, adjusted for the number of variables."""
    factor: float
    """The present weight times this is suggested; 1 without evidence."""
    reason: str


def combine(p_values: Sequence[float]) -> float:
    """One p-value of several that may depend on one another in any way: n / k times the k-th smallest, k = half of n.

    References
    ----------
    Rueger, 1978, Das maximale Signifikanzniveau des Tests, Metrika 25.
    """
    known = np.sort([p for p in p_values if math.isfinite(p)])
    if not known.size:
        return math.nan
    k = (known.size + 1) // 2
    return float(min(1.0, known.size / k * known[k - 1]))


def factor_of(step_square: float, departure_square: float, q_value: float) -> float:
    """1 - pi (1 - m), with m = s^2 / (s^2 + d^2) between `LEAST` and `MOST` and pi = 1 - q; 1 where one is unknown."""
    if not all(math.isfinite(x) for x in (step_square, departure_square, q_value)):
        return 1.0
    total = step_square + departure_square
    m = min(MOST, max(LEAST, step_square / total)) if total > 0 else 1.0
    return max(LEAST, 1.0 - (1.0 - q_value) * (1.0 - m))  # not by a rounding less


def suggest(
    weighed: Sequence[Weighed],
    mismatches: Mapping[str, Mismatch],
    p_values: Mapping[str, float],
    q_values: Mapping[str, float],
) -> list[Suggestion]:
    """A suggestion for every variable of the loss.

    Parameters
    ----------
    weighed : sequence of Weighed
    mismatches : mapping of variable to Mismatch
    p_values, q_values : mapping of variable to float
        As `combine` gives them, and adjusted.
    """
    return [_suggest(w, mismatches.get(w.variable.name), p_values, q_values) for w in weighed]


def _suggest(
    one: Weighed, mismatch: Mismatch | None, p_values: Mapping[str, float], q_values: Mapping[str, float]
) -> Suggestion:
    name = one.variable.name
    p, q = p_values.get(name, math.nan), q_values.get(name, math.nan)
    if mismatch is None:
        return Suggestion(math.nan, math.nan, p, q, 1.0, f"{name} is not in the baseline or not in the source: kept.")
    square = one.statistics.tendency**2 / mismatch.variance if mismatch.variance > 0 else math.nan
    factor = factor_of(square, mismatch.square, q)
    d, s = math.sqrt(mismatch.square), math.sqrt(square)
    return Suggestion(d, s, p, q, factor, _reason(name, d, s, q, mismatch, factor))


def _reason(name: str, d: float, s: float, q: float, mismatch: Mismatch, factor: float) -> str:
    """One sentence with the evidence."""
    if not math.isfinite(d):
        return f"{name}: too few training years to tell what is usual: kept."
    if not math.isfinite(s):
        return f"{name}: its change over a step is not known: kept."
    if not math.isfinite(q):
        return f"{name} has no p-value: kept."
    stays = f"{name} stays {d:.2g} standard deviations away from training"
    if factor > _UNCHANGED:
        return f"{stays} (a step changes it by {s:.2g}; q {q:.2g}): kept."
    return (
        f"{stays} ({len(mismatch.null)} training years: {mismatch.edge:.2g} at most, in 95 %) while a step changes "
        f"it by {s:.2g}, and its cycles are unlike training (q {q:.2g}): times {factor:.2g}."
    )


def rescale(weighed: Sequence[Weighed], wanted: Sequence[float]) -> float:
    """The factor, 1 or more, by which all weights must be multiplied for the loss of persistence to stay as large."""
    parts = np.array([w.part("tendency") for w in weighed])
    ratios = np.array([v / w.weight if w.weight else 1.0 for v, w in zip(wanted, weighed, strict=True)])
    known = np.isfinite(parts)
    left = float(np.sum(parts[known] * ratios[known]))
    return float(np.sum(parts[known])) / left if left > 0 else 1.0


def suggestion_columns(
    weighed: Sequence[Weighed], suggestions: Sequence[Suggestion], written: Sequence[float]
) -> dict[str, list[Any]]:
    """The optional columns of the table `weights`; `written` is the weight that the YAML gives each variable."""
    return {
        "departure": [s.departure for s in suggestions],
        "step": [s.step for s in suggestions],
        "p_value": [s.p_value for s in suggestions],
        "q_value": [s.q_value for s in suggestions],
        "multiplier": [s.factor for s in suggestions],
        "suggested": list(written),
        "reason": [s.reason for s in suggestions],
    }


def as_records(
    weighed: Sequence[Weighed], suggestions: Sequence[Suggestion], written: Sequence[float]
) -> list[dict[str, Any]]:
    """What a document says of each variable, the largest changes first."""
    records = [
        {"variable": w.variable.name, "key": w.lookup, "weight": w.weight, "suggested": value, **s._asdict()}
        for w, s, value in zip(weighed, suggestions, written, strict=True)
    ]
    return sorted(records, key=lambda record: record["factor"])
