"""The verbs `baseline` and `drift`, and what other verbs do with a baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.conclusion import Clock, FailOn, check_request, describe_input, load_rules
from dqwatch.errors import UsageError
from dqwatch.part import LOCAL, Part, Spread, check_counts
from dqwatch.types import Source, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from dqwatch.baselines.baseline import Baseline
    from dqwatch.baselines.stored import StoredBaseline
    from dqwatch.feed.devices import Device


def baseline(
    data: Any,
    output: str | None = None,
    *,
    background: Any = None,
    cycles: int = 3000,
    compact: bool = False,
    from_statistics: bool = False,
    self_test: bool = False,
    workers: int | None = None,
    device: Any = "cpu",
    scheduler: str | None = None,
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    cache: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Baseline | StoredBaseline:
    """Learn from training data what is usual: statistics in one pass, then how training's own cycles score.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        As for `audit`.
    output : str, optional
        Where to write it, as a Zarr store; an older baseline there is replaced when the new one is complete. Until then
        what is done stands beside it, in `OUTPUT.unfinished`: if making it is broken off, the same call goes on from
        there, to the same baseline bit for bit.
    background : path, glob pattern, sequence of paths, or object, optional
        Other estimates of the same fields that do not come from them, read as `data` are: forecasts valid at their
        times, or the analysis of another centre. How far the data depart from it is learnt too, so that `gate` and
        `drift` can be given a background.
    cycles : int
        Most cycles of training to score with their own years held out: the null that new states are held against.
    compact : bool
        Keep nothing at the cells of a grid of more than 8,192: what is expected of a cell is then what some 3,000 areas
        have. About a sixth in size; finds less of what is smaller than an area (some 400 km on a globe), and of
        departures from a pattern as fixed as orography.
    from_statistics : bool
        Read no field: make a poorer baseline of the statistics that an anemoi store carries. It gives no p-values;
        `gate` and `drift` then find only what is far beyond training, and say so.
    self_test : bool
        Replay the training years as if new, and put into `record` how often they alarm.
    workers, device, scheduler, select, start, end, every, cache
        As for `audit`; on a device training's own cycles are scored, what is summed stays on the host. A scheduler's
        workers must see `output` too, and the folder above it.
    progress : callable, optional
        Called with what is done and what is to do: blocks of the pass, then cycles.
    tell : callable, optional
        Called before anything is read, with clauses: what large grids take, and what is found of a former call.

    Returns
    -------
    Baseline or StoredBaseline
        The latter of stored statistics. `limits()` says what so small a null cannot support.

    Raises
    ------
    UsageError
        If an argument is wrong, something else stands at `output`, the data have fewer than 16 times, or the background
        has none of their fields.
    SourceError
        If the data cannot be read.
    """
    check_counts(workers=workers, every=every, cycles=cycles)
    from dqwatch import sources
    from dqwatch.baselines.baseline import build
    from dqwatch.baselines.store import check_target, save
    from dqwatch.baselines.unfinished import forget, place_beside
    from dqwatch.feed.devices import computing_device, one_thread_each

    folder = None
    if output is not None:
        check_target(output)
        folder = place_beside(output)
    part, place = Part(select, start, end, every, cache), computing_device(device)
    if from_statistics:
        _check_alone(part, background=background, compact=compact, self_test=self_test, scheduler=scheduler)
    spread = _spread(scheduler, data, part, workers, device, background=background)
    if spread is not None and output is None and scheduler != LOCAL:
        raise UsageError("scheduler: needs an output that its workers can write to; give a path")
    with ExitStack() as stack:
        source = stack.enter_context(closing(sources.open_source(data, **part._asdict())))
        if from_statistics:
            return _keep_statistics(source, output)
        beside = None
        if background is not None:
            beside = stack.enter_context(closing(sources.open_source(background, cache=cache)))
        with one_thread_each(place):
            run: dict[str, Any] = {"workers": workers, "device": place, "progress": progress, "tell": tell}
            run["spread"] = spread
            made = build(source, background=beside, cycles=cycles, compact=compact, folder=folder, **run)
    made = _look_back(made, part, self_test=self_test)
    if output is not None:
        save(made, output)
    if folder is not None:
        forget(folder)
    return made


def _spread(
    scheduler: str | None, data: Any, part: Part, workers: int | None, device: Any, **others: Any
) -> Spread | None:
    """The workers of a scheduler, and where they find the data; None without one.

    Raises
    ------
    UsageError
        If what they need is in memory, or `workers` is given with a scheduler that has its own, or a device with one.
    """
    if scheduler is None:
        return None
    spread = Spread(data, part._asdict(), scheduler, others=others)
    spread.check(workers, str(device))
    return spread


def _look_back(made: Baseline, part: Part, *, self_test: bool) -> Baseline:
    """The same with what its own years say of it in its record."""
    from dqwatch.departures.replay import as_records, replay, warn_of_newest

    warnings = list(filter(None, [warn_of_newest(made.ledger, made.scores)]))
    rates = {"self_test": as_records(replay(made.ledger, made.scores))} if self_test else {}
    return dataclasses.replace(made, record={**made.record, "part": part.in_words(), "warnings": warnings, **rates})


def _check_alone(part: Part, **options: Any) -> None:
    """Refuse what stored statistics cannot have."""
    given = [name for name, value in {**options, "start": part.start, "end": part.end}.items() if value]
    given += ["every"] if part.every > 1 else []
    if given:
        raise UsageError(
            f"from_statistics: with {', '.join(given)}; stored statistics are what they are, of all their dates: leave "
            f"{'it' if len(given) == 1 else 'them'} out"
        )


def _keep_statistics(source: Source, output: str | None) -> StoredBaseline:
    from dqwatch.baselines.store import save
    from dqwatch.baselines.stored import from_statistics

    made = from_statistics(source)
    if output is not None:
        save(made, output)
    return made


def drift(
    data: Any,
    *,
    baseline: Any,
    previous: Any = None,
    background: Any = None,
    rules: str | Sequence[str] = ("drift",),
    fail_on: FailOn = "critical",
    waivers: str | None = None,
    workers: int | None = None,
    device: Any = "cpu",
    scheduler: str | None = None,
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    cache: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Hold many cycles, or another source, against training: which of them are unlike it, and does it last?

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        As for `audit`; on the grid of the baseline.
    baseline : path or Baseline
        What `dqwatch.baseline` made of the training data.
    previous, background : path, glob pattern, sequence of paths, or object, optional
        As for `gate`; the fields before are needed for times whose step before is not in the data and period asked for.
    rules : str or sequence of str
        As for `audit`, by default those of `drift`. Tables other than `drift`, `cycles` and `slow` have no rows.
    fail_on, waivers, workers, device, scheduler, select, start, end, every, cache
        As for `audit`; p-values are the same wherever fields are scored.
    progress : callable, optional
        Called with the cycles done and the cycles to do.

    Returns
    -------
    Verdict
        `tables["drift"]` has a row for each time and variable, `tables["cycles"]` one for each time.

    Raises
    ------
    UsageError
        If an argument or a rule file is wrong, or the data lie on another grid than the baseline.
    SourceError
        If the data or the baseline cannot be read.
    """
    clock = Clock()
    part = Part(select, start, end, every, cache)
    check_request(fail_on, workers, every)
    others = {"previous": previous, "background": background, "baseline": baseline}
    spread = _spread(scheduler, data, part, workers, device, **others)
    from dqwatch import expectations, sources
    from dqwatch.expectations.verdicts import summarise
    from dqwatch.feed import default_workers
    from dqwatch.feed.devices import computing_device
    from dqwatch.reports.findings import order

    rule_sets = load_rules(rules, {"cycles": "drift"})
    excused = expectations.load_waivers(waivers, rule_sets) if waivers is not None else None
    known, place = _known(open_baseline(baseline, previous, background)), computing_device(device)
    with closing(sources.open_source(data, **part._asdict())) as source:
        clock.opened()
        run: dict[str, Any] = {"device": place, "spread": spread, "progress": progress}
        held = hold_against(source, known, previous, background, cache, workers, **run)
        clock.read()
        evaluation = expectations.evaluate(rule_sets, held.tables, excused)
        status, exit_code, summary = summarise(evaluation.results, fail_on)
        if not (held.n_compared or summary["fail"] or summary["error"]):
            status, exit_code = "no_data", 4  # a warning that nothing was compared is no pass
        return Verdict(
            verb="drift",
            status=status,
            exit_code=exit_code,
            inputs=(describe_input(source),),
            rule_sets=rule_sets,
            results=tuple(order(evaluation.results)),
            summary=summary,
            timing=clock.timing(scan_bytes=held.n_bytes, workers=workers or default_workers()),
            tables=held.tables,
            sampled=part.in_words(),
            notes=(*source.notes, *held.notes),
            baseline=held.baseline,
            drift=held.drift,
            answers=evaluation.answers,
            fail_on=fail_on,
            waivers={"path": excused.path, "sha256": excused.sha256} if excused else None,
            grids=tuple(source.grids),
        )


def _known(baseline: Baseline | StoredBaseline | None) -> Baseline | StoredBaseline:
    """What was opened, which must be there.

    Raises
    ------
    UsageError
        If it is None.
    """
    if baseline is None:
        raise UsageError("baseline: got None; give a path or what dqwatch.baseline returned")
    return baseline


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
