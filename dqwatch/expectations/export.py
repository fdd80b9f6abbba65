"""Rule sets as suites of Great Expectations, for those who run it themselves: one JSON file for each table.

The suites ask what the rules ask: rows are chosen by row conditions, limits by variable become an expectation for each
variable, and where a missing value is wrong a second expectation says so, as Great Expectations passes over missing
values. What they cannot say: that a rule is skipped where its table or variable is absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dqwatch.errors import UsageError
from dqwatch.expectations.engine import build_as, domain, load_gx, quiet
from dqwatch.expectations.vocabulary import columns_of
from dqwatch.types import Rule, RuleSet

_NOT_NULL = "expect_column_values_to_not_be_null"
_ABOUT_MISSING = (_NOT_NULL, "expect_column_values_to_be_null")


def export_suites(rule_set: RuleSet) -> dict[str, str]:
    """The JSON of a suite for each table that rules look at, by file name.

    Parameters
    ----------
    rule_set : RuleSet

    Returns
    -------
    dict of str to str
        `NAME.TABLE.json` to its text; `ExpectationSuite(**json.loads(text))` makes the suite again.

    Raises
    ------
    RuleFileError
        If Great Expectations refuses the arguments of a rule.
    UsageError
        If a rule chooses rows in a way that row conditions cannot express.
    """
    gx = load_gx()
    expectations: dict[str, list[Any]] = {}
    with quiet():
        for rule in rule_set.rules:
            expectations.setdefault(rule.table, []).extend(_expectations(rule))
        found = {}
        for table, own in expectations.items():
            meta = {"rule_set": rule_set.name, "table": table, "sha256": rule_set.sha256}
            suite = gx.ExpectationSuite(name=f"{rule_set.name}.{table}", expectations=own, meta=meta)
            name = re.sub(r"[^\w.\-]", "_", f"{rule_set.name}.{table}.json")
            found[name] = json.dumps(suite.to_json_dict(), indent=2) + "\n"
    return found


def _expectations(rule: Rule) -> Iterator[Any]:
    """What a rule asks, in expectations that stand for themselves."""
    meta = {"table": rule.table, "why": rule.why, "source": rule.source}
    limits: list[tuple[str | None, Mapping[str, Any]]] = [*rule.by_variable.items()] or [(None, {})]
    for variable, own in limits:
        where = [*rule.where.items(), *([("variable", variable)] if variable is not None else [])]
        rows = _condition(rule, where)
        told = {**meta, **({"variable": variable} if variable is not None else {})}
        yield build_as(rule, rule.expectation, {**domain(rule), **rule.arguments, **own, **rows}, **told)
        if rule.missing == "fail" and rule.expectation not in _ABOUT_MISSING:
            mostly = {"mostly": rule.arguments["mostly"]} if "mostly" in rule.arguments else {}
            for column in columns_of(rule):
                yield build_as(rule, _NOT_NULL, {"column": column, **mostly, **rows}, **told, part="values are there")


def _condition(rule: Rule, where: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The arguments that choose rows; none where all are chosen."""
    load_gx()
    from great_expectations.expectations import row_conditions

    terms = [term for column, wanted in where for term in _terms(rule, column, wanted)]
    if not terms:
        return {}
    if not hasattr(row_conditions, "Column"):  # before Great Expectations 1.8: text for pandas
        return {"row_condition": " and ".join(_in_pandas(*term) for term in terms), "condition_parser": "pandas"}
    conditions = [_in_objects(row_conditions.Column(column), operator, value) for column, operator, value in terms]
    whole = conditions[0]
    for condition in conditions[1:]:
        whole = whole & condition
    return {"row_condition": whole}


def _terms(rule: Rule, column: str, wanted: Any) -> Iterator[tuple[str, str, Any]]:
    """Column, operator and value of each comparison that makes a choice of rows."""
    if isinstance(wanted, Mapping):
        yield from ((column, {"min": ">=", "max": "<="}[key], value) for key, value in wanted.items())
    elif isinstance(wanted, list) and len(wanted) > 1:
        if None in wanted:
            raise UsageError(
                f"{rule.file}: rule '{rule.id}': where.{column}: Great Expectations cannot choose rows that have a "
                "value or none; give it one rule for each"
            )
        yield column, "in", wanted
    else:
        value = wanted[0] if isinstance(wanted, list) else wanted
        yield column, "==" if value is not None else "is null", value


def _in_objects(column: Any, operator: str, value: Any) -> Any:
    if operator == "in":
        return column.is_in(value)
    if operator == "is null":
        return column.is_null()
    return {"==": column.__eq__, ">=": column.__ge__, "<=": column.__le__}[operator](value)


def _in_pandas(column: str, operator: str, value: Any) -> str:
    return f"{column} != {column}" if operator == "is null" else f"{column} {operator} {value!r}"
