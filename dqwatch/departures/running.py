"""How long something has lasted: the persistence counter."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

UNUSUAL = 0.05
"""p from which on a cycle counts as unusual, were it alone."""


def run_lengths(unusual: Sequence[bool] | np.ndarray) -> np.ndarray:
    """How many in a row are True up to each place, int64: 0 where it is False."""
    flags = np.asarray(unusual, bool)
    count = np.arange(1, flags.size + 1)
    return np.asarray(count - np.maximum.accumulate(np.where(flags, 0, count))) if flags.size else np.zeros(0, np.int64)


def count_running(rows: Sequence[MutableMapping[str, Any]], p: str, key: Sequence[str]) -> None:
    """Give rows, in order of time, `n_running`: of the same key, how many in a row up to each are unusual.

    Parameters
    ----------
    rows : sequence of mappings
    p : str
        Their p-value, which may be NaN.
    key : sequence of str
        What tells series apart.
    """
    series: dict[tuple[Any, ...], list[MutableMapping[str, Any]]] = {}
    for row in rows:
        series.setdefault(tuple(row[k] for k in key), []).append(row)
    for own in series.values():
        for row, n in zip(own, run_lengths([_unusual(row, p) for row in own]), strict=True):
            row["n_running"] = int(n)


def _unusual(row: Mapping[str, Any], p: str) -> bool:
    return bool(row[p] <= UNUSUAL)
