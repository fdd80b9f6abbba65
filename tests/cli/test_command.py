"""The installed command on real files, from bytes on disk to exit code: each code of the contract, and bad input.

A process that evaluates rules imports Great Expectations, which takes seconds: there are as few as the codes need.
"""

import errno
import json
import os
import pty
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import dqwatch

COMMAND = Path(sysconfig.get_path("scripts")) / "dqwatch"
SCHEMA = json.loads((Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json").read_text("utf-8"))
VERDICT = re.compile(
    r"dqwatch (PASS|WARN|FAIL|ERROR|NO-DATA) (\S+) "
    r"(\d+) rules: (\d+) pass (\d+) warn (\d+) fail (\d+) error (\d+) no-data"
    r"( \| worst: \S+( \S+)?( [-\dT:+h]+)?( \(\+\d+\))?)?( \| sampled: [^|]+)? \| \d+\.\ds"
)


def run(*words, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, words)], text=True, capture_output=True, check=False, **options)


def weather(n_times: int = 8) -> xr.Dataset:
    """Two plausible variables, six-hourly, on a regular global grid; labelled as they should be."""
    rng = np.random.default_rng(1)
    latitude, longitude = np.linspace(85, -85, 18), np.arange(0, 360, 10.0)
    shape = (n_times, latitude.size, longitude.size)
    warm = 288 - 40 * np.sin(np.deg2rad(latitude))[None, :, None] ** 2
    dims = ("time", "latitude", "longitude")
    t2m = (warm + rng.normal(0, 2, shape)).astype("f4")
    msl = rng.normal(101_300, 800, shape).astype("f4")
    return xr.Dataset(
        {"t2m": (dims, t2m, {"units": "K"}), "msl": (dims, msl, {"units": "Pa"})},
        {
            "time": pd.date_range("2020-03-01", periods=n_times, freq="6h"),
            "latitude": ("latitude", latitude, {"units": "degrees_north"}),
            "longitude": ("longitude", longitude, {"units": "degrees_east"}),
        },
    )


def write(data: xr.Dataset, path: Path) -> Path:
    data.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> Path:
    return write(weather(), tmp_path_factory.mktemp("clean") / "clean.nc")


@pytest.fixture(scope="session")
def with_nan(tmp_path_factory) -> Path:
    data = weather()
    data["t2m"][2, 3, 4:6] = np.nan
    data["t2m"][5, 0, 0] = np.nan
    return write(data, tmp_path_factory.mktemp("nan") / "nan.nc")


def document(text: str) -> dict:
    doc = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(doc)
    return doc


def last(text: str) -> re.Match[str]:
    match = VERDICT.fullmatch(text.splitlines()[-1])
    assert match, text
    return match


def test_code_0_and_all_outputs(clean, tmp_path):
    done = run("audit", clean, "--json", tmp_path / "v.json", "--html", tmp_path / "v.html", "--tables", tmp_path / "t")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    line = last(done.stderr)
    assert line[1] in ("PASS", "WARN")
    assert line[2] == "clean.nc"
    assert "\x1b" not in done.stderr  # no terminal: no colour, no progress bar
    doc = document((tmp_path / "v.json").read_text())
    assert (doc["verb"], doc["exit_code"]) == ("audit", 0)
    assert [int(n) for n in line.groups()[2:8]] == list(doc["summary"].values())
    assert doc["inputs"][0]["kind"] == "netcdf"
    assert doc["timing"]["scan_bytes"] == 2 * 8 * 18 * 36 * 4  # variables, times, latitudes, longitudes, float32
    assert (tmp_path / "v.html").read_text("utf-8").rstrip().endswith("</html>")
    fields = pd.read_parquet(tmp_path / "t" / "fields.parquet")
    assert len(fields) == 2 * 8
    np.testing.assert_array_equal(
        np.sort(fields["max"]), np.sort([float(f.max()) for v in weather().data_vars.values() for f in v])
    )


def run_in_terminal(*words) -> tuple[int, str, str]:
    """Exit code, stdout, and what the terminal that is its stderr saw."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "200"} | {"NO_COLOR": ""}
    with subprocess.Popen(
        [COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=theirs, stdin=theirs, text=True, env=environment
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux tells that the other end is closed
                raise
        os.close(ours)
        assert process.stdout is not None
        return process.wait(60), process.stdout.read(), seen.decode()


def test_code_1_json_alone_on_stdout_and_a_terminal_for_people(with_nan):
    code, out, seen = run_in_terminal("gate", with_nan, "--json", "-", "--select", "2t")
    assert code == 1, seen
    doc = document(out)
    assert (doc["verb"], doc["status"], doc["exit_code"]) == ("gate", "fail", 1)
    assert doc["sampled"] == "only 2t"
    finding = doc["findings"][0]
    assert (finding["rule"], finding["severity"], finding["status"]) == ("nan.none", "critical", "fail")
    assert (finding["variable"], finding["time"], finding["n_failed"]) == ("2t", "2020-03-01T12:00:00", 2)
    assert "gate nan.nc" in seen  # the progress bar
    assert "\x1b[1;31mFAIL\x1b[0m" in seen
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", seen)
    line = last(plain)
    assert line[1] == "FAIL"
    assert " | worst: nan.none 2t 2020-03-01T12 (+1) | sampled: only 2t | " in line[0]
    assert finding["hint"] in " ".join(plain.split())


@pytest.mark.parametrize("words", [["--no-such-option"], ["--rules", "nosuch"], ["--json", "no/such/folder/v.json"]])
def test_code_2(words, clean):
    done = run("gate", clean, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"dqwatch: .+\n", done.stderr)


def test_code_3_and_json_tells_it(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"no data")
    done = run("gate", tmp_path / "a.nc", "--json", "-")
    assert done.returncode == 3
    assert re.fullmatch(r"dqwatch: .+\n", done.stderr)
    doc = document(done.stdout)
    assert (doc["status"], doc["exit_code"], doc["findings"]) == ("error", 3, [])
    assert done.stderr == f"dqwatch: {doc['error']}\n"


def test_code_4(clean):
    done = run("audit", clean, "--start", "2031-01-01", "--json", "-")
    assert done.returncode == 4, done.stderr
    line = last(done.stderr)
    assert line[1] == "NO-DATA"
    assert "sampled: from 2031-01-01" in line[0]
    doc = document(done.stdout)
    assert (doc["status"], doc["exit_code"], doc["timing"]["scan_bytes"]) == ("no_data", 4, 0)


def test_a_reader_that_leaves_changes_nothing(clean):
    """`dqwatch rules list | head -0`, `dqwatch --help | head -0`: quiet, whatever the exit code of the reader."""
    for words in (["rules", "list"], ["--version"]):
        line = f"{shlex.join([str(COMMAND), *words])} | head -c 0; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], text=True, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dqwatch audit a.nc --rules mis", ["missing"]),
        ("dqwatch rules show sto", ["storage"]),
        ("dqwatch gate a.nc --fail-on n", ["never"]),
        ("dqwatch audit a.nc --qu", ["--quiet"]),
    ],
)
def test_the_shell_completes(line, words):
    position = str(len(line.split()) - 1)
    asked = {"_DQWATCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": position}
    done = run(env={**os.environ, **asked})
    assert done.stdout.split() == words


def test_rules_are_listed_shown_and_checked_without_data(tmp_path):
    listed, shown = run("rules", "list"), run("rules", "show", "missing")
    assert (listed.returncode, listed.stderr, shown.returncode, shown.stderr) == (0, "", 0, "")
    assert re.search(r"^missing +\d+ rules +\S", listed.stdout, re.M)
    assert re.search(r"^nan\.none \(critical\): .*\n    fields\.n_nan_unexpected\n", shown.stdout, re.M)
    (tmp_path / "mine.yaml").write_text(
        "rule_set: mine\nrules:\n"
        "- {id: a, table: fields, column: n, expect: between, minn: 1, severity: info, title: t, hint: h}\n"
    )
    checked = run("rules", "lint", tmp_path / "mine.yaml")
    assert (checked.returncode, checked.stderr) == (2, "")
    assert re.search(r"mine\.yaml: .*'a'.*'minn'", checked.stdout)
