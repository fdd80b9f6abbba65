"""What a rule is about, for people: why it is there, what it looks at, where its threshold is from, how to mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dqwatch import tables
from dqwatch.errors import UsageError
from dqwatch.expectations.rule_files import list_rule_ids, list_rule_sets, load_rule_sets
from dqwatch.expectations.values import closest
from dqwatch.expectations.vocabulary import columns_of, describe
from dqwatch.expectations.waivers import RULES as ABOUT_WAIVERS
from dqwatch.types import Rule

_EMPTY = {"no_data": "nothing to look at closes the gate like a failure", "skipped": "the rule is skipped"}


def list_ids() -> tuple[str, ...]:
    """The ids that can be explained without a file: those of shipped rules, and of what is said about waivers."""
    return (*list_rule_ids(), *ABOUT_WAIVERS)


def explain(rule_id: str, more: Sequence[str] = ()) -> list[tuple[str, str]]:
    """A rule in words.

    Parameters
    ----------
    rule_id : str
    more : sequence of str
        Rule files of one's own, or names of sets; the rule is as the last of them has it.

    Returns
    -------
    list of (str, str)
        What each part is about, and the part; the first is the rule's own line.

    Raises
    ------
    UsageError
        If there is no such rule; the message has the id that comes closest.
    RuleFileError
        If a file is wrong.
    """
    if rule_id in ABOUT_WAIVERS:
        title, hint = ABOUT_WAIVERS[rule_id]
        return [(rule_id, f"(warning) {title}"), ("looks at", "the file of --waivers"), ("to do", hint)]
    found: dict[str, Rule] = {}
    users: list[str] = []
    for name in dict.fromkeys([*list_rule_sets(), *more]):
        (rule_set,) = load_rule_sets([name])
        rules = {rule.id: rule for rule in rule_set.rules}
        users += [rule_set.name] if rule_id in rules else []
        found |= rules
    if rule_id not in found:
        ids = [*found, *ABOUT_WAIVERS]
        raise UsageError(
            f"there is no rule '{rule_id}'{closest(rule_id, ids)}; 'dqwatch rules show NAME' lists those of a set"
        )
    return _parts(found[rule_id], users)


def _parts(rule: Rule, users: Sequence[str]) -> list[tuple[str, str]]:
    table = tables.columns_of(rule.table)
    known = {column.name: column for column in table}
    parts = [(rule.id, f"({rule.severity}) {rule.title}"), ("why", rule.why)]
    for name in columns_of(rule):
        unit = f" [{known[name].unit}]" if known[name].unit else ""
        optional = ", computed where a rule wants it" if known[name] in tables.OPTIONAL.get(rule.table, ()) else ""
        parts.append(("looks at", f"{rule.table}.{name}{unit}: {known[name].meaning}{optional}"))
    if rule.table in tables.ROWS:
        parts.append(("", f"the table {rule.table} has one row for each {tables.ROWS[rule.table]}"))
    parts += [("rows", describe_where(rule.where))] if rule.where else []
    parts.append(("expects", describe(rule) + (f", told apart by {rule.per}" if rule.per else "")))
    parts += [("", f"{name}: {describe(rule, name)}") for name in rule.by_variable]
    if rule.missing == "ignore":
        parts.append(("", "rows without a value are not looked at"))
    if rule.if_empty:
        parts.append(("", f"where there is no row to look at, {_EMPTY[rule.if_empty]}"))
    parts += [("threshold", rule.source), ("to do", rule.hint), ("sets", ", ".join(users)), ("file", rule.file)]
    parts.append(("change it", f"in a file of your own: rules: [{{id: {rule.id}, severity: warning}}]"))
    parts.append(("", f"or switch it off: disable: [{rule.id}]"))
    return [(label, text) for label, text in parts if text]


def describe_where(where: Mapping[str, Any]) -> str:
    """The rows that a rule is for, in a few words: `declared_missing = false, n >= 100, param in {t, u}`."""
    words = []
    for column, wanted in where.items():
        if isinstance(wanted, Mapping):
            ends = [f"{_show(wanted['min'])} <="] if "min" in wanted and "max" in wanted else []
            tail = f" <= {_show(wanted['max'])}" if "max" in wanted else f" >= {_show(wanted['min'])}"
            words.append(" ".join([*ends, column]) + tail)
        elif isinstance(wanted, list) and len(wanted) > 1:
            words.append(f"{column} in {{{', '.join(map(_show, wanted))}}}")
        else:
            words.append(f"{column} = {_show(wanted[0] if isinstance(wanted, list) else wanted)}")
    return ", ".join(words)


def _show(value: Any) -> str:
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else str(value)
