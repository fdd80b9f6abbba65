"""The feed as a data set of torch, for training loops and `torch.utils.data.DataLoader`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dqwatch.errors import UsageError
from dqwatch.feed.devices import load_torch
from dqwatch.feed.feed import Feed
from dqwatch.feed.workers import default_workers
from dqwatch.types import Source

_torch = load_torch("FeedDataset")
_Base: Any = _torch.utils.data.IterableDataset


class FeedDataset(_Base):
    """Batches of a data set; for `DataLoader(FeedDataset(...), batch_size=None, num_workers=N)`, or to iterate.

    With `num_workers` 0 threads of this process decode, which is the fastest way; worker processes share the batches
    between them.

    Parameters
    ----------
    data : path, or whatever `dqwatch.open_source` takes
        Worker processes need a path, which each of them opens.
    keep : bool
        Whether each batch is memory of its own. If not, it is a buffer of the feed, valid until the next one is asked
        for, which saves a copy; only with `num_workers` 0.
    **arguments
        As for `dqwatch.Feed`. `workers` are the threads of all worker processes together.

    Yields
    ------
    values : torch.Tensor float32 (sample, step, variable, member, cell)
    times : torch.Tensor int64 (sample, step)
        Positions on the time axis.

    Raises
    ------
    UsageError
        While iterating: as `dqwatch.Feed`; or if what worker processes cannot have is asked of them: a source that is
        open already, a CUDA device, `keep=False`.
    SourceError
        While iterating, as `dqwatch.Feed`.
    MissingExtraError
        If torch is not installed.
    """

    def __init__(self, data: Any, *, keep: bool = True, **arguments: Any) -> None:
        super().__init__()
        self._data, self._keep, self._arguments = data, keep, arguments
        self._epoch = _torch.zeros(1, dtype=_torch.int64).share_memory_()
        self._feed: Feed | None = None

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, where samples are shuffled; every epoch has the same order otherwise."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """The batches of an epoch; in a worker process its share of them."""
        info = _torch.utils.data.get_worker_info()
        if info is not None:
            with self._open_share(info.id, info.num_workers) as feed:
                yield from self._batches(feed)
            return
        if self._feed is None:
            self._feed = Feed(self._data, **self._arguments)
        yield from self._batches(self._feed)

    def _batches(self, feed: Feed) -> Iterator[tuple[Any, Any]]:
        feed.epoch = int(self._epoch.item())
        for batch in feed:
            values = batch.values.clone() if self._keep else batch.values
            yield values, _torch.from_numpy(batch.times.copy())

    def _open_share(self, number: int, processes: int) -> Feed:
        """The feed of a worker process."""
        device = str(self._arguments.get("device", "cpu"))
        if isinstance(self._data, Source) or not self._keep or device not in ("cpu", "torch:cpu"):
            what = (
                "a source that is open" if isinstance(self._data, Source) else f"keep={self._keep}, device '{device}'"
            )
            raise UsageError(f"FeedDataset: got {what} in a worker process; give a path, or use num_workers=0")
        rank, ranks = self._arguments.get("share", (0, 1))
        threads = self._arguments.get("workers") or default_workers()
        share = (rank * processes + number, ranks * processes)
        return Feed(self._data, **{**self._arguments, "share": share, "workers": max(1, threads // processes)})

    def close(self) -> None:
        """Let go of buffers and of the data; harmless when called twice."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def __getstate__(self) -> dict[str, Any]:
        """What worker processes are given: not an open feed."""
        return {**self.__dict__, "_feed": None}
