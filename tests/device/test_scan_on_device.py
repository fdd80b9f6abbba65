"""The scan on a device against the kernel: counts, extremes, histograms and hashes the same bits, moments close."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from metrics.fake_source import EVERYTHING, FakeSource, grid_of
from metrics.test_kernel import fields

from dqwatch.catalogue import Limits
from dqwatch.feed.devices import Device
from dqwatch.metrics import kernel_layout as layout
from dqwatch.metrics.device_scanner import DeviceScanner
from dqwatch.metrics.fields import Rows, Scanner
from dqwatch.metrics.histogram import Bins, linear_bins, skewed_bins
from dqwatch.metrics.known import Knowledge
from dqwatch.types import Field

CPU = Device("cpu")
MOMENTS = (layout.MEAN, layout.STD, layout.WMEAN)
BINS = (linear_bins(-50.0, 60.0), skewed_bins(30.0))
LIMITS = (EVERYTHING, Limits(-20.0, 30.0, -5.0, 5.0))


def scanned(values: np.ndarray, bins: Bins, limits: Limits, weights: np.ndarray | None, device: Device | None) -> Any:
    """The row of a field, and its histogram."""
    source = FakeSource({"x": values[None]}, grid=grid_of(values.size, area_weights=weights))
    rows = Rows(source)
    given = (source, [Knowledge(None, limits, bins)], [bins], rows)
    scanner = Scanner(*given) if device is None else DeviceScanner(device, *given)
    scanner.scan(Field(0, 0, 0, values))
    return rows.ints[0], rows.floats[0], rows.hashes[0], scanner.counts[0]


def check(values: np.ndarray, bins: Bins, limits: Limits, weights: np.ndarray | None, device: Device = CPU) -> None:
    ints, floats, hashes, counts = scanned(values, bins, limits, weights, None)
    own_ints, own_floats, own_hashes, own_counts = scanned(values, bins, limits, weights, device)
    assert own_ints.tolist() == ints.tolist()
    assert own_hashes.tolist() == hashes.tolist()
    assert own_counts.tolist() == counts.tolist()
    finite = values[np.isfinite(values)].astype(np.float64)
    scale = np.abs(finite).max(initial=0.0)
    for place in range(len(layout.FLOATS)):
        a, b = float(floats[place]), float(own_floats[place])
        if place in MOMENTS and not math.isnan(a):
            size = a if place == layout.STD else scale
            assert math.isclose(a, b, rel_tol=1e-9, abs_tol=max(1e-12 * size, 5e-324)), layout.FLOATS[place]
        else:
            same = (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
            assert same, (layout.FLOATS[place], a, b)


@given(fields(), st.sampled_from(BINS), st.sampled_from(LIMITS), st.booleans())
@example(np.full(5, np.float32(-0.0)), BINS[0], EVERYTHING, True)
@example(np.array([1e300, -1e300, 1e-300, np.nan]), BINS[0], EVERYTHING, True)
@example(np.array([1e-320, 2e-320, -3e-320]), BINS[1], EVERYTHING, False)
@example(np.array([np.inf, -np.inf, np.nan], np.float32), BINS[1], EVERYTHING, True)
def test_any_field_is_seen_alike(values: np.ndarray, bins: Bins, limits: Limits, weighted: bool) -> None:
    weights = np.random.default_rng(0).random(values.size) if weighted else None
    check(values, bins, limits, weights)


FILLS = {
    "fill values that stand off": (9999.0, 3),
    "one of them": (9999.0, 1),
    "absurd": (9.969209968386869e36, 2),
    "a packed integer's": (-32767.0, 2),
    "none": (1.0, 0),
}


@pytest.mark.parametrize(("fill", "often"), FILLS.values(), ids=FILLS)
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("seed", range(3))
def test_weather_is_seen_alike(fill: float, often: int, limits: Limits, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.normal(3, 8, 40_000) * rng.choice([1e-3, 1, 30])).astype(dtype)
    values[rng.choice(values.size, often, replace=False)] = fill
    values[rng.choice(values.size, 7 * seed, replace=False)] = np.nan
    values[rng.choice(values.size, seed, replace=False)] = np.inf
    for bins in BINS:
        check(values, bins, limits, rng.random(values.size))


def test_memory_that_must_not_be_written_is_not() -> None:
    values = np.arange(100, dtype=np.float32)
    values.flags.writeable = False
    check(values, BINS[0], EVERYTHING, None)
