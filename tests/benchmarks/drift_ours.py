"""dqwatch as a method that finds spoilt cycles (drift_skill.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

import dqwatch
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.baselines.harmonics import hour_indices, year_fractions
from dqwatch.baselines.scorer import Moment, Scored
from dqwatch.buffers import Buffers
from dqwatch.departures.calibration import Calibration, Departures
from dqwatch.departures.drift_rows import leads_to_mean
from dqwatch.departures.regions import find_place
from tests.benchmarks.drift_methods import Findings, Weather
from tests.benchmarks.drift_series import Cycle
from tests.benchmarks.drift_spoiling import Fault

Fields = Mapping[str, np.ndarray]
Kinds = tuple[str, ...]
"""Of scores: 'state', 'step', 'background'."""
PLACED = ("NaN patch", "local soil", "local", "partly old")
"""Families of faults that are somewhere."""


class Way(NamedTuple):
    """What a spoilt state is held against."""

    kinds: Kinds
    lasting: bool
    """Whether the state before has the fault too."""


_BEFORE, _BESIDE = ("state", "step"), ("state", "step", "background")
WAYS = {
    "state_alone": Way(("state",), False),
    "onset": Way(_BEFORE, False),
    "lasting": Way(_BEFORE, True),
    "background_onset": Way(_BESIDE, False),
    "background_lasting": Way(_BESIDE, True),
}


class Judged(NamedTuple):
    """What calibration says of cycles."""

    statistic: np.ndarray
    """float64 (cycle,), the largest departure; infinite where an exact check fails."""
    p: np.ndarray
    first: np.ndarray
    """int64 (cycle,), the variable that departs most."""
    leading: np.ndarray
    """int64 (cycle,), its score that departs most."""
    departure: np.ndarray
    """float64 (cycle, variable)."""


class _Spoilt(NamedTuple):
    """A spoilt cycle, scored."""

    scores: np.ndarray
    """float64 (variable, score)."""
    fields: dict[int, Scored]
    now: Fields


class Ours:
    """dqwatch with the baseline of a seed's training years."""

    def __init__(self, series: Weather) -> None:
        self.series = series
        beside = series.background()
        background = None if beside is None else dqwatch.open_source(beside)
        self.baseline: Baseline = build(dqwatch.open_source(series.dataset()), background=background)
        self._variables = self.baseline.variables
        self._nulls: dict[bytes, Calibration] = {}
        self._buffers = Buffers()
        self._means: dict[np.datetime64, dict[int, np.ndarray | None]] = {}
        self.clean: dict[np.datetime64, np.ndarray] = {}
        """Scores of clean cycles, float64 (variable, score)."""
        self.fields: dict[np.datetime64, dict[int, Scored]] = {date: {} for date in series.test}
        """Of clean cycles, each variable."""
        for date in series.test:
            self.clean[date] = self.score(date, {}, {}, self.fields[date])

    def find(
        self, faults: Sequence[Fault], dates: np.ndarray, ways: Sequence[str] = tuple(WAYS)
    ) -> dict[str, Findings]:
        """Clean cycles, and some dates spoilt by each fault: `WAYS` -> findings; each cycle is scored once or twice."""
        series, found = self.series, {}
        for way in ways:
            clean = self.judge(series.test, [self.clean[d] for d in series.test], WAYS[way].kinds)
            years = series.seed * 10_000 + series.years(series.test)
            found[way] = Findings(clean.statistic, years, {}, _alarms(clean))
            found[way].fault_alarms = {key: {} for key in found[way].clean_alarms}
        for fault in faults:
            cycles = [series.spoil(fault, date) for date in dates]
            for lasting in (False, True):
                own = [way for way in ways if WAYS[way].lasting == lasting]
                scored = [self._spoilt(d, c, lasting) for d, c in zip(dates, cycles, strict=True)] if own else []
                for way in own:
                    self._tell(fault, dates, scored, WAYS[way].kinds, found[way])
        return found

    def _spoilt(self, date: np.datetime64, cycle: Cycle, lasting: bool) -> _Spoilt:
        fields: dict[int, Scored] = {}
        scores = self.score(date, cycle.onset, cycle.before if lasting else {}, fields)
        return _Spoilt(scores, fields, cycle.onset)

    def _tell(self, fault: Fault, dates: np.ndarray, scored: Sequence[_Spoilt], kinds: Kinds, found: Findings) -> None:
        judged = self.judge(dates, [s.scores for s in scored], kinds)
        found.faults[fault.name] = judged.statistic
        found.right[fault.name] = np.isin(judged.first, [self._variables.index(v) for v in fault.variables])
        if fault.family in PLACED:
            overlaps = [
                self._overlap(date, one, judged, k) for k, (date, one) in enumerate(zip(dates, scored, strict=True))
            ]
            found.overlap[fault.name] = np.array(overlaps)
        for key, alarms in _alarms(judged).items():
            found.fault_alarms[key][fault.name] = alarms

    def _overlap(self, date: np.datetime64, spoilt: _Spoilt, judged: Judged, row: int) -> float:
        """How well the region of the first variable is that in which it was changed; 0 if it is another variable."""
        first, score = int(judged.first[row]), self.baseline.scores[judged.leading[row]]
        if judged.leading[row] < 0 or first not in spoilt.fields or score.kind not in spoilt.fields[first].areas:
            return 0.0
        mean, square = spoilt.fields[first].areas[score.kind]
        place = self.baseline.layout.place
        said = find_place(np.abs(mean) if leads_to_mean(score.name) else square, place.areas)[place.areas.of_cell]
        state, clean = spoilt.now[self._variables[first]], self.series.field(date, self._variables[first])
        true = ~((state == clean) | (np.isnan(state) & np.isnan(clean)))
        return float(place.weights[said & true].sum() / place.weights[said | true].sum())

    def score(self, date: np.datetime64, now: Fields, before: Fields, keep: dict[int, Scored]) -> np.ndarray:
        """float64 (variable, score); clean fields stand for those that are not given. Kept is what is scored anew."""
        (moment,) = self.baseline.moments(_seconds(np.array([date])))
        if date in self.clean:
            found, variables = self.clean[date].copy(), tuple(now)
        else:
            found, variables = np.full((len(self._variables), len(self.baseline.scores)), np.nan), self._variables
        means = dict(self._means.get(date, {}))
        for v in variables:
            state = now.get(v, self.series.field(date, v))
            previous = before.get(v, self.series.field(date, v, self.series.step)) if self.baseline.step else None
            scored = self._score(v, state, previous, self.series.forecast(date, v), moment)
            number = self._variables.index(v)
            found[number], means[number] = scored.scores, scored.means
            keep[number] = scored
        if moment is not None:
            found[:, self.baseline.scorer.area_columns] = self.baseline.scorer.relate(means, moment)
        self._means.setdefault(date, means)
        return found

    def _score(
        self,
        variable: str,
        state: np.ndarray,
        previous: np.ndarray | None,
        background: np.ndarray | None,
        moment: Moment | None,
    ) -> Scored:
        if moment is None:
            raise ValueError(f"{variable}: training has no such hour of the day")
        number = self._variables.index(variable)
        kept = {"previous": previous, "background": background}
        return self.baseline.scorer.score(number, state, moment, self._buffers, **kept)

    def judge(self, dates: np.ndarray, scores: Sequence[np.ndarray], kinds: Kinds) -> Judged:
        """Cycles with the same scores share a null."""
        wanted = np.array([s.kind in kinds for s in self.baseline.scores])
        stacked = np.where(wanted, np.stack(scores), np.nan)
        seconds = _seconds(dates)
        times = year_fractions(seconds, self.baseline.calendar), hour_indices(seconds, self.baseline.hours)
        found = Judged(
            np.empty(dates.size),
            np.empty(dates.size),
            *np.zeros((2, dates.size), np.int64),
            np.zeros(stacked.shape[:2]),
        )
        patterns: dict[bytes, list[int]] = {}
        for row, one in enumerate(stacked):
            patterns.setdefault(np.isfinite(one).tobytes(), []).append(row)
        for rows in patterns.values():
            own = stacked[rows], times[0][rows], times[1][rows]
            calibration = self._null(np.isfinite(own[0][0]))
            departures = calibration.judge(*own)
            departure = found.departure[rows] = _departed(departures)
            found.statistic[rows], found.first[rows] = departure.max(axis=1), departure.argmax(axis=1)
            found.leading[rows] = departures.leading[np.arange(len(rows)), found.first[rows]]
            found.p[rows] = np.where(np.isinf(found.statistic[rows]), 0.0, departures.p_cycle)
        return found

    def _null(self, present: np.ndarray) -> Calibration:
        key = present.tobytes()
        if key not in self._nulls:
            self._nulls[key] = Calibration(self.baseline.ledger, self.baseline.scores, present)
        return self._nulls[key]


def _departed(found: Departures) -> np.ndarray:
    return np.where(found.violated.any(axis=2), np.inf, np.nan_to_num(found.departure, nan=0.0))


def _alarms(judged: Judged) -> dict[str, np.ndarray]:
    return {f"p <= {level:g}": judged.p <= level for level in (0.05, 0.01, 0.001)}


def _seconds(dates: np.ndarray) -> np.ndarray:
    return (dates - np.datetime64(0, "s")).astype(np.int64)
