"""What is to be said of how fast a model can be fed: what limits it, whether a step would wait, what would help."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DEPTH = 3
ON_DEVICE = 3
"""Batches that a feed has on a device."""
DECODING = 2
"""More of them where it decodes there: one compressed, one as its pieces come out."""
MEMORY = 0.25
"""Of the host's memory: larger batches are not tried."""
_IDLE = 0.25
"""Of the cores: if more are idle, decoding is not what takes the time."""
_NEAR = 0.8
_AS_GOOD = 0.95
_RESERVE = 1.2
"""What is to be delivered for a step, times what it takes."""
_DEEPEST = 16


@dataclass(frozen=True)
class Speed:
    """What one setting gives."""

    workers: int
    batch: int
    samples: float
    """A second."""
    bytes: float
    """Delivered a second, as float32."""
    busy: float
    """CPU-seconds of this process a second."""
    idle: float | None
    """Cores of the machine that nobody used meanwhile; None if unknown."""
    slowest: float
    """Seconds, the longest wait for a batch once the first has come."""


@dataclass(frozen=True)
class Step:
    """A model's step, and whether it would wait."""

    seconds: float
    batch: int
    needs: float
    """Samples a second."""
    share: float
    """Of what is needed that the best setting gives; below 1 the model waits."""
    workers: int | None
    """The fewest that give it with a fifth to spare; None where none of those measured does."""
    depth: int
    """Batches to hold in memory."""


@dataclass(frozen=True)
class Copies:
    """What copying gives, bytes a second; and the cores there are."""

    memory: float
    device: float | None
    """To the device; None without one."""
    cores: int


@dataclass(frozen=True)
class Limits:
    """What a batch asks of the machine."""

    dates_per_chunk: int
    memory: int | None
    """Bytes of the host; None: unknown."""
    sample_bytes: int
    batch: int
    device_memory: int | None = None
    """Bytes that are free on the device; None without one."""

    @property
    def batch_bytes(self) -> int:
        """Of the batch that is asked for."""
        return self.batch * self.sample_bytes


@dataclass(frozen=True)
class Feeding:
    """What `inspect --feed` finds."""

    window: int
    """Dates of a sample."""
    first: Speed
    """Samples that this process had not read before, from whatever caches hold them."""
    again: Speed
    """The same samples once more."""
    speeds: tuple[Speed, ...]
    """Other samples, shuffled, by workers and batch."""
    copies: Copies
    limits: Limits
    depth: int
    cause: str
    """What limits the best setting, a key of `CAUSES`."""
    step: Step | None
    suggestions: tuple[str, ...]
    seconds: float
    """Taken by the measurement."""
    decoder: str = "host"
    """What decoded: threads of the host, or 'nvcomp' on the device."""

    @property
    def best(self) -> Speed:
        """The fastest of the settings measured."""
        return max(self.speeds, key=lambda speed: speed.samples)


def name_bottleneck(
    best: Speed,
    first: Speed,
    again: Speed,
    copies: Copies,
    speeds: Sequence[Speed],
    *,
    remote: bool,
    decoder: str = "host",
) -> str:
    """What keeps the best setting from being faster: a key of `CAUSES`.

    `first` and `again` are the same samples, `speeds` are of others.
    """
    on_device = decoder != "host"
    if copies.device is not None and not on_device and best.bytes >= _NEAR * copies.device:
        return "device"
    if best.bytes >= _NEAR * copies.memory:
        return "memory"
    idle = max(0.0, copies.cores - best.busy) if best.idle is None else best.idle
    if idle > _IDLE * copies.cores:
        others = [s.samples for s in speeds if (s.workers, s.batch) == (again.workers, again.batch)]
        slower = bool(others) and max(others) < _NEAR * again.samples
        return "storage" if remote or slower else "decoder" if on_device else "overhead"
    return "caches" if first.samples < _NEAR * again.samples else "decoding"


def judge_step(seconds: float, batch: int, speeds: Sequence[Speed]) -> Step:
    """Whether a step of so many seconds with such a batch would wait."""
    needs = batch / seconds
    best = max(speeds, key=lambda speed: speed.samples)
    enough = [speed.workers for speed in speeds if speed.samples >= _RESERVE * needs]
    slowest = max(speed.slowest * max(1.0, batch / speed.batch) for speed in speeds if speed.samples == best.samples)
    depth = min(_DEEPEST, max(DEPTH, 2 + math.ceil(slowest / seconds)))
    return Step(seconds, batch, needs, best.samples / needs, min(enough, default=None), depth)


def suggest(speeds: Sequence[Speed], cause: str, step: Step | None, limits: Limits) -> Iterator[str]:
    """What to set, and what to change, one sentence each."""
    best = max(speeds, key=lambda speed: speed.samples)
    good = min((s for s in speeds if s.samples >= _AS_GOOD * best.samples), key=lambda s: (s.workers, s.batch))
    workers = good.workers if step is None or step.workers is None else step.workers
    depth = DEPTH if step is None else step.depth
    yield (
        f"workers={workers}, depth={depth} for dqwatch.Feed; for a DataLoader num_workers={workers}, "
        f"prefetch_factor={max(2, depth - 1)}"
    )
    if good.batch != best.batch or good.batch > 1:
        yield f"batches of {good.batch} are as fast as any measured"
    if limits.memory is not None and depth * limits.batch_bytes > MEMORY * limits.memory:
        yield f"{depth} batches of {limits.batch} take a large part of the host's memory: take smaller batches"
    if limits.device_memory is not None and ON_DEVICE * limits.batch_bytes > MEMORY * limits.device_memory:
        yield f"{ON_DEVICE} batches of {limits.batch} take a large part of the device's memory: take smaller batches"
    if limits.dates_per_chunk > 1:
        yield (
            f"a chunk holds {limits.dates_per_chunk} dates, all of which are decoded for a shuffled one: chunks of one "
            "date would be read up to so many times as fast (see 'Other chunks')"
        )
    if step is not None and step.share < 1:
        yield f"{_REMEDIES[cause]}; or let a step take {step.seconds / step.share:.2g} s (larger model, smaller batch)"


_REMEDIES = {
    "storage": "bring the data nearer (a local disk, --cache), or read more at once: more workers than cores",
    "caches": "read the data once before training, or keep them in memory or on a faster disk",
    "overhead": "larger chunks, one for each date with all variables (see 'Other chunks')",
    "decoder": "let the host decode (decoder='host'), or more than one date at a time: larger batches",
    "decoding": "use more cores, or a codec that decodes faster (blosc lz4)",
    "memory": "feed fewer variables or cells",
    "device": "feed fewer variables or cells, or half precision",
}
CAUSES = {
    "storage": "storage: the workers wait for it, and cores are idle",
    "overhead": "opening and handling many small chunks: cores are idle though the data had been read before",
    "caches": "storage the first time, decoding once the data are in the page cache",
    "decoding": "decoding: the cores are busy",
    "decoder": "decoding on the device: cores of the host are idle though the data had been read before",
    "memory": "the memory of the host: batches come about as fast as one thread copies",
    "device": "the copy to the device",
}
"""What may limit the feed."""
