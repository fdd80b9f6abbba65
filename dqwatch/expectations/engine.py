"""Great Expectations itself: imported, kept quiet and offline, its expectations built and run."""

from __future__ import annotations

import difflib
import os
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import RuleFileError
from dqwatch.expectations.by_variable import excess_name
from dqwatch.expectations.vocabulary import BY_EXPECTATION
from dqwatch.types import Rule

if TYPE_CHECKING:
    import pandas as pd

_BETWEEN = "expect_column_values_to_be_between"
_ONE_BY_ONE = threading.Lock()
"""Great Expectations has one project for the whole process."""


@cache
def load_gx() -> Any:
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
def quiet() -> Iterator[None]:
    """What Great Expectations does with a pattern is warned about by pandas; the pattern is as its author means it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This pattern is interpreted as a regular", category=UserWarning)
        yield


def make_context(**settings: Any) -> Any:
    """A context of Great Expectations in memory that writes and sends nothing, whatever the environment says."""
    gx = load_gx()
    from great_expectations.data_context.types import base

    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=base.ProgressBarsConfig(globally=False),
        **settings,
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def validate(rows: pd.DataFrame, expectations: Sequence[Any]) -> Any:
    """The answer of Great Expectations (an ExpectationSuiteValidationResult) on some rows."""
    gx = load_gx()
    from great_expectations.data_context.data_context.context_factory import set_context

    suite = gx.ExpectationSuite(name="rules", expectations=list(expectations))
    with _ONE_BY_ONE:
        place = _make_place()
        set_context(place.context)
        try:
            batch = place.definition.get_batch(batch_parameters={"dataframe": rows})
            return batch.validate(suite, result_format="BASIC")
        finally:
            kept = place.source.get_execution_engine().batch_manager
            kept.reset_batch_cache()
            kept.batch_data_cache.clear()


class _Place(NamedTuple):
    """Where batches are validated."""

    context: Any
    source: Any
    definition: Any


@cache
def _make_place() -> _Place:
    """One for all batches of this process: making it takes longer than most of them."""
    context = make_context()
    source = context.data_sources.add_pandas("tables")
    return _Place(context, source, source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("rows"))


def by_rule(answer: Any) -> dict[str, dict[str, Any]]:
    """The results of an answer as dictionaries, by rule id; their order is not that of the suite."""
    return {
        result.expectation_config.meta["rule_id"]: {
            "success": result.success,
            "result": result.result,
            "exception_info": result.exception_info,
        }
        for result in answer.results
    }


def build(rule: Rule) -> Any:
    """The expectation of a rule; Great Expectations checks its arguments.

    Limits by variable become one limit of the column that `by_variable.excess` makes.

    Raises
    ------
    RuleFileError
        If Great Expectations refuses the arguments; the message names file, rule and argument.
    """
    name = _BETWEEN if rule.by_variable else rule.expectation
    limits = {"column": excess_name(rule), "max_value": 0} if rule.by_variable else {}
    return build_as(rule, name, {**domain(rule), **rule.arguments, **limits})


def build_as(rule: Rule, name: str, arguments: Mapping[str, Any], **meta: Any) -> Any:
    """An expectation by its snake name, with the severity and the words of a rule.

    Raises
    ------
    RuleFileError
        As for `build`.
    """
    load_gx()
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    place = f"{rule.file}: rule '{rule.id}'"
    try:
        kind = get_expectation_impl(name)
    except ExpectationNotFoundError as error:
        near = difflib.get_close_matches(name, list_registered_expectation_implementations(), n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        raise RuleFileError(f"{place}: expect: Great Expectations has no '{name}'{hint}") from error
    words: dict[str, Any] = {"meta": {"rule_id": rule.id, **meta}, "notes": [rule.title, rule.hint]}
    if "severity" in kind.__fields__:
        words["severity"] = rule.severity
    try:
        return kind(**arguments, **words)
    except (TypeError, ValueError) as error:
        raise RuleFileError(f"{place}: {_explain(error)}; {name} takes {_arguments(kind)}") from error


def domain(rule: Rule) -> dict[str, Any]:
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
