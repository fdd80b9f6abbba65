"""The fields of a source scored against a baseline, cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.lookup import Lookup, Values, accompany, pick
from dqwatch.baselines.scorer import Moment, Scorer
from dqwatch.baselines.stored import StoredBaseline
from dqwatch.errors import UsageError
from dqwatch.feed import Worker, run
from dqwatch.feed.devices import Device
from dqwatch.feed.workers import Progress
from dqwatch.types import NOT_A_TIME, Block, Source, TimeAxis
from dqwatch.units import differ

CONSTANT = 1e-3
"""Of the range of a constant field: what differs by less has been packed otherwise."""


@dataclass(frozen=True, eq=False)
class Cycle:
    """One time and member of a source."""

    time: int
    """Position on the axis."""
    label: str
    member: int
    fraction: float
    hour: int
    scores: np.ndarray
    """float64 (variable, score), variables as the baseline has them."""
    areas: dict[tuple[int, str], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    """Variable and kind -> float32 departures of each area's mean, and mean square departures."""
    changed: dict[int, int] = field(default_factory=dict)
    """Constant variable -> cells that differ from those of training."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Variable -> why it has no score."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Which variable of a source is which of a baseline."""

    numbers: Mapping[int, int]
    """Index in the source -> number in the baseline."""
    axis: int
    absent: Mapping[int, str]
    """Number in the baseline -> why it cannot be scored."""
    notes: tuple[str, ...]


def match(source: Source, baseline: Baseline | StoredBaseline) -> Matched:
    """The common variables of a source and a baseline.

    Raises
    ------
    UsageError
        If there is none, or the source lies on another grid.
    """
    by_name = {name: k for k, name in enumerate(baseline.variables)}
    common = {i: by_name[v.name] for i, v in enumerate(source.variables) if v.name in by_name}
    if not common:
        raise UsageError(
            f"{source.name}: no variable in common with the baseline of {baseline.name} "
            f"({', '.join(baseline.variables[:5])}{', ...' if len(baseline.variables) > 5 else ''})"
        )
    grids = [source.variables[i].grid for i in common]
    baseline.check_grid(source.grids[max(grids, key=grids.count)], source.name)
    axes = [source.variables[i].times for i in common]
    axis = max(axes, key=lambda a: (source.times[a].kind == "time", axes.count(a)))
    if source.times[axis].kind != "time":
        raise UsageError(f"{source.name}: no variable with times; a baseline knows what is usual at a time only")
    absent, kept = {}, {}
    for i, k in common.items():
        variable = source.variables[i]
        if source.grids[variable.grid].n_cells != baseline.grid.n_cells:
            absent[k] = "it lies on another grid"
        elif variable.times != axis:
            absent[k] = "it has other times than most variables"
        elif differ(variable.units, baseline.units[k]):
            absent[k] = f"its units are {variable.units}, those of training {baseline.units[k]}"
        else:
            kept[i] = k
    absent |= {k: "the data lack it" for name, k in by_name.items() if k not in common.values()}
    unknown = [v.name for v in source.variables if v.name not in by_name]
    notes = [f"not in the baseline, hence not scored: {', '.join(unknown)}"] if unknown else []
    return Matched(kept, axis, absent, tuple(notes))


class Others(NamedTuple):
    """What a source is held against besides a baseline."""

    previous: Lookup | None
    """The fields one step before, for times whose own step before is not in the source."""
    background: Lookup | None
    """Other estimates of the same fields, such as forecasts valid at their times."""
    notes: tuple[str, ...] = ()


def find_others(
    source: Source, baseline: Baseline, matched: Matched, previous: Source | None, background: Source | None
) -> Others:
    """The fields before and the background of a source.

    Raises
    ------
    UsageError
        If one of them has no variable in common with the source, or the background lies on another grid or is valid at
        none of its times, or the baseline knows no departures from one.
    """
    names = {source.variables[i].name: k for i, k in matched.numbers.items()}
    before = None if previous is None else accompany(previous, names, baseline.grid, of=source.name).lookup
    if background is None:
        return Others(before, None)
    baseline.check_background(background.name)
    found = accompany(background, names, baseline.grid, units=baseline.units, of=source.name)
    lookup = found.lookup
    baseline.check_grid(background.grids[background.variables[next(iter(lookup.numbers))].grid], background.name)
    axis = source.times[matched.axis]
    if not any(s in lookup.at for s in axis.seconds.tolist()):
        raise UsageError(
            f"{background.name}: no field is valid at any time of {source.name} ({axis.labels[0]}"
            f"{', ...' if len(axis) > 1 else ''}); a background holds other estimates of the same fields"
        )
    return Others(before, lookup, found.notes)


class Scoring:
    """The cycles of a source, each of which can be scored.

    Parameters
    ----------
    source : Source
    baseline : Baseline
    matched : Matched
    others : Others, optional
        What it is held against besides.
    device : Device, optional
        Score by tensors there.
    """

    def __init__(
        self,
        source: Source,
        baseline: Baseline,
        matched: Matched,
        others: Others | None = None,
        device: Device | None = None,
    ) -> None:
        self.source, self.baseline, self.matched = source, baseline, matched
        self._scorer = baseline.scorer_on(device)
        axis = source.times[matched.axis]
        self._times = usable_times(axis)
        self._moments = baseline.moments(axis.seconds[self._times])
        self._reader = _Reader(source, matched, others or Others(None, None), baseline.step)

    @property
    def size(self) -> int:
        """Cycles; times that cannot be decoded or are declared missing are left out."""
        return int(self._times.size)

    def name(self, number: int) -> str:
        """A cycle in words, for errors."""
        axis = self.source.times[self.matched.axis]
        return f"{self.source.name}: {axis.labels[int(self._times[number])]}"

    def score(self, number: int, worker: Worker) -> list[Cycle]:
        """A cycle, member by member."""
        time, moment = int(self._times[number]), self._moments[number]
        return _score(time, moment, self.baseline, self._scorer, self.matched, self._reader, worker)


def score_source(scoring: Scoring, *, workers: int | None = None, progress: Progress | None = None) -> list[Cycle]:
    """Every cycle of a source scored, by threads.

    Parameters
    ----------
    scoring : Scoring
    workers : int, optional
    progress : callable, optional
        `progress(done, total)` in cycles.

    Returns
    -------
    list of Cycle
        In order of time.
    """
    found: list[Cycle] = []
    run(
        range(scoring.size),
        scoring.score,
        workers=workers,
        take=found.extend,
        describe=scoring.name,
        progress=progress,
    )
    return found


def usable_times(axis: TimeAxis) -> np.ndarray:
    """Positions on an axis of the times that are looked at, int64, in order of time."""
    usable = axis.seconds != NOT_A_TIME
    if axis.declared_missing is not None:
        usable &= ~axis.declared_missing
    if axis.sampled is not None:
        usable &= axis.sampled
    times = np.flatnonzero(usable)
    return np.asarray(times[np.argsort(axis.seconds[times], kind="stable")])


def _score(
    time: int,
    moment: Moment | None,
    baseline: Baseline,
    scorer: Scorer,
    matched: Matched,
    reader: _Reader,
    worker: Worker,
) -> list[Cycle]:
    before, beside = (reader.before(time, worker), reader.beside(time, worker)) if moment is not None else ({}, {})
    cycles: dict[int, Cycle] = {}
    means: dict[int, dict[int, np.ndarray | None]] = {}
    fraction = float(reader.fraction(time, baseline))
    for block in reader.blocks(time):
        for one in reader.source.read(block, worker.buffers):
            worker.checkpoint()
            number = matched.numbers[one.variable]
            if one.member not in cycles:
                empty = np.full((len(baseline.variables), len(baseline.scores)), np.nan)
                hour = -1 if moment is None else moment.hour
                cycles[one.member] = Cycle(time, reader.label(time), one.member, fraction, hour, empty)
            cycle = cycles[one.member]
            if number in baseline.constants:
                cycle.changed[number] = count_changed(one.values, baseline.constants[number])
                cycle.reasons[number] = "constant in training: compared with it"
            elif moment is None:
                cycle.reasons[number] = "training has no such hour of the day"
            else:
                scored = scorer.score(
                    number,
                    one.values,
                    moment,
                    worker.buffers,
                    previous=before.get((number, one.member)),
                    background=pick(beside, number, one.member),
                )
                cycle.scores[number] = scored.scores
                means.setdefault(one.member, {})[number] = scored.means
                for kind, (mean, square) in scored.areas.items():
                    with np.errstate(over="ignore"):  # of fill values of 1e20 and more
                        cycle.areas[number, kind] = mean.astype(np.float32), square.astype(np.float32)
    if moment is not None:
        for member, own in means.items():
            cycles[member].scores[:, scorer.area_columns] = scorer.relate(own, moment)
    return [cycles[m] for m in sorted(cycles)]


def count_changed(values: np.ndarray, constant: np.ndarray) -> int:
    """Cells that differ from a constant field by more than a thousandth of its range, or in being missing."""
    known, there = np.isfinite(constant), np.isfinite(values)
    both = known & there
    scale = np.ptp(constant[known]) if known.any() else 0.0
    scale = scale or (np.abs(constant[known]).max() if known.any() else 0.0)
    differs = np.abs(values[both].astype(np.float64) - constant[both]) > CONSTANT * scale
    return int(np.count_nonzero(known != there) + np.count_nonzero(differs))


class _Reader:
    """Where the fields of a time, and of the step before, lie."""

    def __init__(self, source: Source, matched: Matched, others: Others, step: int) -> None:
        self.source = source
        self._matched, self._step = matched, step
        self._axis = source.times[matched.axis]
        self._own = Lookup(source, matched.numbers, matched.axis)
        self._others = others

    def label(self, time: int) -> str:
        return self._axis.labels[time]

    def fraction(self, time: int, baseline: Baseline) -> float:
        from dqwatch.baselines.harmonics import year_fractions

        return float(year_fractions(self._axis.seconds[time : time + 1], baseline.calendar)[0])

    def blocks(self, time: int) -> list[Block]:
        return self._own.blocks(time)

    def before(self, time: int, worker: Worker) -> Values:
        """The fields one step before, by number in the baseline and member."""
        second = int(self._axis.seconds[time]) - self._step
        for lookup in (self._own, self._others.previous) if self._step else ():
            if lookup is not None and second in lookup.at:
                return lookup.read([second], worker.buffers).get(second, {})
        return {}

    def beside(self, time: int, worker: Worker) -> Values:
        """The fields of the background that are valid at a time, likewise."""
        second = int(self._axis.seconds[time])
        background = self._others.background
        return {} if background is None else background.read([second], worker.buffers).get(second, {})


__all__ = ["Cycle", "Matched", "Others", "count_changed", "find_others", "match", "score_source"]
