"""The feed: batches of fields as tensors, decoded ahead by threads into buffers that are used again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from dqwatch import sources
from dqwatch.errors import NothingThereError, UsageError
from dqwatch.feed.choosing import choose_points, choose_variables
from dqwatch.feed.devices import check_device, parse_device
from dqwatch.feed.filling import Filler
from dqwatch.feed.lanes import Lanes, make_lanes
from dqwatch.feed.orders import Order, check_share, lay_windows
from dqwatch.feed.workers import Results, Worker, default_workers, working
from dqwatch.part import check_counts
from dqwatch.types import Source

_IN_FLIGHT = 2
"""Pieces of work for each worker that the buffers should have room for."""


class Batch(NamedTuple):
    """Some samples of consecutive or shuffled dates.

    Attributes
    ----------
    values : torch.Tensor, or np.ndarray where the device is 'numpy'
        float32 (sample, step, variable, member, cell), units of the source, NaN where nothing is stored. A buffer of
        the feed: valid until the next batch is asked for.
    times : np.ndarray int64 (sample, step)
        Positions on the feed's time axis.
    labels : tuple of tuple of str
        The same as ISO 8601.
    """

    values: Any
    times: np.ndarray
    labels: tuple[tuple[str, ...], ...]


class Feed:
    """Batches of a data set, for a model or for scores, as fast as they can be decoded.

    Each iteration is an epoch. Threads decode up to `depth` batches ahead, straight into host buffers (pinned where the
    device is CUDA); from there batches are copied on a stream of their own while the caller computes. Memory is bounded
    by `nbytes`. When an iteration ends, breaks off or fails, its threads have ended.

    Parameters
    ----------
    source : Source, path, or whatever `dqwatch.open_source` takes
        A source stays open when the feed is closed; anything else is opened, and closed, by the feed.
    device : str or torch.device
        'cpu' (tensors in memory, the default), 'cuda', 'cuda:N'; 'numpy' gives arrays and needs no torch.
    batch : int
        Samples of a batch.
    depth : int
        Batches in memory: one in use and the others being decoded.
    workers : int, optional
        Threads that decode; one per core that this process may use by default.
    window : int
        Dates of a sample: 1, or 2 input steps and a target, or those of a rollout.
    hours : float, optional
        Between the dates of a sample; by default the commonest step of the time axis. Samples of which a date is absent
        or declared missing are left out.
    shuffle : int, optional
        Seed; samples come in another order in each epoch, the same in every run. In order of time by default.
    points : sequence of int, bool array or slice, optional
        The cells that are wanted; all by default.
    variables : sequence of str, optional
        Names of variables in the order wanted; by default all that share the commonest time axis and grid, in the order
        of the source. `left_out` names the others.
    drop_last : bool
        Leave out a last batch of fewer samples.
    share : tuple of int
        (rank, ranks): the samples are shared evenly between so many feeds, which have the same arguments otherwise.

    Raises
    ------
    UsageError
        If an argument is wrong, a variable is unknown or lies on another grid, or there is no such device.
    MissingExtraError
        If the device needs torch, which is not installed.
    NothingThereError
        If no sample fits the time axis.
    SourceError
        If the source cannot be opened; while iterating, if a chunk cannot be read or decoded: the message names it.
    """

    def __init__(
        self,
        source: Any,
        *,
        device: Any = "cpu",
        batch: int = 1,
        depth: int = 3,
        workers: int | None = None,
        window: int = 1,
        hours: float | None = None,
        shuffle: int | None = None,
        points: Any = None,
        variables: Sequence[str] | None = None,
        drop_last: bool = False,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        check_counts(batch=batch, workers=workers, window=window)
        if depth < 2:
            raise UsageError(f"depth: got {depth}; give 2 or more: a batch in use and one being decoded")
        if hours is not None and not hours > 0:
            raise UsageError(f"hours: got {hours}; give a number above 0")
        check_share(share)
        self.device = parse_device(device)
        check_device(self.device)
        self.depth, self.workers = depth, workers or default_workers()
        self._own = not isinstance(source, Source)
        self.source: Source = sources.open_source(source) if self._own else source
        self._ring: _Ring | None = None
        self._closed = False
        self.epoch = 0
        """Number of the next epoch, from 0 on; may be set, to go on where another run was."""
        try:
            self._lay_out(variables, points, window, hours)
            samples = lay_windows(self.axis, window, hours)
            self.order = Order(samples, batch, shuffle, drop_last, share)
            if not len(self.order):
                raise NothingThereError(self._why_none(window, hours, batch))
        except BaseException:
            self.close()
            raise

    def _lay_out(self, variables: Sequence[str] | None, points: Any, window: int, hours: float | None) -> None:
        chosen, self.left_out = choose_variables(self.source, variables)
        first = self.source.variables[chosen[0]]
        self.variables: tuple[str, ...] = tuple(self.source.variables[v].name for v in chosen)
        """Names, in the order of a batch."""
        self.axis = self.source.times[first.times]
        """The time axis, to which `Batch.times` point."""
        self.grid = self.source.grids[first.grid]
        cells = choose_points(points, self.grid.n_cells)
        self._filler = Filler(self.source, chosen, cells)
        n_cells = self.grid.n_cells if cells is None else cells.size
        self._sample_shape = (window, len(chosen), first.members, n_cells)

    def _why_none(self, window: int, hours: float | None, batch: int) -> str:
        apart = "" if hours is None else f" {hours:g} h apart"
        dates = f"{window} dates{apart}" if window > 1 else "a date"
        return (
            f"{self.source.name}: no batch of {batch} samples of {dates} fits the {len(self.axis)} times of its axis "
            f"'{self.axis.name}'"
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a whole batch: (sample, step, variable, member, cell)."""
        return (self.order.batch, *self._sample_shape)

    @property
    def batch_bytes(self) -> int:
        """Of a whole batch."""
        return int(np.prod(self.shape, dtype=np.int64)) * 4

    @property
    def nbytes(self) -> int:
        """Host memory of the buffers; a CUDA device has three batches besides."""
        return self.depth * self.batch_bytes

    @cached_property
    def parts(self) -> int:
        """Pieces that a date is decoded in, so that every worker has something to do."""
        dates = self.order.batch * self._sample_shape[0] * (self.depth - 1)
        needed = -(-_IN_FLIGHT * self.workers // dates)
        return max(1, min(needed, self._filler.blocks_of_a_date, len(self.variables)))

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        return len(self.order)

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        if self._closed:
            raise UsageError(f"{self.source.name}: this feed is closed")
        samples = self.order.epoch(self.epoch)
        self.epoch += 1
        return self._deliver(samples)

    def _deliver(self, samples: np.ndarray) -> Iterator[Batch]:
        ring, self._ring = self._ring or _Ring(make_lanes(self.device), self.depth, self.shape), None
        plan = _Plan(samples, self.order.batch, self.parts)
        ahead = self.depth * plan.per_batch
        work = self._worker(ring, plan)
        try:
            with working(plan, work, workers=self.workers, describe=self._name, ahead=ahead) as results:
                for number, values in ring.deliver(plan, results):
                    times = plan.samples_of(number)
                    labels = tuple(tuple(self.axis.labels[t] for t in row) for row in times.tolist())
                    yield Batch(values, times, labels)
                    del values
        except GeneratorExit:  # the caller broke off: nothing is wrong with the buffers
            self._keep(ring)
            raise
        self._keep(ring)

    def _keep(self, ring: _Ring) -> None:
        """Buffers for the next epoch, which are dear to make."""
        if not self._closed:
            self._ring = ring

    def _worker(self, ring: _Ring, plan: _Plan) -> Any:
        def work(item: _Item, worker: Worker) -> None:
            if item.first:
                ring.wait(item.batch)
                host = ring.host(item.batch)
                self._filler.fill(item.time, item.part, plan.parts, host[item.place], worker)
                for place in item.again:
                    low, high = (len(self.variables) * k // plan.parts for k in (item.part, item.part + 1))
                    host[place][low:high] = host[item.place][low:high]

        return work

    def _name(self, item: _Item) -> str:
        return f"{self.source.name}: {self.axis.labels[item.time]}"

    def close(self) -> None:
        """Let go of buffers and, if the feed opened it, of the source; harmless when called twice."""
        self._closed, self._ring = True, None
        if self._own:
            self.source.close()

    def __enter__(self) -> Feed:
        """The feed itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class _Item(NamedTuple):
    """A date of a batch, or a part of it, to be decoded."""

    batch: int
    place: tuple[int, int]
    time: int
    part: int
    first: bool
    """Whether the batch has this date for the first time."""
    again: tuple[tuple[int, int], ...]
    """Where else it has it."""


class _Plan(Sequence[_Item]):
    """All items of an epoch, each made when it is asked for."""

    def __init__(self, samples: np.ndarray, batch: int, parts: int) -> None:
        self._samples, self._batch, self.parts = samples, batch, parts
        self.per_batch = batch * samples.shape[1] * parts
        self.n_batches = -(-len(samples) // batch)

    def samples_of(self, batch: int) -> np.ndarray:
        return self._samples[batch * self._batch : (batch + 1) * self._batch]

    def items_of(self, batch: int) -> tuple[int, int]:
        """The first item of a batch, and the first after it."""
        return batch * self.per_batch, min((batch + 1) * self.per_batch, len(self))

    def __len__(self) -> int:
        return self._samples.size * self.parts

    def __getitem__(self, index: Any) -> Any:
        batch, inner = divmod(int(index), self.per_batch)
        samples = self.samples_of(batch)
        flat, part = divmod(inner, self.parts)
        place = divmod(flat, samples.shape[1])
        time = int(samples[place])
        same = [(int(a), int(b)) for a, b in np.argwhere(samples == time)] if samples.size > 1 else [place]
        return _Item(batch, place, time, part, same[0] == place, tuple(same[1:]))


class _Ring:
    """Buffers on the host and the device, each used by one batch after the other."""

    def __init__(self, lanes: Lanes, depth: int, shape: tuple[int, ...]) -> None:
        self._lanes = lanes
        self._hosts = [lanes.make_host(shape) for _ in range(depth)]
        self._targets = [lanes.make_target(shape) for _ in range(lanes.n_targets)]
        self._copied: list[Any] = [None] * depth
        """Of each host buffer, the copy that must be over before it is written again."""
        self._used: list[Any] = [None] * lanes.n_targets
        """Of each buffer on the device, what must be over before it is written again."""

    def host(self, batch: int) -> np.ndarray:
        """The buffer that a batch is decoded into."""
        return self._hosts[batch % len(self._hosts)][0]

    def wait(self, batch: int) -> None:
        """Wait until the buffer of a batch may be written."""
        copied = self._copied[batch % len(self._hosts)]
        if copied is not None:
            copied.synchronize()

    def deliver(self, plan: _Plan, results: Results) -> Iterator[tuple[int, Any]]:
        """Each batch in order, with its values; the buffer goes back when the next one is asked for."""
        if not self._targets:
            for batch in range(plan.n_batches):
                self._take(plan, results, batch)
                yield batch, self._hosts[batch % len(self._hosts)][1][: len(plan.samples_of(batch))]
                results.let_begin(plan.items_of(batch)[1])
            return
        queued: deque[int] = deque()
        following = 0
        for batch in range(plan.n_batches):
            while following < plan.n_batches and len(queued) < len(self._targets) - 1:
                if queued and not results.ready(*plan.items_of(following)):
                    break
                self._queue(plan, results, following)
                queued.append(following)
                following += 1
            target = batch % len(self._targets)
            self._lanes.hand_over(self._copied[batch % len(self._hosts)])
            yield batch, self._targets[target][: len(plan.samples_of(batch))]
            queued.popleft()
            self._used[target] = self._lanes.mark()

    def _take(self, plan: _Plan, results: Results, batch: int) -> None:
        for position in range(*plan.items_of(batch)):
            results.take(position)

    def _queue(self, plan: _Plan, results: Results, batch: int) -> None:
        """Copy a batch as soon as it is decoded; its host buffer may be decoded into when that is done."""
        self._take(plan, results, batch)
        host, target = batch % len(self._hosts), batch % len(self._targets)
        self._copied[host] = self._lanes.copy(self._hosts[host][1], self._targets[target], self._used[target])
        results.let_begin(plan.items_of(batch)[1])
