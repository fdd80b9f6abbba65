"""Scores of a variable beside all others: what they leave of its means over areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.scores.family import area_family
from dqwatch.scores.view import log

_MOST = 4
"""Areas that are looked at: those that depart most."""


class AreaView(NamedTuple):
    """What the other variables leave of the departures of one, in its own deviations; none where that is not known."""

    anywhere: np.ndarray
    """float64 (area,), without the help of the variable that stands out most in the area."""
    everywhere: np.ndarray
    """float64 (area,), without the help of the variable that stands out most in the mean over all areas."""


@area_family("alone_mean", "alone_ms", "alone_scan")
def alone(view: AreaView) -> Sequence[float]:
    """Of what other variables leave: mean, log of the mean square, mean of the 4 largest in size."""
    left = view.anywhere
    if not left.size:
        return np.nan, np.nan, np.nan
    most = min(_MOST, left.size)
    largest = np.partition(np.abs(left), left.size - most)[-most:]
    return float(view.everywhere.mean()), log(float(np.mean(left * left))), float(largest.mean())
