"""A history opened: connections to SQLite and PostgreSQL that write in one transaction or not at all."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dqwatch.errors import HistoryError
from dqwatch.history import schema
from dqwatch.history.addresses import check_file, describe, parse
from dqwatch.history.migrations import find_version, migrate

_WAIT = 60.0
"""Seconds to wait for another writer."""
_CONNECT = 15
"""Seconds to wait for a server."""


@dataclass(frozen=True, eq=False)
class History:
    """A history that is open; `name` is for people and holds no secret."""

    name: str
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the history.

        Raises
        ------
        HistoryError
            If the history cannot be reached or read.
        """
        with explained(self.name), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all there at the end, or, if anything is raised, none of them.

        Raises
        ------
        HistoryError
            If the history cannot be reached or written.
        """
        with explained(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="READ COMMITTED") if _is_server(plain) else plain
            connection = connection.execution_options(dqwatch_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let go of connections; harmless when called twice."""
        self.engine.dispose()


def open_history(address: str, *, create: bool = False) -> History:
    """Open a history; its schema is made where there is none, and brought forward where it is old.

    Parameters
    ----------
    address : str
        Name of a SQLite file, or URL of SQLite or PostgreSQL.
    create : bool
        Whether to make what is not there.

    Raises
    ------
    UsageError
        If the address is wrong.
    MissingExtraError
        If the driver of PostgreSQL is not installed.
    HistoryError
        If the history cannot be reached, a newer dqwatch has made it, or it is not there and may not be made.
    """
    url = parse(address)
    name = describe(url)
    try:
        check_file(url, create=create)
    except FileNotFoundError:
        raise HistoryError(f"{url.database}: there is no such history; runs with --history make one") from None
    with explained(name):
        engine = _engine(url)
    history = History(name, engine)
    try:
        with history.reading() as connection:
            version = find_version(connection)
        if version == 0 and not create:
            raise HistoryError(f"{name}: holds no history; runs with --history make one")
        if version != schema.VERSION:
            with history.writing() as connection:
                migrate(connection, name)
    except BaseException:
        history.close()
        raise
    return history


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Say in one line what went wrong with a database.

    Raises
    ------
    HistoryError
        If SQLAlchemy or the driver complains.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        raise HistoryError(f"history {name}: {lines[0] if lines else type(cause).__name__}") from error


def _engine(url: Any) -> Engine:
    if url.drivername != "sqlite":
        options = {"application_name": "dqwatch", "connect_timeout": _CONNECT} | dict(url.query)
        return create_engine(
            url.set(query={}), connect_args=options, pool_pre_ping=True, isolation_level="REPEATABLE READ"
        )
    if _is_frozen(Path(str(url.database))):
        address = f"file:{quote(str(url.database))}?mode=ro&immutable=1"
        connect = partial(sqlite3.connect, address, uri=True, check_same_thread=False)
        return create_engine("sqlite://", creator=connect, poolclass=NullPool)
    engine = create_engine(url, connect_args={"timeout": _WAIT})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _is_frozen(path: Path) -> bool:
    """Whether a file is not ours to write, and nobody is writing it now.

    SQLite would else keep locks of readers beside it, in files of ours that stand in the way of whoever may write.
    """
    ours = os.access in os.supports_effective_ids
    return path.exists() and not os.access(path, os.W_OK, effective_ids=ours) and not Path(f"{path}-wal").exists()


def _is_server(connection: Connection) -> bool:
    return connection.dialect.name != "sqlite"


def _prepare(connection: Any, _record: Any) -> None:
    """Let us begin transactions ourselves, and let readers and a writer not wait for one another."""
    connection.isolation_level = None
    until = time.monotonic() + _WAIT
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                return  # a file that may only be read, or a system that has no memory to share
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _begin(connection: Connection) -> None:
    """A writer takes its place at once: one that has read first could not have it any more."""
    writes = connection.get_execution_options().get("dqwatch_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
