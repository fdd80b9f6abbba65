"""The fields of a source scored against a baseline, cycle by cycle."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.lookup import Lookup, Values, pick
from dqwatch.baselines.scorer import Moment, Scorer
from dqwatch.departures.matching import Matched, Others
from dqwatch.feed import Worker, default_workers, run
from dqwatch.feed.devices import Device
from dqwatch.feed.workers import Progress
from dqwatch.types import NOT_A_TIME, Block, Source, TimeAxis

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

    def add(self, other: Cycle) -> None:
        """Other variables of the same time and member."""
        rows = ~np.isnan(other.scores).all(axis=1)
        self.scores[rows] = other.scores[rows]
        for name in ("areas", "changed", "reasons"):
            getattr(self, name).update(getattr(other, name))


class Share(NamedTuple):
    """Some variables of a cycle."""

    cycles: dict[int, Cycle]
    """By member; without scores of variables together."""
    means: dict[int, dict[int, np.ndarray | None]]
    """Member -> variable -> means over areas."""


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
        return self.join(number, [self.score_share(number, None, worker)])

    def share_out(self, shares: int) -> list[frozenset[int]]:
        """Numbers of the variables in the baseline in so many shares at most, those stored side by side together."""
        numbers = [self.matched.numbers[i] for i in sorted(self.matched.numbers)]
        return [frozenset(own.tolist()) for own in np.array_split(numbers, min(shares, len(numbers)))]

    def score_share(self, number: int, only: Container[int] | None, worker: Worker) -> Share:
        """Some variables of a cycle, by their numbers in the baseline; all of them without `only`."""
        time, moment = int(self._times[number]), self._moments[number]
        return _score(time, moment, self.baseline, self._scorer, self.matched, self._reader, worker, only)

    def join(self, number: int, shares: Sequence[Share]) -> list[Cycle]:
        """A cycle of its shares, member by member."""
        moment, (cycles, means) = self._moments[number], shares[0]
        for more, more_means in shares[1:]:
            for member, one in more.items():
                if member in cycles:
                    cycles[member].add(one)
                else:
                    cycles[member] = one
            for member, own in more_means.items():
                means.setdefault(member, {}).update(own)
        if moment is not None:
            for member, own in means.items():
                cycles[member].scores[:, self._scorer.area_columns] = self._scorer.relate(own, moment)
        return [cycles[m] for m in sorted(cycles)]


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
    n_workers = default_workers() if workers is None else max(1, workers)
    # Of few cycles, as the one of a gate, several threads take variables of each.
    shares = scoring.share_out(-(-n_workers // max(1, scoring.size)))
    found: list[Cycle] = []
    waiting: list[Share] = []

    def take(share: Share) -> None:
        waiting.append(share)
        if len(waiting) == len(shares):
            found.extend(scoring.join(len(joined), waiting))
            joined.append(True)
            waiting.clear()

    joined: list[bool] = []
    run(
        [(number, only) for number in range(scoring.size) for only in shares],
        lambda item, worker: scoring.score_share(*item, worker),
        workers=workers,
        take=take,
        describe=lambda item: scoring.name(item[0]),
        progress=None if progress is None else lambda *_: progress(len(joined), scoring.size),
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
    only: Container[int] | None,
) -> Share:
    known = moment is not None
    before, beside = (reader.before(time, worker, only), reader.beside(time, worker, only)) if known else ({}, {})
    cycles: dict[int, Cycle] = {}
    means: dict[int, dict[int, np.ndarray | None]] = {}
    fraction = float(reader.fraction(time, baseline))
    for block in reader.blocks(time, only):
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
    return Share(cycles, means)


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

    def blocks(self, time: int, only: Container[int] | None) -> list[Block]:
        return self._own.blocks(time, only=only)

    def before(self, time: int, worker: Worker, only: Container[int] | None) -> Values:
        """The fields one step before, by number in the baseline and member."""
        second = int(self._axis.seconds[time]) - self._step
        for lookup in (self._own, self._others.previous) if self._step else ():
            if lookup is not None and second in lookup.at:
                return lookup.read([second], worker.buffers, only).get(second, {})
        return {}

    def beside(self, time: int, worker: Worker, only: Container[int] | None) -> Values:
        """The fields of the background that are valid at a time, likewise."""
        second = int(self._axis.seconds[time])
        background = self._others.background
        return {} if background is None else background.read([second], worker.buffers, only).get(second, {})
