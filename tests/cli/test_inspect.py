"""`dqwatch inspect` from the shell: what goes where, exit codes, and one line for what is wrong."""

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import h5netcdf
import jsonschema
import numpy as np
import pytest
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.cli import main

COMMAND = Path(sysconfig.get_path("scripts")) / "dqwatch"
SCHEMA = json.loads((Path(dqwatch.__file__).parent / "reports" / "inspection.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("inspect") / "a.zarr"
    values = np.random.default_rng(0).normal(280, 5, (20, 2, 1, 208)).astype("f4")
    make_anemoi(path, values, ["2t", "msl"])
    return path


def document(text: str) -> dict:
    found = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def test_the_text_is_what_was_asked_for_and_goes_to_stdout(store, capfd):
    assert main(["inspect", str(store)]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("a.zarr (anemoi_zarr)\n")
    assert "\nReading\n" in out


def test_json_on_stdout_is_all_that_stands_there(store, capfd):
    assert main(["inspect", str(store), "--json", "-"]) == 0
    out, err = capfd.readouterr()
    assert document(out)["inspection"]["dimensions"]["time"] == 20
    assert err.startswith("a.zarr (anemoi_zarr)\n")


def test_feeding_is_measured_where_it_is_asked_for(store, capfd, monkeypatch):
    monkeypatch.setattr("dqwatch.metrics.feed_speeds.SECONDS", 0.02)
    assert main(["inspect", str(store), "--feed", "--batch", "2", "--step-time", "0.5", "--json", "-"]) == 0
    found = document(capfd.readouterr().out)["inspection"]["feeding"]
    assert found["step"]["needs"] == 4.0
    assert found["batch"] == 2
    assert main(["inspect", str(store), "--step-time", "0.5"]) == 2


def test_json_in_a_file(store, capfd, tmp_path):
    assert main(["inspect", str(store), "--json", str(tmp_path / "i.json")]) == 0
    out, _ = capfd.readouterr()
    assert out.startswith("a.zarr")
    assert document((tmp_path / "i.json").read_text())["status"] == "ok"


def test_a_page_is_written_of_an_inspection_and_of_one_that_fails(store, capfd, tmp_path):
    page = tmp_path / "a.html"
    assert main(["inspect", str(store), "--html", str(page)]) == 0
    assert "<h1>dqwatch inspect of a.zarr</h1>" in page.read_text("utf-8")
    assert main(["inspect", str(tmp_path / "none.zarr"), "--html", str(page)]) == 3
    assert "! ERROR" in page.read_text("utf-8")
    assert main(["inspect", str(store), "--html", str(tmp_path / "no" / "a.html")]) == 2
    assert "--html" in capfd.readouterr().err


def test_patterns_and_batch_reach_the_verb(store, capfd):
    words = ["--pattern", "time=3,cell=5", "--pattern", "variable=msl", "--batch", "7", "--json", "-"]
    assert main(["inspect", str(store), *words]) == 0
    body = document(capfd.readouterr().out)["inspection"]
    assert [(p["name"], p["text"]) for p in body["patterns"][:2]] == [
        ("own1", "time=3,cell=5"),
        ("own2", "variable=msl"),
    ]
    assert [p["wanted_bytes"] for p in body["patterns"][:2]] == [3 * 5 * 2 * 4, 20 * 208 * 4]
    assert body["memory"]["batch_bytes"] == 7 * 3 * 2 * 208 * 4


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--pattern", "tme=3"], 2, "dqwatch: pattern 'tme=3': 'tme=3' is no part of a pattern; "),
        (["--pattern", "time=21"], 2, "dqwatch: pattern 'time=21': time=21, but there are only 20; give 1 to 20"),
        (["--pattern", "variable=2d"], 2, "dqwatch: pattern 'variable=2d': there is no variable '2d'; "),
        (["--batch", "0"], 2, "dqwatch: "),
        (["--quiet"], 2, "dqwatch: "),
        (["--json", "/no/such/folder/x.json"], 2, "dqwatch: --json /no/such/folder/x.json: cannot write"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(store, capfd, words, code, line):
    assert main(["inspect", str(store), *words]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_data_that_cannot_be_read_give_code_3_and_json_says_so(capfd, tmp_path):
    file = tmp_path / "i.json"
    assert main(["inspect", "no-such.zarr", "--json", str(file)]) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("dqwatch: no-such.zarr: ")
    found = document(file.read_text())
    assert (found["status"], found["exit_code"], found["inspection"]) == ("error", 3, None)
    assert found["error"] in err


def test_a_broken_chunk_in_the_sample_gives_code_3(store, capfd, tmp_path):
    path = tmp_path / "b.zarr"
    shutil.copytree(store, path)
    (path / "data" / "19.0.0.0").write_bytes(b"broken")
    assert main(["inspect", str(path)]) == 3
    assert "19.0.0.0" in capfd.readouterr().err


def test_the_installed_command_in_a_plain_locale(store):
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([COMMAND, "inspect", store], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert done.stdout.isascii()
    assert b"+---" in done.stdout


def test_a_reader_that_goes_away_is_no_error(store):
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"'{COMMAND}' inspect '{store}' | head -1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "a.zarr (anemoi_zarr)\n"), done.stderr


def test_where_there_is_nothing_to_inspect_it_says_so(tmp_path, capfd):
    path = tmp_path / "a.nc"
    with h5netcdf.File(path, "w"):
        pass
    assert main(["inspect", str(path), "--json", str(tmp_path / "a.json")]) == 4
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "dqwatch: a.nc: nothing to inspect: it holds no variables\n"
    found = json.loads((tmp_path / "a.json").read_text())
    jsonschema.validate(found, SCHEMA)
    assert (found["exit_code"], found["inspection"]) == (4, None)
