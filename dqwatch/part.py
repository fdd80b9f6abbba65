"""What part of the data a verb is asked to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

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
