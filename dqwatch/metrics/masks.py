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
    may_be_empty: bool
    """A field without any value says nothing."""
    changed: np.ndarray
    """bool (field,), not the usual pattern."""
    unexpected: np.ndarray
    """bool (field,), NaN of this field is not expected."""


def judge_mask(variable: Variable, known: Knowledge, hashes: np.ndarray, n: np.ndarray, n_nan: np.ndarray) -> Mask:
    """Whether the NaN of a variable are natural.

    The source's own word counts first. Else NaN are natural where the catalogue has a mask for the quantity, or where
    it does not know the quantity; and then only in the pattern of most fields. Sea ice may move, and what lies below
    ground with the surface pressure: then every field has NaN, of a number within a factor of two of the median. A
    series of single values of an unknown quantity may have gaps, as station series do.

    Parameters
    ----------
    hashes, n, n_nan : (field,)
        Hash of the pattern, cells and NaN of every field but those of dates declared missing.
    """
    fields = len(hashes)
    none, every = np.zeros(fields, bool), np.ones(fields, bool)
    empty = n_nan == n
    constant = fields < 2 or bool((hashes == hashes[0]).all())
    if variable.nan_allowed is None and known.entry is None and fields > 1 and (n == 1).all():
        return Mask(constant, True, True, none, none)
    usual, share = _most_common(hashes[~empty] if not empty.all() else hashes)
    changed = hashes != usual
    moving = _may_move(known, n_nan[~empty])
    shown = none if moving else changed
    if variable.nan_allowed is not None:
        return Mask(constant, variable.nan_allowed, False, shown, none if variable.nan_allowed else every)
    natural = known.entry is None or known.entry.allows_nan(variable.level, variable.level_type)
    if natural and (constant or moving):
        return Mask(constant, True, False, shown, none if empty.all() else empty)
    return Mask(constant, False, False, shown, changed if natural and share > 0.5 else every)


def _most_common(hashes: np.ndarray) -> tuple[int, float]:
    """The usual pattern, the earliest of several, and its share of the fields."""
    if len(hashes) == 0:
        return 0, 0.0
    patterns, first, often = np.unique(hashes, return_index=True, return_counts=True)
    best = np.lexsort((first, -often))[0]
    return int(patterns[best]), float(often[best] / len(hashes))


def _may_move(known: Knowledge, n_nan: np.ndarray) -> bool:
    mask = known.entry.mask if known.entry is not None else "none"
    if mask in _MOVING:
        return True
    if mask != "below_ground" or len(n_nan) == 0:
        return False
    typical = float(np.median(n_nan))
    return bool(n_nan.min() > 0 and n_nan.min() >= typical / 2 and n_nan.max() <= typical * 2)
