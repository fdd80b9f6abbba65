"""Pictures of a long history stay small: what is drawn of it, against what it holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

from dqwatch.reports.html_history_figures import COLUMNS, POINTS, alarm_budget, p_of_cycles, p_of_variables

N = 40 * 1461
"""40 years of 6-hourly cycles."""


def cycles() -> pd.DataFrame:
    times = (np.datetime64("1980-01-01T00") + 6 * np.arange(N)).astype(str)
    p = np.random.default_rng(5).uniform(0, 1, N)
    return pd.DataFrame({"series": "{}", "time": times, "valid_at": times, "p_cycle": p, "variables": "swvl1 swvl2"})


def test_all_alarms_and_some_of_the_other_cycles_are_drawn() -> None:
    rows = cycles()
    figure = p_of_cycles(rows)
    assert figure is not None
    (drawn,) = figure.data
    alarms = rows[rows["p_cycle"] <= 0.01]
    assert len(alarms) < POINTS
    shown = dict(zip(np.asarray(drawn.x, str).tolist(), np.asarray(drawn.y).tolist(), strict=True))
    assert len(shown) == len(alarms) + POINTS
    assert all(shown[t] == max(p, 1e-4) for t, p in zip(alarms["time"], alarms["p_cycle"], strict=True))
    assert drawn.name == f"cycles ({len(shown):,} of {N:,})"
    assert list(drawn.x) == sorted(drawn.x)
    assert len(figure.to_json()) < 1e6


def test_of_many_alarms_the_lowest_are_drawn() -> None:
    rows = cycles().assign(p_cycle=lambda t: t["p_cycle"] / 100)
    figure = p_of_cycles(rows)
    assert figure is not None
    assert len(figure.data[0].x) == POINTS
    lowest = np.sort(rows["p_cycle"].to_numpy())[POINTS - 1]
    assert np.asarray(figure.data[0].y).max() == max(lowest, 1e-4)


def test_few_cycles_are_all_drawn() -> None:
    figure = p_of_cycles(cycles().iloc[:100])
    assert figure is not None
    assert len(figure.data[0].x) == 100
    assert figure.data[0].name == "cycles"


def test_every_alarm_that_was_spent_is_a_step() -> None:
    rows = cycles()
    figure = alarm_budget(rows)
    assert figure is not None
    high, low, expected, spent = figure.data
    n = np.searchsorted(rows["time"].to_numpy(), np.asarray(spent.x)) + 1
    alarms = rows["p_cycle"].to_numpy() <= 0.01
    assert np.asarray(spent.y).tolist() == np.cumsum(alarms)[n - 1].tolist()
    assert set(np.flatnonzero(alarms) + 1) <= set(n.tolist())
    np.testing.assert_allclose(expected.y, 0.01 * n)
    assert binom.cdf(np.asarray(high.y)[-1], N, 0.01) >= 0.975 > binom.cdf(np.asarray(low.y)[-1] - 1, N, 0.01)
    assert len(figure.to_json()) < 1e6


def test_many_times_share_a_column_of_the_variables() -> None:
    times = cycles()["time"].iloc[: 2 * COLUMNS + 10]
    p = np.random.default_rng(6).uniform(1e-3, 1, times.size)
    drift = pd.DataFrame({"series": "{}", "variable": "t", "time": times, "valid_at": times, "p_value": p})
    figure = p_of_variables(drift, [({}, "t")])
    assert figure is not None
    (heat,) = figure.data
    padded = np.append(p, np.ones(-p.size % 3)).reshape(-1, 3)
    np.testing.assert_allclose(np.asarray(heat.z)[0], -np.log10(padded.min(axis=1)))
    assert list(heat.x) == times.iloc[::3].tolist()
    assert figure.layout.xaxis.title.text == "the least p of 3 times each"
