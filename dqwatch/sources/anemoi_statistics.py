"""The statistics that an anemoi store carries for its data to be normalised by, and the dates that they are of."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.sources.anemoi_metadata import declared_constant, read_dates, read_span
from dqwatch.sources.zarr_array import ZarrArray
from dqwatch.storage import StoredStatistics
from dqwatch.types import TimeAxis

NAMES = ("mean", "stdev", "minimum", "maximum")
_OLDER = ("count", "sums", "has_nans")
"""Written until 2026; `squares` says no more than `stdev` does, with fewer digits."""
_TENDENCY = re.compile(r"statistics_tendencies_([^_]+)_(mean|stdev)")


def read_statistics(
    names: Sequence[str], attributes: Mapping[str, Any], arrays: Mapping[str, ZarrArray], axis: TimeAxis, stored: int
) -> list[StoredStatistics | None]:
    """The statistics of each variable of an anemoi store.

    Parameters
    ----------
    names : sequence of str
        Of the variables, in the order of their axis.
    attributes : mapping
        Of the root; the dates of the statistics, `constant_fields` and `variables_metadata` are used.
    arrays : mapping of name to ZarrArray
        Of the store. Statistics that have another shape than (variable,) are as good as absent.
    axis : TimeAxis
        All dates.
    stored : int
        How many of them have data.

    Returns
    -------
    list of StoredStatistics or None
        All None where the store has none of `NAMES`.
    """
    if not any(name in arrays for name in NAMES):
        return [None] * len(names)
    size = len(names)
    found = {name: _values(arrays.get(name), size) for name in (*NAMES, *_OLDER)}
    tendencies: dict[int, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        match = _TENDENCY.fullmatch(name)
        step = read_span(match[1]) if match else None
        if match and step:
            tendencies.setdefault(step, {})[match[2]] = _values(array, size)
    window = read_window(attributes)
    n_times = _count_times(axis, stored, window)
    nothing = np.full(size, np.nan)
    return [
        StoredStatistics(
            mean=float(found["mean"][v]),
            stdev=float(found["stdev"][v]),
            minimum=float(found["minimum"][v]),
            maximum=float(found["maximum"][v]),
            window=window,
            n_times=n_times,
            constant=declared_constant(name, attributes),
            counted=float(found["count"][v]),
            sums=float(found["sums"][v]),
            has_nans=None if math.isnan(found["has_nans"][v]) else bool(found["has_nans"][v]),
            tendencies={
                step: (float(of.get("mean", nothing)[v]), float(of.get("stdev", nothing)[v]))
                for step, of in sorted(tendencies.items())
            },
        )
        for v, name in enumerate(names)
    ]


def _values(array: ZarrArray | None, size: int) -> np.ndarray:
    """Float64 (variable,); NaN where there is nothing of that shape."""
    if array is None or array.shape != (size,) or array.dtype.kind not in "biuf":
        return np.full(size, np.nan)
    return array.read((slice(None),), None, Buffers()).astype(np.float64)


def read_window(attributes: Mapping[str, Any]) -> tuple[int, int] | None:
    """First and last second of the dates that statistics are of; a date without a time is its whole day.

    Returns
    -------
    (int, int) or None
        None where `statistics_start_date` or `statistics_end_date` is absent or no date.
    """
    given = [attributes.get(f"statistics_{end}_date") for end in ("start", "end")]
    seconds, unread = read_dates(given)
    if unread:
        return None
    whole_day = 86399 if isinstance(given[1], str) and len(given[1].strip()) == 10 else 0
    return int(seconds[0]), int(seconds[1]) + whole_day


def _count_times(axis: TimeAxis, stored: int, window: tuple[int, int] | None) -> int:
    if window is None:
        return 0
    seconds = np.asarray(axis.seconds)[:stored]
    inside = (seconds >= window[0]) & (seconds <= window[1])
    if axis.declared_missing is not None:
        inside &= ~np.asarray(axis.declared_missing, bool)[:stored]
    return int(inside.sum())
