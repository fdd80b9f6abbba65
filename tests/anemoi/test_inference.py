"""The gate in anemoi-inference: found by name, on states that its own inputs make; processes in test_inference_runs."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from anemoi.inference.pre_processors import pre_processor_registry
from anemoi.inference.runners import runner_registry
from inference_data import (
    DATE,
    PAIR,
    T,
    gate,
    gate_of_runner,
    grib,
    runner_of,
    store,
    write_checkpoint_of_several,
    write_grib,
)

from dqwatch.errors import GateClosedError
from dqwatch.integrations import anemoi_inference, gatekeeper
from dqwatch.integrations.anemoi_inference import Gate, GatedRunner

pytestmark = [
    pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:anemoi"),
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
]


def gated(folder: Path, name: str, *, form: Any = grib, before: tuple[Any, ...] = (), **settings: Any) -> Any:
    return runner_of(folder, form(folder, name), pre_processors=[*before, gate(folder, **settings)])


def test_both_are_found_by_name():
    assert pre_processor_registry.lookup("dqwatch_gate") is Gate
    assert runner_registry.lookup("dqwatch") is GatedRunner


@pytest.mark.parametrize("name", ["celsius", "holes"])
def test_spoilt_states_of_both_forms_are_told(folder, name):
    with pytest.raises(GateClosedError, match=" 2t 2003"):
        gated(folder, name).execute()
    with pytest.raises(GateClosedError, match=" 2t 2003"):
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
    with pytest.raises(GateClosedError, match=" 2t 2003"):
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
    assert type(runner).__name__ == "GatedNoModelRunner"
    runner.execute()
    runner = runner_of(folder, store(folder, "celsius"), runner=gate_of_runner(folder, runner={"no-model": {}}))
    with pytest.raises(GateClosedError, match="2t"):
        runner.execute()


@pytest.mark.parametrize("name", ["nosuch", "parallel", "dqwatch"])
def test_a_runner_that_cannot_be_gated_is_refused(folder, name):
    with pytest.raises(GateClosedError, match=f"dqwatch: runner: got '{name}'"):
        runner_of(folder, store(folder, "sound"), runner=gate_of_runner(folder, runner=name))


def test_behind_the_parallel_runner_every_process_judges(folder, tmp_path, monkeypatch):
    """One process, which is the first of one."""
    for key, value in {
        "RANK": 0,
        "LOCAL_RANK": 0,
        "WORLD_SIZE": 1,
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": 1,
    }.items():
        monkeypatch.setenv(key, str(value))
    # Of one process alone the runner asks for a group and makes none.
    torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
    settings = {"base_runner": "dqwatch", "cluster": "distributed", "baseline": str(folder / "baseline.zarr")}
    report = tmp_path / "v.json"
    runner = runner_of(folder, store(folder, "celsius"), runner={"parallel": {**settings, "report": str(report)}})
    assert isinstance(runner, GatedRunner)
    with pytest.raises(GateClosedError, match="2t"):
        runner.execute()
    assert json.loads(report.read_text())["exit_code"] == 1


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
