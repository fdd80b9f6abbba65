"""Relations judged while the scan passes: whatever the order of the fields, each time once, nothing left over."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource

from dqwatch.buffers import Buffers
from dqwatch.catalogue import load_catalogue
from dqwatch.metrics import scan
from dqwatch.metrics.known import know
from dqwatch.metrics.relate import Relate
from dqwatch.types import Variable

WANTED = {"relations": {"share"}}


def variable(name: str, units: str = "K") -> Variable:
    return Variable(name, name, name, units=units)


def moist(n: int = 12, cells: int = 40, seed: int = 0, units: str = "K") -> dict[Variable, np.ndarray]:
    """Temperature and dew point, the dew point too high by 5 K in the first k cells at time k."""
    rng = np.random.default_rng(seed)
    temperature = rng.normal(285, 5, (n, cells))
    dewpoint = temperature - 3
    for k in range(n):
        dewpoint[k, :k] = temperature[k, :k] + 5
    shift = {"K": 0.0, "degC": -273.15}[units]
    return {variable("2t"): temperature, variable("2d", units): dewpoint + shift}


def dew(source, **rest):
    table = scan(source, wanted=WANTED, **rest).tables["relations"]
    return table[table["relation"] == "td_le_t"]


@pytest.mark.parametrize("units", ["K", "degC"])
def test_each_time_is_judged_in_the_catalogue_s_units(units):
    table = dew(FakeSource(moist(units=units)))
    assert table["time_index"].tolist() == list(range(12))
    assert table["n_checked"].tolist() == [40] * 12
    assert table["n_violations"].tolist() == list(range(12))
    np.testing.assert_allclose(table["worst"].iloc[1:], 5, atol=1e-9)
    assert set(table["variable"]) == {"2d 2t"}


@given(order=st.randoms(use_true_random=False), per_block=st.integers(1, 5), workers=st.integers(1, 4))
def test_any_order_of_fields_gives_the_same_table_and_keeps_nothing(order: random.Random, per_block, workers):
    source = FakeSource(moist(), times_per_block=per_block)
    expected = dew(FakeSource(moist()), workers=1)
    found = dew(source, workers=workers)
    np.testing.assert_array_equal(found["n_violations"], expected["n_violations"])
    relate = Relate(source, know(source, load_catalogue()))
    fields = [f._replace(values=f.values.copy()) for block in source.blocks() for f in source.read(block, Buffers())]
    order.shuffle(fields)
    for field in fields:
        relate.add(field)
    table = relate.table()
    own = table[table["relation"] == "td_le_t"].reset_index(drop=True)
    assert own["n_violations"].tolist() == list(range(12))
    assert relate._waiting == {}
    assert relate._due == {}


def test_a_field_that_never_comes_leaves_its_time_out():
    data = moist()
    (t, d) = data
    holes = list(data[d])
    holes[3] = None
    table = dew(FakeSource({t: data[t], d: holes}))
    assert 3 not in table["time_index"].tolist()
    assert len(table) == 11


def test_nan_cells_are_not_checked():
    data = moist()
    data[next(iter(data))][:, 5:15] = np.nan
    assert dew(FakeSource(data))["n_checked"].tolist() == [30] * 12


def test_relations_are_not_judged_unless_a_rule_looks():
    assert "relations" not in scan(FakeSource(moist())).tables


def test_the_worst_cell_has_its_place():
    from dqwatch.sources.grids import unstructured_grid

    lat, lon = np.linspace(60, 20, 40), np.linspace(0, 39, 40)
    data = moist(2)
    data[list(data)[1]][1, 17] += 30
    table = dew(FakeSource(data, grid=unstructured_grid(lat, lon)))
    assert table["latitude"].iloc[1] == pytest.approx(lat[17])
    assert table["longitude"].iloc[1] == pytest.approx(lon[17])
    assert np.isnan(table["latitude"].iloc[0]), "nothing is wrong at the first time"
