"""Distinct values against a set, and steps against the packing that made them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import grid_cases as cases

from dqwatch.metrics.precision import precision
from examples.weather import VARIABLES


@given(
    st.lists(st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]))),
    st.sampled_from([np.float32, np.float64]),
)
def test_distinct_values(values: list[float], dtype: type) -> None:
    expected = len({x for x in values if math.isfinite(x)})
    assert precision(np.array(values, dtype)).n_distinct == expected


def packed(values: np.ndarray, bits: int, decimals: int = 0) -> tuple[np.ndarray, float]:
    """Values as GRIB's simple packing leaves them, and their step 2^E / 10^D: (R + X 2^E) / 10^D, X of some bits."""
    scaled = values.astype(np.float64) * 10.0**decimals
    exponent = math.ceil(math.log2(np.ptp(scaled) / (2**bits - 1)))
    numbers = np.rint((scaled - scaled.min()) / 2.0**exponent)
    return (scaled.min() + numbers * 2.0**exponent) / 10.0**decimals, 2.0**exponent / 10.0**decimals


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("bits", "decimals"), [(4, 0), (8, 0), (12, 0), (12, 2), (14, 1)])
def test_packed_fields(bits: int, decimals: int, dtype: type) -> None:
    field, step = packed(cases.smooth(cases.regular()), bits, decimals)
    values = cases.with_gaps(field.astype(dtype))
    found = precision(values)
    assert found.n_distinct == len(set(values[np.isfinite(values)].tolist()))
    # float32 values of 300 are rounded to 3e-5.
    assert found.step == pytest.approx(step, rel=1e-9 if dtype is np.float64 else 0.02)


def test_decimals() -> None:
    values = np.round(cases.smooth(cases.regular(), dtype=np.float64), 1)
    assert precision(values.astype(np.float32)).step == pytest.approx(0.1, rel=1e-3)
    assert precision(np.array([0.0, 1, 0, 0, 1])) == (2, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, -280.0, 5e4])
def test_full_precision_has_no_step(offset: float, dtype: type) -> None:
    values = cases.smooth(cases.regular(), dtype=np.float64) + offset
    assert math.isnan(precision(values.astype(dtype)).step)


@pytest.mark.parametrize("values", [[], [3.0], [3.0, 3.0, math.nan], [math.nan], [math.inf, -math.inf]], ids=str)
def test_no_step(values: list[float]) -> None:
    found = precision(np.array(values, np.float32))
    assert found.n_distinct == len({x for x in values if math.isfinite(x)})
    assert math.isnan(found.step)


@pytest.mark.parametrize("name", ["2t", "z_500", "u_850", "msl", "swvl1"])
def test_the_weather_is_stored_in_its_steps_and_rounding_is_seen(name: str) -> None:
    for day in cases.weather()[name]:
        found = precision(day)
        assert found.step == VARIABLES[name].step
        rounded = precision(np.rint(day / (8 * found.step)) * np.float32(8 * found.step))
        assert rounded.step == 8 * found.step
        assert rounded.n_distinct < found.n_distinct / 3
