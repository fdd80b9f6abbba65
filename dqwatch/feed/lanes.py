"""How buffers get to where they are wanted: handed over as they are, or copied to a CUDA device beside other work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from dqwatch.feed.decoders import NvcompDecoder
from dqwatch.feed.devices import Device, load_torch
from dqwatch.feed.unpacking import Arrived, Unpacker
from dqwatch.storage import ChunkKind

_ALIGNMENT = 64


class Event(Protocol):
    """Something queued on a device, done sooner or later."""

    def synchronize(self) -> None:
        """Wait for it."""


class Lanes(Protocol):
    """One iteration's way to a device; all methods but `Event.synchronize` are called by one thread."""

    n_targets: int
    """Buffers on the device; 0 where those of the host are handed over."""

    def make_host(self, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
        """A host buffer, float32: as an array to decode into, and as what is handed over or copied."""

    def make_target(self, shape: tuple[int, ...]) -> Any:
        """A buffer on the device, float32."""

    def copy(self, host: Any, target: Any, after: Any) -> Event:
        """Queue a copy that begins when `after` (what `mark` gave, or None) is done."""

    def make_unpacker(self, kind: ChunkKind) -> Unpacker:
        """What decodes chunks on the device, where there are buffers on it."""

    def unpack(self, unpacker: Unpacker, arrived: Sequence[Arrived], host: Any, target: Any, after: Any) -> Event:
        """As `copy`, of what is yet to be decoded there."""

    def hand_over(self, copied: Event) -> None:
        """Let what the caller queues next begin when a copy is done."""

    def mark(self) -> Any:
        """The end of what the caller has queued so far."""


class HostLanes:
    """Buffers are handed over where they are: nothing is copied."""

    n_targets = 0

    def __init__(self, device: Device) -> None:
        self._torch = None if device.kind == "numpy" else load_torch()

    def make_host(self, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
        """See `Lanes.make_host`."""
        raw = np.empty(int(np.prod(shape, dtype=np.int64)) * 4 + _ALIGNMENT, np.uint8)
        start = -raw.ctypes.data % _ALIGNMENT
        array = raw[start : raw.size - _ALIGNMENT + start].view(np.float32).reshape(shape)
        return array, array if self._torch is None else self._torch.from_numpy(array)

    def make_target(self, shape: tuple[int, ...]) -> Any:
        """There are none."""
        raise ValueError("buffers of the host are handed over as they are")

    def copy(self, host: Any, target: Any, after: Any) -> Event:
        """There is nothing to copy to."""
        raise ValueError("buffers of the host are handed over as they are")

    def make_unpacker(self, kind: ChunkKind) -> Unpacker:
        """Nothing is decoded on a device."""
        raise ValueError("buffers of the host are handed over as they are")

    def unpack(self, unpacker: Unpacker, arrived: Sequence[Arrived], host: Any, target: Any, after: Any) -> Event:
        """Nothing is decoded on a device."""
        raise ValueError("buffers of the host are handed over as they are")

    def hand_over(self, copied: Event) -> None:
        """Nothing was queued."""

    def mark(self) -> None:
        """Nothing is queued."""


class CudaLanes:
    """Pinned host buffers, copied on a stream of their own while the caller's stream computes."""

    n_targets = 3
    """One in use by the caller, one ready, one being filled."""

    def __init__(self, device: Device) -> None:
        torch = self._torch = load_torch()
        self._device = torch.device("cuda", device.number)
        self._stream = torch.cuda.Stream(self._device)

    def make_host(self, shape: tuple[int, ...]) -> tuple[np.ndarray, Any]:
        """See `Lanes.make_host`."""
        tensor = self._torch.empty(shape, dtype=self._torch.float32, pin_memory=True)
        return tensor.numpy(), tensor

    def make_target(self, shape: tuple[int, ...]) -> Any:
        """See `Lanes.make_target`; made on the stream of copies, used on the caller's, hence never freed in use."""
        target = self._torch.empty(shape, dtype=self._torch.float32, device=self._device)
        target.record_stream(self._stream)
        return target

    def copy(self, host: Any, target: Any, after: Any) -> Event:
        """See `Lanes.copy`."""
        return self._queue(lambda: target.copy_(host, non_blocking=True), after)

    def make_unpacker(self, kind: ChunkKind) -> Unpacker:
        """See `Lanes.make_unpacker`."""
        with self._torch.cuda.stream(self._stream):
            decoder = NvcompDecoder(self._device.index, self._stream.cuda_stream)
            return Unpacker(decoder, kind, self._device)

    def unpack(self, unpacker: Unpacker, arrived: Sequence[Arrived], host: Any, target: Any, after: Any) -> Event:
        """See `Lanes.unpack`."""
        return self._queue(lambda: unpacker.unpack(host.view(self._torch.uint8), arrived, target), after)

    def _queue(self, work: Callable[[], object], after: Any) -> Event:
        """Queue work on the stream of copies, behind what `mark` gave."""
        if after is not None:
            self._stream.wait_event(after)
        with self._torch.cuda.stream(self._stream):
            work()
            event: Event = self._torch.cuda.Event()
            event.record(self._stream)  # type: ignore[attr-defined]
        return event

    def hand_over(self, copied: Any) -> None:
        """See `Lanes.hand_over`."""
        self._torch.cuda.current_stream(self._device).wait_event(copied)

    def mark(self) -> Any:
        """See `Lanes.mark`."""
        event = self._torch.cuda.Event()
        event.record(self._torch.cuda.current_stream(self._device))
        return event


def make_lanes(device: Device) -> Lanes:
    """The way to a device, which `check_device` has found to be there."""
    return CudaLanes(device) if device.kind == "cuda" else HostLanes(device)
