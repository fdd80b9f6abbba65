"""The verbs: each a recipe through the rooms below, from data to verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dqwatch.conclusion import Clock, FailOn, check_request, describe_input, load_rules
from dqwatch.holding import hold_against, open_baseline
from dqwatch.part import Part, Spread
from dqwatch.types import Source, Verdict

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]
"""Called with the blocks done and the blocks to do."""


def audit(
    data: Any,
    *,
    against: Any = None,
    rules: str | Sequence[str] = ("audit",),
    fail_on: FailOn = "critical",
    waivers: str | None = None,
    workers: int | None = None,
    device: Any = "cpu",
    scheduler: str | None = None,
    resume: str | None = None,
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    cache: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Audit a data set before training: every field scanned once, the rules of `audit` by default.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        An anemoi or xarray-style Zarr store, NetCDF or GRIB files (several are joined), a YAML file or dict that
        `anemoi.datasets.open_dataset` takes, or data in memory: an xarray.Dataset, an earthkit FieldList, an inference
        state, arrays as `dqwatch.sources.tensors.Tensors`.
    against : path, glob pattern, sequence of paths, or object, optional
        What the data were made from, read as `data` are: the same fields of both are compared (table `pairs`), and the
        rules of `regridding` say whether it was regridded sanely. Only what both have in the period asked for is
        compared; the reference itself is not audited.
    rules : str or sequence of str
        Names of shipped rule sets, or paths of rule files of your own.
    fail_on : {'critical', 'warning', 'info', 'never'}
        The least severity that closes the gate.
    waivers : str, optional
        Path of a YAML file of waivers: findings that somebody answers for until a date; they stay in every report, but
        do not close the gate.
    workers : int, optional
        Threads that decode and scan; one per core by default.
    device : str or torch.device
        Where fields are looked at: 'cpu' by compiled kernels; 'cuda' or 'cuda:N' by tensors there; 'torch:cpu' likewise
        by tensors, without such a device. Counts, extremes, histograms and hashes are the same bits everywhere.
    scheduler : str, optional
        Address of a Dask scheduler whose workers scan the data, which they must find at the same paths; 'local' starts
        `workers` processes here. Everything else, `against` too, is done by this process.
    resume : str, optional
        Folder in which finished pieces of the scan are kept, and found again after an interruption; removed at the end.
    select : str or sequence of str, optional
        Variables to look at, by canonical name (`t_850`), name in the source, or quantity (`t` for all its levels);
        all by default.
    start, end : str or datetime, optional
        Period to look at, both ends included; a date alone means its whole day.
    every : int
        Look at every n-th time only.
    cache : str, optional
        Folder in which whatever is fetched from a URL is kept for the next time; nothing is kept by default.
    progress : callable, optional
        Called with the blocks done and the blocks to do.

    Returns
    -------
    Verdict
        `ok` tells whether the gate stays open.

    Raises
    ------
    UsageError
        If an argument or a rule file is wrong, or there is no such device.
    SourceError
        If the data cannot be read.
    """
    part = Part(select, start, end, every, cache)
    spread = Spread(data, part._asdict(), scheduler, resume) if scheduler or resume else None
    if spread is not None:
        spread.check(workers, str(device))
    run: dict[str, Any] = {"waivers": waivers, "workers": workers, "device": device, "progress": progress}
    verdict = _judge("audit", data, rules, fail_on, part, against=against, spread=spread, **run)
    if resume:
        from dqwatch.metrics.kept_pieces import forget

        forget(resume)
    return verdict


def gate(
    data: Any,
    *,
    baseline: Any = None,
    previous: Any = None,
    background: Any = None,
    rules: str | Sequence[str] = ("gate",),
    fail_on: FailOn = "critical",
    waivers: str | None = None,
    workers: int | None = None,
    device: Any = "cpu",
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    cache: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Gate an incoming state: may a model start from it?

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        As for `audit`.
    baseline : path or Baseline, optional
        What `dqwatch.baseline` made of the training data: every field is held against it (tables `drift` and `cycles`),
        and the rules of `drift` say what is alarming.
    previous : path, glob pattern, sequence of paths, or object, optional
        The state one step before, read as `data` are: with a baseline the change since then is scored too.
    background : path, glob pattern, sequence of paths, or object, optional
        Another estimate of the same fields that does not come from them, read as `data` are: the model's own forecast
        valid now, or the analysis of another centre. With a baseline that was given one too (`dqwatch.baseline(...,
        background=...)`) departures from it are scored: so a fault is found that is in the state before as well.
    rules : str or sequence of str
        As for `audit`; the rules of `gate` by default.
    fail_on, waivers, workers, device, select, start, end, every, cache, progress
        As for `audit`; on a device the fields are scored against the baseline too.

    Returns
    -------
    Verdict
        `ok` tells whether the model may start.

    Raises
    ------
    UsageError
        If an argument or a rule file is wrong.
    SourceError
        If the data cannot be read.
    """
    part = Part(select, start, end, every, cache)
    drift = {"baseline": baseline, "previous": previous, "background": background}
    run: dict[str, Any] = {"waivers": waivers, "workers": workers, "device": device, "progress": progress}
    return _judge("gate", data, rules, fail_on, part, **drift, **run)


def suggest_rules(
    data: Any,
    *,
    workers: int | None = None,
    select: str | Sequence[str] | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    every: int = 1,
    progress: Progress | None = None,
) -> str:
    """Make a rule file from data that are taken to be good; they pass it themselves.

    Parameters
    ----------
    data : path, glob pattern, sequence of paths, or object
        As for `audit`.
    workers, select, start, end, every, progress
        As for `audit`.

    Returns
    -------
    str
        YAML: limits of each variable, numbers and places of NaN, constant fields, units, cadence and grid, each rule
        with its source, and remarks where a limit had to be widened for what stands out.

    Raises
    ------
    UsageError
        If an argument is wrong.
    SourceError
        If the data cannot be read, or no field has any value.
    """
    check_request("never", workers, every)
    from dqwatch import __version__, metrics, sources
    from dqwatch.expectations.suggestion import suggest

    part = Part(select, start, end, every)
    with closing(sources.open_source(data, **part._asdict())) as source:
        scan = metrics.scan(source, workers=workers, progress=progress)
        sampled = f" ({part.in_words()})" if part.in_words() else ""
        return suggest(scan.tables, f"{source.name}{sampled}", __version__)


def _judge(
    verb: str,
    data: Any,
    rules: str | Sequence[str],
    fail_on: FailOn,
    part: Part,
    *,
    against: Any = None,
    baseline: Any = None,
    previous: Any = None,
    background: Any = None,
    spread: Spread | None = None,
    waivers: str | None,
    device: Any,
    **run: Any,
) -> Verdict:
    """Rules, source, scan, findings, verdict; the rules are read before the data are. `run`: workers and progress."""
    clock = Clock()
    check_request(fail_on, run["workers"], part.every)
    from dqwatch import expectations, metrics, sources
    from dqwatch.expectations.verdicts import summarise
    from dqwatch.feed.devices import computing_device
    from dqwatch.reports.findings import order

    given = (("pairs", "regridding", against), ("cycles", "drift", baseline))
    rule_sets = load_rules(rules, {table: name for table, name, value in given if value is not None})
    excused = expectations.load_waivers(waivers, rule_sets) if waivers is not None else None
    known, place = open_baseline(baseline, previous, background), computing_device(device)
    with ExitStack() as stack:
        source = stack.enter_context(closing(sources.open_source(data, **part._asdict())))
        reference = None if against is None else stack.enter_context(closing(_open_reference(against, part)))
        clock.opened()
        wanted, params = expectations.columns_needed(rule_sets), expectations.params_needed(rule_sets)
        scan = metrics.scan(source, wanted=wanted, params=params, spread=spread, device=place, **run)
        held = hold_against(source, known, previous, background, part.cache, run["workers"], scan.tables, device=place)
        tables = {**scan.tables, **_compared(source, reference, part.select is None, **run), **held.tables}
        clock.read()
        evaluation = expectations.evaluate(rule_sets, tables, excused)
        status, exit_code, summary = summarise(evaluation.results, fail_on)
        if scan.tables["fields"].empty and not (summary["fail"] or summary["error"]):
            status, exit_code = "no_data", 4  # a sound grid is no pass where no field was looked at
        return Verdict(
            verb=verb,
            status=status,
            exit_code=exit_code,
            inputs=(describe_input(source), *_described(reference)),
            rule_sets=rule_sets,
            results=(results := tuple(order(evaluation.results))),
            summary=summary,
            timing=clock.timing(scan_bytes=scan.bytes, workers=scan.workers, scan_s=scan.seconds),
            tables=tables,
            sampled=part.in_words(),
            notes=(*source.notes, *scan.notes, *_notes_of(reference), *held.notes),
            baseline=held.baseline,
            drift=held.drift,
            answers=evaluation.answers,
            fail_on=fail_on,
            waivers={"path": excused.path, "sha256": excused.sha256} if excused else None,
            grids=tuple(source.grids),
            maps=metrics.map_findings(source, results),
        )


def _open_reference(against: Any, part: Part) -> Source:
    """The reference in the same period; variables and times are matched when it is compared, names may differ."""
    from dqwatch import sources

    return sources.open_source(against, start=part.start, end=part.end, cache=part.cache)


def _compared(source: Source, reference: Source | None, complete: bool, **run: Any) -> dict[str, pd.DataFrame]:
    """The table `pairs` where there is a reference."""
    if reference is None:
        return {}
    from dqwatch.metrics.pairs import compare

    return {"pairs": compare(source, reference, complete=complete, **run)}


def _described(reference: Source | None) -> list[dict[str, str]]:
    return [] if reference is None else [describe_input(reference, role="reference")]


def _notes_of(reference: Source | None) -> list[str]:
    return [] if reference is None else [f"{reference.name}: {note}" for note in reference.notes]
