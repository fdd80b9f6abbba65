"""Who scans the pieces of a pass: threads of this process, or the workers of a Dask scheduler.

Workers open the data themselves and hand back a few numbers of each field; no field crosses the network. What a piece
gave is written to a file as soon as it comes, once, and all files are merged in order of time: neither the number of
workers nor the order in which they finish nor the loss of some leaves a trace.
"""

from __future__ import annotations

import glob
import logging
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any, NamedTuple

from dqwatch.errors import DqwatchError, MissingExtraError, SchedulerError, SourceError
from dqwatch.feed import Worker, default_workers, run
from dqwatch.feed.workers import Progress, named
from dqwatch.metrics.histogram import Bins
from dqwatch.metrics.kept_pieces import KeptPieces, pack
from dqwatch.metrics.metric import Params, Wanted
from dqwatch.metrics.one_pass import Found, Pass
from dqwatch.metrics.scout import name_block
from dqwatch.part import LOCAL, Spread
from dqwatch.sources import open_source
from dqwatch.sources.urls import is_url


class _Order(NamedTuple):
    """What a worker elsewhere must know."""

    token: str
    """Of this run."""
    digest: str
    """Of the pass that the worker has to make."""
    data: Any
    options: Mapping[str, Any]
    wanted: Wanted
    params: Params | None
    bins: Sequence[Bins]
    sizes: Mapping[str, int]


def run_pieces(own: Pass, spread: Spread, workers: int | None, progress: Progress | None) -> Found:
    """Every field, piece by piece.

    Raises
    ------
    SourceError
        If a block cannot be read: the first one in order of time, which the message names.
    SchedulerError
        If the scheduler cannot be reached, or it or a worker is lost again and again.
    UsageError
        If the folder of pieces is of another audit.
    MissingExtraError
        If a scheduler is asked for and Dask is not installed.
    """
    pieces, digest = own.cutting.pieces, own.digest
    facts = {"data": digest, "files": _stamps(spread.data) if spread.folder is not None else []}
    with KeptPieces(spread.folder, facts) as kept:
        left = [k for k in range(len(pieces)) if not kept.has(k)]
        blocks = [len(own.cutting.blocks(piece)) for piece in pieces]
        told = _Told(progress, sum(blocks), [blocks[k] for k in left])
        used = 1
        if left and spread.scheduler is None:
            used = _scan_in_threads(own, left, kept, workers, told)
        elif left:
            used = _scan_by_dask(own, left, kept, workers, told, spread)
        found = own.found_nothing()
        for k, piece in enumerate(pieces):
            found.put(piece, kept.read(k))
    found.workers = used
    if len(left) < len(pieces):
        found.notes = (f"{len(pieces) - len(left)} of {len(pieces)} pieces were scanned by an earlier run",)
    return found


class _Told:
    """Progress in blocks, those of earlier runs included."""

    def __init__(self, progress: Progress | None, total: int, left: Sequence[int]) -> None:
        self._progress, self._total = progress, total
        self._done = [total - sum(left), *accumulate(left, initial=total - sum(left))][1:]

    def __call__(self, done: int, total: int) -> None:
        """So many of the pieces that were left are done."""
        if self._progress is not None:
            self._progress(self._done[done], self._total)


def _scan_in_threads(own: Pass, left: Sequence[int], kept: KeptPieces, workers: int | None, told: Progress) -> int:
    def work(number: int, worker: Worker) -> None:
        kept.write(number, pack(own.scan_piece(own.cutting.pieces[number], worker)))

    return run(left, work, workers=workers, describe=lambda k: _name(own, k), progress=told)


def _name(own: Pass, number: int) -> str:
    """A piece in words, for errors."""
    blocks = own.cutting.blocks(own.cutting.pieces[number])
    return name_block(own.source, blocks[0]) if blocks else own.source.name


def _scan_by_dask(
    own: Pass, left: Sequence[int], kept: KeptPieces, workers: int | None, told: Progress, spread: Spread
) -> int:
    data, options = _anywhere(spread.data), {**spread.options}
    if options.get("cache"):
        options["cache"] = _anywhere(options["cache"])
    token = uuid.uuid4().hex
    order = _Order(token, own.digest, data, options, own.wanted, own.params, own.bins, spread.sizes)
    with ExitStack() as stack:
        client = _connect(spread.scheduler, workers, stack)
        # A task like any other, so that it is made again where its worker is lost.
        ordered = client.submit(_same, order, key=f"dqwatch-order-{token}")
        futures = {
            client.submit(_scan_there, ordered, k, key=f"dqwatch-piece-{token}-{k}", pure=False): k for k in left
        }
        try:
            _gather(own, futures, client.loop, kept, told)
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


def _gather(own: Pass, futures: Mapping[Any, int], loop: Any, kept: KeptPieces, told: Progress) -> None:
    """Write what comes, in whatever order; the first failure in order of time is raised once nothing before it is due.

    Raises
    ------
    SourceError, SchedulerError
        See `run_pieces`.
    """
    from distributed import KilledWorker, as_completed

    errors: dict[int, BaseException] = {}
    due = set(futures.values())
    for future in as_completed(list(futures), loop=loop):
        number = futures[future]
        due.discard(number)
        if future.status == "finished":
            kept.write(number, future.result())
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
                f"{_name(own, number)}: every worker that scanned it died; too little memory is the usual reason"
            ) from error
        raise named(error, _name(own, number)) from error


def _same(order: _Order) -> _Order:
    return order


_here = threading.local()
"""Of each thread of a worker of Dask, its buffers."""
_passes: dict[str, Pass] = {}
_making = threading.Lock()


def _scan_there(order: _Order, number: int) -> bytes:
    """One piece, on a worker of Dask."""
    own = _pass_of(order)
    worker = getattr(_here, "worker", None)
    if worker is None:
        worker = _here.worker = Worker(0, threading.Event())
    return pack(own.scan_piece(own.cutting.pieces[number], worker))


def _pass_of(order: _Order) -> Pass:
    """The pass of a run, made once in each process."""
    with _making:
        made = _passes.get(order.token)
        if made is None:
            _passes.clear()
            try:
                source = open_source(order.data, **order.options)
            except DqwatchError as error:
                raise SourceError(f"worker on {socket.gethostname()}: {error}") from error
            made = Pass(source, wanted=order.wanted, params=order.params, bins=order.bins, sizes=order.sizes)
            if made.digest != order.digest:
                raise SourceError(
                    f"worker on {socket.gethostname()}: opens other data than this machine, or has another version of "
                    "dqwatch or of its plug-ins"
                )
            _passes[order.token] = made
        return made


def _anywhere(data: Any) -> Any:
    """Paths that mean the same in another folder."""
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        return path if is_url(path) else os.path.abspath(path)
    return [_anywhere(path) for path in data]


def _stamps(data: Any) -> list[Any]:
    """Size and last change of files, and of what lies in the two topmost folders of stores."""
    if not isinstance(data, str | os.PathLike):
        return [stamp for path in data for stamp in _stamps(path)]
    path = os.fspath(data)
    if is_url(path):
        return []
    paths = [path] if os.path.lexists(path) else sorted(glob.glob(path, recursive=True))
    patterns = ("", "/*", "/*/.z*", "/*/zarr.json")
    inside = {p for top in paths for pattern in patterns for p in glob.glob(glob.escape(top) + pattern)}
    found = []
    for name in sorted(inside):
        about = os.stat(name)
        found.append([os.path.abspath(name), about.st_size, about.st_mtime_ns])
    return found
