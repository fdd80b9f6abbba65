"""The rhythm of a time axis: declared, or found in the times themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from dqwatch.metrics.calendars import DAY, REAL, dates, label, labels
from dqwatch.types import TimeAxis

_MOST = 0.5
"""Share of the steps (or of the days) that makes a rhythm."""
_FEWEST = 4
"""Times below which nothing is concluded from the times themselves."""
_REPEATS = 3
"""Days with an hour below which its absence on another may be a hole, if a constant step would do but for that."""
_HOURS_OF_A_DAY = 48
"""More times of day than these are no rhythm of hours."""
_MONTHLY = 27 * DAY
_YEAR = 365 * DAY
_WITH_LEAP_YEARS = (*REAL, "julian")


class Cadence(Protocol):
    """Which times an axis should have. All times are int64 seconds in the calendar of the axis, sorted, each once."""

    def steps_fit(self, times: np.ndarray) -> np.ndarray:
        """Bool (time - 1,): the step to each time but the first is one of the rhythm."""

    def on_beat(self, times: np.ndarray) -> np.ndarray:
        """Bool (time,): the rhythm has this time."""

    def hour_fits(self, times: np.ndarray) -> np.ndarray:
        """Bool (time,): the time of day is one of the rhythm's."""

    def n_between(self, times: np.ndarray) -> np.ndarray:
        """int64 (time - 1,): expected times between each two neighbours."""

    def labels_between(self, before: int, after: int, most: int) -> list[str]:
        """The first `most` expected times between two neighbours."""


@dataclass(frozen=True)
class Beats:
    """The same times in every `period`: `anchor` + k `period` + each of `offsets`."""

    period: int
    offsets: tuple[int, ...]
    anchor: int
    calendar: str

    @property
    def tolerance(self) -> int:
        """Seconds by which times that were stored as fractions of a day or an hour may be off."""
        return max(2, min(self._steps) // 1000)

    @property
    def _steps(self) -> list[int]:
        ends = (*self.offsets, self.offsets[0] + self.period)
        return [later - earlier for earlier, later in pairwise(ends)]

    def _near(self, values: np.ndarray, wanted: Sequence[int], cycle: int | None = None) -> np.ndarray:
        found = np.zeros(len(values), bool)
        for one in wanted:
            off = np.abs(values - one)
            found |= np.minimum(off, cycle - off % cycle if cycle else off) <= self.tolerance
        return found

    def _in_phase(self, times: np.ndarray) -> np.ndarray:
        return self._near((times - self.anchor) % self.period, self.offsets, self.period)

    def _inside(self, times: np.ndarray) -> np.ndarray:
        """Beats between each two neighbours."""
        first = self._number(times[:-1] + self.tolerance)
        last = self._number(times[1:] - self.tolerance - 1)
        return np.maximum(last - first, 0)

    def steps_fit(self, times: np.ndarray) -> np.ndarray:
        """As Cadence; 12 hours fit 00, 06 and 12 each day only from 12 to 00."""
        fits = self._near(np.diff(times), sorted(set(self._steps)))
        return fits & ((self._inside(times) == 0) | ~self._in_phase(times[:-1]))

    def on_beat(self, times: np.ndarray) -> np.ndarray:
        """As Cadence."""
        found = self._in_phase(times)
        if len(self.offsets) == 1 and self.period > DAY:  # a rhythm of days that starts anew, each year for one
            found[1:] |= self.steps_fit(times)
        return found

    def hour_fits(self, times: np.ndarray) -> np.ndarray:
        """As Cadence."""
        if self.period % DAY and DAY % self.period:
            return np.ones(len(times), bool)
        cycle = min(self.period, DAY)
        hours = {(self.anchor + offset) % cycle for offset in self.offsets}
        return self._near(times % cycle, sorted(hours), cycle)

    def n_between(self, times: np.ndarray) -> np.ndarray:
        """As Cadence; counted from the earlier of the two, whatever its phase, where all steps are the same."""
        if len(self.offsets) == 1:
            steps = np.diff(times)
            return np.maximum((2 * steps + self.period) // (2 * self.period) - 1, 0)
        return np.where(self.steps_fit(times), 0, self._inside(times))

    def _number(self, times: np.ndarray) -> np.ndarray:
        """Beats up to each time, from an arbitrary one."""
        rounds, phase = np.divmod(times - self.anchor, self.period)
        return rounds * len(self.offsets) + np.searchsorted(np.array(self.offsets), phase, side="right")

    def labels_between(self, before: int, after: int, most: int) -> list[str]:
        """As Cadence."""
        n = int(self.n_between(np.array([before, after]))[0])
        if len(self.offsets) == 1:
            times = before + self.period * np.arange(1, min(n, most) + 1)
        else:
            first = int(self._number(np.array([before + self.tolerance]))[0])
            rounds, place = np.divmod(first + np.arange(min(n, most)), len(self.offsets))
            times = self.anchor + rounds * self.period + np.array(self.offsets)[place]
        return labels(times, self.calendar)


@dataclass(frozen=True)
class Months:
    """One time in every `count` months of the calendar, on whatever day."""

    count: int
    calendar: str

    def _numbers(self, times: np.ndarray) -> np.ndarray:
        found = dates(times, self.calendar)
        return found.year * 12 + found.month - 1

    def steps_fit(self, times: np.ndarray) -> np.ndarray:
        """As Cadence."""
        return np.diff(self._numbers(times)) == self.count

    def on_beat(self, times: np.ndarray) -> np.ndarray:
        """As Cadence: any day will do."""
        return np.ones(len(times), bool)

    def hour_fits(self, times: np.ndarray) -> np.ndarray:
        """As Cadence: middles of months fall on noon and midnight by turns."""
        return np.ones(len(times), bool)

    def n_between(self, times: np.ndarray) -> np.ndarray:
        """As Cadence."""
        return np.maximum(np.diff(self._numbers(times)) // self.count - 1, 0)

    def labels_between(self, before: int, after: int, most: int) -> list[str]:
        """As Cadence: on the day of the month of `before`, the 28th at the latest."""
        n = int(self.n_between(np.array([before, after]))[0])
        date = dates(np.array([before]), self.calendar)
        months = self._numbers(np.array([before]))[0] + self.count * np.arange(1, min(n, most) + 1)
        day, second = min(int(date.day[0]), 28), int(date.second[0])
        return [label(m // 12, m % 12 + 1, day, second) for m in months.tolist()]


@dataclass(frozen=True)
class Anniversaries(Months):
    """One time in every `count` months, on the same day of the month."""

    def steps_fit(self, times: np.ndarray) -> np.ndarray:
        """As Cadence."""
        return super().steps_fit(times) & (np.diff(dates(times, self.calendar).day) == 0)


def find_cadence(axis: TimeAxis, times: np.ndarray) -> Cadence | None:
    """The declared rhythm of an axis, else that of most of its times; None where they have none.

    Parameters
    ----------
    axis : TimeAxis
    times : (time,) int64
        Those of the axis that can be decoded, sorted, each once.
    """
    if len(times) == 0:
        return None
    if axis.hours:
        return _declared_hours(axis, times)
    if axis.frequency:
        anchor = axis.declared_range[0] if axis.declared_range else _usual(times % axis.frequency)
        return Beats(axis.frequency, (0,), anchor, axis.calendar)
    return found_cadence(times, axis.calendar)


def _declared_hours(axis: TimeAxis, times: np.ndarray) -> Cadence:
    period = axis.every or DAY
    begin = axis.declared_range[0] // DAY * DAY if axis.declared_range else _usual(times // DAY * DAY % period)
    return Beats(period, tuple(sorted({hour * 3600 for hour in axis.hours or ()})), begin, axis.calendar)


def found_cadence(times: np.ndarray, calendar: str) -> Cadence | None:
    """The rhythm of most of the times, sorted and each once; None if there is none, or too few of them to tell."""
    if len(times) < _FEWEST:
        return None
    steps = np.diff(times)
    regular = _regular(times, steps, calendar)
    if regular is not None and regular.steps_fit(times).all():
        return _yearly(regular, calendar) or regular
    if np.median(steps) >= _MONTHLY:
        return _monthly(times, calendar) or regular
    daily = _daily(times, calendar, often_enough=1 if regular is None else _REPEATS)
    candidates = [c for c in (regular, daily) if c is not None]
    return min(candidates, key=lambda c: _misfit(c, times), default=None)


def _misfit(cadence: Cadence, times: np.ndarray) -> int:
    """Expected times that are not there, and times that are not expected."""
    return int(cadence.n_between(times).sum()) + int((~cadence.on_beat(times)).sum())


def _regular(times: np.ndarray, steps: np.ndarray, calendar: str) -> Beats | None:
    step = _rounded(_usual(steps))
    cadence = Beats(step, (0,), _usual(times % step), calendar)
    return cadence if cadence.steps_fit(times).mean() >= _MOST else None


def _daily(times: np.ndarray, calendar: str, often_enough: int) -> Beats | None:
    """The same hours on most days, each on some days at least, the days evenly spaced."""
    days = np.unique(times // DAY)
    if len(days) < 2:
        return None
    gaps = np.diff(days)
    gap = _usual(gaps)
    hours, often = np.unique(times % DAY, return_counts=True)
    kept = hours[often >= _MOST * len(days)]
    if often[often >= _MOST * len(days)].min(initial=often_enough) < often_enough:
        return None
    if (gaps == gap).mean() < _MOST or not 0 < len(kept) <= _HOURS_OF_A_DAY:
        return None
    return Beats(gap * DAY, tuple(kept.tolist()), _usual(days % gap) * DAY, calendar)


def _monthly(times: np.ndarray, calendar: str) -> Months | None:
    found = dates(times, calendar)
    steps = np.diff(found.year * 12 + found.month)
    count = _usual(steps)
    return Months(count, calendar) if count > 0 and (steps == count).mean() >= _MOST else None


def _yearly(regular: Beats, calendar: str) -> Anniversaries | None:
    """Steps of 365 days wander where some years have 366: times of another calendar were taken for those of this."""
    years, rest = divmod(regular.period, _YEAR)
    return Anniversaries(12 * years, calendar) if years and not rest and calendar in _WITH_LEAP_YEARS else None


def _rounded(step: int) -> int:
    """A step that a few seconds of rounding part from whole minutes: those minutes."""
    minutes = round(step / 60) * 60
    return minutes if 0 < abs(minutes - step) <= step // 1000 else step


def _usual(values: np.ndarray) -> int:
    """The most common value; the smallest of several."""
    found, often = np.unique(values, return_counts=True)
    return int(found[np.argmax(often)])
