"""Suggested weights against their formula, written out here; bounds and validity by properties and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from advice.cases import training, variable_source
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.advice.mismatch import Mismatch
from dqwatch.advice.shares import weigh
from dqwatch.advice.statistics import Statistics
from dqwatch.advice.suggestion import combine, factor_of, rescale, suggest

NAMES = ["2t", "swvl1", "msl", "sp"]
STATISTICS = [
    Statistics(280.0, 20.0, 0.0, 1.0, 3.0),
    Statistics(0.2, 0.15, 0.0, 1.0, 0.0045),
    Statistics(1e5, 1000.0, 0.0, 1.0, 300.0),
    Statistics(9e4, 9000.0, 0.0, 1.0, 250.0),
]
NULL = (0.01, 0.02, 0.03, 0.04, 0.05)


def test_the_factor_by_hand():
    # s = .09, d = .3: m = .0081 / .0981 = .0826, which is .1 at least; q = .2: 1 - .8 x .9
    assert factor_of(0.0081, 0.09, 0.0) == pytest.approx(0.1)
    assert factor_of(0.0081, 0.09, 0.2) == pytest.approx(0.28)
    # s = .3, d = .1: m = .09 / .1
    assert factor_of(0.09, 0.01, 0.0) == pytest.approx(0.9)


@given(*[st.floats(0, 1e6)] * 2, st.floats(0, 1))
def test_the_factor_is_bounded_and_never_raises(step, departure, q):
    assert 0.1 <= factor_of(step, departure, q) <= 1


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1), st.floats(0, 10))
def test_more_departure_or_evidence_never_gives_more_weight(step, departure, q, more):
    here = factor_of(step, departure, q)
    assert factor_of(step, departure + more, q) <= here + 1e-12
    assert factor_of(step, departure, q * 0.5) <= here + 1e-12


@given(st.sampled_from(range(3)), st.floats(0, 1))
def test_what_is_unknown_changes_nothing(which, value):
    given_values = [value, value, value]
    given_values[which] = math.nan
    assert factor_of(*given_values) == 1
    assert factor_of(0.0, 0.0, 0.0) == 1


def test_combined_p_values_are_p_values_whatever_their_dependence():
    rng = np.random.default_rng(1)
    trials, n = 4000, 21
    alone = rng.random((trials, n))
    same = np.repeat(rng.random((trials, 1)), n, axis=1)
    # Half of them equal and small together: the hardest case for the median.
    u = rng.random((trials, 1))
    hard = np.where(np.arange(n) < 11, np.where(u < 0.1, u / 2, u), 1.0)
    for p in (alone, same, hard):
        combined = np.array([combine(row.tolist()) for row in p])
        for alpha in (0.01, 0.05, 0.2):
            assert np.mean(combined <= alpha) <= alpha + 3 * math.sqrt(alpha / trials)
    assert combine([0.2, math.nan, 0.01, 0.04]) == pytest.approx(1.5 * 0.04)
    assert combine([0.9, 0.8]) == 1.0
    assert math.isnan(combine([math.nan]))


def test_suggestions_with_their_evidence():
    weighed, _ = weigh(variable_source(NAMES), STATISTICS, training("head"))
    mismatches = {
        "2t": Mismatch(0.03, NULL, 25.0),  # as the median of the null: d = 0
        "swvl1": Mismatch(0.53, NULL, 0.0016),  # d^2 = .5, s^2 = .0045^2 / .0016 = .01265625
        "msl": Mismatch(0.53, (0.1, 0.2), 1e4),  # too few training years
    }
    found = suggest(weighed, mismatches, {"swvl1": 0.001, "2t": 0.5}, {"swvl1": 0.004, "2t": 1.0})
    assert [s.factor for s in found] == [1.0, pytest.approx(1 - 0.996 * 0.9), 1.0, 1.0]
    assert found[1].departure == pytest.approx(math.sqrt(0.5))
    assert found[1].step == pytest.approx(0.1125)
    assert found[1].reason == (
        "swvl1 stays 0.71 standard deviations away from training (5 training years: 0.13 at most, in 95 %) while a "
        "step changes it by 0.11, and its cycles are unlike training (q 0.004): times 0.1."
    )
    assert found[0].reason.endswith("q 1): kept.")
    assert found[2].reason == "msl: too few training years to tell what is usual: kept."
    assert found[3].reason == "sp is not in the baseline or not in the source: kept."
    assert all(s.reason.count(".") >= 1 and "\n" not in s.reason for s in found)


def test_the_median_and_the_edge_of_the_null():
    found = Mismatch(0.5, NULL, 1.0)
    assert found.usual == 0.03
    assert found.square == pytest.approx(0.47)
    roots = np.sqrt([0, 0, 0, 0.01, 0.02])
    assert found.edge == pytest.approx(np.quantile(roots, 0.95))
    assert Mismatch(0.01, NULL, 1.0).square == 0
    assert math.isnan(Mismatch(0.5, (0.1, 0.2), 1.0).square)


def test_rescaling_keeps_the_loss_of_persistence():
    weighed, _ = weigh(variable_source(NAMES), STATISTICS, training("head"))
    wanted = [w.weight * f for w, f in zip(weighed, (1, 0.1, 0.5, 1), strict=True)]
    more = rescale(weighed, wanted)
    share = [w.part("tendency") / w.weight for w in weighed]
    before = math.fsum(w.weight * s for w, s in zip(weighed, share, strict=True))
    assert math.fsum(v * more * s for v, s in zip(wanted, share, strict=True)) == pytest.approx(before)
    assert more > 1
