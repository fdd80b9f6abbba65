"""What of a source a baseline is made of, and in what order it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dqwatch.baselines.folds import Times, lay_folds
from dqwatch.baselines.harmonics import basis, choose_terms, find_hours, hour_indices, year_fractions
from dqwatch.baselines.lookup import Lookup, accompany, tell_apart
from dqwatch.baselines.quantity import Layout, lay_out
from dqwatch.baselines.scorer import Moment
from dqwatch.errors import UsageError
from dqwatch.metrics.calendars import dates
from dqwatch.types import Block, Grid, Source


@dataclass(frozen=True, eq=False)
class Plan:
    """What of a source a baseline is made of: the variables of its main time axis and grid."""

    source: Source
    variables: tuple[int, ...]
    """Indices into `source.variables`."""
    axis: int
    grid: Grid
    layout: Layout
    times: Times
    hours: np.ndarray
    """int64 (hour,), seconds since midnight of the times of day that are told apart."""
    terms: int
    notes: tuple[str, ...] = ()
    place_of: dict[int, int] = field(default_factory=dict)
    """Position on the axis -> position in `times`."""
    background: Lookup | None = None
    """Other estimates of the same fields, which departures are taken from."""
    compact: bool = False
    """Whether nothing is kept at the cells of a large grid."""

    def moment(self, position: int) -> Moment:
        """When the time at a position in `times` is."""
        return self.moments(self.times.seconds[position : position + 1])[0]

    def moments(self, seconds: np.ndarray) -> list[Moment]:
        """When some times are."""
        calendar = self.source.times[self.axis].calendar
        phis, hours = basis(year_fractions(seconds, calendar), self.terms), hour_indices(seconds, self.hours)
        months = dates(seconds, calendar).month - 1
        return [Moment(phi, int(h), int(m)) for phi, h, m in zip(phis, hours, months, strict=True)]


def plan(source: Source, background: Source | None = None) -> Plan:
    """What a baseline of a source, and if need be of its departures from a background, can be made of.

    Raises
    ------
    UsageError
        If there is no variable with times, there are too few times, or the background has no field of them.
    """
    moving = [i for i, v in enumerate(source.variables) if source.times[v.times].kind == "time"]
    if not moving:
        raise UsageError(f"{source.name}: no variable with times; a baseline is made of training data of many times")
    keys = [(source.variables[i].times, source.variables[i].grid) for i in moving]
    axis, grid = max(dict.fromkeys(keys), key=keys.count)
    kept = tuple(i for i, key in zip(moving, keys, strict=True) if key == (axis, grid))
    left = [v.name for i, v in enumerate(source.variables) if i not in kept]
    notes = [f"not in the baseline, for they have another time axis or grid: {', '.join(left)}"] if left else []
    times = lay_folds(source.times[axis])
    place_of = {int(index): place for place, index in enumerate(times.indices)}
    terms = choose_terms(times.seconds, source.times[axis].calendar)
    layout = lay_out(source.grids[grid])
    hours = find_hours(times.seconds)
    made = Plan(source, kept, axis, source.grids[grid], layout, times, hours, terms, tuple(notes), place_of)
    return made if background is None else _beside(made, background)


def _beside(plan: Plan, background: Source) -> Plan:
    """The plan with a background."""
    variables = [plan.source.variables[v] for v in plan.variables]
    numbers = {v.name: k for k, v in enumerate(variables)}
    found = accompany(background, numbers, plan.grid, units=[v.units for v in variables], of=plan.source.name)
    first = background.variables[next(iter(found.lookup.numbers))]
    apart = tell_apart(background.grids[first.grid], plan.grid, plan.source.name)
    if apart:
        raise UsageError(f"{background.name}: not on the grid of {plan.source.name}: {apart}")
    if not any(s in found.lookup.at for s in plan.times.seconds.tolist()):
        raise UsageError(f"{background.name}: no field is valid at any time of {plan.source.name}")
    return replace(plan, background=found.lookup, notes=(*plan.notes, *found.notes))


def wanted_blocks(plan: Plan, positions: np.ndarray) -> list[Block]:
    """The blocks of a source as far as they hold the variables of a plan at some times, in order of time.

    Parameters
    ----------
    plan : Plan
    positions : np.ndarray int64
        In `plan.times`.
    """
    place_of = {int(plan.times.indices[p]): int(p) for p in positions}
    variables = set(plan.variables)
    found = []
    for block in plan.source.blocks():
        times = tuple(sorted((t for t in block.times if t in place_of), key=place_of.__getitem__))
        own = tuple(v for v in block.variables if v in variables)
        if times and own:
            found.append(Block(times, own))
    found.sort(key=lambda b: place_of[b.times[0]])
    if not _in_order(found, place_of):
        found = [Block((time,), block.variables) for block in found for time in block.times]
        found.sort(key=lambda b: place_of[b.times[0]])
    return found


def _in_order(blocks: Sequence[Block], place_of: Mapping[int, int]) -> bool:
    """Whether no block of a variable begins before the one before it has ended."""
    last: dict[int, int] = {}
    for block in blocks:
        for variable in block.variables:
            if last.get(variable, -1) > place_of[block.times[0]]:
                return False
            last[variable] = place_of[block.times[-1]]
    return True
