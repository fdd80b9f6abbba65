"""Calibration: p-values of the null are uniform, nothing is fitted to what it judges, exact checks and presence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dqwatch.baselines.ledger import Ledger
from dqwatch.departures.calibration import Calibration, quasi_constant
from dqwatch.departures.naming import adjust
from dqwatch.departures.tails import fit_side
from dqwatch.scores import Score

SCORES = (Score("mean", "state"), Score("ms", "state"), Score("step_ms", "step"), Score("share", "state", True, 1.0))
VARIABLES = 3


def cycles(seed: int, years: int, per_year: int = 73, *, persistence: float = 0.6) -> Ledger:
    """Scores with a season, an anomaly of each year, memory, and correlations within and among variables."""
    rng = np.random.default_rng(seed)
    n = years * per_year
    year = np.repeat(np.arange(years), per_year)
    fraction = np.tile(np.arange(per_year) / per_year, years)
    shape = (VARIABLES, len(SCORES))
    mixing = rng.normal(size=(VARIABLES * len(SCORES),) * 2) * 0.2 + np.eye(VARIABLES * len(SCORES))
    noise = rng.standard_normal((n, VARIABLES * len(SCORES))) @ mixing
    for k in range(1, n):
        noise[k] += persistence * noise[k - 1]
    anomaly = 0.3 * rng.standard_normal((years, VARIABLES * len(SCORES)))[year]
    season = np.sin(2 * np.pi * fraction)[:, None]
    scores = (noise + anomaly + season).reshape(n, *shape).astype(np.float32)
    scores[:, :, 3] = -9.0
    groups = year * 5 // years
    whole = np.zeros(n, np.int64)
    seconds = (year * 365 + np.rint(fraction * 365).astype(np.int64)) * 86400
    areas = np.zeros((n, VARIABLES, 0), np.int8)
    return Ledger(seconds, year, groups, groups, whole, fraction, whole, scores, areas)


def judge(null: Ledger, new: Ledger, present: np.ndarray | None = None):
    present = np.ones((VARIABLES, len(SCORES)), bool) if present is None else present
    return Calibration(null, SCORES, present).judge(new.scores, new.fractions, new.hours)


def test_rates_of_false_alarms_are_the_nominal_ones() -> None:
    """20 histories, 20 years of null and 8 new ones each: 11,680 cycles, dependent ones; 0.5 to 2 x nominal."""
    p = []
    for seed in range(20):
        history = cycles(seed, 28)
        old = history.years < 20
        null = history.take(old)
        null = Ledger(
            *(null.years * 5 // 20 if n == "groups" else getattr(null, n) for n in Ledger.__dataclass_fields__)
        )
        p.append(judge(null, history.take(~old)).p_cycle)
    rates = [float(np.mean(np.concatenate(p) <= level)) for level in (0.05, 0.01)]
    assert 0.025 <= rates[0] <= 0.1
    assert 0.005 <= rates[1] <= 0.02


def test_p_values_are_cross_conformal() -> None:
    """Each group of the null counts by a fit that has seen neither it nor the new cycle, made here by itself."""
    history = cycles(3, 12)
    null, new = history.take(history.years < 11), history.take(history.years == 11)
    present = np.ones((VARIABLES, len(SCORES)), bool)
    made = Calibration(null, SCORES, present)
    found = made.judge(new.scores, new.fractions, new.hours)
    larger = np.zeros((new.size, 1 + VARIABLES))
    for group, one in zip(np.unique(null.groups), made._null.fits, strict=True):
        values = new.scores.reshape(new.size, -1)[:, made._columns].astype(float)
        own = one.departures(values, made._functions_of(new.fractions, new.hours)) / made._null.scale
        own = own.reshape(new.size, VARIABLES, -1).max(axis=2)
        held = made._null.departures[null.groups == group]
        for k in range(new.size):
            larger[k, 0] += sum(held.max(axis=1) >= own[k].max())
            larger[k, 1:] += (held >= own[k]).sum(axis=0)
    expected = (1 + larger) / (null.size + 1)
    assert found.p_cycle == pytest.approx(expected[:, 0], rel=1e-12)
    assert found.p_value == pytest.approx(expected[:, 1:], rel=1e-12)


def test_a_fault_in_one_score_of_one_variable_is_beyond_the_null_and_named() -> None:
    history = cycles(1, 25)
    new = history.take(history.years == 24)
    new.scores[:, 1, 0] += 25.0
    found = judge(history.take(history.years < 24), new)
    n = 24 * 73
    assert found.null_size == n
    assert found.null_years == 24
    assert np.allclose(found.p_cycle, 1 / (n + 1))
    assert np.allclose(found.p_value[:, 1], 1 / (n + 1))
    assert (found.leading[:, 1] == 0).all()
    assert (found.departure[:, 1] > 1).all()
    q = np.stack([adjust(p) for p in found.p_value])
    assert (q[:, 1] <= 0.1).all()
    assert (found.p_value[:, [0, 2]] > 0.01).mean() > 0.9


def test_the_null_has_only_the_scores_and_variables_that_are_present() -> None:
    """A variable and a kind of score that the state lacks leave no trace: as if they had never been in the ledger."""
    history = cycles(2, 12)
    null, new = history.take(history.years < 11), history.take(history.years == 11)
    present = np.ones((VARIABLES, len(SCORES)), bool)
    present[2], present[:, 2] = False, False
    found = judge(null, new, present)
    other = null.take(np.arange(null.size))
    other.scores[:, 2] = np.random.default_rng(0).normal(size=other.scores[:, 2].shape)
    other.scores[:, :, 2] = 7.0
    assert np.array_equal(found.p_cycle, judge(other, new, present).p_cycle)
    assert np.isnan(found.p_value[:, 2]).all()
    assert np.isfinite(found.p_value[:, :2]).all()


def test_cycles_that_lack_a_score_leave_the_null() -> None:
    history = cycles(3, 12)
    null, new = history.take(history.years < 11), history.take(history.years == 11)
    null.scores[::2, :, 2] = np.nan
    assert judge(null, new).null_size == (null.size // 2)
    without = np.ones((VARIABLES, len(SCORES)), bool)
    without[:, 2] = False
    assert judge(null, new, without).null_size == null.size


def test_a_score_that_never_varies_is_an_exact_check_and_silences_nothing() -> None:
    history = cycles(4, 12)
    null, new = history.take(history.years < 11), history.take(history.years == 11)
    new.scores[5, 0, 3] = -7.9
    new.scores[6, 0, 3] = -8.1
    new.scores[7, 0, 0] += 30.0
    found = judge(null, new)
    assert found.violated[5, 0].tolist() == [False, False, False, True]
    assert found.violated.sum() == 1
    assert found.p_cycle[7] == 1 / (null.size + 1)


def test_quasi_constant_scores_are_told() -> None:
    rng = np.random.default_rng(5)
    free = rng.normal(size=400)
    mostly = np.where(rng.random(400) < 0.4, 0.0, free)
    few = rng.integers(0, 5, 400).astype(float)
    assert quasi_constant(np.stack([free, mostly, few, np.ones(400)], axis=1)).tolist() == [False, True, True, True]


def test_of_half_a_year_no_season_is_told() -> None:
    """The centre is that of all cycles: in the other half of the year it is no more than that."""
    history = cycles(7, 8)
    half = history.take(history.fractions < 0.5)
    present = np.ones((VARIABLES, len(SCORES)), bool)
    usual = Calibration(half, SCORES, present).typical(np.array([0.25, 0.75]), np.zeros(2, np.int64))
    assert np.array_equal(usual[0], usual[1], equal_nan=True)
    whole = Calibration(history, SCORES, present).typical(np.array([0.25, 0.75]), np.zeros(2, np.int64))
    assert np.abs(whole[0, :, :3] - whole[1, :, :3] - 2.0).max() < 0.8


def test_nothing_to_compare_gives_no_p() -> None:
    history = cycles(6, 6)
    found = judge(history, history.take(np.arange(3)), np.zeros((VARIABLES, len(SCORES)), bool))
    assert np.isnan(found.p_cycle).all()
    assert found.null_size == 0


@pytest.mark.parametrize("shape", [0.0, 0.2])
def test_the_tail_goes_on_as_the_sample_does(shape: float) -> None:
    """Of 200,000 values with a known tail: -ln p / ln 100 within a tenth, at p from .05 to 1e-5."""
    law = stats.genpareto(shape)
    values = law.rvs(200_000, random_state=7)[:, None]
    p = np.array([0.04, 0.01, 1e-3, 1e-4, 1e-5])
    found = fit_side(values).departures(law.isf(p)[:, None])[:, 0]
    assert found == pytest.approx(-np.log(p) / np.log(100), rel=0.1)


def test_departures_never_fall_with_the_value() -> None:
    values = np.random.default_rng(8).normal(size=(500, 1))
    ladder = np.linspace(-4, 40, 3000)[:, None]
    found = fit_side(values).departures(ladder)[:, 0]
    assert (np.diff(found) >= 0).all()
    assert found[0] == 0
    assert fit_side(values).departures(np.median(values)[None, None])[0, 0] == pytest.approx(0, abs=0.02)


@given(st.lists(st.floats(1e-4, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_scipy(p: list[float]) -> None:
    assert adjust(np.array(p)) == pytest.approx(stats.false_discovery_control(p))


def test_what_has_no_p_value_is_not_counted() -> None:
    found = adjust(np.array([0.01, np.nan, 0.02]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.02])
    assert np.isnan(found[1])
