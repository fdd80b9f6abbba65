"""An earthkit FieldList gives the same fields as the GRIB file that it comes from. Runs in `make test-anemoi`."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import earthkit.data as earthkit_data
import numpy as np
import pytest
from anemoi.inference.post_processors.earthkit_state import wrap_state
from conftest import real_data

import dqwatch
from dqwatch.buffers import Buffers
from dqwatch.integrations.states import Model, as_tensors

FILES = ("test4.grib", "t_time_series.grib", "era5-levels-members.grib", "O32_global.grib2", "healpix_H8.grib2")


def fields_of(source):
    buffers, fields = Buffers(), {}
    for block in source.blocks():
        for f in source.read(block, buffers):
            variable = source.variables[f.variable]
            label = source.times[variable.times].labels[f.time]
            fields[label, variable.name, f.member] = f.values.copy()
    return fields


def fieldlist(file):
    return earthkit_data.from_source("file", str(real_data("grib") / file)).to_fieldlist()


@pytest.mark.parametrize("file", FILES)
def test_same_fields_as_the_file(file):
    from_memory = dqwatch.open_source(fieldlist(file))
    from_file = dqwatch.open_source(real_data("grib") / file)
    expected, got = fields_of(from_file), fields_of(from_memory)
    assert got.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_array_equal(got[key], values)
    assert from_memory.variables == from_file.variables
    assert [g.kind for g in from_memory.grids] == [g.kind for g in from_file.grids]
    from_file.close()


def test_fields_of_all_steps_as_the_input_cutout_wraps_them():
    """It gives pre-processors one field of a variable, (step, cell), without a time of its own."""
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    lags = (timedelta(hours=-6), timedelta(0))
    known = Model("data", {}, frozenset({"2t"}), lags, namer=lambda field, mars: mars["param"])
    state = {"date": datetime(2020, 1, 1, 6), "latitudes": np.zeros(4), "longitudes": np.arange(4.0)}
    arrays = {"2t": values, "lsm": values}
    variables = {name: SimpleNamespace(grib_keys={"param": name}) for name in arrays}
    wrapped = wrap_state({**state, "fields": arrays}, variables)
    made = as_tensors({**state, "fields": wrapped}, known)
    assert list(made.fields) == ["2t"]
    np.testing.assert_array_equal(made.fields["2t"], values)
    assert list(made.times) == [datetime(2020, 1, 1, 0), datetime(2020, 1, 1, 6)]


def test_a_state_that_holds_a_fieldlist():
    state = {"date": datetime(2007, 1, 1, 12), "fields": fieldlist("test4.grib")}
    source = dqwatch.open_source(state)
    assert {v.name for v in source.variables} == {"t_500", "z_500", "t_850", "z_850"}
