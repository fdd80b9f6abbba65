"""Whole processes of anemoi-inference behind the gate, for good and spoilt states, and configurations as documented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from anemoi.inference.config.run import RunConfiguration
from anemoi.inference.runners import create_runner
from conftest import ROOT
from inference_data import DATE, config, gate, grib, store

from dqwatch.yaml_files import to_yaml
from examples.weather import VARIABLES

pytestmark = [
    pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:anemoi"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


def start(folder: Path, tmp_path: Path, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """`anemoi-inference run` as anybody types it."""
    (tmp_path / "run.yaml").write_text(to_yaml(given))
    command = [str(Path(sys.executable).with_name("anemoi-inference")), "run", "run.yaml"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "dqwatch " in line and ("PASS" in line or "FAIL" in line)]


def test_a_sound_state_runs_behind_the_runner(folder, tmp_path):
    runner = {"dqwatch": {"baseline": str(folder / "baseline.zarr"), "report": "verdict-{date}.json"}}
    done = start(folder, tmp_path, config(folder, store(folder, "sound"), runner=runner))
    assert done.returncode == 0, done.stderr
    assert "Forecasting (2003-07-05 18:00:00)" in done.stderr
    (line,) = lines_of(done)
    assert "dqwatch PASS state of 2003-07-05T06:00 " in line
    found = json.loads((tmp_path / "verdict-20030705T0600.json").read_text())
    assert found["drift"]["p_cycle"] > 0.001
    assert sum(v["p_value"] is not None for v in found["drift"]["variables"]) == len(VARIABLES) - 4


def test_a_spoilt_state_does_not_run_behind_the_runner(folder, tmp_path):
    runner = {"dqwatch": {"baseline": str(folder / "baseline.zarr"), "report": ["v.json", "v.html"]}}
    done = start(folder, tmp_path, config(folder, store(folder, "celsius"), runner=runner))
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].startswith("dqwatch FAIL state of 2003-07-05T06:00 ")
    assert "Traceback" not in done.stderr
    assert "Forecasting" not in done.stderr
    assert json.loads((tmp_path / "v.json").read_text())["exit_code"] == 1
    assert (tmp_path / "v.html").stat().st_size > 10_000


def test_a_sound_state_runs_behind_the_pre_processor(folder, tmp_path):
    given = config(folder, grib(folder, "sound"), pre_processors=[gate(folder, report="v.json")])
    done = start(folder, tmp_path, given)
    assert done.returncode == 0, done.stderr
    assert len(lines_of(done)) == 1, "forcings, and later steps, are not judged again"
    assert done.stderr.count("Processing with Gate") >= 2
    assert "Forecasting (2003-07-05 18:00:00)" in done.stderr
    found = json.loads((tmp_path / "v.json").read_text())
    assert sum(v["p_value"] is not None for v in found["drift"]["variables"]) == len(VARIABLES) - 4


def test_a_spoilt_state_does_not_run_behind_the_pre_processor(folder, tmp_path):
    given = config(folder, grib(folder, "holes"), pre_processors=[gate(folder, report="v.json")])
    done = start(folder, tmp_path, given)
    assert done.returncode == 1
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("dqwatch FAIL state of 2003-07-05T06:00 ")
    assert " 2t 2003-07-05T00 " in last
    findings = json.loads((tmp_path / "v.json").read_text())["findings"]
    assert ("nan.none", "2t", "fail") in {(f["rule"], f["variable"], f["status"]) for f in findings}
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_told_in_one_line_before_anything_is_read(folder, tmp_path):
    given = config(folder, grib(folder, "sound"), pre_processors=[{"dqwatch_gate": {"baseline": "nosuch.zarr"}}])
    done = start(folder, tmp_path, given)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].startswith("dqwatch_gate: ")
    assert "no such baseline" in done.stderr
    assert "Traceback" not in done.stderr


# --- as they are documented


def documented() -> dict[str, dict[str, Any]]:
    """The configurations that the README and the examples show."""
    readme = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"^```yaml\n# run\.yaml:.*?\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    example = (ROOT / "examples/anemoi_inference.yaml").read_text()
    uncommented = re.sub(r"^# (?=pre_processors:|- )", "", example, flags=re.MULTILINE)
    made = {"readme": shown, "example": example, "other way": uncommented}
    return {name: yaml.safe_load(text) for name, text in made.items()}


@pytest.mark.parametrize("case", ["readme", "example", "other way"])
def test_what_is_documented_runs(folder, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    given = documented()[case]
    if case == "other way":
        assert given.pop("runner")
        given["input"] = {"grib": "analysis.grib"}
    for name, place in {
        "model.ckpt": "model.ckpt",
        "baseline.zarr": "baseline.zarr",
        "sound.grib": "analysis.grib",
    }.items():
        (tmp_path / place).symlink_to(folder / name)
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/test_years.zarr").symlink_to(folder / "sound.zarr")
    given |= {"date": str(DATE), "device": "cpu", "check_variables_compatibility": {"ignore_units": True}}
    create_runner(RunConfiguration.load(given)).execute()
    assert list(tmp_path.glob("verdict-20030705T0600.*"))
