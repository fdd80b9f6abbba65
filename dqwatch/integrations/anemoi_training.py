"""A callback of anemoi-training that writes the loss of each variable, and the dates of each batch.

    diagnostics:
      callbacks:
      - _target_: dqwatch.integrations.anemoi_training.LossSeries
        path: losses.csv
        every: 10

`dqwatch losses losses.csv --against TABLES` then tells what stands out, and which data are behind it.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from dqwatch.errors import MissingExtraError, UsageError
from dqwatch.feed.devices import load_torch
from dqwatch.integrations.batch_dates import BatchDates
from dqwatch.integrations.loss_file import LossFile

try:
    from pytorch_lightning.callbacks import Callback
except ImportError as error:
    raise MissingExtraError(
        "the callback LossSeries needs pytorch-lightning, as anemoi-training does: pip install anemoi-training"
    ) from error

LOG = logging.getLogger("dqwatch")


class LossSeries(Callback):
    """Writes the training loss of each variable, as the loss function weighs it, and the dates of the samples.

    The loss of a batch is computed once more, variable by variable (`squash=False`), without gradients; over the steps
    of a rollout it is averaged. One process writes, the first; with several, dates are those of its own samples.

    Parameters
    ----------
    path : str
        CSV file; a run that is resumed goes on in it.
    every : int
        Write every n-th batch.
    dataset : str, optional
        Name of the data set whose loss is written; the first by default.

    Raises
    ------
    UsageError
        If `every` is below 1.
    """

    def __init__(self, path: str = "losses.csv", every: int = 1, dataset: str | None = None) -> None:
        super().__init__()
        if every < 1:
            raise UsageError(f"every: got {every}; allowed are whole numbers from 1 on")
        self._path, self._every, self._dataset = path, every, dataset
        self._file: LossFile | None = None
        self._dates: list[list[np.datetime64]] | None = None
        self._batch_dates = BatchDates()
        self._seen: list[Any] = []
        self._watching = self._computing = False
        self._hook: Any = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Look at what the loss function is given."""
        name = self._dataset or next(iter(pl_module.loss.keys()))
        if name not in pl_module.loss:
            raise UsageError(f"dataset: got '{name}'; the loss is of {', '.join(pl_module.loss.keys())}")
        places = pl_module.data_indices[name].model.output.name_to_index
        variables = sorted(places, key=lambda variable: places[variable])
        if trainer.is_global_zero:
            self._file = LossFile(self._path, variables)
        self._hook = pl_module.loss[name].register_forward_hook(self._compute, with_kwargs=True)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Look no longer."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Find the dates of the batches to come."""
        self._dates = self._batch_dates.next_epoch(trainer.train_dataloader)
        if self._dates is None:
            LOG.warning("the dates of batches are not known: no workers, or a data set of another kind")

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Look at this batch if its turn has come."""
        self._watching, self._seen = batch_idx % self._every == 0, []

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        """Look away: what was not kept for the gradients, the loss among it, is computed once more for them."""
        self._watching = False

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Write what was seen."""
        self._watching = False
        if self._file is None or not self._seen:
            return
        losses = load_torch("losses").stack(self._seen).mean(dim=0).cpu().tolist()
        dates = self._dates[batch_idx] if self._dates is not None and batch_idx < len(self._dates) else []
        self._file.append(int(trainer.global_step), losses, dates)

    def _compute(self, module: Any, arguments: tuple[Any, ...], named: dict[str, Any], _: Any) -> None:
        """The loss of each variable, from what the loss function was given."""
        if not self._watching or self._computing:
            return
        self._computing = True
        try:
            with load_torch("losses").no_grad():
                found = module(*arguments[:2], **{**named, "squash": False})
        finally:
            self._computing = False
        self._seen.append(found.detach().float().reshape(-1))
