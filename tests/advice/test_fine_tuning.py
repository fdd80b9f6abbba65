"""The learning rate that is suggested, against its formula written out here."""

from __future__ import annotations

import math

import numpy as np
import pytest
from advice.cases import training, variable_source
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.advice.fine_tuning import REFERENCE, advise, count_independent, learning_rate, total_departure
from dqwatch.advice.layouts import tell_rate
from dqwatch.advice.mismatch import Mismatch
from dqwatch.advice.shares import weigh
from dqwatch.advice.statistics import Statistics

NULL = (0.0, 0.0, 0.04, 0.08, 0.12)  # median .04, edge sqrt(quantile) below
EDGE = float(np.quantile(np.sqrt([0, 0, 0, 0.04, 0.08]), 0.95))
MANY = 10**6


def test_ends_and_middle_of_the_range():
    high = 3.125e-5 / 4
    assert learning_rate(0.0, MANY, None) == pytest.approx(8e-7)
    assert learning_rate(1e9, MANY, None) == pytest.approx(high)
    assert learning_rate(1.0, MANY, None) == pytest.approx(math.sqrt(8e-7 * high))
    assert learning_rate(1.0, MANY, 0.625e-4) == pytest.approx(math.sqrt(8e-7 * 0.625e-4 / 4))
    assert learning_rate(0.0, round(REFERENCE / 4), None) == pytest.approx(4e-7, rel=0.01)
    assert learning_rate(3.0, MANY, 1e-6) == pytest.approx(2.5e-7), "never above a quarter of the pre-training rate"


@given(st.floats(0, 1e3), st.integers(1, 10**5), st.floats(1e-6, 1e-2))
def test_the_rate_is_bounded_and_grows_with_departure_and_data(departure, n, pretraining):
    rate = learning_rate(departure, n, pretraining)
    assert 0 < rate <= pretraining / 4 * (1 + 1e-12)
    assert learning_rate(departure * 1.5, n, pretraining) >= rate * (1 - 1e-12)
    assert learning_rate(departure, n + 1, pretraining) >= rate


def test_the_total_departure_is_weighted_by_the_loss():
    statistics = [Statistics(0, 1, 0, 1, 0.5), Statistics(0, 1, 0, 1, 0.1), Statistics(0, 1, 0, 1, 0.3)]
    weighed, _ = weigh(variable_source(["2t", "msl", "sp"]), statistics, training("head"))
    found = {"2t": Mismatch(0.04 + 4 * EDGE**2, NULL, 1.0), "msl": Mismatch(0.04 + EDGE**2, NULL, 1.0)}
    parts = 0.5 * 0.25, 1.0 * 0.01  # weight x tendency^2 / scale^2
    expected = math.sqrt((parts[0] * 4 + parts[1] * 1) / sum(parts))
    assert total_departure(weighed, found) == pytest.approx(expected)
    assert math.isnan(total_departure(weighed, {}))
    assert advise(weighed, {}, np.arange(3), None) is None


def test_states_closer_than_five_days_are_not_new_ones():
    day = 86400
    assert count_independent(np.arange(0, 40 * day, day // 4)) == 8
    assert count_independent(np.array([0, 5 * day, 10 * day - 1, 10 * day])) == 3
    assert count_independent(np.array([], np.int64)) == 0


def test_the_advice_says_what_it_is():
    weighed, _ = weigh(variable_source(["2t"]), [Statistics(0, 1, 0, 1, 0.5)], training("head"))
    found = advise(weighed, {"2t": Mismatch(0.04 + EDGE**2, NULL, 1.0)}, np.arange(100) * 5 * 86400, 3.125e-5)
    assert found is not None
    rate = math.sqrt(8e-7 * 3.125e-5 / 4) * math.sqrt(100 / REFERENCE)
    assert found["heuristic"] is True
    assert found["sweep"] == pytest.approx([rate / 3, rate, rate * 3])
    assert found["old_data"] == 0.5
    lines = " ".join(tell_rate(found, "head"))
    assert "heuristic" in lines
    assert f"training.optimization.lr = {rate / 3:.2g}, {rate:.2g}, {rate * 3:.2g};" in lines
    assert "training.lr.rate" in " ".join(tell_rate(found, "aifs1"))
    assert tell_rate(None, "head") == []
