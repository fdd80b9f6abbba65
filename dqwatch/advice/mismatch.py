"""How far another source stays away from training: the persistent standardised departure, and its null from training.

The departure of a cell is the mean over the cycles of (value - what training expects) / standard deviation, season and
hour taken into account; its mean square over the area is compared with that of the same days of each training year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.advice.reading import blocks_at
from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.scorer import Moment
from dqwatch.errors import UsageError
from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.calendars import DAY
from dqwatch.scores import STATE
from dqwatch.types import NOT_A_TIME, Block, Source
from dqwatch.units import differ

LEAST_CYCLES = 20
"""Below, weather alone stays away from the mean for that long."""
LEAST_WINDOWS = 3
_MOST_WINDOWS = 12
_YEAR = 365.2425 * DAY
_NEAR = 3 * DAY
"""Seconds by which a training time may lie off the day that it stands for."""
_COMPLETE = 0.8
"""Share of the cycles that a training year must have."""


class Mismatch(NamedTuple):
    """Of one variable; squares of standard deviations."""

    raw: float
    """Area mean of the squared persistent departure."""
    null: tuple[float, ...]
    """The same of the training years."""
    variance: float
    """Area mean of the variance about season and hour, units of the variable squared: what a departure of 1 is."""

    @property
    def usual(self) -> float:
        """Median of the null."""
        return float(np.median(self.null)) if len(self.null) >= LEAST_WINDOWS else np.nan

    @property
    def square(self) -> float:
        """d^2 = max(0, raw - median of the null); NaN where either is unknown."""
        return float(np.maximum(0.0, self.raw - self.usual)) if np.isfinite(self.raw - self.usual) else np.nan

    @property
    def edge(self) -> float:
        """The d that 95 % of the training years stay below."""
        if len(self.null) < LEAST_WINDOWS:
            return np.nan
        return float(np.quantile(np.sqrt(np.maximum(0.0, np.array(self.null) - self.usual)), 0.95))


def measure(
    incoming: Source,
    training: Source,
    baseline: Baseline,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Mismatch], np.ndarray]:
    """The mismatch of every variable that all three have, by name.

    Parameters
    ----------
    incoming, training : Source
        On the grid of the baseline.
    baseline : Baseline
    workers : int, optional
    progress : callable, optional
        `progress(done, total)` in windows: the incoming cycles, then the training years.

    Returns
    -------
    dict of name to Mismatch
    seconds : np.ndarray int64 (cycle,)
        Times of the incoming data.

    Raises
    ------
    UsageError
        If the incoming data lie on another grid, or have too few cycles.
    """
    numbers = {name: k for k, name in enumerate(baseline.variables)}
    baseline.check_grid(incoming.grids[0], incoming.name)
    own, seconds = _times(incoming, numbers)
    if seconds.size < LEAST_CYCLES:
        raise UsageError(
            f"{incoming.name}: {seconds.size} cycles; what stays away from training shows in {LEAST_CYCLES} or more"
        )
    there, known = _times(training, numbers)
    windows = _windows(seconds, known)
    total = 1 + len(windows)
    raw = _departures(incoming, own, baseline, numbers, workers)
    null: dict[str, list[float]] = {name: [] for name in raw}
    for done, window in enumerate(windows, start=1):
        if progress is not None:
            progress(done, total)
        # What training expects holds that year too: its departures are less than those of a new one.
        n_years = max(2, int(baseline.record["years"]))
        more = (n_years + 1) / (n_years - 1)
        for name, (value, _) in _departures(training, there[window], baseline, numbers, workers).items():
            if name in null and np.isfinite(value):
                null[name].append(value * more)
    if progress is not None:
        progress(total, total)
    found = {name: Mismatch(value, tuple(null[name]), variance) for name, (value, variance) in raw.items()}
    return found, seconds


def _times(source: Source, numbers: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Positions on the axis that most known variables have, and their seconds, in order."""
    axes = [v.times for v in source.variables if v.name in numbers and source.times[v.times].kind == "time"]
    if not axes:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    axis = source.times[max(axes, key=axes.count)]
    usable = axis.seconds != NOT_A_TIME
    if axis.declared_missing is not None:
        usable &= ~np.asarray(axis.declared_missing, bool)
    if axis.sampled is not None:
        usable &= np.asarray(axis.sampled, bool)
    positions = np.flatnonzero(usable)
    order = np.argsort(axis.seconds[positions], kind="stable")
    return positions[order], axis.seconds[positions][order]


def _windows(seconds: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """Indices into the training times that stand for the incoming ones, for each year that has enough of them."""
    if not seconds.size or known.size < 2:
        return []
    first = int(np.floor((seconds[0] - known[-1]) / _YEAR)) - 1
    last = int(np.ceil((seconds[-1] - known[0]) / _YEAR)) + 1
    found = []
    for years in range(first, last + 1):
        chosen = _nearest(known, seconds - round(years * _YEAR / DAY) * DAY)
        if chosen.size >= _COMPLETE * seconds.size:
            found.append(chosen)
    keep = np.unique(np.linspace(0, len(found) - 1, min(len(found), _MOST_WINDOWS)).round().astype(int))
    return [found[i] for i in keep] if found else []


def _nearest(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Indices of the known times of the same hour of the day that lie nearest to those wanted, and near enough."""
    found = []
    for hour in np.unique(wanted % DAY):
        own, asked = np.flatnonzero(known % DAY == hour), wanted[wanted % DAY == hour]
        if own.size:
            right = np.clip(np.searchsorted(known[own], asked), min(1, own.size - 1), own.size - 1)
            left = np.maximum(right - 1, 0)
            nearest = np.where(asked - known[own[left]] <= known[own[right]] - asked, left, right)
            found.append(own[nearest[np.abs(known[own[nearest]] - asked) <= _NEAR]])
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def _departures(
    source: Source, positions: np.ndarray, baseline: Baseline, numbers: Mapping[str, int], workers: int | None
) -> dict[str, tuple[float, float]]:
    """Area means of the squared mean departure of each variable over some times, and of the variance expected then."""
    wanted = _comparable(source, baseline, numbers)
    axes = [source.variables[i].times for i in wanted]
    if not axes:
        return {}
    axis = max(axes, key=axes.count)
    wanted = {i: k for i, k in wanted.items() if source.variables[i].times == axis}
    held = blocks_at(source, positions.tolist(), wanted)
    sums = {i: np.zeros(baseline.grid.n_cells) for i in wanted}
    counts = {i: np.zeros(baseline.grid.n_cells) for i in wanted}
    variances: dict[int, list[float]] = {i: [] for i in wanted}
    weights = baseline.layout.place.weights

    def work(item: tuple[int, Moment], worker: Worker) -> list[tuple[int, np.ndarray, float]]:
        return _standardised(source, held[item[0]], item[1], baseline, wanted, worker)

    def take(fields: Sequence[tuple[int, np.ndarray, float]]) -> None:
        for variable, z, variance in fields:
            there = np.isfinite(z)
            sums[variable][there] += z[there]
            counts[variable] += there
            variances[variable].append(variance)

    moments = baseline.moments(source.times[axis].seconds[positions])
    items = [(int(t), m) for t, m in zip(positions, moments, strict=True) if m is not None]
    if items:
        run(items, work, workers=workers, take=take)
    return {
        source.variables[i].name: (
            _mean_square(sums[i], counts[i], weights),
            float(np.mean(variances[i])) if variances[i] else np.nan,
        )
        for i in wanted
    }


def _comparable(source: Source, baseline: Baseline, numbers: Mapping[str, int]) -> dict[int, int]:
    """Index in the source -> number in the baseline, of what varies there and lies on its cells, in its units."""
    climates = baseline.climates[STATE]
    found = {}
    for i, v in enumerate(source.variables):
        k = numbers.get(v.name)
        if k is None or climates[k] is None or source.grids[v.grid].n_cells != baseline.grid.n_cells:
            continue
        if not differ(v.units, baseline.units[k]):
            found[i] = k
    return found


def _standardised(
    source: Source, held: Sequence[Block], moment: Moment, baseline: Baseline, wanted: Mapping[int, int], worker: Worker
) -> list[tuple[int, np.ndarray, float]]:
    """Variable, departures and variance expected of each field of a time; members one after the other."""
    found = []
    weights = baseline.layout.place.weights
    for block in held:
        for one in source.read(block, worker.buffers):
            worker.checkpoint()
            climate = baseline.climates[STATE][wanted[one.variable]]
            if climate is not None:
                expected = climate.expect(baseline.layout, moment.phi, moment.hour, worker.buffers)
                with np.errstate(divide="ignore", invalid="ignore"):
                    z = (one.values - expected.mean) / expected.sd
                variance = np.square(np.asarray(expected.sd, np.float64))
                there = np.isfinite(variance)
                mean = (
                    float(np.sum(weights[there] * variance[there]) / np.sum(weights[there])) if there.any() else np.nan
                )
                found.append((one.variable, z.astype(np.float64), mean))
    return found


def _mean_square(total: np.ndarray, count: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean over the cells of (total / count)^2; NaN where no cell has any."""
    there = count > 0
    if not there.any():
        return np.nan
    mean = total[there] / count[there]
    return float(np.sum(weights[there] * mean * mean) / np.sum(weights[there]))
