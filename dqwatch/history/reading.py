"""What a history holds, as tables: runs, findings, cycles, drift series by variable, areas.

Each function takes an open `History`; the columns are those of `schema`, without the position of a row, and
numbers that are absent are NaN, times NaT, text ''.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, DateTime, Double, Select, String, Table, and_, exists, func, select, true

from dqwatch.history import schema
from dqwatch.history.rows import ALARM
from dqwatch.history.store import History

if TYPE_CHECKING:
    import pandas as pd


class Wanted(NamedTuple):
    """Which runs; all by default."""

    since: datetime | None = None
    """Recorded then or later; without a time zone UTC is meant."""
    until: datetime | None = None
    """Recorded then or before."""
    verb: str | None = None
    labels: Mapping[str, str] = {}
    """That they have, among others."""


ALL = Wanted()


def read_runs(history: History, wanted: Wanted = ALL, *, limit: int | None = None) -> pd.DataFrame:
    """The runs, newest first, at most `limit`."""
    query = select(schema.runs).where(_where(wanted)).order_by(schema.runs.c.id.desc())
    return _frame(history, query.limit(limit), schema.runs)


def read_run(history: History, run: int) -> pd.DataFrame:
    """One run by its number: a row, or none."""
    return _frame(history, select(schema.runs).where(schema.runs.c.id == run), schema.runs)


def read_findings(history: History, run: int) -> pd.DataFrame:
    """What did not simply pass in a run, worst first; `observed`, `first_failures` and `waiver` are JSON."""
    return _of_run(history, schema.findings, run)


def read_cycles(history: History, wanted: Wanted = ALL) -> pd.DataFrame:
    """The cycles of runs; of those that were judged again in the same series, the newest.

    Columns of the run are added: `verb`, `status`, `series`, `recorded_at`; rows in order of time.
    """
    return _newest(_with_run(history, schema.cycles, _where(wanted)), ["series", "time", "member"])


def read_drift(
    history: History,
    wanted: Wanted = ALL,
    *,
    variables: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The drift series of variables, in order of time; of cycles that were judged again, the newest.

    Parameters
    ----------
    history : History
    wanted : Wanted
    variables : sequence of str, optional
        All by default.
    columns : sequence of str, optional
        Of `schema.drift`, besides time, member and variable; all by default.
    """
    where = _where(wanted)
    if variables is not None:
        where = and_(where, schema.drift.c.variable.in_(list(variables)))
    key = ["run_id", "time", "valid_at", "member", "variable"]
    taken = None if columns is None else [*key, *(c for c in columns if c not in key)]
    return _newest(_with_run(history, schema.drift, where, taken), ["series", "time", "member", "variable"])


def read_slow(history: History, wanted: Wanted = ALL) -> pd.DataFrame:
    """What drifted slowly, oldest run first; columns of the run are added as by `read_cycles`."""
    return _with_run(history, schema.slow, _where(wanted))


def read_scorecard(history: History, run: int) -> pd.DataFrame:
    """The scorecard by region of the worst cycle of a run, if that alarmed."""
    return _of_run(history, schema.scorecard, run)


def read_areas(history: History, run: int) -> pd.DataFrame:
    """Where the worst cycle of a run departs most, if that alarmed: boxes in degrees, for maps."""
    return _of_run(history, schema.areas, run)


def read_run_drift(history: History, run: int) -> pd.DataFrame:
    """The drift rows of one run, as they were recorded."""
    return _of_run(history, schema.drift, run)


def read_run_cycles(history: History, run: int) -> pd.DataFrame:
    """The cycles of one run, as they were recorded."""
    return _of_run(history, schema.cycles, run)


def list_variables(history: History, wanted: Wanted = ALL) -> pd.DataFrame:
    """Variables held against training: `n` rows, `n_rare` with p <= 0.01, `n_alarmed` in a cycle that alarms."""
    c = schema.drift.c
    counts = {"n": None, "n_rare": c.p_value <= ALARM, "n_alarmed": c.alarmed}
    counted = [func.count().filter(true() if what is None else what).label(name) for name, what in counts.items()]
    join = schema.drift.join(schema.runs, c.run_id == schema.runs.c.id)
    query = select(c.variable, *counted).select_from(join).where(_where(wanted))
    return _frame(history, query.group_by(c.variable).order_by(c.variable))


def count_failures(history: History, wanted: Wanted = ALL) -> pd.DataFrame:
    """Rules that failed, raised an error or had no data, by variable: `n_runs`, `first` and `last` time recorded."""
    c, runs = schema.findings.c, schema.runs.c
    key = (c.rule, c.severity, c.status, c.variable)
    counted = [func.count(runs.id.distinct()).label("n_runs")]
    bounds = [func.min(runs.recorded_at).label("first"), func.max(runs.recorded_at).label("last")]
    query = select(*key, *counted, *bounds).select_from(schema.findings.join(schema.runs, c.run_id == runs.id))
    query = query.where(_where(wanted), c.status.in_(["fail", "error", "no_data"])).group_by(*key)
    return _frame(history, query.order_by(*key), schema.findings)


def read_worst(history: History, wanted: Wanted = ALL) -> pd.DataFrame:
    """The worst finding of each run that has any: `run_id`, `rule`, `variable`, `time`, `n_failed`."""
    c = schema.findings.c
    join = schema.findings.join(schema.runs, c.run_id == schema.runs.c.id)
    query = select(c.run_id, c.rule, c.variable, c.time, c.n_failed).select_from(join)
    return _frame(history, query.where(_where(wanted), c.position == 0).order_by(c.run_id), schema.findings)


def list_labels(history: History) -> dict[str, list[str]]:
    """The labels that runs have: key -> values."""
    c = schema.labels.c
    found: dict[str, list[str]] = {}
    with history.reading() as connection:
        for key, value in connection.execute(select(c.key, c.value).distinct().order_by(c.key, c.value)):
            found.setdefault(key, []).append(value)
    return found


def utc(moment: datetime) -> datetime:
    """A time as a history has it: UTC, without a time zone."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _where(wanted: Wanted) -> ColumnElement[bool]:
    runs, kept = schema.runs.c, schema.labels.c
    parts: list[ColumnElement[bool]] = [true()]
    parts += [] if wanted.since is None else [runs.recorded_at >= utc(wanted.since)]
    parts += [] if wanted.until is None else [runs.recorded_at <= utc(wanted.until)]
    parts += [] if wanted.verb is None else [runs.verb == wanted.verb]
    for key, value in wanted.labels.items():
        parts.append(exists().where(kept.run_id == runs.id, kept.key == key, kept.value == value))
    return and_(*parts)


def _of_run(history: History, table: Table, run: int) -> pd.DataFrame:
    query = select(table).where(table.c.run_id == run).order_by(table.c.position)
    return _frame(history, query, table).drop(columns="position")


def _with_run(
    history: History, table: Table, where: ColumnElement[bool], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    runs = schema.runs.c
    taken = [c for c in table.columns if c.name != "position" and (columns is None or c.name in columns)]
    query = select(*taken, runs.verb, runs.status, runs.series, runs.recorded_at)
    query = query.select_from(table.join(schema.runs, table.c.run_id == runs.id)).where(where)
    return _frame(history, query.order_by(table.c.run_id, table.c.position), table, schema.runs)


def _newest(rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Of rows with the same key those of the newest run, in order of time."""
    kept = rows.drop_duplicates(key, keep="last")
    return kept.sort_values(["valid_at", "time", "member"], kind="stable", ignore_index=True)


def _frame(history: History, query: Select[Any], *tables: Table) -> pd.DataFrame:
    """The rows of a query, with types that do not depend on whether there are any."""
    import pandas as pd

    types = {c.name: c.type for table in tables for c in table.columns}
    with history.reading() as connection:
        result = connection.execute(query)
        names = list(result.keys())
        frame = pd.DataFrame.from_records([tuple(row) for row in result], columns=names)
    for name in names:
        kind = types.get(name)
        if isinstance(kind, Double):
            frame[name] = frame[name].astype(float)
        elif isinstance(kind, String):
            frame[name] = frame[name].where(frame[name].notna(), "").astype(str)
        elif isinstance(kind, Boolean):
            frame[name] = frame[name].astype(bool)
        elif isinstance(kind, DateTime):
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return frame
