"""Values beyond limits and fill values left undecoded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from metrics.fake_source import row_of

from dqwatch.catalogue import Limits
from dqwatch.metrics.fills import FILLS, fills

DTYPES = [np.float32, np.float64]
KELVIN = Limits(183.15, 333.15, 200.0, 320.0)


def weather(dtype: type, low: float = 240, high: float = 310, n: int = 40_000) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, n).astype(dtype)


@given(
    hnp.arrays(st.sampled_from(DTYPES), st.integers(1, 100), elements=st.floats(width=32)),
    st.floats(-1e3, 1e3, width=32),
    st.floats(0, 1e3, width=32),
)
def test_counts_beyond_limits(values: np.ndarray, low: float, span: float) -> None:
    limits = Limits(low, low + span, low + span / 4, low + span / 2)
    row = row_of(values, limits=limits)
    finite = values[np.isfinite(values)].astype(np.float64)
    slack = 1e-6 * np.abs(finite)  # float32 has the limits rounded
    for name, (least, most) in {"n_out_of_bounds": limits[:2], "n_unusual": limits[2:]}.items():
        surely = ((finite < least - slack - 1e-3) | (finite > most + slack + 1e-3)).sum()
        perhaps = ((finite < least + slack + 1e-3) | (finite > most - slack - 1e-3)).sum()
        assert surely <= row[name] <= perhaps


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_limit_belongs_to_the_range(dtype: type) -> None:
    values: np.ndarray = np.array([0.8, 0.1, 0.5], dtype)
    assert row_of(values, limits=Limits(0.1, 0.8, 0.1, 0.8))["n_out_of_bounds"] == 0
    beyond = np.nextafter(values[:1], dtype(np.inf), dtype=dtype)
    far = np.concatenate([values, beyond * dtype(1.00001)])
    assert row_of(far, limits=Limits(0.1, 0.8, -1, 2))["n_out_of_bounds"] == 1
    assert row_of(far, limits=Limits(0.1, 0.8, -1, 2))["n_unusual"] == 0


def test_a_limit_converted_between_units_belongs_to_the_range() -> None:
    # 183.15 - 273.15 is a little above -90 in float64
    assert row_of(np.array([-90.0, 1.0]), limits=Limits(183.15 - 273.15, 60.0, -90, 60))["n_out_of_bounds"] == 0


def test_infinities_are_not_beyond_limits() -> None:
    row = row_of(np.array([np.inf, -np.inf, np.nan, 400.0, 300.0]), limits=KELVIN)
    assert (row["n_out_of_bounds"], row["n_unusual"], row["n_inf"]) == (1, 1, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fill", FILLS)
def test_every_fill_is_found(dtype: type, fill: float) -> None:
    with np.errstate(over="ignore"):
        fill = float(dtype(fill))
    if not math.isfinite(fill):
        return
    values = weather(dtype)
    values[[3, 39_000]] = fill
    assert row_of(values, limits=KELVIN)["n_sentinel"] == 2
    assert row_of(values)["n_sentinel"] == 2


def test_a_fill_that_was_float32_once_is_found() -> None:
    values = weather(np.float64)
    values[7] = float(np.float32(9.999e20))
    assert values[7] != 9.999e20
    assert row_of(values)["n_sentinel"] == 1


def test_several_fills_at_once() -> None:
    values = weather(np.float32)
    values[:3], values[3:5], values[5] = -9999, 1e20, -32768
    values[6] = -12345.0  # no fill, but the smallest but one
    row = row_of(values, limits=KELVIN)
    assert row["n_sentinel"] == 6
    assert row["n_out_of_bounds"] == 7


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_plausible_value_is_none(dtype: type) -> None:
    geopotential = weather(dtype, -1000, 60_000)
    geopotential[[4, 9]] = 9999.0
    assert row_of(geopotential, limits=Limits(-5e3, 5e5, -5e3, 5e5))["n_sentinel"] == 0
    assert row_of(geopotential)["n_sentinel"] == 0


@pytest.mark.parametrize("often", [1, 5])
def test_the_largest_value_of_an_unknown_field_may_be_9999(often: int) -> None:
    heights = weather(np.float32, 0, 9998)
    heights[:often] = 9999.0
    assert row_of(heights)["n_sentinel"] == 0


def test_off_the_rest_by_its_range() -> None:
    # the rest spans 0..1000: a lone 2001 would need a gap above 1000, two need one above 250
    values = np.linspace(0, 1000, 500)
    lone, two = np.append(values, -999.0), np.append(values, [-999.0, -999.0])
    assert row_of(lone)["n_sentinel"] == 0
    assert row_of(two)["n_sentinel"] == 2
    assert row_of(np.append(values, 9999.0))["n_sentinel"] == 1


def test_fields_of_nothing_else() -> None:
    assert row_of(np.full(10, -9999.0))["n_sentinel"] == 10
    assert row_of(np.full(1, 9999.0))["n_sentinel"] == 0
    assert row_of(np.full(1, 9999.0), limits=KELVIN)["n_sentinel"] == 1
    assert row_of(np.full(1, 1e20))["n_sentinel"] == 1


def test_large_numbers_that_are_no_fill() -> None:
    assert row_of(np.array([2e25, 3e20, 1.0]))["n_sentinel"] == 0


def test_fills_are_finite_and_in_the_type_of_the_field() -> None:
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        found = fills(dtype)
        assert found.dtype == dtype
        assert np.isfinite(found).all()
        assert {-9999.0, -32768.0, 9999.0} <= set(found.tolist())
