"""Persistent departures and their null, against sums in float64 over a climate that is known exactly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from baselines.training_data import LAT, grid
from metrics.fake_source import FakeSource, axis_of

from dqwatch.advice.mismatch import _windows, measure
from dqwatch.baselines.scorer import Moment
from dqwatch.errors import UsageError
from dqwatch.types import Variable

DAY = 86400
YEARS = (2001, 2002, 2003, 2005, 2006, 2007)
"""So many days before 2011 that whole years, rounded to days, are calendar years."""
N_YEARS = len(YEARS)
CYCLES = 24
MEAN = 280 + 10 * np.sin(np.radians(LAT))
SD = 2 + np.cos(np.radians(LAT))


class ExactClimate:
    """A climate of one hour without seasons."""

    def expect(self, layout: Any, phi: Any, hour: int, buffers: Any) -> Any:
        return SimpleNamespace(mean=MEAN, sd=SD)


def baseline() -> Any:
    weights = grid().area_weights
    return SimpleNamespace(
        variables=("t", "lsm", "gone"),
        units=("K", "", ""),
        grid=grid(),
        climates={"state": [ExactClimate(), None, ExactClimate()]},
        layout=SimpleNamespace(place=SimpleNamespace(weights=weights)),
        record={"years": N_YEARS},
        check_grid=lambda *_: None,
        moments=lambda seconds: [Moment(np.ones(1), 0) for _ in seconds],
    )


def source(values: np.ndarray, seconds: np.ndarray, units: str = "K") -> FakeSource:
    return FakeSource({Variable("t", "t", "t", units=units): values}, axis=axis_of(seconds), grid=grid())


def days(year: int, n: int = CYCLES) -> np.ndarray:
    first = np.datetime64(f"{year}-06-01T06", "s").astype(np.int64)
    return first + np.arange(n) * DAY


def drawn(rng: np.random.Generator, n: int, shift: float = 0.0) -> np.ndarray:
    return (MEAN + SD * (rng.standard_normal((n, LAT.size)) + shift)).astype(np.float32)


def by_hand(values: np.ndarray) -> float:
    z = ((values.astype(np.float64) - MEAN) / SD).mean(axis=0)
    weights = grid().area_weights
    assert weights is not None
    return float(np.sum(weights * z * z))


def test_raw_and_null_by_hand():
    rng = np.random.default_rng(3)
    years = [drawn(rng, CYCLES) for _ in range(N_YEARS)]
    training = source(np.concatenate(years), np.concatenate([days(year) for year in YEARS]))
    new = drawn(rng, CYCLES, shift=0.8)
    new[3, 5] = np.nan
    known = new.copy()
    known[3, 5] = np.nan
    found, seconds = measure(source(new, days(2011)), training, baseline(), workers=1)
    assert list(found) == ["t"], "constants and what one of the two lacks are left out"
    assert seconds.size == CYCLES
    z = (known.astype(np.float64) - MEAN) / SD
    weights = grid().area_weights
    assert weights is not None
    assert found["t"].raw == pytest.approx(float(np.sum(weights * np.nanmean(z, axis=0) ** 2)), rel=1e-5)
    # A training year is 1 of the 6 that made the mean: (1 - 1/6) s^2 where a new one has (1 + 1/6) s^2.
    assert sorted(found["t"].null) == pytest.approx(sorted(by_hand(y) * 7 / 5 for y in years), rel=1e-5)
    assert found["t"].variance == pytest.approx(float(np.sum(weights * SD**2)), rel=1e-6)
    assert found["t"].square > 0.4
    clean, _ = measure(source(drawn(rng, CYCLES), days(2011)), training, baseline(), workers=1)
    assert clean["t"].square < 0.05


def test_other_units_are_not_compared():
    rng = np.random.default_rng(4)
    training = source(drawn(rng, CYCLES), days(2001))
    found, _ = measure(source(drawn(rng, CYCLES), days(2002), units="degC"), training, baseline(), workers=1)
    assert found == {}


def test_few_cycles_are_refused():
    rng = np.random.default_rng(5)
    training = source(drawn(rng, CYCLES), days(2001))
    with pytest.raises(UsageError, match="19 cycles; what stays away from training shows in 20 or more"):
        measure(source(drawn(rng, 19), days(2002, 19)), training, baseline(), workers=1)


def test_windows_are_the_same_days_and_hours_of_each_year():
    known = np.sort(np.concatenate([days(2001), days(2001) + 6 * 3600, days(2003), days(2003) + 6 * 3600]))
    found = _windows(days(2011), known)
    assert len(found) == 2
    for indices, year in zip(sorted(found, key=lambda w: w[0]), (2001, 2003), strict=True):
        np.testing.assert_array_equal(known[indices], days(year))


def test_a_year_that_lacks_many_days_is_no_window():
    known = np.concatenate([days(2001), days(2002)[:15], days(2003) + 3 * 3600])
    (window,) = _windows(days(2011), known)
    np.testing.assert_array_equal(known[window], days(2001))


def test_pairs_every_third_day_are_found():
    """Where training has only every third day, the nearest of the same hour stands for each."""
    known = np.sort(np.concatenate([days(2001, 90)[::3], days(2001, 90)[::3] + 6 * 3600]))
    pairs = np.sort(np.concatenate([days(2005, 90)[1::3], days(2005, 90)[1::3] + 6 * 3600]))
    (window,) = _windows(pairs, known)
    assert window.size == 60


def test_many_years_are_thinned():
    known = np.concatenate([days(1980 + y) for y in range(30)])
    found = _windows(days(2011), known)
    assert len(found) == 12
