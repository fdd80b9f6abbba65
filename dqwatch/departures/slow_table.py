"""The table `slow`: what has accumulated in each variable over the cycles of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.baselines.baseline import Baseline
from dqwatch.departures.matching import Matched
from dqwatch.departures.scoring import Cycle
from dqwatch.departures.slow import LEVEL, SlowDrift, accumulate
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd

_LAND = "lsm"


class SlowTable(NamedTuple):
    """The table, and what is said of it."""

    table: pd.DataFrame
    notes: list[str]

    def entries(self) -> list[dict[str, Any]]:
        """The variables that alarm, as the JSON document has them."""
        named = self.table[self.table["alarmed"]].sort_values("departure", ascending=False, kind="stable")
        keys = ("variable", "p_year", "source", "region", "direction", "onset", "reached")
        return [{k: row[k] for k in keys} for row in named.to_dict("records")]


def find_slow_drift(cycles: Sequence[Cycle], source: Source, baseline: Baseline, matched: Matched) -> SlowTable:
    """What has accumulated over cycles, in order of time; an empty table where that cannot be told."""
    axis = source.times[matched.axis]
    seconds = axis.seconds[[c.time for c in cycles]] if cycles else np.empty(0, np.int64)
    found = accumulate(cycles, seconds, baseline, find_land(baseline))
    variables = {k: source.variables[i] for i, k in matched.numbers.items()}
    labels = _Labels(seconds, [c.label for c in cycles])
    rows = []
    for one in found.found:
        name, variable = baseline.variables[one.variable], variables.get(one.variable)
        rows.append(
            {
                "variable": name,
                "param": name if variable is None else variable.param,
                "level": np.nan if variable is None or variable.level is None else variable.level,
                "p_year": one.p_year,
                "p_warning": one.p_year if np.isfinite(one.limit) else np.nan,
                "departure": one.departure,
                "limit": one.limit if np.isfinite(one.limit) else np.nan,
                "source": one.source,
                "region": one.region,
                "detector": one.detector,
                "direction": "up" if one.upward else "down",
                "onset": labels.at(one.onset),
                "reached": labels.at(one.reached) if one.reached >= 0 else "",
                "alarmed": one.reached >= 0,
                "null_years": found.years,
                "n_slots": found.slots,
                "slot_days": found.days,
            }
        )
    made = tables.frame("slow", {c.name: [row[c.name] for row in rows] for c in tables.TABLES["slow"]})
    return SlowTable(made, _notes(found, seconds))


def find_land(baseline: Baseline) -> np.ndarray | None:
    """Areas that are mostly land, bool (area,), by the land mask of training; None without one."""
    constant = {baseline.variables[k]: field for k, field in baseline.constants.items()}.get(_LAND)
    if constant is None:
        return None
    place = baseline.layout.place
    known = np.where(np.isfinite(constant), constant, 0.0) * place.weights
    sums = np.bincount(place.areas.of_cell, known, minlength=place.areas.size)
    return np.asarray(sums >= 0.5 * np.bincount(place.areas.of_cell, place.weights, minlength=place.areas.size))


def _notes(found: SlowDrift, seconds: np.ndarray) -> list[str]:
    """Nothing of a few cycles: who gives them does not ask for slow drift."""
    if found.found and 1 / (found.years + 1) > LEVEL:
        return [f"slow drift: {found.years} years of training cannot reach p <= {LEVEL}, which needs 9: not judged"]
    if found.reason and not found.found and found.slots > 1:
        span = (int(seconds.max()) - int(seconds.min())) / 86400
        return [f"slow drift: not looked for over {span:.0f} days: {found.reason}"]
    return []


class _Labels:
    """Labels of times by seconds."""

    def __init__(self, seconds: np.ndarray, labels: Sequence[str]) -> None:
        order = np.argsort(seconds, kind="stable")
        self._seconds, self._labels = seconds[order], [labels[i] for i in order]

    def at(self, second: int) -> str:
        """Of the first cycle at or after a time."""
        return self._labels[min(int(np.searchsorted(self._seconds, second)), len(self._labels) - 1)]


def slow_document(table: SlowTable) -> Mapping[str, Any]:
    """What the JSON document has of slow drift; nothing where nothing was looked for."""
    return {"slow": table.entries()} if len(table.table) else {}
