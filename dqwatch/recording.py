"""What a run of the command line leaves in a history, and the labels that it carries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from dqwatch.errors import UsageError

if TYPE_CHECKING:
    from dqwatch.outputs import Outputs
    from dqwatch.types import Verdict

_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST = 200
"""Characters of a value."""


class Recording(NamedTuple):
    """Where a run is to be recorded, and as what."""

    history: str | None
    label: list[str] | None

    def check(self) -> dict[str, str]:
        """Complain of what cannot be recorded before any data are read; the labels.

        Raises
        ------
        UsageError
            If a label is wrong, or the address of the history.
        HistoryError
            If the history cannot be reached.
        """
        labels = parse_labels(self.label or ())
        if self.history:
            from dqwatch.history.store import open_history

            open_history(self.history, create=True).close()
        return labels

    def append(self, verdict: Verdict, outputs: Outputs) -> None:
        """Append a verdict to the history, if there is one.

        Raises
        ------
        HistoryError
            If it cannot be written.
        """
        if self.history:
            from dqwatch.history.appending import append
            from dqwatch.history.store import open_history

            with closing(open_history(self.history, create=True)) as history:
                append(history, verdict, files={"json": outputs.json, "html": outputs.html})


def parse_labels(words: Sequence[str]) -> dict[str, str]:
    """Labels from KEY=VALUE.

    Raises
    ------
    UsageError
        If one has no '=' or no value, a key is no name, a value is too long, or a key has two values.
    """
    labels: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (equals and value.strip()) or not _KEY.fullmatch(key):
            raise UsageError(f"--label {word}: give KEY=VALUE, the key of letters, digits and _, such as cycle=49r1")
        if len(value) > _MOST or not value.isprintable():
            raise UsageError(f"--label {key}: give a value of at most {_MOST} printable characters")
        if labels.setdefault(key, value) != value:
            raise UsageError(f"--label {key}: got '{labels[key]}' and '{value}'; give one value for each key")
    return labels
