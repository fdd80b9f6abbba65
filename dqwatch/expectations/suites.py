"""Rules compiled to Great Expectations suites and run over the tables.

As few batches as there are different rows to look at; one suite each, one expectation for a rule, however many
variables there are. Results are joined by rule id, for their order is not that of the suite.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dqwatch.errors import RuleFileError
from dqwatch.expectations.by_variable import excess, excess_name
from dqwatch.expectations.engine import build, by_rule, load_gx, quiet, validate
from dqwatch.expectations.rule_files import find_problems, load_rule_sets
from dqwatch.expectations.vocabulary import ROW_KEYS, columns_of
from dqwatch.types import Finding, Rule, RuleSet

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from dqwatch.expectations.waived import Waiving
    from dqwatch.expectations.waivers import WaiverFile


class Evaluation(NamedTuple):
    """What the rules say of the tables."""

    results: tuple[Finding, ...]
    """One for each rule and variable, in the order of the rules."""
    seconds: float
    """Spent on it, the import of Great Expectations included."""
    expectations: int = 0
    """How many expectations were run."""
    answers: tuple[tuple[str, Any], ...] = ()
    """What Great Expectations answered, an ExpectationSuiteValidationResult for each part of a table, named by it."""


class _Batch(NamedTuple):
    """Rows that several rules look at."""

    table: str
    rows: np.ndarray
    rules: list[Rule]


def preload() -> None:
    """Import Great Expectations, which takes seconds; it may run beside other work in a thread of its own."""
    load_gx()


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
    answers: list[tuple[str, Any]] = []
    with quiet():
        built = {rule.id: build(rule) for rule in rules.values()}
        for rule in rules.values():
            scope = find_rows(rule, tables)
            if scope.rows is None:
                found[rule.id] = waiving.judge(rule, [settled(rule, scope.status, scope.reason)])
            else:
                key = (rule.table, scope.rows.tobytes())
                batches.setdefault(key, _Batch(rule.table, scope.rows, [])).rules.append(rule)
        for batch in batches.values():
            found |= _run(batch, tables[batch.table], built, waiving, answers)
    return Evaluation(
        results=(*(f for rule_id in rules for f in found[rule_id]), *waiving.report()),
        seconds=time.perf_counter() - began,
        expectations=sum(len(batch.rules) for batch in batches.values()),
        answers=tuple(answers),
    )


def lint(path: str) -> list[str]:
    """Every problem of a rule file, one line each: where, what, got, allowed. Empty if there is none."""
    problems = find_problems(path)
    if problems:
        return problems
    for rule in load_rule_sets([path])[0].rules:
        try:
            with quiet():
                build(rule)
        except RuleFileError as error:
            problems.append(str(error))
    return problems


def _run(
    batch: _Batch, table: pd.DataFrame, built: Mapping[str, Any], waiving: Waiving, answers: list[tuple[str, Any]]
) -> dict[str, list[Finding]]:
    """Findings of the rules of a batch, by rule id; what Great Expectations answers is added to `answers`."""
    from dqwatch.expectations.findings import group_rows, read_result, settled

    wanted = dict.fromkeys((*ROW_KEYS, "param"))
    for rule in batch.rules:
        wanted |= dict.fromkeys((*columns_of(rule), *rule.show))
    rows = table[[c for c in wanted if c in table]]
    rows = rows if batch.rows.all() else rows[batch.rows]
    beyond = {excess_name(rule): excess(rule, rows) for rule in batch.rules if rule.by_variable}
    try:
        answer = validate(rows.assign(**beyond) if beyond else rows, [built[rule.id] for rule in batch.rules])
        results = by_rule(answer)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the rule could not run, and that is a result
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return {rule.id: waiving.judge(rule, [settled(rule, "error", text)]) for rule in batch.rules}
    answers.append((batch.table, answer))
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
