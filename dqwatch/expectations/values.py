"""What a rule file may hold under a key: columns, numbers, values, ranges; each fault as one clause."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_PYTHON = {"str": str, "int": int, "uint": int, "float": (int, float), "bool": bool, "truth": bool}
_WORD = {"str": "text", "int": "a whole number", "uint": "a whole number", "float": "a number"}


def closest(name: object, allowed: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where a name is close to an allowed one, else nothing."""
    near = difflib.get_close_matches(name, list(allowed), n=1) if isinstance(name, str) else ()
    return f" (did you mean '{near[0]}'?)" if near else ""


def got(value: object) -> str:
    """A value as it reads in the file, cut to fit a line."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    if isinstance(value, bool):
        text = "true" if value else "false"
    if value is None:
        text = "nothing"
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def listed(names: Iterable[str]) -> str:
    """Names with commas between them."""
    return ", ".join(names)


def is_number(value: Any) -> bool:
    """Whether it is a number; NaN and the truth values are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


def check_columns(columns: Any, key: str, table: str, dtypes: Mapping[str, str]) -> Iterator[str]:
    """A list of columns of a table; None is none."""
    if columns is None:
        return
    if not isinstance(columns, list) or not columns:
        yield f"{key}: got {got(columns)}; give a list of columns of table '{table}'"
        return
    for column in columns:
        if not isinstance(column, str) or column not in dtypes:
            yield f"{key}: table '{table}' has no column {got(column)}{_columns(column, dtypes)}"


def check_argument(
    key: str, kind: str, value: Any, entry: Mapping[str, Any], table: str, dtypes: Mapping[str, str]
) -> Iterator[str]:
    """An argument of a short name, by its kind."""
    if kind == "number" and not is_number(value):
        yield f"{key}: got {got(value)}; give a number"
    elif kind == "flag" and not isinstance(value, bool):
        yield f"{key}: got {got(value)}; give true or false"
    elif kind == "column":
        yield from check_columns([value], key, table, dtypes)
    elif kind == "columns":
        yield from check_columns(value, key, table, dtypes)
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
            yield from (problem for v in value for problem in check_value(key, v, dtype))


def _check_pattern(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{key}: got {got(value)}; give a regular expression"
        return
    try:
        re.compile(value)
    except re.error as error:
        yield f"{key}: '{value}' is no regular expression: {error}"


def check_value(key: str, value: Any, dtype: str | None) -> Iterator[str]:
    """A value against the type of the column that it is compared with."""
    if dtype is None:
        return
    wanted: Any = _PYTHON[dtype]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        yield f"{key}: got {got(value)}; the column holds {_WORD.get(dtype, 'true or false')}"


def check_range(low: Any, high: Any, remedy: str) -> Iterator[str]:
    """A range, of which one end may be open."""
    if low is None and high is None:
        yield f"neither 'min' nor 'max' is given; {remedy}"
    elif is_number(low) and is_number(high) and low > high:
        yield f"min: got {low}, which is above max, {high}"


def check_where(where: Any, table: str, dtypes: Mapping[str, str]) -> Iterator[str]:
    """The rows that a rule is for: columns, and the value, values or range that they must have."""
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
                for problem in check_value(f"where.{column}", v, dtypes[column])
            )


def _check_where_range(column: str, wanted: Mapping[str, Any], dtype: str) -> Iterator[str]:
    if dtype not in ("int", "uint", "float"):
        yield f"where.{column}: a range is for columns of numbers; give a value or a list of values"
        return
    for key, value in wanted.items():
        if key not in ("min", "max"):
            yield f"where.{column}: unknown key '{key}'; a range takes min, max"
        elif not is_number(value):
            yield f"where.{column}.{key}: got {got(value)}; give a number"
    if not set(wanted) - {"min", "max"}:
        for problem in check_range(wanted.get("min"), wanted.get("max"), "give one of them or both"):
            yield f"where.{column}: {problem}"


def _columns(column: object, dtypes: Mapping[str, str]) -> str:
    return f"{closest(column, dtypes)}; it has {listed(dtypes)}"
