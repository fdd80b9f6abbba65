"""Whether the variables of a source fit together: parts of one series, repetitions, levels, time axes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from dqwatch.metrics.field_table import Seen
from dqwatch.metrics.unit_texts import understood
from dqwatch.sources.splits import find_splits, repeated_of, same_calendar
from dqwatch.types import NOT_A_TIME, Source, TimeAxis, Variable

_HIGHEST_PRESSURE = 1100.0
_LEVELLED = ("pl", "ml", "hl", "depth", "altitude")
_OF_THE_SEA = ("dbar", "decibar", "decibars")
_DAY = 86400
_ROUNDING = 2
"""Seconds by which times may be off that were stored as fractions of a day."""


def coherence(source: Source, seen: Seen) -> list[dict[str, Any]]:
    """The columns of the table `variables` that tell how each variable fits to the others, a row for each.

    Parameters
    ----------
    source : Source
    seen : Seen
    """
    variables = source.variables
    splits = find_splits(variables, source.times, source.grids)
    shares = axis_shares(variables, source.times)
    by_name = {v.name: i for i, v in enumerate(variables)}
    rows = []
    for i, v in enumerate(variables):
        base = by_name.get(repeated_of(v.name) or "")
        repeats = "" if base is None or any(splits[i]) else repetition(source, seen, i, base)
        beside = f"on several grids: {splits[i].beside}" if splits[i].beside else ""
        rows.append(
            {
                "split": splits[i].parts,
                "repeats": repeats,
                "doubled": beside or (f"the same as {repeated_of(v.name)}" if repeats == "identical" else ""),
                "level_problem": level_problem(v),
                "units_understood": understood(v.units),
                "axis_share": shares[i],
            }
        )
    return rows


def repetition(source: Source, seen: Seen, v: int, base: int) -> str:
    """Whether a variable and the one that it repeats are 'identical' or 'different'; '' without a field in common."""
    fields = []
    for each in (v, base):
        own = seen.of(each, declared=True)
        labels = source.times[source.variables[each].times].labels
        places = [(labels[t], m) for t, m in zip(seen.time[own].tolist(), seen.member[own].tolist(), strict=True)]
        fields.append(dict(zip(places, seen.hashes["data_hash"][own].tolist(), strict=True)))
    both = fields[0].keys() & fields[1].keys()
    if not both:
        return ""
    return "identical" if all(fields[0][place] == fields[1][place] for place in both) else "different"


def level_problem(variable: Variable) -> str:
    """What is wrong with a level, one clause; '' if nothing is."""
    if variable.level is None:
        return "the level is no number" if variable.level_type in _LEVELLED else ""
    if variable.level_type != "pl" or str(variable.level_units).lower() in _OF_THE_SEA:
        return ""
    if not variable.level > 0:
        return f"{variable.level:g} hPa is no pressure"
    return f"{variable.level:g} hPa is more than {_HIGHEST_PRESSURE:g}" if variable.level > _HIGHEST_PRESSURE else ""


def axis_shares(variables: Sequence[Variable], times: Sequence[TimeAxis]) -> list[float]:
    """Of each variable the share of times that its axis has in common with the axis of most variables.

    It is taken of the axis with fewer times in the period in which both have some: 1 for accumulations at 06 and 18
    beside analyses every six hours, 0 for an axis that is an hour late.

    Parameters
    ----------
    variables, times : sequences
        Of a source.

    Returns
    -------
    list of float, one per variable
        NaN for the axis of most variables itself and where there is nothing to compare: no time, other calendars, no
        common period, constants; single times of accumulations and the like.
    """
    own: dict[int, list[Variable]] = defaultdict(list)
    for v in variables:
        if times[v.times].kind == "time" and len(times[v.times]) and v.kind != "constant":
            own[v.times].append(v)
    if len(own) < 2:
        return [math.nan] * len(variables)
    main = max(own, key=lambda a: (len(own[a]), len(times[a]), -a))
    instants = {a: any(v.kind == "instant" for v in held) for a, held in own.items()}
    shares = {a: _share(times[main], times[a], both_instant=instants[main] and instants[a]) for a in own if a != main}
    return [shares.get(v.times, math.nan) if v.kind != "constant" else math.nan for v in variables]


def _share(a: TimeAxis, b: TimeAxis, *, both_instant: bool) -> float:
    """Times in common over those of the axis that has fewer in the common period; NaN if there is none."""
    if same_calendar(a) != same_calendar(b):
        return math.nan
    first, second = (np.unique(x.seconds[x.seconds != NOT_A_TIME]) for x in (a, b))
    if not first.size or not second.size or (first.size == second.size == 1 and not both_instant):
        return math.nan
    steps = [int(np.diff(x).min()) for x in (first, second) if x.size > 1]
    step = min(steps, default=_DAY)
    near_first = first[(first > second[0] - step) & (first < second[-1] + step)]
    near_second = second[(second > first[0] - step) & (second < first[-1] + step)]
    fewer = min(near_first.size, near_second.size)
    if not fewer:
        return math.nan
    after = np.searchsorted(near_first, near_second - _ROUNDING)
    common = (after < near_first.size) & (near_first[np.minimum(after, near_first.size - 1)] <= near_second + _ROUNDING)
    return min(1.0, int(common.sum()) / fewer)
