"""Waivers: findings that somebody answers for until a date. The file, every fault in it, and what a waiver covers."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import RuleFileError, UsageError
from dqwatch.expectations.rule_files import list_rule_ids
from dqwatch.expectations.values import closest, got
from dqwatch.expectations.vocabulary import ROW_WISE
from dqwatch.tables import columns_of
from dqwatch.types import Rule, RuleSet
from dqwatch.yaml_files import read_yaml

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEYS: Mapping[str, str] = {
    "rule": "Id of the rule whose findings are waived",
    "variable": "Only those of this variable, or of this quantity on all its levels",
    "start": "Only what fails from this time on: 2003-05-01, 2003-05-01T06; a date alone means its whole day",
    "end": "Only what fails until this time, as start; both ends are included",
    "owner": "Who answers for it",
    "reason": "Why it may be so",
    "expires": "Last day on which it is waived, 2027-12-31 (UTC)",
}
NEEDED = ("rule", "owner", "reason", "expires")

TABLE = "waivers"
"""What findings about waivers themselves name as their table."""
RULES: Mapping[str, tuple[str, str]] = {
    "waiver.expired": (
        "A waiver whose time is over",
        "See whether the finding still stands: mend the data and take the waiver out, or give it a new date.",
    ),
    "waiver.unmatched": (
        "A waiver that waives nothing",
        "Take it out if the data are mended; else correct its rule, variable or period.",
    ),
}
"""Rules about waivers: title and hint of each."""


@dataclass(frozen=True)
class Waiver:
    """One waiver; `start` and `end` are beginnings of time labels, '' for an open end."""

    number: int
    """Position in the file, from 1."""
    rule: str
    owner: str
    reason: str
    expires: date
    variable: str | None = None
    start: str = ""
    end: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it waives whatever the rule finds."""
        return not (self.variable or self.start or self.end)

    def in_period(self, rows: pd.DataFrame) -> np.ndarray:
        """Rows whose time lies in its period, bool (row,); all of them where it has none."""
        import numpy as np

        inside = np.ones(len(rows), dtype=bool)
        if self.start:
            inside &= (rows["time"].str.slice(0, len(self.start)) >= self.start).to_numpy(dtype=bool)
        if self.end:
            inside &= (rows["time"].str.slice(0, len(self.end)) <= self.end).to_numpy(dtype=bool)
        return inside

    def of_variable(self, rows: pd.DataFrame) -> np.ndarray:
        """Rows of its variable, bool (row,); all of them where it names none."""
        import numpy as np

        chosen = np.full(len(rows), self.variable is None)
        for column in ("variable", "param"):
            if self.variable is not None and column in rows:
                chosen |= (rows[column] == self.variable).to_numpy(dtype=bool)
        return chosen


class WaiverFile(NamedTuple):
    """A file of waivers as loaded."""

    path: str
    sha256: str
    waivers: tuple[Waiver, ...]
    today: date

    def is_over(self, waiver: Waiver) -> bool:
        """Whether a waiver has expired."""
        return waiver.expires < self.today


def load_waivers(path: str | os.PathLike[str], rule_sets: Sequence[RuleSet], today: date | None = None) -> WaiverFile:
    """The waivers of a YAML file, checked against the rules of the run.

    Parameters
    ----------
    path : path
        Of a list of waivers; keys as in `rules/waivers.schema.json`.
    rule_sets : sequence of RuleSet
        Those of the run. A waiver may be for another shipped rule: then it has nothing to say in this run.
    today : date, optional
        By default the date of now, UTC.

    Raises
    ------
    RuleFileError
        If the file cannot be read or a waiver is wrong; the message names file, waiver and key.
    """
    label = os.fspath(path)
    document, content = read_yaml(path)
    if not isinstance(document, list | None):
        raise RuleFileError(f"{label}: got {got(document)}; give a list of waivers, each with {', '.join(KEYS)}")
    rules = {rule.id: rule for rule_set in rule_sets for rule in rule_set.rules}
    problems = []
    for number, entry in enumerate(document or (), start=1):
        faults = _check(entry, rules) if isinstance(entry, dict) else [f"got {got(entry)}; give keys and values"]
        problems += [f"{label}: waiver {number}{_name(entry)}: {fault}" for fault in faults]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise RuleFileError(problems[0] + more)
    waivers = tuple(_waiver(number, entry) for number, entry in enumerate(document or (), start=1))
    return WaiverFile(label, hashlib.sha256(content).hexdigest(), waivers, today or datetime.now(UTC).date())


def _name(entry: Any) -> str:
    rule = entry.get("rule") if isinstance(entry, dict) else None
    return f" ({rule})" if isinstance(rule, str) and rule else ""


def _check(entry: Mapping[str, Any], rules: Mapping[str, Rule]) -> Iterator[str]:
    """Every fault of a waiver, one clause each."""
    for key in entry:
        if key not in KEYS:
            yield f"unknown key '{key}'{closest(key, KEYS)}; a waiver takes {', '.join(KEYS)}"
    for key in NEEDED:
        if entry.get(key) in (None, ""):
            yield f"key '{key}' is missing"
    for key in ("rule", "variable", "owner", "reason"):
        value = entry.get(key)
        if value not in (None, "") and not (isinstance(value, str) and value.strip()):
            yield f"{key}: got {got(value)}; give text"
    yield from _check_dates(entry)
    rule_id = entry.get("rule")
    if not isinstance(rule_id, str) or not rule_id:
        return
    if rule_id in rules:
        yield from _check_scope(entry, rules[rule_id])
    elif rule_id not in list_rule_ids():
        known = dict.fromkeys([*rules, *list_rule_ids()])
        yield f"rule: there is no rule '{rule_id}'{closest(rule_id, known)}, neither in this run nor shipped"


def _check_dates(entry: Mapping[str, Any]) -> Iterator[str]:
    expires = entry.get("expires")
    if expires not in (None, "") and _day(expires) is None:
        yield f"expires: got {got(expires)}; give the last day on which it holds, like 2027-12-31"
    try:
        start, end = _period(entry)
    except UsageError as error:
        yield str(error)
        return
    shorter = min(len(start), len(end))
    if shorter and start[:shorter] > end[:shorter]:
        yield f"start: {start} is later than end: {end}"


def _check_scope(entry: Mapping[str, Any], rule: Rule) -> Iterator[str]:
    """Whether the results of a rule can be told apart as the waiver wants."""
    columns = {c.name for c in columns_of(rule.table)} if rule.expectation in ROW_WISE else set()
    why = f"table '{rule.table}' has none" if columns else "it gives one result for the whole table"
    for key, column in (("variable", "variable"), ("start", "time"), ("end", "time")):
        if entry.get(key) is not None and column not in columns:
            yield f"{key}: rule '{rule.id}' does not tell {column}s apart: {why}; leave '{key}' out"


def _period(entry: Mapping[str, Any]) -> tuple[str, str]:
    from dqwatch.sources.selection import date_prefix

    return date_prefix("start", entry.get("start")), date_prefix("end", entry.get("end"))


def _day(text: Any) -> date | None:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _waiver(number: int, entry: Mapping[str, Any]) -> Waiver:
    start, end = _period(entry)
    return Waiver(
        number=number,
        rule=entry["rule"],
        owner=entry["owner"].strip(),
        reason=" ".join(entry["reason"].split()),
        expires=date.fromisoformat(entry["expires"]),
        variable=entry.get("variable"),
        start=start,
        end=end,
    )
