"""How long a history is kept, and what it holds as files."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, DateTime, Double, Integer, Table, delete, func, select

from dqwatch.errors import HistoryError, MissingExtraError, UsageError
from dqwatch.history import schema
from dqwatch.history.store import History, explained

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

_AT_ONCE = 50_000
"""Rows that are held in memory."""


def prune(history: History, keep: timedelta, *, now: datetime | None = None) -> int:
    """Remove runs that were recorded longer ago than `keep`, with all that belongs to them.

    A SQLite file gives the space back.

    Returns
    -------
    int
        Runs removed.

    Raises
    ------
    HistoryError
        If the history cannot be written; it is then as it was. Likewise if a SQLite file cannot give the space back.
    """
    before = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None) - keep
    old = select(schema.runs.c.id).where(schema.runs.c.recorded_at < before)
    with history.writing() as connection:
        n = connection.scalar(select(func.count()).select_from(old.subquery())) or 0
        for part in schema.PARTS:
            connection.execute(delete(part).where(part.c.run_id.in_(old)))
        connection.execute(delete(schema.runs).where(schema.runs.c.recorded_at < before))
    if history.engine.dialect.name == "sqlite":
        give_back(history)
    return int(n)


def give_back(history: History) -> None:
    """Make the file of a SQLite history as small as what is in it.

    Raises
    ------
    HistoryError
        If somebody else is at work in it for a minute; nothing is lost, it only stays large.
    """
    with explained(history.name), history.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        if raw.execute("PRAGMA freelist_count").fetchone()[0]:
            try:
                raw.execute("VACUUM")
            except sqlite3.OperationalError as error:
                raise HistoryError(
                    f"history {history.name}: runs are removed, but the file keeps its size: {error}; "
                    "prune again when nobody else is at work in it"
                ) from error


def export(history: History, folder: str) -> dict[str, int]:
    """Write each table as a Parquet file, all of one state of the history; files are complete or not there.

    Parameters
    ----------
    history : History
    folder : str
        Made if it is not there; files of the same names are replaced.

    Returns
    -------
    dict of str to int
        Name of a file -> its rows.

    Raises
    ------
    UsageError
        If the folder cannot be written.
    MissingExtraError
        If pyarrow is not installed.
    HistoryError
        If the history cannot be read.
    """
    try:
        import pyarrow.parquet  # noqa: F401 (before any work)
    except ImportError:
        raise MissingExtraError("history export: needs the package pyarrow: pip install 'dqwatch[parquet]'") from None
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dqwatch-", dir=folder) as scratch, history.reading() as connection:
            tables = {f"{t.name.removeprefix('dqwatch_')}.parquet": t for t in (schema.runs, *schema.PARTS)}
            written = {file: _write(connection, table, Path(scratch, file)) for file, table in tables.items()}
            for file in tables:
                os.replace(Path(scratch, file), Path(folder, file))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; choose another place") from error
    return written


def _write(connection: Connection, table: Table, path: Path) -> int:
    """The rows of a table, some at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = pa.schema([(c.name, _type(c.type)) for c in table.columns])
    key = list(table.primary_key.columns)
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(select(table).order_by(*key))
    n = 0
    with pq.ParquetWriter(path, types) as writer:
        for part in rows.mappings().partitions():
            writer.write_table(pa.Table.from_pylist([dict(row) for row in part], types))
            n += len(part)
    return n


def _type(kind: Any) -> pa.DataType:
    import pyarrow as pa

    if isinstance(kind, Boolean):
        return pa.bool_()
    if isinstance(kind, Integer):
        return pa.int64()
    if isinstance(kind, Double):
        return pa.float64()
    return pa.timestamp("us") if isinstance(kind, DateTime) else pa.string()
