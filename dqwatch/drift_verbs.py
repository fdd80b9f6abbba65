"""The verb `baseline`, and what other verbs do with one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import UsageError
from dqwatch.part import Part, check_counts
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd

    from dqwatch.baselines.baseline import Baseline


def baseline(
    data: Any,
    output: str | None = None,
    *,
    cycles: int = 3000,
    self_test: bool = False,
    workers: int | None = None,
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    cache: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Baseline:
    """Learn from training data what is usual: statistics in one pass, then how training's own cycles score.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        As for `audit`.
    output : str, optional
        Where to write it, as a Zarr store; an older baseline there is replaced when the new one is complete.
    cycles : int
        Most cycles of training to score with their own years held out: the null that new states are held against.
    self_test : bool
        Replay the training years as if new, and put into `record` how often they alarm.
    workers, select, start, end, every, cache
        As for `audit`.
    progress : callable, optional
        Called with what is done and what is to do: blocks of the pass, then cycles.

    Returns
    -------
    Baseline
        `limits()` says what so small a null cannot support.

    Raises
    ------
    UsageError
        If an argument is wrong, something else stands at `output`, or the data have fewer than 16 times.
    SourceError
        If the data cannot be read.
    """
    check_counts(workers=workers, every=every, cycles=cycles)
    from dqwatch import sources
    from dqwatch.baselines.baseline import build
    from dqwatch.baselines.store import check_target, save

    if output is not None:
        check_target(output)
    with closing(sources.open_source(data, **Part(select, start, end, every, cache)._asdict())) as source:
        made = build(source, cycles=cycles, workers=workers, progress=progress)
    if self_test:
        from dqwatch.departures.replay import as_records, replay

        rates = as_records(replay(made.ledger, made.scores))
        made = dataclasses.replace(made, record={**made.record, "self_test": rates})
    if output is not None:
        save(made, output)
    return made


class Held(NamedTuple):
    """What a verdict holds of data against a baseline; nothing without one."""

    tables: Mapping[str, pd.DataFrame] = {}
    notes: tuple[str, ...] = ()
    baseline: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None


def open_baseline(given: Any, previous: Any = None) -> Baseline | None:
    """The baseline at a path, or one in memory; None for None.

    Raises
    ------
    UsageError
        If it is neither a path nor a baseline, or there is a state before but no baseline to hold it against.
    """
    from dqwatch.baselines.baseline import Baseline
    from dqwatch.baselines.store import load

    if given is None and previous is not None:
        raise UsageError("previous: the state before is compared by a baseline only; give --baseline too")
    if given is None or isinstance(given, Baseline):
        return given
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return load(given)
    raise UsageError(f"baseline: got a {type(given).__name__}; give a path or what dqwatch.baseline returned")


def hold_against(source: Source, known: Baseline | None, previous: Any, cache: str | None, workers: int | None) -> Held:
    """A source held against a baseline, if there is one; the fields before are opened here."""
    if known is None:
        return Held()
    from dqwatch import sources
    from dqwatch.departures.judging import judge

    with ExitStack() as stack:
        before = None
        if previous is not None:
            before = stack.enter_context(closing(sources.open_source(previous, cache=cache)))
        found = judge(source, known, previous=before, workers=workers)
    return Held(found.tables, found.notes, dict(known.record), found.drift)
