"""The callback of anemoi-training: cases of it that a whole training is too dear for.

Data set, loss, training module and the base class of Lightning are stand-ins here; torch and its loader, with worker
processes, are real. A real training: test_training_run.
"""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from dqwatch.errors import MissingExtraError, UsageError
from dqwatch.learning.reading import read_series

NAMES = {"2t": 1, "t_850": 0, "swvl1": 2}
DATES = np.datetime64("2001-01-01T00", "s") + np.arange(40) * np.timedelta64(6, "h")


class Data(torch.utils.data.IterableDataset):
    """As `MultiDataset`: shuffles by a seed of the epoch, each worker takes its part; a sample holds its own index."""

    def __init__(self) -> None:
        self.anchors = np.array([(0, position) for position in range(3, 38)])
        self.data_readers = {"data": SimpleNamespace(dates=DATES)}
        self.epoch = 0

    def per_worker_init(self, n_workers: int, worker_id: int) -> None:
        self.part = np.array_split(np.arange(len(self.anchors)), n_workers)[worker_id]
        torch.manual_seed(42 + self.epoch)
        random.seed(42 + self.epoch)
        self.rng = np.random.default_rng(42 + self.epoch)

    def get_sample(self, index: int) -> torch.Tensor:
        return torch.tensor([float(self.anchors[index][1])])

    def __iter__(self):
        for i in self.rng.choice(np.arange(len(self.anchors)), len(self.anchors), replace=False)[self.part]:
            yield self.get_sample(i)


def start_worker(worker: int) -> None:
    info = torch.utils.data.get_worker_info()
    info.dataset.per_worker_init(info.num_workers, worker)


class Loss(torch.nn.Module):
    """As the losses of anemoi-training: a number, or with `squash=False` one for each variable."""

    def forward(self, pred, target, squash=True, *, weight=1.0):
        each = weight * ((pred - target) ** 2).mean(dim=0)
        return each.mean() if squash else each


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch):
    """The module of the callback, with a stand-in for the base class of Lightning."""
    stub = ModuleType("pytorch_lightning.callbacks")
    stub.Callback = type("Callback", (), {})
    monkeypatch.setitem(sys.modules, "pytorch_lightning", ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.callbacks", stub)
    monkeypatch.delitem(sys.modules, "dqwatch.integrations.anemoi_training", raising=False)
    yield importlib.import_module("dqwatch.integrations.anemoi_training")
    sys.modules.pop("dqwatch.integrations.anemoi_training", None)


def train(callback, loader, epochs: int, *, epoch_of=lambda loader, epoch: None) -> list[tuple[list, np.ndarray]]:
    """A loop that calls the hooks in the order of Lightning; the dates and losses of every batch."""
    loss, seen, step = Loss(), [], 0
    indices = {"data": SimpleNamespace(model=SimpleNamespace(output=SimpleNamespace(name_to_index=NAMES)))}
    pl_module = SimpleNamespace(loss=torch.nn.ModuleDict({"data": loss}), data_indices=indices)
    trainer = SimpleNamespace(is_global_zero=True, train_dataloader=loader, global_step=0)
    callback.on_train_start(trainer, pl_module)
    for epoch in range(epochs):
        epoch_of(loader, epoch)
        callback.on_train_epoch_start(trainer, pl_module)
        for k, batch in enumerate(loader):
            callback.on_train_batch_start(trainer, pl_module, batch, k)
            pred, target = torch.full((4, 3), float(step)), torch.tensor([[0.0, 1.0, 2.0]]).repeat(4, 1)
            value = loss(pred, target, weight=2.0)
            trainer.global_step = step = step + 1
            callback.on_train_batch_end(trainer, pl_module, {"loss": value}, batch, k)
            each = 2.0 * (pred - target).numpy()[0] ** 2
            assert value.item() == pytest.approx(each.mean())
            seen.append(([str(DATES[int(p)]) for p in batch.reshape(-1).tolist()], each))
    loss(torch.zeros(4, 3), torch.zeros(4, 3))
    callback.on_train_end(trainer, pl_module)
    return seen


@pytest.mark.parametrize("persistent", [True, False])
def test_losses_and_dates_are_those_of_the_batches(module, tmp_path: Path, persistent: bool) -> None:
    loader = torch.utils.data.DataLoader(
        Data(), batch_size=4, num_workers=2, worker_init_fn=start_worker, persistent_workers=persistent
    )

    def next_epoch(loader, epoch: int) -> None:
        loader.dataset.epoch = epoch

    before = torch.get_rng_state(), random.getstate()
    seen = train(module.LossSeries(str(tmp_path / "losses.csv")), loader, 2, epoch_of=next_epoch)
    assert random.getstate() == before[1], "the generators of the process are as they were"
    table = pd.read_csv(tmp_path / "losses.csv")
    assert list(table) == ["step", "dates", "t_850", "2t", "swvl1"]
    assert table["step"].tolist() == list(range(1, len(seen) + 1))
    assert [text.split() for text in table["dates"]] == [dates for dates, _ in seen]
    np.testing.assert_allclose(table[["t_850", "2t", "swvl1"]], [each for _, each in seen], rtol=1e-5)
    assert {d for dates, _ in seen[: len(seen) // 2] for d in dates} == {str(DATES[p]) for p in range(3, 38)}
    series = read_series(str(tmp_path / "losses.csv"))
    assert series.variables == ("t_850", "2t", "swvl1")
    assert str(series.dates[0][0]) == seen[0][0][0]


def test_every_nth_batch_and_no_dates_without_workers(module, tmp_path: Path, caplog) -> None:
    data = torch.utils.data.DataLoader(torch.arange(35.0).reshape(-1, 1) + 3, batch_size=4)
    train(module.LossSeries(str(tmp_path / "sub" / "losses.csv"), every=3), data, 1)
    table = pd.read_csv(tmp_path / "sub" / "losses.csv")
    assert table["step"].tolist() == [1, 4, 7]
    assert table["dates"].isna().all()
    assert "dates of batches are not known" in caplog.text


def test_a_resumed_run_goes_on_and_other_variables_are_refused(module, tmp_path: Path) -> None:
    data = torch.utils.data.DataLoader(torch.arange(8.0).reshape(-1, 1) + 3, batch_size=4)
    for _ in range(2):
        train(module.LossSeries(str(tmp_path / "losses.csv")), data, 1)
    assert pd.read_csv(tmp_path / "losses.csv")["step"].tolist() == [1, 2, 1, 2]
    (tmp_path / "losses.csv").write_text("step,dates,tp\n")
    with pytest.raises(UsageError, match="losses of other variables"):
        train(module.LossSeries(str(tmp_path / "losses.csv")), data, 1)
    with pytest.raises(UsageError, match="every: got 0"):
        module.LossSeries(every=0)
    with pytest.raises(UsageError, match="dataset: got 'nix'; the loss is of data"):
        train(module.LossSeries(str(tmp_path / "b.csv"), dataset="nix"), data, 1)


def test_without_lightning_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):  # one may have been imported by the other
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "dqwatch.integrations.anemoi_training", raising=False)
    with pytest.raises(MissingExtraError, match="needs pytorch-lightning"):
        importlib.import_module("dqwatch.integrations.anemoi_training")
