"""How fast a model can be fed from a data set here: batches of shuffled samples, for a few seconds."""

from __future__ import annotations

import math
import time
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from dqwatch.errors import NothingThereError
from dqwatch.feed.devices import Device, device_memory
from dqwatch.feed.feed import Feed
from dqwatch.feed.lanes import make_lanes
from dqwatch.feed.workers import default_workers
from dqwatch.metrics.feeding import (
    DEPTH,
    MEMORY,
    Copies,
    Feeding,
    Limits,
    Speed,
    judge_step,
    name_bottleneck,
    suggest,
)
from dqwatch.metrics.machine import host_memory, idle_seconds
from dqwatch.types import Source

WINDOW = 3
"""Dates of a sample of training: two states to start from and the one to be forecast."""
SECONDS = 1.0
"""That one setting is measured for, at least until a few batches have come."""
_LEAST = 4
"""Batches after which a measurement may end."""
_EPOCHS = 1000
"""Of small data as many as fit into the time."""
_BATCHES = (1, 2, 4)
_COPY_BYTES = 1 << 27


def measure_feeding(
    source: Source,
    *,
    batch: int = 1,
    step_time: float | None = None,
    device: Device | None = None,
    remote: bool = False,
    decoder: str = "host",
) -> Feeding:
    """Feed batches of shuffled samples for a few seconds, with several numbers of workers and sizes of a batch.

    Parameters
    ----------
    source : Source
    batch : int
        Samples of a batch that is asked for; it is tried besides others.
    step_time : float, optional
        Seconds that a model's step takes with such a batch.
    device : Device, optional
        Measure the copy to it too; batches stay on the host by default.
    remote : bool
        Whether the data come from elsewhere, so that reading them again is no faster.
    decoder : str
        As for `Feed`; 'nvcomp' feeds the device.

    Raises
    ------
    NothingThereError
        If there is no date to feed.
    SourceError
        If a chunk cannot be read.
    """
    began, cores, memory = time.perf_counter(), default_workers(), host_memory()
    window, n_samples = _choose_window(source)
    way = _Way("numpy" if decoder == "host" else device, decoder)
    first, again = _read_twice(source, window, cores, way)
    sample_bytes = round(first.bytes / first.samples)
    fitting = [
        n
        for n in sorted({*_BATCHES, batch})
        if n <= n_samples and (n == 1 or memory is None or DEPTH * n * sample_bytes <= MEMORY * memory)
    ]
    settings = [(w, fitting[-1]) for w in _counts(cores)] + [(cores, n) for n in fitting[:-1]]
    speeds = tuple(_measure(source, window, w, n, seed, way) for seed, (w, n) in enumerate(settings, 1))
    copies = Copies(_copy_in_memory(), None if device is None else _copy_to(device), cores)
    there = None if device is None else device_memory(device)
    limits = Limits(_dates_per_chunk(source), memory, sample_bytes, batch, there)
    best = max(speeds, key=lambda speed: speed.samples)
    cause = name_bottleneck(best, first, again, copies, speeds, remote=remote, decoder=decoder)
    step = None if step_time is None else judge_step(step_time, batch, speeds)
    return Feeding(
        window=window,
        first=first,
        again=again,
        speeds=speeds,
        copies=copies,
        limits=limits,
        depth=DEPTH,
        cause=cause,
        step=step,
        suggestions=tuple(suggest(speeds, cause, step, limits)),
        seconds=time.perf_counter() - began,
        decoder=decoder,
    )


class _Way(NamedTuple):
    """Where batches come to, and who decodes them."""

    device: Any
    decoder: str


def _choose_window(source: Source) -> tuple[int, int]:
    """Dates of a sample, as many as training has if there are as many in a row; and how many samples there are."""
    try:
        return WINDOW, len(Feed(source, device="numpy", window=WINDOW))
    except NothingThereError:
        return 1, len(Feed(source, device="numpy"))


def _counts(cores: int) -> list[int]:
    """Numbers of workers to try: powers of two, and all cores."""
    return sorted({*(1 << k for k in range(cores.bit_length()) if 1 << k <= cores), cores})


def _read_twice(source: Source, window: int, cores: int, way: _Way) -> tuple[Speed, Speed]:
    """Some samples for the first time, and the same ones again."""
    with Feed(source, **way._asdict(), window=window, workers=cores, shuffle=0, depth=DEPTH) as feed:
        first, n = _time(feed, 1)
        feed.epoch = 0
        return first, _time(feed, 1, n)[0]


def _measure(source: Source, window: int, workers: int, batch: int, seed: int, way: _Way) -> Speed:
    with Feed(
        source, **way._asdict(), window=window, workers=workers, batch=batch, shuffle=seed, depth=DEPTH, drop_last=True
    ) as feed:
        return _time(feed, _EPOCHS)[0]


def _time(feed: Feed, epochs: int, most: int | None = None) -> tuple[Speed, int]:
    """Batches as fast as they come: so many, or for a while, or some epochs; and how many those were."""
    began, cpu, idle = time.perf_counter(), time.process_time(), idle_seconds()
    came: list[float] = []
    samples = 0
    for batch in chain.from_iterable(feed for _ in range(epochs)):
        came.append(time.perf_counter())
        samples += len(batch.values)
        if len(came) == most or (most is None and len(came) >= _LEAST and came[-1] - began > SECONDS):
            break
    seconds, busy = came[-1] - began, time.process_time() - cpu
    rate = samples / seconds
    waits = np.diff(came)
    unused = idle_seconds()
    speed = Speed(
        workers=feed.workers,
        batch=feed.order.batch,
        samples=rate,
        bytes=rate * feed.batch_bytes / feed.order.batch,
        busy=busy / seconds,
        idle=None if idle is None or unused is None else (unused - idle) / seconds,
        slowest=float(waits.max()) if waits.size else seconds,
    )
    return speed, len(came)


def _copy_in_memory() -> float:
    """Bytes a second that one thread copies."""
    source, target = np.ones(_COPY_BYTES, np.uint8), np.empty(_COPY_BYTES, np.uint8)
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - began)
    return _COPY_BYTES / min(seconds)


def _copy_to(device: Device) -> float | None:
    """Bytes a second from pinned memory to a device; None where the device is this machine's memory."""
    lanes = make_lanes(device)
    if not lanes.n_targets:
        return None
    shape = (_COPY_BYTES // 4,)
    (_, host), target = lanes.make_host(shape), lanes.make_target(shape)
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        lanes.copy(host, target, None).synchronize()
        seconds.append(time.perf_counter() - began)
    return _COPY_BYTES / min(seconds)


def _dates_per_chunk(source: Source) -> int:
    """Of the largest array whose first dimension is time; 1 where nothing is known."""
    arrays = [a for a in source.arrays() if a.chunks and a.dims and a.dims[0] in ("time", "dates", "date")]
    largest = max(arrays, key=lambda a: math.prod(a.shape), default=None)
    return 1 if largest is None or largest.chunks is None else max(1, min(largest.chunks[0], largest.shape[0]))
