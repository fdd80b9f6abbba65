"""Tensors scored where they are, against the same fields as arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from baselines.training_data import DAY, LAT, LON, grid, make_fields, make_source
from metrics.fake_source import FakeSource, axis_of
from test_tensor_verbs import FIELDS, NAMES, SECONDS, N

import dqwatch
from dqwatch.baselines.baseline import Baseline, build
from dqwatch.scores.on_device import DeviceView
from dqwatch.sources import tensors
from dqwatch.sources.grids import unstructured_grid
from dqwatch.types import Variable


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build(make_source({k: f[:N] for k, f in FIELDS.items()}))


@pytest.mark.parametrize("device", [None, "cpu", "torch:cpu"])
def test_p_values_are_those_of_arrays(baseline: Baseline, device: str | None) -> None:
    values = np.stack([FIELDS[name][N:] for name in NAMES], axis=1)
    given = {"times": SECONDS, "variables": NAMES}
    host = dqwatch.score(values, baseline, **given)
    found = dqwatch.score(torch.from_numpy(values.copy()), baseline, **given, device=device)
    for name in ("p_value", "q_value", "leading_score", "exact"):
        pd.testing.assert_series_equal(found.drift[name], host.drift[name], check_exact=True)
    np.testing.assert_allclose(found.drift["score"], host.drift["score"], rtol=1e-9)
    pd.testing.assert_series_equal(found.cycles["p_cycle"], host.cycles["p_cycle"], check_exact=True)


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_tensors_of_a_training_are_scored_by_their_values(baseline: Baseline, kind: torch.dtype) -> None:
    tensor = torch.from_numpy(np.stack([FIELDS[name][N:] for name in NAMES], axis=1)).to(kind).requires_grad_()
    given = {"times": SECONDS, "variables": NAMES}
    host = dqwatch.score(tensor.detach().float().numpy(), baseline, **given)
    found = dqwatch.score(tensor, baseline, **given, device="torch:cpu")
    pd.testing.assert_series_equal(found.drift["p_value"], host.drift["p_value"], check_exact=True)
    np.testing.assert_allclose(found.drift["score"], host.drift["score"], rtol=1e-9)
    assert tensor.grad is None


def refuse(*_: object) -> None:
    raise AssertionError("a field was copied to the host")


@pytest.mark.parametrize("rows", [True, False], ids=["rows", "neighbours"])
def test_no_field_is_copied_back(rows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 60
    rng = np.random.default_rng(3)
    rain = rng.exponential(2.0, (n, LAT.size)).astype("f4") * (rng.random((n, LAT.size)) < 0.3)
    fields = {**{name: FIELDS[name][:n] for name in NAMES}, "tp": rain}
    order = np.arange(LAT.size) if rows else rng.permutation(LAT.size)
    where = grid() if rows else unstructured_grid(LAT[order], LON[order], "g", None)
    named = {Variable(k, k, k, units="mm" if k == "tp" else "K"): f[:, order] for k, f in fields.items()}
    axis = axis_of((np.arange(n) * 5 * DAY).astype(np.int64))
    baseline = build(FakeSource(named, axis=axis, grid=where))
    assert baseline.constants
    values = np.stack([*named.values()], axis=1)[-4:]
    values[2, 2, :5] += 1.0
    given = {"times": axis.seconds[-4:], "variables": list(fields)}
    host = dqwatch.score(values, baseline, **given)
    assert host.drift["leading_score"].notna().any()
    for name in ("values", "z", "anomaly"):
        monkeypatch.setattr(DeviceView, name, property(refuse))
    monkeypatch.setattr(tensors, "to_numpy", refuse)
    found = dqwatch.score(torch.from_numpy(values.copy()), baseline, **given, device="torch:cpu")
    for name in ("p_value", "leading_score"):
        pd.testing.assert_series_equal(found.drift[name], host.drift[name], check_exact=True)
    np.testing.assert_allclose(found.drift["score"], host.drift["score"], rtol=1e-9)


def test_a_feed_of_tensors_is_watched(baseline: Baseline) -> None:
    source = make_source({k: f[N:] for k, f in make_fields(21, N + 6).items()}, first=N)
    feed = dqwatch.Feed(source, window=2)
    one, other = (dqwatch.Watch(feed, baseline, share=1.0, device=device) for device in (None, "torch:cpu"))
    assert len(list(one)) == len(list(other)) == 5
    pd.testing.assert_series_equal(one.scores().drift["p_value"], other.scores().drift["p_value"])
