"""A learning rate and a mixture for fine-tuning on a source that departs from training: a heuristic, and labelled so.

The ends of its range are those of AIFS Single: a local rate of 8e-7 for fine-tuning on seven years of another source,
and a quarter of that of pre-training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.advice.mismatch import Mismatch
from dqwatch.advice.shares import Weighed

LOWEST = 8e-7
"""Local rate of the fine-tuning of AIFS Single 1."""
PRETRAINING = 3.125e-5
"""Local rate of its pre-training, where the configuration has none."""
_DECORRELATED = 5 * 86400
"""Seconds after which a state counts as a new one."""
REFERENCE = 7 * 365.25 * 86400 / _DECORRELATED
"""Independent states of the seven years (2016-2022) that AIFS Single 1 was fine-tuned on."""
MIXING = "mix: at least half of each batch from the old source; new data alone overfitted or failed where it was tried"
STOP = "stop as soon as the validation loss on the old source rises; keep the rate for which it rises least"


def total_departure(weighed: Sequence[Weighed], mismatches: Mapping[str, Mismatch]) -> float:
    """D: root mean square of each d over the d that 95 % of training years stay below, weighed by parts of the loss.

    Parts are those of persistence; of the weights alone where tendencies are unknown. NaN where nothing is known.
    """
    ratios, parts = [], []
    for one in weighed:
        found = mismatches.get(one.variable.name)
        if found is None or not (math.isfinite(found.square) and found.edge > 0):
            continue
        part = one.part("tendency")
        ratios.append(math.sqrt(found.square) / found.edge)
        parts.append(part if math.isfinite(part) else one.loss_weight)
    if not parts or not sum(parts) > 0:
        return math.nan
    return math.sqrt(float(np.average(np.square(ratios), weights=parts)))


def count_independent(seconds: np.ndarray) -> int:
    """Most times that lie five days apart or more."""
    count, last = 0, -math.inf
    for second in np.sort(seconds).tolist():
        if second - last >= _DECORRELATED:
            count, last = count + 1, second
    return count


def learning_rate(departure: float, independent: int, pretraining: float | None) -> float:
    """Lr = lo (hi / lo)^s min(1, sqrt(n / n_ref)), with s = D^2 / (1 + D^2)."""
    high = (pretraining or PRETRAINING) / 4
    low = min(LOWEST, high)
    share = departure**2 / (1 + departure**2)
    return low * (high / low) ** share * min(1.0, math.sqrt(independent / REFERENCE))


def advise(
    weighed: Sequence[Weighed], mismatches: Mapping[str, Mismatch], seconds: np.ndarray, pretraining: float | None
) -> dict[str, Any] | None:
    """What to try for fine-tuning; None where no departure is known.

    Returns
    -------
    dict
        `heuristic` (true), `departure` (D), `independent_states`, `learning_rate` (local), `sweep` (a third, once,
        three times), `pretraining_rate`, `old_data` (least share), `mixing` and `stop` (sentences).
    """
    departure = total_departure(weighed, mismatches)
    if not math.isfinite(departure):
        return None
    independent = count_independent(seconds)
    rate = learning_rate(departure, independent, pretraining)
    return {
        "heuristic": True,
        "departure": departure,
        "independent_states": independent,
        "learning_rate": rate,
        "sweep": [rate / 3, rate, rate * 3],
        "pretraining_rate": pretraining or PRETRAINING,
        "old_data": 0.5,
        "mixing": MIXING,
        "stop": STOP,
    }
