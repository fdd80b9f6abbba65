"""Worker threads that take items in order, and hand their results over in the same order."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from dqwatch.buffers import Buffers
from dqwatch.errors import DqwatchError, SourceError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with the items done and the items to do."""

AHEAD = 4
"""Results per worker that may wait for an earlier one: bounds what is held."""


class Worker:
    """One thread's own: its number and its buffers."""

    def __init__(self, number: int, stop: threading.Event) -> None:
        self.number = number
        self.buffers = Buffers()
        self._stop = stop

    def checkpoint(self) -> None:
        """Leave a long piece of work if the run has been stopped; to be called between fields."""
        if self._stop.is_set():
            raise _Stopped


class _Stopped(Exception):  # noqa: N818 (no error: the way out of a stopped worker)
    pass


class _NamedError(SourceError):
    """Its message names the item that could not be read."""


def default_workers() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    items: Sequence[Item],
    work: Callable[[Item, Worker], Result],
    *,
    workers: int | None = None,
    take: Callable[[Result], Any] | None = None,
    describe: Callable[[Item], str] = str,
    progress: Progress | None = None,
) -> int:
    """Work on all items in threads; the outcome is the same for any number of them.

    Parameters
    ----------
    items : sequence
        Begun in this order.
    work : callable
        `work(item, worker)`, called in a thread; long work calls `worker.checkpoint()` now and then.
    workers : int, optional
        Number of threads; one per core that this process may use by default, never more than items.
    take : callable, optional
        `take(result)`, called in the caller's thread in the order of `items`.
    describe : callable, optional
        Names an item in errors.
    progress : callable, optional
        `progress(done, total)`, called in the caller's thread.

    Returns
    -------
    int
        Number of threads used.

    Raises
    ------
    SourceError
        If `work` raised: the error of the first such item, which it names. Work on others is given up.
    UsageError
        If `workers` is below 1; or as raised by `work`.
    KeyboardInterrupt
        On Ctrl-C, when every thread has ended, after its current field at most.
    """
    with working(items, work, workers=workers, describe=describe) as results:
        for done in range(1, len(items) + 1):
            outcome = results.take(done - 1)
            results.let_begin(done)
            if take is not None:
                take(outcome)
            if progress is not None:
                progress(done, len(items))
        return results.workers


@contextlib.contextmanager
def working(
    items: Sequence[Item],
    work: Callable[[Item, Worker], Result],
    *,
    workers: int | None = None,
    describe: Callable[[Item], str] = str,
    ahead: int | None = None,
) -> Iterator[Results]:
    """Threads that work on items; they have ended when the `with` block is left, however that happens.

    Parameters
    ----------
    items, work, workers, describe
        As for `run`.
    ahead : int, optional
        Items that may begin before `Results.let_begin` has allowed more; four for each worker by default.

    Yields
    ------
    Results

    Raises
    ------
    UsageError
        If `workers` is below 1.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers: got {workers}; give 1 or more")
    number = max(1, min(workers or default_workers(), len(items)))
    results = Results(items, work, number, describe, ahead or AHEAD * number)
    threads = [
        threading.Thread(target=results.serve, args=(i,), name=f"dqwatch-{i}", daemon=True) for i in range(number)
    ]
    started: list[threading.Thread] = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
        yield results
    finally:
        results.stop()
        for thread in started:
            thread.join()


def named(error: BaseException, where: str) -> BaseException:
    """The error as one line that names the item, once; what is no error of reading stays as it is."""
    if isinstance(error, DqwatchError) and (isinstance(error, _NamedError) or not isinstance(error, SourceError)):
        return error
    if not isinstance(error, Exception) or isinstance(error, _Stopped):
        return error
    what = " ".join(str(error).split()) or "no message"
    kind = "" if isinstance(error, SourceError) else f"{type(error).__name__}: "
    return _NamedError(f"{where}: cannot be read: {kind}{what}")


class Results:
    """Items to be begun in order and outcomes to be taken in order, none too far ahead."""

    def __init__(
        self,
        items: Sequence[Any],
        work: Callable[[Any, Worker], Any],
        workers: int,
        describe: Callable[[Any], str],
        ahead: int,
    ) -> None:
        self.workers = workers
        """Number of threads."""
        self._items, self._work, self._describe, self._ahead = items, work, describe, ahead
        self._begun = self._done = 0
        self._outcomes: dict[int, Any] = {}
        self._stop = threading.Event()
        self._changed = threading.Condition()

    def serve(self, number: int) -> None:
        """One thread's life."""
        worker = Worker(number, self._stop)
        while (position := self._next()) is not None:
            try:
                outcome = self._work(self._items[position], worker)
            except _Stopped:
                return
            except BaseException as error:  # noqa: BLE001 (decoders raise anything; the caller's thread reports it)
                outcome = error
            with self._changed:
                self._outcomes[position] = outcome
                self._changed.notify_all()
            if isinstance(outcome, BaseException):
                return

    def _next(self) -> int | None:
        with self._changed:
            while self._begun >= self._done + self._ahead and not self._stop.is_set():
                self._changed.wait()
            if self._stop.is_set() or self._begun >= len(self._items):
                return None
            self._begun += 1
            return self._begun - 1

    def let_begin(self, done: int) -> None:
        """So many items, from the first on, are over and done with: as many further ones may begin."""
        with self._changed:
            self._done = done
            self._changed.notify_all()

    def ready(self, begin: int, end: int) -> bool:
        """Whether all of some items have an outcome that waits to be taken."""
        with self._changed:
            return all(position in self._outcomes for position in range(begin, end))

    def take(self, position: int) -> Any:
        """The result of an item, waited for.

        Raises
        ------
        SourceError
            If the work on it raised; names the item.
        """
        with self._changed:
            while position not in self._outcomes:
                self._changed.wait()
            outcome = self._outcomes.pop(position)
        if isinstance(outcome, BaseException):
            raise named(outcome, self._describe(self._items[position])) from outcome
        return outcome

    def stop(self) -> None:
        """Let no further item begin."""
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
