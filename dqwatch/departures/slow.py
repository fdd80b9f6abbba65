"""Slow drift: what accumulates over many cycles, against what accumulated in the years of training.

The unit is the year: a series is as far out as the share of training years whose own largest departure, replayed with
the year held out of all that was fitted, comes as far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.ledger import unpack_areas
from dqwatch.departures.accumulating import (
    Slots,
    Whitening,
    average,
    cumulate,
    fill_slots,
    find_onset,
    lay_slots,
    learn_whitening,
    slot_length,
    whiten,
)
from dqwatch.departures.calibration import conformal, quasi_constant
from dqwatch.departures.fitting import count_freedom
from dqwatch.departures.regions import Region, lay_regions, mean_over_regions
from dqwatch.departures.scoring import Cycle
from dqwatch.departures.tails import Side, fit_side, predict
from dqwatch.scores import STATE

FEWEST_YEARS = 5
"""Years of training below which nothing is said of years."""
LEVEL = 0.1
"""Share of sound years that alarm; it takes 9 years of training to tell."""
_LEAST = 5 * 86400
"""Seconds of a slot."""
_FEWEST_SLOTS = 6
_CLIP = 5.0
"""Standard deviations at which single cycles are clipped: what a single one shows is judged without waiting."""
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
    ledger = baseline.ledger
    length = slot_length(ledger.seconds, _LEAST) if ledger.size else _LEAST
    scored = np.array([c.hour >= 0 for c in cycles], bool)
    slots = lay_slots(seconds[scored], length) if scored.any() else None
    if slots is None or slots.size < _FEWEST_SLOTS:
        days = length / 86400 * _FEWEST_SLOTS
        return SlowDrift([], 0, length / 86400, 0 if slots is None else slots.size, f"less than {days:.0f} days")
    years, counts = np.unique(ledger.years, return_counts=True)
    full = years[counts >= 0.5 * counts.max()]
    if full.size < FEWEST_YEARS:
        return SlowDrift([], full.size, slots.days, slots.size, f"{full.size} years of training are too few")
    own = [c for c, s in zip(cycles, scored, strict=True) if s]
    regions = lay_regions(baseline.layout.place.areas, land)
    new = _New(own, seconds[scored], baseline, regions)
    replays = [r for v in range(len(baseline.variables)) if (r := _replay(v, new, baseline, regions)) is not None]
    if not replays:
        return SlowDrift([], full.size, slots.days, slots.size, "no score that training has too")
    return SlowDrift(_judge(replays, full), full.size, slots.days, slots.size, "")


class _New:
    """The cycles to be judged, as the ledger has its own."""

    def __init__(self, cycles: Sequence[Cycle], seconds: np.ndarray, baseline: Baseline, regions: Sequence[Region]):
        self.seconds = seconds
        self.scores = np.stack([c.scores for c in cycles])
        self.fractions = np.array([c.fraction for c in cycles])
        self.hours = np.array([c.hour for c in cycles])
        self._cycles, self._regions = cycles, regions
        self._n_areas = baseline.layout.place.areas.size

    def over_regions(self, variable: int) -> np.ndarray:
        """Means over regions (cycle, region) of a variable."""
        unknown = np.full(self._n_areas, np.nan, np.float32)
        areas = [c.areas[variable, STATE][0] if (variable, STATE) in c.areas else unknown for c in self._cycles]
        return mean_over_regions(np.stack(areas), self._regions)


class _Replay(NamedTuple):
    """One variable: how far its series get, in training and now."""

    variable: int
    years: np.ndarray
    """int64 (slot,) of training."""
    known: np.ndarray
    """float64 (slot,), the farthest series of each slot of training."""
    now: np.ndarray
    """float64 (slot, detector x column)."""
    names: list[tuple[str, str]]
    """Score and region of each column."""
    slots: Slots
    values: np.ndarray
    """float64 (slot, column), of the new cycles."""


def _replay(variable: int, new: _New, baseline: Baseline, regions: Sequence[Region]) -> _Replay | None:
    ledger = baseline.ledger
    kept = [i for i, s in enumerate(baseline.scores) if s.kind == STATE and not s.exact]
    old = np.concatenate(
        [ledger.scores[:, variable][:, kept], mean_over_regions(unpack_areas(ledger.areas[:, variable]), regions)],
        axis=1,
    ).astype(np.float64)
    now = np.concatenate([new.scores[:, variable][:, kept], new.over_regions(variable)], axis=1)
    names = [(baseline.scores[i].name, "") for i in kept] + [("region mean", r.name) for r in regions]
    usable = (np.isfinite(old).mean(axis=0) >= _KNOWN) & (np.isfinite(now).mean(axis=0) >= _KNOWN)
    usable[usable] &= ~quasi_constant(np.where(np.isfinite(old[:, usable]), old[:, usable], 0.0))
    if not usable.any():
        return None
    old, now = old[:, usable], now[:, usable]
    functions = _functions(ledger.fractions, ledger.hours, ledger.hours)
    slots = lay_slots(ledger.seconds, slot_length(ledger.seconds, _LEAST))
    latest = lay_slots(new.seconds, slots.length, slots.per_slot)
    known, current, values = [], [], []
    years = _years_of(slots, ledger.seconds, ledger.years)
    for group in np.unique(ledger.groups):
        held = ledger.groups == group
        one = _fit(old, functions, ledger.years, slots, years, held)
        inside = np.isin(years, np.unique(ledger.years[held]))
        known.append(np.where(inside, one.departures(old, functions, slots).max(axis=1), -np.inf))
        arranged = _functions(new.fractions, new.hours, ledger.hours)
        current.append(one.departures(now, arranged, latest))
        values.append(fill_slots(one.standardise(now, arranged), latest))
    names = [n for n, u in zip(names, usable, strict=True) if u]
    return _Replay(
        variable, years, np.max(known, axis=0), np.mean(current, axis=0), names, latest, np.mean(values, axis=0)
    )


def _functions(fractions: np.ndarray, hours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A constant, the first harmonic of the year, and a step for each hour of the day of the ledger but the first."""
    angle = 2 * np.pi * fractions
    steps = [(hours == h).astype(np.float64) for h in np.unique(known)[1:]]
    return np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle), *steps], axis=1)


def _years_of(slots: Slots, seconds: np.ndarray, years: np.ndarray) -> np.ndarray:
    """The year of each slot: that of the last cycle that is not after its middle."""
    middle = slots.begin + (np.arange(slots.size) + 0.5) * slots.length
    order = np.argsort(seconds, kind="stable")
    at = np.clip(np.searchsorted(seconds[order], middle, side="right") - 1, 0, None)
    return np.asarray(years[order][at])


class _Fitted(NamedTuple):
    """Fitted to the ledger without some years."""

    centre: np.ndarray
    spread: np.ndarray
    whitening: Whitening
    sides: tuple[Side, ...]
    """Of the average upward and downward, then of the two sums."""
    freedom: np.ndarray
    """float64 (detector x column,)."""

    def standardise(self, values: np.ndarray, functions: np.ndarray) -> np.ndarray:
        """Departures of cycles, in standard deviations, clipped."""
        return np.asarray(np.clip((values - functions @ self.centre) / self.spread, -_CLIP, _CLIP))

    def departures(self, values: np.ndarray, functions: np.ndarray, slots: Slots) -> np.ndarray:
        """How far out each series is, float64 (slot, detector x column)."""
        return self.far(fill_slots(self.standardise(values, functions), slots), slots.days)

    def far(self, filled: np.ndarray, days: float) -> np.ndarray:
        """The same of slots."""
        moving, up, down = accumulate_slots(filled, days, self.whitening)
        high, low, high_sum, low_sum = self.sides
        found = np.concatenate(
            [
                np.maximum(high.departures(moving), low.departures(-moving)),
                high_sum.departures(up),
                low_sum.departures(down),
            ],
            axis=1,
        )
        return predict(found, self.freedom)


def accumulate_slots(filled: np.ndarray, days: float, by: Whitening) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The moving average of slots, and the cumulated sums of what is new in them."""
    return average(filled, days), *cumulate(whiten(filled, by))


def _fit(
    values: np.ndarray,
    functions: np.ndarray,
    years: np.ndarray,
    slots: Slots,
    years_of_slots: np.ndarray,
    held: np.ndarray,
) -> _Fitted:
    """Fit to the cycles that are not held; series run through, and what lies in held years is left out after."""
    known = np.isfinite(values)
    spare = np.where(known, values, np.nanmedian(values[~held], axis=0))
    kept, weights = spare[~held], functions[~held]
    centre = np.linalg.lstsq(weights, kept, rcond=None)[0]
    spread = np.maximum((kept - weights @ centre).std(axis=0), 1e-12)
    filled = fill_slots(np.clip((spare - functions @ centre) / spread, -_CLIP, _CLIP), slots)
    inside = ~np.isin(years_of_slots, np.unique(years[held]))
    whitening = learn_whitening(filled[inside])
    series = [s[inside] for s in accumulate_slots(filled, slots.days, whitening)]
    moving, up, down = series
    sides = tuple(fit_side(s) for s in (moving, -moving, up, down))
    freedom = np.concatenate([count_freedom(_unit(s), years_of_slots[inside]) for s in series])
    return _Fitted(centre, spread, whitening, sides, freedom)


def _unit(series: np.ndarray) -> np.ndarray:
    spread = series.std(axis=0)
    return np.asarray((series - series.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _judge(replays: Sequence[_Replay], full: np.ndarray) -> list[Accumulated]:
    """Each variable against the farthest of all variables in each year."""
    yearly = np.array([max(float(r.known[r.years == y].max(initial=0.0)) for r in replays) for y in full])
    rank = int(LEVEL * (yearly.size + 1) + 1e-9)
    limit = float(np.sort(yearly)[-rank]) if rank else np.inf
    return [_describe(replay, yearly, limit) for replay in replays]


def _describe(replay: _Replay, yearly: np.ndarray, limit: float) -> Accumulated:
    slot, at = np.unravel_index(int(replay.now.argmax()), replay.now.shape)
    detector, column = divmod(int(at), len(replay.names))
    departure = float(replay.now[slot, at])
    series = replay.values[: int(slot) + 1, column]
    source, region = replay.names[column]
    farthest = replay.now.max(axis=1)
    beyond = np.flatnonzero(farthest > limit) if np.isfinite(limit) else np.empty(0, np.int64)
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
