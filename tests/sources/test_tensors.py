"""Arrays in memory as a source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.sources.tensors import Tensors, open_tensors, to_numpy

LAT, LON = np.array([10.0, 10, -10, -10]), np.array([0.0, 90, 0, 90])


def fields_of(source):
    buffers = Buffers()
    return {
        (source.variables[f.variable].name, source.times[source.variables[f.variable].times].labels[f.time]): f.values
        for block in source.blocks()
        for f in source.read(block, buffers)
    }


class FakeTensor:
    """Walks like a torch tensor on a device: numpy() works only after detach() and cpu()."""

    def __init__(self, values, steps=()):
        self.values, self.steps, self.dtype = values, steps, f"torch.{values.dtype}"

    def detach(self):
        return FakeTensor(self.values, (*self.steps, "detach"))

    def cpu(self):
        return FakeTensor(self.values, (*self.steps, "cpu"))

    def numpy(self):
        assert self.steps == ("detach", "cpu")
        return self.values


def test_arrays_are_read_as_they_are():
    t850 = np.arange(8, dtype=np.float32).reshape(2, 4)
    times = [datetime(2020, 3, 1, 0), np.datetime64("2020-03-01T06")]
    source = open_tensors(Tensors({"t_850": t850, "2t": t850 + 1}, LAT, LON, times, units={"2t": "degC"}))
    fields = fields_of(source)
    assert set(fields) == {(v, f"2020-03-01T0{h}:00:00") for v in ("t_850", "2t") for h in (0, 6)}
    np.testing.assert_array_equal(fields["t_850", "2020-03-01T06:00:00"], [4, 5, 6, 7])
    assert np.shares_memory(fields["t_850", "2020-03-01T06:00:00"], t850)
    level, surface = source.variables
    assert (level.param, level.level, level.level_type, level.units) == ("t", 850, "pl", "K")
    assert (surface.param, surface.level, surface.units) == ("2t", None, "degC")
    assert source.grids[0].area_weights.sum() == pytest.approx(1)


def test_tensors_come_to_the_host_once():
    values = to_numpy(FakeTensor(np.ones(3, np.float32)))
    assert values.dtype == np.float32


@pytest.mark.parametrize(("dtype", "expected"), [("f2", "f4"), ("i4", "f8"), ("u1", "f4"), ("f4", "f4"), (">f8", "f8")])
def test_types_become_float(dtype, expected):
    assert to_numpy(np.arange(3).astype(dtype)).dtype == np.dtype(expected)


def test_an_inference_state_with_one_step_has_its_date():
    aware = datetime(2020, 3, 1, 8, tzinfo=timezone(timedelta(hours=2)))
    state = {"date": aware, "latitudes": LAT, "longitudes": LON, "fields": {"2t": np.ones((1, 4), np.float32)}}
    source = open_tensors(state)
    assert source.kind == "state"
    assert source.times[0].labels == ["2020-03-01T06:00:00"]
    assert datetime.fromtimestamp(int(source.times[0].seconds[0]), UTC) == aware


def test_earlier_steps_of_a_state_claim_no_date():
    state = {"date": datetime(2020, 3, 1), "fields": {"2t": np.ones((2, 4), np.float32)}}
    source = open_tensors(state)
    assert source.times[0].kind == "index"
    assert list(source.times[0].labels) == ["step -1", "step 0"]
    assert source.grids[0].area_weights is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Tensors({"a": np.ones(3), "b": np.ones(4)}), "'b' has 4 cells, 'a' 3"),
        (Tensors({"a": np.ones(3)}, LAT, LON), "'a' has 3 cells, latitudes 4"),
        (Tensors({"a": np.ones((1, 2, 3))}), "has 3 dimensions"),
        (Tensors({"a": np.ones((2, 4))}, times=["2020-01-01"]), "1 times are given for fields of 2 times"),
        (Tensors({"a": np.ones(4)}, times=["yesterday"]), "'yesterday' is no datetime"),
    ],
)
def test_what_does_not_fit_is_said(data, message):
    with pytest.raises(UsageError, match=message):
        open_tensors(data)


def test_other_objects_are_left_to_others():
    assert open_tensors({"2t": 1}) is None
    assert open_tensors("a.nc") is None


def test_times_may_be_an_array() -> None:
    times = np.array(["2020-03-01T00", "2020-03-01T06"], "M8[s]")
    fields = {"2t": np.ones((2, 5), "f4")}
    source, same = open_tensors(Tensors(fields, times=times)), open_tensors(Tensors(fields, times=list(times)))
    assert source is not None
    assert same is not None
    assert list(source.times[0].labels) == ["2020-03-01T00:00:00", "2020-03-01T06:00:00"]
    assert source.identity == same.identity
