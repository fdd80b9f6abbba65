"""Data that a source has and that are not among its variables, because they cannot be made fields of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dqwatch.types import Source


class LeftOut(NamedTuple):
    """An array or kind of message that is not checked."""

    name: str
    reason: str
    """One clause."""


def left_out_of(source: Source) -> tuple[LeftOut, ...]:
    """What a source leaves out; nothing where its reader does not tell (readers of others may have no `left_out`)."""
    return tuple(getattr(source, "left_out", ()))


def in_words(left_out: Iterable[LeftOut]) -> str:
    """Names by reason: `a, b (no numbers); c (empty)`."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out:
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(sorted(found))} ({reason})" for reason, found in names.items())
