"""Buffers copied to a device: the order of copies and of those who write and read, on a device that only seems one."""

from __future__ import annotations

import gc
import queue
import random
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest
from metrics.fake_source import FakeSource

import dqwatch
from dqwatch.feed import feed as module


class Later:
    """A stream: what is queued is done in order, a little later, by a thread."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for work in iter(self._todo.get, None):
            time.sleep(random.random() * 2e-3)
            work()

    def put(self, work: Any) -> None:
        self._todo.put(work)

    def record(self) -> Mark:
        mark = Mark()
        self.put(mark.done.set)
        return mark

    def end(self) -> None:
        self._todo.put(None)
        self._thread.join()


class Mark:
    """An event of a stream."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def synchronize(self) -> None:
        assert self.done.wait(30)


class SimulatedLanes:
    """As `CudaLanes`, with threads for streams."""

    n_targets = 3

    def __init__(self) -> None:
        self.copies, self.compute = Later(), Later()

    def make_host(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        array = np.empty(shape, np.float32)
        return array, array

    def make_target(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, -1, np.float32)

    def copy(self, host: np.ndarray, target: np.ndarray, after: Mark | None) -> Mark:
        if after is not None:
            self.copies.put(after.synchronize)
        self.copies.put(lambda: np.copyto(target, host))
        return self.copies.record()

    def hand_over(self, copied: Mark) -> None:
        self.compute.put(copied.synchronize)

    def mark(self) -> Mark:
        return self.compute.record()


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = SimulatedLanes()
    monkeypatch.setattr(module, "make_lanes", lambda device: made)
    yield made
    made.copies.end()
    made.compute.end()


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("pause", [0.0, 4e-3], ids=["the caller waits for data", "data wait for the caller"])
def test_what_is_computed_later_sees_its_own_batch(
    lanes: SimulatedLanes, depth: int, workers: int, pause: float
) -> None:
    data = np.arange(120, dtype=np.float32).reshape(60, 2)
    feed = dqwatch.Feed(FakeSource({"x": data}), device="numpy", batch=3, depth=depth, workers=workers, window=2)
    seen: list[np.ndarray] = []
    times: list[np.ndarray] = []
    for _ in range(2):  # an epoch begins with the buffers of the one before
        for batch in feed:
            lanes.compute.put(lambda values=batch.values: seen.append(values.copy()))
            times.append(batch.times)
            time.sleep(pause)
    lanes.mark().synchronize()
    assert len(seen) == 2 * len(feed) == 40
    for values, chosen in zip(seen, times, strict=True):
        np.testing.assert_array_equal(values[:, :, 0, 0], data[chosen])


@pytest.mark.parametrize("taken", [1, 2, 5])
def test_what_is_computed_of_an_epoch_that_was_broken_off_sees_its_own_batch(lanes: SimulatedLanes, taken: int) -> None:
    data = np.arange(120, dtype=np.float32).reshape(60, 2)
    feed = dqwatch.Feed(FakeSource({"x": data}), device="numpy", batch=3, depth=3, workers=2)
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def look(batch: Any) -> None:
        lanes.compute.put(lambda values=batch.values: (time.sleep(2e-2), seen.append((values.copy(), batch.times))))

    for _ in range(3):
        for number, batch in enumerate(feed, 1):
            look(batch)
            if number == taken:
                break
    for batch in feed:
        look(batch)
    lanes.mark().synchronize()
    assert len(seen) == 3 * taken + 20
    for values, chosen in seen:
        np.testing.assert_array_equal(values[:, :, 0, 0], data[chosen])


def test_closing_ends_an_epoch_that_somebody_still_holds(lanes: SimulatedLanes) -> None:
    with dqwatch.Feed(FakeSource({"x": np.ones((20, 2), np.float32)}), device="numpy", workers=2) as feed:
        running = iter(feed)
        next(running)
        assert [t for t in threading.enumerate() if t.name.startswith("dqwatch")]
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]
    assert list(running) == []


def test_a_copy_that_fails_leaves_no_thread(lanes: SimulatedLanes, monkeypatch: pytest.MonkeyPatch) -> None:
    own, done = lanes.copy, []

    def copy(*arguments: Any) -> Mark:
        if len(done) == 4:
            raise RuntimeError("out of memory")
        done.append(arguments)
        return own(*arguments)

    monkeypatch.setattr(lanes, "copy", copy)
    feed = dqwatch.Feed(FakeSource({"x": np.ones((20, 2), np.float32)}), device="numpy", workers=2)
    with pytest.raises(RuntimeError, match="out of memory"):
        list(feed)
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]


@pytest.mark.parametrize("stage", ["make_host", "make_target", "copy", "hand_over", "mark"])
@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_failure_in_any_stage_leaves_neither_thread_nor_buffer(
    lanes: SimulatedLanes, monkeypatch: pytest.MonkeyPatch, stage: str, after: int
) -> None:
    after = min(after, 1) if stage.startswith("make") else after
    own, done, made = getattr(lanes, stage), [], []

    def fail(*arguments: Any) -> Any:
        if len(done) == after:
            raise RuntimeError(f"no {stage}")
        done.append(stage)
        return own(*arguments)

    def remember(make: Any) -> Any:
        def making(shape: tuple[int, ...]) -> Any:
            buffer = make(shape)
            made.append(weakref.ref(buffer[0] if isinstance(buffer, tuple) else buffer))
            return buffer

        return making

    monkeypatch.setattr(lanes, stage, fail)
    for name in ("make_host", "make_target"):
        monkeypatch.setattr(lanes, name, remember(getattr(lanes, name)))
    feed = dqwatch.Feed(FakeSource({"x": np.ones((20, 2), np.float32)}), device="numpy", workers=2)
    with pytest.raises(RuntimeError, match=f"no {stage}"):
        sum(1 for _ in feed)
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]
    lanes.copies.record().synchronize()
    gc.collect()
    assert made or (stage, after) == ("make_host", 0)
    assert not [ref for ref in made if ref() is not None]


def test_a_thread_that_cannot_be_had_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    own = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "dqwatch-2":
            raise RuntimeError("can't start new thread")
        own(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    feed = dqwatch.Feed(FakeSource({"x": np.ones((20, 2), np.float32)}), device="numpy", workers=4)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(feed)
    assert not [t for t in threading.enumerate() if t.name.startswith("dqwatch")]
