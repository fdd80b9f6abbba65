"""Which rows fail an expectation, in pandas: Great Expectations counts failing rows, but is slow to name them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dqwatch.expectations.by_variable import excess
from dqwatch.expectations.scope import missing
from dqwatch.types import Rule

if TYPE_CHECKING:
    import pandas as pd


def failing(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    """Rows with a value that fails, bool (row,); rows without a value are not among them.

    Parameters
    ----------
    rule : Rule
        Its expectation must be one of `vocabulary.ROW_WISE`.
    rows : DataFrame
        The rows that it looks at.
    """
    if rule.by_variable:
        return np.asarray(excess(rule, rows) > 0)
    fails = np.asarray(_MASKS[rule.expectation](rule, rows), dtype=bool)
    return np.asarray(fails & ~missing(rule, rows))


def exceedance(rule: Rule, rows: pd.DataFrame) -> np.ndarray | None:
    """How far each value is beyond its limit, float64 (row,), negative within, -inf where missing.

    None for an expectation without an order of bad and worse.
    """
    arguments = rule.arguments
    if rule.expectation == "expect_column_values_to_be_between" and rule.by_variable:
        beyond = excess(rule, rows)
    elif rule.expectation == "expect_column_values_to_be_between":
        values = _floats(rows[rule.column])
        low, high = arguments.get("min_value"), arguments.get("max_value")
        below = -np.inf if low is None else low - values
        above = -np.inf if high is None else values - high
        beyond = np.fmax(below, above)
    elif rule.expectation == "expect_column_pair_values_a_to_be_greater_than_b":
        with np.errstate(invalid="ignore"):
            beyond = _floats(rows[arguments["column_B"]]) - _floats(rows[rule.column])
    else:
        return None
    return np.where(np.isnan(beyond), -np.inf, beyond)


def _floats(column: pd.Series) -> np.ndarray:
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _outside(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    arguments = rule.arguments
    values = rows[rule.column].to_numpy()
    low, high = arguments.get("min_value"), arguments.get("max_value")
    fails = np.zeros(len(values), dtype=bool)
    if low is not None:
        fails |= (values <= low) if arguments.get("strict_min") else (values < low)
    if high is not None:
        fails |= (values >= high) if arguments.get("strict_max") else (values > high)
    return fails


def _not_greater(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    a, b = rows[rule.column].to_numpy(), rows[rule.arguments["column_B"]].to_numpy()
    return np.asarray(a < b if rule.arguments.get("or_equal") else a <= b)


def _unequal(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    unequal = rows[rule.column] != rows[rule.arguments["column_B"]]
    return np.asarray(unequal.fillna(False).to_numpy(dtype=bool))


def _has_match(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    """Each distinct text is looked at once."""
    search = re.compile(rule.arguments["regex"]).search
    column = rows[rule.column]
    found = {text: search(str(text)) is not None for text in column.dropna().unique()}
    return np.fromiter((found.get(text, False) for text in column), dtype=bool, count=len(column))


def _in_set(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(rows[rule.column].isin(list(rule.arguments["value_set"])).to_numpy(dtype=bool))


def _repeated(columns: list[str], rows: pd.DataFrame) -> np.ndarray:
    return np.asarray(rows.duplicated(columns, keep=False).to_numpy())


_MASKS: dict[str, Callable[[Rule, pd.DataFrame], np.ndarray]] = {
    "expect_column_values_to_be_between": _outside,
    "expect_column_values_to_be_in_set": lambda rule, rows: ~_in_set(rule, rows),
    "expect_column_values_to_not_be_in_set": _in_set,
    "expect_column_values_to_not_be_null": lambda rule, rows: rows[rule.column].isna().to_numpy(),
    "expect_column_values_to_be_null": lambda rule, rows: rows[rule.column].notna().to_numpy(),
    "expect_column_values_to_be_unique": lambda rule, rows: _repeated([str(rule.column)], rows),
    "expect_compound_columns_to_be_unique": lambda rule, rows: _repeated(list(rule.arguments["column_list"]), rows),
    "expect_column_values_to_match_regex": lambda rule, rows: ~_has_match(rule, rows),
    "expect_column_values_to_not_match_regex": _has_match,
    "expect_column_pair_values_a_to_be_greater_than_b": _not_greater,
    "expect_column_pair_values_to_be_equal": _unequal,
}
