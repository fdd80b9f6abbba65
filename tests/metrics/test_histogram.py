"""Bins, counts and quantiles against numpy's sorting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from metrics.fake_source import row_of

from dqwatch.metrics.histogram import Bins, Histogram, linear_bins, skewed_bins
from dqwatch.metrics.kernel_layout import BINS, SLOTS

QUANTILES = {"q01": 0.01, "q50": 0.5, "q99": 0.99}


def counted(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Finite values of each slot: edges[i] <= x < edges[i + 1]; found by sorting."""
    finite = np.sort(values[np.isfinite(values)].astype(np.float64))
    return np.diff([0, *np.searchsorted(finite, edges[1:-1], side="left"), finite.size])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@example(-5e-324, 479.0)
def test_linear_bins_cover_the_range(low: float, span: float) -> None:
    bins = linear_bins(low, low + span)
    assert bins.edges[1] <= low
    assert bins.edges[-2] >= low + span
    assert bins.width <= max((low + span - low) / (BINS - 1), abs(low) * 2.0**-40) * 1.2
    assert (np.diff(bins.edges[1:-1]) > 0).all()
    assert bins.low % bins.width in (0, bins.width)


def test_the_same_range_has_the_same_bins() -> None:
    # 150 K over 255 bins: 0.588 K, the next m / 16 with m = 10 is 0.625 K; 180 is 288 of them
    assert linear_bins(180.0, 330.0) == linear_bins(180.3, 329.9) == Bins(low=180.0, width=0.625)


@pytest.mark.parametrize(("high", "top"), [(1.0, 1.0), (1.1, 2.0), (0.05, 0.0625), (1000.0, 1024.0)])
def test_skewed_bins_end_at_a_power_of_two(high: float, top: float) -> None:
    bins = skewed_bins(high)
    assert bins.top == top == bins.edges[-2]
    ratios = bins.edges[4:-1] / bins.edges[3:-2]
    assert ratios.max() <= 9 / 8
    assert bins.edges[3] < top * 2.0**-31


@pytest.mark.parametrize("limits", [(math.nan, 1.0), (3.0, 3.0), (-math.inf, math.inf), (1e308, -1e308)])
def test_a_range_that_is_none_still_gives_bins(limits: tuple[float, float]) -> None:
    assert linear_bins(*limits).width > 0
    assert skewed_bins(limits[1]).top is not None


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.integers(1, 200),
        elements=st.integers(-3000, 10_000).map(lambda i: i / 64) | st.sampled_from([math.nan, math.inf, -math.inf]),
    )
)
def test_linear_counts(values: np.ndarray) -> None:
    # 64ths and halves are exact in float32: bins and sorting agree to the last value
    bins = Bins(low=0.0, width=0.5)
    assert row_of(values, bins=bins)["counts"].tolist() == counted(values, bins.edges).tolist()


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.integers(1, 200),
        elements=st.floats(0, 100, width=32)
        | st.sampled_from([math.nan, -math.nan, math.inf, -math.inf, -0.0, -1.0, 64.0]),
    )
)
def test_skewed_counts(values: np.ndarray) -> None:
    bins = skewed_bins(60.0)
    edges = bins.edges.copy()
    edges[2] = np.nextafter(0.0, 1.0)  # slot 1 is zero itself
    assert row_of(values, bins=bins)["counts"].tolist() == counted(values, edges).tolist()


def ranked(values: np.ndarray, p: float) -> float:
    """The value of rank ceil(p n), counted from 1."""
    finite = np.sort(values[np.isfinite(values)])
    return float(finite[max(1, math.ceil(p * finite.size)) - 1])


@pytest.mark.parametrize("bins", [linear_bins(180, 330), linear_bins(250, 290)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_are_within_a_bin(bins: Bins, dtype: type) -> None:
    values: np.ndarray = np.random.default_rng(1).normal(270, 5, 20_000).astype(dtype)
    values[:50] = np.nan
    row = row_of(values, bins=bins)
    for name, p in QUANTILES.items():
        assert row[name] == pytest.approx(ranked(values, p), abs=bins.width)


def test_quantiles_of_rain_are_within_a_bin() -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.random(50_000) < 0.4, 0.0, rng.gamma(0.3, 4.0, 50_000)).astype(np.float32)
    row = row_of(values, bins=skewed_bins(300.0))
    assert row["q01"] == 0.0
    for name, p in QUANTILES.items():
        assert row[name] == pytest.approx(ranked(values, p), rel=1 / 8)


@pytest.mark.parametrize("bins", [linear_bins(180, 330), skewed_bins(1.0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_of_a_field_beyond_its_bins(bins: Bins, dtype: type) -> None:
    values: np.ndarray = np.random.default_rng(1).normal(-20, 5, 20_000).astype(dtype)
    row = row_of(values, bins=bins)
    for name, p in QUANTILES.items():
        assert row[name] == pytest.approx(ranked(values, p), abs=float(values.max() - values.min()) / BINS * 1.01)
    assert row["counts"][0] == values.size - (values >= 0).sum() * bins.skewed


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.integers(1, 100),
        elements=st.floats(width=32) | st.floats(-1, 1, width=32),
    )
)
def test_quantiles_never_leave_the_field(values: np.ndarray) -> None:
    row = row_of(values)
    if np.isfinite(values).any():
        assert row["min"] <= row["q01"] <= row["q50"] <= row["q99"] <= row["max"]


def test_histograms_add() -> None:
    rng = np.random.default_rng(0)
    bins = linear_bins(-3, 3)
    first, second = rng.normal(size=500), rng.normal(size=700)
    whole = Histogram(bins, row_of(np.concatenate([first, second]), bins=bins)["counts"])
    parts = Histogram(bins)
    for part in (first, second):
        parts.add(Histogram(bins, row_of(part, bins=bins)["counts"]))
    assert parts.counts.tolist() == whole.counts.tolist()
    assert parts.counts.shape == (SLOTS,)


def test_histograms_of_other_bins_do_not_add() -> None:
    with pytest.raises(ValueError, match="bins differ"):
        Histogram(linear_bins(0, 1)).add(Histogram(linear_bins(0, 2)))
