"""Plug-ins by name: readers, metrics, scores and reports, ours and third parties' alike, found by entry point.

The groups are ``dqwatch.readers``, ``dqwatch.metrics``, ``dqwatch.scores`` and ``dqwatch.reports``;
a plug-in is a function.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from dqwatch.errors import DqwatchError, UsageError


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name; dqwatch's own first, so that a reader of ours is asked before others."""
    found = entry_points(group=f"dqwatch.{group}")
    ours = [e for e in found if e.value.startswith("dqwatch.")]
    theirs = sorted((e for e in found if not e.value.startswith("dqwatch.")), key=lambda e: e.name)
    entries: dict[str, EntryPoint] = {}
    for entry in [*ours, *theirs]:
        entries.setdefault(entry.name, entry)
    return entries


def names(group: str) -> list[str]:
    """Names registered in `group`, dqwatch's own first, without importing any of them."""
    return list(_entries(group))


def load(group: str, name: str) -> Any:
    """The plug-in `name` of `group`, imported now.

    Raises
    ------
    UsageError
        If no plug-in of that name is registered, or it cannot be imported.
    """
    entries = _entries(group)
    if name not in entries:
        raise UsageError(f"{group}: no plug-in named '{name}'; there are: {', '.join(entries) or 'none'}")
    try:
        return entries[name].load()
    except DqwatchError:
        raise
    except (ImportError, AttributeError, SyntaxError) as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(f"{group}: plug-in '{name}' ({entries[name].value}) cannot be imported: {why}") from error


@cache
def load_foreign(group: str) -> None:
    """Import the plug-ins of other packages, once; they declare what they add as they are imported.

    Raises
    ------
    UsageError
        If one of them cannot be imported.
    """
    for name, entry in _entries(group).items():
        if not entry.value.startswith("dqwatch."):
            load(group, name)
