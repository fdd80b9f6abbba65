"""The values of the worst cycle beside those of training at that time of the year and of the day, counted in ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch import tables
from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.lookup import Lookup
from dqwatch.buffers import Buffers
from dqwatch.departures.matching import Matched
from dqwatch.departures.scoring import Cycle
from dqwatch.metrics.histogram import Bins, count_values
from dqwatch.scores import STATE
from dqwatch.scores.view import Distribution
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd

_MOST = 6
"""Variables whose values are counted: their fields are read once more."""
_ODD = 0.05
"""What is as rare as this is counted too where the drift is about others."""
_RANGES = 48
_LEFT_OUT = 0.001
"""Share of the values on each side that has no range of its own: the outermost ranges hold it."""
_FIRST_OF_SKEWED = 3
"""Slots of skewed bins before it hold what is negative, zero or hardly more."""


def count_worst(
    source: Source, baseline: Baseline, matched: Matched, cycle: Cycle | None, worst: Mapping[str, Any] | None
) -> pd.DataFrame:
    """The table `histograms` of the cycle with the least p; nothing is read where its drift is about no variable.

    Parameters
    ----------
    source : Source
    baseline : Baseline
    matched : Matched
    cycle : Cycle, optional
        With the least p.
    worst : mapping, optional
        What the JSON document has of it.

    Raises
    ------
    SourceError
        If its fields cannot be read once more.
    """
    rows = [] if cycle is None or worst is None else list(_count(source, baseline, matched, cycle, _choose(worst)))
    return tables.frame("histograms", {c.name: [row[c.name] for row in rows] for c in tables.TABLES["histograms"]})


def _choose(worst: Mapping[str, Any]) -> list[str]:
    """The variables that the drift is about, then others that are odd; `worst` has them in order."""
    named = [v["variable"] for v in worst["variables"] if v["named"]]
    odd = [v["variable"] for v in worst["variables"] if v["p_value"] is not None and v["p_value"] <= _ODD]
    return list(dict.fromkeys(named + odd))[:_MOST] if named else []


def _count(
    source: Source, baseline: Baseline, matched: Matched, cycle: Cycle, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    seconds = source.times[matched.axis].seconds[cycle.time : cycle.time + 1]
    (moment,) = baseline.moments(seconds)
    expected: dict[int, Distribution] = {}
    for k in map(baseline.variables.index, names):
        climate = baseline.climates[STATE][k]
        if moment is not None and climate is not None and climate.histograms is not None:
            expected[k] = climate.histograms.expect(moment.month, moment.hour)
    if not expected:
        return
    buffers = Buffers()
    read: dict[int, np.ndarray] = {}
    lookup = Lookup(source, matched.numbers, matched.axis)
    for block in lookup.blocks(cycle.time, only=expected):
        for field in source.read(block, buffers):
            if field.member == cycle.member:
                k = matched.numbers[field.variable]
                read[k] = count_values(np.ascontiguousarray(field.values), expected[k].bins, Buffers())
    for k, usual in expected.items():
        if k in read and read[k].any() and usual.counts.any():
            base = {"time": cycle.label, "member": cycle.member, "variable": baseline.variables[k]}
            base["units"] = baseline.units[k]
            yield from ({**base, **row} for row in merge_slots(usual.bins, read[k], usual.counts))


def merge_slots(bins: Bins, now: np.ndarray, usual: np.ndarray) -> list[dict[str, float]]:
    """Two histograms on the same fine bins in few ranges that both fit into.

    Parameters
    ----------
    bins : Bins
    now, usual : np.ndarray int64 (slot,)
        Each with at least one value.

    Returns
    -------
    list of dict
        From the lowest: `left`, `right`, `share_now` and `share_usual`, which add up to 1 each; the outermost hold what
        lies beyond them. Those of linear bins are equally wide; of skewed ones each is as many times the one before,
        and the first has all that is zero or less.
    """
    shares = np.stack([now / now.sum(), usual / usual.sum()])
    first = _FIRST_OF_SKEWED if bins.skewed else 1
    low, high = (first + n for n in _span(shares[:, first:-1]))
    step = -(-(high - low) // _RANGES)
    ends = [*range(low + step, high, step), min(low + step * -(-(high - low) // step), shares.shape[1] - 1)]
    starts = [low, *ends] if bins.skewed else ends
    merged = np.add.reduceat(shares, [0, *starts[:-1]], axis=1)
    left = [0.0 if bins.skewed else float(bins.edges[low]), *bins.edges[starts[:-1]].tolist()]
    columns = zip(left, bins.edges[starts].tolist(), *merged.tolist(), strict=True)
    return [dict(zip(("left", "right", "share_now", "share_usual"), row, strict=True)) for row in columns]


def _span(shares: np.ndarray) -> tuple[int, int]:
    """The slots, from the first and to before the second, that hold all but little of each of some histograms."""
    total = shares.sum(axis=1)
    below = [np.cumsum(own) / whole for own, whole in zip(shares, total, strict=True) if whole > 0]
    if not below:
        return 0, 1
    low = min(np.searchsorted(own, _LEFT_OUT, side="right") for own in below)
    return int(low), int(max(np.searchsorted(own, 1 - _LEFT_OUT) for own in below)) + 1
