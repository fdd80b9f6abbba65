"""The error of packing, found from unpacked values."""

from __future__ import annotations

import numpy as np
import pytest

from dqwatch.metrics.relations.packing import packing_error


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bits", [8, 12, 14])
@pytest.mark.parametrize(("mean", "sd"), [(280.0, 20.0), (0.0, 1e-3), (1e5, 3e3)])
def test_half_the_step(dtype: type, bits: int, mean: float, sd: float) -> None:
    values = np.random.default_rng(bits).normal(mean, sd, 50000)
    step = np.ptp(values) / (2**bits - 1)
    packed = values.min() + np.rint((values - values.min()) / step) * step
    found = packing_error(packed.astype(dtype))
    if step > 30 * np.finfo(dtype).eps * np.abs(values).max():
        assert found == pytest.approx(step / 2, rel=0.01)
    else:
        assert found == 0 or found == pytest.approx(step / 2, rel=0.1)


def test_decimal_steps_with_gaps() -> None:
    """As GFS packs rain: tenths of a millimetre, rare large values."""
    values = np.rint(np.random.default_rng(0).gamma(0.3, 30, 3000) * 10) / 10
    assert packing_error(values.astype(np.float32)) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("n", [1, 5, 20, 300, 50000])
def test_continuous_values_are_not_packed(n: int) -> None:
    rng = np.random.default_rng(n)
    for values in (rng.normal(size=n), rng.gamma(0.3, 1, n), 280 + rng.normal(size=n)):
        assert packing_error(values) == 0
        assert packing_error(values.astype(np.float32)) == 0


def test_too_little_to_tell() -> None:
    assert packing_error(np.full(100, np.nan)) == 0
    assert packing_error(np.zeros(100)) == 0
    assert packing_error(np.repeat([0.0, 1.0, 2.0], 100)) == 0
    missing = np.arange(100.0)
    missing[::2] = np.nan
    missing[1] = np.inf
    assert packing_error(missing) == pytest.approx(1.0)
