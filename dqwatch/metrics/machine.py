"""Memory of this machine: host and devices."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SMI = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


class Device(NamedTuple):
    """A graphics processor."""

    name: str
    bytes: int


def host_memory() -> int | None:
    """Bytes of memory that this process may use: of the machine, or of its container if that has less."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # names that this system does not know
        return None
    try:
        limit = _LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def idle_seconds() -> float | None:
    """Seconds that the cores of this machine have been idle, or waiting for storage, since it started; None if unknown.

    As /proc/stat of Linux has them: all cores together, the fourth and fifth number of the first line.
    """
    try:
        ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        return (int(ticks[3]) + int(ticks[4])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def devices() -> tuple[Device, ...] | None:
    """The NVIDIA devices of this machine, as `nvidia-smi` tells; None if it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        told = subprocess.run([program, *_SMI], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = []
    for line in told.splitlines():
        name, _, size = line.rpartition(",")
        if size.strip().isdigit():
            found.append(Device(name.strip(), int(size) << 20))  # nvidia-smi counts in MiB
    return tuple(found)
