"""Baselines and drift on the workers of a Dask scheduler: the bits of one machine, whatever happens to workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dqwatch
from dqwatch.baselines.baseline import Baseline
from dqwatch.baselines.store import load
from dqwatch.errors import SchedulerError, SourceError, UsageError
from examples.make_data import make


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scheduler") / "data"
    make(folder, years=3, test_years=1, seed=5, number=8, background=True)
    return folder


@pytest.fixture(scope="module")
def alone(data: Path) -> Path:
    path = data / "alone.zarr"
    dqwatch.baseline(data / "training.zarr", str(path), background=data / "background_training.zarr", workers=1, **FEW)
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers, all in this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


pytestmark = pytest.mark.slow

FEW = {"select": "2t,t_850,swvl1,tp"}


def contents(path: Path) -> dict[str, Any]:
    """All arrays of a baseline by name, as bytes."""
    import zarr

    group = zarr.open_group(str(path), mode="r")
    names = [p.parent.relative_to(path).as_posix() for p in path.rglob(".zarray")]
    return {name: np.asarray(group[name]).tobytes() for name in names}


def test_a_baseline_whose_worker_is_killed_in_mid_run_has_the_same_bits(data: Path, alone: Path) -> None:
    told: list[tuple[int, int]] = []
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 3:
            workers = [p.pid for p in multiprocessing.active_children() if p.pid is not None]
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    path = data / "spread.zarr"
    dqwatch.baseline(
        data / "training.zarr",
        str(path),
        background=data / "background_training.zarr",
        scheduler="local",
        workers=2,
        progress=kill,
        **FEW,
    )
    assert killed
    assert told[-1][0] == told[-1][1]
    assert contents(path) == contents(alone)
    assert not path.with_name("spread.zarr.unfinished").exists()


def test_drift_elsewhere_is_that_of_one_machine(data: Path, alone: Path, address: str) -> None:
    given = {
        "baseline": str(alone),
        "background": data / "background_test_years.zarr",
        "previous": data / "training.zarr",
        **FEW,
    }
    given["end"] = dqwatch.open_source(data / "test_years.zarr").times[0].labels[100][:10]
    here = dqwatch.drift(data / "test_years.zarr", workers=1, **given)
    told: list[tuple[int, int]] = []
    there = dqwatch.drift(
        data / "test_years.zarr", scheduler=address, progress=lambda *done: told.append(done), **given
    )
    for name, table in here.tables.items():
        pd.testing.assert_frame_equal(table, there.tables[name], check_exact=True)
    assert told[-1][0] == told[-1][1] == len(here.tables["cycles"])
    assert len(told) > 3


def test_it_goes_on_from_what_a_scheduler_has_done(
    data: Path, alone: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dqwatch.baselines import spreading

    def stop(*_: object) -> int:
        raise SourceError("stopped")

    path = data / "again.zarr"
    given = {"background": data / "background_training.zarr", **FEW}
    with monkeypatch.context() as patched:
        patched.setattr(spreading, "_score", stop)
        with pytest.raises(SourceError, match="stopped"):
            dqwatch.baseline(data / "training.zarr", str(path), scheduler=address, **given)
    kept = path.with_name("again.zarr.unfinished")
    assert len(list(kept.glob("fold-*"))) == 8
    dqwatch.baseline(data / "training.zarr", str(path), workers=2, **given)
    assert contents(path) == contents(alone)


def test_workers_that_write_elsewhere_are_an_error(
    data: Path, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dqwatch.baselines import spreading

    monkeypatch.setattr(spreading, "_add", lambda made, fold, worker: fold)
    with pytest.raises(SchedulerError, match=r"b.zarr.unfinished: what workers have written there is not seen here"):
        dqwatch.baseline(data / "training.zarr", str(tmp_path / "b.zarr"), scheduler=address)


def test_what_cannot_be_spread_is_told_at_once(data: Path, alone: Path, address: str) -> None:
    known = load(alone)
    assert isinstance(known, Baseline)
    with pytest.raises(UsageError, match="scheduler: got baseline in memory; give a path"):
        dqwatch.drift(data / "test_years.zarr", baseline=known, scheduler=address)
    with pytest.raises(UsageError, match="scheduler: needs an output that its workers can write to"):
        dqwatch.baseline(data / "training.zarr", scheduler=address)
    with pytest.raises(UsageError, match=r"workers: got 2; the scheduler at .* has workers of its own"):
        dqwatch.drift(data / "test_years.zarr", baseline=str(alone), scheduler=address, workers=2)
    with pytest.raises(UsageError, match="from_statistics: with scheduler; stored statistics are what they are"):
        dqwatch.baseline(data / "training.zarr", from_statistics=True, scheduler=address)
