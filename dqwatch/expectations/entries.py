"""One entry of a rule file: its keys, every fault in it, and the `Rule` that it makes."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dqwatch.expectations.vocabulary import BY_EXPECTATION, COLUMN_KEYS, FORMS, Argument, Form
from dqwatch.tables import TABLES, columns_of
from dqwatch.types import SEVERITIES, Rule

FORM_KEYS = tuple(dict.fromkeys(key for form in FORMS.values() for key in form.arguments))
KEYS = (
    "id", "table", "expect", "column", "where", "severity", "hint", "title", "why", "source",
    "per", "mostly", "missing", "if_empty", "show", *FORM_KEYS, "arguments",
)  # fmt: skip
"""Every key that an entry may have."""

_TEXTS = ("id", "title", "why", "hint", "source")
_CHOICES = {
    "severity": SEVERITIES,
    "per": ("variable", "none"),
    "missing": ("fail", "ignore"),
    "if_empty": ("no_data", "skipped"),
}
_PYTHON = {"str": str, "int": int, "uint": int, "float": (int, float), "bool": bool, "truth": bool}
_WORD = {"str": "text", "int": "a whole number", "uint": "a whole number", "float": "a number"}
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


def closest(name: object, allowed: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where a name is close to an allowed one, else nothing."""
    near = difflib.get_close_matches(name, list(allowed), n=1) if isinstance(name, str) else ()
    return f" (did you mean '{near[0]}'?)" if near else ""


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
        file=file,
    )


def _taken(form: Form | None, short: bool) -> Iterable[tuple[str, Argument]]:
    """Keys of the entry itself that become arguments: those of a short name; none for the long names."""
    return form.arguments.items() if form and short else ()


def _check_mostly(mostly: Any) -> Iterator[str]:
    if mostly is not None and (not _is_number(mostly) or not 0 < mostly <= 1):
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
    dtypes = {c.name: c.dtype for c in columns_of(table)}
    form = FORMS.get(expect)
    yield from _check_column(entry, table, dtypes, form or BY_EXPECTATION.get(expect))
    yield from (_check_form(entry, expect, form, table, dtypes) if form else _check_long(entry, table, dtypes))
    yield from _check_where(entry.get("where"), table, dtypes)
    yield from _check_columns(entry.get("show"), "show", table, dtypes)
    if entry.get("per") == "variable" and "variable" not in dtypes:
        yield f"per: table '{table}' has no column 'variable'; leave 'per' out"
    if entry.get("per") == "variable" and form is None and expect not in BY_EXPECTATION:
        yield f"per: the result of {expect} cannot be told apart by variable; leave 'per' out"


def _check_column(entry: Mapping[str, Any], table: str, dtypes: Mapping[str, str], form: Form | None) -> Iterator[str]:
    column = entry.get("column")
    if form and form.domain == "columns":
        if column is not None:
            yield f"column: '{entry['expect']}' takes 'columns' (a list) instead"
    elif column is not None:
        yield from _check_columns([column], "column", table, dtypes)
        if form and isinstance(column, str) and dtypes.get(column, form.dtypes[0]) not in form.dtypes:
            yield (
                f"column: '{column}' of table '{table}' holds {dtypes[column]}; "
                f"'{entry['expect']}' is for {', '.join(form.dtypes)}"
            )
    elif form and "column_A" not in (entry.get("arguments") or {}):
        yield "key 'column' is missing"


def _check_columns(columns: Any, key: str, table: str, dtypes: Mapping[str, str]) -> Iterator[str]:
    if columns is None:
        return
    if not isinstance(columns, list) or not columns:
        yield f"{key}: got {got(columns)}; give a list of columns of table '{table}'"
        return
    for column in columns:
        if not isinstance(column, str) or column not in dtypes:
            yield f"{key}: table '{table}' has no column {got(column)}{_columns(column, dtypes)}"


def _check_form(
    entry: Mapping[str, Any], expect: str, form: Form, table: str, dtypes: Mapping[str, str]
) -> Iterator[str]:
    """The arguments of a short name."""
    if "arguments" in entry:
        yield f"arguments: only for the long names (expect_...); '{expect}' takes {_list(form.arguments) or 'none'}"
    for key in FORM_KEYS:
        if entry.get(key) is not None and key not in form.arguments:
            yield f"{key}: '{expect}' does not take it; it takes {_list(form.arguments) or 'no argument'}"
    for key, argument in form.arguments.items():
        value = entry.get(key)
        if value is None and argument.required:
            yield f"key '{key}' is missing: '{expect}' needs it"
        elif value is not None:
            yield from _check_argument(key, argument.kind, value, entry, table, dtypes)
    if entry.get("missing") is not None and form.missing is None:
        yield f"missing: '{expect}' does not take it"
    if expect == "between":
        yield from _check_range(entry.get("min"), entry.get("max"), "give 'min', 'max' or both")


def _check_argument(
    key: str, kind: str, value: Any, entry: Mapping[str, Any], table: str, dtypes: Mapping[str, str]
) -> Iterator[str]:
    if kind == "number" and not _is_number(value):
        yield f"{key}: got {got(value)}; give a number"
    elif kind == "flag" and not isinstance(value, bool):
        yield f"{key}: got {got(value)}; give true or false"
    elif kind == "column":
        yield from _check_columns([value], key, table, dtypes)
    elif kind == "columns":
        yield from _check_columns(value, key, table, dtypes)
        if isinstance(value, list) and len(value) < 2:
            yield f"{key}: got {got(value)}; give two columns or more ('unique' is for one)"
    elif kind == "pattern":
        yield from _check_pattern(key, value)
    elif kind == "values":
        if not isinstance(value, list) or not value:
            yield f"{key}: got {got(value)}; give a list of values"
        else:
            column = entry.get("column")
            dtype = dtypes.get(column) if isinstance(column, str) else None
            yield from (problem for v in value for problem in _check_value(key, v, dtype))


def _check_pattern(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{key}: got {got(value)}; give a regular expression"
        return
    try:
        re.compile(value)
    except re.error as error:
        yield f"{key}: '{value}' is no regular expression: {error}"


def _check_value(key: str, value: Any, dtype: str | None) -> Iterator[str]:
    """A value against the type of the column that it is compared with."""
    if dtype is None:
        return
    wanted: Any = _PYTHON[dtype]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        yield f"{key}: got {got(value)}; the column holds {_WORD.get(dtype, 'true or false')}"


def _check_range(low: Any, high: Any, remedy: str) -> Iterator[str]:
    if low is None and high is None:
        yield f"neither 'min' nor 'max' is given; {remedy}"
    elif _is_number(low) and _is_number(high) and low > high:
        yield f"min: got {low}, which is above max, {high}"


def _check_where(where: Any, table: str, dtypes: Mapping[str, str]) -> Iterator[str]:
    if where is None:
        return
    if not isinstance(where, dict) or not where:
        yield f"where: got {got(where)}; give columns of table '{table}' and the values that a row must have"
        return
    for column, wanted in where.items():
        if column not in dtypes:
            yield f"where: table '{table}' has no column {got(column)}{_columns(column, dtypes)}"
        elif isinstance(wanted, dict):
            yield from _check_where_range(column, wanted, dtypes[column])
        elif wanted == []:
            yield f"where.{column}: got []; give a value or a list of values"
        else:
            values = wanted if isinstance(wanted, list) else [wanted]
            yield from (
                problem
                for v in values
                if v is not None
                for problem in _check_value(f"where.{column}", v, dtypes[column])
            )


def _check_where_range(column: str, wanted: Mapping[str, Any], dtype: str) -> Iterator[str]:
    if dtype not in ("int", "uint", "float"):
        yield f"where.{column}: a range is for columns of numbers; give a value or a list of values"
        return
    for key, value in wanted.items():
        if key not in ("min", "max"):
            yield f"where.{column}: unknown key '{key}'; a range takes min, max"
        elif not _is_number(value):
            yield f"where.{column}.{key}: got {got(value)}; give a number"
    if not set(wanted) - {"min", "max"}:
        for problem in _check_range(wanted.get("min"), wanted.get("max"), "give one of them or both"):
            yield f"where.{column}: {problem}"


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
            yield from _check_columns(names if isinstance(names, list) else [names], f"arguments.{key}", table, dtypes)


def _is_long_name(name: str) -> bool:
    return re.fullmatch(r"expect_[a-z0-9_]+", name) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def _columns(column: object, dtypes: Mapping[str, str]) -> str:
    return f"{closest(column, dtypes)}; it has {_list(dtypes)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def got(value: object) -> str:
    """A value as it reads in the file, cut to fit a line."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    if isinstance(value, bool):
        text = "true" if value else "false"
    if value is None:
        text = "nothing"
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
