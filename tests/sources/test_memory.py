"""xarray objects as sources: decoded or not, lazy, chunked, with coordinates that only xarray keeps."""

from __future__ import annotations

import cftime
import numpy as np
import pytest
import xarray as xr
from packaging.version import Version
from sources.cf_data import by_place, fields, opened, written

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.memory import MemoryArray, open_memory

# Before 2025.1 xarray holds nanoseconds alone and warns of the rest.
UNITS = ("ns",) if Version(xr.__version__) < Version("2025.1") else ("ns", "s", "h")


def sample(**coords) -> xr.Dataset:
    values = np.arange(24, dtype="f4").reshape(2, 3, 4)
    return xr.Dataset(
        {"t2m": (("time", "lat", "lon"), values, {"units": "K"})},
        {
            "time": np.array(["2020-01-01T00", "2020-01-01T06"], "M8[ns]"),
            "lat": [60.0, 0.0, -60.0],
            "lon": [0.0, 90.0, 180.0, 270.0],
            **coords,
        },
        {"title": "sample"},
    )


def held(data) -> CFSource:
    source = open_memory(data)
    assert source is not None
    return source


def test_a_data_set():
    source = held(sample())
    assert (source.kind, source.name, source.attributes) == ("memory", "dataset", {"title": "sample"})
    assert [v.name for v in source.variables] == ["2t"]
    assert source.times[0].labels == ["2020-01-01T00:00:00", "2020-01-01T06:00:00"]
    assert source.grids[0].kind == "regular"
    assert by_place(source)["2t", 1, 0].tolist() == list(range(12, 24))
    assert {a.name: a.shape for a in source.arrays()}["t2m"] == (2, 3, 4)


def test_a_data_array():
    source = held(sample()["t2m"])
    assert [v.name for v in source.variables] == ["2t"]
    assert len(list(fields(source))) == 2


def test_a_data_array_without_a_name():
    assert [v.name for v in held(sample()["t2m"].rename(None)).variables] == ["data"]


def test_dates_of_cftime():
    dates = [cftime.Datetime360Day(2020, 2, 30), cftime.Datetime360Day(2020, 3, 1, 12)]
    (axis,) = held(sample().assign_coords(time=dates)).times
    assert axis.calendar == "360_day"
    assert axis.labels == ["2020-02-30T00:00:00", "2020-03-01T12:00:00"]


def test_missing_dates():
    (axis,) = held(sample().assign_coords(time=np.array(["2020-01-01", "NaT"], "M8[ns]"))).times
    assert axis.labels == ["2020-01-01T00:00:00", "NaT"]
    assert axis.problem is not None


@pytest.mark.parametrize("unit", UNITS)
def test_lead_times_of_timedelta64(unit):
    data = sample().drop_vars("time").rename(time="step")
    steps = np.array([0, 6], "m8[h]").astype(f"m8[{unit}]")
    data = data.assign_coords(step=steps, time=np.datetime64("2020-01-01", "ns"))
    assert held(data).times[0].labels == ["2020-01-01T00:00:00+000h", "2020-01-01T06:00:00+006h"]


def test_scalar_coordinates_belong_to_the_variables_they_stand_with():
    data = sample(height=2.0)
    data["height"].attrs.update(units="m", standard_name="height", positive="up")
    data["x"] = data["t2m"].rename("x").assign_attrs(standard_name="air_temperature")
    source = held(data.drop_vars("t2m"))
    assert [v.name for v in source.variables] == ["2t"]


def test_coordinates_in_two_dimensions():
    data = xr.Dataset(
        {"tos": (("y", "x"), np.zeros((2, 3), "f4"))},
        {"lat": (("y", "x"), [[10.0, 11, 12], [20, 21, 22]]), "lon": (("y", "x"), [[5.0, 6, 7], [5, 6, 7]])},
    )
    assert held(data).grids[0].kind == "curvilinear"


def test_data_of_other_types_are_left_out_and_said():
    data = sample()
    data["delay"] = (("lat", "lon"), np.zeros((3, 4), "m8[ns]"))
    data["name"] = ("lat", np.array(["a", "b", "c"], object))
    data["wave"] = (("lat", "lon"), np.zeros((3, 4), "c16"))
    data["mask"] = (("lat", "lon"), np.eye(3, 4, dtype=bool))
    data["half"] = (("lat", "lon"), np.ones((3, 4), "f2"))
    source = held(data)
    assert {v.source_name for v in source.variables} == {"t2m", "mask", "half"}
    assert set(source.notes) == {"left out: delay (times)", "left out: name, wave (text or no numbers)"}
    assert by_place(source)["mask", 0, 0].tolist() == np.eye(3, 4).ravel().tolist()


def test_a_lazy_file_is_not_loaded_by_looking_at_it(tmp_path):
    path = written(sample(), tmp_path, "netcdf4")
    with opened(path) as data:
        source = held(data)
        assert len(list(fields(source))) == 2
        assert not data["t2m"].variable._in_memory


class Lazy:
    """What `MemoryArray` needs of a variable of dask chunks: parts are computed when they are asked for."""

    dims, shape, ndim, dtype, chunks = ("time", "cell"), (100, 50), 2, np.dtype("f4"), ((40, 40, 20), (50,))

    def __init__(self) -> None:
        self.computed: list[tuple[int, ...]] = []
        self.values = None

    def __getitem__(self, key):
        part = Lazy()
        rows = np.arange(100, dtype="f4")[key[0]]
        part.values = np.broadcast_to(rows[:, None], (len(rows), 50))[:, key[1]]
        self.computed.append(part.values.shape)
        return part


def test_a_variable_of_chunks_is_computed_in_parts():
    lazy = Lazy()
    array = MemoryArray("x", lazy, {})  # type: ignore[arg-type]
    assert array.chunks == (40, 50)
    out = np.empty((40, 50), "f4")
    assert array.read((slice(40, 80), slice(None)), out, Buffers()) is out
    assert out[:, 0].tolist() == list(range(40, 80))
    assert lazy.computed == [(40, 50)]


class Failing(Lazy):
    def __getitem__(self, key):
        raise RuntimeError("a task\nfailed")


def test_what_fails_to_compute_is_one_line():
    array = MemoryArray("x", Failing(), {})  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="variable 'x' cannot be computed: a task failed"):
        array.read((slice(0, 1), slice(None)), None, Buffers())


@pytest.mark.parametrize("data", [None, 1, "a.nc", np.zeros(3), {"t2m": 1}, [1]])
def test_anything_else_is_not_ours(data):
    assert open_memory(data) is None
