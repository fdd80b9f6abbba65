"""The verbs on real files: a baseline made by the command, a state gated with it, and what is said of wrong use."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from baselines.training_data import LAT, LON, N_LAT, N_LON, make_fields
from jsonschema import Draft202012Validator

import dqwatch
from dqwatch import cli
from dqwatch.baselines.store import load, measure
from dqwatch.errors import UsageError

N = 16 * 73
FIRST = np.datetime64("2000-01-01T00", "s")


def dataset(fields: dict[str, np.ndarray], first: int = 0) -> xr.Dataset:
    n = len(fields["t"])
    times = (FIRST + (first + np.arange(n)) * np.timedelta64(5 * 86400, "s")).astype("M8[ns]")
    shape = (n, N_LAT, N_LON)
    dims = ("time", "latitude", "longitude")
    named = {"2t": "t", "sst": "sst", "lsm": "lsm"}
    units = {"2t": "K", "sst": "K", "lsm": "1"}
    data = {v: (dims, fields[k].reshape(shape), {"units": units[v]}) for v, k in named.items()}
    places = {
        "latitude": ("latitude", LAT[::N_LON], {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": ("longitude", LON[:N_LON], {"units": "degrees_east", "standard_name": "longitude"}),
    }
    return xr.Dataset(data, {"time": times, **places})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of training, of a clean state, the one before it, and a spoilt one; and the baseline."""
    where = tmp_path_factory.mktemp("drift")
    fields = make_fields(21, N + 6)
    dataset({k: f[:N] for k, f in fields.items()}).to_netcdf(where / "training.nc", engine="h5netcdf")
    state = {k: f[N + 3 : N + 4] for k, f in fields.items()}
    dataset(state, N + 3).to_netcdf(where / "clean.nc", engine="h5netcdf")
    dataset({k: f[N + 2 : N + 3] for k, f in fields.items()}, N + 2).to_netcdf(where / "before.nc", engine="h5netcdf")
    box = (np.abs(LAT - 10) < 25) & (np.abs(LON - 90) < 40)
    later = {k: f[N : N + 6].copy() for k, f in fields.items()}
    later["t"][4:] += 25.0
    dataset(later, N).to_netcdf(where / "later.nc", engine="h5netcdf")
    spoilt = state | {"t": state["t"] + np.where(box, 25.0, 0.0).astype(np.float32)}
    dataset(spoilt, N + 3).to_netcdf(where / "spoilt.nc", engine="h5netcdf")
    code = cli.main(["baseline", str(where / "training.nc"), "-o", str(where / "b.zarr"), "--quiet"])
    assert code == 0
    return where


def gate(folder: Path, name: str, *more: str) -> tuple[int, dict]:
    out = folder / f"{name}.json"
    arguments = ["gate", str(folder / f"{name}.nc"), "--baseline", str(folder / "b.zarr"), "--json", str(out)]
    code = cli.main([*arguments, "--rules", "drift", *more])
    return code, json.loads(out.read_text())


def test_a_clean_state_passes(folder: Path) -> None:
    code, document = gate(folder, "clean", "--previous", str(folder / "before.nc"))
    assert code == 0
    assert document["drift"]["p_cycle"] > 0.01
    assert document["drift"]["null_size"] == N - 1
    assert document["baseline"]["data"]["name"] == "training.nc"
    assert document["baseline"]["cycles"] == N


def test_a_spoilt_state_closes_the_gate_and_names_the_variable(folder: Path) -> None:
    code, document = gate(folder, "spoilt", "--previous", str(folder / "before.nc"))
    assert code == 1
    assert document["drift"]["p_cycle"] == pytest.approx(1 / N)
    first = document["drift"]["variables"][0]
    assert (first["variable"], first["named"]) == ("2t", True)
    assert first["region"]
    failed = {f["rule"]: f["severity"] for f in document["findings"] if f["status"] == "fail"}
    assert failed["drift.cycle"] == "critical"
    assert failed["drift.variables"] == "info"


def test_the_document_fits_its_schema(folder: Path) -> None:
    schema = json.loads((Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json").read_text())
    for name in ("clean", "spoilt"):
        Draft202012Validator(schema).validate(gate(folder, name)[1])


def test_the_rules_of_drift_come_with_the_baseline(folder: Path) -> None:
    verdict = dqwatch.gate(str(folder / "spoilt.nc"), baseline=str(folder / "b.zarr"), rules="missing")
    assert [s.name for s in verdict.rule_sets] == ["missing", "drift"]
    assert {"drift", "cycles"} <= verdict.tables.keys()
    without = dqwatch.gate(str(folder / "clean.nc"), rules="missing")
    assert [s.name for s in without.rule_sets] == ["missing"]
    assert without.drift is None


def drift(folder: Path, *more: str) -> tuple[int, dict]:
    out = folder / "drift.json"
    arguments = ["drift", str(folder / "later.nc"), "--baseline", str(folder / "b.zarr"), "--json", str(out)]
    return cli.main([*arguments, *more]), json.loads(out.read_text())


def test_many_cycles_are_held_against_training(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, document = drift(folder, "--tables", str(folder / "tables"))
    assert (code, document["verb"], document["status"]) == (1, "drift", "fail")
    schema = json.loads((Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json").read_text())
    Draft202012Validator(schema).validate(document)
    cycles = pd.read_parquet(folder / "tables" / "cycles.parquet")
    assert (cycles["p_critical"] <= 0.001).tolist() == [False] * 4 + [True] * 2
    assert cycles["n_running"].tolist()[-2:] == [1, 2]
    rows = pd.read_parquet(folder / "tables" / "drift.parquet")
    assert rows.loc[rows["variable"] == "2t", "n_running"].tolist()[-2:] == [1, 2]
    assert document["drift"]["variables"][0]["variable"] == "2t"
    # 2016-01-01 is day 5844 from the first, 4 x 366 + 12 x 365; the fifth cycle after N = 1168 is day 1172 x 5 = 5860
    assert document["drift"]["time"] in ("2016-01-17T00:00:00", "2016-01-22T00:00:00")
    assert document["rules"][0]["name"] == "drift"
    # 6 cycles x 3 variables x 128 cells x 4 bytes
    assert document["timing"]["scan_bytes"] == 6 * 3 * 128 * 4
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("dqwatch FAIL later.nc ")
    assert "| worst: drift.cycle 2016-01-" in last


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_long_table_has_every_variable_and_the_whole_cycle(folder: Path, ending: str) -> None:
    target = folder / f"long.{ending}"
    drift(folder, "--table", str(target))
    found = pd.read_csv(target) if ending == "csv" else pd.read_parquet(target)
    assert list(found.columns) == ["time", "variable", "p_value", "q_value", "score", "leading_score"]
    each = found["variable"].to_numpy().reshape(6, 4)
    assert (each[:, 0] == "*").all()
    assert all(set(own[1:]) == {"2t", "sst", "lsm"} for own in each)
    verdict = dqwatch.drift(str(folder / "later.nc"), baseline=str(folder / "b.zarr"))
    whole = found[found["variable"] == "*"]
    assert np.allclose(whole["p_value"], verdict.tables["cycles"]["p_cycle"])
    assert whole["time"].tolist() == verdict.tables["cycles"]["time"].tolist()
    rows = verdict.tables["drift"]
    own = found[found["variable"] == "2t"].reset_index(drop=True)
    expected = rows[rows["variable"] == "2t"].reset_index(drop=True)
    assert np.allclose(own[["p_value", "q_value", "score"]], expected[["p_value", "q_value", "score"]])
    assert own["leading_score"].tolist() == expected["leading_score"].tolist()


def test_of_many_cycles_it_is_said_how_many_alarm_by_chance(folder: Path) -> None:
    training = str(folder / "training.nc")
    verdict = dqwatch.drift(training, baseline=str(folder / "b.zarr"), start="2010", end="2010-12-31", fail_on="never")
    cycles = verdict.tables["cycles"]
    n, few, fewer = len(cycles), (cycles["p_warning"] <= 0.01).sum(), (cycles["p_critical"] <= 0.001).sum()
    (note,) = [x for x in verdict.notes if "by chance" in x]
    assert f"{few} of {n} have p <= 0.01 (0.7 by chance)" in note
    assert f"{fewer} of {n} have p <= 0.001 (0.1 by chance)" in note
    assert verdict.sampled == "from 2010, until 2010-12-31"


def test_what_could_not_be_compared_is_no_pass(folder: Path, tmp_path: Path) -> None:
    fields = make_fields(21, 2)
    noon = dataset(fields, N).assign_coords(time=lambda d: d["time"] + np.timedelta64(12, "h"))
    noon.drop_vars("lsm").to_netcdf(tmp_path / "noon.nc", engine="h5netcdf")
    verdict = dqwatch.drift(str(tmp_path / "noon.nc"), baseline=str(folder / "b.zarr"))
    assert (verdict.status, verdict.exit_code) == ("no_data", 4)
    assert set(verdict.tables["drift"]["reason"]) == {"training has no such hour of the day", "the data lack it"}


def test_a_baseline_in_memory_will_do(folder: Path) -> None:
    made = dqwatch.baseline(str(folder / "training.nc"), cycles=400)
    assert made.ledger.size <= 400
    verdict = dqwatch.gate(str(folder / "clean.nc"), baseline=made, rules="drift")
    assert verdict.drift is not None
    assert verdict.drift["null_size"] == made.ledger.size
    assert any("cannot reach p <= 0.001" in note for note in verdict.notes)
    assert {f.rule: f.status for f in verdict.results}["drift.cycle"] == "skipped"


def test_what_training_is_warned_of_reaches_the_gate(folder: Path) -> None:
    made = load(folder / "b.zarr")
    assert made.record["warnings"] == []
    warned = dataclasses.replace(made, record={**made.record, "warnings": ["the newest years alarm too often"]})
    verdict = dqwatch.gate(str(folder / "clean.nc"), baseline=warned, rules="drift")
    assert "baseline: the newest years alarm too often" in verdict.notes


def test_what_is_said_of_a_new_baseline(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "b.zarr"
    arguments = ["baseline", str(folder / "training.nc"), "-o", str(target), "--every", "20"]
    assert cli.main([*arguments, "--self-test"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert "note: 59 null cycles cannot reach p <= 0.001, which needs 999" in err
    assert "self-test by the state alone: " in err
    assert "of 59 sound cycles alarm at nominal 5%" in err
    assert [r["cycles"] for r in load(target).record["self_test"]] == [59] * 3 + [58] * 3
    last = re.fullmatch(
        r"dqwatch BASELINE b\.zarr 3 variables, 16 full years, 59 null cycles, ([\d.]+) MB", err.splitlines()[-1]
    )
    assert last is not None
    assert float(last[1]) * 1e6 == pytest.approx(measure(target), abs=0.5e5)
    assert sorted(os.listdir(tmp_path)) == ["b.zarr"]


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["baseline", "{training}"], "Missing option '--output'", 2),
        (["baseline", "{training}", "-o", "{clean}"], "exists and is no baseline", 2),
        (["baseline", "{clean}", "-o", "{new}"], "1 usable times; a baseline needs 16", 2),
        (["gate", "{clean}", "--baseline", "{new}"], "no such baseline", 3),
        (["gate", "{clean}", "--baseline", "{training}"], "no such baseline", 3),
        (["gate", "{clean}", "--previous", "{before}"], "give --baseline too", 2),
        (["gate", "{clean}", "--background", "{before}"], "give --baseline too", 2),
        (["gate", "{clean}", "--baseline", "{baseline}", "--background", "{before}"], "knows no departures", 2),
        (["baseline", "{training}", "-o", "{new}", "--background", "{clean}"], "no field is valid at any time", 2),
        (["drift", "{clean}"], "Missing option '--baseline'", 2),
        (["drift", "{clean}", "--baseline", "{new}"], "no such baseline", 3),
        (["drift", "{clean}", "--baseline", "{new}", "--table", "x.txt"], "ends in .parquet or .csv", 2),
    ],
)
def test_wrong_use_is_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str, code: int
) -> None:
    names = {n: str(folder / f"{n}.nc") for n in ("training", "clean", "before")}
    names |= {"new": str(folder / "none.zarr"), "baseline": str(folder / "b.zarr")}
    assert cli.main([a.format(**names) for a in arguments]) == code
    err = capfd.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not (folder / "none.zarr").exists()


def test_a_background_from_the_command_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is within the weather is beyond the errors of a background, which the baseline has learnt."""
    with xr.open_dataset(folder / "training.nc", engine="h5netcdf") as training:
        beside = training.isel(time=slice(-300, None)).load()
    rng = np.random.default_rng(1)
    errors = rng.normal(0, 0.2, beside["2t"].shape).astype(np.float32)
    (beside + errors).to_netcdf(folder / "beside.nc", engine="h5netcdf")
    made = folder / "with_background.zarr"
    arguments = ["baseline", str(folder / "training.nc"), "-o", str(made), "--background", str(folder / "beside.nc")]
    assert cli.main([*arguments, "--self-test", "--cycles", "600"]) == 0
    err = capfd.readouterr().err
    assert "departures from beside.nc, which has 300 of these times" in err
    assert "self-test with a background too: " in err
    with xr.open_dataset(folder / "clean.nc", engine="h5netcdf") as clean:
        (clean + errors[0]).to_netcdf(folder / "forecast.nc", engine="h5netcdf")
        (clean + np.float32(1.0)).to_netcdf(folder / "warm.nc", engine="h5netcdf")
    verdict = dqwatch.gate(
        str(folder / "warm.nc"), baseline=str(made), background=str(folder / "forecast.nc"), rules="drift"
    )
    assert verdict.drift is not None
    assert verdict.drift["variables"][0]["leading_score"].startswith("background_")
    assert verdict.drift["p_cycle"] == pytest.approx(1 / (verdict.drift["null_size"] + 1))


def test_what_is_no_baseline_is_refused() -> None:
    with pytest.raises(UsageError, match="baseline: got a dict"):
        dqwatch.gate("x.nc", baseline={"a": 1})
    with pytest.raises(UsageError, match="baseline: got None"):
        dqwatch.drift("x.nc", baseline=None)
