"""The schemas of the tables: what a table always has, what it may have, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from dqwatch import tables
from dqwatch.tables import OPTIONAL, TABLES, Column

EMPTY = {c.name: [] for c in TABLES["times"]}
ROUGH = Column("rough", "float", "1", "roughness")
BLOCKY = Column("blocky", "int", "cells", "cells that repeat")


@pytest.fixture(autouse=True)
def _own_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIONAL, "times", ())


def test_a_table_has_its_columns_and_any_of_the_optional_ones() -> None:
    tables.declare("times", ROUGH, BLOCKY)
    base = [c.name for c in TABLES["times"]]
    assert list(tables.frame("times", EMPTY)) == base
    made = tables.frame("times", {"blocky": [], **EMPTY})
    assert list(made) == [*base, "blocky"]
    assert made["blocky"].dtype == np.int64
    assert list(tables.frame("times", {"blocky": [], "rough": [], **EMPTY})) == [*base, "rough", "blocky"]


def test_a_column_too_few_or_unknown_is_refused() -> None:
    with pytest.raises(KeyError, match="table 'times': columns differ from the schema: axis, rough"):
        tables.frame("times", {n: [] for n in [*EMPTY, "rough"] if n != "axis"})


def test_declaring_twice_is_declaring_once_and_a_clash_is_refused() -> None:
    tables.declare("times", ROUGH)
    tables.declare("times", ROUGH, BLOCKY)
    assert tables.columns_of("times") == (*TABLES["times"], ROUGH, BLOCKY)
    for taken in ("rough", "axis"):
        with pytest.raises(ValueError, match=f"table 'times' has a column '{taken}' already"):
            tables.declare("times", Column(taken, "bool", "", "something else"))
    with pytest.raises(ValueError, match="column 'x': no dtype 'double'"):
        tables.declare("times", Column("x", "double", "", ""))
    with pytest.raises(KeyError):
        tables.declare("nosuch", ROUGH)


@pytest.mark.parametrize("name", TABLES)
def test_the_schemas_are_sound(name: str) -> None:
    columns = tables.columns_of(name)
    assert len({c.name for c in columns}) == len(columns)
    assert all(c.meaning for c in columns)
    assert OPTIONAL.keys() <= TABLES.keys()
