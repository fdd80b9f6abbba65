"""The verbs `record` and `report`: append a verdict to a history, and say what a period of it tells."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dqwatch import durations
from dqwatch.conclusion import FailOn, check_request
from dqwatch.errors import UsageError

if TYPE_CHECKING:
    from dqwatch.digest import Digest
    from dqwatch.types import Verdict


def record(verdict: Verdict, history: str, *, labels: Mapping[str, str] = {}) -> int:
    """Append a verdict to a history, as `--history` does.

    Parameters
    ----------
    verdict : Verdict
    history : str
        Name of a SQLite file, which is made if it is not there, or URL of PostgreSQL.
    labels : mapping of str to str
        What the run is about; runs with the same labels are one series. Those of the verdict by default.

    Returns
    -------
    int
        The number of the run.

    Raises
    ------
    UsageError
        If the address is wrong.
    HistoryError
        If the history cannot be reached or written.
    """
    from dqwatch.history.appending import append
    from dqwatch.history.store import open_history

    with closing(open_history(history, create=True)) as opened:
        return append(opened, replace(verdict, labels=dict(labels)) if labels else verdict).run


def report(
    history: str,
    *,
    since: str | datetime = "30d",
    until: str | datetime | None = None,
    verb: str | None = None,
    labels: Mapping[str, str] = {},
    compare: str | None = None,
    fail_on: FailOn = "critical",
) -> Digest:
    """Say what a period of a history tells: alarms against chance, what drifted since when, which runs failed.

    Parameters
    ----------
    history : str
        Name of a SQLite file, or URL of PostgreSQL.
    since, until : str or datetime
        When the runs were recorded: an age such as '30d', '72h', '8w', or a date, UTC; a date alone as `until` means
        its whole day. Until now by default.
    verb : str, optional
        Of the runs; all by default.
    labels : mapping of str to str
        That the runs have, among others.
    compare : str, optional
        Label whose values are held against one another: `cycle`.
    fail_on : {'critical', 'warning', 'info', 'never'}
        'critical': more days with alarms than chance brings give exit code 1; 'warning' and 'info': so does a variable
        that departs lastingly, slow drift, or a run that did not pass.

    Returns
    -------
    Digest

    Raises
    ------
    UsageError
        If an argument is wrong, or no run has the label to compare.
    HistoryError
        If the history cannot be reached or read, or is not there.
    """
    check_request(fail_on, None, 1)
    now = datetime.now(UTC)
    begin = parse_moment(since, "since", now)
    end = now if until is None else parse_moment(until, "until", now, whole_day=True)
    if begin > end:
        raise UsageError(f"since: {begin:%Y-%m-%dT%H:%M} lies after until, {end:%Y-%m-%dT%H:%M}")
    from dqwatch.history.digesting import digest
    from dqwatch.history.reading import Wanted
    from dqwatch.history.store import open_history

    with closing(open_history(history)) as opened:
        return digest(opened, Wanted(begin, end, verb, labels), compare=compare, fail_on=fail_on)


def parse_moment(given: str | datetime, name: str, now: datetime, *, whole_day: bool = False) -> datetime:
    """A moment in UTC: an age before now, or a date.

    Raises
    ------
    UsageError
        If it is neither; the message names it.
    """
    if isinstance(given, datetime):
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    if given.strip()[-1:] in ("h", "d", "w"):
        return now - durations.parse(given, name)
    try:
        found = datetime.fromisoformat(given.strip())
    except ValueError:
        raise UsageError(f"{name}: got '{given}'; give an age such as 30d, or a date such as 2026-11-01") from None
    found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    if whole_day and len(given.strip()) <= len("2026-11-01"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return found
