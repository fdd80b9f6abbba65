"""Verbs with `--device torch:cpu` against those of the compiled kernels: the same findings, p-values and tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from baselines.training_data import make_fields
from metrics.stores import write_store
from test_drift_verbs import dataset

import dqwatch
from dqwatch import cli
from dqwatch.errors import UsageError

N = 300
MOMENTS = ("mean", "std", "wmean")


def assert_alike(one: pd.DataFrame, other: pd.DataFrame, close: tuple[str, ...]) -> None:
    """The same but for rounding in some columns."""
    rounded = [column for column in one if column in close and one[column].dtype.kind == "f"]
    exact = [column for column in one if column not in rounded]
    pd.testing.assert_frame_equal(one[exact], other[exact], check_exact=True)
    for column in rounded:
        np.testing.assert_allclose(one[column], other[column], rtol=1e-9, atol=1e-9, err_msg=column)


def test_an_audit_finds_the_same(tmp_path: Path) -> None:
    store = write_store(tmp_path / "x.zarr")
    threads = torch.get_num_threads()
    host, device = dqwatch.audit(store), dqwatch.audit(store, device="torch:cpu")
    assert torch.get_num_threads() == threads
    assert device.summary == host.summary
    assert_alike(device.findings, host.findings, ())
    assert host.tables.keys() == device.tables.keys()
    for name, table in host.tables.items():
        assert_alike(device.tables[name], table, (*MOMENTS, "tendency", "change") if name == "fields" else MOMENTS)
    (note,) = set(device.notes) - set(host.notes)
    assert note.startswith(
        "looked at on cpu: counts, extremes, moments, histograms and hashes of each field; on the host"
    )
    assert "spectrum_columns" in note


def test_pieces_that_are_kept_give_the_same(tmp_path: Path) -> None:
    store = write_store(tmp_path / "x.zarr")
    whole = dqwatch.audit(store, device="torch:cpu")
    pieces = dqwatch.audit(str(store), device="torch:cpu", resume=str(tmp_path / "pieces"))
    for name, table in whole.tables.items():
        assert_alike(pieces.tables[name], table, ())


def test_a_scheduler_has_no_device(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^device: got 'torch:cpu' with a scheduler"):
        dqwatch.audit(str(write_store(tmp_path / "x.zarr")), device="torch:cpu", scheduler="local")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training data, a spoilt state and the one before it; a baseline made by each of both ways."""
    where = tmp_path_factory.mktemp("drift")
    fields = make_fields(21, N + 6)
    dataset({k: f[:N] for k, f in fields.items()}).to_netcdf(where / "training.nc", engine="h5netcdf")
    dataset({k: f[N : N + 1] for k, f in fields.items()}, N).to_netcdf(where / "before.nc", engine="h5netcdf")
    later = {k: f[N + 1 : N + 6].copy() for k, f in fields.items()}
    later["t"][3] += 6.0
    dataset(later, N + 1).to_netcdf(where / "later.nc", engine="h5netcdf")
    for device in ("cpu", "torch:cpu"):
        name = f"{device.replace(':', '-')}.zarr"
        dqwatch.baseline(where / "training.nc", str(where / name), device=device)
    return where


def test_a_baseline_has_the_same_null(folder: Path) -> None:
    from dqwatch.baselines.store import load

    host, device = load(folder / "cpu.zarr"), load(folder / "torch-cpu.zarr")
    np.testing.assert_allclose(device.ledger.scores, host.ledger.scores, rtol=2e-6, atol=2e-6)
    assert (device.ledger.areas == host.ledger.areas).mean() > 0.999  # where a departure lies between two of 20ths


@pytest.mark.parametrize("null", ["cpu.zarr", "torch-cpu.zarr"])
def test_drift_has_the_same_p_values(folder: Path, null: str) -> None:
    given = {"baseline": folder / null, "previous": folder / "before.nc"}
    host = dqwatch.drift(folder / "later.nc", **given)
    device = dqwatch.drift(folder / "later.nc", **given, device="torch:cpu")
    assert host.tables["drift"]["p_value"].min() < 0.01
    close = ("departure", "score", "usual_score", "mean", "square", "value")
    for name, table in host.tables.items():
        assert_alike(device.tables[name], table, close)
    (note,) = set(device.notes) - set(host.notes)
    assert note.startswith("scored on cpu")


def test_a_gate_says_the_same_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    documents = []
    for device in ("cpu", "torch:cpu"):
        out = tmp_path / f"{len(documents)}.json"
        arguments = ["gate", str(folder / "later.nc"), "--baseline", str(folder / "cpu.zarr"), "--json", str(out)]
        assert cli.main([*arguments, "--device", device, "--quiet", "--fail-on", "warning"]) == 1
        documents.append(json.loads(out.read_text()))
    host, device = documents
    for key in ("findings", "summary", "status"):
        assert device[key] == host[key]
    for one, other in zip(device["drift"]["variables"], host["drift"]["variables"], strict=True):
        assert one["p_value"] == other["p_value"]


def test_a_wrong_device_is_told_before_data_are_read(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    for device in ("gpu", "numpy"):
        assert cli.main(["audit", str(folder / "training.nc"), "--device", device]) == 2
        assert f"dqwatch: device: got '{device}'; give cpu, torch:cpu, cuda or cuda:N" in capsys.readouterr().err
