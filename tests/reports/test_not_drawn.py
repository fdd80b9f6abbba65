"""Pages say what their figures leave out, and where it is to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser.cases import TIMES, field_map, filled
from reports.test_html import fields, verdict
from reports.test_html_drift import areas, null_tables

from dqwatch.digest import Digest
from dqwatch.reports import html_history
from dqwatch.reports.html_drift import nulls_section
from dqwatch.reports.html_maps import departures_section, fields_section
from dqwatch.reports.html_page import not_drawn
from dqwatch.reports.html_series import cycles_section, series_section
from dqwatch.types import Finding, Rule, RuleSet, Verdict

LEFT_OUT = "not drawn"


@pytest.mark.parametrize(("more", "told"), [
    (-1, ""),
    (0, ""),
    (1, "<p class='soft'>1 more column with findings is not drawn: see the table.</p>"),
    (1200, "<p class='soft'>1,200 more columns with findings are not drawn: see the table.</p>"),
])  # fmt: skip
def test_the_sentence_counts_what_is_left_out(more: int, told: str) -> None:
    assert not_drawn(more, "column with findings", "the table") == told


def found(names: Sequence[str]) -> Verdict:
    """A finding about a field of each variable."""
    rule = Rule("nan.none", "fields", "n_nan_unexpected", "expect_column_values_to_be_between",
                {"min_value": 0, "max_value": 0}, "critical", "No missing values", "", per="variable")  # fmt: skip
    table = fields(names, TIMES[:6], {(name, TIMES[0]): 7 for name in names})
    results = [Finding("nan.none", "critical", "fail", "fields", "n_nan_unexpected", n, time=TIMES[0]) for n in names]
    passed = Finding("nan.none", "critical", "pass", "fields", "n_inf", names[0])
    mine = RuleSet("mine", "mine.yaml", "0" * 64, "", (rule,))
    maps = (field_map(),) * min(3, len(names))
    return verdict(results=(*results, *results, passed), table=table, rule_sets=(mine,), maps=maps)


def names(n: int) -> list[str]:
    return [f"v{k}" for k in range(n)]


def test_series_that_are_not_drawn_are_counted() -> None:
    options = {"most": 6, "points": 1500}
    assert "4 more columns with findings are not drawn: see the tables of --tables." in series_section(
        found(names(10)), options
    )
    all_of_them = series_section(found(names(6)), options)
    assert "Over time" in all_of_them
    assert LEFT_OUT not in all_of_them


def test_fields_that_have_no_map_are_counted() -> None:
    told = fields_section(found(names(10)), {"most": 3})
    assert "7 more fields that findings name are not drawn: see the table fields of --tables." in told
    assert "9 more fields" in fields_section(found(names(10)), {"most": 1})
    all_of_them = fields_section(found(names(3)), {"most": 3})
    assert "The fields in question" in all_of_them
    assert LEFT_OUT not in all_of_them


def drifted(n: int, **held: pd.DataFrame) -> Verdict:
    """A drift about `n` variables; two that are usual."""
    variables = [{"variable": name, "named": k < n} for k, name in enumerate(names(n + 2))]
    return verdict(drift={"time": TIMES[0], "variables": variables}, tables=held)


def test_departures_that_have_no_map_are_counted_also_those_without_areas() -> None:
    held = pd.concat([areas(name) for name in names(6)], ignore_index=True)
    told = departures_section(drifted(9, areas=held), {"most": 4})
    assert "5 more variables are not drawn: see the table scorecard of --tables." in told
    few = departures_section(drifted(4, areas=held[held["variable"].isin(names(4))]), {"most": 4})
    assert "Where it departs" in few
    assert LEFT_OUT not in few


def test_scores_that_have_no_histogram_are_counted() -> None:
    held = null_tables(2.5)
    many = {key: pd.concat([table.assign(variable=n) for n in names(6)]) for key, table in held.items()}
    told = nulls_section(drifted(7, **many), {"most": 4})
    assert "3 more variables are not drawn: see the table drift of --tables." in told
    assert "2 more variables" in nulls_section(verdict(tables=many), {"most": 4})
    few = nulls_section(verdict(tables=held), {"most": 4})
    assert "Against training" in few
    assert LEFT_OUT not in few


def test_variables_that_are_not_drawn_cycle_by_cycle_are_counted() -> None:
    n = len(TIMES)

    def cycles(of: int) -> dict[str, pd.DataFrame]:
        drift = [filled("drift", n, time=TIMES, variable=[name] * n, departure=np.ones(n)) for name in names(of)]
        unknown = filled("drift", n, time=TIMES, variable=["unknown"] * n, departure=np.full(n, np.nan))
        return {
            "cycles": filled("cycles", n, time=TIMES, p_cycle=np.full(n, 0.5)),
            "drift": pd.concat([*drift, unknown]),
        }

    told = cycles_section(verdict(tables=cycles(5)), {"variables": 3})
    assert "2 more variables are not drawn: see the table drift of --tables." in told
    few = cycles_section(verdict(tables=cycles(3)), {"variables": 3})
    assert "Cycle by cycle" in few
    assert LEFT_OUT not in few


def digest(n: int) -> Digest:
    """A history in which `n` variables drifted."""
    one: dict[str, Any] = {"labels": {}, "n_alarmed": 1, "n": 2, "lasting": False, "last_alarm": TIMES[0],
                           "share": None, "region": ""}  # fmt: skip
    rows = {"series": ["{}"] * n, "time": [TIMES[0]] * n, "valid_at": [pd.Timestamp(TIMES[0])] * n}
    drift = pd.DataFrame({**rows, "variable": names(n), "p_value": [0.001] * n})
    cycles = pd.DataFrame({**rows, "p_cycle": [0.5] * n, "variables": [""] * n})
    return Digest(
        history="h", status="pass", exit_code=0, since=datetime(2020, 1, 1), until=datetime(2020, 2, 1), labels={},
        runs={"total": 1, "pass": 1}, cycles={}, budget=(), variables=[{**one, "variable": v} for v in names(n)],
        regions=(), slow=(), left_out={"regions": 0, "slow": 0}, rules=(), failed=(), comparison=None, notes=(),
        seconds=0.0,
        tables={"cycles": cycles, "drift": drift},
    )  # fmt: skip


def test_variables_that_have_no_row_in_the_picture_of_a_history_are_counted() -> None:
    _, told = html_history.render_parts(digest(52))
    assert told.count("not drawn") == 1
    assert "12 more variables are not drawn: see the table below, or --json." in told
    _, few = html_history.render_parts(digest(40))
    assert "What drifted, when" in few
    assert LEFT_OUT not in few
