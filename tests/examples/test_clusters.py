"""The recipes for clusters: what can be told without SLURM and Kubernetes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml
from conftest import ROOT
from metrics.stores import write_store

from dqwatch.cli import app

FOLDER = ROOT / "examples" / "clusters"


def documents() -> dict[tuple[str, str], Any]:
    text = (FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text)}


def container(kind: str, name: str) -> dict[str, Any]:
    (found,) = documents()[kind, name]["spec"]["template"]["spec"]["containers"]
    return found


def test_the_parts_find_one_another() -> None:
    service = documents()["Service", "dask-scheduler"]
    port = service["spec"]["ports"][0]["port"]
    address = f"tcp://{service['metadata']['name']}:{port}"
    for kind, name in (("Deployment", "dask-scheduler"), ("Deployment", "dask-worker")):
        spec = documents()[kind, name]["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    labels = documents()["Deployment", "dask-scheduler"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    assert str(port) in container("Deployment", "dask-scheduler")["command"]
    assert address in container("Deployment", "dask-worker")["command"]
    assert address in container("Job", "dqwatch-audit")["command"]


def test_the_job_is_a_command_that_dqwatch_understands() -> None:
    program, verb, *words = container("Job", "dqwatch-audit")["command"]
    assert program == "dqwatch"
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    values = command.make_context(verb, list(words)).params
    assert values["scheduler"].startswith("tcp://")
    mounts = {m["mountPath"] for m in container("Job", "dqwatch-audit")["volumeMounts"]}
    for path in (*values["data"], values["resume"], values["json"], values["html"]):
        assert f"/{Path(path).parts[1]}" in mounts
    worker = {m["mountPath"] for m in container("Deployment", "dask-worker")["volumeMounts"]}
    assert f"/{Path(values['data'][0]).parts[1]}" in worker


@pytest.mark.parametrize("name", ["dask-scheduler", "dask-worker"])
def test_dask_has_the_options_that_are_given(name: str) -> None:
    program, verb, *words = container("Deployment", name)["command"]
    assert program == "dask"
    shown = subprocess.run(
        [sys.executable, "-m", "dask", verb, "--help"], capture_output=True, text=True, check=True, timeout=120
    )
    for word in words:
        if word.startswith("--"):
            assert word in shown.stdout, f"dask {verb} has no {word}"


def test_a_run_on_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a cluster in this process in place of SLURM's; what is asked of SLURM is looked at."""
    from distributed import LocalCluster

    asked: dict[str, Any] = {}

    class FakeSlurm(LocalCluster):
        def __init__(self, **given: Any) -> None:
            asked.update(given)
            local: dict[str, Any] = {"processes": False, "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
            super().__init__(n_workers=1, threads_per_worker=2, **local)

        def adapt(self, **given: Any) -> None:
            asked.update(given)

    fake = ModuleType("dask_jobqueue")
    fake.SLURMCluster = FakeSlurm  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dask_jobqueue", fake)
    spec = importlib.util.spec_from_file_location("slurm_audit", FOLDER / "slurm_audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    store = write_store(tmp_path / "data.zarr")
    code = module.main([str(store), "--jobs", "3", "--cores", "16", "--rules", "missing", "--json", "-", "--quiet"])
    assert code in (0, 1)
    assert '"verb": "audit"' in capsys.readouterr().out
    assert (asked["cores"], asked["processes"], asked["maximum_jobs"]) == (16, 16, 3)
    assert not (tmp_path / "data.zarr.pieces").exists()
