"""Specifications of `open_dataset`, as files and in Python, through every verb that reads data."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from anemoi.datasets import open_dataset
from anemoi.datasets.usage import analytics

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.errors import SourceNotFoundError, UnsupportedDataError, UsageError
from dqwatch.yaml_files import to_yaml
from examples.stores import Store
from examples.weather import VARIABLES, Weather

pytestmark = pytest.mark.filterwarnings("ignore:Loading the settings config file:DeprecationWarning")
STEP = np.timedelta64(6, "h")
FIRST = np.datetime64("2004-03-01T00", "s") + np.arange(40) * STEP
SECOND = FIRST[-1] + np.arange(1, 41) * STEP
T = list(VARIABLES).index("2t")


def write(path: Path, dates: np.ndarray, warmer: float = 0, missing: tuple[int, ...] = ()) -> Path:
    """A store on 544 cells; `2t` is warmer by so many K."""
    weather = Weather(0, number=8)
    store = Store(path, dates, weather.grid, description="Some days.")
    states = weather.states(dates)
    states[:, T] += warmer
    states[list(missing)] = np.nan
    store.append(states)
    store.close()
    zarr.open_group(str(path), mode="r+").attrs["missing_dates"] = [str(d) for d in dates[list(missing)]]
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    write(folder / "first.zarr", FIRST)
    write(folder / "second.zarr", SECOND)
    write(folder / "warm.zarr", SECOND, warmer=10)
    write(folder / "holes.zarr", FIRST, missing=(5, 11))
    return folder


def within(folder: Path, spec: Any) -> Any:
    """The specification with paths of stores."""
    if isinstance(spec, dict):
        return {key: within(folder, value) for key, value in spec.items()}
    if isinstance(spec, list):
        return [within(folder, value) for value in spec]
    return str(folder / spec) if str(spec).endswith(".zarr") else spec


def written(folder: Path, target: Path, spec: Any) -> Path:
    target.write_text(to_yaml(within(folder, spec)))
    return target


def fields_of(source) -> dict[tuple[int, int, int], np.ndarray]:
    buffers = Buffers()
    return {(f.time, f.variable, f.member): f.values.copy() for b in source.blocks() for f in source.read(b, buffers)}


BOX = [60, -30, 20, 60]
SPECS: dict[str, Any] = {
    "a store": {"dataset": "first.zarr"},
    "a list": ["first.zarr", "second.zarr"],
    "a part": {"dataset": "first.zarr", "start": "2004-03-02", "end": "2004-03-04", "select": ["2t", "t_850", "lsm"]},
    "every other date": {"dataset": "first.zarr", "frequency": "12h", "drop": ["tp", "cp"]},
    "concat": {"concat": ["first.zarr", "second.zarr"]},
    "concat over a gap": {
        "concat": [{"dataset": "first.zarr", "end": "2004-03-05"}, "second.zarr"],
        "fill_missing_gaps": True,
    },
    "join": {
        "join": [
            {"dataset": "first.zarr", "select": ["2t", "sp"]},
            {"dataset": "first.zarr", "select": ["msl"], "rename": {"msl": "pressure"}},
        ]
    },
    "statistics of another": {"dataset": "first.zarr", "statistics": "second.zarr"},
    "ensemble": {"ensemble": ["first.zarr", "first.zarr"]},
    "a region": {"dataset": "first.zarr", "area": BOX},
    "cutout": {"cutout": [{"dataset": "first.zarr", "area": BOX}, "first.zarr"]},
    "grids": {"grids": [{"dataset": "first.zarr", "area": BOX}, "first.zarr"]},
    "rescaled": {"dataset": "first.zarr", "rescale": {"tp": ["m", "mm"]}},
    "filled": {"dataset": "holes.zarr", "fill_missing_dates": "closest"},
}


@pytest.mark.parametrize("case", SPECS)
def test_fields_places_times_and_statistics_are_those_of_anemoi(folder, tmp_path, case):
    source = dqwatch.open_source(written(folder, tmp_path / "data.yaml", SPECS[case]))
    spec = within(folder, SPECS[case])
    theirs = open_dataset(*spec) if isinstance(spec, list) else open_dataset(**spec)
    assert source.name == "data.yaml"
    assert [v.source_name for v in source.variables] == theirs.variables
    assert list(source.times[0].labels) == np.datetime_as_string(theirs.dates.astype("M8[s]"), unit="s").tolist()
    np.testing.assert_array_equal(source.grids[0].latitudes, theirs.latitudes)
    np.testing.assert_array_equal(source.grids[0].longitudes, theirs.longitudes)
    assert set(np.flatnonzero(source.times[0].declared_missing)) == theirs.missing
    got = fields_of(source)
    assert len(got) == theirs.shape[0] * theirs.shape[1] * theirs.shape[2]
    for time in range(theirs.shape[0]):
        expected = np.full(theirs.shape[1:], np.nan, "f4") if time in theirs.missing else theirs[time]
        for (_, variable, member), values in ((k, v) for k, v in got.items() if k[0] == time):
            np.testing.assert_array_equal(values, expected[variable, member])
    stored = source.stored_statistics()
    for k, key in enumerate(("mean", "stdev", "minimum", "maximum")):
        np.testing.assert_array_equal([s[k] for s in stored], theirs.statistics[key])


def test_units_levels_and_kinds_are_kept(folder):
    parts = [{"dataset": "first.zarr", "drop": ["tp"]}, {"dataset": "first.zarr", "select": "tp"}]
    spec = within(folder, {"join": parts})
    one, other = dqwatch.open_source(spec), dqwatch.open_source(folder / "first.zarr")
    assert {v.name: (v.units, v.level, v.kind, v.period) for v in one.variables} == {
        v.name: (v.units, v.level, v.kind, v.period) for v in other.variables
    }


def test_missing_dates_pass_the_audit_and_are_not_read(folder, tmp_path):
    verdict = dqwatch.audit(written(folder, tmp_path / "holes.yaml", {"dataset": "holes.zarr"}))
    assert verdict.ok, verdict.findings
    rows = verdict.tables["fields"]
    assert sorted(rows.loc[rows["n_nan"] == rows["n"], "time"].unique()) == sorted(
        np.datetime_as_string(FIRST[[5, 11]], unit="s")
    )


def effective(verdict) -> dict[str, str]:
    return {f.variable: f.status for f in verdict.results if f.rule == "stats.effective"}


def test_a_concat_inherits_the_statistics_of_its_first_store(folder, tmp_path):
    """What is 10 K warmer in the second half is not normalised by statistics of it."""
    same = dqwatch.audit(written(folder, tmp_path / "same.yaml", {"concat": ["first.zarr", "second.zarr"]}))
    warm = dqwatch.audit(written(folder, tmp_path / "warm.yaml", {"concat": ["first.zarr", "warm.zarr"]}))
    assert effective(same)["2t"] == "pass"
    assert effective(warm)["2t"] == "fail"
    assert {**effective(warm), "2t": "pass"} == effective(same), "the rest is the same weather"
    row = warm.tables["variables"].set_index("variable").loc["2t"]
    values = [zarr.open_group(str(folder / name), mode="r")["data"][:, T] for name in ("first.zarr", "warm.zarr")]
    both = np.concatenate(values).astype(np.float64)
    stored = zarr.open_group(str(folder / "first.zarr"), mode="r")["mean"][T]
    assert row["d_mean"] == pytest.approx(abs(stored - both.mean()) / both.std(), rel=1e-6)
    assert row["sd_ratio"] == pytest.approx(
        zarr.open_group(str(folder / "first.zarr"), mode="r")["stdev"][T] / both.std(), rel=1e-6
    )


def test_statistics_given_on_purpose_are_those_that_are_held_against_the_data(folder):
    spec = within(folder, {"dataset": "warm.zarr", "statistics": "second.zarr"})
    assert {name for name, status in effective(dqwatch.audit(spec)).items() if status == "fail"} == {"2t"}


def test_verbs_take_it(folder, tmp_path):
    whole = written(folder, tmp_path / "whole.yaml", {"concat": ["first.zarr", "second.zarr"]})
    state = written(folder, tmp_path / "state.yaml", {"dataset": "second.zarr", "start": "2004-03-20T00:00:00"})
    inspected = dqwatch.inspect(whole)
    assert (inspected.name, inspected.footprint) == ("whole.yaml", None)
    made = dqwatch.baseline(whole, str(tmp_path / "b.zarr"))
    assert list(made.variables) == [v.name for v in dqwatch.open_source(folder / "first.zarr").variables]
    assert dqwatch.gate(state, baseline=str(tmp_path / "b.zarr")).drift is not None
    scored = dqwatch.drift(state, baseline=str(tmp_path / "b.zarr")).tables["cycles"]
    assert list(scored["time"]) == np.datetime_as_string(SECOND[np.datetime64("2004-03-20") <= SECOND]).tolist()
    (tmp_path / "config.yaml").write_text("training: {loss_scaling: {default: 1, sfc: {2t: 2}}}\n")
    weights = dqwatch.weights(whole, config=str(tmp_path / "config.yaml")).tables["weights"]
    theirs = open_dataset(**within(folder, SPECS["concat"]))
    stdev = dict(zip(theirs.variables, theirs.statistics["stdev"], strict=True))
    used = dict(zip(weights["source_name"], weights["stdev"], strict=True))
    assert used == pytest.approx({name: stdev[name] for name in used})
    assert made.record["data"]["kind"] == "anemoi_dataset"


REFUSED = {
    "an unknown key": ({"dataset": "first.zarr", "colour": 1}, UsageError, "refuses this specification: .*colour"),
    "an unknown variable": ({"dataset": "first.zarr", "select": ["sst"]}, UsageError, "unknown variable: sst"),
    "a gap": (
        {"concat": [{"dataset": "first.zarr", "end": "2004-03-03T12:00:00"}, "second.zarr"]},
        UsageError,
        "no gaps",
    ),
    "no store": ({"dataset": "absent.zarr"}, SourceNotFoundError, "absent.zarr"),
    "pairs": ({"zip": ["first.zarr", "first.zarr"]}, UnsupportedDataError, "leave out zip"),
    "windows": (
        {"dataset": "holes.zarr", "skip_missing_dates": True, "expected_access": 2},
        UnsupportedDataError,
        "skip_missing_dates",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_anemoi_refuses_is_told_in_one_line(folder, tmp_path, case):
    spec, kind, words = REFUSED[case]
    with pytest.raises(kind, match=words) as caught:
        dqwatch.open_source(written(folder, tmp_path / "data.yaml", spec))
    assert re.match(re.escape(str(tmp_path / "data.yaml")) + ": ", str(caught.value))
    assert "\n" not in str(caught.value)


def test_the_command_line_says_so_and_keeps_the_chatter_away(folder, tmp_path):
    good = written(folder, tmp_path / "good.yaml", {"dataset": "holes.zarr", "select": ["2t"]})
    bad = written(folder, tmp_path / "bad.yaml", {"dataset": "absent.zarr"})
    for path, code in ((good, 0), (bad, 3)):
        command = [str(Path(sys.executable).with_name("dqwatch")), "gate", str(path), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr


def test_opening_tells_nobody(folder, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(analytics._executor, "submit", lambda *given, **more: told.append(given))
    dqwatch.open_source(within(folder, {"concat": ["first.zarr", "second.zarr"]}))
    assert told == []
    open_dataset(str(folder / "first.zarr"))
    assert len(told) == 1, "left as it was"
