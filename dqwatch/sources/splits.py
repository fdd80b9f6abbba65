"""One quantity as several variables: parts that disagree about units, calendar, members or grid, and repetitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from dqwatch.types import NOT_A_TIME, Grid, TimeAxis, Variable
from dqwatch.units import normalise

_GREGORIAN_BEGINS = -12219292800
"""1582-10-15, from which on the standard and the proleptic calendar are the same."""


class Split(NamedTuple):
    """What a variable and others of the same quantity and level disagree about."""

    parts: str = ""
    """About what the parts of one series disagree, with all that they say; '' if there are no such parts."""
    beside: str = ""
    """The grids on which the quantity is given at the same times; '' if it is one."""


def repeated_of(name: str) -> str | None:
    """The variable that a numbered one (`t_850#2`) stands beside; None for one without a number."""
    first, mark, number = name.rpartition("#")
    return first if mark and number.isdigit() else None


def same_calendar(axis: TimeAxis) -> str:
    """The calendar of an axis by one name for all that date its times alike."""
    known = axis.seconds[axis.seconds != NOT_A_TIME]
    modern = known.size == 0 or int(known.min()) >= _GREGORIAN_BEGINS
    return "standard" if axis.calendar == "proleptic_gregorian" and modern else axis.calendar


def find_splits(variables: Sequence[Variable], times: Sequence[TimeAxis], grids: Sequence[Grid]) -> list[Split]:
    """Of each variable what divides it from others of the same name in the source and the same level.

    Grids that differ divide a series where they have no time in common, such as files of which one was flipped;
    on grids that share times, a quantity is given side by side.

    Parameters
    ----------
    variables, times, grids : sequences
        Of a source. Variables without any time (a period was asked for that lacks them) divide nothing.
    """
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, v in enumerate(variables):
        if len(times[v.times]):
            groups[v.source_name, v.param, v.level, v.level_type].append(i)
    found = [Split()] * len(variables)
    for group in groups.values():
        split = _split([variables[i] for i in group], times, grids) if len(group) > 1 else Split()
        for i in group:
            found[i] = split
    return found


def _split(group: Sequence[Variable], times: Sequence[TimeAxis], grids: Sequence[Grid]) -> Split:
    units = {normalise(v.units): v.units or "none" for v in group}
    calendars = {same_calendar(times[v.times]): times[v.times].calendar for v in group if times[v.times].kind == "time"}
    members = {v.members: str(v.members) for v in group}
    parts = [
        f"{what} ({', '.join(said.values())})"
        for what, said in (("units", units), ("calendar", calendars), ("members", members))
        if len(said) > 1
    ]
    by_grid: dict[int, set[int]] = defaultdict(set)
    for v in group:
        axis = times[v.times]
        by_grid[v.grid] |= set(axis.seconds.tolist()) if axis.kind == "time" else {0}
    if len(by_grid) < 2:
        return Split("; ".join(parts))
    said = " and ".join(_described(grids[g]) for g in by_grid)
    if any(a & b for a, b in combinations(by_grid.values(), 2)):
        return Split("; ".join(parts), said)
    return Split("; ".join([*parts, f"grid ({said})"]))


def _described(grid: Grid) -> str:
    """Shape and first cell: what is told by both is a grid cut, refined, flipped or rolled."""
    text = f"{grid.kind} {' x '.join(map(str, grid.shape))}"
    if grid.latitudes is None or grid.longitudes is None or not grid.n_cells:
        return text
    return f"{text} from {np.ravel(grid.latitudes)[0]:g}, {np.ravel(grid.longitudes)[0]:g}"
