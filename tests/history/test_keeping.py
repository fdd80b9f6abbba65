"""Retention and export, of both databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from history.verdicts import make_verdict
from sqlalchemy import text

from dqwatch.cli import main
from dqwatch.history import keeping, store
from dqwatch.history.appending import append
from dqwatch.history.reading import read_drift, read_runs
from dqwatch.history.store import History, open_history

NOW = datetime.now(UTC)


@pytest.fixture
def filled(address: str) -> str:
    """Ten runs, one each day, the last one today, each with 200 drift rows."""
    history = open_history(address, create=True)
    for days in range(9, -1, -1):
        time = f"{NOW - timedelta(days=days):%Y-%m-%dT00:00:00}"
        verdict = make_verdict("fail", name=f"{days}.zarr", labels={"age": str(days)}, p_cycle={time: 0.5},
                               p={time: {f"v{k}": 0.5 for k in range(200)}})  # fmt: skip
        append(history, verdict, recorded_at=NOW - timedelta(days=days, minutes=1))
    history.close()
    return address


def test_what_is_older_is_removed(filled: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = Path(filled).stat().st_size if "://" not in filled else None
    assert main(["history", "prune", filled, "--keep", "72h"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("dqwatch: 7 runs removed from ")
    history = open_history(filled)
    assert read_runs(history)["name"].tolist() == ["0.zarr", "1.zarr", "2.zarr"]
    assert len(read_drift(history)) == 600
    newest = int(read_runs(history)["id"].max())
    assert append(history, make_verdict()).run == newest + 1
    history.close()
    if before is not None:
        assert Path(filled).stat().st_size < before / 2
    assert main(["history", "prune", filled, "--keep", "72h"]) == 0
    assert "0 runs removed" in capfd.readouterr().err


def test_a_history_is_exported_as_it_is(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.setattr(keeping, "_AT_ONCE", 7)
    assert main(["history", "export", filled, str(tmp_path / "out")]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert f"{tmp_path}/out/drift.parquet  2,000 rows" in out
    history = open_history(filled)
    runs = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    known = read_runs(history).sort_values("id", ignore_index=True)
    for column in known:
        absent = runs[column].isna().to_numpy()
        assert (runs[column][~absent].to_numpy() == known[column][~absent].to_numpy()).all()
        assert (known[column][absent] == "").all()
    assert runs.columns.tolist() == known.columns.tolist()
    drift = pd.read_parquet(tmp_path / "out" / "drift.parquet")
    assert drift["p_value"].tolist() == [0.5] * 2000
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "areas.parquet", "cycles.parquet", "drift.parquet", "findings.parquet", "labels.parquet", "runs.parquet",
        "scorecard.parquet", "slow.parquet",
    ]  # fmt: skip
    history.close()


@pytest.mark.parametrize("keep", ["", "d", "0d", "30", "-3d", "3x", "1.5d"])
def test_an_age_that_is_none_is_refused(keep: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "h.db")
    open_history(path, create=True).close()
    assert main(["history", "prune", path, f"--keep={keep}"]) == 2
    assert "--keep: got" in capfd.readouterr().err


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "h.db"
    open_history(str(path), create=True).close()
    assert main(["history", "export", str(path), str(path / "x")]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert main(["history", "export", str(tmp_path / "none.db"), str(tmp_path)]) == 3
    assert "there is no such history" in capfd.readouterr().err


def test_a_file_that_others_hold_keeps_its_size_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "_WAIT", 0.1)
    address = str(tmp_path / "h.db")
    history = open_history(address, create=True)
    append(history, make_verdict(p={"2020": {f"v{k}": 0.5 for k in range(500)}}), recorded_at=NOW - timedelta(days=9))
    with closing(sqlite3.connect(address, isolation_level=None)) as other:
        real = keeping.give_back

        def hold_and_give_back(opened: History) -> None:
            other.execute("BEGIN IMMEDIATE")
            real(opened)

        monkeypatch.setattr(keeping, "give_back", hold_and_give_back)
        assert main(["history", "prune", address, "--keep", "72h"]) == 3
        (line,) = capfd.readouterr().err.splitlines()
        assert "runs are removed, but the file keeps its size: database is locked; prune again" in line
        monkeypatch.setattr(keeping, "give_back", real)
    assert read_runs(history).empty
    assert count_free(history) > 0
    assert main(["history", "prune", address, "--keep", "72h"]) == 0
    assert "0 runs removed" in capfd.readouterr().err
    assert count_free(history) == 0
    history.close()


def count_free(history: History) -> int:
    """Pages of the file that hold nothing."""
    with history.reading() as connection:
        return int(connection.scalar(text("PRAGMA freelist_count")) or 0)
