"""The statistics that loss weights are weighed by: those that a store carries, else those of some of its fields."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.advice.reading import blocks_at
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.storage import CarriesStatistics, StoredStatistics
from dqwatch.types import NOT_A_TIME, Block, Source

MOST_PAIRS = 60
"""Pairs of fields that are read where a store lacks statistics."""


class Statistics(NamedTuple):
    """Of one variable, over all cells and times, unweighted, as a normaliser has them; NaN where unknown."""

    mean: float
    stdev: float
    minimum: float
    maximum: float
    tendency: float
    """Standard deviation of the change over one step."""


class Moments(NamedTuple):
    """Count, mean and sum of squared departures from it."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def merged(self, other: Moments) -> Moments:
        """Those of both together (Chan, Golub and LeVeque 1983)."""
        n = self.n + other.n
        if not self.n or not other.n:
            return other if other.n else self
        apart = other.mean - self.mean
        squares = self.squares + other.squares + apart * apart * self.n * other.n / n
        return Moments(n, self.mean + apart * other.n / n, squares)

    @property
    def stdev(self) -> float:
        """Population standard deviation; NaN without a value."""
        return math.sqrt(self.squares / self.n) if self.n else math.nan


class _Seen(NamedTuple):
    """What is found of a variable."""

    values: Moments = Moments()
    changes: Moments = Moments()
    minimum: float = math.inf
    maximum: float = -math.inf

    def merged(self, other: _Seen) -> _Seen:
        low, high = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        return _Seen(self.values.merged(other.values), self.changes.merged(other.changes), low, high)


def read_statistics(
    source: Source, step: int, *, workers: int | None = None, progress: Progress | None = None
) -> tuple[list[Statistics], list[str]]:
    """The statistics of each variable of a source, and what has to be said of where they come from.

    Parameters
    ----------
    source : Source
    step : int
        Seconds over which a model steps.
    workers : int, optional
    progress : callable, optional
        `progress(done, total)` in pairs of fields, where any must be read.

    Returns
    -------
    list of Statistics, one per variable
        Where the store lacks them, they are measured on at most `MOST_PAIRS` pairs of times that lie one step apart.
    notes : list of str
    """
    stored = _stored(source)
    complete = all(_complete(one, step) for one in stored)
    if complete:
        return [_join(one, None, step) for one in stored], []
    seen, n_pairs = _measure(source, step, workers, progress)
    lacking = "tendencies" if all(s is not None and math.isfinite(s.stdev) for s in stored) else "statistics"
    hours = f"{step / 3600:g} h"
    where = f"measured on {n_pairs} pairs of fields {hours} apart" if n_pairs else f"no two fields lie {hours} apart"
    return (
        [_join(one, seen.get(v), step) for v, one in enumerate(stored)],
        [f"{source.name} carries no {lacking} of {hours}: {where}"],
    )


def _stored(source: Source) -> list[StoredStatistics | None]:
    nothing: list[StoredStatistics | None] = [None] * len(source.variables)
    return list(source.stored_statistics()) or nothing if isinstance(source, CarriesStatistics) else nothing


def _complete(stored: StoredStatistics | None, step: int) -> bool:
    return stored is not None and math.isfinite(stored.stdev) and step in stored.tendencies


def _join(stored: StoredStatistics | None, seen: _Seen | None, step: int) -> Statistics:
    """What is stored, and what was measured where nothing is."""
    seen = seen or _Seen()
    tendency = seen.changes.stdev
    if stored is not None and step in stored.tendencies:
        tendency = stored.tendencies[step][1]
    if stored is not None and math.isfinite(stored.stdev):
        return Statistics(stored.mean, stored.stdev, stored.minimum, stored.maximum, tendency)
    if not seen.values.n:
        return Statistics(math.nan, math.nan, math.nan, math.nan, tendency)
    return Statistics(seen.values.mean, seen.values.stdev, seen.minimum, seen.maximum, tendency)


def _measure(source: Source, step: int, workers: int | None, progress: Progress | None) -> tuple[dict[int, _Seen], int]:
    """What some pairs of fields say of each variable, and how many pairs there were."""
    pairs = _find_pairs(source, step)
    total: dict[int, _Seen] = {}
    held = {}
    for axis in {pair[0] for pair in pairs}:
        variables = {v for v, one in enumerate(source.variables) if one.times == axis}
        held[axis] = blocks_at(source, {t for a, *both in pairs if a == axis for t in both}, variables)

    def work(pair: tuple[int, int, int], worker: Worker) -> dict[int, _Seen]:
        return _look(source, pair, held[pair[0]], worker)

    def take(found: dict[int, _Seen]) -> None:
        for variable, seen in found.items():
            total[variable] = total.get(variable, _Seen()).merged(seen)

    if pairs:
        run(pairs, work, workers=workers, take=take, progress=progress)
    return total, len(pairs)


def _find_pairs(source: Source, step: int) -> list[tuple[int, int, int]]:
    """Axis and positions of two times one step apart, evenly spread, at most `MOST_PAIRS` for each axis."""
    found = []
    for number, axis in enumerate(source.times):
        if axis.kind != "time" or not any(v.times == number for v in source.variables):
            continue
        usable = axis.seconds != NOT_A_TIME
        for mask, wanted in ((axis.declared_missing, False), (axis.sampled, True)):
            usable &= True if mask is None else np.asarray(mask, bool) == wanted
        at = {int(axis.seconds[t]): int(t) for t in np.flatnonzero(usable)}
        own = [(number, at[s], at[s + step]) for s in sorted(at) if s + step in at]
        chosen = np.unique(np.linspace(0, len(own) - 1, min(len(own), MOST_PAIRS)).round().astype(int))
        found += [own[i] for i in chosen] if own else []
    return found


def _look(
    source: Source, pair: tuple[int, int, int], held: Mapping[int, Sequence[Block]], worker: Worker
) -> dict[int, _Seen]:
    """Values of the later field and its change, of every variable on the axis; members are taken together."""
    _, before, after = pair
    early: dict[tuple[int, int], np.ndarray] = {}
    found: dict[int, _Seen] = {}
    for time in (before, after):
        for block in held[time]:
            for one in source.read(block, worker.buffers):
                worker.checkpoint()
                if time == before:
                    early[one.variable, one.member] = one.values.astype(np.float64)
                    continue
                values = one.values.astype(np.float64)
                change = values - early.pop((one.variable, one.member), np.nan)
                known = values[np.isfinite(values)]
                low, high = (float(known.min()), float(known.max())) if known.size else (math.inf, -math.inf)
                seen = _Seen(_moments(values), _moments(change), low, high)
                found[one.variable] = found.get(one.variable, _Seen()).merged(seen)
    return found


def _moments(values: np.ndarray) -> Moments:
    known = values[np.isfinite(values)]
    if not known.size:
        return Moments()
    mean = float(known.mean())
    return Moments(known.size, mean, float(np.square(known - mean).sum()))
