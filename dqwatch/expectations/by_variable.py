"""Limits of each variable's own in one rule: what they may be, and the rows that are beyond them.

Great Expectations is slow where rows are to be chosen for each expectation. So the limits of all variables make one
column, how far each value is beyond its own, of which one expectation asks that it is nowhere above 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dqwatch.expectations.values import check_argument, check_range, got, listed
from dqwatch.expectations.vocabulary import FORMS
from dqwatch.types import Rule

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEYS: Mapping[str, tuple[str, ...]] = {"between": ("min", "max"), "in_set": ("values",)}
"""Expectations that can have limits by variable, and the keys that each variable then takes."""


def check_limits(entry: Mapping[str, Any], dtypes: Mapping[str, str]) -> Iterator[str]:
    """Every fault of `by_variable`, one clause each.

    Parameters
    ----------
    entry : mapping
        As it stands in the file.
    dtypes : mapping of column to dtype
        Of the table of the rule.
    """
    limits, expect = entry["by_variable"], entry["expect"]
    if expect not in KEYS:
        yield f"by_variable: '{expect}' does not take it; {' and '.join(KEYS)} do"
        return
    if "variable" not in dtypes:
        yield f"by_variable: table '{entry['table']}' has no column 'variable'; give {listed(KEYS[expect])} instead"
    if not isinstance(limits, dict) or not limits:
        yield f"by_variable: got {got(limits)}; give variables, each with {' and '.join(KEYS[expect])}"
        return
    for key in FORMS[expect].arguments:
        if entry.get(key) is not None:
            yield f"{key}: given for each variable already; leave it or 'by_variable' out"
    if entry.get("per") == "none":
        yield "per: the limits are by variable, so is the result; leave 'per' out"
    for name, own in limits.items():
        yield from (f"by_variable.{name}: {problem}" for problem in _check_own(name, own, entry, dtypes))


def make_limits(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The limits by variable, in the words of Great Expectations; none where an entry has none."""
    limits: Mapping[str, Mapping[str, Any]] = entry.get("by_variable") or {}
    words = FORMS[entry["expect"]].arguments if limits else {}
    return {n: {words[k].expectation_name: v for k, v in own.items() if v is not None} for n, own in limits.items()}


def excess_name(rule: Rule) -> str:
    """The column that tells how far values are beyond their limits, as Great Expectations sees it."""
    return f"{rule.column} beyond the limits of {rule.id}"


def concerned(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    """Rows of variables that have limits, bool (row,)."""
    import numpy as np

    return np.asarray(rows["variable"].isin(list(rule.by_variable)).to_numpy(dtype=bool))


def excess(rule: Rule, rows: pd.DataFrame) -> np.ndarray:
    """How far each value is beyond its variable's limits, float64 (row,).

    0 or less within; NaN where there is no value; of sets, 1 beyond and 0 within.
    """
    import numpy as np

    codes, names = rows["variable"].factorize()
    own = [rule.by_variable[str(name)] for name in names]
    column = rows[rule.column]
    absent = column.isna().to_numpy(dtype=bool)
    if "set" in rule.expectation:
        outside = np.zeros(len(rows))
        for code, limits in enumerate(own):
            members = np.flatnonzero(codes == code)
            outside[members] = ~column.take(members).isin(limits["value_set"]).to_numpy(dtype=bool)
        return np.where(absent, np.nan, outside)
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    low = np.array([limits.get("min_value", -np.inf) for limits in own])[codes]
    high = np.array([limits.get("max_value", np.inf) for limits in own])[codes]
    with np.errstate(invalid="ignore"):  # an infinite value within an open end
        beyond = np.fmax(low - values, values - high)
    return np.where(absent, np.nan, np.where(np.isnan(beyond), -np.inf, beyond))


def _check_own(name: Any, own: Any, entry: Mapping[str, Any], dtypes: Mapping[str, str]) -> Iterator[str]:
    """The limits of one variable."""
    expect = entry["expect"]
    if not isinstance(name, str):
        yield f"got {got(name)} as the name of a variable; put it in quotes"
    if not isinstance(own, dict):
        yield f"got {got(own)}; give {' and '.join(KEYS[expect])}"
        return
    for key, value in own.items():
        if key not in KEYS[expect]:
            yield f"unknown key '{key}'; it takes {listed(KEYS[expect])}"
        elif value is not None:
            kind = FORMS[expect].arguments[key].kind
            yield from check_argument(key, kind, value, entry, str(entry["table"]), dtypes)
    if expect == "between":
        yield from check_range(own.get("min"), own.get("max"), "give one of them or both")
    elif own.get("values") is None:
        yield "key 'values' is missing"
