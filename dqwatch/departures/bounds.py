"""Fields held against stored statistics alone: what is beyond all that such data can be, and no p-values.

Over all cells and times the mean of ((x - mean) / sd)^2 is 1. By Markov's inequality at most one sound field in k has a
mean square departure of k or more; in practice far fewer do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dqwatch.baselines.lookup import Lookup, Values, accompany
from dqwatch.baselines.stored import KIND, StoredBaseline
from dqwatch.departures.drift_rows import find_worst, frame
from dqwatch.departures.judging import Judgement
from dqwatch.departures.matching import Matched, match
from dqwatch.departures.scoring import usable_times
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.storage import StoredStatistics
from dqwatch.types import Source

BEYOND = 0.25
"""Of the range of training: how far beyond its extremes a value is none of such data."""
MOST = 100.0
"""Mean square departure, in variances of training, that no field should have."""
_CONSTANT = 1e-3
"""Of a constant: what differs by less has been packed otherwise."""
NO_P = f"no p-value: the baseline has {KIND} alone"


class Bounded(NamedTuple):
    """What is found of a field."""

    mean_square: float
    """Of its departure from the mean, in variances; NaN where there is no value, or no variance."""
    failed: tuple[str, ...]
    """What it cannot be, if it is such data."""


def bound(values: np.ndarray, stored: StoredStatistics, before: np.ndarray | None = None, step: int = 0) -> Bounded:
    """Hold a field against the statistics of its variable.

    Parameters
    ----------
    values : np.ndarray (cell,)
    stored : StoredStatistics
    before : np.ndarray (cell,), optional
        The field `step` seconds before.
    step : int
    """
    field = values.astype(np.float64)
    finite = field[np.isfinite(field)]
    failed = []
    if stored.has_nans is False and finite.size < field.size:
        failed.append(f"{field.size - finite.size} missing values, training has none")
    margin = BEYOND * (stored.maximum - stored.minimum) or _CONSTANT * abs(stored.maximum)
    beyond = int(((finite < stored.minimum - margin) | (finite > stored.maximum + margin)).sum())
    if beyond:
        failed.append(f"{beyond} cells far beyond {stored.minimum:.4g} to {stored.maximum:.4g}")
    mean_square = _mean_square(finite, stored.mean, stored.stdev)
    if mean_square >= MOST:
        failed.append(f"mean square departure {mean_square:.3g} variances")
    if before is not None and step in stored.tendencies and stored.stdev > 0:
        mean, sd = stored.tendencies[step]
        change = field - before
        change = change[np.isfinite(change)]
        if change.size > 1 and sd > 0 and not change.any():
            failed.append("the same as the field before")
        changed = _mean_square(change, mean, sd)
        if changed >= MOST:
            failed.append(f"mean square change {changed:.3g} variances")
    return Bounded(mean_square, tuple(failed))


def _mean_square(values: np.ndarray, mean: float, sd: float) -> float:
    return float(np.mean(((values - mean) / sd) ** 2)) if values.size and sd > 0 else np.nan


def judge_by_statistics(
    source: Source,
    baseline: StoredBaseline,
    *,
    previous: Source | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Judgement:
    """Hold every cycle of a source against stored statistics.

    Returns
    -------
    Judgement
        Its tables have no p-values; what fails is in `exact`.

    Raises
    ------
    UsageError
        If source and baseline have no variable in common, or not the same grid.
    """
    matched = match(source, baseline)
    axis = source.times[matched.axis]
    reader = _Fields(source, baseline, matched, previous)
    times = usable_times(axis).tolist()
    found: list[dict[int, dict[int, Bounded]]] = []
    run(
        times,
        lambda time, worker: _bound_all(time, baseline, reader, worker),
        workers=workers,
        take=found.append,
        describe=lambda time: f"{source.name}: {axis.labels[time]}",
        progress=progress,
    )
    rows: list[dict[str, Any]] = []
    totals: list[dict[str, Any]] = []
    for time, members in zip(times, found, strict=True):
        for member in sorted(members):
            key = {"time": axis.labels[time], "time_index": time, "member": member}
            rows += _rows(key, members[member], baseline, matched, source)
            totals.append({**_NO_CYCLE, **key, "n_variables": len(members[member])})
    made = {"drift": frame("drift", rows), "cycles": frame("cycles", totals), "slow": frame("slow", [])}
    note = f"drift: the baseline of {baseline.name} has {KIND} alone: no p-values, only what is far beyond training"
    n_bytes = len(totals) * len(matched.numbers) * baseline.grid.n_cells * 4
    return Judgement(made, find_worst(made), (*matched.notes, note), n_bytes)


class _Fields:
    """Where the fields of a time, and those before them, lie."""

    def __init__(self, source: Source, baseline: StoredBaseline, matched: Matched, previous: Source | None) -> None:
        names = {source.variables[i].name: k for i, k in matched.numbers.items()}
        other = None if previous is None else accompany(previous, names, baseline.grid, of=source.name).lookup
        self.own = Lookup(source, matched.numbers, matched.axis)
        self._lookups = [self.own] if other is None else [self.own, other]
        self._steps = sorted({step for stored in baseline.statistics for step in stored.tendencies})
        self._seconds = source.times[matched.axis].seconds

    def before(self, time: int, worker: Worker) -> tuple[int, Values]:
        """The shortest step (s) that there are fields before at, and these."""
        for step in self._steps:
            second = int(self._seconds[time]) - step
            for lookup in self._lookups:
                if second in lookup.at:
                    return step, lookup.read([second], worker.buffers).get(second, {})
        return 0, {}


def _bound_all(time: int, baseline: StoredBaseline, reader: _Fields, worker: Worker) -> dict[int, dict[int, Bounded]]:
    """Member -> variable -> what is found of the field."""
    step, before = reader.before(time, worker)
    found: dict[int, dict[int, Bounded]] = {}
    for block in reader.own.blocks(time):
        for one in reader.own.source.read(block, worker.buffers):
            worker.checkpoint()
            k = reader.own.numbers[one.variable]
            stored = baseline.statistics[k]
            found.setdefault(one.member, {})[k] = bound(one.values, stored, before.get((k, one.member)), step)
    return found


def _rows(
    key: Mapping[str, Any],
    found: Mapping[int, Bounded],
    baseline: StoredBaseline,
    matched: Matched,
    source: Source,
) -> list[dict[str, Any]]:
    """The rows of `drift` of one cycle."""
    variables = {k: source.variables[i] for i, k in matched.numbers.items()}
    rows = []
    for k, name in enumerate(baseline.variables):
        one, variable = found.get(k), variables.get(k)
        failed = () if one is None else one.failed
        score = np.nan if one is None else one.mean_square
        rows.append(
            {
                **_NO_FIELD,
                **key,
                "variable": name,
                "param": name.rpartition("_")[0] or name if variable is None else variable.param,
                "level": np.nan if variable is None or variable.level is None else variable.level,
                "leading_score": "mean_square" if np.isfinite(score) else "",
                "score": score,
                "usual_score": 1.0 if np.isfinite(score) else np.nan,
                "n_exact": len(failed),
                "exact": ", ".join(failed),
                "reason": matched.absent.get(k, "no field") if one is None else NO_P,
            }
        )
    return rows


_NO_FIELD: dict[str, Any] = {
    **dict.fromkeys(("p_value", "q_value", "departure"), np.nan),
    **dict.fromkeys(("named", "alarmed"), False),
    "region": "",
    "n_running": 0,
}
_NO_CYCLE: dict[str, Any] = {
    **dict.fromkeys(("p_cycle", "p_warning", "p_critical"), np.nan),
    **dict.fromkeys(("null_size", "null_years", "n_named", "n_running"), 0),
    "variables": "",
    "reason": NO_P,
}
