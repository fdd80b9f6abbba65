"""A gate inside another program: its settings, what it does when closed, its reports; states by their checkpoint."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import dqwatch
from dqwatch.errors import DqwatchError, GateClosedError, SourceNotFoundError, UsageError
from dqwatch.integrations import gatekeeper
from dqwatch.integrations.gatekeeper import Gatekeeper, make_gatekeeper
from dqwatch.integrations.states import Model, as_tensors, describe_model
from examples.stores import _metadata
from examples.weather import VARIABLES, Weather

DATE = dt.datetime(2003, 5, 4, 6)
LAGS = (dt.timedelta(hours=-6), dt.timedelta(0))
MODEL = Model("data", {name: _metadata(name) for name in VARIABLES}, frozenset(VARIABLES), LAGS)
WEATHER = Weather(0, number=8)
STATES = WEATHER.states(np.datetime64(DATE) + np.array([-6, 0]) * np.timedelta64(1, "h"))


def state(**changes: Any) -> dict[str, Any]:
    """Two steps of weather, as a runner of anemoi-inference has them; `changes` are added to fields."""
    fields = {name: STATES[:, k] + np.float32(changes.get(name, 0)) for k, name in enumerate(VARIABLES)}
    return {"date": DATE, "latitudes": WEATHER.grid.latitudes, "longitudes": WEATHER.grid.longitudes, "fields": fields}


def test_a_sound_state_passes_and_is_reported(tmp_path, caplog):
    keeper = Gatekeeper(report=[str(tmp_path / "{dataset}-{date}.json"), str(tmp_path / "v.html")])
    with caplog.at_level(logging.INFO, "dqwatch"):
        verdict = keeper.judge(lambda: as_tensors(state(), MODEL), "a state", dataset="data", date="20030504T0600")
    assert verdict.ok
    assert json.loads((tmp_path / "data-20030504T0600.json").read_text())["status"] == "pass"
    assert "<html" in (tmp_path / "v.html").read_text()
    (line,) = (r.getMessage() for r in caplog.records if r.name == "dqwatch")
    assert line.startswith("dqwatch PASS state of 2003-05-04T06:00 ")
    assert line.endswith("v.html")


def test_every_step_is_judged_at_its_time_in_the_units_of_training():
    verdict = dqwatch.gate(as_tensors(state(), MODEL))
    times = sorted(set(verdict.tables["fields"]["time"]))
    assert times == ["2003-05-04T00:00:00", "2003-05-04T06:00:00"]
    described = verdict.tables["variables"].set_index("variable")["units"].to_dict()
    assert (described["2t"], described["t_850"], described["swvl1"]) == ("K", "K", "m3 m-3")


def test_a_spoilt_state_stops_with_one_line_and_the_report_is_there(tmp_path):
    keeper = Gatekeeper(report=str(tmp_path / "v.json"))
    with pytest.raises(GateClosedError, match=r"^dqwatch FAIL state of 2003-05-04T06:00 .* \| report: ") as caught:
        keeper.judge(lambda: as_tensors(state(**{"2t": -273.15}), MODEL), "a state")
    assert "\n" not in str(caught.value)
    assert caught.value.code == str(caught.value)
    found = json.loads((tmp_path / "v.json").read_text())
    assert found["exit_code"] == 1
    assert any(f["variable"] == "2t" and f["status"] == "fail" for f in found["findings"])


def test_a_warning_goes_on(caplog):
    with caplog.at_level(logging.WARNING, "dqwatch"):
        verdict = Gatekeeper(action="warn").judge(lambda: as_tensors(state(**{"2t": -273.15}), MODEL), "a state")
    assert not verdict.ok
    (line,) = (r.getMessage() for r in caplog.records if r.name == "dqwatch")
    assert line.startswith("dqwatch FAIL")
    assert line.endswith("goes on, as action is 'warn'")


def test_what_cannot_be_judged_stops_or_is_warned_of_and_the_report_says_so(tmp_path, caplog):
    def lost() -> Any:
        raise OSError("the disk is gone")

    report = tmp_path / "v.json"
    report.write_text("of yesterday")
    with pytest.raises(GateClosedError, match=r"^dqwatch: unexpected OSError: the disk is gone"):
        Gatekeeper(report=str(report)).judge(lost, "a state")
    found = json.loads(report.read_text())
    assert (found["status"], found["exit_code"], found["inputs"][0]["name"]) == ("error", 3, "a state")
    with caplog.at_level(logging.WARNING, "dqwatch"):
        verdict = Gatekeeper(action="warn").judge(lost, "a state")
    assert verdict.status == "error"
    assert "the disk is gone | goes on" in caplog.text


@pytest.mark.parametrize("action", ["raise", "warn"])
def test_a_report_that_can_no_longer_be_written_stops_or_is_warned_of(tmp_path, caplog, action):
    (tmp_path / "there").mkdir()
    keeper = Gatekeeper(action=action, report=str(tmp_path / "there" / "v.json"))
    (tmp_path / "there").rmdir()
    if action == "raise":
        with pytest.raises(UsageError, match=r"v\.json: cannot be written"):
            keeper.judge(lambda: as_tensors(state(), MODEL), "a state")
    else:
        with caplog.at_level(logging.INFO, "dqwatch"):
            assert keeper.judge(lambda: as_tensors(state(), MODEL), "a state").ok
        assert "v.json: cannot be written" in caplog.text
        assert "| report" not in caplog.text


def test_what_is_not_to_close_does_not(caplog):
    assert Gatekeeper(fail_on="never").judge(lambda: as_tensors(state(**{"2t": -273.15}), MODEL), "a state").ok
    rules = Gatekeeper(rules=["missing"])
    assert rules.judge(lambda: as_tensors(state(**{"2t": -273.15}), MODEL), "a state").ok
    with pytest.raises(GateClosedError):
        rules.judge(lambda: as_tensors(state(**{"2t": np.nan}), MODEL), "a state")


WRONG = {
    "action": ({"action": "stop"}, UsageError, "action: got 'stop'; give one of raise, warn"),
    "report": ({"report": "verdict.txt"}, UsageError, "name ends in .json or .html"),
    "place": ({"report": "nosuch/verdict.json"}, UsageError, "report nosuch/verdict.json: "),
    "rules": ({"rules": "nosuch"}, UsageError, "nosuch"),
    "fail_on": ({"fail_on": "all"}, UsageError, "fail_on"),
    "workers": ({"workers": 0}, UsageError, "workers: got 0"),
    "baseline": ({"baseline": "nosuch.zarr"}, SourceNotFoundError, "no such baseline"),
    "key": ({"colour": 1, "rule": 2}, UsageError, "got colour, rule; it takes baseline, rules, action"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_are_refused_before_there_is_a_state(tmp_path, monkeypatch, case):
    settings, kind, words = WRONG[case]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=re.escape(words)) as caught:
        make_gatekeeper("dqwatch_gate", settings)
    assert str(caught.value).startswith("dqwatch_gate: ")
    assert "\n" not in str(caught.value)


def test_reports_of_several_data_sets_need_names_of_their_own(tmp_path):
    with pytest.raises(UsageError, match="one name for 2 data sets"):
        make_gatekeeper("dqwatch", {"report": str(tmp_path / "v.json")}, 2)
    make_gatekeeper("dqwatch", {"report": str(tmp_path / "{dataset}.json")}, 2)


def test_a_baseline_is_loaded_once_however_many_ask(tmp_path, monkeypatch):
    loaded: list[str] = []
    monkeypatch.setattr("dqwatch.holding.open_baseline", lambda path: loaded.append(path) or object())
    gatekeeper.load_baseline.cache_clear()
    (tmp_path / "link.zarr").symlink_to(tmp_path / "b.zarr")
    for path in (tmp_path / "b.zarr", str(tmp_path / "b.zarr"), tmp_path / "link.zarr"):
        Gatekeeper(baseline=path)
    assert len(loaded) == 1
    gatekeeper.load_baseline.cache_clear()


def test_the_log_of_great_expectations_is_as_it_was():
    logger = logging.getLogger("great_expectations")
    before = logger.level
    Gatekeeper().judge(lambda: as_tensors(state(), MODEL), "a state")
    assert logger.level == before


def test_a_closed_gate_ends_a_program_with_its_line_and_nothing_else():
    code = "from dqwatch.errors import GateClosedError\nraise GateClosedError('the gate is closed')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the gate is closed\n")
    assert issubclass(GateClosedError, DqwatchError)


ONE, TWO = "2003-05-04T00:00:00", "2003-05-04T06:00:00"


class Metadata:
    """As much of that of a checkpoint as is asked for; the rest fails as the real one does."""

    def __init__(self) -> None:
        self.dataset_name = "era5"
        self.variables_metadata = {"2t": _metadata("2t")}
        self.variable_to_input_tensor_index = {"2t": 0}
        self.lagged = [dt.timedelta(0), dt.timedelta(hours=-6)]

    def default_namer(self) -> Any:
        return lambda field, mars: f"{mars['param']}_{mars['levelist']}" if mars.get("levelist") else mars["param"]

    @property
    def unknown(self) -> Any:
        raise AttributeError("unknown")


def test_a_model_is_described_by_what_its_metadata_know():
    model = describe_model(Metadata())
    assert (model.name, model.inputs, model.lags) == ("era5", {"2t"}, LAGS)
    assert model.variables == {"2t": _metadata("2t")}
    assert describe_model(None) == Model()
    assert describe_model(SimpleNamespace()) == Model()


class FakeField:
    def __init__(self, param: str, time: str | None, values: Any, level: int | None = None, units: str = "K") -> None:
        self._mars = {"param": param, **({"levelist": level} if level else {})}
        self._keys = {"valid_datetime": time, "units": units}
        self._values = np.asarray(values, np.float64)

    def metadata(self, *keys: str, namespace: str | None = None, default: Any = None) -> Any:
        return self._mars if namespace else self._keys.get(keys[0], default)

    def to_numpy(self, *, flatten: bool = False, dtype: Any) -> np.ndarray:
        return (self._values.ravel() if flatten else self._values).astype(dtype)


def tensors(*fields: FakeField, model: Model | None = None, **more: Any):
    given = {"date": DATE, "latitudes": np.zeros(3), "longitudes": np.arange(3.0), "fields": list(fields)}
    return as_tensors(given, model or describe_model(Metadata()), **more)


def test_a_fieldlist_is_what_the_model_takes_of_it_step_by_step():
    made = tensors(
        FakeField("2t", TWO, [4, 5, 6], units="degC"),
        FakeField("tcc", TWO, [0, 0]),
        FakeField("2t", ONE, [1, 2, 3], units="degC"),
    )
    assert list(made.fields) == ["2t"]
    np.testing.assert_array_equal(made.fields["2t"], np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    assert [str(t) for t in made.times] == [ONE, TWO]
    assert made.units == {"2t": "degC"}
    assert made.name == "state of 2003-05-04T06:00 [era5]"


def test_what_a_fieldlist_lacks_at_a_time_is_missing_there():
    every = Model(inputs=frozenset({"2t", "sp"}), namer=Metadata().default_namer())
    made = tensors(
        FakeField("2t", ONE, [1, 2]), FakeField("2t", TWO, [1, 2]), FakeField("sp", TWO, [3, 4]), model=every
    )
    assert np.isnan(made.fields["sp"][0]).all()
    np.testing.assert_array_equal(made.fields["sp"][1], [3, 4])


def test_another_namer_goes_before_that_of_the_model():
    made = tensors(FakeField("vsw", "2003-05-04T06:00:00", [1, 2, 3], level=1), namer=lambda field, mars: "2t")
    assert list(made.fields) == ["2t"]


NO_STATE = {
    "other variables": ([FakeField("sp", "2003-05-04", [1])], "none of its fields is one that the model takes (2t)"),
    "no time": ([FakeField("2t", None, [1])], "'2t' has no valid time"),
    "times of some": (
        [FakeField("2t", "a", [1]), FakeField("2t", None, [[1], [2]])],
        "fields of 2t have valid times, those of 2t none",
    ),
    "sizes": ([FakeField("2t", "a", [1]), FakeField("2t", "b", [1, 2])], "fields of one variable have 1, 2 cells"),
}


@pytest.mark.parametrize("case", NO_STATE)
def test_what_is_no_state_is_told_in_one_line(case):
    fields, words = NO_STATE[case]
    with pytest.raises(UsageError, match=re.escape(words)):
        tensors(*fields)


def test_a_state_without_fields_is_refused():
    with pytest.raises(UsageError, match="'fields' is a NoneType"):
        as_tensors({"date": DATE}, MODEL)


def test_times_that_nobody_knows_are_not_made_up():
    three = {**state(), "fields": {"2t": np.zeros((3, 544), np.float32)}}
    assert as_tensors(three, MODEL).times is None
    assert as_tensors({**state(), "date": None}, MODEL).times is None
    one = {**state(), "fields": {"2t": np.zeros((1, 544), np.float32)}}
    assert as_tensors(one, MODEL).times == [DATE]


def test_units_that_a_state_has_go_before_those_of_training():
    given = {**state(), "_variables": {"2t": SimpleNamespace(units="degC"), "msl": SimpleNamespace(units=None)}}
    assert as_tensors(given, MODEL).units == {"2t": "degC"}


def test_an_example_of_a_state_needs_no_checkpoint(tmp_path: Path):
    assert dqwatch.gate(as_tensors(state(), Model(lags=LAGS))).ok
