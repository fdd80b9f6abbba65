"""What a time axis covers: period, rhythm, and the times that are missing from it, declared or found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqwatch.metrics.cadence import Beats, Cadence, Months, find_cadence, found_cadence
from dqwatch.metrics.rhythm import keep_time
from dqwatch.types import NOT_A_TIME, TimeAxis

MOST_LABELS = 20
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class Period:
    """A time axis in numbers and words."""

    name: str
    kind: str
    """'time', 'index' or 'static', as of the axis."""
    calendar: str
    n: int
    first: str
    last: str
    frequency: str
    """`6 h`, `1 month`, `00, 06 UTC every 3 d`; '' where there is none."""
    frequency_declared: bool
    lead_times: str
    """`0 h to 240 h (41)` of forecasts; '' otherwise."""
    n_declared_missing: int
    declared_missing: tuple[str, ...]
    """At most `MOST_LABELS` labels."""
    n_missing: int
    """Expected by the rhythm and not on the axis."""
    missing: tuple[str, ...]
    """At most `MOST_LABELS` labels."""
    n_undecodable: int
    n_duplicates: int
    problem: str


def describe_period(axis: TimeAxis) -> Period:
    """What an axis covers."""
    seconds = np.asarray(axis.seconds, np.int64)
    decodable = seconds != NOT_A_TIME
    is_time = axis.kind == "time"
    known = np.flatnonzero(decodable)
    order = known[np.argsort(seconds[known], kind="stable")]
    ends = (
        (axis.labels[order[0]], axis.labels[order[-1]])
        if known.size
        else tuple(axis.labels[i] for i in (0, -1) if len(axis))
    )
    n_missing, missing = _missing(axis, decodable) if is_time else (0, [])
    declared = np.flatnonzero(axis.declared_missing) if axis.declared_missing is not None else np.array([], np.int64)
    cadence = _cadence(axis, seconds[known], known) if is_time else None
    return Period(
        name=axis.name,
        kind=axis.kind,
        calendar=axis.calendar,
        n=len(axis),
        first=ends[0] if ends else "",
        last=ends[1] if ends else "",
        frequency=_in_words(cadence) if cadence is not None else "",
        frequency_declared=bool(axis.frequency or axis.hours),
        lead_times=_leads(axis),
        n_declared_missing=int(declared.size),
        declared_missing=tuple(axis.labels[i] for i in declared[:MOST_LABELS]),
        n_missing=n_missing,
        missing=tuple(missing[:MOST_LABELS]),
        n_undecodable=int((~decodable).sum()) if is_time else 0,
        n_duplicates=_duplicates(seconds[known], axis, known) if is_time else 0,
        problem=axis.problem or "",
    )


def _missing(axis: TimeAxis, decodable: np.ndarray) -> tuple[int, Sequence[str]]:
    n = len(axis)
    rows = {name: np.ones(n, bool) for name in ("in_order", "expected", "step_ok", "hour_ok")}
    rows |= {"decodable": decodable, "duplicate": np.zeros(n, bool)}
    rows |= {"step_h": np.full(n, np.nan), "n_missing_before": np.zeros(n, np.int64)}
    gaps = keep_time(axis, rows)
    return sum(gap.n for gap in gaps), [label for gap in gaps for label in gap.labels[:MOST_LABELS]]


def _duplicates(seconds: np.ndarray, axis: TimeAxis, known: np.ndarray) -> int:
    """Times that stand there before; of forecasts, the same start and lead time."""
    if axis.lead_seconds is None:
        return int(seconds.size - np.unique(seconds).size)
    pairs = np.stack([seconds, np.asarray(axis.lead_seconds, np.int64)[known]], axis=1)
    return int(len(pairs) - len(np.unique(pairs, axis=0)))


def _cadence(axis: TimeAxis, seconds: np.ndarray, known: np.ndarray) -> Cadence | None:
    """The rhythm of the times; of the starts, where there are several forecasts."""
    if axis.lead_seconds is not None:
        starts = np.unique(seconds - np.asarray(axis.lead_seconds, np.int64)[known])
        if len(starts) < len(np.unique(seconds)):
            return found_cadence(starts, axis.calendar)
    return find_cadence(axis, np.unique(seconds))


def _in_words(cadence: Cadence) -> str:
    if isinstance(cadence, Months):
        return {1: "1 month", 12: "1 year"}.get(cadence.count, f"{cadence.count} months")
    if not isinstance(cadence, Beats):
        return ""
    if len(cadence.offsets) == 1:
        return duration(cadence.period)
    clock = sorted((cadence.anchor + offset) % 86400 for offset in cadence.offsets)
    hours = ", ".join(f"{s // 3600:02d}" if s % 3600 == 0 else f"{s // 3600:02d}:{s % 3600 // 60:02d}" for s in clock)
    return f"{hours} UTC every {'day' if cadence.period == 86400 else duration(cadence.period)}"


def duration(seconds: int) -> str:
    """Seconds in the largest unit that divides them: `6 h`, `3 d`."""
    size, unit = next((s, u) for s, u in _UNITS if seconds % s == 0)
    return f"{seconds // size} {unit}"


def _leads(axis: TimeAxis) -> str:
    if axis.lead_seconds is None:
        return ""
    leads = np.unique(np.asarray(axis.lead_seconds, np.int64))
    leads = leads[leads != NOT_A_TIME]
    if not leads.size:
        return ""
    return f"{leads[0] / 3600:g} h to {leads[-1] / 3600:g} h ({leads.size})"
