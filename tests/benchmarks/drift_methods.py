"""What a method makes of clean and of spoilt cycles, and dqwatch as such a method (drift_skill.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

import dqwatch
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.harmonics import hour_indices, year_fractions
from dqwatch.baselines.scorer import Moment, Scored
from dqwatch.buffers import Buffers
from dqwatch.departures.calibration import Calibration, Departures
from tests.benchmarks.drift_series import STEP, Series, years_of
from tests.benchmarks.drift_spoiling import Fault

Fields = Mapping[str, np.ndarray]
Kinds = tuple[str, ...]
"""Of scores: 'state', 'step', 'background'."""
LEVEL = 0.01


@dataclass
class Findings:
    """One method on all cycles.

    Attributes
    ----------
    clean : np.ndarray float64 (cycle,)
        A statistic, the larger the more unusual.
    years : np.ndarray int64 (cycle,)
        Seed and year of each clean cycle, as one number.
    faults : dict of np.ndarray float64 (cycle,)
        The statistic by name of the fault.
    clean_alarms, fault_alarms
        What the method itself would have said, by name of its recipe.
    right : dict of np.ndarray bool (cycle,)
        Whether the variable that departs most is a spoilt one.
    """

    clean: np.ndarray
    years: np.ndarray
    faults: dict[str, np.ndarray]
    clean_alarms: dict[str, np.ndarray] = field(default_factory=dict)
    fault_alarms: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    right: dict[str, np.ndarray] = field(default_factory=dict)

    def part(self, clean: np.ndarray, spoilt: np.ndarray) -> Findings:
        """Some of the cycles: bool (clean cycle,), bool (spoilt cycle,)."""
        return Findings(
            self.clean[clean],
            self.years[clean],
            {key: values[spoilt] for key, values in self.faults.items()},
            {key: values[clean] for key, values in self.clean_alarms.items()},
            {name: {key: v[spoilt] for key, v in one.items()} for name, one in self.fault_alarms.items()},
            {key: values[spoilt] for key, values in self.right.items()},
        )

    @property
    def threshold(self) -> float:
        """What at most 1 % of the clean cycles exceed."""
        return float(np.sort(self.clean)[::-1][int(LEVEL * self.clean.size)])

    def power(self, fault: str) -> float:
        """The share of spoilt cycles that exceed it."""
        return float((self.faults[fault] > self.threshold).mean())

    def auroc(self, fault: str) -> float:
        """The chance that a spoilt cycle is more unusual than a clean one."""
        ordered = np.sort(self.clean)
        below = np.searchsorted(ordered, self.faults[fault], "left")
        not_above = np.searchsorted(ordered, self.faults[fault], "right")
        return float((0.5 * (below + not_above) / ordered.size).mean())


def joined(parts: Sequence[Findings]) -> Findings:
    """The same method on several seeds."""

    def together(of: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
        listed = list(of)
        return {key: np.concatenate([one[key] for one in listed]) for key in listed[0]}

    return Findings(
        np.concatenate([p.clean for p in parts]),
        np.concatenate([p.years for p in parts]),
        together(p.faults for p in parts),
        together(p.clean_alarms for p in parts),
        {key: together(p.fault_alarms[key] for p in parts) for key in parts[0].fault_alarms},
        together(p.right for p in parts),
    )


class _Judged(NamedTuple):
    """What calibration says of cycles."""

    statistic: np.ndarray
    """float64 (cycle,), the largest departure; infinite where an exact check fails."""
    p: np.ndarray
    first: np.ndarray
    """int64 (cycle,), the variable that departs most."""


class Ours:
    """dqwatch with the baseline of a seed's training years."""

    def __init__(self, series: Series) -> None:
        self.series = series
        background = dqwatch.open_source(series.background())
        self.baseline: Baseline = build(dqwatch.open_source(series.dataset()), background=background)
        self._variables = self.baseline.variables
        self._nulls: dict[bytes, Calibration] = {}
        self._buffers = Buffers()
        self._means: dict[np.datetime64, dict[int, np.ndarray | None]] = {}
        self._clean = {date: self._scores(date, {}, {}, {}) for date in series.test}

    def state_alone(self, faults: Sequence[Fault], dates: np.ndarray) -> Findings:
        """Without the state before."""
        return self._find(faults, dates, ("state",), lasting=False)

    def onset(self, faults: Sequence[Fault], dates: np.ndarray) -> Findings:
        """With the state before, which is clean."""
        return self._find(faults, dates, ("state", "step"), lasting=False)

    def lasting(self, faults: Sequence[Fault], dates: np.ndarray) -> Findings:
        """With the state before, which has the fault too."""
        return self._find(faults, dates, ("state", "step"), lasting=True)

    def background_onset(self, faults: Sequence[Fault], dates: np.ndarray) -> Findings:
        """With the state before, which is clean, and an independent short forecast."""
        return self._find(faults, dates, ("state", "step", "background"), lasting=False)

    def background_lasting(self, faults: Sequence[Fault], dates: np.ndarray) -> Findings:
        """With the state before, which has the fault too, and an independent short forecast."""
        return self._find(faults, dates, ("state", "step", "background"), lasting=True)

    def _find(self, faults: Sequence[Fault], dates: np.ndarray, kinds: Kinds, *, lasting: bool) -> Findings:
        series = self.series
        clean = self._judge(series.test, [self._clean[d] for d in series.test], kinds)
        found = Findings(clean.statistic, series.seed * 10_000 + years_of(series.test), {})
        found.clean_alarms = _alarms(clean)
        found.fault_alarms = {key: {} for key in found.clean_alarms}
        for fault in faults:
            scores = []
            for date in dates:
                cycle = series.spoil(fault, date)
                scores.append(self._scores(date, cycle.onset, cycle.before if lasting else {}, self._clean))
            spoilt = [self._variables.index(v) for v in fault.variables]
            judged = self._judge(dates, scores, kinds)
            found.faults[fault.name] = judged.statistic
            found.right[fault.name] = np.isin(judged.first, spoilt)
            for key, alarms in _alarms(judged).items():
                found.fault_alarms[key][fault.name] = alarms
        return found

    def _scores(
        self, date: np.datetime64, now: Fields, before: Fields, known: Mapping[np.datetime64, np.ndarray]
    ) -> np.ndarray:
        """float64 (variable, score); clean fields stand for those that are not given."""
        (moment,) = self.baseline.moments(_seconds(np.array([date])))
        if date in known:
            found, variables = known[date].copy(), tuple(now)
        else:
            found, variables = np.full((len(self._variables), len(self.baseline.scores)), np.nan), self._variables
        means = dict(self._means.get(date, {}))
        for v in variables:
            state = now.get(v, self.series.field(date, v))
            previous = before.get(v, self.series.field(date, v, STEP))
            scored = self._score(v, state, previous, self.series.forecast(date, v), moment)
            number = self._variables.index(v)
            found[number], means[number] = scored.scores, scored.means
        if moment is not None:
            found[:, self.baseline.scorer.area_columns] = self.baseline.scorer.relate(means, moment)
        self._means.setdefault(date, means)
        return found

    def _score(
        self, variable: str, state: np.ndarray, previous: np.ndarray, background: np.ndarray, moment: Moment | None
    ) -> Scored:
        if moment is None:
            raise ValueError(f"{variable}: training has no such hour of the day")
        number = self._variables.index(variable)
        kept = {"previous": previous, "background": background}
        return self.baseline.scorer.score(number, state, moment, self._buffers, **kept)

    def _judge(self, dates: np.ndarray, scores: Sequence[np.ndarray], kinds: Kinds) -> _Judged:
        """Cycles with the same scores share a null."""
        wanted = np.array([s.kind in kinds for s in self.baseline.scores])
        stacked = np.where(wanted, np.stack(scores), np.nan)
        seconds = _seconds(dates)
        times = year_fractions(seconds, self.baseline.calendar), hour_indices(seconds, self.baseline.hours)
        found = _Judged(np.empty(dates.size), np.empty(dates.size), np.zeros(dates.size, np.int64))
        patterns: dict[bytes, list[int]] = {}
        for row, one in enumerate(stacked):
            patterns.setdefault(np.isfinite(one).tobytes(), []).append(row)
        for rows in patterns.values():
            own = stacked[rows], times[0][rows], times[1][rows]
            calibration = self._null(np.isfinite(own[0][0]))
            departures = calibration.judge(*own)
            departure = _departed(departures)
            found.statistic[rows], found.first[rows] = departure.max(axis=1), departure.argmax(axis=1)
            found.p[rows] = np.where(np.isinf(found.statistic[rows]), 0.0, departures.p_cycle)
        return found

    def _null(self, present: np.ndarray) -> Calibration:
        key = present.tobytes()
        if key not in self._nulls:
            self._nulls[key] = Calibration(self.baseline.ledger, self.baseline.scores, present)
        return self._nulls[key]


def _departed(found: Departures) -> np.ndarray:
    return np.where(found.violated.any(axis=2), np.inf, np.nan_to_num(found.departure, nan=0.0))


def _alarms(judged: _Judged) -> dict[str, np.ndarray]:
    return {f"p <= {level:g}": judged.p <= level for level in (0.05, 0.01, 0.001)}


def _seconds(dates: np.ndarray) -> np.ndarray:
    return (dates - np.datetime64(0, "s")).astype(np.int64)
