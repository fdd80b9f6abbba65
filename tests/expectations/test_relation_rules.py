"""The rules on relations: one for each, with its share; sound rows pass, a row beyond the share fails its rule only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqwatch import tables
from dqwatch.expectations import evaluate, load_rule_sets
from dqwatch.metrics.relations import RELATIONS, SERIES

(RULES,) = load_rule_sets(["relations"])
OF = {relation.id: relation for relation in RELATIONS}
PHASES = {"ssrd_zenith": "time.ssrd_phase", "warmth_phase": "time.warmth_phase"}


def rows(shares: dict[str, float]) -> pd.DataFrame:
    """One row for each relation, with these shares; 0 of the others."""
    names = [*OF, *PHASES]
    n = len(names)
    made: dict[str, Any] = {
        c.name: [0] * n if c.dtype in ("int", "float") else [""] * n for c in tables.TABLES["relations"]
    }
    joined = [" ".join(r.variables or r.optional) for r in OF.values()]
    made |= {"relation": names, "variable": [*joined, "ssrd", "2t"]}
    return tables.frame("relations", {**made, "share": [shares.get(name, 0.0) for name in names]})


def failed(shares: dict[str, float]) -> dict[str, str]:
    results = evaluate([RULES], {"relations": rows(shares)}).results
    return {f.rule: f.severity for f in results if f.status not in ("pass", "skipped")}


def test_every_relation_has_a_rule_with_its_share() -> None:
    assert {series.id for series in SERIES} == PHASES.keys()
    ids = {name: f"rel.{name}" for name in OF} | PHASES
    assert {rule.where["relation"]: rule.id for rule in RULES.rules} == ids
    for rule in RULES.rules:
        if rule.id in PHASES.values():
            assert rule.arguments["max_value"] == 0
            continue
        same = [relation for relation in RELATIONS if relation.id == rule.where["relation"]]
        assert {relation.share for relation in same} == {rule.arguments["max_value"]}, rule.id


def test_sound_rows_pass() -> None:
    assert failed({}) == {}
    assert failed({name: relation.share for name, relation in OF.items()}) == {}
    assert failed(dict.fromkeys(OF, np.nan)) == {}


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_more_than_the_share_fails_this_rule_alone(rule) -> None:
    name = rule.where["relation"]
    share = OF[name].share if name in OF else 0.0
    assert failed({name: share + 1e-6}) == {rule.id: rule.severity}


def test_what_cannot_be_wrong_in_healthy_data_is_critical() -> None:
    critical = {rule.where["relation"] for rule in RULES.rules if rule.severity == "critical"}
    assert critical == {"tas_order", "wind_mean", "accum", "accum_start", "levels_height", "lsm"}


def test_without_relations_all_are_skipped() -> None:
    empty = rows({}).iloc[:0]
    for given in ({}, {"relations": empty}):
        assert {f.status for f in evaluate([RULES], given).results} == {"skipped"}
