"""What is left of a feed that fails, is broken off or interrupted: nothing."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from feed.feeds import CELLS, NAMES, assert_holds, batches, feed, values_of
from metrics.fake_source import FakeSource
from sources.zarr_files import make_anemoi

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UsageError
from dqwatch.feed import feed as module
from dqwatch.types import Block, Field


def leftovers() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("dqwatch")}


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


class Failing(FakeSource):
    """Fails at one time."""

    error: tuple[type[Exception], str] = (SourceError, "")

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        if 5 in block.times:
            kind, text = self.error
            raise kind(text)
        yield from super().read(block, buffers)


def watched_rings(monkeypatch: pytest.MonkeyPatch) -> list[weakref.ref[Any]]:
    """The buffers that are made from here on."""
    made: list[weakref.ref[Any]] = []
    own = module.make_lanes

    def make(device: Any) -> Any:
        lanes = own(device)
        inner = lanes.make_host

        def make_host(shape: tuple[int, ...]) -> Any:
            array, values = inner(shape)
            made.append(weakref.ref(array))
            return array, values

        monkeypatch.setattr(lanes, "make_host", make_host)
        return lanes

    monkeypatch.setattr(module, "make_lanes", make)
    return made


ERRORS = {
    "reading": ((SourceError, "chunk 5.0 is broken"), "fake: 1970-01-02T06:00:00: cannot be read: chunk 5.0 is broken"),
    "decoding": ((ValueError, "bad\nblock"), "fake: 1970-01-02T06:00:00: cannot be read: ValueError: bad block"),
    "memory": ((MemoryError, ""), "fake: 1970-01-02T06:00:00: cannot be read: MemoryError: no message"),
}


@pytest.mark.parametrize(("error", "message"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_of_a_worker_is_named_and_leaves_nothing(
    error: tuple[type[Exception], str], message: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = watched_rings(monkeypatch)
    source = Failing({"x": np.ones((20, 4), np.float32)})
    monkeypatch.setattr(source, "error", error)
    fed = feed(source, workers=workers)
    taken = []
    with pytest.raises(SourceError, match=f"^{message}$"):
        taken.extend(batch.times for batch in fed)
    assert len(taken) == 5
    assert not leftovers()
    gc.collect()
    assert len(made) == 3
    assert not [ref for ref in made if ref() is not None]


def test_a_broken_chunk_is_named(tmp_path: Path) -> None:
    make_anemoi(tmp_path / "a.zarr", values_of(), NAMES, chunks=(1, 5, 1, CELLS))
    (tmp_path / "a.zarr" / "data" / "4.0.0.0").write_bytes(b"nonsense")
    files = open_files()
    with (
        feed(tmp_path / "a.zarr") as fed,
        pytest.raises(SourceError, match=r"^a.zarr: 2020-01-02T00:00:00: .*array 'data', chunk 4.0.0.0: cut short"),
    ):
        batches(fed)
    assert not leftovers()
    assert open_files() == files


def test_an_error_of_the_caller_leaves_no_thread() -> None:
    source = FakeSource({"x": np.ones((50, 4), np.float32)})
    fed = feed(source)

    def compute(values: np.ndarray) -> float:
        raise RuntimeError("model")

    with pytest.raises(RuntimeError, match="model"):
        sum(compute(batch.values) for batch in fed)
    assert not leftovers()


def test_breaking_off_leaves_no_thread_and_keeps_the_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watched_rings(monkeypatch)
    fed = feed(FakeSource({"x": np.arange(100, dtype=np.float32).reshape(50, 2)}))
    for batch in fed:
        if batch.times[0, 0] == 4:
            break
    del batch
    assert not leftovers()
    assert_holds(batches(fed), np.arange(100, dtype=np.float32).reshape(50, 1, 1, 2))
    assert len(made) == 3
    fed.close()
    gc.collect()
    assert not [ref for ref in made if ref() is not None]
    with pytest.raises(UsageError, match="fake: this feed is closed"):
        next(iter(fed))


def test_a_buffer_that_cannot_be_had_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = watched_rings(monkeypatch)
    own = module.make_lanes

    def make(device: Any) -> Any:
        lanes = own(device)
        inner = lanes.make_host

        def make_host(shape: tuple[int, ...]) -> Any:
            if len(made) == 2:
                raise MemoryError("no pinned memory")
            return inner(shape)

        monkeypatch.setattr(lanes, "make_host", make_host)
        return lanes

    monkeypatch.setattr(module, "make_lanes", make)
    fed = feed(FakeSource({"x": np.ones((9, 4), np.float32)}))
    with pytest.raises(MemoryError, match="no pinned memory"):
        batches(fed)
    assert not leftovers()
    gc.collect()
    assert not [ref for ref in made if ref() is not None]


def test_two_iterations_at_once_do_not_disturb_each_other() -> None:
    data = np.arange(60, dtype=np.float32).reshape(30, 2)
    fed = feed(FakeSource({"x": data}), shuffle=1, batch=4)
    for one, other in zip(fed, fed, strict=True):
        np.testing.assert_array_equal(one.values, data[one.times][:, :, None, None])
        np.testing.assert_array_equal(other.values, data[other.times][:, :, None, None])
    assert not leftovers()


def test_a_feed_closes_what_it_opened_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    source = FakeSource({"x": np.ones((2, 4), np.float32)})
    monkeypatch.setattr(source, "close", lambda: closed.append("given"))
    feed(source).close()
    assert not closed
    make_anemoi(tmp_path / "a.zarr", values_of(), NAMES)
    fed = feed(tmp_path / "a.zarr")
    monkeypatch.setattr(fed.source, "close", lambda: closed.append("opened"))
    fed.close()
    assert closed == ["opened"]


SLOW = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in the background has it ignored
import dqwatch
from dqwatch.types import Field
source = dqwatch.open_source(sys.argv[1])
read_into = source.read_into
def slowly(block, out, buffers):
    time.sleep(0.3)
    return read_into(block, out, buffers)
source.read_into = slowly
with dqwatch.Feed(source, device="numpy", workers=2) as feed:
    print("begun", flush=True)
    for epoch in range(100):
        for batch in feed:
            pass
"""


def test_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    make_anemoi(tmp_path / "a.zarr", values_of(), NAMES)
    command = [sys.executable, "-c", SLOW, str(tmp_path / "a.zarr")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    began = time.perf_counter()
    _, errors = process.communicate(timeout=30)
    assert time.perf_counter() - began < 5
    assert errors.strip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
