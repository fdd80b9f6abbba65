"""A pass piece by piece: by threads of this process or by workers elsewhere, each piece kept as soon as it is there.

What a piece gave is written to a file as soon as it comes, once, and all files are merged in order of time.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from dqwatch.feed import Worker, run
from dqwatch.feed.workers import Progress
from dqwatch.metrics.executors import Job, anywhere, check_alike, open_there, run_by_dask
from dqwatch.metrics.histogram import Bins
from dqwatch.metrics.kept_pieces import KeptPieces, pack
from dqwatch.metrics.metric import Params, Wanted
from dqwatch.metrics.one_pass import Found, Pass
from dqwatch.metrics.scout import name_block
from dqwatch.part import Spread
from dqwatch.sources.urls import is_url


class _Order(NamedTuple):
    """What a worker elsewhere must know."""

    digest: str
    """Of the pass that the worker has to make."""
    spread: Spread
    wanted: Wanted
    params: Params | None
    bins: Sequence[Bins]


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
    order = _Order(own.digest, anywhere(spread), own.wanted, own.params, own.bins)
    return run_by_dask(
        Job(_make, _scan, order),
        left,
        kept.write,
        spread=spread,
        workers=workers,
        name=lambda k: _name(own, k),
        told=told,
    )


def _make(order: _Order) -> Pass:
    """The pass, on a worker of Dask."""
    source = open_there(order.spread.data, order.spread.options)
    made = Pass(source, wanted=order.wanted, params=order.params, bins=order.bins, sizes=order.spread.sizes)
    check_alike(order.digest, made.digest)
    return made


def _scan(own: Pass, number: int, worker: Worker) -> bytes:
    return pack(own.scan_piece(own.cutting.pieces[number], worker))


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
