"""Lags of the diurnal cycle: known shifts are found, whatever the order of times and parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.relations.clean import clean_context, cosine_of_zenith

from dqwatch.metrics.relations import Context
from dqwatch.metrics.relations.phases import CELLS, SHIFTS, Phase, SunshinePhase, WarmthPhase, pick_cells
from dqwatch.metrics.relations.sun import find_sun

START = float(np.datetime64("2021-04-06T00", "s").astype(np.int64))
"""In April mean noon, which the formulas of the tests use, is true noon to within three minutes."""
TOWN = (np.array([52.0, 52.3, 51.8]), np.array([13.0, 13.4, 14.1]))
GLOBE = clean_context(18, 36)


def at(place: tuple[np.ndarray, np.ndarray], hour: float, period: float | None) -> Context:
    return Context(*place, seconds=START + 3600 * hour, period_h=period)


def sunshine(context: Context, hours: float, late: float, seed: int = 0) -> np.ndarray:
    """Energy from the sun under passing clouds, of a time `late` hours ago, J m-2; by formulas of the tests' own."""
    shifted = Context(context.latitudes, context.longitudes, seconds=context.seconds - 3600 * late)
    moments = np.linspace(0, hours, 25)[1:] - hours / 48
    mean = np.mean([np.clip(cosine_of_zenith(shifted, h), 0, None) for h in moments], axis=0)
    clouds = np.random.default_rng([seed, int(context.seconds)]).uniform(0.4, 0.8, mean.size)
    return 1361 * 3600 * hours * mean * clouds


def gather(
    late: float, *, hours: float, every: float, days: float, place: tuple[np.ndarray, np.ndarray] = TOWN
) -> Phase:
    phase = SunshinePhase()
    for hour in np.arange(0, 24 * days, every):
        context = at(place, hour, hours)
        phase.add(sunshine(context, hours, late), context)
    return phase


@pytest.mark.parametrize(("hours", "every"), [(1.0, 1.0), (1.0, 3.0), (3.0, 3.0), (6.0, 6.0)])
@pytest.mark.parametrize("late", [0.0, 1.0, -1.0, 3.0, -6.0, 12.0])
def test_a_lag_of_sunshine_is_found(hours: float, every: float, late: float) -> None:
    found = gather(late, hours=hours, every=every, days=20).finish()
    lag = (found.worst - late + 12) % 24 - 12
    assert lag == pytest.approx(0, abs=0.2)
    assert found.n_violations == (found.n_checked if late else 0)
    assert found.n_checked == 3 * round(20 * 24 / every)


@pytest.mark.parametrize("late", [0.0, 2.0, -3.0])
def test_one_global_field_is_enough(late: float) -> None:
    place = GLOBE.latitudes, GLOBE.longitudes
    found = gather(late, hours=6.0, every=24.0, days=1, place=place).finish()
    assert found.worst == pytest.approx(late, abs=0.2)
    assert found.n_checked == CELLS
    assert bool(found.n_violations) == bool(late)


def test_correlations_are_those_of_numpy() -> None:
    phase = SunshinePhase()
    suns, values = [], []
    for hour in np.arange(0, 96, 3):
        context = at(TOWN, hour, 0.0)
        field = sunshine(at(TOWN, hour, 0.0), 1.0, 0.0) / 3600
        field[hour == 12] = np.nan
        phase.add(field, context)
        sun = find_sun(context.seconds)
        lat, dec = np.radians(TOWN[0])[:, None], math.radians(sun.latitude)
        angle = np.radians(TOWN[1][:, None] - sun.longitude + 15 * SHIFTS)
        cosine = np.clip(np.sin(lat) * math.sin(dec) + np.cos(lat) * math.cos(dec) * np.cos(angle), 0, None)
        known = np.isfinite(field)
        suns.append(cosine[known])
        values.append(field[known])
    expected = [np.corrcoef(s, np.concatenate(values))[0, 1] for s in np.concatenate(suns).T]
    np.testing.assert_allclose(phase.correlations(), expected, atol=1e-8)


def test_nothing_is_told_of_what_cannot_be_known() -> None:
    context = at(TOWN, 12, 1.0)
    field = sunshine(context, 1.0, 0.0)
    for blind in (
        at(TOWN, 12, None),
        at(TOWN, 12, 24.0),
        Context(*TOWN, period_h=1.0),
        Context(seconds=START, period_h=1.0),
    ):
        phase = SunshinePhase()
        phase.add(field, blind)
        phase.add(np.full(3, np.nan), context)
        assert phase.finish().n_checked == 0
    assert SunshinePhase().finish().n_checked == 0
    assert gather(0.0, hours=1.0, every=1.0, days=3).finish().n_checked == 0  # too short for a small place
    noise = SunshinePhase()
    for hour in range(240):
        noise.add(np.random.default_rng(hour).normal(size=3) * 1e6, at(TOWN, hour, 1.0))
    assert noise.finish().n_checked == 0
    nights = SunshinePhase()
    for day in range(9):
        nights.add(np.zeros(3), at(TOWN, 24.0 * day, 1.0))
    assert nights.finish().n_checked == 0


def warmth(place: tuple[np.ndarray, np.ndarray], hour: float, late: float, swing: float = 4.0) -> np.ndarray:
    """Warmest at 14.5 h mean solar time; places differ in mean and swing, weather is noise."""
    lat, lon = place
    local = (hour - late + lon / 15) % 24
    noise = np.random.default_rng([int(hour), 1]).normal(0, 1, lat.size)
    return 285 - 0.3 * lat + swing * (1 + 0.5 * np.sin(lon)) * np.cos(2 * np.pi * (local - 14.5) / 24) + noise


@pytest.mark.parametrize("late", [0.0, 4.0, -4.0, 6.0, 11.5])
@pytest.mark.parametrize("hours", [[0, 6, 12, 18], [0, 6], list(range(24))])
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_lag_of_warmth_is_found(late: float, hours: list[int], everywhere: bool) -> None:
    place = (GLOBE.latitudes, GLOBE.longitudes) if everywhere else TOWN
    phase = WarmthPhase()
    for day in range(30):
        for hour in hours:
            now = 24.0 * day + hour
            phase.add(warmth(place, now, late), at(place, now, 0.0))
    found = phase.finish()
    if len(hours) == 2 and not everywhere:
        assert found.n_checked == 0  # two times of the day do not determine a phase
        return
    assert (found.worst - late + 12) % 24 - 12 == pytest.approx(0, abs=0.3)
    assert found.n_checked == 30 * len(hours) * min(CELLS, place[0].size)
    assert bool(found.n_violations) == bool(late)


def test_no_daily_cycle_has_no_phase() -> None:
    phase = WarmthPhase()
    assert phase.finish().n_checked == 0
    for hour in range(0, 960, 6):
        phase.add(warmth(TOWN, hour, 0.0, swing=0.0) * 0.01 + 280, at(TOWN, hour, 0.0))
    assert phase.finish().n_checked == 0
    unknown = WarmthPhase()
    unknown.add(np.ones(3), Context(seconds=START))
    unknown.add(np.ones(3), Context(*TOWN))
    assert unknown.finish().n_checked == 0


def test_warmth_against_least_squares() -> None:
    """All cells about means of their own, some values missing: the phase of a regression with a column per cell."""
    phase, rows, values = WarmthPhase(), [], []
    for hour in range(0, 480, 5):
        field = warmth(TOWN, hour, 1.0)
        field[hour % 3] = np.nan if hour % 2 else field[hour % 3]
        context = at(TOWN, hour, 0.0)
        phase.add(field, context)
        for cell in range(3):
            if math.isfinite(field[cell]):
                angle = math.radians(TOWN[1][cell] - find_sun(context.seconds).longitude)
                rows.append([math.cos(angle), math.sin(angle), *(float(cell == k) for k in range(3))])
                values.append(field[cell])
    along, across = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0][:2]
    peak = 12 + math.degrees(math.atan2(across, along)) / 15
    assert phase.finish().worst == pytest.approx(peak - 14.5, abs=1e-6)


@settings(max_examples=30)
@given(st.permutations(range(12)), st.integers(0, 12), st.sampled_from([SunshinePhase, WarmthPhase]))
def test_neither_order_nor_parts_matter(order: list[int], cut: int, make: type) -> None:
    def added(times: list[int]) -> Phase:
        phase = make()
        for k in times:
            context = at(TOWN, 11.0 * k, 1.0)
            phase.add(sunshine(context, 1.0, 0.0) if make is SunshinePhase else warmth(TOWN, 11.0 * k, 0.0), context)
        return phase

    whole = added(list(range(12))).finish()
    first, second = added(order[:cut]), added(order[cut:])
    first.merge(second)
    assert first.finish() == whole
    assert whole.n_checked == 36


def test_a_few_cells_stand_for_all() -> None:
    np.testing.assert_array_equal(pick_cells(5), np.arange(5))
    for n_lat, n_lon in ((721, 1440), (4096, 8192), (64, 128), (180, 360)):
        cells = pick_cells(n_lat * n_lon)
        assert cells.size == CELLS
        assert cells.min() >= 0
        assert cells.max() < n_lat * n_lon
        rows, columns = np.divmod(cells, n_lon)
        # Eight parts of the globe in each direction hold about as many.
        for part, n in ((rows, n_lat), (columns, n_lon)):
            counts = np.bincount(part * 8 // n, minlength=8)
            assert counts.min() > 0.5 * CELLS / 8
