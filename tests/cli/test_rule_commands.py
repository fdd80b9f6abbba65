"""`dqwatch rules ...` on the command line."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from dqwatch.cli import main


def test_a_rule_is_explained(capfd):
    assert main(["rules", "explain", "nan.none"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("nan.none (critical) NaN where none is expected\n")
    assert re.search(r"^looks at +fields\.n_nan_unexpected \[cells\]: ", out, re.M)
    assert re.search(r"^sets +audit, .*missing$", out, re.M)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("explain nan.non", r"there is no rule 'nan\.non' \(did you mean 'nan\.none'\?\); .*"),
        ("explain", "Missing argument 'ID'.*"),
        ("explain nan.none --rules absent.yaml", r"absent\.yaml: there is no such file"),
    ],
)
def test_what_is_wrong_is_one_line(line, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["rules", *shlex.split(line)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"dqwatch: {message}\n", err)


def test_ids_are_completed(capfd, monkeypatch):
    asked = {"_DQWATCH_COMPLETE": "complete_bash", "COMP_WORDS": "dqwatch rules explain nan.", "COMP_CWORD": "3"}
    for key, value in {**os.environ, **asked}.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit):
        main([])
    found = capfd.readouterr().out.split()
    assert {"nan.none", "nan.masked", "nan.pattern"} <= set(found)
    assert all(name.startswith("nan.") for name in found)


def test_a_rule_of_ones_own_is_explained(capfd, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("rule_set: mine\nrules: [{id: nan.none, severity: info}]\n")
    assert main(["rules", "explain", "nan.none", "--rules", str(tmp_path / "mine.yaml")]) == 0
    out = capfd.readouterr().out
    assert out.startswith("nan.none (info)")
    assert re.search(r"^sets +audit, .*missing, mine$", out, re.M)


def test_a_set_is_exported_for_great_expectations(capfd, tmp_path: Path):
    folder = tmp_path / "a" / "b"
    assert main(["rules", "export", "missing", "--gx", str(folder)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert {Path(line) for line in out.splitlines()} == set(folder.iterdir())
    suite = json.loads((folder / "missing.fields.json").read_text())
    assert (suite["name"], suite["meta"]["table"]) == ("missing.fields", "fields")
    assert {"nan.none", "inf"} <= {e["meta"]["rule_id"] for e in suite["expectations"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch", "--gx", "x"], r"there is no rule set 'nosuch'; .*"),
        (["missing"], r"Missing option '--gx'.*"),
        (["missing", "--gx", "file/x"], r"--gx file/x: cannot make this folder: .*"),
        (["mine.yaml", "--gx", "x"], r"mine\.yaml: rule 'a': max_vale: .*"),
    ],
)
def test_an_export_that_cannot_be_is_one_line(words, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "mine.yaml").write_text(
        "rule_set: mine\nrules:\n- {id: a, table: fields, column: n, expect: expect_column_mean_to_be_between, "
        "arguments: {max_vale: 1}, severity: info, hint: h}\n"
    )
    assert main(["rules", "export", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(rf"dqwatch: {message}\n", err)


def test_data_in_place_of_a_rule_file_are_told_so(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clean.nc").write_bytes(b"CDF")
    assert main(["rules", "lint", "clean.nc"]) == 2
    assert capfd.readouterr().out == (
        "clean.nc: no rule file: those end in .yaml; for data there are 'dqwatch audit' and 'dqwatch inspect'\n"
    )
