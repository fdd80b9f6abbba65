"""What is fitted to the series of a ledger for slow drift, without some of its years."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqwatch.departures.accumulating import Slots, Whitening, average, cumulate, fill_slots, learn_whitening, whiten
from dqwatch.departures.fitting import count_freedom
from dqwatch.departures.tails import Side, fit_side, predict

CLIP = 5.0
"""Standard deviations at which single cycles are clipped: what a single one shows is judged without waiting."""


def time_steps(fractions: np.ndarray, hours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A constant, the first harmonic of the year, and a step for each hour of the day of the ledger but the first."""
    angle = 2 * np.pi * fractions
    steps = [(hours == h).astype(np.float64) for h in np.unique(known)[1:]]
    return np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle), *steps], axis=1)


def years_of_slots(slots: Slots, seconds: np.ndarray, years: np.ndarray) -> np.ndarray:
    """The year of each slot: that of the last cycle that is not after its middle."""
    middle = slots.begin + (np.arange(slots.size) + 0.5) * slots.length
    order = np.argsort(seconds, kind="stable")
    at = np.clip(np.searchsorted(seconds[order], middle, side="right") - 1, 0, None)
    return np.asarray(years[order][at])


class Fitted(NamedTuple):
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
        return np.asarray(np.clip((values - functions @ self.centre) / self.spread, -CLIP, CLIP))

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


def fit_series(
    values: np.ndarray,
    functions: np.ndarray,
    years: np.ndarray,
    slots: Slots,
    slot_years: np.ndarray,
    held: np.ndarray,
) -> Fitted:
    """Fit to the cycles that are not held; series run through, and what lies in held years is left out after."""
    known = np.isfinite(values)
    spare = np.where(known, values, np.nanmedian(values[~held], axis=0))
    kept, weights = spare[~held], functions[~held]
    centre = np.linalg.lstsq(weights, kept, rcond=None)[0]
    spread = np.maximum((kept - weights @ centre).std(axis=0), 1e-12)
    filled = fill_slots(np.clip((spare - functions @ centre) / spread, -CLIP, CLIP), slots)
    inside = ~np.isin(slot_years, np.unique(years[held]))
    whitening = learn_whitening(filled[inside])
    series = [s[inside] for s in accumulate_slots(filled, slots.days, whitening)]
    moving, up, down = series
    sides = tuple(fit_side(s) for s in (moving, -moving, up, down))
    freedom = np.concatenate([count_freedom(_unit(s), slot_years[inside]) for s in series])
    return Fitted(centre, spread, whitening, sides, freedom)


def _unit(series: np.ndarray) -> np.ndarray:
    spread = series.std(axis=0)
    return np.asarray((series - series.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
