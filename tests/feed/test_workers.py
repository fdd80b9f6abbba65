"""Threads that take items in order: results, errors, bounds, and the way out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from dqwatch.errors import RuleFileError, SourceError, SourceNotFoundError, UsageError
from dqwatch.feed import Worker, default_workers, run


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("dqwatch")}


@pytest.mark.parametrize("workers", [1, 2, 5, 64])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def work(item: int, worker: Worker) -> int:
        time.sleep(0.002 if item % 3 == 0 else 0)
        return item * item

    taken: list[int] = []
    assert run(range(50), work, workers=workers, take=taken.append) == min(workers, 50)
    assert taken == [i * i for i in range(50)]
    assert not threads()


def test_progress_is_told_in_the_callers_thread() -> None:
    told: list[tuple[int, int, str]] = []
    run("abc", lambda *_: None, workers=2, progress=lambda d, n: told.append((d, n, threading.current_thread().name)))
    assert told == [(i, 3, threading.current_thread().name) for i in (1, 2, 3)]


def test_each_worker_has_its_own_buffers() -> None:
    both = threading.Barrier(2, timeout=30)
    seen: dict[int, int] = {}

    def work(item: int, worker: Worker) -> None:
        both.wait()
        seen[worker.number] = id(worker.buffers)

    run(range(2), work, workers=2)
    assert set(seen) == {0, 1}
    assert seen[0] != seen[1]


def test_nothing_to_do() -> None:
    taken: list[int] = []
    assert run([], lambda item, worker: 1, take=taken.append) == 1
    assert taken == []


def test_no_more_threads_than_cores_by_default() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert default_workers() == cores
    assert run(range(1000), lambda *_: None) == cores


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_is_an_error_of_the_user(workers: int) -> None:
    with pytest.raises(UsageError, match=f"workers: got {workers}; give 1 or more"):
        run([1], lambda *_: None, workers=workers)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_first_item_that_fails_is_named(workers: int) -> None:
    def work(item: int, worker: Worker) -> int:
        time.sleep(0.02 if item == 7 else 0)
        if item >= 7:
            raise ValueError(f"bad\nchunk {item}")
        return item

    taken: list[int] = []
    with pytest.raises(SourceError, match=r"^block 7: cannot be read: ValueError: bad chunk 7$") as caught:
        run(range(30), work, workers=workers, take=taken.append, describe=lambda item: f"block {item}")
    assert isinstance(caught.value.__cause__, ValueError)
    assert taken == list(range(7))
    assert not threads()


@pytest.mark.parametrize("error", [SourceError("no chunk"), SourceNotFoundError("no chunk")])
def test_errors_of_reading_keep_their_words(error: SourceError) -> None:
    def work(item: int, worker: Worker) -> None:
        raise error

    with pytest.raises(SourceError, match=r"^3: cannot be read: no chunk$"):
        run([3], work)


def test_errors_of_the_user_stay_as_they_are() -> None:
    def work(item: int, worker: Worker) -> None:
        raise RuleFileError("a rule")

    with pytest.raises(RuleFileError, match=r"^a rule$"):
        run([3], work)


def test_an_error_in_the_callers_part_stops_the_threads() -> None:
    def take(result: int) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        run(range(1000), lambda item, worker: item, workers=2, take=take)
    assert not threads()


def test_results_that_wait_are_bounded() -> None:
    release = threading.Event()
    begun: list[int] = []

    def work(item: int, worker: Worker) -> int:
        begun.append(item)
        if item == 0:
            release.wait(30)
        return item

    def watch() -> None:
        before = -1
        while before != len(begun):  # until the second thread has run as far ahead as it may
            before = len(begun)
            time.sleep(0.1)
        ahead.append(len(begun))
        release.set()

    ahead: list[int] = []
    watcher = threading.Thread(target=watch)
    watcher.start()
    run(range(500), work, workers=2)
    watcher.join()
    assert ahead[0] == 8  # four results a worker
    assert sorted(begun) == list(range(500))


def test_work_can_be_left_between_fields() -> None:
    def work(item: int, worker: Worker) -> None:
        if item == 0:
            time.sleep(0.05)
            raise OSError("broken")
        for _ in range(10_000):
            time.sleep(0.001)
            worker.checkpoint()

    began = time.perf_counter()
    with pytest.raises(SourceError, match="broken"):
        run(range(2), work, workers=2)
    assert time.perf_counter() - began < 5


SLOW = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in the background has it ignored
from dqwatch.feed import run
def work(item, worker):
    for _ in range(1000):
        time.sleep(0.01)
        worker.checkpoint()
print("begun", flush=True)
run(range(100), work, workers=3)
"""


def test_ctrl_c_ends_at_once() -> None:
    process = subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    began = time.perf_counter()
    _, errors = process.communicate(timeout=30)
    assert time.perf_counter() - began < 3
    assert errors.strip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
