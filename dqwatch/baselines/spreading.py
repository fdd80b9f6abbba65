"""A baseline made by the workers of a Dask scheduler: each fold's sums, then each part of the ledger, somewhere.

What a worker makes it writes as a part into the folder of what is not finished, which all must see; nothing but the
names of parts crosses the network. The parts are those that one machine would have written, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from dqwatch.baselines.building import Builder, add_fold, count_blocks, has_fold
from dqwatch.baselines.ledger import Part, PartScorer
from dqwatch.baselines.plans import Plan, plan
from dqwatch.baselines.unfinished import Unfinished
from dqwatch.errors import SchedulerError
from dqwatch.feed import Worker
from dqwatch.feed.workers import Progress
from dqwatch.metrics.executors import Job, anywhere, check_alike, open_there, run_by_dask
from dqwatch.part import Spread
from dqwatch.scores import load_families

Describe = Callable[[Plan], Mapping[str, Any]]
"""All that the numbers of a baseline of a plan depend on."""


class _Order(NamedTuple):
    """What a worker elsewhere must know."""

    spread: Spread
    compact: bool
    folder: Unfinished
    describe: Describe
    facts: Mapping[str, Any]
    """What `describe` says here."""
    parts: Sequence[Part]


class _Made:
    """What the threads of a process share, and the scorer of each."""

    def __init__(self, plan: Plan, folder: Unfinished, parts: Sequence[Part]) -> None:
        self.plan, self.folder, self.parts = plan, folder, parts
        self._families = load_families()
        self._own = threading.local()

    @property
    def scorer(self) -> PartScorer:
        """Of the thread that asks."""
        if not hasattr(self._own, "scorer"):
            builder = Builder(self.plan, self.folder)
            self._own.scorer = PartScorer(self.plan, builder, self.folder, self._families)
        found: PartScorer = self._own.scorer
        return found


class Elsewhere:
    """The workers of a scheduler, who make parts of one baseline.

    Parameters
    ----------
    plan : Plan
    folder : Unfinished
        On a file system that all workers see at the same path.
    spread : Spread
        Where the data are; `others` has the background.
    describe : callable
        Tells plans of other data apart; a function of a module.
    workers : int, optional
        Processes of a scheduler of our own.
    """

    def __init__(
        self, plan: Plan, folder: Unfinished, spread: Spread, describe: Describe, workers: int | None = None
    ) -> None:
        self._plan, self._folder, self._spread, self._workers = plan, folder, spread, workers
        self._describe = describe

    def accumulate(self, progress: Progress | None = None) -> Builder:
        """As `building.accumulate`."""
        builder, sizes = Builder(self._plan, self._folder), count_blocks(self._plan)
        left = [fold for fold in range(len(sizes)) if not has_fold(self._folder, fold)]
        self._run(_add, left, (), sizes, lambda fold: f"{self._plan.source.name}: fold {fold}", progress)
        missing = [fold for fold in left if not has_fold(self._folder, fold)]
        if missing:
            raise self._unseen()
        return builder

    def score(self, parts: Sequence[Part], progress: Progress | None = None) -> None:
        """As `ledger.score_cycles`."""
        left = [k for k, part in enumerate(parts) if not self._folder.has(part.name)]
        sizes = [part.positions.size for part in parts]
        self._run(_score, left, parts, sizes, lambda k: f"{self._plan.source.name}: {parts[k].name}", progress)
        if any(not self._folder.has(parts[k].name) for k in left):
            raise self._unseen()

    def _run(
        self,
        work: Callable[[_Made, int, Worker], int],
        left: Sequence[int],
        parts: Sequence[Part],
        sizes: Sequence[int],
        name: Callable[[int], str],
        progress: Progress | None,
    ) -> None:
        done = sum(sizes) - sum(sizes[k] for k in left)

        def take(number: int, size: int) -> None:
            nonlocal done
            done += sizes[number]
            if progress is not None:
                progress(done, sum(sizes))

        if left:
            facts = self._describe(self._plan)
            order = _Order(
                anywhere(self._spread), self._plan.compact, self._folder.elsewhere(), self._describe, facts, parts
            )
            job = Job(_make, work, order)
            run_by_dask(job, left, take, spread=self._spread, workers=self._workers, name=name, told=lambda *_: None)

    def _unseen(self) -> SchedulerError:
        return SchedulerError(
            f"{self._folder.path}: what workers have written there is not seen here; the output must be on a file "
            "system that all of them share"
        )


def _make(order: _Order) -> _Made:
    """Plan and folder, on a worker of Dask."""
    spread = order.spread
    cache = {"cache": spread.options["cache"]} if spread.options.get("cache") else {}
    background = spread.others.get("background")
    beside = None if background is None else open_there(background, cache)
    own = replace(plan(open_there(spread.data, spread.options), beside), compact=order.compact)
    check_alike(dict(order.facts), dict(order.describe(own)))
    return _Made(own, order.folder, order.parts)


def _add(made: _Made, fold: int, worker: Worker) -> int:
    add_fold(Builder(made.plan, made.folder), fold, workers=1)
    return fold


def _score(made: _Made, number: int, worker: Worker) -> int:
    made.scorer.score(made.parts[number], workers=1)
    return number
