"""What verbs do with a baseline: open it, and hold data against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import UsageError
from dqwatch.part import Spread
from dqwatch.types import Source

if TYPE_CHECKING:
    import pandas as pd

    from dqwatch.baselines.baseline import Baseline
    from dqwatch.baselines.stored import StoredBaseline
    from dqwatch.feed.devices import Device


class Held(NamedTuple):
    """What a verdict holds of data against a baseline; nothing without one."""

    tables: Mapping[str, pd.DataFrame] = {}
    notes: tuple[str, ...] = ()
    baseline: Mapping[str, Any] | None = None
    drift: Mapping[str, Any] | None = None
    n_bytes: int = 0
    n_compared: int = 0
    """Fields that have a p-value, or are constants that were compared."""


def open_baseline(given: Any, previous: Any = None, background: Any = None) -> Baseline | StoredBaseline | None:
    """The baseline at a path, or one in memory; None for None.

    Raises
    ------
    UsageError
        If it is neither a path nor a baseline, there is a state before or a background but no baseline to hold them
        against, or the baseline knows no departures from a background.
    """
    from dqwatch.baselines.baseline import Baseline
    from dqwatch.baselines.store import load
    from dqwatch.baselines.stored import StoredBaseline

    if given is None and previous is not None:
        raise UsageError("previous: the state before is compared by a baseline only; give --baseline too")
    if given is None and background is not None:
        raise UsageError("background: departures from it are compared by a baseline only; give --baseline too")
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        given = load(given)
    if not (given is None or isinstance(given, Baseline | StoredBaseline)):
        raise UsageError(f"baseline: got a {type(given).__name__}; give a path or what dqwatch.baseline returned")
    if given is not None and background is not None:
        given.check_background("background")
    return given


def hold_against(
    source: Source,
    known: Baseline | StoredBaseline | None,
    previous: Any,
    background: Any,
    cache: str | None,
    workers: int | None,
    scanned: Mapping[str, pd.DataFrame] | None = None,
    *,
    device: Device | None = None,
    spread: Spread | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Held:
    """A source held against a baseline, if there is one; the fields before and the background are opened here.

    With the tables of a scan, that of the fields is among those given back, with what training knows of them.
    """
    if known is None:
        return Held()
    from dqwatch import sources
    from dqwatch.baselines.baseline import Baseline
    from dqwatch.departures.bounds import judge_by_statistics
    from dqwatch.departures.isolation import add_training
    from dqwatch.departures.judging import judge

    with ExitStack() as stack:
        before, beside = (
            None if given is None else stack.enter_context(closing(sources.open_source(given, cache=cache)))
            for given in (previous, background)
        )
        if isinstance(known, Baseline):
            run: dict[str, Any] = {"workers": workers, "spread": spread, "progress": progress}
            found = judge(source, known, previous=before, background=beside, device=device, **run)
        elif spread is not None:
            raise UsageError("scheduler: a baseline of stored statistics alone is too quick for it; leave it out")
        else:
            found = judge_by_statistics(source, known, previous=before, workers=workers, progress=progress)
    rows = found.tables["drift"]
    compared = int((rows["p_value"].notna() | rows["score"].notna() | (rows["n_exact"] > 0)).sum())
    notes = (*found.notes, *(f"baseline: {warning}" for warning in known.record.get("warnings", ())))
    tables = dict(found.tables)
    if scanned is not None and isinstance(known, Baseline):
        tables["fields"] = add_training(scanned["fields"], source, known)
    return Held(tables, notes, dict(known.record), found.drift, found.n_bytes, compared)
