"""Rules compiled to Great Expectations suites and run over the tables. The only module that imports it.

As few batches as there are different rows to look at; one suite each, one expectation for a rule, however many
variables there are. Results are joined by rule id, for their order is not that of the suite.
"""

from __future__ import annotations

import difflib
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import RuleFileError
from dqwatch.expectations.by_variable import excess, excess_name
from dqwatch.expectations.rule_files import find_problems, load_rule_sets
from dqwatch.expectations.vocabulary import BY_EXPECTATION, ROW_KEYS, columns_of
from dqwatch.types import Finding, Rule, RuleSet

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dqwatch.expectations.waived import Waiving
    from dqwatch.expectations.waivers import WaiverFile


_BETWEEN = "expect_column_values_to_be_between"


class Evaluation(NamedTuple):
    """What the rules say of the tables."""

    results: tuple[Finding, ...]
    """One for each rule and variable, in the order of the rules."""
    seconds: float
    """Spent on it, the import of Great Expectations included."""
    expectations: int = 0
    """How many expectations were run."""


class _Batch(NamedTuple):
    """Rows that several rules look at."""

    table: str
    rows: np.ndarray
    rules: list[Rule]


def preload() -> None:
    """Import Great Expectations, which takes seconds; it may run beside other work in a thread of its own."""
    _import()


def evaluate(
    rule_sets: Sequence[RuleSet], tables: Mapping[str, pd.DataFrame], waivers: WaiverFile | None = None
) -> Evaluation:
    """Run every rule over the tables.

    Parameters
    ----------
    rule_sets : sequence of RuleSet
        Where two hold a rule of one id, the later holds.
    tables : mapping of name to DataFrame
        As `dqwatch.tables.frame` makes them.
    waivers : WaiverFile, optional
        What they cover is `waived`; what is wrong with them comes as findings of its own, after the others.

    Returns
    -------
    Evaluation

    Raises
    ------
    RuleFileError
        If Great Expectations refuses the arguments of a rule; the message names file, rule and argument.
    """
    from dqwatch.expectations.findings import settled
    from dqwatch.expectations.scope import find_rows
    from dqwatch.expectations.waived import Waiving

    began = time.perf_counter()
    rules = {rule.id: rule for rule_set in rule_sets for rule in rule_set.rules}
    found: dict[str, list[Finding]] = {}
    batches: dict[tuple[str, bytes], _Batch] = {}
    waiving = Waiving(waivers)
    with _quiet():
        built = {rule.id: _build(rule) for rule in rules.values()}
        for rule in rules.values():
            scope = find_rows(rule, tables)
            if scope.rows is None:
                found[rule.id] = waiving.judge(rule, [settled(rule, scope.status, scope.reason)])
            else:
                key = (rule.table, scope.rows.tobytes())
                batches.setdefault(key, _Batch(rule.table, scope.rows, [])).rules.append(rule)
        for batch in batches.values():
            found |= _run(batch, tables[batch.table], built, waiving)
    return Evaluation(
        results=(*(f for rule_id in rules for f in found[rule_id]), *waiving.report()),
        seconds=time.perf_counter() - began,
        expectations=sum(len(batch.rules) for batch in batches.values()),
    )


def lint(path: str) -> list[str]:
    """Every problem of a rule file, one line each: where, what, got, allowed. Empty if there is none."""
    problems = find_problems(path)
    if problems:
        return problems
    for rule in load_rule_sets([path])[0].rules:
        try:
            with _quiet():
                _build(rule)
        except RuleFileError as error:
            problems.append(str(error))
    return problems


def _run(batch: _Batch, table: pd.DataFrame, built: Mapping[str, Any], waiving: Waiving) -> dict[str, list[Finding]]:
    """Findings of the rules of a batch, by rule id."""
    from dqwatch.expectations.findings import group_rows, read_result, settled

    wanted = dict.fromkeys((*ROW_KEYS, "param"))
    for rule in batch.rules:
        wanted |= dict.fromkeys((*columns_of(rule), *rule.show))
    rows = table[[c for c in wanted if c in table]]
    rows = rows if batch.rows.all() else rows[batch.rows]
    beyond = {excess_name(rule): excess(rule, rows) for rule in batch.rules if rule.by_variable}
    try:
        results = _validate(rows.assign(**beyond) if beyond else rows, [built[rule.id] for rule in batch.rules])
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the rule could not run, and that is a result
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return {rule.id: waiving.judge(rule, [settled(rule, "error", text)]) for rule in batch.rules}
    groups: dict[str | None, dict[str | None, np.ndarray]] = {}
    found = {}
    for rule in batch.rules:
        if rule.id not in results:
            found[rule.id] = waiving.judge(rule, [settled(rule, "error", "Great Expectations gave no result")])
            continue
        if rule.per not in groups:
            groups[rule.per] = group_rows(rule, rows)
        findings = list(read_result(rule, rows, groups[rule.per], results[rule.id]))
        found[rule.id] = waiving.judge(rule, findings, rows, groups[rule.per])
    return found


def _validate(rows: pd.DataFrame, expectations: list[Any]) -> dict[str, dict[str, Any]]:
    """Results of Great Expectations as dictionaries, by rule id."""
    gx = _import()
    from great_expectations.data_context.types import base

    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=base.ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_pandas("tables")
    definition = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("rows")
    batch = definition.get_batch(batch_parameters={"dataframe": rows})
    suite = gx.ExpectationSuite(name="rules", expectations=expectations)
    answer = batch.validate(suite, result_format="BASIC")
    return {
        result.expectation_config.meta["rule_id"]: {
            "success": result.success,
            "result": result.result,
            "exception_info": result.exception_info,
        }
        for result in answer.results
    }


def _build(rule: Rule) -> Any:
    """The expectation of a rule; Great Expectations checks its arguments."""
    _import()
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    place = f"{rule.file}: rule '{rule.id}'"
    name = _BETWEEN if rule.by_variable else rule.expectation
    try:
        kind = get_expectation_impl(name)
    except ExpectationNotFoundError as error:
        near = difflib.get_close_matches(rule.expectation, list_registered_expectation_implementations(), n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise RuleFileError(f"{place}: expect: Great Expectations has no '{rule.expectation}'{hint}") from error
    limits = {"column": excess_name(rule), "max_value": 0} if rule.by_variable else {}
    arguments = {**_domain(rule), **rule.arguments, **limits, "meta": {"rule_id": rule.id}}
    if "severity" in kind.__fields__:
        arguments["severity"] = rule.severity
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise RuleFileError(f"{place}: {_explain(error)}; {rule.expectation} takes {_arguments(kind)}") from error


def _domain(rule: Rule) -> dict[str, Any]:
    """The arguments that say which columns, and what to do where one of them is missing."""
    form = BY_EXPECTATION.get(rule.expectation)
    if form is not None and form.domain == "pair":
        return {"column_A": rule.column, "ignore_row_if": "either_value_is_missing"}
    if form is not None and form.domain == "columns":
        return {"ignore_row_if": "all_values_are_missing"}
    return {} if rule.column is None else {"column": rule.column}


def _explain(error: Exception) -> str:
    """What is wrong with which argument, in one line."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return " ".join(str(error).split())
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors())


def _arguments(kind: Any) -> str:
    inner = ("id", "meta", "notes", "result_format", "description", "catch_exceptions", "rendered_content", "severity")
    dropped = (*inner, "windows", "batch_id", "column", "row_condition", "condition_parser")
    return ", ".join(name for name in kind.__fields__ if name not in dropped)


@cache
def _import() -> Any:
    """Great Expectations, told first to send nothing to anybody.

    What its many dependencies deprecate among themselves, differently with every version, is not ours to pass on. It
    changes the filters of the whole process on import; they are put back.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
    return gx


@contextmanager
def _quiet() -> Iterator[None]:
    """What Great Expectations does with a pattern is warned about by pandas; the pattern is as its author means it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular", category=UserWarning)
        yield
