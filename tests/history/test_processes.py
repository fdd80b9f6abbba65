"""Several processes at once, and one that is killed while it appends: nothing is lost, nothing is there in part."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from history.verdicts import make_verdict
from history.writer import TIMES, VARIABLES
from sqlalchemy import func, select, text

from dqwatch.history import schema
from dqwatch.history.appending import append
from dqwatch.history.reading import read_runs
from dqwatch.history.store import History, open_history

WRITER = Path(__file__).with_name("writer.py")


def start(address: str, name: str, n: int, *then: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WRITER), address, name, str(n), *then]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def count_rows(history: History) -> dict[str, set[int]]:
    """Table -> the numbers of rows that runs have in it."""
    found = {}
    with history.reading() as connection:
        for table in (schema.findings, schema.cycles, schema.drift):
            join = schema.runs.outerjoin(table, table.c.run_id == schema.runs.c.id)
            counted = select(func.count(table.c.position)).select_from(join).group_by(schema.runs.c.id)
            found[table.name.removeprefix("dqwatch_")] = set(connection.scalars(counted))
            orphans = select(func.count()).where(table.c.run_id.not_in(select(schema.runs.c.id)))
            assert connection.scalar(orphans) == 0
    return found


WHOLE = {"findings": {1}, "cycles": {TIMES}, "drift": {TIMES * VARIABLES}}


def test_processes_that_append_at_once_lose_nothing(address: str) -> None:
    """The history does not exist before: they make it at once too."""
    writers = [start(address, f"writer {k}", 8) for k in range(2)]
    for writer in writers:
        _, err = writer.communicate(timeout=120)
        assert writer.returncode == 0, err
    history = open_history(address)
    runs = read_runs(history)
    assert runs["name"].value_counts().to_dict() == {f"writer {k}": 8 for k in range(2)}
    assert runs["id"].is_unique
    assert count_rows(history) == WHOLE
    history.close()


def test_a_process_that_is_killed_in_the_midst_of_a_run_leaves_none_of_it(address: str) -> None:
    writer = start(address, "killed", 2, "stay")
    assert writer.stdout is not None
    assert [writer.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "inside\n"]
    history = open_history(address)
    assert is_being_written(address, history), "rows are written, and the transaction is open"
    assert len(read_runs(history)) == 2, "nobody else sees them"
    writer.kill()
    assert writer.wait() == -signal.SIGKILL
    writer.communicate()
    assert len(read_runs(history)) == 2
    assert count_rows(history) == WHOLE
    append(history, make_verdict())
    assert len(read_runs(history)) == 3
    assert not is_being_written(address, history)
    with history.reading() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    history.close()


def is_being_written(address: str, history: History) -> bool:
    """Whether a transaction that has written is open."""
    if history.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(address, timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return "locked" in str(error)
        return False
    idle = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' "
        "AND backend_xid IS NOT NULL"
    )
    with history.reading() as connection:
        return bool(connection.scalar(idle))


@pytest.mark.slow
def test_a_process_that_is_killed_at_any_moment_leaves_a_valid_history(address: str) -> None:
    writer = start(address, "killed", 100_000)
    assert writer.stdout is not None
    told = int(writer.stdout.readline())
    time.sleep(random.uniform(0.0, 0.05))
    writer.kill()
    told = max([told, *map(int, writer.stdout.read().split())])
    writer.communicate()
    history = open_history(address)
    n = len(read_runs(history))
    assert told + 1 <= n <= told + 2, "what was said to be appended is there, and at most one run more"
    assert count_rows(history) == WHOLE
    with history.reading() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    append(history, make_verdict())
    assert len(read_runs(history)) == n + 1
    history.close()
