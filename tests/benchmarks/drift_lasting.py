"""How soon local and weak faults that last are found by what accumulates, at an equal rate of false alarms.

Watching begins with the fault: it is in every cycle of an episode, at the same place, and in the state before each.
Everybody alarms in a tenth of the episodes of 40 clean cycles (200 days). The faults, `LASTING`, are in
drift_faults.py. Ten minutes or more for each seed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.harmonics import hour_indices, year_fractions
from dqwatch.baselines.scorer import Scored
from dqwatch.departures.running import UNUSUAL, run_lengths
from dqwatch.departures.scoring import Cycle
from dqwatch.departures.slow import LEVEL, Accumulation
from dqwatch.scores import STATE
from tests.benchmarks.drift_faults import EPISODE_EVERY, FAULTS, LASTING, LASTING_CYCLES, TEST_SEEDS
from tests.benchmarks.drift_ours import WAYS, Ours
from tests.benchmarks.drift_series import Series
from tests.benchmarks.drift_spoiling import Fault
from tests.benchmarks.drift_tables import commit

SEEDS = TEST_SEEDS[:1]
HORIZON = LASTING_CYCLES[-1]
CLEAN_EVERY = 8
"""Test cycles from the first of one clean episode to that of the next: they overlap."""
FALSE = 0.1
"""Of the clean episodes alarm."""
MEMORY = 8.0
"""Cycles after which the moving average of departures has forgotten all but 1/e."""
METHODS = {
    "single": "the cycle by itself",
    "running": "persistence counter: cycles in a row with p <= .05",
    "moving": f"moving average over {MEMORY:g} cycles of what `p_cycle` is made of",
    "slow": "slow drift, as `dqwatch drift` has it",
    "beside": "the cycle by itself, with a background",
    "beside_moving": f"moving average over {MEMORY:g} cycles, with a background",
}


class Lasting(NamedTuple):
    """One fault by one method."""

    fault: str
    method: str
    powers: tuple[float, ...]
    """Share of the episodes in which it was found within so many cycles (`LASTING_CYCLES`)."""
    median: float
    """Cycles to detect; infinite where half of the episodes end without."""
    below: bool = False


class Sound(NamedTuple):
    """How often clean years alarm for slow drift."""

    years: int
    alarms: int


def measure() -> list[Lasting]:
    """All faults and methods."""
    return [row for rows in _measure(SEEDS)[0].values() for row in rows]


def _measure(seeds: Sequence[int]) -> tuple[dict[str, list[Lasting]], Sound]:
    clean: dict[str, list[np.ndarray]] = {m: [] for m in METHODS}
    spoilt: dict[str, dict[str, list[np.ndarray]]] = {name: {m: [] for m in METHODS} for name in LASTING}
    years = alarms = 0
    for seed in seeds:
        watch = _Watch(Series(seed))
        for start in range(0, watch.series.test.size - HORIZON + 1, CLEAN_EVERY):
            _add(clean, watch.follow(start, None))
        for fault in (f for f in FAULTS if f.name.strip() in LASTING):
            for start in range(0, watch.series.test.size - HORIZON + 1, EPISODE_EVERY):
                _add(spoilt[fault.name.strip()], watch.follow(start, fault))
        sound = watch.sound_years()
        years, alarms = years + sound.years, alarms + sound.alarms
    limits = {m: _limit(np.stack(runs)) for m, runs in clean.items()}
    found = {name: [_tell(name, m, np.stack(runs), limits[m]) for m, runs in by.items()] for name, by in spoilt.items()}
    return found, Sound(years, alarms)


def _add(to: Mapping[str, list[np.ndarray]], found: Mapping[str, np.ndarray]) -> None:
    for method, statistic in found.items():
        to[method].append(statistic)


def _limit(runs: np.ndarray) -> float:
    """What the largest of a run (run, cycle) exceeds in a tenth of the runs at most."""
    largest = np.sort(runs.max(axis=1))[::-1]
    return float(largest[int(FALSE * largest.size)])


def _tell(fault: str, method: str, runs: np.ndarray, limit: float) -> Lasting:
    beyond = runs > limit
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1) + 1.0, np.inf)
    powers = tuple(float((first <= n).mean()) for n in LASTING_CYCLES)
    return Lasting(fault, method, powers, float(np.sort(first)[first.size // 2]))


class _Watch:
    """One seed, followed cycle by cycle."""

    def __init__(self, series: Series) -> None:
        self.series, self._ours = series, Ours(series)
        self._slow = Accumulation(self._ours.baseline, None)
        self._far: dict[int, dict[int, np.ndarray]] = {}
        """First cycle of a clean episode -> variable -> how far slow drift is out."""

    def follow(self, start: int, fault: Fault | None) -> dict[str, np.ndarray]:
        """The statistics of an episode by method, float64 (cycle,); of clean cycles without a fault."""
        ours, series = self._ours, self.series
        dates = series.test[start : start + HORIZON]
        scores, fields = [], []
        for date in dates:
            kept = dict(ours.fields[date])
            if fault is None:
                scores.append(ours.clean[date])
            else:
                cycle = series.spoil(fault, date, dates[0])
                scores.append(ours.score(date, cycle.onset, cycle.before, kept))
            fields.append(kept)
        found = {}
        for single, moving, way in (("single", "moving", "lasting"), ("beside", "beside_moving", "background_lasting")):
            judged = ours.judge(dates, scores, WAYS[way].kinds)
            found[single] = judged.statistic
            found[moving] = _average(np.minimum(judged.departure, 1e6)).max(axis=1)
            if way == "lasting":
                found["running"] = run_lengths(judged.p <= UNUSUAL).astype(np.float64)
        if fault is None:
            self._far[start] = self._replay(dates, scores, fields, range(len(ours.baseline.variables)))
            far = self._far[start]
        else:
            spoilt = [ours.baseline.variables.index(v) for v in fault.variables]
            far = self._far[start] | self._replay(dates, scores, fields, spoilt)
        found["slow"] = np.max(list(far.values()), axis=0)
        return found

    def sound_years(self) -> Sound:
        """The clean test years, each by itself: how many alarm for slow drift."""
        alarms, years = 0, self.series.years(self.series.test)
        for year in np.unique(years):
            dates = self.series.test[years == year]
            scores, fields = [self._ours.clean[d] for d in dates], [self._ours.fields[d] for d in dates]
            cycles, seconds = self._cycles(dates, scores, fields)
            alarms += min((a.p_year for a in self._slow.judge(cycles, seconds).found), default=1.0) <= LEVEL
        return Sound(int(np.unique(years).size), alarms)

    def _replay(
        self,
        dates: np.ndarray,
        scores: Sequence[np.ndarray],
        fields: Sequence[Mapping[int, Scored]],
        variables: Sequence[int],
    ) -> dict[int, np.ndarray]:
        """How far slow drift is out at each cycle, by variable."""
        replays = self._slow.replay(*self._cycles(dates, scores, fields), variables)
        return {r.variable: r.farthest[r.slots.of_cycle] for r in replays}

    def _cycles(
        self, dates: np.ndarray, scores: Sequence[np.ndarray], fields: Sequence[Mapping[int, Scored]]
    ) -> tuple[list[Cycle], np.ndarray]:
        baseline, seconds = self._ours.baseline, dates.astype(np.int64)
        fractions, hours = year_fractions(seconds, baseline.calendar), hour_indices(seconds, baseline.hours)
        cycles = []
        for k, (own, scored) in enumerate(zip(scores, fields, strict=True)):
            areas = {(v, STATE): one.areas[STATE] for v, one in scored.items() if STATE in one.areas}
            cycles.append(Cycle(k, str(dates[k]), 0, float(fractions[k]), int(hours[k]), own, areas))
        return cycles, seconds


def _average(values: np.ndarray) -> np.ndarray:
    """The moving average from nothing on, (cycle, column)."""
    share, level = 1 - np.exp(-1 / MEMORY), np.zeros(values.shape[1])
    found = np.empty_like(values)
    for k, row in enumerate(values):
        level = level + share * (row - level)
        found[k] = level
    return found


def table(rows: Sequence[Lasting]) -> str:
    """Rows as text."""
    head = f"{'':50} {'within cycles':14}" + "".join(f"{n:6}" for n in LASTING_CYCLES) + "  median"
    return "\n".join(
        [head]
        + [f"{r.fault:50} {r.method:14}" + "".join(f"{p:6.2f}" for p in r.powers) + f"  {r.median:g}" for r in rows]
    )


def markdown(found: Mapping[str, Sequence[Lasting]], sound: Sound, seeds: Sequence[int]) -> str:
    """All of it in Markdown."""
    text = f"""# Faults that last: what accumulates

Written by `python -m tests.benchmarks.drift_lasting > docs/drift_lasting.md` at commit {commit()}; do not edit.

Watching begins with the fault: it is in every cycle of an
episode (a cycle every 5 days), at the same place, and in the state before each, so that no change betrays it. Everybody
alarms in a tenth of the episodes of {HORIZON} clean cycles. Told is the share of episodes in which a fault was found
within so many cycles, and the cycles to detect it (median; - where half of the episodes ended without). Seed
{", ".join(map(str, seeds))}; the list is `LASTING` of `drift_faults.py`, fixed before anything was scored on it.
Of {sound.years} clean years {sound.alarms} alarmed for slow drift at p <= {LEVEL:g}.

"""
    wanted = [LASTING_CYCLES.index(n) for n in (1, 8, 40)]
    head = ["fault", *METHODS.values()]
    lines = [head, ["---"] * len(head)]
    for name, rows in found.items():
        cells = [" / ".join(f"{r.powers[k]:.2f}" for k in wanted) + f" ({_cycles(r.median)})" for r in rows]
        lines.append([name, *cells])
    means = [np.mean([rows[k].powers for rows in found.values()], axis=0) for k in range(len(METHODS))]
    lines.append(["**mean**", *(" / ".join(f"{m[k]:.2f}" for k in wanted) for m in means)])
    text += "Within 1 / 8 / 40 cycles (median):\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)
    head = ["mean power within cycles", *map(str, LASTING_CYCLES)]
    lines = [head, ["---"] * len(head)]
    lines += [[label, *(f"{p:.2f}" for p in mean)] for label, mean in zip(METHODS.values(), means, strict=True)]
    return text + "\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cycles(median: float) -> str:
    return "-" if np.isinf(median) else f"{median:g}"


def main() -> int:
    """Print the tables in Markdown: `python -m tests.benchmarks.drift_lasting [SEED ...]`."""
    seeds = [int(seed) for seed in sys.argv[1:]] or list(SEEDS)
    print(markdown(*_measure(seeds), seeds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
