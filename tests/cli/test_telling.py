"""Who is told when: --notify, --notify-on, --prometheus."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from history.verdicts import make_verdict
from prometheus_client.parser import text_string_to_metric_families
from reports.listeners import Listener, listening

import dqwatch
from dqwatch.cli import main


@pytest.fixture
def server():
    with listening() as server:
        yield server


def gate(monkeypatch: pytest.MonkeyPatch, status: str, server: Listener, *words: str) -> int | None:
    """Run a gate that comes to a status; the exit code that the server was told, None where it was told nothing."""
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: make_verdict(status), raising=False)
    before = len(server.posts)
    main(["gate", "ic.zarr", "--notify", f"json://{server.place}/hook", *words])
    assert len(server.posts) - before in (0, 1)
    return json.loads(server.posts[-1].body)["exit_code"] if len(server.posts) > before else None


COURSE = ("pass", "fail", "fail", "warn", "pass", "no_data", "fail", "pass")


@pytest.mark.parametrize(
    ("occasion", "history", "told"),
    [
        ("change", True, [None, 1, None, 0, None, 4, 1, 0]),
        ("change", False, [None, 1, 1, None, None, 4, 1, None]),
        ("failure", True, [None, 1, 1, None, None, 4, 1, None]),
        ("always", False, [0, 1, 1, 0, 0, 4, 1, 0]),
    ],
)
def test_who_is_told_of_a_course_of_runs(occasion, history, told, server, tmp_path, monkeypatch) -> None:
    words = ["--notify-on", occasion, *(["--history", str(tmp_path / "h.db")] if history else [])]
    assert [gate(monkeypatch, status, server, *words) for status in COURSE] == told


@pytest.mark.parametrize(
    "line",
    ["audit x", "gate x", "drift x --baseline b", "weights x --config c.yaml -o w.yaml", "losses x"],
    ids=lambda line: line.split()[0],
)
def test_every_verb_that_concludes_is_recorded(line: str, tmp_path, monkeypatch, capfd) -> None:
    verb, *words = line.split()
    monkeypatch.chdir(tmp_path)
    verdict = make_verdict("fail", verb=verb, p={"2020-01-01T00": {"t": 1e-4}}, p_cycle={"2020-01-01T00": 1e-4})
    monkeypatch.setattr(dqwatch, verb, lambda *_, **__: verdict, raising=False)
    assert main([verb, *words, "--history", "h.db", "--label", "source=ifs", "--quiet"]) == 1
    with closing(sqlite3.connect("h.db")) as history:
        (run,) = history.execute("select verb, status, exit_code, series from dqwatch_runs").fetchall()
        assert history.execute("select count(*) from dqwatch_drift").fetchone() == (1,)
    assert (*run[:3], json.loads(run[3])) == (verb, "fail", 1, {"source": "ifs"})


def test_each_series_has_a_state_of_its_own(server, tmp_path, monkeypatch) -> None:
    words = ["--history", str(tmp_path / "h.db"), "--label"]
    assert gate(monkeypatch, "fail", server, *words, "source=a") == 1
    assert gate(monkeypatch, "fail", server, *words, "source=b") == 1
    assert gate(monkeypatch, "fail", server, *words, "source=a") is None


def test_people_read_the_verdict(server, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: make_verdict("fail"), raising=False)
    monkeypatch.setenv("DQWATCH_NOTIFY", f"form://{server.place}/a form://{server.place}/b")
    assert main(["gate", "ic.zarr", "--label", "cycle=49r1"]) == 1
    assert sorted(post.path for post in server.posts) == ["/a", "/b"]
    fields = parse_qs(server.posts[0].body.decode())
    assert fields["title"] == ["dqwatch gate FAIL ic.zarr cycle=49r1 (exit code 1)"]
    assert "critical nan.none  no NaN" in fields["message"][0]
    assert "dqwatch FAIL ic.zarr 3 rules: 2 pass 0 warn 1 fail 0 error 0 no-data | " in fields["message"][0]


def test_a_run_that_fails_is_told_of(server, tmp_path, capfd) -> None:
    metrics = tmp_path / "dq.prom"
    words = ["--notify", f"json://{server.place}", "--prometheus", str(metrics)]
    assert main(["gate", str(tmp_path / "none.zarr"), *words]) == 3
    assert json.loads(server.posts[0].body)["status"] == "error"
    values = {f.name: f.samples[0].value for f in text_string_to_metric_families(metrics.read_text())}
    assert values["dqwatch_exit_code"] == 3


def test_that_nobody_can_be_told_changes_no_verdict(monkeypatch, capfd) -> None:
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: make_verdict(), raising=False)
    with listening() as closed:
        place = closed.place
    assert main(["gate", "ic.zarr", "--quiet", "--notify", f"json://{place}/secret", "--notify-on", "always"]) == 0
    note, verdict = capfd.readouterr().err.splitlines()
    assert note.startswith("note: could not notify json://127.0.0.1 (address 1): ")
    assert "secret" not in note
    assert verdict.startswith("dqwatch PASS")


def test_a_wrong_address_or_place_is_refused_before_the_work(tmp_path, monkeypatch, capfd) -> None:
    monkeypatch.setattr(dqwatch, "gate", lambda *_, **__: pytest.fail("the data were looked at"), raising=False)
    assert main(["gate", "ic.zarr", "--notify", "nothing"]) == 2
    assert main(["gate", "ic.zarr", "--notify", "nosuch://secret"]) == 2
    assert main(["gate", "ic.zarr", "--notify", "slack://secret", "--verbose"]) == 2
    assert main(["gate", "ic.zarr", "--prometheus", str(tmp_path)]) == 2
    assert main(["gate", "ic.zarr", "--prometheus", str(tmp_path / "none" / "a.prom")]) == 2
    err = capfd.readouterr().err
    assert "secret" not in err
    assert sum(line.startswith("dqwatch: --") for line in err.splitlines()) == 5


def test_a_report_is_sent(server, tmp_path: Path) -> None:
    address = str(tmp_path / "h.db")
    dqwatch.record(make_verdict("fail"), address)
    assert main(["report", "--history", address, "--notify", f"json://{server.place}"]) == 0
    assert json.loads(server.posts[0].body)["status"] == "warn"
