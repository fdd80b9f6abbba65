"""What a run of the command line leaves in a history, whom it tells, and the labels that it carries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from dqwatch.errors import UsageError

if TYPE_CHECKING:
    from dqwatch.history_options import Occasion
    from dqwatch.outputs import Outputs
    from dqwatch.types import Verdict

_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST = 200
"""Characters of a value."""


class Recording(NamedTuple):
    """Where a run is to be recorded, as what, and who is told when."""

    history: str | None
    label: list[str] | None
    notify: list[str] | None
    notify_on: Occasion

    def check(self) -> dict[str, str]:
        """Complain of what cannot be recorded before any data are read; the labels.

        Raises
        ------
        UsageError
            If a label is wrong, the address of the history, or one that is to be notified.
        HistoryError
            If the history cannot be reached.
        """
        labels = parse_labels(self.label or ())
        if self.notify:
            from dqwatch.reports import notify

            notify.check(self.notify)
        if self.history:
            from dqwatch.history.store import open_history

            open_history(self.history, create=True).close()
        return labels

    def append(self, verdict: Verdict, outputs: Outputs) -> int | None:
        """Append a verdict to the history, if there is one; the exit code of the run before it, if it is known.

        Raises
        ------
        HistoryError
            If it cannot be written.
        """
        if not self.history:
            return None
        from dqwatch.history.appending import append
        from dqwatch.history.store import open_history

        with closing(open_history(self.history, create=True)) as history:
            return append(history, verdict, files={"json": outputs.json, "html": outputs.html}).before

    def tell(self, verdict: Verdict, before: int | None) -> list[str]:
        """Tell of a verdict whom it may concern; clauses about those who could not be told.

        Parameters
        ----------
        verdict : Verdict
        before : int, optional
            Exit code of the run before.
        """
        if not self.notify or not self._is_told(verdict.exit_code, before):
            return []
        from dqwatch.reports import notify, text

        message = notify.Message(_title(verdict, before), text.render(verdict), verdict.status, verdict.to_json())
        return notify.send(self.notify, message)

    def _is_told(self, code: int, before: int | None) -> bool:
        if self.notify_on == "always" or (self.notify_on == "failure" and code):
            return True
        return self.notify_on == "change" and code != (before or 0)


def _title(verdict: Verdict, before: int | None) -> str:
    name = str(verdict.inputs[0]["name"]) if verdict.inputs else ""
    labels = "".join(f" {key}={value}" for key, value in verdict.labels.items())
    then = "" if before is None else f", before {before}"
    status = verdict.status.upper().replace("_", "-")
    return f"dqwatch {verdict.verb} {status} {name}{labels} (exit code {verdict.exit_code}{then})"


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
