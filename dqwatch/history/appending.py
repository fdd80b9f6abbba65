"""A verdict appended to a history: its run, findings and drift rows, all of them or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import select

from dqwatch.history import schema
from dqwatch.history.rows import part_rows, run_row
from dqwatch.history.store import History
from dqwatch.types import Verdict


class Appended(NamedTuple):
    """What was appended, and what stood before it."""

    run: int
    before: int | None
    """Exit code of the run before it of the same verb and labels; None for the first."""


def append(
    history: History,
    verdict: Verdict,
    *,
    files: Mapping[str, str | None] = {},
    recorded_at: datetime | None = None,
) -> Appended:
    """Append a verdict in one transaction.

    Parameters
    ----------
    history : History
    verdict : Verdict
    files : mapping of str to str
        Where the verdict is written as well, so that reports can lead there: `json`, `html`.
    recorded_at : datetime, optional
        With a time zone; now by default.

    Raises
    ------
    HistoryError
        If the history cannot be written; it is then as it was.
    """
    moment = (recorded_at or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    row = run_row(verdict, moment, files)
    runs = schema.runs.c
    of_its_kind = (runs.verb == row["verb"]) & (runs.series == row["series"])
    with history.writing() as connection:
        before = connection.scalar(select(runs.exit_code).where(of_its_kind).order_by(runs.id.desc()).limit(1))
        run = connection.execute(schema.runs.insert().values(row).returning(runs.id)).scalar_one()
        for table, rows in part_rows(verdict):
            if rows:
                connection.execute(table.insert(), [{"run_id": run, **values} for values in rows])
    return Appended(int(run), before)
