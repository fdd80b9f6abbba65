"""The callback in a whole training by anemoi-training, and what `dqwatch losses` tells of the series that it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import zarr
from conftest import ROOT
from training_run import DATES, LAST, SPOILT, write_training_store

import dqwatch

WEIGHTS = {"t_850": 6 * 0.85, "t_500": 6 * 0.5, "z_500": 12 * 0.5, "q_850": 0.6 * 0.85, "u_850": 0.8 * 0.85}
WEIGHTS |= {"v_850": 0.5 * 0.85, "2d": 0.5, "10u": 0.1, "10v": 0.1, "sp": 10, "tp": 0.025, "cp": 0.0025}
"""Those of the installed configuration, times its level scaling; 1 for all others."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs of a model with 8 channels, on data of which one field is 40 K too warm."""
    folder = tmp_path_factory.mktemp("training")
    write_training_store(folder / "store.zarr", spoilt=SPOILT)
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, str(ROOT / "tests" / "training_run.py"), str(folder)]
    threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_losses_are_those_that_were_trained_with(run):
    """Every variable at every step: squared errors weighed by hand; their mean is the loss that Lightning had."""
    table, kept = pd.read_csv(run / "losses.csv"), np.load(run / "record.npz")
    stored = zarr.open_group(str(run / "store.zarr"), mode="r").attrs["variables"]
    names = [name for name in stored if name not in ("lsm", "z")]
    assert list(table) == ["step", "dates", *names]
    assert table["step"].tolist() == list(range(1, len(kept["loss"]) + 1))
    target = kept["target"][:, 0, 0, 0][..., [stored.index(name) for name in names]]
    errors = np.einsum("scv,c->sv", (kept["pred"][:, 0, 0, 0] - target) ** 2, kept["area"])
    expected = errors * [WEIGHTS.get(name, 1.0) for name in names]
    np.testing.assert_allclose(table[names], expected, rtol=2e-5)
    np.testing.assert_allclose(table[names].mean(axis=1), kept["loss"][:, 0], rtol=1e-5)


def test_dates_are_those_of_the_samples(run):
    """Found by looking for the field that a sample starts from among those of the store."""
    table, given = pd.read_csv(run / "losses.csv"), np.load(run / "record.npz")["input"][:, 0]
    group = zarr.open_group(str(run / "store.zarr"), mode="r")
    place = group.attrs["variables"].index("2t")
    fields = (group["data"][:, place, 0] - group["mean"][place]) / group["stdev"][place]
    apart = np.array([np.abs(fields - one).max(axis=1) for one in given])
    assert apart.min(axis=1).max() < 1e-4
    assert np.sort(apart, axis=1)[:, 1].min() > 1e-2
    assert table["dates"].tolist() == np.datetime_as_string(DATES[apart.argmin(axis=1)], unit="s").tolist()
    half = len(table) // 2
    used = DATES[(np.arange(len(DATES)) >= 1) & (np.datetime64(LAST) > DATES)]
    for epoch in (table["dates"][:half], table["dates"][half:]):
        assert sorted(epoch) == np.datetime_as_string(used, unit="s").tolist()


def test_the_field_behind_a_spike_is_named(run):
    audited = dqwatch.audit(str(run / "store.zarr"), fail_on="never")
    verdict = dqwatch.losses(str(run / "losses.csv"), against=audited.tables)
    failed = {(f.rule, f.variable) for f in verdict.results if f.status == "fail"}
    assert ("losses.spike", "2t") in failed
    assert not {one for one in failed if one[0] in ("losses.spike", "losses.date") and one[1] != "2t"}
    row = verdict.tables["losses"].set_index("variable").loc["2t"]
    assert abs(np.datetime64(row["spike_dates"]) - DATES[SPOILT]) <= np.timedelta64(6, "h")
    assert row["spike_fields"].startswith(f"2t {str(DATES[SPOILT])[:13]}")
    suspects = verdict.tables["suspects"]
    assert set(suspects["field"][suspects["variable"] == "2t"]) == {"2t"}
