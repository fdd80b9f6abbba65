"""Fields as boxes: means over the cells in them, on any grid, and which cells are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import dqwatch
from dqwatch.metrics.field_maps import centred, draw_boxes, map_fields
from dqwatch.reports import html_maps
from dqwatch.sources import open_source
from dqwatch.types import Grid

RNG = np.random.default_rng(7)


def test_a_box_is_the_mean_of_its_cells() -> None:
    lat, lon = RNG.uniform(-80, 80, 20_000), RNG.uniform(-180, 180, 20_000)
    values = RNG.normal(size=lat.size)
    values[:50] = np.nan
    rows, columns, drawn = draw_boxes(lat, lon, values)
    side = rows[1] - rows[0]
    assert side == pytest.approx(columns[1] - columns[0])
    for row, column in ((3, 5), (40, 70), (rows.size - 2, columns.size - 3)):
        inside = (abs(lat - rows[row]) < side / 2) & (abs(lon - columns[column]) < side / 2) & np.isfinite(values)
        if inside.any():
            assert drawn[row, column] == pytest.approx(values[inside].mean())


def test_a_smooth_field_is_drawn_where_it_is_on_a_reduced_grid() -> None:
    lat, lon = [], []
    for latitude in np.arange(-88, 90, 4.0):
        n = max(4, round(90 * np.cos(np.radians(latitude))))
        lat += [latitude] * n
        lon += (np.arange(n) * 360.0 / n - 180).tolist()
    lat, lon = np.array(lat), np.array(lon)
    rows, columns, drawn = draw_boxes(lat, lon, lat + 0 * lon)
    known = np.isfinite(drawn)
    assert known.mean() > 0.9, "boxes between cells take the value of their neighbour"
    assert abs(drawn - rows[:, None])[known].max() <= rows[1] - rows[0]
    assert rows.size <= 182
    assert columns.size <= 362


def test_a_region_does_not_fill_the_globe_and_no_cells_are_no_map() -> None:
    lat, lon = (a.ravel() for a in np.meshgrid(np.arange(36, 44, 0.25), np.arange(-10, 4, 0.25)))
    rows, columns, drawn = draw_boxes(lat, lon, lat)
    assert (rows[0], rows[-1]) == pytest.approx((36, 44), abs=0.6)
    assert (columns[0], columns[-1]) == pytest.approx((-10, 4), abs=0.6)
    assert np.isfinite(drawn).mean() > 0.85
    assert draw_boxes(np.empty(0), np.empty(0), np.empty(0))[2].size == 0


def test_longitudes_are_centred_where_the_data_are() -> None:
    def grid(lon: list[float]) -> Grid:
        return Grid("unstructured", (len(lon),), np.zeros(len(lon)), np.array(lon))

    assert centred(grid([350.0, 355.0, 0.0, 5.0])).tolist() == [-10.0, -5.0, 0.0, 5.0]
    assert centred(grid([170.0, 175.0, -180.0, -175.0])).tolist() == [170.0, 175.0, 180.0, 185.0]


@pytest.fixture
def data() -> xr.Dataset:
    """Two days of 2 m temperature on 10 degrees, one cell NaN and one impossible on the second."""
    lat, lon = np.arange(85, -90, -10.0), np.arange(0, 360, 10.0)
    values = np.full((2, lat.size, lon.size), 280, np.float32)
    values[1, 3, 4], values[1, 5, 20] = np.nan, 900
    return xr.Dataset(
        {"t2m": (("time", "latitude", "longitude"), values, {"units": "K", "standard_name": "air_temperature"})},
        {
            "time": np.array(["2020-01-01", "2020-01-02"], "M8[ns]"),
            "latitude": ("latitude", lat, {"units": "degrees_north"}),
            "longitude": ("longitude", lon, {"units": "degrees_east"}),
        },
    )


def test_cells_that_are_wrong_are_where_they_are(data: xr.Dataset) -> None:
    source = open_source(data)
    (name,) = (v.name for v in source.variables)
    wishes = [
        (name, "2020-01-02T00:00:00", 0, "n_nan_unexpected"),
        (name, "2020-01-02T00:00:00", 0, "n_out_of_bounds"),
        (name, "2020-01-01T00:00:00", 0, "std"),
        (name, "2020-01-03T00:00:00", 0, "n_nan"),
        ("none", "2020-01-01T00:00:00", 0, "n_nan"),
    ]
    missing, impossible, other = map_fields(source, wishes)
    assert (missing.bad, missing.n_bad) == ("missing", 1)
    assert (missing.bad_latitudes.tolist(), missing.bad_longitudes.tolist()) == ([55.0], [40.0])
    assert (impossible.bad, impossible.n_bad, impossible.units) == ("impossible", 1, "K")
    assert (impossible.bad_latitudes.tolist(), impossible.bad_longitudes.tolist()) == ([35.0], [-160.0])
    assert (other.bad, other.n_bad) == ("", 0)
    assert np.nanmin(other.values) == np.nanmax(other.values) == 280


def test_a_verdict_has_maps_of_what_it_found(data: xr.Dataset) -> None:
    found = dqwatch.gate(data, rules="missing")
    assert ("2020-01-02T00:00:00", "missing", 1) in [(m.time, m.bad, m.n_bad) for m in found.maps]
    assert map_fields(open_source(data), []) == ()


def test_a_layout_may_have_ten_maps_and_fields_of_a_time_are_read_together(
    data: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = np.arange("2020-01-01", "2020-01-13", dtype="M8[D]").astype("M8[ns]")
    many = xr.concat([data.isel(time=[1])] * 12, "time").assign_coords(time=days)
    many["skt"] = many["t2m"].assign_attrs(standard_name="surface_temperature")
    verdict = dqwatch.gate(many, rules="missing")
    assert len(verdict.maps) == 10
    assert [len(html_maps.fields_section(verdict, {"most": n}).split("cell missing")) - 1 for n in (3, 10)] == [3, 10]
    source = open_source(many)
    wishes = [(v.name, "2020-01-05T00:00:00", 0, "n_nan") for v in source.variables]
    read = []
    monkeypatch.setattr(type(source), "read", _noting(type(source).read, read))
    assert [m.variable for m in map_fields(source, wishes)] == [v.name for v in source.variables]
    assert len(read) == len({b for b in source.blocks() if 4 in b.times}), "once each"


def _noting(function: Any, calls: list[Any]) -> Any:
    def read(self: Any, block: Any, buffers: Any) -> Any:
        calls.append(block)
        return function(self, block, buffers)

    return read
