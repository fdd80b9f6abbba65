"""Addresses of histories, what is wrong with them in one line, and schemas brought forward."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from pathlib import Path

import pytest
from conftest import ROOT
from history.postgres import bundled_programs, running
from history.verdicts import make_verdict
from sqlalchemy import inspect, text

from dqwatch.errors import DqwatchError, HistoryError, UsageError
from dqwatch.history import addresses, schema
from dqwatch.history.appending import append
from dqwatch.history.migrations import STEPS, find_version, migrate
from dqwatch.history.reading import read_drift, read_findings, read_runs
from dqwatch.history.store import open_history

FIRST = Path(__file__).with_name("version_1.sql")


@pytest.mark.parametrize(
    ("address", "code", "part"),
    [
        ("", 2, "got no name"),
        ("a\0b", 2, "got no name"),
        ("sqlite://", 2, "nothing would remain"),
        ("sqlite:///:memory:", 2, "nothing would remain"),
        ("mysql://me:secret@host/db", 2, "mysql://..."),
        ("postgresql://me:secret@host:port/db", 2, "postgresql://..."),
        ("postgresql://me:secret@/db?host={folder}", 3, "postgresql://me@/db: "),
        ("postgresql://me@/db?host={folder}&password=secret", 3, "postgresql://me@/db: "),
        ("postgresql://me:secret@/db?host={folder}&no_such_option=1", 3, "no_such_option"),
        ("{folder}", 2, "is a folder"),
        ("{folder}/none/history.db", 2, "there is no folder"),
    ],
)
def test_a_wrong_address_is_one_line_without_secrets(address: str, code: int, part: str, tmp_path: Path) -> None:
    with pytest.raises(DqwatchError) as raised:
        open_history(address.format(folder=tmp_path), create=True)
    assert raised.value.exit_code == code
    message = str(raised.value)
    assert part in message
    assert "\n" not in message
    assert "secret" not in message
    assert os.listdir(tmp_path) == []


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'dqwatch\[postgres\]'"):
        addresses.parse("postgresql://me@host/db")
    assert addresses.parse("history.db").drivername == "sqlite"


@pytest.mark.parametrize("address", ["h.db", "sqlite:///h.db", "sqlite:///{folder}/h.db", "./a b%20?c#.db"])
def test_a_file_is_made_where_it_is_asked_for(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_history(address.format(folder=tmp_path), create=True).close()
    assert os.listdir(tmp_path) == [Path(address).name]


def test_a_history_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"none\.db: there is no such history"):
        open_history(str(tmp_path / "none.db"))
    assert os.listdir(tmp_path) == []


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database, but long enough to have a header of one" * 40)
    with pytest.raises(HistoryError, match=r"^history a\.db: file is not a database$"):
        open_history(str(path), create=True)
    other = tmp_path / "b.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(HistoryError, match="holds no history"):
        open_history(str(other))


@pytest.mark.parametrize("mode", [0o777, 0o755], ids=["folder of all", "folder of another"])
def test_a_history_that_may_only_be_read_is_read(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a b" / "h#1.db"
    path.parent.mkdir()
    history = open_history(str(path), create=True)
    append(history, make_verdict())
    assert len(read_runs(history)) == 1  # all is imported: others need not be able to read this installation
    history.close()
    path.chmod(0o444)
    path.parent.chmod(mode if os.geteuid() == 0 else mode & 0o577)
    owner = os.geteuid()
    if owner == 0:  # nothing is forbidden to root
        own = [folder for folder in (tmp_path, *tmp_path.parents) if "pytest-of-" in str(folder)]
        for folder in own:
            folder.chmod(0o755)
        os.seteuid(65534)
    try:
        history = open_history(str(path))
        assert len(read_runs(history)) == 1
        with pytest.raises(HistoryError, match="readonly"):
            append(history, make_verdict())
        history.close()
        assert os.listdir(path.parent) == ["h#1.db"]
    finally:
        os.seteuid(owner)
        path.parent.chmod(0o755)


def test_a_history_of_version_1_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST.read_text(encoding="utf-8"))
    connection.close()
    history = open_history(str(path))
    with history.reading() as opened:
        assert find_version(opened) == schema.VERSION
    (run,) = read_runs(history).to_dict("records")
    assert (run["name"], run["status"], run["series"]) == ("ic.zarr", "fail", '{"cycle": "49r1"}')
    assert run["host"] == "", "nobody wrote it down"
    assert read_findings(history, run["id"])["rule"].tolist() == ["nan.none"]
    assert read_drift(history)["p_value"].tolist() == [0.001]
    assert append(history, make_verdict(labels={"cycle": "49r1"})).before == 1
    assert read_runs(history)["host"].iloc[0] == socket.gethostname()
    history.close()


def test_every_version_has_a_step_to_the_next() -> None:
    assert sorted(STEPS) == list(range(1, schema.VERSION))


def test_steps_are_taken_in_order_and_once(address: str) -> None:
    """A chain of versions made up: a column is added, then filled."""
    history = open_history(address, create=True)
    append(history, make_verdict())
    taken = []

    def add(connection) -> None:
        taken.append("add")
        connection.execute(text("ALTER TABLE dqwatch_runs ADD COLUMN place TEXT"))

    def fill(connection) -> None:
        taken.append("fill")
        connection.execute(text("UPDATE dqwatch_runs SET place = 'here'"))

    steps = {schema.VERSION: add, schema.VERSION + 1: fill}
    for before in (schema.VERSION, schema.VERSION + 2):
        with history.writing() as connection:
            assert migrate(connection, "h", steps=steps, to=schema.VERSION + 2) == before
    assert taken == ["add", "fill"]
    with history.reading() as connection:
        assert connection.scalar(text("SELECT place FROM dqwatch_runs")) == "here"
    with pytest.raises(HistoryError, match="this dqwatch knows up to"):
        open_history(address)
    history.close()


def test_a_step_that_fails_changes_nothing(address: str) -> None:
    history = open_history(address, create=True)

    def fail(connection) -> None:
        connection.execute(text("ALTER TABLE dqwatch_runs ADD COLUMN place TEXT"))
        connection.execute(text("SELECT no_such_column FROM dqwatch_runs"))

    with pytest.raises(HistoryError), history.writing() as connection:
        migrate(connection, "h", steps={schema.VERSION: fail}, to=schema.VERSION + 1)
    with history.reading() as connection:
        assert find_version(connection) == schema.VERSION
        assert "place" not in {c["name"] for c in inspect(connection).get_columns("dqwatch_runs")}
    history.close()


def test_the_bundled_postgresql_serves_too() -> None:
    with running(bundled_programs()) as url:
        history = open_history(url, create=True)
        append(history, make_verdict())
        assert len(read_runs(history)) == 1
        history.close()


def test_the_documentation_names_every_table() -> None:
    text = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    assert {f"dqwatch_{name}" for name in re.findall(r"`dqwatch_(\w+)`", text)} == set(schema.metadata.tables)
