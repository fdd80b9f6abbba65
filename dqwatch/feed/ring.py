"""The buffers of a feed, on the host and on the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from dqwatch.feed.lanes import Lanes
from dqwatch.feed.plan import Plan
from dqwatch.feed.workers import Results
from dqwatch.storage import ChunkKind


class Ring:
    """Buffers on the host and the device, each used by one batch after the other.

    Parameters
    ----------
    lanes : Lanes
    depth : int
        Buffers on the host.
    shape : tuple of int
        Of a batch.
    packed : tuple of ChunkKind and int, optional
        Where dates come as they are stored: how their chunks lie, and the bytes that the buffer of a date has.
    """

    def __init__(
        self, lanes: Lanes, depth: int, shape: tuple[int, ...], packed: tuple[ChunkKind, int] | None = None
    ) -> None:
        self._lanes = lanes
        self._unpacker = None if packed is None else lanes.make_unpacker(packed[0])
        host_shape = shape if packed is None else (*shape[:2], packed[1] // 4)
        self._hosts = [lanes.make_host(host_shape) for _ in range(depth)]
        self._targets = [lanes.make_target(shape) for _ in range(lanes.n_targets)]
        self._copied: list[Any] = [None] * depth
        """Of each host buffer, the copy that must be over before it is written again."""
        # New memory may be what work that is queued still uses.
        self._used: list[Any] = [lanes.mark() for _ in self._targets]
        """Of each buffer on the device, what must be over before it is written again."""

    def host(self, batch: int) -> np.ndarray:
        """The buffer that a batch is decoded into."""
        return self._hosts[batch % len(self._hosts)][0]

    def wait(self, batch: int) -> None:
        """Wait until the buffer of a batch may be written."""
        copied = self._copied[batch % len(self._hosts)]
        if copied is not None:
            copied.synchronize()

    def deliver(self, plan: Plan, results: Results) -> Iterator[tuple[int, Any]]:
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
            try:
                yield batch, self._targets[target][: len(plan.samples_of(batch))]
            finally:  # of an epoch that is broken off too: the next one has these buffers
                self._used[target] = self._lanes.mark()
            queued.popleft()

    def _take(self, plan: Plan, results: Results, batch: int) -> list[Any]:
        return [results.take(position) for position in range(*plan.items_of(batch))]

    def _queue(self, plan: Plan, results: Results, batch: int) -> None:
        """Copy a batch as soon as it is decoded; its host buffer may be decoded into when that is done."""
        taken = self._take(plan, results, batch)
        host, target = batch % len(self._hosts), batch % len(self._targets)
        given = self._hosts[host][1], self._targets[target], self._used[target]
        if self._unpacker is None:
            self._copied[host] = self._lanes.copy(*given)
        else:
            arrived = [one for one in taken if one is not None]
            self._copied[host] = self._lanes.unpack(self._unpacker, arrived, *given)
        results.let_begin(plan.items_of(batch)[1])
