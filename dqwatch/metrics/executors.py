"""Numbered pieces of work on the workers of a Dask scheduler.

Workers open the data themselves and hand back a few numbers of each field; no field crosses the network. Neither the
number of workers nor the order in which they finish nor the loss of some leaves a trace in what is handed over.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from dqwatch.errors import DqwatchError, MissingExtraError, SchedulerError, SourceError
from dqwatch.feed import Worker, default_workers
from dqwatch.feed.workers import Progress, named
from dqwatch.part import LOCAL, Spread
from dqwatch.sources import open_source
from dqwatch.sources.urls import is_url
from dqwatch.types import Source


class Job(NamedTuple):
    """What workers elsewhere must know; functions of modules, for they travel by name."""

    make: Callable[[Any], Any]
    """`make(order)`: what all pieces share, made once in each process."""
    work: Callable[[Any, int, Worker], Any]
    """`work(made, number, worker)`: what a piece gives."""
    order: Any


class _Order(NamedTuple):
    token: str
    """Of this run."""
    job: Job


def run_by_dask(
    job: Job,
    numbers: Sequence[int],
    take: Callable[[int, Any], None],
    *,
    spread: Spread,
    workers: int | None,
    name: Callable[[int], str],
    told: Progress,
) -> int:
    """Pieces of work, each done somewhere.

    Parameters
    ----------
    job : Job
    numbers : sequence of int
        Of the pieces, in the order in which they are begun.
    take : callable
        `take(number, result)`, called here, once for each piece, as they come.
    spread : Spread
        Its scheduler.
    workers : int, optional
        Processes of a scheduler of our own.
    name : callable
        A piece in words, for errors.
    told : callable
        `told(done, total)` in pieces.

    Returns
    -------
    int
        Threads of the workers.

    Raises
    ------
    SourceError
        If a piece cannot be done: the error of the first one by number.
    SchedulerError
        If the scheduler cannot be reached, or it or a worker is lost again and again.
    MissingExtraError
        If Dask is not installed.
    """
    token = uuid.uuid4().hex
    with ExitStack() as stack:
        client = _connect(spread.scheduler, workers, stack)
        # A task like any other, so that it is made again where its worker is lost.
        ordered = client.submit(_same, _Order(token, job), key=f"dqwatch-order-{token}")
        futures = {client.submit(_do, ordered, k, key=f"dqwatch-piece-{token}-{k}", pure=False): k for k in numbers}
        try:
            _gather(futures, client.loop, take, name, told)
        finally:
            used = sum(client.nthreads().values()) if client.status == "running" else 0
            client.cancel(list(futures), force=True)
    return max(1, used)


def _connect(scheduler: str | None, workers: int | None, stack: ExitStack) -> Any:
    """A client of a scheduler; with LOCAL, of one of our own with a process for each worker."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingExtraError("scheduler: needs Dask; pip install 'dqwatch[dask]'") from error
    try:
        if scheduler != LOCAL:
            return stack.enter_context(Client(scheduler, set_as_default=False))
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="dqwatch-", ignore_cleanup_errors=True))
        cluster = LocalCluster(
            n_workers=workers or default_workers(),
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        )
        stack.enter_context(cluster)
        return stack.enter_context(Client(cluster, set_as_default=False))
    except (OSError, ValueError, TimeoutError) as error:
        what = " ".join(str(error).split())
        raise SchedulerError(f"scheduler: cannot reach '{scheduler}': {type(error).__name__}: {what}") from error


def _gather(
    futures: Mapping[Any, int],
    loop: Any,
    take: Callable[[int, Any], None],
    name: Callable[[int], str],
    told: Progress,
) -> None:
    """Take what comes, in whatever order; the first failure by number is raised once nothing before it is due."""
    from distributed import KilledWorker, as_completed

    errors: dict[int, BaseException] = {}
    due = set(futures.values())
    for future in as_completed(list(futures), loop=loop):
        number = futures[future]
        due.discard(number)
        if future.status == "finished":
            take(number, future.result())
            future.release()
            told(len(futures) - len(due), len(futures))
        elif future.status == "cancelled":
            raise SchedulerError("scheduler: lost; what is finished is kept where --resume is given")
        else:
            errors[number] = future.exception()
        if errors and not any(k < min(errors) for k in due):
            break
    if errors:
        number = min(errors)
        error = errors[number]
        if isinstance(error, KilledWorker):
            raise SchedulerError(
                f"{name(number)}: every worker that scanned it died; too little memory is the usual reason"
            ) from error
        raise named(error, name(number)) from error


def _same(order: _Order) -> _Order:
    return order


_here = threading.local()
"""Of each thread of a worker of Dask, its buffers."""
_made: dict[str, Any] = {}
_making = threading.Lock()


def _do(order: _Order, number: int) -> Any:
    """One piece, on a worker of Dask."""
    with _making:
        if order.token not in _made:
            _made.clear()
            _made[order.token] = order.job.make(order.job.order)
        made = _made[order.token]
    worker = getattr(_here, "worker", None)
    if worker is None:
        worker = _here.worker = Worker(0, threading.Event())
    return order.job.work(made, number, worker)


def open_there(data: Any, options: Mapping[str, Any]) -> Source:
    """Data on a worker of Dask.

    Raises
    ------
    SourceError
        If they cannot be opened; the message names the machine.
    """
    try:
        return open_source(data, **options)
    except DqwatchError as error:
        raise SourceError(f"worker on {socket.gethostname()}: {error}") from error


def check_alike(here: Any, there: Any) -> None:
    """Refuse work on data that are not those of the machine that asks for it.

    Raises
    ------
    SourceError
        If the two differ.
    """
    if here != there:
        raise SourceError(
            f"worker on {socket.gethostname()}: opens other data than this machine, or has another version of "
            "dqwatch or of its plug-ins"
        )


def anywhere(spread: Spread) -> Spread:
    """The same with paths that mean the same in another folder."""
    options = {**spread.options}
    if options.get("cache"):
        options["cache"] = _anywhere(options["cache"])
    others = {name: data if data is None else _anywhere(data) for name, data in spread.others.items()}
    return spread._replace(data=_anywhere(spread.data), options=options, others=others)


def _anywhere(data: Any) -> Any:
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        return path if is_url(path) else os.path.abspath(path)
    return [_anywhere(path) for path in data]
