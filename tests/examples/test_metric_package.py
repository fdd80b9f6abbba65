"""The example package with a metric: installed in a folder, found by its entry point, run where a rule wants it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from sources.zarr_files import make_anemoi

PACKAGE = ROOT / "examples" / "metric_package"
RULES = PACKAGE / "tails.yaml"
COMMAND = Path(sysconfig.get_path("scripts")) / "dqwatch"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder into which the package was installed, without the network."""
    target = tmp_path_factory.mktemp("site")
    uv = shutil.which("uv", path=os.pathsep.join([str(ROOT / ".tools" / "bin"), os.environ.get("PATH", "")]))
    if uv:
        command = [uv, "pip", "install", "--offline", "--python", sys.executable, "--no-cache"]
    else:
        command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-cache-dir"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(target), str(PACKAGE)]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """Six dates of temperature and pressure; one cell of one date stands out, by less than is impossible."""
    values = np.random.default_rng(2).normal(285, 2, (6, 2, 1, 208)).astype("f4")
    values[:, 1] *= 350
    values[3, 0, 0, 17] = 325
    path = tmp_path_factory.mktemp("data") / "a.zarr"
    make_anemoi(path, values, ["2t", "msl"])
    return path


def audit(store: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    inherited = os.environ.get("PYTHONPATH", "")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (path, inherited) if p)}
    command = [COMMAND, "audit", store, "--rules", RULES, *words]
    return subprocess.run(command, text=True, capture_output=True, check=False, env=environment)


def test_the_package_holds_its_module_and_entry_point_only(site):
    (found,) = distributions(path=[str(site)])
    assert (found.metadata["Name"], found.version) == ("dqwatch-tails", "1.0")
    assert [(e.group, e.name, e.value) for e in found.entry_points] == [
        ("dqwatch.metrics", "tails", "dqwatch_tails:tails")
    ]
    assert sorted(p.name for p in site.iterdir() if p.suffix == ".py") == ["dqwatch_tails.py"]


def test_the_rule_finds_what_the_metric_measures(site, store):
    done = audit(store, "--json", "-", path=str(site))
    assert done.returncode == 1, done.stderr
    findings = json.loads(done.stdout)["findings"]
    (finding,) = (f for f in findings if f["rule"] == "tails.heavy" and f["status"] == "fail")
    assert (finding["variable"], finding["time"], finding["n_failed"]) == ("2t", "2020-01-01T18:00:00", 1)
    values = np.random.default_rng(2).normal(285, 2, (6, 2, 1, 208)).astype("f4")[3, 0, 0].astype(np.float64)
    values[17] = 325
    departures = values - values.mean()
    assert finding["observed"] == pytest.approx(np.mean(departures**4) / np.mean(departures**2) ** 2, rel=1e-9)


def test_without_the_package_the_rule_file_is_refused_in_one_line(store):
    done = audit(store)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "tails.yaml: rule 'tails.heavy': " in line
    assert "table 'fields' has no column 'kurtosis'" in line
