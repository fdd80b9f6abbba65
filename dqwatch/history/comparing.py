"""Runs held against one another by what they are labelled with: IFS cycles, sources, systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.chance import interval
from dqwatch.history.persistence import UNUSUAL
from dqwatch.history.rows import ALARM

if TYPE_CHECKING:
    import pandas as pd

_MOST = 20
_FAR = 3.0
"""Standard errors from which on a difference is told."""


def compare_labels(key: str, runs: pd.DataFrame, cycles: pd.DataFrame, drift: pd.DataFrame) -> dict[str, Any] | None:
    """The values of a label side by side; None where no run has it.

    Returns
    -------
    dict
        `label`; `groups`: for each `value` the `runs`, `failed` ones, `cycles` with a p-value, `alarms` among them,
        their `rate` and its 95 % interval `rate_low`, `rate_high` (cycles taken as independent); `variables`: those
        whose share of unusual cycles (p <= 0.05) differs by three standard errors or more, the furthest first, with the
        share of each value in `shares`; `left_out`: how many more differ so.
    """
    values = {series: json.loads(series).get(key) for series in runs["series"].unique()}
    names = sorted({value for value in values.values() if value is not None})
    if not names:
        return None
    of = {frame: data["series"].map(values) for frame, data in (("runs", runs), ("cycles", cycles), ("drift", drift))}
    groups = []
    for name in names:
        own = runs[of["runs"] == name]
        p = cycles.loc[of["cycles"] == name, "p_cycle"].dropna()
        low, high = interval(int((p <= ALARM).sum()), len(p))
        groups.append(
            {
                "value": name,
                "runs": len(own),
                "failed": int((~own["status"].isin(["pass", "warn"])).sum()),
                "cycles": len(p),
                "alarms": int((p <= ALARM).sum()),
                "rate": float((p <= ALARM).mean()) if len(p) else None,
                "rate_low": low,
                "rate_high": high,
            }
        )
    variables = _variables(drift, of["drift"])
    return {
        "label": key,
        "groups": groups,
        "variables": variables[:_MOST],
        "left_out": max(0, len(variables) - _MOST),
    }


def _variables(drift: pd.DataFrame, value: pd.Series) -> list[dict[str, Any]]:
    """By the largest difference of shares, in standard errors of shares that are the same."""
    known = drift["p_value"].notna() & value.notna()
    unusual = (drift.loc[known, "p_value"] <= UNUSUAL).astype(float)
    grouped = unusual.groupby([drift.loc[known, "variable"], value[known]])
    share, number = grouped.mean().unstack(), grouped.size().unstack()
    if share.empty or share.shape[1] < 2:
        return []
    whole = (share * number).sum(axis=1) / number.sum(axis=1)
    error = np.sqrt(np.maximum(whole * (1 - whole), 1e-9) * (1 / number).sum(axis=1, min_count=1))
    far = ((share.max(axis=1) - share.min(axis=1)) / error).fillna(0.0).sort_values(ascending=False, kind="stable")
    return [
        {"variable": str(name), "shares": {str(v): float(s) for v, s in share.loc[name].items() if s == s}}
        for name in far.index
        if far[name] >= _FAR
    ]
