"""The rules on data against a baseline: levels, exact checks, and nulls that are too small to reach a level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqwatch import tables
from dqwatch.expectations import evaluate, load_rule_sets

(RULES,) = load_rule_sets(["drift"])


def rows(table: str, given: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows with what is given; zeros, '' and false besides."""
    empty = {"str": "", "float": 0.0, "int": 0, "bool": False}
    columns = {c.name: [row.get(c.name, empty[c.dtype]) for row in given] for c in tables.TABLES[table]}
    return tables.frame(table, columns)


def cycle(p: float, *, warning: float | None = None, critical: float | None = None, **more: Any) -> dict[str, Any]:
    given = {"p_cycle": p, "p_warning": p if warning is None else warning, "null_size": 1218, "n_variables": 2}
    return {**given, "p_critical": p if critical is None else critical, **more}


def statuses(cycles: list[dict[str, Any]], drift: list[dict[str, Any]] | None = None) -> dict[str, str]:
    quiet: list[dict[str, Any]] = [{"variable": "2t", "p_value": 0.5}, {"variable": "swvl1", "p_value": 0.4}]
    slow = rows("slow", [{"variable": "2t", "p_warning": 0.5}])
    given = {"cycles": rows("cycles", cycles), "drift": rows("drift", drift or quiet), "slow": slow}
    found = evaluate([RULES], given).results
    order = {"pass": 0, "skipped": 1, "fail": 2}
    worst: dict[str, str] = {}
    for finding in found:
        worst[finding.rule] = max(worst.get(finding.rule, "pass"), finding.status, key=lambda s: order.get(s, 3))
    return worst


def test_an_ordinary_cycle_passes_every_rule() -> None:
    assert set(statuses([cycle(0.4), cycle(0.02)]).values()) == {"pass"}


@pytest.mark.parametrize(
    ("p", "failing"),
    [(0.0101, set()), (0.01, {"drift.cycle_unusual"}), (0.001, {"drift.cycle", "drift.cycle_unusual"})],
)
def test_levels_close_at_and_below_their_p(p: float, failing: set[str]) -> None:
    found = statuses([cycle(0.5), cycle(p)])
    assert {rule for rule, status in found.items() if status == "fail"} == failing


def test_a_level_that_the_null_is_too_small_for_is_skipped() -> None:
    found = statuses([cycle(1 / 501, critical=np.nan)])
    assert found["drift.cycle"] == "skipped"
    assert found["drift.cycle_unusual"] == "fail"
    tiny = statuses([cycle(1 / 51, critical=np.nan, warning=np.nan)])
    assert (tiny["drift.cycle"], tiny["drift.cycle_unusual"]) == ("skipped", "skipped")


def test_an_exact_check_that_fails_is_critical_whatever_the_null() -> None:
    drift = [{"variable": "lsm", "n_exact": 1, "exact": "3 cells differ from training", "reason": "constant"}]
    results = evaluate([RULES], {"cycles": rows("cycles", [cycle(0.5)]), "drift": rows("drift", drift)}).results
    failed = {f.rule: f.severity for f in results if f.status == "fail"}
    assert failed == {"drift.exact": "critical"}
    (finding,) = (f for f in results if f.rule == "drift.exact")
    assert (finding.variable, finding.first_failures[0]["exact"]) == ("lsm", "3 cells differ from training")


def test_variables_are_named_one_by_one() -> None:
    drift = [{"variable": "swvl1", "alarmed": True, "region": "0N-30N 16W-16E"}, {"variable": "2t"}]
    results = evaluate([RULES], {"cycles": rows("cycles", [cycle(0.5)]), "drift": rows("drift", drift)}).results
    named = [f for f in results if f.rule == "drift.variables" and f.status == "fail"]
    assert [(f.variable, f.first_failures[0]["region"]) for f in named] == [("swvl1", "0N-30N 16W-16E")]


def test_a_cycle_that_was_not_compared_has_not_passed() -> None:
    found = statuses([cycle(np.nan, n_variables=0, reason="no score that training has too")])
    assert found["drift.scored"] == "fail"


@pytest.mark.parametrize(("p", "status"), [(0.11, "pass"), (0.1, "fail"), (1 / 21, "fail"), (np.nan, "skipped")])
def test_slow_drift_warns_at_one_year_in_ten(p: float, status: str) -> None:
    slow = [{"variable": "swvl1", "p_year": 0.05, "p_warning": p, "region": "tropics"}]
    found = evaluate([RULES], {"cycles": rows("cycles", [cycle(0.5)]), "slow": rows("slow", slow)}).results
    assert {(f.status, f.severity) for f in found if f.rule == "drift.slow"} == {(status, "warning")}


def test_every_drift_rule_is_tripped_here() -> None:
    tripped = {"drift.cycle", "drift.cycle_unusual", "drift.exact", "drift.variables", "drift.scored", "drift.slow"}
    assert {rule.id for rule in RULES.rules} == tripped
