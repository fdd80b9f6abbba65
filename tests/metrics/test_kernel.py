"""Statistics of one field against exact integer arithmetic, on whatever floats there are."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from metrics.fake_source import row_of

_SMALLEST = Fraction(1, 2**1074)
"""The unit of all floats: each is a whole multiple of it."""


class Exact:
    """Statistics of the finite values, computed in integers of the smallest float."""

    def __init__(self, values: np.ndarray) -> None:
        found, often = np.unique(values[np.isfinite(values)].astype(np.float64), return_counts=True)
        self.n = int(often.sum())
        units = [(int(Fraction(x) / _SMALLEST), n) for x, n in zip(found.tolist(), often.tolist(), strict=True)]
        self.sum = sum(n * x for x, n in units)
        self.sum_of_sizes = sum(n * abs(x) for x, n in units)
        self.sum_of_squares = sum(n * x * x for x, n in units)
        ordered = sorted(values[np.isfinite(values)].tolist(), key=lambda x: (x, math.copysign(1, x)))
        self.least, self.most = (ordered[0], ordered[-1]) if ordered else (math.nan, math.nan)

    @property
    def mean(self) -> Fraction:
        return self.sum * _SMALLEST / self.n

    @property
    def mean_size(self) -> Fraction:
        return self.sum_of_sizes * _SMALLEST / self.n

    @property
    def std(self) -> Fraction:
        """To 100 binary digits: sqrt(n Σx² - (Σx)²) / n."""
        square = self.n * self.sum_of_squares - self.sum**2
        return Fraction(math.isqrt(square << 200), self.n << 100) * _SMALLEST


def same(a: float, b: float) -> bool:
    """The same float, of the same sign if zero."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))


def check(values: np.ndarray) -> None:
    row, exact = row_of(values), Exact(values)
    assert row["n"] == values.size
    assert row["n_nan"] == sum(map(math.isnan, values.tolist()))
    assert row["n_inf"] == sum(map(math.isinf, values.tolist()))
    assert same(row["min"], exact.least)
    assert same(row["max"], exact.most)
    if exact.n == 0:
        assert all(math.isnan(row[name]) for name in ("mean", "std", "q01", "q50", "q99"))
        return
    assert abs(Fraction(row["mean"]) - exact.mean) <= Fraction(1, 10**12) * exact.mean_size + _SMALLEST
    assert abs(Fraction(row["std"]) - exact.std) <= Fraction(1, 10**9) * exact.std + _SMALLEST
    assert row["min"] <= row["mean"] <= row["max"]
    if row["min"] == row["max"]:
        assert row["std"] == 0.0
    assert row["counts"].sum() == exact.n


@st.composite
def fields(draw: st.DrawFn, longest: int = 32_769) -> np.ndarray:
    """A few values of any kind, over and over up to a length that ends within or between the blocks of the kernel."""
    width = draw(st.sampled_from([32, 64]))
    dtype = np.dtype(f"f{width // 8}")
    kinds = [
        st.floats(width=width),  # type: ignore[arg-type]
        st.sampled_from(
            [0.0, -0.0, math.nan, math.inf, -math.inf, 1.0, -1.0, float(np.finfo(dtype).smallest_subnormal)]
        ),
        st.floats(-100, 100, width=width),  # type: ignore[arg-type]
    ]
    elements = st.one_of(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique_by=id)))
    base = draw(hnp.arrays(dtype, st.integers(1, 60), elements=elements))
    sizes = [base.size, base.size, base.size, 1000, 16_383, 16_384, 16_385, 32_769]
    return np.resize(base, min(draw(st.sampled_from(sizes)), longest))


@given(fields())
@example(np.array([math.nan, math.inf]))
@example(np.array([-0.0, 0.0], np.float32))
@example(np.array([0.0, -0.0], np.float64))
@example(np.full(5000, 0.1, np.float32))
@example(np.array([5e-324, 1.5e-323, -5e-324]))
@example(np.array([1e-45, 3e-45], np.float32))
@example(np.array([1.7e308, -1.7e308, 1.7e308]))
@example(np.array([1e200, 2e200, -1e200]))
@example(np.array([1e-170, 3e-170, 2e-170]))
@example(np.array([1e30] + [1.0] * 20_000))
@example(np.array([1.0] * 20_000 + [-1e30]))
@example(np.array([3.4e38, -3.4e38, 1.0], np.float32))
def test_any_floats(values: np.ndarray) -> None:
    check(values)


@given(
    st.sampled_from([np.float32, np.float64]),
    st.floats(-300, 300),
    st.floats(-17, 0),
    st.integers(2, 500) | st.integers(16_300, 40_000),
    st.integers(0, 2**32 - 1),
)
def test_a_small_spread_on_a_huge_offset(dtype: type, size: float, spread: float, n: int, seed: int) -> None:
    size = min(size, 37.0) if dtype is np.float32 else size
    noise = np.random.default_rng(seed).normal(0, 1, n)
    with np.errstate(over="ignore", under="ignore"):
        check((10.0**size * (1 + noise * 10.0**spread)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 273.15, 1e5, -1e7])
def test_a_field_of_weather(dtype: type, offset: float) -> None:
    values: np.ndarray = (offset + np.random.default_rng(3).normal(0, 10, 50_000)).astype(dtype)
    values[::17] = np.nan
    check(values)
    row, finite = row_of(values), values[np.isfinite(values)].astype(np.float64)
    assert row["mean"] == pytest.approx(math.fsum(finite) / finite.size, rel=1e-14)
    assert row["std"] == pytest.approx(finite.std(), rel=1e-11)


@pytest.mark.parametrize("value", [0.1, -0.1, 1e30, 273.15, 5e-324])
@pytest.mark.parametrize("n", [1, 7, 16_384, 50_001])
def test_a_constant_has_no_spread(value: float, n: int) -> None:
    values: np.ndarray = np.full(n, value)
    values[1::3] = np.nan
    row = row_of(values)
    assert row["std"] == 0.0
    assert row["mean"] == row["min"] == row["max"] == row["q01"] == row["q99"] == value


@given(fields(longest=300), st.integers(0, 2**32 - 1))
def test_weighted_mean(values: np.ndarray, seed: int) -> None:
    weights = np.random.default_rng(seed).random(values.size)
    row = row_of(values, weights=weights)
    kept = np.isfinite(values)
    if not kept.any():
        assert math.isnan(row["wmean"])
        return
    pairs = [(Fraction(w), Fraction(float(x))) for w, x in zip(weights[kept], values[kept], strict=True)]
    total = sum((w for w, _ in pairs), Fraction(0))
    exact = sum((w * x for w, x in pairs), Fraction(0)) / total
    size = sum((w * abs(x) for w, x in pairs), Fraction(0)) / total
    # the shift of the sums is a value of the field whose weight may be small: as large as the largest value at most
    largest: Fraction = max(abs(x) for _, x in pairs)
    assert abs(Fraction(row["wmean"]) - exact) <= Fraction(1, 10**12) * size + Fraction(1, 10**14) * largest + _SMALLEST


def test_no_weights_no_weighted_mean() -> None:
    assert math.isnan(row_of(np.arange(5.0))["wmean"])


def test_weights_of_cells_without_values_do_not_count() -> None:
    values = np.array([1.0, np.nan, 4.0, np.inf])
    assert row_of(values, weights=np.array([0.2, 0.5, 0.1, 0.2]))["wmean"] == pytest.approx(
        (0.2 + 0.4) / 0.3, rel=1e-15
    )


def test_an_unaligned_view_of_a_chunk() -> None:
    chunk = np.random.default_rng(0).normal(size=10_001).astype(np.float32)
    for start in range(3):
        check(chunk[start : start + 4999])


def test_an_empty_field() -> None:
    row = row_of(np.empty(0, np.float32))
    assert (row["n"], row["n_nan"], row["n_inf"]) == (0, 0, 0)
    assert math.isnan(row["mean"])
