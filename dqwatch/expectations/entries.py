"""One entry of a rule file: its keys, every fault in it, and the `Rule` that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dqwatch import registry
from dqwatch.expectations.by_variable import check_limits, make_limits
from dqwatch.expectations.values import (
    check_argument,
    check_columns,
    check_range,
    check_where,
    closest,
    got,
    is_number,
    listed,
)
from dqwatch.expectations.vocabulary import BY_EXPECTATION, COLUMN_KEYS, FORMS, Argument, Form
from dqwatch.tables import TABLES, columns_of
from dqwatch.types import SEVERITIES, Rule

FORM_KEYS = tuple(dict.fromkeys(key for form in FORMS.values() for key in form.arguments))
KEYS = (
    "id", "table", "expect", "column", "where", "severity", "hint", "title", "why", "source",
    "per", "mostly", "missing", "if_empty", "show", *FORM_KEYS, "by_variable", "arguments",
)  # fmt: skip
"""Every key that an entry may have."""

_TEXTS = ("id", "title", "why", "hint", "source")
_CHOICES = {
    "severity": SEVERITIES,
    "per": ("variable", "none"),
    "missing": ("fail", "ignore"),
    "if_empty": ("no_data", "skipped"),
}
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


def check_entry(entry: Mapping[str, Any]) -> Iterator[str]:
    """Every fault of an entry, one clause each: what, got, allowed.

    Parameters
    ----------
    entry : mapping
        As it stands in the file, keys that it inherits filled in.
    """
    for key in entry:
        if key not in KEYS:
            yield f"unknown key '{key}'{closest(key, KEYS)}; a rule takes {', '.join(KEYS)}"
    for key in ("id", "table", "expect", "severity", "hint"):
        if entry.get(key) in (None, ""):
            yield f"key '{key}' is missing{' (what should the reader do?)' if key == 'hint' else ''}"
    for key in _TEXTS:
        if entry.get(key) is not None and not isinstance(entry[key], str):
            yield f"{key}: got {got(entry[key])}; give text"
    if isinstance(entry.get("id"), str) and entry["id"] and not _ID.fullmatch(entry["id"]):
        yield f"id: got '{entry['id']}'; give letters, digits, '.', '_' and '-' only"
    for key, allowed in _CHOICES.items():
        if entry.get(key) is not None and entry[key] not in allowed:
            yield f"{key}: got {got(entry[key])}; give one of {', '.join(allowed)}{closest(entry[key], allowed)}"
    yield from _check_mostly(entry.get("mostly"))
    yield from _check_table(entry)


def make_rule(entry: Mapping[str, Any], file: str) -> Rule:
    """The rule of an entry in which `check_entry` finds no fault."""
    form = FORMS.get(entry["expect"]) or BY_EXPECTATION.get(entry["expect"])
    short = entry["expect"] in FORMS
    arguments = {a.expectation_name: entry[key] for key, a in _taken(form, short) if entry.get(key) is not None}
    arguments |= entry.get("arguments") or {}
    if entry.get("mostly") is not None:
        arguments["mostly"] = float(entry["mostly"])
    column = arguments.pop("column_A", entry.get("column")) if form else entry.get("column")
    has_variables = any(c.name == "variable" for c in columns_of(entry["table"]))
    told_apart = entry.get("per") or ("variable" if form and has_variables else "none")
    missing = entry.get("missing") or (form.missing if form else "fail")
    return Rule(
        id=entry["id"],
        table=entry["table"],
        column=column,
        expectation=form.expectation if form else entry["expect"],
        arguments=arguments,
        severity=entry["severity"],
        title=entry.get("title") or entry["id"],
        hint=entry["hint"],
        why=entry.get("why") or "",
        source=entry.get("source") or "",
        where=dict(entry.get("where") or {}),
        per=None if told_apart == "none" else told_apart,
        missing="fail" if missing == "fail" else "ignore",
        if_empty=entry.get("if_empty"),
        show=tuple(entry.get("show") or ()),
        by_variable=make_limits(entry),
        file=file,
    )


def _taken(form: Form | None, short: bool) -> Iterable[tuple[str, Argument]]:
    """Keys of the entry itself that become arguments: those of a short name; none for the long names."""
    return form.arguments.items() if form and short else ()


def _check_mostly(mostly: Any) -> Iterator[str]:
    if mostly is not None and (not is_number(mostly) or not 0 < mostly <= 1):
        yield f"mostly: got {got(mostly)}; give the fraction of rows that must hold, above 0 and at most 1"


def _check_table(entry: Mapping[str, Any]) -> Iterator[str]:
    """Everything that depends on the table and on the expectation."""
    table, expect = entry.get("table"), entry.get("expect")
    if table is not None and (not isinstance(table, str) or table not in TABLES):
        yield f"table: got {got(table)}; tables are {', '.join(TABLES)}{closest(table, TABLES)}"
        return
    if expect is not None and not (isinstance(expect, str) and (expect in FORMS or _is_long_name(expect))):
        yield (
            f"expect: got {got(expect)}; give one of {', '.join(FORMS)}, or a name of Great Expectations "
            f"(expect_...){closest(expect, FORMS)}"
        )
        return
    if table is None or expect is None:
        return
    dtypes = _columns(entry, table)
    form = FORMS.get(expect)
    yield from _check_column(entry, table, dtypes, form or BY_EXPECTATION.get(expect))
    yield from (_check_form(entry, expect, form, table, dtypes) if form else _check_long(entry, table, dtypes))
    yield from check_where(entry.get("where"), table, dtypes)
    yield from check_columns(entry.get("show"), "show", table, dtypes)
    if "by_variable" in entry:
        yield from check_limits(entry, dtypes)
    if entry.get("per") == "variable" and "variable" not in dtypes:
        yield f"per: table '{table}' has no column 'variable'; leave 'per' out"
    if entry.get("per") == "variable" and form is None and expect not in BY_EXPECTATION:
        yield f"per: the result of {expect} cannot be told apart by variable; leave 'per' out"


def _columns(entry: Mapping[str, Any], table: str) -> dict[str, str]:
    """The columns of a table with their dtypes; metrics of other packages are asked for theirs if a name is unknown."""
    known = {c.name: c.dtype for c in columns_of(table)}
    given = [
        *_flat(entry.get("arguments") or {}, COLUMN_KEYS),
        *_flat(entry, ("column", "other", "columns", "show", "where")),
    ]
    if not known.keys() >= {name for name in given if isinstance(name, str)}:
        registry.load_foreign("metrics")
        known = {c.name: c.dtype for c in columns_of(table)}
    return known


def _flat(entry: Any, keys: Iterable[str]) -> Iterator[Any]:
    """What stands under some keys, or in the lists and mappings under them."""
    for key in keys:
        value = entry.get(key) if isinstance(entry, Mapping) else None
        yield from value if isinstance(value, (list, dict)) else (value,)


def _check_column(entry: Mapping[str, Any], table: str, dtypes: Mapping[str, str], form: Form | None) -> Iterator[str]:
    column = entry.get("column")
    if form and form.domain == "columns":
        if column is not None:
            yield f"column: '{entry['expect']}' takes 'columns' (a list) instead"
    elif column is not None:
        yield from check_columns([column], "column", table, dtypes)
        if form and isinstance(column, str) and dtypes.get(column, form.dtypes[0]) not in form.dtypes:
            yield (
                f"column: '{column}' of table '{table}' holds {dtypes[column]}; "
                f"'{entry['expect']}' is for {', '.join(form.dtypes)}"
            )
    elif form and "column_A" not in (entry.get("arguments") or {}):
        yield "key 'column' is missing"


def _check_form(
    entry: Mapping[str, Any], expect: str, form: Form, table: str, dtypes: Mapping[str, str]
) -> Iterator[str]:
    """The arguments of a short name."""
    if "arguments" in entry:
        yield f"arguments: only for the long names (expect_...); '{expect}' takes {listed(form.arguments) or 'none'}"
    for key in FORM_KEYS:
        if entry.get(key) is not None and key not in form.arguments:
            yield f"{key}: '{expect}' does not take it; it takes {listed(form.arguments) or 'no argument'}"
    for key, argument in form.arguments.items():
        value = entry.get(key)
        if value is None and argument.required and "by_variable" not in entry:
            yield f"key '{key}' is missing: '{expect}' needs it"
        elif value is not None:
            yield from check_argument(key, argument.kind, value, entry, table, dtypes)
    if entry.get("missing") is not None and form.missing is None:
        yield f"missing: '{expect}' does not take it"
    if expect == "between" and "by_variable" not in entry:
        yield from check_range(entry.get("min"), entry.get("max"), "give 'min', 'max' or both")


def _check_long(entry: Mapping[str, Any], table: str, dtypes: Mapping[str, str]) -> Iterator[str]:
    """A name of Great Expectations' own: its arguments stand under `arguments` and are checked by building it."""
    for key in FORM_KEYS:
        if key in entry:
            yield f"{key}: {entry['expect']} takes its arguments, in Great Expectations' words, under 'arguments'"
    arguments = entry.get("arguments")
    if arguments is None:
        return
    if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
        yield f"arguments: got {got(arguments)}; give names and values"
        return
    for key in ("column", "mostly", "meta", "severity", "row_condition", "condition_parser"):
        if key in arguments:
            yield f"arguments: '{key}' is not given here; the rule itself says it (column, mostly, where, severity)"
    for key in COLUMN_KEYS:
        if key in arguments and key != "column":
            names = arguments[key]
            yield from check_columns(names if isinstance(names, list) else [names], f"arguments.{key}", table, dtypes)


def _is_long_name(name: str) -> bool:
    return re.fullmatch(r"expect_[a-z0-9_]+", name) is not None
