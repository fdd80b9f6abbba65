"""Tails, steps, dates, sources and stalls against computations of their own."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal, stats

from dqwatch.learning import dating, parting
from dqwatch.learning.history import find_spikes, longest_still
from dqwatch.learning.tails import fit_tail, for_many, kolmogorov
from examples.loss_series import NOISE, make_dates, make_losses


def test_the_tail_is_that_of_what_it_was_fitted_to() -> None:
    rng = np.random.default_rng(0)
    heavy = fit_tail(stats.genpareto.rvs(0.2, size=50_000, random_state=rng))
    assert heavy is not None
    assert heavy.shape == pytest.approx(0.2, abs=0.06)
    for p in (1e-3, 1e-5):
        assert heavy.p_value(np.array([stats.genpareto.isf(p, 0.2)]))[0] == pytest.approx(p, rel=0.6)
    light = fit_tail(rng.normal(size=50_000))
    assert light is not None
    assert (light.p_value(stats.norm.isf([1e-4, 1e-6])) >= [1e-4, 1e-6]).all(), "never rarer than it is"
    assert light.p_value(np.array([0.0, np.nan])).tolist()[0] == 1.0


def test_a_few_far_values_do_not_bend_the_tail() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    clean = fit_tail(values)
    values[:20] = 50.0
    spoilt = fit_tail(values)
    assert clean is not None
    assert spoilt is not None
    assert spoilt.p_value(np.array([6.0]))[0] < 20 * clean.p_value(np.array([6.0]))[0] < 1e-4
    assert spoilt.p_value(np.array([50.0]))[0] < 1e-7
    assert fit_tail(values[:400]) is None
    assert fit_tail(np.ones(1000)) is None


def test_probabilities_against_scipy() -> None:
    for x in (0.3, 0.8, 1.36, 2.5):
        assert kolmogorov(x) == pytest.approx(stats.kstwobign.sf(x), abs=1e-9)
    assert kolmogorov(0.1) == pytest.approx(stats.kstwobign.sf(0.1))
    assert for_many(1e-9, 1000) == pytest.approx(1e-6, rel=1e-5)
    assert for_many(1.0, 3) == 1


def test_a_spike_is_above_what_is_before_and_after() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, (600, 2))
    values[300, 0] += 3
    values[400:, 1] += 3
    found = find_spikes(values)
    assert np.argwhere(found.p_value < 1e-3).tolist() == [[300, 0]]
    before, after = np.median(values[250:300, 0]), np.median(values[301:308, 0])
    assert found.factor[300, 0] == pytest.approx(values[300, 0] - max(before, after))
    apart = [abs(values[i, 0] - np.median(values[i - 50 : i, 0])) for i in range(100, 300)]
    assert found.rise[300, 0] == pytest.approx(found.factor[300, 0] / (1.4826 * np.median(apart)))
    assert np.isnan(found.p_value[:80]).all()


def test_runs_of_equal_losses() -> None:
    losses = np.array([[1, 2, np.nan], [1, 3, np.nan], [np.nan, 3, np.nan], [1, 3, np.nan], [2, 4, np.nan]])
    assert longest_still(losses).tolist() == [3, 3, 0]


def test_the_date_is_found_where_losses_change() -> None:
    rng = np.random.default_rng(5)
    dates = np.datetime64("2001-01-01", "s") + rng.permutation(1000) * np.timedelta64(86400, "s")
    left = rng.normal(size=(1000, 1)) + (dates >= np.datetime64("2002-06-01"))[:, None]
    (found,) = dating.find_dates(left, [(d,) for d in dates])
    at = dating.in_order([(d,) for d in dates])[found.at]
    assert abs(at - np.datetime64("2002-06-01")) < np.timedelta64(15, "D")
    assert found.p_value < 1e-6
    assert found.by == pytest.approx(1, abs=0.2)


def test_samples_that_come_again_every_epoch_tell_nothing_new() -> None:
    rng = np.random.default_rng(7)
    own = np.datetime64("2001-01-01", "s") + np.arange(300) * np.timedelta64(6, "h")
    of_date = rng.normal(size=300)
    orders = [rng.permutation(300) for _ in range(8)]
    (once,) = dating.find_dates(of_date[orders[0]][:, None], [(own[i],) for i in orders[0]])
    drawn = np.concatenate(orders)
    (often,) = dating.find_dates(of_date[drawn][:, None], [(own[i],) for i in drawn])
    assert often.p_value == pytest.approx(once.p_value)
    assert often.at == once.at
    (few,) = dating.find_dates(of_date[drawn % 100][:, None], [(own[i],) for i in drawn % 100])
    assert math.isnan(few.p_value), "100 dates, however often they come"


def test_dates_near_one_another_are_alike_without_an_alarm() -> None:
    """Weather lasts: of 40 series with memory 4 may be below .01; with dates taken as independent most would be."""
    rng, alarms = np.random.default_rng(8), 0
    own = np.datetime64("2001-01-01", "s") + np.arange(1500) * np.timedelta64(6, "h")
    for _ in range(40):
        of_date = signal.lfilter([1], [1, -0.8], rng.normal(size=1600))[100:]
        order = rng.permutation(1500)
        (found,) = dating.find_dates(of_date[order][:, None], [(own[i],) for i in order])
        alarms += found.p_value < 0.01
    assert alarms <= 4


def test_the_long_run_variance_is_that_of_newey_and_west() -> None:
    values = signal.lfilter([1], [1, -0.5], np.random.default_rng(9).normal(size=64))
    products = np.correlate(values, values, "full")[63:] / 64
    weights = np.clip(1 - np.arange(64) / 9, 0, None)  # 2 * 64 ** (1 / 3), rounded up, is 8
    assert dating._long_run_variance(values) == pytest.approx(products[0] + 2 * (products * weights)[1:].sum())


def test_the_source_is_compared_as_welch_does() -> None:
    rng = np.random.default_rng(6)
    sources = rng.choice(["a", "b"], 800)
    left = rng.normal(size=(800, 1)) + 0.2 * (sources == "b")[:, None]
    (found,) = parting.find_sources(left, sources.tolist())
    own, rest = left[sources == "b", 0], left[sources == "a", 0]
    z = (own.mean() - rest.mean()) / math.sqrt(own.var() / own.size + rest.var() / rest.size)
    assert found.p_value == pytest.approx(1 - (1 - stats.norm.sf(z)) ** 2)
    assert found.at == 1


@pytest.mark.parametrize("noise", NOISE)
def test_false_alarms_of_clean_series_are_as_rare_as_they_say(noise: str) -> None:
    """20 series: more than 3 below .01 in any of the five tests would be one chance in 1,000 each."""
    alarms = np.zeros(5)
    for seed in range(20):
        _, losses = make_losses(seed, n=800, n_variables=8, noise=noise)
        values, dates = np.log(losses), make_dates(seed, 800)
        sources = np.random.default_rng(seed).choice(["a", "b"], 800).tolist()
        steps = parting.settle(values, parting.find_steps)
        found = [
            np.nanmin(find_spikes(values).p_value),
            min(one.p_value for one in steps),
            min(one.p_value for one in parting.settle(values, lambda b, d=dates: dating.find_dates(b.left, d))),
            min(one.p_value for one in parting.settle(values, lambda b, s=sources: parting.find_sources(b.left, s))),
            min(one.p_value for one in parting.find_stalls(values)),
        ]
        alarms += np.array(found) < 0.01
    assert (alarms <= 3).all(), alarms
