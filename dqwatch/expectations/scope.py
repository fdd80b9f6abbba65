"""Which rows of a table a rule looks at, and what to answer where there is nothing to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from dqwatch import tables as schemas
from dqwatch.expectations.by_variable import concerned
from dqwatch.expectations.vocabulary import columns_of
from dqwatch.types import Rule

if TYPE_CHECKING:
    import pandas as pd

_MISSING_IS_THE_POINT = ("expect_column_values_to_not_be_null", "expect_column_values_to_be_null")


class Scope(NamedTuple):
    """The rows of a rule, or why there are none."""

    rows: np.ndarray | None
    """bool (row,), True where the rule looks; None if nowhere."""
    status: Literal["no_data", "skipped"] = "no_data"
    reason: str = ""
    """One clause; '' if there are rows."""


def find_rows(rule: Rule, tables: Mapping[str, pd.DataFrame]) -> Scope:
    """The rows that a rule looks at.

    A table or column that is not there makes the rule `skipped`, as does a variable, parameter, level or other name
    that `where` asks for and the table lacks. No row, or no value in any row, is `no_data`, unless the rule's
    `if_empty` says otherwise (of values: only if it ignores missing ones).

    Parameters
    ----------
    rule : Rule
    tables : mapping of name to DataFrame

    Returns
    -------
    Scope
    """
    table = tables.get(rule.table)
    if table is None:
        return Scope(None, "skipped", f"there is no table {rule.table}")
    absent = [c for c in dict.fromkeys((*columns_of(rule), *rule.where)) if c not in table]
    if absent:
        return Scope(None, "skipped", f"table {rule.table} was made without {', '.join(absent)}")
    empty = rule.if_empty or "no_data"
    if not len(table):
        return Scope(None, empty, f"table {rule.table} is empty")
    rows = concerned(rule, table) if rule.by_variable else np.ones(len(table), dtype=bool)
    if not rows.any():
        names = [*list(rule.by_variable)[:5], *(["..."] if len(rule.by_variable) > 5 else [])]
        return Scope(None, "skipped", f"none of its variables is there: {', '.join(names)}")
    for column, wanted in rule.where.items():
        chosen = matches(table[column], wanted)
        if not chosen.any() and rule.if_empty is None and _is_name(rule.table, column):
            return Scope(None, "skipped", f"no row has {column} {wanted}")
        rows = rows & chosen
    if not rows.any():
        return Scope(None, empty, f"no row has {dict(rule.where)}")
    if missing(rule, table)[rows].all():
        return Scope(None, without_values(rule), f"{', '.join(columns_of(rule))}: no value in any row")
    return Scope(rows)


def without_values(rule: Rule) -> Literal["no_data", "skipped"]:
    """The status where there are rows, but no value in any of them.

    Only a rule that ignores missing values can be out of place there; to any other they are as good as wrong.
    """
    return rule.if_empty or "no_data" if rule.missing == "ignore" else "no_data"


def missing(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    """Rows that lack a value that the rule needs, bool (row,).

    Where a combination of columns is looked at, the rows that lack all of them. None are missing for a rule about
    missing values.
    """
    columns = list(columns_of(rule))
    if not columns or rule.expectation in _MISSING_IS_THE_POINT:
        return np.zeros(len(rows), dtype=bool)
    absent = [rows[column].isna().to_numpy(dtype=bool) for column in columns]
    together = "column_list" in rule.arguments or "column_set" in rule.arguments
    return np.asarray((np.logical_and if together else np.logical_or).reduce(absent))


def matches(column: pd.Series, wanted: Any) -> np.ndarray:
    """Where a column has the value, one of the list of values, or a value in the range `{min, max}`; bool (row,)."""
    if isinstance(wanted, Mapping):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray((values >= wanted.get("min", -np.inf)) & (values <= wanted.get("max", np.inf)))
    values = wanted if isinstance(wanted, list) else [wanted]
    chosen = column.isin([v for v in values if v is not None])
    if None in values:
        chosen = chosen | column.isna()
    return np.asarray(chosen.to_numpy(dtype=bool))


def _is_name(table: str, column: str) -> bool:
    """Whether a column names what the row is about (variable, level, array), rather than how it is."""
    dtype = next((c.dtype for c in schemas.columns_of(table) if c.name == column), "")
    return dtype == "str" or column in ("level", "member")
