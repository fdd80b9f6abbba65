"""The table `times`: one row for each time of each axis, and for each expected one that is not there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from dqwatch import tables
from dqwatch.metrics.calendars import REAL, dates
from dqwatch.metrics.completeness import judge_months
from dqwatch.metrics.field_table import Seen
from dqwatch.metrics.masks import Mask
from dqwatch.metrics.rhythm import Columns, Gap, keep_time
from dqwatch.types import NOT_A_TIME, Source, TimeAxis

if TYPE_CHECKING:
    import pandas as pd

_HORIZON = timedelta(days=45)
_PROJECTION = 366 * 86400
"""A series that goes on for longer than this beyond the horizon is a projection, not an analysis with a wrong date."""


def times_table(
    source: Source, seen: Seen, masks: Sequence[Mask], now: datetime, wanted: Collection[str] = ()
) -> pd.DataFrame:
    """The table `times` of a source.

    Axes that are not time (a static field, the months of a climatology) have no rows: there is nothing to align.

    Parameters
    ----------
    source : Source
    seen : Seen
    masks : sequence of Mask, one per variable
    now : datetime
        Naive means UTC.
    wanted : collection of str
        Optional columns that are made only if they are among these.
    """
    telling = ~np.array([mask.may_be_empty for mask in masks], bool)[seen.variable]
    parts = []
    for number, axis in enumerate(source.times):
        if axis.kind == "time":
            rows = _axis_rows(axis, _emptiness(seen, telling, number, len(axis)), now)
            if "month_ok" in wanted:
                rows["month_ok"] = judge_months(rows)
            if "age_h" in wanted:
                rows["age_h"] = _age(axis, rows, now)
            parts.append(rows)
    optional = [column.name for column in tables.OPTIONAL["times"] if column.name in wanted]
    names = [column.name for column in tables.TABLES["times"]] + optional
    return tables.frame("times", {n: np.concatenate([p[n] for p in parts]) if parts else [] for n in names})


def _emptiness(seen: Seen, telling: np.ndarray, axis: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Fields scanned at each time of an axis, and whether all of them are empty that are `telling`."""
    own = seen.axis == axis
    n_fields = np.bincount(seen.time[own], minlength=length)
    n_telling = np.bincount(seen.time[own & telling], minlength=length)
    n_empty = np.bincount(seen.time[own & telling & seen.all_nan], minlength=length)
    return n_fields, (n_telling > 0) & (n_empty == n_telling)


def _axis_rows(axis: TimeAxis, emptiness: tuple[np.ndarray, np.ndarray], now: datetime) -> Columns:
    """The rows of one axis, those of missing times before the time that follows them."""
    rows = _present(axis, *emptiness, now)
    gaps = keep_time(axis, rows)
    return _merge(rows, gaps) if gaps else rows


def _present(axis: TimeAxis, n_fields: np.ndarray, all_nan: np.ndarray, now: datetime) -> Columns:
    """The rows of the times that are there, before their rhythm is looked at."""
    n = len(axis)
    seconds = np.asarray(axis.seconds, np.int64)
    decodable = seconds != NOT_A_TIME
    starts = seconds if axis.lead_seconds is None else seconds - np.where(decodable, axis.lead_seconds, 0)
    declared = np.zeros(n, bool) if axis.declared_missing is None else np.asarray(axis.declared_missing, bool)
    step = np.full(n, np.nan)
    both = decodable[1:] & decodable[:-1]
    step[1:][both] = (seconds[1:] - seconds[:-1])[both] / 3600
    return {
        "axis": np.full(n, axis.name, object),
        "time": np.array(list(axis.labels), object),
        "time_index": np.arange(n),
        "present": np.ones(n, bool),
        "expected": np.ones(n, bool),
        "decodable": decodable,
        "in_order": _in_order(seconds, decodable),
        "duplicate": _repeated(seconds, decodable),
        "step_h": step,
        "step_ok": np.ones(n, bool),
        "hour": np.where(decodable, seconds % 86400 / 3600, np.nan),
        "hour_ok": np.ones(n, bool),
        "n_missing_before": np.zeros(n, np.int64),
        "in_future": _in_future(starts, decodable, axis.calendar, now),
        "declared_missing": declared,
        "all_nan": all_nan,
        "missing_as_declared": (declared == all_nan) | (n_fields == 0),
        "n_fields": n_fields,
    }


def _in_order(seconds: np.ndarray, decodable: np.ndarray) -> np.ndarray:
    """Not earlier than any time before; what cannot be decoded is left out."""
    latest = np.maximum.accumulate(np.where(decodable, seconds, NOT_A_TIME))
    return ~decodable | (seconds == latest)


def _repeated(seconds: np.ndarray, decodable: np.ndarray) -> np.ndarray:
    repeated = np.zeros(len(seconds), bool)
    if len(seconds):
        repeated[:] = True
        repeated[np.unique(seconds, return_index=True)[1]] = False
    return repeated & decodable


def _in_future(starts: np.ndarray, decodable: np.ndarray, calendar: str, now: datetime) -> np.ndarray:
    """Beyond the horizon, by date in whatever calendar; but a series that goes on for years is a projection."""
    late = np.zeros(len(starts), bool)
    if decodable.any():
        limit = (now if now.tzinfo is None else now.astimezone(UTC)) + _HORIZON
        found = dates(starts[decodable], calendar)
        late[decodable] = (found.year * 12 + found.month) * 32 + found.day > (
            limit.year * 12 + limit.month
        ) * 32 + limit.day
    if late.any() and starts[late].max() - starts[late].min() > _PROJECTION:
        late[:] = False
    return late


def _age(axis: TimeAxis, rows: Columns, now: datetime) -> np.ndarray:
    """Hours from the newest time (start, of forecasts) to now, on its row; NaN elsewhere and in model calendars."""
    age = np.full(len(rows["time"]), np.nan)
    seconds = np.asarray(axis.seconds, np.int64)
    known = np.flatnonzero(seconds != NOT_A_TIME)
    if not known.size or axis.calendar not in REAL:
        return age
    leads = np.zeros(len(axis), np.int64) if axis.lead_seconds is None else np.asarray(axis.lead_seconds, np.int64)
    starts = (seconds - leads)[known]
    newest = int(known[np.argmax(starts)])
    there = np.flatnonzero(rows["time_index"] == newest)
    moment = now.replace(tzinfo=UTC) if now.tzinfo is None else now
    age[there] = (moment.timestamp() - int(starts.max())) / 3600
    return age


def _merge(rows: Columns, gaps: list[Gap]) -> Columns:
    """The rows with those of missing times, each gap before the time that follows it."""
    names = [name for gap in gaps for name in gap.labels]
    before = np.repeat([gap.row for gap in gaps], [len(gap.labels) for gap in gaps])
    order = np.argsort(np.concatenate([before - 0.5, np.arange(len(rows["time"]))]), kind="stable")
    absent: Columns = {
        "axis": np.full(len(names), rows["axis"][0], object),
        "time": np.array(names, object),
        "time_index": -1,
        "expected": True,
        "decodable": True,
        "in_order": True,
        "step_h": np.nan,
        "step_ok": True,
        "hour": np.array([_hour(name) for name in names]),
        "hour_ok": True,
        "missing_as_declared": True,
    }
    spread = {name: np.broadcast_to(np.asarray(absent.get(name, 0)), len(names)) for name in rows}
    return {n: np.concatenate([spread[n].astype(rows[n].dtype), rows[n]])[order] for n in rows}


def _hour(label: str) -> float:
    hour, minute, second = label.partition("T")[2][:8].split(":")
    return int(hour) + int(minute) / 60 + int(second) / 3600
