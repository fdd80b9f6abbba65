"""The ledger: cycles of the training data scored as if new, their own fold held out of everything that was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.building import Builder
from dqwatch.baselines.harmonics import hour_indices, year_fractions
from dqwatch.baselines.lookup import Lookup, pick
from dqwatch.baselines.plans import Plan
from dqwatch.baselines.relations import Relations, RelationSums, fit, time_functions
from dqwatch.baselines.scorer import Scorer, list_rain
from dqwatch.baselines.unfinished import Unfinished
from dqwatch.feed import Worker, run
from dqwatch.feed.devices import Device
from dqwatch.feed.workers import Progress
from dqwatch.metrics.scout import name_block
from dqwatch.scores import STATE, Family, area_columns

CYCLES = 3000
"""Cycles that are scored at most; about as many as .001 can be told from (40 years of every fifth day)."""
_TOGETHER = 64
"""Cycles that are kept together."""
_STEPS = 20
"""In a standard deviation."""
_UNKNOWN = -128


@dataclass(frozen=True, eq=False)
class Ledger:
    """Scores of training cycles.

    Attributes
    ----------
    seconds, years, folds, groups : np.ndarray int64 (cycle,)
        As `folds.Times` has them.
    members : np.ndarray int64 (cycle,)
    fractions : np.ndarray float64 (cycle,)
        Of the year.
    hours : np.ndarray int64 (cycle,)
        Index of the hour of the day.
    scores : np.ndarray float32 (cycle, variable, score)
        NaN where there is none.
    areas : np.ndarray int8 (cycle, variable, area)
        Departures of the mean of the field over each area, as `pack_areas` makes them.
    """

    seconds: np.ndarray
    years: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    members: np.ndarray
    fractions: np.ndarray
    hours: np.ndarray
    scores: np.ndarray
    areas: np.ndarray

    @property
    def size(self) -> int:
        """Cycles."""
        return int(self.seconds.size)

    def take(self, rows: np.ndarray) -> Ledger:
        """Some of the cycles, by index or mask."""
        return Ledger(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def pack_areas(departures: np.ndarray) -> np.ndarray:
    """Departures (standard deviations) as twentieths, up to 6.35 either way; -128 where unknown: int8."""
    twentieths = np.clip(np.rint(departures * _STEPS), -127, 127)
    return np.asarray(np.where(np.isfinite(departures), twentieths, _UNKNOWN).astype(np.int8))


def unpack_areas(packed: np.ndarray) -> np.ndarray:
    """What `pack_areas` packed, float32; NaN where unknown."""
    return np.asarray(np.where(packed == _UNKNOWN, np.float32(np.nan), packed / np.float32(_STEPS)), np.float32)


def choose_cycles(plan: Plan, most: int = CYCLES) -> np.ndarray:
    """Positions in `plan.times` of the cycles to score, evenly over the years: int64.

    Where there are more than `most` times, every n-th with n such that the hours of the day come by turns.
    """
    size = plan.times.seconds.size
    if size <= most:
        return np.arange(size)
    stride = -(-size // most)
    while np.gcd(stride, plan.hours.size) > 1:
        stride += 1
    return np.arange(0, size, stride)


class Part(NamedTuple):
    """Cycles that are scored and kept together."""

    fold: int
    """Their own, which is held out."""
    positions: np.ndarray
    """int64, in `plan.times`."""
    name: str


def cut_cycles(plan: Plan, chosen: np.ndarray) -> list[Part]:
    """The cycles of some positions, fold by fold."""
    folds, found = plan.times.folds[chosen], []
    for fold in np.unique(folds).tolist():
        own = chosen[folds == fold]
        found += [Part(fold, own[k : k + _TOGETHER], f"cycles-{fold}-{k}") for k in range(0, own.size, _TOGETHER)]
    return found


class PartScorer:
    """Scores parts of the ledger into the folder of what is not finished; what a fold expects is fitted once."""

    def __init__(
        self,
        plan: Plan,
        builder: Builder,
        folder: Unfinished,
        families: Sequence[Family],
        device: Device | None = None,
    ) -> None:
        self._plan, self._builder, self._folder, self._families = plan, builder, folder, families
        own = [plan.source.variables[v] for v in plan.variables]
        self._device, self._rain = device, list_rain([v.name for v in own], [v.units for v in own])
        self._lookup = Lookup(plan.source, {v: k for k, v in enumerate(plan.variables)}, plan.axis)
        self._fold = -1
        self._scorer: Scorer | None = None

    def score(self, part: Part, workers: int | None = None, progress: Progress | None = None) -> None:
        """Score the cycles of a part, unless it is there."""
        if self._folder.has(part.name):
            return
        if self._scorer is None or self._fold != part.fold:
            others = [f for f in range(self._plan.times.n_folds) if f != part.fold]
            self._scorer = None  # one at a time in memory
            climates = self._builder.climates(others)
            self._scorer = Scorer(self._plan.layout, climates, self._families, device=self._device, rain=self._rain)
            self._fold = part.fold
        found = _score(self._plan, self._scorer, part.positions, self._lookup, workers, progress)
        self._folder.write(part.name, {"scores": found}, {})


def score_cycles(
    scorer: PartScorer, parts: Sequence[Part], *, workers: int | None = None, progress: Progress | None = None
) -> None:
    """All parts of the ledger, from where a former run was broken off.

    Parameters
    ----------
    scorer : PartScorer
    parts : sequence of Part
    workers : int, optional
    progress : callable, optional
        `progress(done, total)` in cycles.
    """
    sizes = [part.positions.size for part in parts]
    for k, part in enumerate(parts):
        scorer.score(part, workers, _onward(progress, sum(sizes[:k]), sum(sizes)))


def gather_ledger(
    plan: Plan, folder: Unfinished, parts: Sequence[Part], chosen: np.ndarray, families: Sequence[Family]
) -> tuple[Ledger, Relations | None]:
    """The ledger of parts that are scored; and what means over areas are to one another in its cycles.

    Returns
    -------
    Ledger
    Relations or None
        Fitted to all of its cycles; None where they are too few. A cycle's own scores are by a fit to other folds.
    """
    n_members = max(plan.source.variables[v].members for v in plan.variables)
    held = [folder.read(part.name, "scores") for part in parts]
    seconds = np.repeat(plan.times.seconds[chosen], n_members)
    ledger = Ledger(
        seconds=seconds,
        years=np.repeat(plan.times.years[chosen], n_members),
        folds=np.repeat(plan.times.folds[chosen], n_members),
        groups=np.repeat(plan.times.groups[chosen], n_members),
        members=np.tile(np.arange(n_members), chosen.size),
        fractions=year_fractions(seconds, plan.source.times[plan.axis].calendar),
        hours=hour_indices(seconds, plan.hours),
        scores=np.concatenate([one["values"] for one in held]),
        areas=np.concatenate([one["areas"] for one in held]),
    )
    moments = plan.moments(seconds)
    functions = time_functions(np.stack([m.phi for m in moments]), np.array([m.hour for m in moments]), plan.hours.size)
    return ledger, _relate(ledger, np.concatenate([one["means"] for one in held]), functions, families)


def _relate(ledger: Ledger, means: np.ndarray, functions: np.ndarray, families: Sequence[Family]) -> Relations | None:
    """Fill in what is scored of means (cycle, variable, area) together, each cycle by a fit to the other folds."""
    looking = [f for f in families if f.areas]
    columns = area_columns(families)
    if not columns:
        return None
    sums: dict[int, RelationSums] = {}
    for fold in np.unique(ledger.folds).tolist():
        own = ledger.folds == fold
        sums[fold] = RelationSums(means[0].astype(np.float64), functions.shape[1])
        sums[fold].add(means[own], functions[own])
    for fold in sums:
        relations = fit(one for other, one in sums.items() if other != fold)
        if relations is None:
            continue
        for row in np.flatnonzero(ledger.folds == fold):
            ledger.scores[row][:, columns] = relations.score(means[row], functions[row], looking)
    return fit(sums.values())


def _onward(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Progress of a part that begins where others have ended."""
    return None if progress is None else lambda n, _: progress(done + n, total)


def _score(
    plan: Plan,
    scorer: Scorer,
    positions: np.ndarray,
    lookup: Lookup,
    workers: int | None,
    progress: Progress | None,
) -> dict[str, np.ndarray]:
    """Of some cycles `values` (cycle and member, variable, score), and over areas their `means` and packed `areas`.

    Each row is written by one thread.
    """
    n_members = max(plan.source.variables[v].members for v in plan.variables)
    rows = {(int(p), m): i * n_members + m for i, p in enumerate(positions) for m in range(n_members)}
    scores = np.full((len(rows), len(plan.variables), len(scorer.scores)), np.nan, np.float32)
    means = np.full((*scores.shape[:2], plan.layout.place.areas.size), np.nan, np.float32)
    areas = np.full(means.shape, _UNKNOWN, np.int8)
    number = {v: k for k, v in enumerate(plan.variables)}

    def work(position: int, worker: Worker) -> None:
        moment, second = plan.moment(position), int(plan.times.seconds[position])
        previous = lookup.read([second - plan.times.step], worker.buffers) if plan.times.step else {}
        before = previous.get(second - plan.times.step, {})
        background = {} if plan.background is None else plan.background.read([second], worker.buffers).get(second, {})
        for block in lookup.blocks(int(plan.times.indices[position])):
            for one in plan.source.read(block, worker.buffers):
                worker.checkpoint()
                k = number[one.variable]
                found = scorer.score(
                    k,
                    one.values,
                    moment,
                    worker.buffers,
                    previous=before.get((k, one.member)),
                    background=pick(background, k, one.member),
                )
                row = rows[position, one.member]
                scores[row, k] = found.scores
                if found.means is not None:
                    means[row, k] = found.means
                if STATE in found.areas:
                    areas[row, k] = pack_areas(found.areas[STATE][0])

    run(
        positions.tolist(),
        work,
        workers=workers,
        describe=lambda p: name_block(plan.source, lookup.blocks(int(plan.times.indices[p]))[0]),
        progress=progress,
    )
    return {"values": scores, "means": means, "areas": areas}
