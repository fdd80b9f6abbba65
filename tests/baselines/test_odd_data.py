"""Odd training data: a baseline is made all the same, and says what it cannot support."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from metrics.fake_source import FakeSource, axis_of, grid_of

from dqwatch.baselines.baseline import build
from dqwatch.departures.judging import judge
from dqwatch.departures.replay import replay

DAY = 86400
N, CELLS = 64, 12


def fields(seed: int = 0, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).normal(280, 5, (n, CELLS)).astype(np.float32)


def spoil(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def made(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        values[np.random.default_rng(1).random(values.shape) < 0.01] = value
        return values

    return made


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 9.96921e36])
def test_absurd_values_leave_the_other_cells_scored(value: float) -> None:
    values = spoil(value)(fields())
    made = build(FakeSource({"x": values}, axis=axis_of(np.arange(N) * DAY)), workers=1)
    assert np.isfinite(made.ledger.scores[:, 0]).any(axis=1).all()
    assert not np.isinf(made.ledger.scores).any()
    clean = FakeSource({"x": fields(9, 3)}, axis=axis_of((N + np.arange(3)) * DAY))
    assert (judge(clean, made).tables["cycles"]["p_cycle"] > 1 / N).any()


def test_a_variable_without_any_value_is_told() -> None:
    data = {"x": fields(), "empty": np.full((N, CELLS), np.nan, np.float32)}
    made = build(FakeSource(data, axis=axis_of(np.arange(N) * DAY)))
    assert "no value in all of training: empty" in made.limits()
    alone = build(FakeSource({"empty": data["empty"]}, axis=axis_of(np.arange(N) * DAY)))
    assert "no variable gives a score: states are compared with constants only" in alone.limits()


def test_a_variable_with_too_few_values_is_told() -> None:
    rare = np.full((N, CELLS), np.nan, np.float32)
    rare[5, :3] = [1.0, 2.0, 3.0]
    made = build(FakeSource({"x": fields(), "rare": rare}, axis=axis_of(np.arange(N) * DAY)))
    assert "too few values, or absurd ones, to be scored at most times: rare" in made.limits()


@pytest.mark.parametrize(("unit", "n"), [("M", 60), ("Y", 40)])
def test_months_and_years_have_no_step(unit: str, n: int) -> None:
    seconds = (np.datetime64("1990", unit) + np.arange(n)).astype("M8[s]").astype(np.int64)
    made = build(FakeSource({"x": fields(n=n)}, axis=axis_of(seconds)))
    assert made.step == 0
    assert made.ledger.size == n


def test_two_years_that_one_is_held_out_of_can_be_replayed() -> None:
    made = build(FakeSource({"x": fields(n=800)}, axis=axis_of(np.arange(800) * DAY)), cycles=160)
    assert [r.cycles for r in replay(made.ledger, made.scores)] == [160, 160, 160, 159, 159, 159]


@pytest.mark.parametrize("block", [1, 7])
def test_the_order_in_storage_does_not_matter(block: int) -> None:
    """Stored in any order, times are added in their own: the ledger is the same bit for bit."""
    values, order = fields(3), np.random.default_rng(4).permutation(N)
    seconds = np.arange(N) * DAY
    one = build(FakeSource({"x": values}, axis=axis_of(seconds)))
    other = build(FakeSource({"x": values[order]}, axis=axis_of(seconds[order]), times_per_block=block))
    assert np.isfinite(one.ledger.scores).mean() > 0.5
    assert np.array_equal(one.ledger.scores, other.ledger.scores, equal_nan=True)


def test_cells_without_places_and_one_cell_will_do() -> None:
    for n_cells in (1, 5):
        source = FakeSource({"x": fields()[:, :n_cells]}, grid=grid_of(n_cells))
        made = build(source)
        assert made.ledger.size == N
        assert judge(source, made).tables["cycles"]["p_cycle"].notna().all()
