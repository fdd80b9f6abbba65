"""Slow drift: what accumulates over many cycles, against what accumulated in the years of training.

The unit is the year: a series is as far out as the share of training years whose own largest departure, replayed with
the year held out of all that was fitted, comes as far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.ledger import unpack_areas
from dqwatch.departures.accumulating import Slots, fill_slots, find_onset, lay_slots, slot_length
from dqwatch.departures.calibration import conformal, quasi_constant
from dqwatch.departures.regions import lay_regions, mean_over_regions
from dqwatch.departures.scoring import Cycle
from dqwatch.departures.slow_fit import Fitted, fit_series, time_steps, years_of_slots
from dqwatch.scores import STATE

FEWEST_YEARS = 5
"""Years of training below which nothing is said of years."""
LEVEL = 0.1
"""Share of sound years that alarm; it takes 9 years of training to tell."""
_LEAST = 5 * 86400
"""Seconds of a slot."""
_FEWEST_SLOTS = 6
_KNOWN = 0.5
"""Share of the cycles that must have a score."""
DETECTORS = ("average", "sum up", "sum down")


@dataclass(frozen=True, eq=False)
class Accumulated:
    """What has accumulated in one variable.

    Attributes
    ----------
    variable : int
        As the baseline numbers them.
    p_year : float
        Share of training years in which any variable got as far.
    departure : float
        The farthest, 1 where the leading series alone is there in 1 % of its slots.
    limit : float
        What sound years reach at `LEVEL`; infinite where the years are too few to tell.
    source : str
        The score, or 'region mean'.
    region : str
        '' for a score.
    detector : str
        One of `DETECTORS`.
    upward : bool
        Whether the leading series lies above what is usual.
    onset, reached : int
        Seconds: since when it most likely has drifted; when it first was beyond `limit`, -1 if never.
    """

    variable: int
    p_year: float
    departure: float
    limit: float
    source: str
    region: str
    detector: str
    upward: bool
    onset: int
    reached: int


class SlowDrift(NamedTuple):
    """What has accumulated in all variables, or why that cannot be told."""

    found: list[Accumulated]
    years: int
    """Of training, that these were held against."""
    days: float
    """Length of a slot."""
    slots: int
    reason: str


def accumulate(cycles: Sequence[Cycle], seconds: np.ndarray, baseline: Baseline, land: np.ndarray | None) -> SlowDrift:
    """Look for slow drift in cycles.

    Parameters
    ----------
    cycles : sequence of Cycle
    seconds : np.ndarray int64 (cycle,)
    baseline : Baseline
    land : np.ndarray bool (area,), optional
        Areas that are mostly land.

    Returns
    -------
    SlowDrift
    """
    return Accumulation(baseline, land).judge(cycles, seconds)


class _Replay(NamedTuple):
    """One variable: how far its series get, in training and now."""

    variable: int
    known: _Known
    now: np.ndarray
    """float64 (slot, detector x column)."""
    slots: Slots
    values: np.ndarray
    """float64 (slot, column), of the new cycles."""

    @property
    def farthest(self) -> np.ndarray:
        """Of each slot, float64 (slot,)."""
        return np.asarray(self.now.max(axis=1))


class _Known(NamedTuple):
    """What training tells of some columns of one variable."""

    years: np.ndarray
    """int64 (slot,)."""
    farthest: np.ndarray
    """float64 (slot,), the farthest series of each slot, its years held out."""
    fits: list[Fitted]
    """Without each group of years."""
    names: list[tuple[str, str]]
    """Score and region of each column."""


class Accumulation:
    """What accumulates in cycles, against what accumulated in training.

    Parameters
    ----------
    baseline : Baseline
    land : np.ndarray bool (area,), optional
        Areas that are mostly land.
    """

    def __init__(self, baseline: Baseline, land: np.ndarray | None) -> None:
        ledger = self._ledger = baseline.ledger
        self._scores = [(i, s.name) for i, s in enumerate(baseline.scores) if s.kind == STATE and not s.exact]
        self._n_variables, self._n_areas = len(baseline.variables), baseline.layout.place.areas.size
        self._regions = lay_regions(baseline.layout.place.areas, land)
        self._length = slot_length(ledger.seconds, _LEAST) if ledger.size else _LEAST
        years, counts = np.unique(ledger.years, return_counts=True)
        self._full = years[counts >= 0.5 * counts.max()] if years.size else years
        self._known: dict[tuple[int, bytes], _Known] = {}

    def judge(self, cycles: Sequence[Cycle], seconds: np.ndarray) -> SlowDrift:
        """Look for slow drift in cycles.

        Parameters
        ----------
        cycles : sequence of Cycle
        seconds : np.ndarray int64 (cycle,)

        Returns
        -------
        SlowDrift
        """
        scored = np.array([c.hour >= 0 for c in cycles], bool)
        slots = lay_slots(seconds[scored], self._length) if scored.any() else None
        if slots is None or slots.size < _FEWEST_SLOTS:
            days = self._length / 86400 * _FEWEST_SLOTS
            size = 0 if slots is None else slots.size
            return SlowDrift([], 0, self._length / 86400, size, f"less than {days:.0f} days")
        if self._full.size < FEWEST_YEARS:
            reason = f"{self._full.size} years of training are too few"
            return SlowDrift([], self._full.size, slots.days, slots.size, reason)
        own = [c for c, s in zip(cycles, scored, strict=True) if s]
        replays = self.replay(own, seconds[scored], range(self._n_variables))
        if not replays:
            return SlowDrift([], self._full.size, slots.days, slots.size, "no score that training has too")
        return SlowDrift(self._describe(replays), self._full.size, slots.days, slots.size, "")

    def replay(self, cycles: Sequence[Cycle], seconds: np.ndarray, variables: Iterable[int]) -> list[_Replay]:
        """How far the series of some variables get, of those that have any."""
        found = []
        for variable in variables:
            one = self._replay(variable, cycles, seconds)
            if one is not None:
                found.append(one)
        return found

    def yearly(self, replays: Sequence[_Replay]) -> np.ndarray:
        """The farthest of some variables in each full year of training, float64 (year,)."""
        known = [r.known for r in replays]
        return np.array([max(float(k.farthest[k.years == y].max(initial=0.0)) for k in known) for y in self._full])

    def _replay(self, variable: int, cycles: Sequence[Cycle], seconds: np.ndarray) -> _Replay | None:
        columns = [i for i, _ in self._scores]
        unknown = np.full(self._n_areas, np.nan, np.float32)
        areas = [c.areas[variable, STATE][0] if (variable, STATE) in c.areas else unknown for c in cycles]
        scores = np.stack([c.scores[variable, columns] for c in cycles])
        now = np.concatenate([scores, mean_over_regions(np.stack(areas), self._regions)], axis=1)
        usable = np.isfinite(now).mean(axis=0) >= _KNOWN
        key = variable, usable.tobytes()
        if key not in self._known:
            self._known[key] = self._learn(variable, usable)
        known = self._known[key]
        if not known.names:
            return None
        now = now[:, usable & self._told(variable)]
        hours, fractions = (np.array([getattr(c, name) for c in cycles]) for name in ("hour", "fraction"))
        functions = time_steps(fractions, hours, self._ledger.hours)
        slots = lay_slots(seconds, self._length, self._slots.per_slot)
        current = [one.departures(now, functions, slots) for one in known.fits]
        values = [fill_slots(one.standardise(now, functions), slots) for one in known.fits]
        return _Replay(variable, known, np.mean(current, axis=0), slots, np.mean(values, axis=0))

    @cached_property
    def _slots(self) -> Slots:
        """Of training."""
        return lay_slots(self._ledger.seconds, self._length)

    def _columns(self, variable: int) -> np.ndarray:
        """Scores and means over regions of training, float64 (cycle, column)."""
        scores = self._ledger.scores[:, variable][:, [i for i, _ in self._scores]]
        regions = mean_over_regions(unpack_areas(self._ledger.areas[:, variable]), self._regions)
        return np.concatenate([scores, regions], axis=1).astype(np.float64)

    def _told(self, variable: int) -> np.ndarray:
        """Columns that training mostly has, and that vary there: bool (column,)."""
        if variable not in self._tellable:
            old = self._columns(variable)
            usable = np.isfinite(old).mean(axis=0) >= _KNOWN
            usable[usable] &= ~quasi_constant(np.where(np.isfinite(old[:, usable]), old[:, usable], 0.0))
            self._tellable[variable] = usable
        return self._tellable[variable]

    @cached_property
    def _tellable(self) -> dict[int, np.ndarray]:
        return {}

    def _learn(self, variable: int, usable: np.ndarray) -> _Known:
        ledger, slots = self._ledger, self._slots
        usable = usable & self._told(variable)
        names = [(name, "") for _, name in self._scores] + [("region mean", r.name) for r in self._regions]
        years = years_of_slots(slots, ledger.seconds, ledger.years)
        if not usable.any():
            return _Known(years, np.zeros(years.size), [], [])
        old = self._columns(variable)[:, usable]
        functions = time_steps(ledger.fractions, ledger.hours, ledger.hours)
        known, fits = [], []
        for group in np.unique(ledger.groups):
            held = ledger.groups == group
            one = fit_series(old, functions, ledger.years, slots, years, held)
            inside = np.isin(years, np.unique(ledger.years[held]))
            known.append(np.where(inside, one.departures(old, functions, slots).max(axis=1), -np.inf))
            fits.append(one)
        return _Known(years, np.max(known, axis=0), fits, [n for n, u in zip(names, usable, strict=True) if u])

    def _describe(self, replays: Sequence[_Replay]) -> list[Accumulated]:
        """Each variable against the farthest of all variables in each year."""
        yearly = self.yearly(replays)
        rank = int(LEVEL * (yearly.size + 1) + 1e-9)
        limit = float(np.sort(yearly)[-rank]) if rank else np.inf
        return [_describe(replay, yearly, limit) for replay in replays]


def _describe(replay: _Replay, yearly: np.ndarray, limit: float) -> Accumulated:
    slot, at = np.unravel_index(int(replay.now.argmax()), replay.now.shape)
    detector, column = divmod(int(at), len(replay.known.names))
    departure = float(replay.now[slot, at])
    series = replay.values[: int(slot) + 1, column]
    source, region = replay.known.names[column]
    beyond = np.flatnonzero(replay.farthest > limit) if np.isfinite(limit) else np.empty(0, np.int64)
    onset = find_onset(series)
    begin, length = replay.slots.begin, replay.slots.length
    return Accumulated(
        variable=replay.variable,
        p_year=float(conformal(yearly, np.array([departure]))[0]),
        departure=departure,
        limit=limit,
        source=source,
        region=region,
        detector=DETECTORS[detector],
        upward=bool(series[onset:].mean() > 0),
        onset=begin + onset * length,
        reached=begin + int(beyond[0]) * length if beyond.size else -1,
    )
