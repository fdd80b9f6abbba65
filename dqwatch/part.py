"""What part of the data a verb is asked to look at, and how the work is spread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from dqwatch.errors import UsageError


class Part(NamedTuple):
    """Variables, period and density, as `sources.open_source` takes them."""

    select: str | Sequence[str] | None
    start: str | datetime | None
    end: str | datetime | None
    every: int
    cache: str | None = None
    """Folder for what is fetched from URLs."""

    def in_words(self) -> str:
        """What part of the data was looked at; '' for all of it."""
        words = []
        if self.every > 1:
            words.append(f"every {_ordinal(self.every)} time")
        if self.start:
            words.append(f"from {self.start}")
        if self.end:
            words.append(f"until {self.end}")
        if self.select:
            words.append(f"only {self.select if isinstance(self.select, str) else ','.join(self.select)}")
        return ", ".join(words)


LOCAL = "local"
"""The scheduler that is started for the run, on this machine."""


class Spread(NamedTuple):
    """How a scan goes piece by piece: elsewhere, or so that it can be taken up again."""

    data: Any
    """Path or paths, as they were given to `open_source`."""
    options: Mapping[str, Any] = {}
    """Further arguments that it was given."""
    scheduler: str | None = None
    """Address of a Dask scheduler, or LOCAL; None: threads of this process."""
    folder: str | os.PathLike[str] | None = None
    """Where finished pieces are kept, and found again; None: nowhere beyond this run."""
    sizes: Mapping[str, int] = {}
    """As the pass has them."""
    others: Mapping[str, Any] = {}
    """Paths of other data that are needed besides, by name; None where there are none."""

    def check(self, workers: int | None, device: str = "cpu") -> None:
        """Complain of what cannot be spread before any data are read.

        Raises
        ------
        UsageError
            If the data are no paths, or `workers` is given with a scheduler that has its own, or a device with one.
        """
        option = "scheduler" if self.scheduler else "resume"
        for what, data in {"data": self.data, **self.others}.items():
            paths = [data] if isinstance(data, str | os.PathLike) else [] if data is None else data
            if not isinstance(paths, Sequence) or not all(isinstance(p, str | os.PathLike) for p in paths):
                raise UsageError(f"{option}: got {what} in memory; give a path or URL, which can be opened again")
        if self.scheduler and device != "cpu":
            raise UsageError(
                f"device: got '{device}' with a scheduler; its workers scan with their CPUs: leave out one"
            )
        if workers is not None and self.scheduler not in (None, LOCAL):
            raise UsageError(f"workers: got {workers}; the scheduler at {self.scheduler} has workers of its own")


def check_counts(**numbers: int | None) -> None:
    """Refuse numbers below 1; None is the default of each.

    Raises
    ------
    UsageError
        If one is; the message names it.
    """
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise UsageError(f"{name}: got {number}; give 1 or more")


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
