"""The streaming pass: every field of the training data once, onto sums by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dqwatch.baselines.folds import Times, lay_folds
from dqwatch.baselines.harmonics import basis, choose_terms, find_hours, hour_indices, year_fractions
from dqwatch.baselines.quantity import Layout, QuantityClimate, QuantitySums, lay_out
from dqwatch.baselines.scorer import Moment
from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.scout import name_block
from dqwatch.scores import STATE, STEP
from dqwatch.types import Block, Field, Grid, Source


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

    def moment(self, position: int) -> Moment:
        """When the time at a position in `times` is."""
        return self.moments(self.times.seconds[position : position + 1])[0]

    def moments(self, seconds: np.ndarray) -> list[Moment]:
        """When some times are."""
        calendar = self.source.times[self.axis].calendar
        phis, hours = basis(year_fractions(seconds, calendar), self.terms), hour_indices(seconds, self.hours)
        return [Moment(phi, int(hour)) for phi, hour in zip(phis, hours, strict=True)]


def plan(source: Source) -> Plan:
    """What a baseline of a source can be made of.

    Raises
    ------
    UsageError
        If there is no variable with times, or there are too few times.
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
    return Plan(source, kept, axis, source.grids[grid], layout, times, hours, terms, tuple(notes), place_of)


class Builder:
    """Sums of all quantities, filled field by field in order of time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._number = {v: k for k, v in enumerate(plan.variables)}
        self.sums: dict[str, list[QuantitySums | None]] = {k: [None] * len(plan.variables) for k in (STATE, STEP)}
        self.first: list[np.ndarray | None] = [None] * len(plan.variables)
        self.constant = [True] * len(plan.variables)
        """Whether all fields of a variable have had the same values."""
        self._recent: dict[tuple[int, int], tuple[int, int, np.ndarray]] = {}
        self._moments = plan.moments(plan.times.seconds)

    def add(self, found: Field) -> None:
        """One field; its values are kept until the next of the same variable and member."""
        plan, number = self._plan, self._number[found.variable]
        position = plan.place_of.get(found.time)
        if position is None:
            return
        times, moment = plan.times, self._moments[position]
        fold, second = int(times.folds[position]), int(times.seconds[position])
        first = self.first[number]
        if first is None:
            self.first[number] = found.values
        elif self.constant[number]:
            self.constant[number] = bool(np.array_equal(first, found.values, equal_nan=True))
        self._onto(STATE, number, found.values, fold, moment)
        before = self._recent.get((number, found.member))
        # A change from one fold to the next is of both, and left out.
        if before is not None and times.step and before[:2] == (second - times.step, fold):
            self._onto(STEP, number, found.values - before[2], fold, moment)
        self._recent[number, found.member] = second, fold, found.values

    def _onto(self, kind: str, number: int, values: np.ndarray, fold: int, moment: Moment) -> None:
        plan = self._plan
        sums = self.sums[kind][number]
        if sums is None:
            first = values if kind == STATE else np.zeros(values.size)
            shape = {"folds": plan.times.n_folds, "hours": plan.hours.size, "terms": plan.terms}
            sums = self.sums[kind][number] = QuantitySums(first, plan.layout, **shape)
        sums.add(values, fold, moment.hour, moment.phi)

    def climates(self, folds: Sequence[int]) -> dict[str, list[QuantityClimate | None]]:
        """What some of the folds expect; None for what is constant."""
        return {
            kind: [None if one is None or self.constant[k] else one.fit(folds) for k, one in enumerate(self.sums[kind])]
            for kind in self.sums
        }


def accumulate(plan: Plan, *, workers: int | None = None, progress: Progress | None = None) -> Builder:
    """One pass over the training data.

    Fields are decoded by workers and added in order of time by one thread, so that the sums are the same for any number
    of workers.
    """
    builder = Builder(plan)
    blocks = wanted_blocks(plan, plan.times.indices)

    def read(block: Block, worker: Worker) -> list[Field]:
        return read_fields(plan.source, block, worker.buffers)

    def take(fields: list[Field]) -> None:
        for one in fields:
            builder.add(one)

    run(blocks, read, workers=workers, take=take, describe=lambda b: name_block(plan.source, b), progress=progress)
    return builder


def wanted_blocks(plan: Plan, indices: np.ndarray) -> list[Block]:
    """The blocks of a source as far as they hold the variables of a plan at some times."""
    times, variables = set(indices.tolist()), set(plan.variables)
    found = []
    for block in plan.source.blocks():
        part = Block(tuple(t for t in block.times if t in times), tuple(v for v in block.variables if v in variables))
        if part.times and part.variables:
            found.append(part)
    return sorted(found, key=lambda b: b.times[0])


def read_fields(source: Source, block: Block, buffers: Buffers) -> list[Field]:
    """The fields of a block, each with values of its own, in order of time."""
    fields = [one._replace(values=one.values.copy()) for one in source.read(block, buffers)]
    return sorted(fields, key=lambda one: one.time)
