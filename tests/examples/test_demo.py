"""The story that `make demo` tells is true: soil wetter by 2 sd in a region is critical, named, located."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT

import dqwatch
from dqwatch.baselines.store import load
from examples import make_data
from examples.faults import soil_region
from examples.weather import Weather

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the demo, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    make_data.make(folder / "demo")
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "demo", done.stdout


def degrees(text: str) -> float:
    return float(text[:-1]) * (-1 if text[-1] in "SW" else 1)


def test_the_soil_is_critical_named_and_located(ran: tuple[Path, str]) -> None:
    folder, said = ran
    document = json.loads((folder / "soil.json").read_text())
    failed = {f["rule"]: f for f in document["findings"] if f["status"] == "fail"}
    assert document["exit_code"] == 1
    assert failed["drift.cycle"]["severity"] == "critical"
    assert {f["rule"] for f in failed.values() if f["severity"] == "critical"} == {"drift.cycle"}, "and nothing else is"
    assert document["drift"]["p_cycle"] == 1 / (document["drift"]["null_size"] + 1) <= 0.001
    named = {v["variable"]: v for v in document["drift"]["variables"] if v["named"]}
    assert set(named) == {"swvl1", "swvl2"}
    weather = Weather(0)
    planted = soil_region(weather)
    for variable in named.values():
        latitudes, longitudes = variable["region"].split()
        south, north = map(degrees, latitudes.split("-"))
        west, east = map(degrees, longitudes.split("-"))
        inside = (weather.grid.latitudes >= south) & (weather.grid.latitudes <= north)
        inside &= (weather.grid.longitudes - west) % 360 <= (east - west) % 360
        assert inside[planted].mean() > 0.8, "the box holds what was planted"
        assert inside.mean() < 0.1, "and is no larger than a continent"
    assert "Soil moisture drifted: swvl" in said


def test_the_weights_of_the_soil_are_lowered_and_no_others(ran: tuple[Path, str]) -> None:
    folder, said = ran
    advice = json.loads((folder / "weights.json").read_text())["advice"]
    factors = {v["variable"]: v["factor"] for v in advice["variables"]}
    assert factors["swvl1"] < 0.2
    assert factors["swvl2"] < 0.2
    assert all(factor > 0.95 for name, factor in factors.items() if not name.startswith("swvl"))
    text = (folder / "weights.yaml").read_text()
    assert said.rstrip().splitlines()[-3].startswith("Open demo/report.html: ")
    assert said.rstrip().splitlines()[-1].startswith("The data lie in")
    assert text in said
    content = yaml.safe_load(text)["training"]["scalers"]["datasets"]["data"]["general_variable"]["weights"]
    (soil,) = (v for v in advice["variables"] if v["variable"] == "swvl1")
    assert content["swvl1"] == pytest.approx(soil["suggested"], rel=1e-5)
    assert soil["weight"] == 100
    assert content["t"] == 6
    assert "<table id='weights'>" in (folder / "weights.html").read_text()


def test_the_report_tells_the_story_alone(ran: tuple[Path, str]) -> None:
    text = (ran[0] / "report.html").read_text("utf-8")
    body = text[text.index("<body>") :]
    story = ["✕ FAIL", "The state is unlike anything in training", "swvl1", "further from training than every one"]
    story += [
        "spurious single points of rain",
        "Where it departs from training",
        "Look at the variables and regions named",
    ]
    places = [body.index(sentence) for sentence in story]
    assert places == sorted(places), "the answer first, then what it is about, why it matters, where, and what to do"
    assert body.count("Why it matters.") == 1
    assert len(text.encode()) < 8e6


def test_clean_states_pass(ran: tuple[Path, str]) -> None:
    folder, said = ran
    assert said.count("exit code 0.") == 4
    assert "bug" not in said
    verdict = dqwatch.drift(str(folder / "test_years.zarr"), baseline=load(folder / "baseline.zarr"))
    assert verdict.ok
    assert len(verdict.tables["cycles"]) == 242
    assert (verdict.tables["cycles"]["p_cycle"] <= 0.05).mean() <= 0.1
    assert np.isfinite(verdict.tables["cycles"]["p_critical"]).all()
