"""Batches for a model from an object store: those of the local store, and nothing left behind by what fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feed.feeds import CELLS, NAMES, assert_holds, batches, feed, values_of
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.errors import SourceError
from dqwatch.metrics import feed_speeds
from dqwatch.sources import remote

Share = Callable[[Path], str]


@pytest.fixture
def values(tmp_path: Path) -> np.ndarray:
    values = values_of()
    make_anemoi(tmp_path / "a.zarr", values, NAMES, chunks=(1, 3, 1, CELLS))
    return values


@pytest.mark.parametrize("share", ["http", "memory"], indirect=True)
def test_batches_are_those_of_the_local_store(share: Share, tmp_path: Path, values: np.ndarray) -> None:
    url = share(tmp_path / "a.zarr")
    with feed(url, batch=2, window=2, shuffle=1) as fed:
        assert_holds(batches(fed), values)
    with feed(url, points=[5, 3], variables=["tp", "2t"], workers=3) as fed:
        assert_holds(batches(fed), values[:, [3, 0]][..., [5, 3]])


def test_a_cache_feeds_the_second_time(http: Any, tmp_path: Path, values: np.ndarray) -> None:
    for epoch in range(2):
        with feed(dqwatch.open_source(f"{http.url}/a.zarr", cache=tmp_path / "cache")) as fed:
            assert_holds(batches(fed), values)
        asked = len(http.bodies("data/4.0.0.0"))
        assert asked == 1, epoch


def test_a_chunk_that_does_not_come_is_named_and_leaves_nothing(
    http: Any, tmp_path: Path, values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PAUSES_S", (0.0,))
    fed = feed(f"{http.url}/a.zarr", batch=2)
    http.failing["data/4.0.0.0"] = 500
    with (
        fed,
        pytest.raises(SourceError, match=rf"^a.zarr: 2020-01-02T00:00:00: .*{http.url}/a\.zarr/data/4\.0\.0\.0: "),
    ):
        batches(fed)
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]


def test_what_feeds_from_elsewhere_is_measured(http: Any, values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_speeds, "SECONDS", 0.05)
    monkeypatch.setattr(feed_speeds, "_COPY_BYTES", 1 << 20)
    http.delay = 0.004
    found = dqwatch.inspect(f"{http.url}/a.zarr", feed=True, step_time=1e-6).feeding
    assert found is not None
    assert found.step is not None
    assert found.step.share < 1
    if found.best.idle is None or found.best.idle > 0.25 * found.copies.cores:  # others may keep the cores busy
        assert found.cause == "storage"
        assert any("bring the data nearer" in line for line in found.suggestions)
