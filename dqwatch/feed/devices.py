"""Where fields are put: arrays or tensors of this machine's memory, or the memory of a CUDA device."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from dqwatch.errors import MissingExtraError, UsageError

_CUDA = re.compile(r"cuda(?::(\d+))?")
_ALLOWED = "give cpu, torch:cpu, cuda or cuda:N"


class Device(NamedTuple):
    """A place for tensors."""

    kind: str
    """'numpy', 'cpu' or 'cuda'."""
    number: int = 0
    """Of the CUDA device."""

    def __str__(self) -> str:
        return f"cuda:{self.number}" if self.kind == "cuda" else self.kind


def parse_device(given: Any, option: str = "device") -> Device:
    """What a device is called: a text, or a `torch.device`.

    Parameters
    ----------
    given : str or torch.device
        'numpy' (arrays, no torch), 'cpu' or 'torch:cpu' (tensors of this machine's memory), 'cuda' or 'cuda:N'.
    option : str
        Named in the error.

    Raises
    ------
    UsageError
        If it is none of these.
    """
    text = str(given)
    if text == "numpy":
        return Device("numpy")
    if text in ("cpu", "torch:cpu"):
        return Device("cpu")
    found = _CUDA.fullmatch(text)
    if found is None:
        raise UsageError(f"{option}: got '{text}'; {_ALLOWED}")
    return Device("cuda", int(found.group(1) or 0))


def computing_device(given: Any) -> Device | None:
    """Where fields are looked at: a device for tensors, or None for 'cpu', where the compiled kernels are.

    Raises
    ------
    UsageError
        If it is neither 'cpu', 'torch:cpu', 'cuda' nor 'cuda:N', or there is no such device.
    MissingExtraError
        If it needs torch, which is not installed.
    """
    if given is None or str(given) == "cpu":
        return None
    device = parse_device(given)
    if device.kind == "numpy":
        raise UsageError(f"device: got 'numpy'; {_ALLOWED}")
    check_device(device)
    return device


@contextlib.contextmanager
def one_thread_each(device: Device | None) -> Iterator[None]:
    """Keep torch from threads of its own while those of the caller compute on tensors of the host."""
    if device is None or device.kind != "cpu":
        yield
        return
    torch = load_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def load_torch(option: str = "device") -> Any:
    """The package torch.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(f"{option}: tensors need torch; pip install 'dqwatch[gpu]'") from error
    return torch


def device_memory(device: Device) -> int | None:
    """Bytes of memory that are free on a CUDA device; None where fields stay in that of the host."""
    if device.kind != "cuda":
        return None
    free, _ = load_torch().cuda.mem_get_info(device.number)
    return int(free)


def check_device(device: Device, option: str = "device") -> None:
    """Make sure that a device can be used.

    Raises
    ------
    MissingExtraError
        If it needs torch, which is not installed.
    UsageError
        If there is no such CUDA device.
    """
    if device.kind == "numpy":
        return
    torch = load_torch(option)
    if device.kind != "cuda":
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.number >= count:
        there = f"there are {count}" if count else "this torch finds none"
        raise UsageError(f"{option}: got '{device}', but of CUDA devices {there}; torch:cpu needs none")
