"""The verbs `baseline` and `drift`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dqwatch.conclusion import Clock, FailOn, check_request, describe_input, load_rules
from dqwatch.errors import UsageError
from dqwatch.holding import hold_against, open_baseline
from dqwatch.part import LOCAL, Part, Spread, check_counts
from dqwatch.types import Source, Verdict

if TYPE_CHECKING:
    from dqwatch.baselines.baseline import Baseline
    from dqwatch.baselines.stored import StoredBaseline


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
    options |= {"start": part.start, "end": part.end, "every": part.every > 1}
    given = [name for name, value in options.items() if value]
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
    clock, part = Clock(), Part(select, start, end, every, cache)
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
    known = _known(open_baseline(baseline, previous, background))
    run: dict[str, Any] = {"device": computing_device(device), "spread": spread, "progress": progress}
    with closing(sources.open_source(data, **part._asdict())) as source:
        clock.opened()
        held = hold_against(source, known, previous, background, cache, workers, **run)
        clock.read()
        evaluation = expectations.evaluate(rule_sets, held.tables, excused)
        status, exit_code, summary = summarise(evaluation.results, fail_on)
        if not (held.n_compared or summary["fail"] or summary["error"]):  # a warning of that is no pass
            status, exit_code = "no_data", 4
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
