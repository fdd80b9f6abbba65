"""The same on a CUDA device: batches complete when they are handed over, fields seen and scored alike, nothing left."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from baselines.training_data import make_source
from device.test_scan_on_device import BINS, LIMITS, check
from metrics.stores import write_store
from sources.zarr_files import make_anemoi
from test_tensor_verbs import FIELDS, NAMES, SECONDS, N

import dqwatch
from dqwatch.baselines.baseline import build
from dqwatch.errors import SourceError
from dqwatch.feed.devices import Device
from dqwatch.metrics import on_device
from dqwatch.metrics.histogram import linear_bins

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
CELLS = 20_000


def store(path: Path, times: int = 40) -> np.ndarray:
    values = np.random.default_rng(5).normal(280, 9, (times, 3, 1, CELLS)).astype("f4")
    make_anemoi(path, values, ["2t", "t_850", "tp"], chunks=(1, 3, 1, CELLS))
    return values


@pytest.mark.parametrize("depth", [2, 4])
def test_what_is_queued_later_sees_its_own_batch(tmp_path: Path, depth: int) -> None:
    values = store(tmp_path / "a.zarr")
    kept, times = [], []
    with dqwatch.Feed(tmp_path / "a.zarr", device="cuda", batch=3, depth=depth, window=2) as feed:
        for batch in feed:
            assert batch.values.is_cuda
            torch.cuda._sleep(2_000_000)  # the device is busy while the next batches are copied
            kept.append(batch.values.clone())
            times.append(batch.times)
    for fields, chosen in zip(kept, times, strict=True):
        np.testing.assert_array_equal(fields.cpu().numpy(), values[chosen])


def test_nothing_stays_on_the_device_after_an_error(tmp_path: Path) -> None:
    store(tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / "data" / "9.0.0.0").write_bytes(b"nonsense")
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    feed = dqwatch.Feed(tmp_path / "a.zarr", device="cuda")
    with pytest.raises(SourceError, match=r"chunk 9.0.0.0"):
        for _ in feed:
            pass
    feed.close()
    gc.collect()
    assert torch.cuda.memory_allocated() == before


@pytest.mark.parametrize("seed", range(4))
def test_fields_are_seen_alike(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for dtype in ("f4", "f8"):
        values = (rng.normal(3, 8, 40_001) * rng.choice([1e-3, 1, 30])).astype(dtype)
        values[rng.choice(values.size, 7 * seed, replace=False)] = np.nan
        values[rng.choice(values.size, seed, replace=False)] = -np.inf
        for bins in BINS:
            for limits in LIMITS:
                check(values, bins, limits, rng.random(values.size), Device("cuda"))


def test_the_fused_kernel_is_used() -> None:
    values = torch.zeros((2, 100), device="cuda")
    assert on_device._find_fused(values) is not None
    sight = on_device.Sight(np.dtype("f4"), [linear_bins(0.0, 1.0)] * 2, np.empty(0), values.device)
    assert on_device.look(values, sight).counts.sum(1).tolist() == [100, 100]


def test_an_audit_finds_the_same(tmp_path: Path) -> None:
    path = write_store(tmp_path / "x.zarr")
    host, device = dqwatch.audit(path), dqwatch.audit(path, device="cuda")
    assert device.summary == host.summary
    for column in ("n_nan", "n_inf", "min", "max", "q50", "data_hash", "nan_hash"):
        pd.testing.assert_series_equal(device.tables["fields"][column], host.tables["fields"][column])


def test_tensors_are_scored_where_they_are() -> None:
    baseline = build(make_source({k: f[:N] for k, f in FIELDS.items()}))
    values = np.stack([FIELDS[name][N:] for name in NAMES], axis=1)
    given = {"times": SECONDS, "variables": NAMES}
    host = dqwatch.score(values, baseline, **given)
    found = dqwatch.score(torch.from_numpy(values).cuda(), baseline, **given)
    pd.testing.assert_series_equal(found.drift["p_value"], host.drift["p_value"])
    np.testing.assert_allclose(found.drift["score"], host.drift["score"], rtol=1e-9)
