"""Relations judged while the scan passes: whatever the order of the fields, each time once, nothing left over."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import FakeSource, axis_of

from dqwatch.buffers import Buffers
from dqwatch.catalogue import load_catalogue
from dqwatch.metrics import scan
from dqwatch.metrics.known import know
from dqwatch.metrics.relate import Relate
from dqwatch.sources.grids import unstructured_grid
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
    lat, lon = np.linspace(60, 20, 40), np.linspace(0, 39, 40)
    data = moist(2)
    data[list(data)[1]][1, 17] += 30
    table = dew(FakeSource(data, grid=unstructured_grid(lat, lon)))
    assert table["latitude"].iloc[1] == pytest.approx(lat[17])
    assert table["longitude"].iloc[1] == pytest.approx(lon[17])
    assert np.isnan(table["latitude"].iloc[0]), "nothing is wrong at the first time"


def totals(n: int, leads: np.ndarray, **rest) -> FakeSource:
    """Rain that has fallen since the start of each of several forecasts."""
    tp = Variable("tp", "tp", "tp", units="m", kind="accumulation", period=float(leads[1] - leads[0]), level_type="sfc")
    lead = np.tile(leads, n)
    starts = np.repeat(np.arange(n) * 24, leads.size)
    axis = axis_of((starts + lead) * 3600, lead_seconds=lead * 3600, **rest)
    return FakeSource({tp: np.broadcast_to(lead[:, None] * 1e-3, (lead.size, 5)).copy()}, axis=axis)


def test_accumulations_are_compared_within_a_forecast() -> None:
    source = totals(3, np.array([6, 12, 18]))
    table = scan(source, wanted=WANTED, workers=1).tables["relations"]
    own = table[table["relation"] == "accum"]
    # The first lead time of each forecast follows the last of another.
    assert own["time_index"].tolist() == [1, 2, 4, 5, 7, 8]
    assert own["n_violations"].tolist() == [0] * 6
    source.data[0][4] = 0.001
    table = scan(source, wanted=WANTED, workers=1).tables["relations"]
    assert table[table["relation"] == "accum"]["n_violations"].tolist() == [0, 0, 5, 0, 0, 0]


def test_nothing_waits_for_what_never_comes() -> None:
    source = totals(4, np.array([6, 12]))
    relate = Relate(source, know(source, load_catalogue()))
    for block in source.blocks():
        for field in source.read(block, Buffers()):
            relate.add(field._replace(values=field.values.copy()))
    assert relate._waiting == {}
    assert relate._due == {}


def test_units_that_do_not_convert_leave_a_relation_out() -> None:
    assert dew(FakeSource(moist())).shape[0] == 12
    data = moist()
    wrong = {variable("2t"): data[variable("2t")], variable("2d", "kg"): data[variable("2d")]}
    assert dew(FakeSource(wrong)).empty
    absent = {Variable(v.name, v.param, v.source_name): values for v, values in data.items()}
    assert len(dew(FakeSource(absent))) == 12


def test_fill_values_are_no_departures() -> None:
    data = moist(2)
    data[list(data)[1]][1, 17] = 9.96921e36
    assert dew(FakeSource(data))["n_checked"].tolist() == [40, 39]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_hour_of_the_warmest_is_told_once_for_all_times(workers: int) -> None:
    # Warmest at 20.5 h local solar time, 6 h later than it should be.
    lon = np.linspace(0, 350, 36)
    hours = np.arange(0, 240, 3)
    local = hours[:, None] + lon[None] / 15
    warm = 285 + 5 * np.cos(2 * np.pi * (local - 20.5) / 24)
    grid = unstructured_grid(np.linspace(-50, 50, 36), lon)
    source = FakeSource({variable("2t"): warm}, axis=axis_of(hours * 3600), grid=grid)
    table = scan(source, wanted=WANTED, workers=workers).tables["relations"]
    row = table[table["relation"] == "warmth_phase"]
    assert row["time"].tolist() == [""]
    assert row["variable"].tolist() == ["2t"]
    # The sun is not exactly mean: up to a quarter of an hour in January.
    assert row["worst"].iloc[0] == pytest.approx(6, abs=0.3)
    assert row["share"].iloc[0] == 1
    assert row["n_checked"].iloc[0] == hours.size * 36
