"""Every relation: holds in a clean state, is broken by its corrupter, leaves out what is missing, has right units."""

from __future__ import annotations

import corrupt
import numpy as np
import pytest
from metrics.relations.clean import LEVELS, clean_context, clean_state

from dqwatch.catalogue import load_catalogue
from dqwatch.metrics.relations import PREVIOUS, RELATIONS, SERIES, Context, Relation
from dqwatch.metrics.relations.definitions import UNITS

NAMES = [f"{relation.id}-{relation.variables or relation.optional}" for relation in RELATIONS]


STATE = clean_state(clean_context())


def example(relation: Relation, *, optional: bool = True) -> tuple[dict[str, np.ndarray], Context]:
    """The fields of a relation from the clean state, and their context; levels 850 and 700."""
    context = clean_context(lead_h=0.0 if relation.id == "accum_start" else 12.0)
    state = dict(STATE)
    if relation.id == "accum_start":
        state[relation.variables[0]] = 0.0 * state[relation.variables[0]]
    fields = {}
    for name in (*relation.variables, *(relation.optional if optional else relation.optional[: relation.least])):
        levels = {"": (), "each": (850,), "pairs": (850, 700)}[relation.levels]
        spelt = [f"{name[:-1]}{level}" for level in levels] if name.endswith("*") else [name]
        fields |= {n: state[n] for n in spelt}
    return fields, context


def spoil(relation: Relation, fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if relation.id == "accum_start":
        fields = {name: STATE[name] for name in relation.variables}
    return corrupt.CORRUPTERS[relation.id](fields)


@pytest.mark.parametrize("relation", RELATIONS, ids=NAMES)
@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clean_state_holds(relation: Relation, optional: bool, dtype: type) -> None:
    fields, context = example(relation, optional=optional)
    found = relation({name: f.astype(dtype) for name, f in fields.items()}, context)
    assert found.n_checked > 20
    assert found.n_violations == 0


@pytest.mark.parametrize("relation", RELATIONS, ids=NAMES)
def test_its_corrupter_breaks_it(relation: Relation) -> None:
    fields, context = example(relation)
    before = {name: f.copy() for name, f in fields.items()}
    found = relation(spoil(relation, fields), context)
    assert found.share > relation.share
    assert found.worst > relation.tolerance
    assert 0 <= found.worst_cell < context.latitudes.size
    assert all(np.array_equal(f, before[name], equal_nan=True) for name, f in fields.items())


@pytest.mark.parametrize("relation", RELATIONS, ids=NAMES)
def test_missing_cells_are_not_checked(relation: Relation) -> None:
    fields, context = example(relation)
    all_checked = relation(fields, context)
    name = (relation.variables or relation.optional)[-1]
    name = next(n for n in fields if n.startswith(name.removesuffix("*")))
    gone = np.zeros(fields[name].size, bool)
    gone[::3] = True
    for missing in (np.nan, np.inf, -np.inf):
        found = relation({**fields, name: np.where(gone, missing, fields[name])}, context)
        if relation.id in ("lsm", "soil_porosity"):
            continue
        assert 0 < found.n_checked < all_checked.n_checked
        assert found.n_violations == 0
    nothing = relation({n: np.full_like(f, np.nan) for n, f in fields.items()}, context)
    assert nothing[:2] == (0, 0)
    assert np.isnan(nothing.worst)
    assert np.isnan(nothing.share)
    assert nothing.worst_cell == -1


def test_every_relation_has_a_corrupter_and_no_other_has() -> None:
    assert {relation.id for relation in RELATIONS} == corrupt.CORRUPTERS.keys()


def test_units_are_those_of_the_catalogue() -> None:
    entries = load_catalogue().entries
    for name, units in UNITS.items():
        assert entries[name.removesuffix("_*")].units == units, name
    used = {name.removesuffix(PREVIOUS) for relation in RELATIONS for name in relation.units}
    assert used | {series.variable for series in SERIES} == UNITS.keys()


def test_records_are_whole() -> None:
    for relation in RELATIONS:
        assert relation.text
        assert relation.tolerance_source
        assert 0 <= relation.share < 0.1
        assert relation.least <= len(relation.optional)
        assert relation.units.keys() == {*relation.variables, *relation.optional}
        assert bool(relation.levels) == any(name.endswith("*") for name in relation.variables)
    keys = [(relation.id, relation.variables, relation.optional) for relation in RELATIONS]
    assert len(set(keys)) == len(keys)


def test_levels_of_the_clean_state_hold_together() -> None:
    """Many levels in one call are judged pair by pair."""
    context = clean_context()
    for relation in RELATIONS:
        if relation.levels == "pairs":
            stems = [name[:-1] for name in (*relation.variables, *relation.optional) if name.endswith("*")]
            fields = {f"{stem}{level}": STATE[f"{stem}{level}"] for stem in stems for level in LEVELS}
            found = relation(fields, context)
            assert found.n_checked == (len(LEVELS) - 1) * context.latitudes.size
            assert found.n_violations == 0
