"""The gate in anemoi-inference: found by name, on states that its own inputs make, in its own processes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from anemoi.inference.config.run import RunConfiguration
from anemoi.inference.pre_processors import pre_processor_registry
from anemoi.inference.runners import create_runner, runner_registry
from inference_data import write_checkpoint, write_checkpoint_of_several, write_grib

import dqwatch
from dqwatch.errors import GateClosedError
from dqwatch.integrations import anemoi_inference, gatekeeper
from dqwatch.integrations.anemoi_inference import Gate, make_gated_runner
from dqwatch.yaml_files import to_yaml
from examples.stores import write_store
from examples.weather import VARIABLES, Weather

pytestmark = [
    pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:anemoi"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]
STEP = np.timedelta64(6, "h")
DATE = np.datetime64("2003-07-05T06", "s")
PAIR = np.array([DATE - STEP, DATE])
T = list(VARIABLES).index("2t")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data, a baseline of them, a checkpoint for them, and sound and spoilt states as a store and as GRIB."""
    folder = tmp_path_factory.mktemp("inference")
    weather = Weather(0, number=8)
    days = np.arange("2001-01-01", "2003-01-01", 3, dtype="M8[D]").astype("M8[s]")
    training = np.sort(np.concatenate([days, days + STEP]))
    blocks = (states for _, states in weather.blocks(training))
    write_store(folder / "training.zarr", training, blocks, weather.grid, description="Two years.", cadence="3d")
    dqwatch.baseline(str(folder / "training.zarr"), str(folder / "baseline.zarr"))
    sound = weather.states(PAIR)
    celsius, holes = sound.copy(), sound.copy()
    celsius[:, T] -= np.float32(273.15)
    holes[0, T, 40:60] = np.nan
    for name, states in {"sound": sound, "celsius": celsius, "holes": holes}.items():
        write_store(folder / f"{name}.zarr", PAIR, [states], weather.grid, description="A state.")
        write_grib(folder / f"{name}.grib", folder / f"{name}.zarr", PAIR)
    write_checkpoint(folder / "training.zarr", folder / "model.ckpt")
    return folder


def config(folder: Path, source: Any, **more: Any) -> dict[str, Any]:
    return {
        "checkpoint": str(folder / "model.ckpt"),
        "date": str(DATE),
        "lead_time": "12h",
        "input": source,
        "output": "none",
        "device": "cpu",
        # The store says m2 s-2, GRIB says m**2 s**-2: anemoi compares texts.
        "check_variables_compatibility": {"ignore_units": True},
        **more,
    }


def start(folder: Path, tmp_path: Path, given: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """`anemoi-inference run` as anybody types it."""
    (tmp_path / "run.yaml").write_text(to_yaml(given))
    command = [str(Path(sys.executable).with_name("anemoi-inference")), "run", "run.yaml"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)


def store(folder: Path, name: str) -> dict[str, Any]:
    return {"dataset": {"dataset": str(folder / f"{name}.zarr")}}


def grib(folder: Path, name: str) -> dict[str, Any]:
    return {"grib": str(folder / f"{name}.grib")}


def gate(folder: Path, **settings: Any) -> dict[str, Any]:
    return {"dqwatch_gate": {"baseline": str(folder / "baseline.zarr"), **settings}}


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if "dqwatch " in line and ("PASS" in line or "FAIL" in line)]


# --- whole processes


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
    done = start(folder, tmp_path, config(folder, grib(folder, "holes"), pre_processors=[gate(folder)]))
    assert done.returncode == 1
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("dqwatch FAIL state of 2003-07-05T06:00 ")
    assert "worst: nan.none 2t 2003-07-05T00" in last
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_told_in_one_line_before_anything_is_read(folder, tmp_path):
    given = config(folder, grib(folder, "sound"), pre_processors=[{"dqwatch_gate": {"baseline": "nosuch.zarr"}}])
    done = start(folder, tmp_path, given)
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1].startswith("dqwatch_gate: ")
    assert "no such baseline" in done.stderr
    assert "Traceback" not in done.stderr


# --- in this process


def runner_of(folder: Path, source: Any, **more: Any) -> Any:
    return create_runner(RunConfiguration.load(config(folder, source, **more)))


def gated(folder: Path, name: str, *, form: Any = grib, before: tuple[Any, ...] = (), **settings: Any) -> Any:
    return runner_of(folder, form(folder, name), pre_processors=[*before, gate(folder, **settings)])


def test_both_are_found_by_name():
    assert pre_processor_registry.lookup("dqwatch_gate") is Gate
    assert runner_registry.lookup("dqwatch") is make_gated_runner


@pytest.mark.parametrize(("name", "rule"), [("celsius", "2t"), ("holes", "nan.none 2t")])
def test_spoilt_states_of_both_forms_are_told(folder, name, rule):
    with pytest.raises(GateClosedError, match=rule):
        gated(folder, name).execute()
    with pytest.raises(GateClosedError, match=rule):
        runner_of(folder, store(folder, name), runner=gate_of_runner(folder)).execute()


def test_only_the_first_state_of_a_run_is_judged_and_the_state_stays_as_it_is(folder, monkeypatch):
    judged: list[str] = []
    kept = gatekeeper.Gatekeeper.judge
    monkeypatch.setattr(gatekeeper.Gatekeeper, "judge", lambda *a, **k: judged.append(k["date"]) or kept(*a, **k))
    runner = gated(folder, "sound")
    runner.execute()
    assert judged == ["20030705T0600"]
    (processor,) = runner.pre_processors["data"]
    state = {"date": DATE.astype(object), "fields": []}
    assert processor.process(state) is state
    assert state["fields"] == []
    assert len(judged) == 1
    gated(folder, "sound").execute()
    assert len(judged) == 2, "another run is another run"


def test_below_an_input_it_judges_once_too(folder, monkeypatch):
    judged: list[str] = []
    kept = gatekeeper.Gatekeeper.judge
    monkeypatch.setattr(gatekeeper.Gatekeeper, "judge", lambda *a, **k: judged.append(k["date"]) or kept(*a, **k))
    below = {"grib": {"path": str(folder / "sound.grib"), "pre_processors": [gate(folder)]}}
    runner_of(folder, below).execute()
    assert judged == ["20030705T0600"]


def test_the_baseline_is_loaded_once_in_a_process(folder, monkeypatch):
    gatekeeper.load_baseline.cache_clear()
    gated(folder, "sound").execute()
    runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder)).execute()
    assert gatekeeper.load_baseline.cache_info().misses == 1


def gate_of_runner(folder: Path, **settings: Any) -> dict[str, Any]:
    return {"dqwatch": {"baseline": str(folder / "baseline.zarr"), **settings}}


def test_a_warning_lets_it_run(folder, caplog):
    with caplog.at_level(logging.WARNING, "dqwatch"):
        gated(folder, "celsius", action="warn").execute()
        runner_of(folder, store(folder, "celsius"), runner=gate_of_runner(folder, action="warn")).execute()
    told = [r.getMessage() for r in caplog.records if r.name == "dqwatch"]
    assert len(told) == 2
    assert all(line.startswith("dqwatch FAIL") and "goes on" in line for line in told)


def test_missing_values_that_are_filled_before_are_warned_of(folder, caplog):
    with caplog.at_level(logging.WARNING, "dqwatch"):
        gated(folder, "holes", before=("no_missing_values",)).execute()
    assert "fills missing values before they are looked for; put dqwatch_gate before it" in caplog.text
    caplog.clear()
    after = [gate(folder), "no_missing_values"]
    with pytest.raises(GateClosedError, match=r"nan\.none 2t"):
        runner_of(folder, grib(folder, "holes"), pre_processors=after).execute()
    assert "fills missing values" not in caplog.text
    with caplog.at_level(logging.WARNING, "dqwatch"):
        settings = {"runner": gate_of_runner(folder), "pre_processors": ["no_missing_values"]}
        runner_of(folder, grib(folder, "holes"), **settings).execute()
    assert "fills missing values" in caplog.text


def test_names_of_another_source_go_through_a_namer(folder, tmp_path):
    """What the model calls 2t is said to be the skin temperature."""
    write_grib(tmp_path / "other.grib", folder / "celsius.zarr", PAIR, names={"2t": "skt"})
    rules = [[{"param": "skt"}, "2t"]]
    inputs = {"grib": {"path": str(tmp_path / "other.grib"), "namer": {"rules": rules}}}
    with pytest.raises(GateClosedError, match="2t"):
        runner_of(folder, inputs, pre_processors=[gate(folder, namer={"rules": rules})]).execute()
    runner = runner_of(folder, inputs, pre_processors=[gate(folder, action="warn")])
    runner.execute()


def test_the_state_of_a_runner_may_be_one_of_several_data_sets_or_alone(folder):
    runner = runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder))
    alone = runner.prognostics_inputs["data"].create_input_state(dates=[d.astype(object) for d in PAIR])
    constants = runner.constant_forcings_inputs["data"].create_input_state(dates=[d.astype(object) for d in PAIR])
    state = runner._combine_states(alone, constants)
    assert len(list(runner.run(input_states={"data": state}, lead_time="6h"))) == 1
    state["fields"]["2t"] = state["fields"]["2t"] - 273.15
    with pytest.raises(GateClosedError):
        runner.run(input_states={"data": state}, lead_time="6h")
    with pytest.raises(GateClosedError):
        runner.run(input_states=state, lead_time="6h")


def test_each_data_set_may_have_a_baseline_of_its_own(folder):
    by_name = {"data": str(folder / "baseline.zarr")}
    runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder, baseline=by_name)).execute()
    with pytest.raises(GateClosedError, match="no such baseline"):
        runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder, baseline={"data": "nosuch"}))


def test_a_model_of_several_data_sets_has_every_one_judged(folder, tmp_path):
    stores = dict.fromkeys(("global", "regional"), folder / "training.zarr")
    write_checkpoint_of_several(stores, tmp_path / "model.ckpt")
    baselines = {"global": str(folder / "baseline.zarr")}

    def run(regional: str) -> None:
        inputs = {"global": store(folder, "sound"), "regional": store(folder, regional)}
        settings = gate_of_runner(folder, baseline=baselines, report=str(tmp_path / "{dataset}.json"))
        given = {"checkpoint": str(tmp_path / "model.ckpt"), "check_variables_compatibility": None}
        runner_of(folder, inputs, runner=settings, **given).execute()

    run("sound")
    reports = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in stores}
    assert [report["status"] for report in reports.values()] == ["pass", "pass"]
    assert reports["global"]["drift"] is not None
    assert reports["regional"]["drift"] is None, "it has no baseline"
    with pytest.raises(GateClosedError, match=r"state of 2003-07-05T06:00 \[regional\]"):
        run("celsius")
    settings = gate_of_runner(folder, report=str(tmp_path / "one.json"))
    inputs = {name: store(folder, "sound") for name in stores}
    with pytest.raises(GateClosedError, match="one name for 2 data sets"):
        runner_of(folder, inputs, runner=settings, checkpoint=str(tmp_path / "model.ckpt"))


def test_the_runner_that_does_the_work_may_be_named(folder):
    runner = runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder, runner="no-model"))
    assert type(runner).__name__ == "NoModelRunner"
    runner.execute()


@pytest.mark.parametrize("settings", [{"colour": 1}, {"action": "stop"}, {"report": "v.txt"}, {"rules": "nosuch"}])
def test_wrong_settings_stop_with_one_line(folder, settings):
    for make in (
        lambda: gated(folder, "sound", **settings),
        lambda: runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder, **settings)),
    ):
        with pytest.raises(GateClosedError, match=r"^dqwatch") as caught:
            make()
        assert "\n" not in str(caught.value)


def test_releases_without_metadata_are_served(folder):
    """Then names are those that dqwatch gives to the fields itself."""
    runner = gated(folder, "sound")
    old = Gate(object.__new__(type("Context", (), {})), baseline=str(folder / "baseline.zarr"))
    fields = runner.prognostics_inputs["data"]._fieldlist
    state = {"date": DATE.astype(object), "fields": fields}
    assert old.process(state) is state
    assert anemoi_inference._judged[old.context] == {("data", None)}
    spoilt = zarr.open_group(str(folder / "celsius.zarr"), mode="r")
    assert float(np.nanmax(spoilt["data"][:, T])) < 60
