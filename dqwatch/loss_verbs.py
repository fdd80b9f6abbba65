"""The verb `losses`: the losses of a training by variable, and the data behind what stands out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from dqwatch.conclusion import Clock, FailOn, check_request, load_rules
from dqwatch.types import Verdict


def losses(
    data: Any,
    *,
    against: Any = None,
    metric: str | None = None,
    rules: str | Sequence[str] = ("losses",),
    fail_on: FailOn = "critical",
    waivers: str | None = None,
    select: str | Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Watch the losses of a training by variable, held against their own history and against one another.

    Parameters
    ----------
    data : path or pandas.DataFrame
        A CSV or Parquet file, or such a table: long (`step`, `variable`, `loss`) or wide (`step` and a column for each
        variable), with `dates` (of the samples of the step, ISO, separated by spaces) and `source` where they are
        known; or the folder of a run of MLflow (file store).
    against : path or mapping, optional
        Tables of an audit of the training data (`dqwatch audit DATA --tables DIR`, or `Verdict.tables`): what stands
        out among their fields near the dates of a spike is named (table `suspects`).
    metric : str, optional
        Of MLflow: names of the metrics to take, a `*` where the variable stands; by default the largest set of names
        that differ in one part.
    rules : str or sequence of str
        As for `audit`; the rules of `losses` by default.
    fail_on, waivers
        As for `audit`.
    select : str or sequence of str, optional
        Variables to look at, as the series has them; all by default.
    progress : callable, optional
        Called with the steps done and the steps to do: reading, judging.

    Returns
    -------
    Verdict
        Tables `losses` (a row for each variable) and `suspects`.

    Raises
    ------
    UsageError
        If an argument or a rule file is wrong.
    SourceError
        If the series or the tables cannot be read.
    NothingThereError
        If there are no losses.
    """
    clock = Clock()
    check_request(fail_on, None, 1)
    from dqwatch import expectations, tables
    from dqwatch.expectations.verdicts import summarise
    from dqwatch.learning.judging import judge
    from dqwatch.learning.suspects import open_fields
    from dqwatch.reports.findings import order

    rule_sets = load_rules(rules, {})
    excused = expectations.load_waivers(waivers, rule_sets) if waivers is not None else None
    fields = open_fields(against) if against is not None else None
    series, described = _open(data, metric, select)
    clock.opened()
    judged = judge(series, fields)
    if progress is not None:
        progress(1, 1)
    columns = {"losses": judged.losses, "suspects": judged.suspects, "loss_curves": judged.curves}
    made = {name: tables.frame(name, own) for name, own in columns.items()}
    clock.read()
    evaluation = expectations.evaluate(rule_sets, made, excused)
    status, exit_code, summary = summarise(evaluation.results, fail_on)
    return Verdict(
        verb="losses",
        status=status,
        exit_code=exit_code,
        inputs=(described,),
        rule_sets=rule_sets,
        results=tuple(order(evaluation.results)),
        summary=summary,
        timing=clock.timing(scan_bytes=int(series.losses.nbytes), workers=1),
        tables=made,
        sampled="" if select is None else f"{len(series.variables)} variables",
        notes=tuple(judged.notes),
        answers=evaluation.answers,
        fail_on=fail_on,
        waivers={"path": excused.path, "sha256": excused.sha256} if excused else None,
    )


def _open(data: Any, metric: str | None, select: str | Sequence[str] | None) -> tuple[Any, dict[str, str]]:
    """The series, and how a verdict names it: by the hash of what was read."""
    import hashlib

    from dqwatch.learning.reading import choose, from_table, read_series

    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        series, name = read_series(path, metric=metric, select=select), os.path.basename(path.rstrip("/")) or path
        kind = "mlflow" if os.path.isdir(path) else "table"
    else:
        series, name, kind = from_table(data, "table"), "table", "memory"
        series = series if select is None else choose(series, select, name)
    digest = hashlib.sha256(series.steps.tobytes() + series.losses.tobytes()).hexdigest()
    return series, {"name": name, "kind": kind, "identity": f"sha256:{digest[:16]}"}
