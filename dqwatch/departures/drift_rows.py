"""The rows of the tables `drift` and `cycles`, and the worst cycle as documents have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.baselines.baseline import Baseline
from dqwatch.departures.calibration import Departures
from dqwatch.departures.naming import NAMED, adjust
from dqwatch.departures.regions import name_region
from dqwatch.departures.scoring import Cycle
from dqwatch.types import Variable

if TYPE_CHECKING:
    import pandas as pd

WARNING, CRITICAL = 0.01, 0.001
"""Levels of p_cycle; a null of n cycles reaches 1 / (n + 1)."""
_MEANS = ("mean", "scan")
"""Scores that lead to where the mean departs; others to where the field does."""


class Judged(NamedTuple):
    """One cycle of `Departures`, and what its scores usually are."""

    found: Departures
    row: int
    usual: np.ndarray
    """float64 (variable, score)."""


def drift_rows(
    cycle: Cycle, judged: Judged, baseline: Baseline, variables: Mapping[int, Variable], absent: Mapping[int, str]
) -> list[dict[str, Any]]:
    """The rows of `drift` of one cycle, one for each variable of the baseline."""
    found, at, usual = judged
    q_values = adjust(found.p_value[at])
    p_cycle = found.p_cycle[at]
    rows = []
    for k, name in enumerate(baseline.variables):
        leading = int(found.leading[at, k])
        score = baseline.scores[leading] if leading >= 0 else None
        exact = [baseline.scores[s].name for s in np.flatnonzero(found.violated[at, k])]
        if cycle.changed.get(k):
            exact.append(f"{cycle.changed[k]} cells differ from training")
        named = bool(q_values[k] <= NAMED)
        variable = variables.get(k)
        rows.append(
            {
                "time": cycle.label,
                "time_index": cycle.time,
                "variable": name,
                "param": name.rpartition("_")[0] or name if variable is None else variable.param,
                "level": np.nan if variable is None or variable.level is None else variable.level,
                "member": cycle.member,
                "p_value": found.p_value[at, k],
                "q_value": q_values[k],
                "departure": found.departure[at, k],
                "leading_score": score.name if score else "",
                "score": cycle.scores[k, leading] if score else np.nan,
                "usual_score": usual[k, leading] if score else np.nan,
                "region": _region(cycle, k, score.name, score.kind, baseline) if score else "",
                "named": named,
                "alarmed": named and bool(p_cycle <= WARNING),
                "n_exact": len(exact),
                "exact": ", ".join(exact),
                "reason": "" if np.isfinite(found.p_value[at, k]) else _reason(cycle, k, absent, baseline),
            }
        )
    return rows


def _reason(cycle: Cycle, k: int, absent: Mapping[int, str], baseline: Baseline) -> str:
    """Why a variable has no p-value."""
    if k in cycle.reasons:
        return cycle.reasons[k]
    if k in absent:
        return absent[k]
    ranked = [not score.exact for score in baseline.scores]
    return "no value" if not np.isfinite(cycle.scores[k, ranked]).any() else "no score that varies in training"


def _region(cycle: Cycle, k: int, score: str, kind: str, baseline: Baseline) -> str:
    found = cycle.areas.get((k, kind))
    if found is None:
        return ""
    mean, square = found
    return name_region(np.abs(mean) if leads_to_mean(score) else square, baseline.layout.place.areas)


def leads_to_mean(score: str) -> bool:
    """Whether a score leads to where the mean departs, not to where the field does."""
    return score.rpartition("_")[2] in _MEANS


def cycle_row(cycle: Cycle, judged: Judged, rows: Sequence[Mapping[str, Any]], baseline: Baseline) -> dict[str, Any]:
    """The row of `cycles`."""
    found, at, _ = judged
    p, least = found.p_cycle[at], 1 / (found.null_size + 1)
    named = sorted((r for r in rows if r["named"]), key=lambda r: (r["p_value"], -r["departure"]))
    return {
        "time": cycle.label,
        "time_index": cycle.time,
        "member": cycle.member,
        "p_cycle": p,
        "p_warning": p if least <= WARNING else np.nan,
        "p_critical": p if least <= CRITICAL else np.nan,
        "null_size": found.null_size,
        "null_years": found.null_years,
        "n_variables": int(np.isfinite(found.p_value[at]).sum()),
        "n_named": len(named),
        "variables": "; ".join(" ".join(filter(None, (str(r["variable"]), str(r["region"])))) for r in named),
        "reason": "" if np.isfinite(p) else "no score that training has too",
    }


def frame(table: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table, in its columns."""
    return tables.frame(table, {c.name: [row[c.name] for row in rows] for c in tables.TABLES[table]})


def find_worst(made: Mapping[str, pd.DataFrame]) -> dict[str, Any] | None:
    """The cycle with the least p, as the JSON document has it."""
    cycles = made["cycles"]
    if cycles.empty:
        return None
    known = cycles["p_cycle"].notna()
    worst = cycles.loc[cycles["p_cycle"].idxmin()] if known.any() else cycles.iloc[0]
    rows = made["drift"]
    rows = rows[(rows["time_index"] == worst["time_index"]) & (rows["member"] == worst["member"])]
    rows = rows.sort_values(["p_value", "departure"], ascending=[True, False], kind="stable")
    return {
        "time": worst["time"],
        "member": int(worst["member"]),
        "p_cycle": _number(worst["p_cycle"]),
        "null_size": int(worst["null_size"]),
        "null_years": int(worst["null_years"]),
        "variables": [_entry(row) for row in rows.to_dict("records")],
    }


def _entry(row: Mapping[Any, Any]) -> dict[str, Any]:
    entry = {
        "variable": row["variable"],
        "p_value": _number(row["p_value"]),
        "q_value": _number(row["q_value"]),
        "leading_score": row["leading_score"] or None,
        "score": _number(row["score"]),
        "usual_score": _number(row["usual_score"]),
        "region": row["region"] or None,
        "named": bool(row["named"]),
    }
    return entry | {key: row[key] for key in ("exact", "reason") if row[key]}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
