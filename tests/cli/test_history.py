"""Verbs that record what they concluded: --history and --label."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli.rule_data import weather, write
from history.verdicts import make_verdict

import dqwatch
from dqwatch.cli import main
from dqwatch.history.reading import read_findings, read_runs
from dqwatch.history.store import open_history


def runs_of(path: Path | str) -> list[dict]:
    history = open_history(str(path))
    try:
        return read_runs(history).to_dict("records")[::-1]
    finally:
        history.close()


def test_an_audit_is_recorded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = weather()
    data["t2m"][2, 3, 4] = np.nan
    path, history, out = write(data, tmp_path / "a.nc"), tmp_path / "h.db", tmp_path / "out.json"
    words = [
        "audit",
        path,
        "--rules",
        "missing",
        "--history",
        str(history),
        "--label",
        "source=ifs",
        "--json",
        str(out),
    ]
    assert main([*words, "--label", "cycle=49r1"]) == 1
    capfd.readouterr()
    (run,) = runs_of(history)
    document = json.loads(out.read_text())
    assert document["labels"] == {"source": "ifs", "cycle": "49r1"}
    assert (run["verb"], run["status"], run["name"], run["json_path"]) == ("audit", "fail", "a.nc", str(out))
    assert run["series"] == '{"cycle": "49r1", "source": "ifs"}'
    assert [run[f"n_{k}"] for k in ("rules", "pass", "fail")] == [
        document["summary"][k] for k in ("rules", "pass", "fail")
    ]
    opened = open_history(str(history))
    recorded = read_findings(opened, run["id"])
    opened.close()
    wanted = [(f["rule"], f["variable"], f["n_failed"]) for f in document["findings"] if f["status"] != "skipped"]
    assert list(recorded[["rule", "variable", "n_failed"]].itertuples(index=False, name=None)) == wanted
    assert wanted


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where runs are recorded whose verdicts are made up."""
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: make_verdict("fail"), raising=False)
    monkeypatch.setenv("DQWATCH_HISTORY", str(tmp_path / "h.db"))
    return str(tmp_path / "h.db")


def test_the_address_may_stand_in_the_environment(history: str) -> None:
    assert main(["gate", "ic.zarr"]) == 1
    assert [r["exit_code"] for r in runs_of(history)] == [1]


def test_a_run_that_fails_is_recorded_with_its_reason(history: str, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    monkeypatch.delattr(dqwatch, "gate")
    assert main(["gate", "none.zarr", "--label", "a=b"]) == 3
    (run,) = runs_of(history)
    assert (run["status"], run["exit_code"], run["series"]) == ("error", 3, '{"a": "b"}')
    assert run["error"] in capfd.readouterr().err


def test_a_history_that_cannot_be_had_is_said_before_the_work(tmp_path: Path, capfd, monkeypatch) -> None:
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: pytest.fail("the data were looked at"), raising=False)
    address = f"postgresql://me:secret@/db?host={tmp_path}"
    assert main(["gate", "ic.zarr", "--history", address]) == 3
    err = capfd.readouterr().err
    assert err.startswith("dqwatch: history postgresql://me@/db: ")
    assert err.count("\n") == 1
    assert "secret" not in err


def test_a_history_that_is_lost_meanwhile_fails_the_run(history: str, tmp_path: Path, monkeypatch, capfd) -> None:
    def gate(*_, **__):
        Path(history).write_bytes(b"spoilt" * 1000)
        return make_verdict()

    monkeypatch.setattr(dqwatch, "gate", gate, raising=False)
    out = tmp_path / "out.json"
    assert main(["gate", "ic.zarr", "--json", str(out)]) == 3
    assert json.loads(out.read_text())["status"] == "error"
    assert capfd.readouterr().err == "dqwatch: history h.db: file is not a database\n"


@pytest.mark.parametrize("label", ["", "a", "=b", "a=", "1a=b", "a b=c", "a=\x07", "a=" + 201 * "x"])
def test_a_label_that_is_none_is_refused(label: str, history: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "ic.zarr", "--label", label]) == 2
    assert "--label" in capfd.readouterr().err
    assert not Path(history).exists()


def test_a_label_has_one_value(history: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "ic.zarr", "--label", "a=b", "--label", "a=c"]) == 2
    assert "--label a: got 'b' and 'c'" in capfd.readouterr().err
    assert main(["gate", "ic.zarr", "--label", "a=b=c", "--label", "a=b=c"]) == 1
    assert runs_of(history)[0]["series"] == '{"a": "b=c"}'
