"""What a history tells of a period: `Digest`, made by `dqwatch.report` and drawn by `reports`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Digest:
    """The runs of a period, what drifted in it, and whether more alarms came than chance brings.

    The entries of sequences are mappings with the keys that the JSON document has (`history.schema.json`).
    """

    history: str
    """Name of the history, without secrets."""
    status: Literal["pass", "warn", "fail", "no_data"]
    exit_code: int
    since: datetime
    """First moment of recording, UTC without a time zone."""
    until: datetime
    labels: Mapping[str, str]
    """That the runs have, among others."""
    runs: Mapping[str, int]
    """`total`, and how many have each status."""
    cycles: Mapping[str, Any]
    """`total`, `first` and `last` time, `variables` and `series`."""
    budget: Sequence[Mapping[str, Any]]
    """Alarms spent and expected, for each level."""
    variables: Sequence[Mapping[str, Any]]
    """Variables that alarmed or departed lastingly, the worst first."""
    regions: Sequence[Mapping[str, Any]]
    """Where alarms were, the most frequent first."""
    slow: Sequence[Mapping[str, Any]]
    left_out: Mapping[str, int]
    """How many more `regions` and `slow` there are than are told."""
    rules: Sequence[Mapping[str, Any]]
    """Rules that failed, by variable: in how many runs, from when to when."""
    failed: Sequence[Mapping[str, Any]]
    """The runs that did not pass, newest first."""
    comparison: Mapping[str, Any] | None
    notes: Sequence[str]
    seconds: float
    tables: Mapping[str, pd.DataFrame]
    """What was read, for pictures: `cycles` and `drift`."""

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0
