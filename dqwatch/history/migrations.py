"""The schema of a history brought forward, step by step, to the version that this dqwatch has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, func, inspect, select, text

from dqwatch.errors import HistoryError
from dqwatch.history import schema

Step = Callable[[Connection], None]


def _add_host(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE dqwatch_runs ADD COLUMN host VARCHAR"))


STEPS: Mapping[int, Step] = {1: _add_host}
"""Version -> what leads from it to the next; each in statements of its own, which no later schema changes."""
_LOCK = 1_685_354_359
"""Of PostgreSQL, while the schema is looked at and changed; any number that others are unlikely to have."""


def find_version(connection: Connection) -> int:
    """The version of the schema that is there; 0 for none."""
    if not inspect(connection).has_table(schema.schema.name):
        return 0
    return int(connection.scalar(select(func.max(schema.schema.c.version))) or 0)


def migrate(connection: Connection, name: str, *, steps: Mapping[int, Step] = STEPS, to: int = schema.VERSION) -> int:
    """Bring the schema to a version, in the transaction of the connection, which nobody else then changes.

    Parameters
    ----------
    connection : Connection
        In a transaction that writes.
    name : str
        Of the history, for messages.
    steps : mapping of int to callable
        Version -> what leads from it to the next.
    to : int
        The version to reach.

    Returns
    -------
    int
        The version that was there before; 0 for none.

    Raises
    ------
    HistoryError
        If a newer dqwatch has made it.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = find_version(connection)
    if before > to:
        raise HistoryError(
            f"{name}: its schema has version {before}, this dqwatch knows up to {to}; install a newer dqwatch"
        )
    if before == 0:
        schema.metadata.create_all(connection)
        connection.execute(schema.schema.insert().values(version=to))
    for version in range(before or to, to):
        steps[version](connection)
        connection.execute(schema.schema.update().values(version=version + 1))
    return before
