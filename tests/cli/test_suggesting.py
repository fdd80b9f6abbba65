"""`dqwatch rules suggest` end to end: made from data, passed by the data, failed by a spoilt state."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from cli.rule_data import failures, judged, weather, write

from dqwatch.cli import main


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(weather(n_times=60), tmp_path_factory.mktemp("good") / "good.nc")


@pytest.fixture(scope="module")
def rules(good: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "mine.yaml"
    assert main(["rules", "suggest", good, "-o", str(path), "--quiet"]) == 0
    return str(path)


def test_the_data_and_more_of_their_kind_pass(good, rules, tmp_path, capfd):
    code, document, _ = judged(capfd, "audit", good, "--rules", rules)
    assert (code, document["status"], failures(document)) == (0, "pass", set())
    assert document["summary"]["rules"] == document["summary"]["pass"] > 30
    more = write(weather(n_times=4, first="2020-03-20", seed=9), tmp_path / "more.nc")
    assert judged(capfd, "gate", more, "--rules", rules)[0] == 0


def celsius(data):
    data["t2m"] = data["t2m"] - 273.15


def hole(data):
    data["msl"][1, 2:4, 5] = np.nan


def flipped(data):
    data["sst"].values[:] = data["sst"].values[:, :, ::-1]


def fill(data):
    data["tp"][0, 0, 0] = 9999


def moved(data):
    data["time"] = data["time"] + np.timedelta64(30, "m")


def mountain(data):
    data["z"] = data["z"] * 1.01


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (celsius, {("suggested.min", "2t"), ("suggested.mean", "2t"), ("suggested.max", "2t")}),
        (hole, {("suggested.nan", "msl")}),
        (flipped, {("suggested.mask", "sst")}),
        (fill, {("suggested.max", "tp")}),
        (moved, {("suggested.hours", None)}),
        (mountain, {("suggested.max", "z"), ("suggested.mean", "z"), ("suggested.std", "z")}),
    ],
)
def test_a_spoilt_state_fails(spoil, expected, rules, tmp_path, capfd):
    data = weather(n_times=2, first="2020-03-20", seed=9)
    spoil(data)
    code, document, _ = judged(capfd, "gate", write(data, tmp_path / "state.nc"), "--rules", rules)
    assert code == 1
    assert expected <= failures(document)
    assert {variable for _, variable in failures(document)} == {variable for _, variable in expected}


def test_on_stdout_stands_the_file_alone_and_it_says_what_was_looked_at(good, rules, tmp_path, capfd):
    assert main(["rules", "suggest", good, "--select", "t2m", "--every", "3"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("# Made from data, not from knowledge")
    assert re.search(r"^description: 'Suggested from good\.nc \(every 3rd time, only t2m\) by dqwatch ", out, re.M)
    assert re.fullmatch(r"dqwatch: \d+ rules suggested; read them before they guard anything\n", err)
    (tmp_path / "mine.yaml").write_text(out)
    assert main(["rules", "lint", str(tmp_path / "mine.yaml")]) == 0
    capfd.readouterr()
    assert main(["rules", "explain", "suggested.nan", "--rules", rules]) == 0
    explained = capfd.readouterr().out
    assert re.search(r"^threshold +suggested from good\.nc by dqwatch", explained, re.M)
    assert "2t: n_nan = 0" in explained


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["absent.nc"], 3, r"absent\.nc: .*"),
        (["GOOD", "-o", "no/such/folder/mine.yaml"], 2, r"--output no/such/folder/mine\.yaml: cannot write .*"),
        (["GOOD", "--select", "nosuch"], 2, r".*nosuch.*"),
        (["GOOD", "--every", "0"], 2, r".*--every.*"),
        (["GOOD", "--start", "2031"], 3, r"good\.nc \(from 2031\): no field has a value; .*"),
        ([], 2, r"Missing argument 'DATA\.\.\.'.*"),
    ],
)
def test_what_is_wrong_is_one_line(words, code, message, good, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["rules", "suggest", *(good if word == "GOOD" else word for word in words)]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"dqwatch: {message}\n", err)
    assert os.listdir() == []


def test_rules_of_ones_own_extend_change_and_switch_off_shipped_ones(good, tmp_path: Path, capfd):
    """NaN on land under sst: information by default; a warning here, and the rule on unknown variables is off."""
    own = tmp_path / "mine.yaml"
    own.write_text(
        "rule_set: mine\ninclude: [gate]\ndisable: [grid.weights, variable.known]\nrules:\n"
        "- {id: nan.masked, severity: critical}\n"
        "- {id: mine.warm, table: fields, column: max, expect: between, max: 280, where: {variable: 2t},"
        " severity: warning, hint: Cool it.}\n"
    )
    code, document, _ = judged(capfd, "gate", good)
    before = {f["rule"]: f["severity"] for f in document["findings"] if f["status"] == "fail"}
    assert (code, before.get("nan.masked")) == (0, "info")
    code, document, err = judged(capfd, "gate", good, "--rules", str(own))
    after = {f["rule"]: f["severity"] for f in document["findings"] if f["status"] == "fail"}
    assert code == 1
    assert after == {rule: s for rule, s in before.items() if rule not in ("grid.weights", "variable.known")} | {
        "nan.masked": "critical",
        "mine.warm": "warning",
    }
    assert document["rules"][0]["name"] == "mine"
    assert "Cool it." in err
