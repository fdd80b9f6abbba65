"""Rules evaluated by a process of their own: the same findings, whatever becomes of it, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest
from clean import clean
from expectations import sound_tables

from dqwatch.errors import RuleFileError
from dqwatch.expectations import apart as room
from dqwatch.expectations import evaluate, load_rule_sets, suites

GATE = """
import sys
from dqwatch.expectations import apart
cores = int(sys.argv.pop(1))
apart._n_cores = lambda: cores
children = []
start = apart.subprocess.Popen
apart.subprocess.Popen = lambda *a, **k: children.append(start(*a, **k)) or children[-1]
sys.argv = ["dqwatch", *sys.argv[1:]]
from dqwatch.cli import main
try:
    code = main()
except SystemExit as stop:
    code = stop.code
print(code, "great_expectations" in sys.modules, [child.returncode is not None for child in children])
"""


class Child:
    """Stands for the process."""

    ended = 0

    def kill(self) -> None:
        """Count that it was ended."""
        self.ended += 1

    def wait(self) -> None:
        """Nothing to wait for."""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Connection], Any]], Child]]:
    """Makes the other end of the link a thread of this process."""
    threads, links = [], []

    def begin(serve: Callable[[Connection], Any]) -> Child:
        ours, theirs = Pipe()
        child = Child()
        monkeypatch.setattr(room, "_n_cores", lambda: 2)
        monkeypatch.setattr(room, "_IMPORTED", "no such module")
        monkeypatch.setattr(room, "_start", lambda: (child, ours))
        threads.append(threading.Thread(target=serve, args=(theirs,)))
        threads[-1].start()
        links.append(theirs)
        return child

    yield begin
    for thread in threads:
        thread.join()
    for link in links:
        link.close()


def spoilt() -> dict[str, Any]:
    tables = sound_tables.make_all(["2t", "t_850"])
    tables["fields"].loc[1, "n_inf"] = 5
    return tables


def test_the_findings_are_those_of_this_process(served: Callable[..., Child]) -> None:
    asked = []

    def serve(link: Connection) -> None:
        asked.append(link.recv())
        link.send(suites.evaluate(*asked[0])._replace(answers=()))

    child, rule_sets = served(serve), load_rule_sets(["gate"])
    with room.ahead():
        there = evaluate(rule_sets, {**spoilt(), "unheard_of": None})
    assert child.ended == 1
    assert "unheard_of" not in asked[0][1]  # only what rules look at travels
    here = evaluate(rule_sets, spoilt())
    assert [f.rule for f in there.results if f.status == "fail"] == ["inf"]
    assert there.results == here.results
    assert here.answers
    assert not there.answers


def test_a_fault_of_a_rule_is_raised_where_it_was_asked_for(served: Callable[..., Child]) -> None:
    def serve(link: Connection) -> None:
        link.recv()
        link.send(RuleFileError("own.yaml: rule 'a': refused"))

    served(serve)
    with room.ahead(), pytest.raises(RuleFileError, match="rule 'a': refused"):
        evaluate(load_rule_sets(["gate"]), spoilt())


def test_without_an_answer_rules_are_evaluated_here(served: Callable[..., Child]) -> None:
    child = served(lambda link: link.close())
    with room.ahead():
        found = evaluate(load_rule_sets(["gate"]), spoilt())
    assert [f.rule for f in found.results if f.status == "fail"] == ["inf"]
    assert child.ended == 1


def test_nothing_is_begun_where_it_would_gain_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_start", lambda: pytest.fail("a process was begun"))
    monkeypatch.setattr(room, "_n_cores", lambda: 1)
    with room.ahead():
        pass
    monkeypatch.setattr(room, "_n_cores", lambda: 2)
    suites.preload()
    with room.ahead():
        pass


@pytest.mark.slow
def test_the_command_gates_the_same_with_and_without_another_process(tmp_path: Path) -> None:
    clean().drop_vars("time_bounds", errors="ignore").to_zarr(tmp_path / "state.zarr", zarr_format=2)
    told = {}
    for cores in (1, 2):
        out = tmp_path / f"{cores}.json"
        command = [
            sys.executable,
            "-c",
            GATE,
            str(cores),
            "gate",
            str(tmp_path / "state.zarr"),
            "--quiet",
            "--json",
            str(out),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"})
        code, imported, ended = done.stdout.split(maxsplit=2)
        assert (imported, ended.strip()) == (("True", "[]") if cores == 1 else ("False", "[True]")), done.stderr
        verdict = json.loads(out.read_text())
        told[cores] = code, verdict["summary"], verdict["findings"]
    assert told[1] == told[2]
