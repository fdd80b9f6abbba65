"""The verb `weights` with another source: what drifted counts less, what did not is kept, and all of it is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from advice.cases import SCALERS, write
from baselines.training_data import make_fields
from jsonschema import Draft202012Validator
from test_drift_verbs import N, dataset

import dqwatch
from dqwatch import cli
from dqwatch.errors import UsageError
from dqwatch.yaml_files import read_yaml

CYCLES = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data, a baseline, and two sources of 40 cycles: one as training, one with `t` 12 K warmer."""
    where = tmp_path_factory.mktemp("suggestions")
    fields = make_fields(31, N + CYCLES)
    dataset({k: f[:N] for k, f in fields.items()}).to_netcdf(where / "training.nc", engine="h5netcdf")
    later = {k: f[N:] for k, f in fields.items()}
    dataset(later, N).to_netcdf(where / "clean.nc", engine="h5netcdf")
    warmer = later | {"t": later["t"] + np.float32(12)}
    dataset(warmer, N).to_netcdf(where / "warmer.nc", engine="h5netcdf")
    dataset({k: f[:5] for k, f in later.items()}, N).to_netcdf(where / "short.nc", engine="h5netcdf")
    dqwatch.baseline(str(where / "training.nc"), str(where / "b.zarr"))
    data = {"timestep": "5d", "forcing": ["lsm"], "normalizer": {"default": "mean-std"}}
    general = SCALERS["general_variable"] | {"weights": {"default": 1, "2t": 4, "sst": 2}}
    training = {
        "scalers": {"datasets": {"data": {"general_variable": general}}},
        "training_loss": {"datasets": {"data": {"scalers": ["general_variable"]}}},
        "optimization": {"lr": 3.125e-5},
    }
    write(where, "config.yaml", {"training": training, "data": data})
    return where


def weights(folder: Path, name: str, **more) -> dqwatch.Verdict:
    arguments = {"config": str(folder / "config.yaml"), "baseline": str(folder / "b.zarr"), **more}
    return dqwatch.weights(str(folder / "training.nc"), incoming=str(folder / f"{name}.nc"), **arguments)


def test_what_drifted_counts_less_and_all_else_is_kept(folder):
    verdict = weights(folder, "warmer")
    rows = verdict.tables["weights"].set_index("variable")
    warm, other = rows.loc["2t"], rows.loc["sst"]
    assert warm["q_value"] < 0.02
    assert warm["departure"] > 2
    s2, d2 = warm["step"] ** 2, warm["departure"] ** 2
    expected = 1 - (1 - warm["q_value"]) * (1 - max(0.1, s2 / (s2 + d2)))
    assert warm["multiplier"] == pytest.approx(expected)
    assert 0.1 <= warm["multiplier"] < 0.3
    assert warm["suggested"] == pytest.approx(4 * warm["multiplier"])
    assert other["multiplier"] > 0.99
    assert other["suggested"] == pytest.approx(2, rel=0.01)
    assert verdict.advice is not None
    assert [v["variable"] for v in verdict.advice["variables"]] == ["2t", "sst"]
    assert {"drift", "cycles"} <= verdict.tables.keys()
    assert [i.get("role") for i in verdict.inputs] == [None, "incoming"]


def test_the_step_is_measured_against_the_variance_about_the_season(folder):
    """By hand from the training data: the season is taken off by the mean of each date of the year."""
    import xarray as xr

    found = weights(folder, "clean").tables["weights"].set_index("variable").loc["2t"]
    with xr.open_dataset(folder / "training.nc", engine="h5netcdf") as data:
        values = data["2t"].values.astype(np.float64).reshape(N, -1)
        area = np.cos(np.radians(np.repeat(data["latitude"].values, data["longitude"].size)))
    years = values.reshape(16, 73, -1)
    about = (years - years.mean(axis=0)).var(axis=(0, 1)) * 16 / 15
    tendency = np.diff(values, axis=0).std()
    assert found["step"] == pytest.approx(tendency / np.sqrt(np.average(about, weights=area)), rel=0.05)


def test_a_source_as_training_changes_nothing(folder):
    verdict = weights(folder, "clean")
    assert (verdict.tables["weights"]["multiplier"] > 0.9).all()
    rate = (verdict.advice or {})["fine_tuning"]
    assert rate["heuristic"] is True
    assert rate["independent_states"] == CYCLES
    assert rate["sweep"][2] == pytest.approx(9 * rate["sweep"][0])


def test_rescaling_raises_the_others(folder):
    plain, scaled = (
        weights(folder, "warmer", rescale=r).tables["weights"].set_index("variable") for r in (False, True)
    )
    assert scaled.loc["sst", "suggested"] > plain.loc["sst", "suggested"] * 1.01
    ratio = scaled["suggested"] / plain["suggested"]
    assert ratio["2t"] == pytest.approx(ratio["sst"])


def test_the_command_says_why_and_what_to_try(folder, capsys):
    schema = Path(dqwatch.__file__).parent / "reports" / "verdict.schema.json"
    names = ("training.nc", "warmer.nc", "b.zarr", "config.yaml", "w.yaml", "v.json")
    files = {name: str(folder / name) for name in names}
    arguments = ["weights", files["training.nc"], "--config", files["config.yaml"], "--target", "aifs2"]
    arguments += ["--incoming", files["warmer.nc"], "--baseline", files["b.zarr"]]
    code = cli.main([*arguments, "-o", files["w.yaml"], "--json", files["v.json"]])
    err = capsys.readouterr().err
    assert code == 0
    (line,) = (line for line in err.splitlines() if line.startswith("suggested for 2t: 4 -> "))
    assert "standard deviations away from training" in line
    assert "fine-tuning (heuristic): mix:" in err
    document = json.loads(Path(files["v.json"]).read_text())
    Draft202012Validator(json.loads(schema.read_text())).validate(document)
    assert document["baseline"]["cycles"] > 0
    assert document["drift"]["variables"]
    text = Path(files["w.yaml"]).read_text()
    content, _ = read_yaml(files["w.yaml"])
    found = content["training"]["scalers"]["general_variable"]["weights"]
    (record,) = (v for v in document["advice"]["variables"] if v["variable"] == "2t")
    assert found["2t"] == pytest.approx(record["suggested"], rel=1e-5)
    assert "# 2t stays" in text
    assert "training.lr.rate" in text
    assert max(map(len, text.splitlines())) <= 120


def test_wrong_use_is_told(folder):
    training, config = str(folder / "training.nc"), str(folder / "config.yaml")
    with pytest.raises(UsageError, match="incoming: not given"):
        dqwatch.weights(training, config=config, baseline=str(folder / "b.zarr"))
    with pytest.raises(UsageError, match="baseline: not given"):
        dqwatch.weights(training, config=config, incoming=training)
    with pytest.raises(UsageError, match="incoming: not given"):
        dqwatch.weights(training, config=config, rescale=True)
    with pytest.raises(UsageError, match="5 cycles; what stays away"):
        weights(folder, "short")
