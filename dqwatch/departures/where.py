"""Where the worst cycle departs: the scorecard by region of all variables; each area of those that are named, and what
their leading scores were in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch import tables
from dqwatch.baselines.baseline import Baseline
from dqwatch.departures.regions import Region, mean_over_regions, name_regions
from dqwatch.departures.scoring import Cycle
from dqwatch.scores import STATE

if TYPE_CHECKING:
    import pandas as pd

_MOST = 6
"""Variables whose areas are told."""
_BINS = 40
"""Ranges that the scores of training are counted in."""


def locate(
    cycles: Sequence[Cycle],
    rows: pd.DataFrame,
    worst: Mapping[str, Any] | None,
    baseline: Baseline,
    land: np.ndarray | None,
) -> dict[str, pd.DataFrame]:
    """The tables `scorecard`, `areas` and `nulls` of the cycle with the least p.

    Parameters
    ----------
    cycles : sequence of Cycle
    rows : pd.DataFrame
        The table `drift`.
    worst : mapping, optional
        What the JSON document has of the worst cycle.
    baseline : Baseline
    land : np.ndarray bool (area,), optional
        Areas that are mostly land.
    """
    scorecard: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    nulls: list[dict[str, Any]] = []
    if worst is not None:
        cycle = next(c for c in cycles if (c.label, c.member) == (worst["time"], worst["member"]))
        own = rows[(rows["time_index"] == cycle.time) & (rows["member"] == cycle.member)]
        own = own.set_index("variable")
        regions = _globe(baseline) + name_regions(baseline.layout.place.areas, land)
        for k, name in enumerate(baseline.variables):
            if (k, STATE) in cycle.areas:
                scorecard += _card(cycle, k, own.loc[name], regions, baseline)
        named = [v["variable"] for v in worst["variables"] if v["named"]][:_MOST]
        for name in named:
            areas += _areas(cycle, baseline.variables.index(name), own.loc[name], baseline)
            nulls += _null(cycle, baseline.variables.index(name), own.loc[name], baseline)
    return {name: _frame(name, rows) for name, rows in (("scorecard", scorecard), ("areas", areas), ("nulls", nulls))}


def _globe(baseline: Baseline) -> list[Region]:
    return [Region("all", np.ones(baseline.layout.place.areas.size, bool))]


def _card(cycle: Cycle, k: int, row: Any, regions: Sequence[Region], baseline: Baseline) -> list[dict[str, Any]]:
    """One variable of the scorecard."""
    mean, square = (mean_over_regions(part[None], regions)[0] for part in cycle.areas[k, STATE])
    base = {"time": cycle.label, "member": cycle.member, "variable": baseline.variables[k], "param": row["param"]}
    return [
        {**base, "level": row["level"], "region": r.name, "mean": m, "rms": np.sqrt(s), "named": bool(row["named"])}
        for r, m, s in zip(regions, mean, square, strict=True)
    ]


def _areas(cycle: Cycle, k: int, row: Any, baseline: Baseline) -> list[dict[str, Any]]:
    """Every area of one variable, of what its leading score looks at: the field or its change."""
    kinds = {s.name: s.kind for s in baseline.scores}
    kind = kinds.get(row["leading_score"], STATE)
    kind = kind if (k, kind) in cycle.areas else STATE
    if (k, kind) not in cycle.areas:
        return []
    mean, square = cycle.areas[k, kind]
    boxes = baseline.layout.place.areas.boxes
    base = {"time": cycle.label, "member": cycle.member, "variable": baseline.variables[k], "kind": kind}
    return [
        {**base, "area": n, "south": s, "north": t, "west": w, "east": e, "mean": mean[n], "rms": np.sqrt(square[n])}
        for n, (s, t, w, e) in enumerate(boxes)
    ]


def _null(cycle: Cycle, k: int, row: Any, baseline: Baseline) -> list[dict[str, Any]]:
    """How often the leading score of one variable had which size in training."""
    names = [score.name for score in baseline.scores]
    if row["leading_score"] not in names:
        return []
    scores = baseline.ledger.scores[:, k, names.index(row["leading_score"])]
    scores = scores[np.isfinite(scores)].astype(np.float64)
    if not scores.size:
        return []
    counts, edges = np.histogram(scores, _BINS)
    base = {"time": cycle.label, "member": cycle.member, "variable": baseline.variables[k]}
    base["score"] = row["leading_score"]
    return [{**base, "left": edges[i], "right": edges[i + 1], "n_cycles": n} for i, n in enumerate(counts.tolist())]


def _frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return tables.frame(table, {c.name: [row[c.name] for row in rows] for c in tables.TABLES[table]})
