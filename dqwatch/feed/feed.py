"""The feed: batches of fields as tensors, decoded ahead by threads into buffers that are used again and again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np

from dqwatch import sources
from dqwatch.errors import NothingThereError, UsageError
from dqwatch.feed.choosing import choose_points, choose_variables
from dqwatch.feed.decoders import check_decoder
from dqwatch.feed.devices import check_device, parse_device
from dqwatch.feed.filling import Filler
from dqwatch.feed.lanes import make_lanes
from dqwatch.feed.orders import Order, check_share, lay_windows
from dqwatch.feed.packing import Packer
from dqwatch.feed.plan import Item, Plan
from dqwatch.feed.ring import Ring
from dqwatch.feed.unpacking import Arrived
from dqwatch.feed.workers import Worker, default_workers, working
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
    decoder : str
        'host': threads decode (the default). 'nvcomp': threads only read, and chunks are decoded on the CUDA device by
        nvCOMP; of anemoi's Zarr stores, with Blosc (lz4, lz4hc, zstd, zlib), zstd, lz4, zlib, gzip or no compression.

    Raises
    ------
    UsageError
        If an argument is wrong, a variable is unknown or lies on another grid, there is no such device, or the decoder
        cannot be used with it or with this source.
    MissingExtraError
        If the device needs torch, or the decoder nvCOMP, which is not installed.
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
        decoder: str = "host",
    ) -> None:
        check_counts(batch=batch, workers=workers, window=window)
        if depth < 2:
            raise UsageError(f"depth: got {depth}; give 2 or more: a batch in use and one being decoded")
        if hours is not None and not hours > 0:
            raise UsageError(f"hours: got {hours}; give a number above 0")
        check_share(share)
        self.device = parse_device(device)
        check_device(self.device)
        check_decoder(decoder, self.device)
        self.decoder = decoder
        self.depth, self.workers = depth, workers or default_workers()
        self._own = not isinstance(source, Source)
        self.source: Source = sources.open_source(source) if self._own else source
        self._ring: Ring | None = None
        self._closed = False
        self._running: WeakSet[Generator[Batch, None, None]] = WeakSet()
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
        self._packer = None if self.decoder == "host" else Packer(self.source, chosen, cells)
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
        """Host memory of the buffers; a CUDA device has three batches besides, and one more where it decodes."""
        if self._packer is None:
            return self.depth * self.batch_bytes
        return self.depth * self.order.batch * self._sample_shape[0] * self._packer.room

    @cached_property
    def parts(self) -> int:
        """Pieces that a date is decoded in, so that every worker has something to do."""
        if self._packer is not None:
            return 1
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
        running = self._deliver(samples)
        self._running.add(running)
        return running

    def _deliver(self, samples: np.ndarray) -> Generator[Batch, None, None]:
        ring, self._ring = self._ring or self._make_ring(), None
        plan = Plan(samples, self.order.batch, self.parts)
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

    def _make_ring(self) -> Ring:
        packed = None if self._packer is None else (self._packer.kind, self._packer.room)
        return Ring(make_lanes(self.device), self.depth, self.shape, packed)

    def _keep(self, ring: Ring) -> None:
        """Buffers for the next epoch, which are dear to make."""
        if not self._closed:
            self._ring = ring

    def _worker(self, ring: Ring, plan: Plan) -> Any:
        packer = self._packer

        def pack(item: Item, worker: Worker) -> Arrived | None:
            if not item.first or packer is None:
                return None
            ring.wait(item.batch)
            buffer = ring.host(item.batch)[item.place].view(np.uint8)
            return Arrived(item.place, item.again, packer.pack(item.time, buffer, worker))

        def work(item: Item, worker: Worker) -> None:
            if item.first:
                ring.wait(item.batch)
                host = ring.host(item.batch)
                self._filler.fill(item.time, item.part, plan.parts, host[item.place], worker)
                for place in item.again:
                    low, high = (len(self.variables) * k // plan.parts for k in (item.part, item.part + 1))
                    host[place][low:high] = host[item.place][low:high]

        return work if packer is None else pack

    def _name(self, item: Item) -> str:
        return f"{self.source.name}: {self.axis.labels[item.time]}"

    def close(self) -> None:
        """End epochs that still run, let go of buffers and, if the feed opened it, of the source.

        Harmless when called twice. Called by the thread that takes the batches it leaves no other thread behind.
        """
        self._closed, self._ring = True, None
        for running in list(self._running):
            with suppress(ValueError):  # another thread is in it, and ends it when it leaves it
                running.close()
        if self._own:
            self.source.close()

    def __enter__(self) -> Feed:
        """The feed itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
