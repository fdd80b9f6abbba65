"""Cycles scored by the workers of a Dask scheduler, some together; their scores come back, no field."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.store import load
from dqwatch.departures.matching import find_others, match
from dqwatch.departures.scoring import Cycle, Scoring
from dqwatch.errors import UsageError
from dqwatch.feed import Worker
from dqwatch.feed.workers import Progress
from dqwatch.metrics.executors import Job, anywhere, check_alike, open_there, run_by_dask
from dqwatch.part import Spread

TOGETHER = 16
"""Cycles of a piece; the field before is read once more at its beginning."""


class _Order(NamedTuple):
    """What a worker elsewhere must know."""

    spread: Spread
    """`others` has the baseline, the fields before and the background."""
    facts: Mapping[str, Any]
    """What tells the work from any other."""


def score_elsewhere(
    scoring: Scoring, spread: Spread, *, workers: int | None = None, progress: Progress | None = None
) -> list[Cycle]:
    """As `scoring.score_source`, the same bits.

    Raises
    ------
    UsageError
        If the baseline is in memory.
    SourceError, SchedulerError, MissingExtraError
        See `metrics.executors.run_by_dask`.
    """
    if not isinstance(spread.others["baseline"], str | os.PathLike):
        raise UsageError("scheduler: got a baseline in memory; give its path, which workers can open")
    found: dict[int, list[Cycle]] = {}
    n = scoring.size

    def take(number: int, cycles: list[Cycle]) -> None:
        found[number] = cycles
        if progress is not None:
            progress(min(n, sum(min(TOGETHER, n - k * TOGETHER) for k in found)), n)

    numbers = range(-(-n // TOGETHER))
    run_by_dask(
        Job(_make, _score, _Order(anywhere(spread), _describe(scoring))),
        numbers,
        take,
        spread=spread,
        workers=workers,
        name=partial(_name, scoring),
        told=lambda *_: None,
    )
    return [cycle for k in numbers for cycle in found[k]]


def _name(scoring: Scoring, number: int) -> str:
    return scoring.name(number * TOGETHER)


def _describe(scoring: Scoring) -> dict[str, Any]:
    from dqwatch import __version__

    source, known = scoring.source, scoring.baseline
    return {
        "dqwatch": __version__,
        "data": [source.kind, source.identity, scoring.size],
        "variables": sorted(scoring.matched.numbers.items()),
        "baseline": [known.record["data"], known.record["made"], [s.name for s in known.scores]],
    }


def _make(order: _Order) -> Scoring:
    """Data and baseline, on a worker of Dask."""
    spread = order.spread
    known = load(spread.others["baseline"])
    if not isinstance(known, Baseline):
        raise UsageError("scheduler: a baseline of stored statistics alone needs none: leave it out")
    cache = {"cache": spread.options["cache"]} if spread.options.get("cache") else {}
    beside = [
        None if spread.others[name] is None else open_there(spread.others[name], cache)
        for name in ("previous", "background")
    ]
    source = open_there(spread.data, spread.options)
    matched = match(source, known)
    made = Scoring(source, known, matched, find_others(source, known, matched, *beside))
    check_alike(dict(order.facts), _describe(made))
    return made


def _score(made: Scoring, number: int, worker: Worker) -> list[Cycle]:
    cycles = range(number * TOGETHER, min(made.size, (number + 1) * TOGETHER))
    return [one for k in cycles for one in made.score(k, worker)]
