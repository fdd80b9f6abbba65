"""Which dates the batches of an epoch of anemoi-training are made of: its batches do not say.

The order of samples follows from a seed. Copies of the data set, one for each worker of the loader, are set up as its
workers are and asked for indices instead of samples; the loader takes batches of its workers by turns.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np

from dqwatch.feed.devices import load_torch

_NEEDED = ("per_worker_init", "get_sample", "anchors", "data_readers")


class BatchDates:
    """The dates of the batches that a loader gives, epoch by epoch."""

    def __init__(self) -> None:
        self._workers: list[Any] = []
        """Copies of the data set as persistent workers hold them."""

    def next_epoch(self, loader: Any) -> list[list[np.datetime64]] | None:
        """The dates of the samples of each batch of the epoch that begins.

        Parameters
        ----------
        loader : torch.utils.data.DataLoader
            Over a `MultiDataset` of anemoi-training.

        Returns
        -------
        list of list of datetime64
            Of each sample the date of its anchor, the last state that a model starts from; or None where the data set
            is of another kind, or has no workers.
        """
        dataset, n_workers = loader.dataset, int(loader.num_workers)
        if n_workers < 1 or any(not hasattr(dataset, name) for name in _NEEDED):
            return None
        if not (self._workers and loader.persistent_workers):
            self._workers = [_copy_for(dataset, n_workers, worker) for worker in range(n_workers)]
        orders = [[int(index) for index in worker] for worker in self._workers]
        dates = np.asarray(next(iter(dataset.data_readers.values())).dates).astype("M8[s]")
        anchors = self._workers[0].anchors
        return [[dates[int(anchors[i][1])] for i in batch] for batch in take_turns(orders, int(loader.batch_size))]


def _copy_for(dataset: Any, n_workers: int, worker: int) -> Any:
    """A copy that gives indices; setting it up seeds generators of the process, which get back what they had."""
    own = copy.copy(dataset)
    state = random.getstate()
    with load_torch("dates").random.fork_rng():
        own.per_worker_init(n_workers=n_workers, worker_id=worker)
    random.setstate(state)
    own.get_sample = lambda index: index
    return own


def take_turns(orders: list[list[int]], batch_size: int) -> list[list[int]]:
    """The batches that a loader gives: one of each worker in turn; a worker that has none left is passed over."""
    queues = [[order[i : i + batch_size] for i in range(0, len(order), batch_size)] for order in orders]
    most = max(map(len, queues), default=0)
    return [queue[k] for k in range(most) for queue in queues if k < len(queue)]
