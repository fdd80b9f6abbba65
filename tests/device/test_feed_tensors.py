"""The feed as tensors, and as a data set of torch."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from metrics.fake_source import FakeSource
from sources.zarr_files import make_anemoi
from torch.utils.data import DataLoader

import dqwatch
from dqwatch.errors import SourceError, UsageError
from dqwatch.feed.training import FeedDataset

NAMES = ["2t", "t_850", "tp"]
TIMES, CELLS = 13, 208


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(5).normal(280, 9, (TIMES, len(NAMES), 1, CELLS)).astype("f4")


@pytest.fixture
def store(tmp_path: Path, values: np.ndarray) -> Path:
    make_anemoi(tmp_path / "a.zarr", values, NAMES, chunks=(1, 3, 1, CELLS))
    return tmp_path / "a.zarr"


@pytest.mark.parametrize("device", ["cpu", "torch:cpu", torch.device("cpu")])
def test_batches_are_tensors(store: Path, values: np.ndarray, device: object) -> None:
    with dqwatch.Feed(store, device=device, batch=4) as feed:
        seen = 0
        for batch in feed:
            assert isinstance(batch.values, torch.Tensor)
            assert batch.values.dtype == torch.float32
            np.testing.assert_array_equal(batch.values.numpy(), values[batch.times])
            seen += len(batch.values)
    assert seen == TIMES


def test_a_device_that_is_not_there_is_told() -> None:
    source = FakeSource({"x": np.ones((2, 4), np.float32)})
    there = torch.cuda.device_count()
    with pytest.raises(UsageError, match=f"^device: got 'cuda:{there}', but of CUDA devices "):
        dqwatch.Feed(source, device=f"cuda:{there}")


def gather(batches: object) -> dict[int, np.ndarray]:
    """Position -> the date, each once."""
    found: dict[int, np.ndarray] = {}
    for fields, times in batches:  # type: ignore[attr-defined]
        for one, time in zip(fields, times.tolist(), strict=True):
            assert time[0] not in found
            found[time[0]] = one[0].numpy().copy()
    return found


@pytest.mark.parametrize("processes", [0, 2])
def test_a_data_loader_gives_each_date_once(store: Path, values: np.ndarray, processes: int) -> None:
    data = FeedDataset(store, batch=3, shuffle=1, workers=2)
    loader = DataLoader(data, batch_size=None, num_workers=processes, persistent_workers=processes > 0)
    orders = []
    for epoch in (0, 1):
        data.set_epoch(epoch)
        found = gather(loader)
        assert len(found) == TIMES - TIMES % max(processes, 1)
        for time, fields in found.items():
            np.testing.assert_array_equal(fields, values[time])
        orders.append(list(found))
    assert orders[0] != orders[1]
    data.close()
    data.close()


def test_batches_are_kept_unless_told_otherwise(store: Path, values: np.ndarray) -> None:
    kept = list(FeedDataset(store, batch=4))
    assert len({fields.data_ptr() for fields, _ in kept}) == len(kept)
    for fields, times in kept:
        np.testing.assert_array_equal(fields.numpy(), values[times.numpy()])
    lent = list(FeedDataset(store, batch=4, depth=2, keep=False))
    assert len({fields.data_ptr() for fields, _ in lent}) == 2


def test_the_epoch_decides_the_order(store: Path) -> None:
    data = FeedDataset(store, shuffle=3)
    first, again = list(gather(data)), list(gather(data))
    data.set_epoch(1)
    assert first == again != list(gather(data))


def test_ranks_share_what_worker_processes_share(store: Path) -> None:
    own = [
        set(gather(DataLoader(FeedDataset(store, share=(rank, 2)), batch_size=None, num_workers=2))) for rank in (0, 1)
    ]
    assert [len(times) for times in own] == [6, 6]
    assert len(own[0] | own[1]) == 12


def test_what_worker_processes_cannot_have_is_told(store: Path) -> None:
    source = FakeSource({"x": np.ones((2, 4), np.float32)})
    for data in (FeedDataset(source), FeedDataset(store, keep=False), FeedDataset(store, device="cuda")):
        with pytest.raises(UsageError, match=r"FeedDataset: got .* in a worker process"):
            list(DataLoader(data, batch_size=None, num_workers=1))


def test_an_error_in_a_worker_process_is_named(store: Path) -> None:
    (store / "data" / "4.0.0.0").write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=r"array 'data', chunk 4.0.0.0: cut short"):
        list(DataLoader(FeedDataset(store), batch_size=None, num_workers=1))
    with pytest.raises(SourceError, match=r"array 'data', chunk 4.0.0.0: cut short"):
        list(FeedDataset(store))
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]


def test_an_open_feed_stays_behind_when_the_data_set_travels(store: Path) -> None:
    data = FeedDataset(store)
    assert len(gather(data)) == TIMES
    assert len(gather(pickle.loads(pickle.dumps(data)))) == TIMES  # noqa: S301 (as DataLoader does)
