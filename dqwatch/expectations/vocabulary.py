"""The words of a rule file: short names of the common expectations, what each takes, and how a rule reads in prose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dqwatch.types import Rule, RuleSet

NUMBERS = ("int", "uint", "float")
TEXT = ("str",)
ANY = ("str", "int", "uint", "float", "bool", "truth")


class Argument(NamedTuple):
    """One key of a rule that becomes an argument of Great Expectations."""

    expectation_name: str
    """Great Expectations' word for it."""
    kind: str
    """'number', 'flag', 'values' (of the column's type), 'pattern', 'column' or 'columns'."""
    required: bool = False


class Form(NamedTuple):
    """A short name: the expectation it stands for, the columns it fits and the arguments it takes."""

    expectation: str
    domain: str
    """'column', 'pair' (column and other) or 'columns'."""
    dtypes: tuple[str, ...]
    """Types of column (as in `tables.Column`) that it can be used on."""
    arguments: Mapping[str, Argument]
    missing: str | None
    """What a missing value in the column is unless the rule says: 'fail' or 'ignore'; None: not to be said."""
    meaning: str


_VALUES = {"values": Argument("value_set", "values", required=True)}
_REGEX = {"regex": Argument("regex", "pattern", required=True)}
_RANGE = {
    "min": Argument("min_value", "number"),
    "max": Argument("max_value", "number"),
    "strict_min": Argument("strict_min", "flag"),
    "strict_max": Argument("strict_max", "flag"),
}
_OTHER = {"other": Argument("column_B", "column", required=True)}

FORMS: dict[str, Form] = {
    "between": Form(
        "expect_column_values_to_be_between",
        "column",
        NUMBERS,
        _RANGE,
        "fail",
        "min <= value <= max, or one of them",
    ),
    "in_set": Form("expect_column_values_to_be_in_set", "column", ANY, _VALUES, "fail", "the value is one of values"),
    "not_in_set": Form(
        "expect_column_values_to_not_be_in_set", "column", ANY, _VALUES, "fail", "the value is none of values"
    ),
    "not_null": Form("expect_column_values_to_not_be_null", "column", ANY, {}, None, "there is a value"),
    "null": Form("expect_column_values_to_be_null", "column", ANY, {}, None, "there is no value"),
    "unique": Form("expect_column_values_to_be_unique", "column", ANY, {}, "ignore", "no value occurs twice"),
    "compound_unique": Form(
        "expect_compound_columns_to_be_unique",
        "columns",
        ANY,
        {"columns": Argument("column_list", "columns", required=True)},
        None,
        "no combination of the columns' values occurs twice",
    ),
    "matches": Form(
        "expect_column_values_to_match_regex", "column", TEXT, _REGEX, "fail", "the text has a match of regex"
    ),
    "not_matches": Form(
        "expect_column_values_to_not_match_regex", "column", TEXT, _REGEX, "fail", "the text has no match of regex"
    ),
    "greater_than": Form(
        "expect_column_pair_values_a_to_be_greater_than_b",
        "pair",
        NUMBERS,
        {**_OTHER, "or_equal": Argument("or_equal", "flag")},
        "fail",
        "column > other (>= with or_equal)",
    ),
    "equal_to": Form("expect_column_pair_values_to_be_equal", "pair", ANY, _OTHER, "fail", "column = other"),
}
"""Short name to form; any other name must be Great Expectations' own (`expect_...`)."""

BY_EXPECTATION = {form.expectation: form for form in FORMS.values()}

ROW_WISE = frozenset(BY_EXPECTATION)
"""Expectations that dqwatch can tell apart by row, hence by variable."""

ROW_KEYS = ("axis", "time", "time_index", "variable", "level", "member", "relation", "grid", "array")
"""Columns that say which row it is, as far as a table has them."""

COLUMN_KEYS = ("column", "column_A", "column_B", "column_list", "column_set")
"""Arguments of Great Expectations that name columns."""


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that a rule looks at, without doubles, in the order it names them."""
    names: list[str] = [] if rule.column is None else [rule.column]
    for key in COLUMN_KEYS:
        value = rule.arguments.get(key)
        if isinstance(value, str):
            names.append(value)
        elif isinstance(value, (list, tuple)):
            names.extend(str(v) for v in value)
    return tuple(dict.fromkeys(names))


def columns_needed(rule_sets: Iterable[RuleSet]) -> dict[str, frozenset[str]]:
    """The columns that rules look at, choose rows by or show, by table; what nobody wants need not be computed."""
    needed: dict[str, set[str]] = {}
    for rule in (rule for rule_set in rule_sets for rule in rule_set.rules):
        needed.setdefault(rule.table, set()).update(columns_of(rule), rule.where, rule.show)
    return {table: frozenset(columns) for table, columns in needed.items()}


def params_needed(rule_sets: Iterable[RuleSet]) -> dict[str, frozenset[str]]:
    """Of columns of the table `fields`, the quantities (`param`) of which rules look at them.

    A column that some rule looks at whatever the quantity is not among them.
    """
    needed: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    for rule in (rule for rule_set in rule_sets for rule in rule_set.rules if rule.table == "fields"):
        wanted = rule.where.get("param")
        params = [wanted] if isinstance(wanted, str) else wanted
        columns = {*columns_of(rule), *rule.where, *rule.show}
        if isinstance(params, list) and all(isinstance(p, str) for p in params):
            for column in columns:
                needed.setdefault(column, set()).update(params)
        else:
            everywhere |= columns
    return {column: frozenset(params) for column, params in needed.items() if column not in everywhere}


def describe(rule: Rule, variable: str | None = None) -> str:
    """What a rule expects, in a few words: `n_inf = 0`, `std >= 0`, `kind in {a, b} in at least 99 % of the rows`.

    Of limits by variable, those of `variable`.
    """
    arguments = {**rule.arguments, **rule.by_variable.get(variable or "", {})}
    form = next((name for name, f in FORMS.items() if f.expectation == rule.expectation), "")
    if rule.by_variable and variable not in rule.by_variable:
        text = f"{rule.column} within the limits of each of {len(rule.by_variable)} variables"
    else:
        text = _PROSE[form](rule.column, arguments) if form else _generic(rule)
    mostly = arguments.get("mostly")
    return f"{text} in at least {mostly * 100:g} % of the rows" if mostly is not None and mostly < 1 else text


def _between(column: str | None, arguments: Mapping[str, Any]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and low == high:
        return f"{column} = {_show(low)}"
    above, below = ">" if arguments.get("strict_min") else ">=", "<" if arguments.get("strict_max") else "<="
    if high is None:
        return f"{column} {above} {_show(low)}"
    right = f"{column} {below} {_show(high)}"
    return right if low is None else f"{_show(low)} {above.replace('>', '<')} {right}"


def _in_set(column: str | None, arguments: Mapping[str, Any]) -> str:
    values = arguments["value_set"]
    if len(values) == 1:
        return f"{column} = {_show(values[0])}"
    return f"{column} in {{{', '.join(_show(v) for v in values)}}}"


def _not_in_set(column: str | None, arguments: Mapping[str, Any]) -> str:
    values = arguments["value_set"]
    if len(values) == 1:
        return f"{column} is not {_show(values[0])}"
    return f"{column} not in {{{', '.join(_show(v) for v in values)}}}"


_PROSE = {
    "between": _between,
    "in_set": _in_set,
    "not_in_set": _not_in_set,
    "not_null": lambda column, _: f"{column} is given",
    "null": lambda column, _: f"{column} is not given",
    "unique": lambda column, _: f"{column} unique",
    "compound_unique": lambda _, arguments: f"({', '.join(arguments['column_list'])}) unique",
    "matches": lambda column, arguments: f"{column} matches /{arguments['regex']}/",
    "not_matches": lambda column, arguments: f"{column} does not match /{arguments['regex']}/",
    "greater_than": lambda column, arguments: (
        f"{column} {'>=' if arguments.get('or_equal') else '>'} {arguments['column_B']}"
    ),
    "equal_to": lambda column, arguments: f"{column} = {arguments['column_B']}",
}


def _generic(rule: Rule) -> str:
    """The expectation's own words: `mean to be between (column=std, min_value=0)`."""
    words = rule.expectation.removeprefix("expect_").replace("_", " ")
    given = {**({"column": rule.column} if rule.column else {}), **rule.arguments}
    given.pop("mostly", None)
    return f"{words} ({', '.join(f'{key}={_show(value)}' for key, value in given.items())})"


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return value or "''"
    return str(value)
