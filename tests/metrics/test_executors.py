"""The scan on the workers of a Dask scheduler: the bits of one machine, whatever happens to workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from metrics.stores import assert_same_bits, scan_store, write_store

import dqwatch
from dqwatch.errors import MissingExtraError, SchedulerError, SourceError, UsageError
from dqwatch.metrics import executors
from dqwatch.part import LOCAL, Spread

EACH = {"piece_bytes": 1, "piece_times": 1}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("executors") / "data.zarr")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers, all in this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


def test_a_worker_killed_in_mid_run_leaves_no_trace(store: Path) -> None:
    alone = scan_store(store, workers=1)
    told: list[tuple[int, int]] = []
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        told.append((done, total))
        if not killed:
            # A process of a worker is the child of a nanny, which is a thread of this process.
            workers = [p.pid for p in multiprocessing.active_children() if p.pid is not None]
            assert len(workers) == 2
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    found = scan_store(store, Spread(str(store), scheduler=LOCAL, sizes=EACH), workers=2, progress=kill)
    assert_same_bits(alone, found)
    done = [d for d, _ in told]
    assert killed
    assert done[0] < done[-1] == told[-1][1], "the worker was killed while there was work left"
    assert done == sorted(set(done)), "nothing is counted twice"


def test_another_scheduler_gives_the_same_bits(store: Path, address: str) -> None:
    alone = scan_store(store, workers=2)
    found = scan_store(store, Spread(str(store), scheduler=address, sizes=EACH))
    assert_same_bits(alone, found)
    assert found.workers == 2


def test_a_relative_path_is_the_same_elsewhere(store: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.parent)
    verdict = dqwatch.audit("data.zarr", scheduler=address, rules="missing")
    assert len(verdict.tables["fields"]) == 24 * 6 + 1


def test_resume_takes_what_a_scheduler_has_done_and_is_gone_at_the_end(
    store: Path, address: str, tmp_path: Path
) -> None:
    folder = tmp_path / "pieces"
    scan_store(store, Spread(str(store), scheduler=address, folder=folder, sizes=EACH))
    pieces = sorted(folder.glob("piece-*.npz"))
    assert len(pieces) == 7  # the reader joins four times in a block; and the constant
    for path in pieces[2:5]:
        path.unlink()
    found = scan_store(store, Spread(str(store), folder=folder, sizes=EACH), workers=1)
    assert_same_bits(scan_store(store), found)
    assert found.notes == ("4 of 7 pieces were scanned by an earlier run",)
    again = tmp_path / "again"
    verdict = dqwatch.audit(str(store), resume=str(again), rules="missing")
    assert verdict.status in ("pass", "warn", "fail")
    assert not again.exists()


def test_the_first_block_that_cannot_be_read_is_named(address: str, tmp_path: Path) -> None:
    store = write_store(tmp_path / "broken.zarr")
    for time in (20, 7):
        (store / "2t" / f"{time}.0.0").write_bytes(b"nonsense")
    folder = tmp_path / "pieces"
    with pytest.raises(SourceError, match=r"^broken.zarr: 2t at 2020-03-02T00.* chunk 7.0.0: cut short: "):
        scan_store(store, Spread(str(store), scheduler=address, folder=folder, sizes=EACH))
    done = {path.name for path in folder.glob("piece-*.npz")}
    assert "piece-000000.npz" in done
    assert not done & {"piece-000001.npz", "piece-000005.npz"}


def test_a_worker_that_sees_other_data_is_an_error(store: Path, address: str, tmp_path: Path) -> None:
    other = write_store(tmp_path / "other.zarr", n_times=23)
    with pytest.raises(SourceError, match="opens other data than this machine, or has another version"):
        scan_store(store, Spread(str(other), scheduler=address, sizes=EACH))
    with pytest.raises(SourceError, match=r"worker on .*nowhere.zarr: no such file or folder"):
        scan_store(store, Spread(str(tmp_path / "nowhere.zarr"), scheduler=address, sizes=EACH))


def test_a_scheduler_that_is_not_there(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(SchedulerError, match=r"scheduler: cannot reach 'tcp://127.0.0.1:9'"),
    ):
        scan_store(store, Spread(str(store), scheduler="tcp://127.0.0.1:9", sizes=EACH))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"scheduler": "tcp://127.0.0.1:9", "workers": 2},
            "workers: got 2; the scheduler at .* has workers of its own",
        ),
        ({"data": np.zeros(3), "scheduler": LOCAL}, "scheduler: got data in memory; give a path or URL"),
        ({"data": np.zeros(3), "resume": "x"}, "resume: got data in memory; give a path or URL"),
    ],
)
def test_what_cannot_be_spread_is_told_at_once(store: Path, arguments: dict[str, Any], message: str) -> None:
    given = {"data": str(store), **arguments}
    with pytest.raises(UsageError, match=message):
        dqwatch.audit(given.pop("data"), **given)


def test_without_dask_the_extra_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"scheduler: needs Dask; pip install 'dqwatch\[dask\]'"):
        scan_store(store, Spread(str(store), scheduler=LOCAL, sizes=EACH))


def test_a_worker_that_dies_of_a_piece_again_and_again(store: Path, address: str, monkeypatch) -> None:
    from distributed import KilledWorker

    def die(*_: object) -> bytes:
        raise KilledWorker("piece", SimpleNamespace(address="tcp://gone"), 3)  # type: ignore[arg-type]

    monkeypatch.setattr(executors, "_do", die)
    with pytest.raises(
        SchedulerError, match=r"^data.zarr: 2d at 2020-03-01T00.*: every worker that scanned it died; too little memory"
    ):
        scan_store(store, Spread(str(store), scheduler=address, sizes=EACH))


def test_the_command_goes_on_after_ctrl_c(store: Path, address: str, tmp_path: Path) -> None:
    """The run is stopped by a signal as soon as a piece is kept; the next one needs not scan it again."""
    folder = tmp_path / "pieces"
    code = (
        "import os, signal, sys\n"
        "from dqwatch.metrics import kept_pieces\n"
        "write = kept_pieces.KeptPieces.write\n"
        "def stop(*args):\n"
        "    write(*args)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "kept_pieces.KeptPieces.write = stop\n"
        "from dqwatch.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    line = ["audit", str(store), "--rules", "missing", "--resume", str(folder), "--scheduler", address]
    command = [sys.executable, "-c", code, *line]
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert stopped.returncode == 130, stopped.stderr
    assert stopped.stderr == "dqwatch: interrupted\n"
    assert len(list(folder.glob("piece-*.npz"))) == 1
    from dqwatch.cli import main

    assert main([*line[:-2], "--quiet"]) in (0, 1)
    assert not folder.exists()
