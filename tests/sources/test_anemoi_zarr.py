"""Gridded anemoi stores as sources: what attributes and coordinates say, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sources.anemoi_files import CELLS, NAMES, check_fields, fields_of, opened, weather
from sources.zarr_files import FORMATS, make_anemoi, make_array, make_group

from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.anemoi_zarr import open_anemoi_zarr
from dqwatch.types import NOT_A_TIME, Block

METADATA = {
    "2t": {"mars": {"param": "2t", "levtype": "sfc"}, "units": "K"},
    "t_850": {"mars": {"param": "t", "levtype": "pl", "levelist": 850}, "units": "K"},
    "t_500": {"mars": {"param": "t", "levtype": "pl", "levelist": "500"}},
    "swvl1": {"mars": {"param": "swvl1", "levtype": "sfc"}, "units": "m**3 m**-3"},
    "tp": {"mars": {"param": "tp", "levtype": "sfc"}, "process": "accumulation", "period": ["0h", "6h"], "units": "m"},
    "lsm": {"mars": {"param": "lsm", "levtype": "sfc"}, "constant_in_time": True},
    "something": {"computed_forcing": True},
}


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_a_store_as_anemoi_datasets_writes_it(tmp_path, zarr_format):
    values = weather()
    attrs = {"variables_metadata": METADATA, "missing_dates": ["2020-01-01T12:00:00"], "allow_nans": ["swvl1"]}
    make_anemoi(tmp_path / "train.zarr", values, NAMES, zarr_format=zarr_format, attrs=attrs)
    source = opened(str(tmp_path / "train.zarr"))
    assert (source.name, source.kind) == ("train.zarr", "anemoi_zarr")
    assert source.identity == "8f6d2c9e-0000-4000-8000-000000000001"
    assert source.notes == ()
    assert [(v.name, v.param, v.level, v.level_type) for v in source.variables] == [
        ("2t", "2t", None, "sfc"),
        ("t_850", "t", 850, "pl"),
        ("t_500", "t", 500, "pl"),
        ("swvl1", "swvl1", None, "sfc"),
        ("tp", "tp", None, "sfc"),
        ("lsm", "lsm", None, "sfc"),
        ("something", "something", None, None),
    ]
    assert [v.source_name for v in source.variables] == NAMES
    assert [v.units for v in source.variables] == ["K", "K", None, "m**3 m**-3", "m", None, None]
    assert [v.kind for v in source.variables] == ["instant"] * 4 + ["accumulation", "constant", "instant"]
    assert [v.period for v in source.variables] == [None] * 4 + [6.0, None, None]
    assert [v.nan_allowed for v in source.variables] == [False] * 3 + [True] + [False] * 3
    (axis,) = source.times
    assert list(axis.labels[:2]) == ["2020-01-01T00:00:00", "2020-01-01T06:00:00"]
    np.testing.assert_array_equal(np.diff(axis.seconds), 21600)
    assert axis.declared_missing is not None
    assert list(axis.declared_missing) == [False, False, True, False, False]
    assert (axis.frequency, axis.hours, axis.kind, axis.problem) == (21600, None, "time", None)
    assert axis.declared_range == (1577836800, 1577836800 + 4 * 21600)
    (grid,) = source.grids
    assert (grid.kind, grid.shape, grid.name) == ("reduced_gaussian", (CELLS,), "o4")
    assert grid.area_weights is not None
    assert source.attributes["frequency"] == "6h"
    check_fields(source, values)
    source.close()
    source.close()


@pytest.mark.parametrize("zarr_format", FORMATS)
def test_data_shorter_than_dates_open_and_say_so(tmp_path, zarr_format):
    values = weather(times=6)
    dates = np.datetime64("2020-01-01", "s") + np.arange(8) * np.timedelta64(6, "h")
    make_anemoi(tmp_path / "s.zarr", values, NAMES, dates=dates, chunks=(4, 7, 1, CELLS), zarr_format=zarr_format)
    source = opened(tmp_path / "s.zarr")
    assert len(source.times[0]) == 8
    assert source.notes == ("data hold 6 dates, the time axis 8",)
    stored = {a.name: a for a in source.arrays()}
    assert stored["data"].length_ok is False
    assert stored["dates"].length_ok is True
    assert stored["mean"].length_ok is None
    check_fields(source, values)
    assert fields_of(source, [Block((5, 6, 7), (0,))]).keys() == {(5, 0, 0)}


def test_data_longer_than_dates(tmp_path):
    values = weather(times=6)
    dates = np.datetime64("2020-01-01", "s") + np.arange(4) * np.timedelta64(6, "h")
    make_anemoi(tmp_path / "s.zarr", values, NAMES, dates=dates)
    source = opened(tmp_path / "s.zarr")
    assert "data hold 6 dates, the time axis 4" in source.notes
    check_fields(source, values[:4])


@pytest.mark.parametrize("end", [None, "soon"])
def test_statistics_of_unknown_dates_are_noted(tmp_path, end):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"statistics_end_date": end})
    (note,) = opened(tmp_path / "s.zarr").notes
    assert note.startswith("without statistics_start_date and _end_date stored statistics are not held")


def test_what_of_the_times_cannot_be_used_is_noted(tmp_path):
    attrs = {"frequency": "monthly", "missing_dates": ["never", "1999-01-01T00:00:00", "2020-01-01T06:00:00"]}
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs=attrs)
    source = opened(tmp_path / "s.zarr")
    assert source.notes == (
        "1 of missing_dates are no dates",
        "1 of missing_dates are not among the dates",
        "frequency 'monthly' is not understood",
    )
    assert source.times[0].frequency is None
    assert source.times[0].declared_missing is not None
    assert list(np.flatnonzero(source.times[0].declared_missing)) == [1]


def test_dates_that_are_no_times(tmp_path):
    dates = np.array(["2020-01-01", "NaT", "2020-01-03", "2020-01-03", "2020-01-02"], "M8[s]")
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, dates=dates)
    axis = opened(tmp_path / "s.zarr").times[0]
    assert axis.seconds[1] == NOT_A_TIME
    assert axis.labels[1] == "NaT"
    assert axis.problem is not None
    assert axis.labels[4] == "2020-01-02T00:00:00"


def test_pairs_of_dates(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"dqwatch_cadence": {"hours": [0, 6], "every": "3d"}})
    axis = opened(tmp_path / "s.zarr").times[0]
    assert (axis.hours, axis.every) == ((0, 6), 3 * 86400)


@pytest.mark.parametrize("cadence", [3, [], {"hours": 3}, {"hours": ["a", 99, -1]}])
def test_a_cadence_that_is_none(tmp_path, cadence):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"dqwatch_cadence": cadence})
    axis = opened(tmp_path / "s.zarr").times[0]
    assert (axis.hours, axis.every) == (None, None)


def test_grids(tmp_path):
    values = weather(cells=9 * 12)
    lat, lon = np.arange(80.0, -81, -20), np.arange(0.0, 360, 30)
    flat = np.repeat(lat, 12), np.tile(lon, 9)
    make_anemoi(tmp_path / "regular.zarr", values, NAMES, coordinates=flat, attrs={"field_shape": [9, 12]})
    assert opened(tmp_path / "regular.zarr").grids[0].shape == (9, 12)
    assert opened(tmp_path / "regular.zarr").grids[0].kind == "regular"
    make_anemoi(tmp_path / "spiral.zarr", values, NAMES, attrs={"field_shape": "odd"})
    assert opened(tmp_path / "spiral.zarr").grids[0].kind == "unstructured"
    assert opened(tmp_path / "spiral.zarr").grids[0].weights_origin == "Voronoi cells"


def test_coordinates_of_the_wrong_length_are_a_problem_of_the_grid(tmp_path):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, coordinates=(np.zeros(5), np.zeros(CELLS)))
    grid = opened(tmp_path / "s.zarr").grids[0]
    assert (grid.kind, grid.shape, grid.latitudes) == ("unknown", (CELLS,), None)
    assert grid.problem == f"array 'latitudes' has shape (5,) and type float64, expected numbers ({CELLS},)"


def test_older_names(tmp_path):
    values = weather()
    index = {name: i for i, name in enumerate(NAMES)}
    group = make_anemoi(
        tmp_path / "s.zarr", values, NAMES, attrs={"variables": None, "name_to_index": index, "layout": None}
    )
    for name in ("latitudes", "longitudes"):
        make_array(group, name.removesuffix("s"), group[name][:], (CELLS,))
        del group[name]
    source = opened(tmp_path / "s.zarr")
    assert [v.source_name for v in source.variables] == NAMES
    assert source.grids[0].kind == "reduced_gaussian"


def test_without_a_uuid_the_metadata_identify(tmp_path):
    identities = []
    for title in ("a", "b", "a"):
        make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"uuid": None, "description": title})
        identities.append(opened(tmp_path / "s.zarr").identity)
    assert identities[0].startswith("sha256:")
    assert identities[0] == identities[2] != identities[1]


def test_an_unfinished_store_is_noted(tmp_path):
    group = make_anemoi(tmp_path / "s.zarr", weather(), NAMES)
    make_array(group.create_group("_build"), "flags", np.ones(5, bool), (5,))
    assert "unfinished" in opened(tmp_path / "s.zarr").notes[0]


@pytest.mark.parametrize("layout", ["tabular", "trajectories", "news", 3])
def test_other_layouts_are_refused(tmp_path, layout):
    make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs={"layout": layout})
    with pytest.raises(UnsupportedDataError, match=f"anemoi layout '{layout}'") as caught:
        open_anemoi_zarr(tmp_path / "s.zarr")
    assert caught.value.exit_code == 2


def test_what_is_not_ours_is_none(tmp_path):
    make_array(make_group(tmp_path / "x.zarr"), "t", np.zeros((3, 4)), (1, 4), dims=("time", "x"))
    group = make_group(tmp_path / "y.zarr")
    group.attrs["variables"] = ["t"]
    make_array(group, "t", np.zeros((3, 4)), (1, 4), dims=("time", "x"))
    for data in (tmp_path / "x.zarr", tmp_path / "y.zarr", tmp_path, "memory://none/a.zarr", 3, np.zeros(4), group):
        assert open_anemoi_zarr(data) is None


def test_contradictions_are_one_line(tmp_path):
    def spoil(**changes: Any) -> str:
        group = make_anemoi(tmp_path / "s.zarr", weather(), NAMES, attrs=changes.get("attrs"))
        for name in changes.get("without", ()):
            del group[name]
        for name, values in changes.get("arrays", {}).items():
            del group[name]
            make_array(group, name, values, values.shape)
        with pytest.raises(SourceError) as caught:
            open_anemoi_zarr(tmp_path / "s.zarr")
        assert "\n" not in str(caught.value)
        assert str(tmp_path / "s.zarr") in str(caught.value)
        return str(caught.value)

    assert "names 2, array 'data' holds 7" in spoil(attrs={"variables": ["a", "b"]})
    assert "names tp more than once" in spoil(attrs={"variables": [*NAMES[:-1], "tp"]})
    assert "without array 'data'" in spoil(without=["data"])
    assert "array 'dates' is missing" in spoil(without=["dates"])
    assert "has shape (5, 7)" in spoil(arrays={"data": np.zeros((5, 7))})
    assert "array 'dates' has shape (5,) and type float64" in spoil(arrays={"dates": np.zeros(5)})
    assert "expected numbers" in spoil(arrays={"data": np.zeros((5, 7, 1, CELLS), bool)})
