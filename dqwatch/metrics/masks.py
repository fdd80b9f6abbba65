"""Where NaN is natural: the usual pattern of a variable, and whether it may be there at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.metrics.known import Knowledge
from dqwatch.types import Variable

_MOVING = ("ice", "any")
"""Masks of the catalogue that differ from time to time by nature."""


class Mask(NamedTuple):
    """What the patterns of NaN of one variable amount to."""

    constant: bool
    """The same in every field."""
    allowed: bool
    """NaN is expected in every field."""
    changed: np.ndarray
    """bool (field,), not the usual pattern."""
    unexpected: np.ndarray
    """bool (field,), NaN of this field is not expected."""


def judge_mask(variable: Variable, known: Knowledge, hashes: np.ndarray, n: np.ndarray, n_nan: np.ndarray) -> Mask:
    """Whether the NaN of a variable are natural.

    The source's own word counts first. Else NaN are where the catalogue has a mask for the quantity, or where it does
    not know the quantity; and then only in the pattern of most fields. Sea ice may move, and what lies below ground
    with the surface pressure: then every field has NaN, of a number within a factor of two of the median.

    Parameters
    ----------
    hashes, n, n_nan : (field,)
        Hash of the pattern, cells and NaN of every field but those of dates declared missing.
    """
    fields = len(hashes)
    patterns, often = np.unique(hashes, return_counts=True)
    constant = len(patterns) <= 1
    usual = patterns[np.argmax(often)] if fields else 0
    changed = hashes != usual
    moving = _may_move(known, n_nan)
    if variable.nan_allowed is not None:
        unexpected = np.full(fields, not variable.nan_allowed)
        return Mask(constant, variable.nan_allowed, changed & (not moving), unexpected)
    natural = known.entry is None or known.entry.allows_nan(variable.level, variable.level_type)
    allowed = natural and (constant or moving)
    if allowed:
        unexpected = np.zeros(fields, bool)
    elif natural and 2 * often.max(initial=0) > fields:
        unexpected = changed
    else:
        unexpected = np.ones(fields, bool)
    return Mask(constant, allowed, changed & (not moving), unexpected | ((n_nan == n) & (fields > 1) & changed))


def _may_move(known: Knowledge, n_nan: np.ndarray) -> bool:
    mask = known.entry.mask if known.entry is not None else "none"
    if mask in _MOVING:
        return True
    if mask != "below_ground" or len(n_nan) == 0:
        return False
    typical = float(np.median(n_nan))
    return bool(n_nan.min() > 0 and n_nan.min() >= typical / 2 and n_nan.max() <= typical * 2)
