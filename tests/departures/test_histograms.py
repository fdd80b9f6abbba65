"""Values of the worst cycle beside those of training, in ranges: against numpy's own counts of all values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from baselines.training_data import LAT, LON, make_fields, make_source

from dqwatch.baselines.baseline import Baseline, build
from dqwatch.buffers import Buffers
from dqwatch.departures.histograms import merge_slots
from dqwatch.departures.judging import Judgement, judge
from dqwatch.metrics.histogram import count_values, linear_bins, skewed_bins

N = 438  # six years of every fifth day
BOX = (np.abs(LAT - 10) < 25) & (np.abs(LON - 90) < 40)


@pytest.fixture(scope="module")
def fields() -> dict[str, np.ndarray]:
    return make_fields(11, N + 3)


@pytest.fixture(scope="module")
def baseline(fields: dict[str, np.ndarray]) -> Baseline:
    return build(make_source({name: f[:N] for name, f in fields.items()}))


@pytest.fixture(scope="module")
def spoilt(fields: dict[str, np.ndarray]) -> np.ndarray:
    """Three states of `t`, the last one warmer by 40 K in a box."""
    values = fields["t"][N:].copy()
    values[2] += np.where(BOX, 40.0, 0.0).astype(np.float32)
    return values


@pytest.fixture(scope="module")
def found(baseline: Baseline, fields: dict[str, np.ndarray], spoilt: np.ndarray) -> Judgement:
    given = {"t": spoilt, "sst": fields["sst"][N:], "lsm": fields["lsm"][N:]}
    return judge(make_source(given, first=N), baseline)


def months(numbers: np.ndarray) -> np.ndarray:
    return pd.to_datetime(numbers * 5, unit="D").month.to_numpy()


def counts(values: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """How many values lie in each range, the outermost open."""
    edges = np.concatenate([[-np.inf], table["right"].to_numpy()[:-1], [np.inf]])
    return np.histogram(values.astype(np.float64), edges)[0]


def test_both_are_counted_as_numpy_counts_them(
    found: Judgement, fields: dict[str, np.ndarray], spoilt: np.ndarray
) -> None:
    table = found.tables["histograms"]
    assert set(table["variable"]) == {"t"}
    assert set(table["time"]) == {found.tables["cycles"]["time"].iloc[2]}
    assert set(table["units"]) == {"K"}
    assert table["left"].to_numpy()[1:].tolist() == table["right"].to_numpy()[:-1].tolist()
    assert 10 < len(table) <= 48
    np.testing.assert_allclose(table["share_now"], counts(spoilt[2], table) / LAT.size, rtol=1e-12)
    month = months(np.array([N + 2]))[0]
    near = (months(np.arange(N)) - month + 1) % 12
    usual = sum(weight * counts(fields["t"][:N][near == k], table) for k, weight in enumerate((1, 2, 1)))
    np.testing.assert_allclose(table["share_usual"], usual / usual.sum(), rtol=1e-12)
    assert table["right"].max() >= np.quantile(spoilt[2], 0.99)


def test_a_state_that_is_as_usual_is_not_read_again(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    source = make_source({name: f[N : N + 1] for name, f in fields.items()}, first=N)
    quiet = judge(source, baseline)
    assert quiet.drift is not None
    assert not any(v["named"] for v in quiet.drift["variables"])
    assert quiet.tables["histograms"].empty


def test_others_that_are_odd_are_counted_too(baseline: Baseline, fields: dict[str, np.ndarray]) -> None:
    given = {name: f[N : N + 1].copy() for name, f in fields.items()}
    given["t"] += np.where(BOX, 40, 0).astype(np.float32)
    given["sst"] += np.float32(30)
    del given["lsm"]
    table = judge(make_source(given, first=N), baseline).tables["histograms"]
    assert set(table["variable"]) == {"t", "sst"}
    sst = table[table["variable"] == "sst"]
    sea = np.isfinite(given["sst"][0])
    np.testing.assert_allclose(sst["share_now"], counts(given["sst"][0, sea], sst) / sea.sum(), rtol=1e-12)


def test_skewed_ranges_widen_and_the_first_has_what_is_dry() -> None:
    rng = np.random.default_rng(5)
    dry = np.where(rng.random(20_000) < 0.6, 0.0, rng.exponential(0.003, 20_000)).astype(np.float32)
    wet = rng.exponential(0.01, 5_000).astype(np.float32)
    bins = skewed_bins(0.2)
    table = pd.DataFrame(merge_slots(bins, *(count_values(v, bins, Buffers()) for v in (wet, dry))))
    assert 10 < len(table) <= 49
    np.testing.assert_allclose(table["share_now"], counts(wet, table) / wet.size, rtol=1e-12)
    np.testing.assert_allclose(table["share_usual"], counts(dry, table) / dry.size, rtol=1e-12)
    assert table["left"].iloc[0] == 0.0
    assert table["share_usual"].iloc[0] > 0.6
    assert (np.diff(table["right"]) > 0).all()


def test_values_without_spread_or_beyond_the_bins_are_counted() -> None:
    bins = linear_bins(0.0, 1.0)
    one, beyond = (count_values(np.full(100, v, np.float32), bins, Buffers()) for v in (0.5, 7.0))
    (row,) = merge_slots(bins, one, one)
    assert (row["share_now"], row["share_usual"]) == (1.0, 1.0)
    assert row["left"] <= 0.5 < row["right"]
    rows = merge_slots(bins, beyond, one)
    assert [sum(r[name] for r in rows) for name in ("share_now", "share_usual")] == [1.0, 1.0]
    (row,) = merge_slots(skewed_bins(1.0), *[np.eye(1, one.size, 1, dtype=np.int64)[0]] * 2)[:1]
    assert row["share_now"] == 1.0
