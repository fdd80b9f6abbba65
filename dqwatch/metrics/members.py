"""Members of an ensemble that are copies of one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.types import Source

if TYPE_CHECKING:
    from dqwatch.metrics.field_table import Seen


def same_as_member(source: Source, seen: Seen) -> Any:
    """Whether an earlier member has the same bits: of the same variable at the same time.

    Returns
    -------
    pandas array of nullable truth, one for each field
        Null for variables of one member.
    """
    import pandas as pd

    several = np.array([v.members > 1 for v in source.variables], bool)[seen.variable]
    same = np.zeros(len(several), bool)
    rows = np.flatnonzero(several)
    keys = (seen.hashes["data_hash"][rows], seen.time[rows], seen.variable[rows])
    order = np.lexsort((seen.member[rows], *keys))
    alike = np.ones(max(len(rows) - 1, 0), bool)
    for key in keys:
        alike &= np.diff(key[order].astype(np.int64)) == 0
    same[rows[order[1:][alike]]] = True
    return pd.arrays.BooleanArray(same, ~several)
