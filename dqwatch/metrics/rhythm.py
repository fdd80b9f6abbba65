"""Steps, hours and gaps of a time axis, held against its cadence."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dqwatch.metrics.cadence import Cadence, find_cadence, found_cadence
from dqwatch.metrics.calendars import labels
from dqwatch.types import NOT_A_TIME, TimeAxis

_MOST_MISSING = 10_000
"""Beyond this, one row a gap: its first missing time."""

Columns = dict[str, Any]


class Gap(NamedTuple):
    """Expected times that are not there."""

    row: int
    """Of the time that follows; the length of the axis after the last."""
    n: int
    labels: list[str]
    """The first of them."""


def keep_time(axis: TimeAxis, rows: Columns) -> list[Gap]:
    """Fill what `rows` say of the cadence of their axis, and return the gaps.

    Parameters
    ----------
    axis : TimeAxis
    rows : columns of the table `times`
        Of the times that are there; changed in place.
    """
    seconds = np.asarray(axis.seconds, np.int64)
    known = np.flatnonzero(rows["decodable"])
    if axis.lead_seconds is not None:
        leads = np.asarray(axis.lead_seconds, np.int64)
        starts = seconds - leads
        if len(np.unique(starts[known])) < len(np.unique(seconds[known])):
            return _forecasts(axis, rows, seconds, leads, known[leads[known] != NOT_A_TIME])
    return _series(axis, rows, seconds, known)


def _series(axis: TimeAxis, rows: Columns, seconds: np.ndarray, known: np.ndarray) -> list[Gap]:
    times, first, inverse = np.unique(seconds[known], return_index=True, return_inverse=True)
    cadence = find_cadence(axis, times)
    if cadence is None:
        return []
    rows["step_ok"][known[1:]] = cadence.steps_fit(seconds[known])
    rows["expected"][known] = cadence.on_beat(times)[inverse]
    rows["hour_ok"][known] = cadence.hour_fits(times)[inverse]
    n_missing = cadence.n_between(times)
    rows["n_missing_before"][known[first[1:]]] = n_missing
    most = _MOST_MISSING if n_missing.sum() <= _MOST_MISSING else 1
    gaps = [
        Gap(int(known[first[k + 1]]), int(n_missing[k]), cadence.labels_between(times[k], times[k + 1], most))
        for k in np.flatnonzero(n_missing)
    ]
    return gaps + _ends(axis, cadence, times, int(known[first[0]]), rows, most)


def _ends(axis: TimeAxis, cadence: Cadence, times: np.ndarray, first_row: int, rows: Columns, most: int) -> list[Gap]:
    """What is missing of the declared range before the first and after the last time."""
    if axis.declared_range is None:
        return []
    gaps = []
    begin, end = axis.declared_range
    if begin < times[0]:
        pair = np.array([begin, times[0]])
        n = int(cadence.n_between(pair)[0]) + int(cadence.on_beat(pair)[0])
        own = labels(pair[:1], axis.calendar) if cadence.on_beat(pair)[0] else []
        rows["n_missing_before"][first_row] += n
        gaps.append(Gap(first_row, n, (own + cadence.labels_between(begin, int(times[0]), most))[:most]))
    if end > times[-1]:
        pair = np.array([times[-1], end])
        own = labels(pair[1:], axis.calendar) if cadence.on_beat(pair)[1] else []
        between = cadence.labels_between(int(times[-1]), end, most)
        gaps.append(Gap(len(axis), int(cadence.n_between(pair)[0]) + len(own), (between + own)[:most]))
    return [gap for gap in gaps if gap.n]


def _forecasts(axis: TimeAxis, rows: Columns, seconds: np.ndarray, leads: np.ndarray, known: np.ndarray) -> list[Gap]:
    """Each start has its own series of lead times, whose step may widen but not narrow; the starts have a cadence."""
    starts = seconds - leads
    rows["step_h"][:] = np.nan
    rows["duplicate"][:] = rows["in_order"][:] = False
    rows["in_order"][~rows["decodable"]] = True
    gaps = []
    each, group = np.unique(starts[known], return_inverse=True)
    firsts = []
    for number in range(len(each)):
        own = known[group == number]
        firsts.append(int(own[0]))
        gaps += _one_forecast(axis, rows, seconds, leads, own)
    cadence = found_cadence(each, axis.calendar)
    if cadence is not None:
        missing = cadence.n_between(each)
        for k in np.flatnonzero(missing):
            names = cadence.labels_between(int(each[k]), int(each[k + 1]), _MOST_MISSING)
            gaps.append(Gap(firsts[k + 1], int(missing[k]), [f"{name}+000h" for name in names]))
            rows["n_missing_before"][firsts[k + 1]] += missing[k]
    return gaps


def _one_forecast(axis: TimeAxis, rows: Columns, seconds: np.ndarray, leads: np.ndarray, own: np.ndarray) -> list[Gap]:
    """The rows of one start, in stored order."""
    valid = seconds[own]
    rows["in_order"][own] = valid == np.maximum.accumulate(valid)
    rows["step_h"][own[1:]] = np.diff(valid) / 3600
    times, first = np.unique(valid, return_index=True)
    repeated = np.ones(len(own), bool)
    repeated[first] = False
    rows["duplicate"][own] = repeated
    steps = np.diff(times)
    narrowest = np.minimum.accumulate(steps[::-1])[::-1]
    missing = np.maximum((2 * steps + narrowest) // (2 * np.maximum(narrowest, 1)) - 1, 0)
    rows["n_missing_before"][own[first[1:]]] += missing
    rows["step_ok"][own[first[1:]]] = missing == 0
    gaps = []
    for k in np.flatnonzero(missing):
        absent = times[k] + narrowest[k] * np.arange(1, missing[k] + 1)
        hours = (absent - seconds[own[0]] + leads[own[0]]) // 3600
        names = [f"{name}+{hour:03d}h" for name, hour in zip(labels(absent, axis.calendar), hours, strict=True)]
        gaps.append(Gap(int(own[first[k + 1]]), int(missing[k]), names))
    return gaps
