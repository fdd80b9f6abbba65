"""The table `grid`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from metrics.fake_source import FakeSource, grid_of

from dqwatch.metrics.grid import grid_table
from dqwatch.types import Grid


def row_of(grid: Grid) -> dict[str, Any]:
    source = FakeSource({"x": np.zeros((1, grid.n_cells))}, grid=grid)
    return grid_table(source).iloc[0].to_dict()


def regular(lat: Any, lon: Any, **rest: Any) -> Grid:
    lats, lons = np.meshgrid(np.asarray(lat, float), np.asarray(lon, float), indexing="ij")
    return Grid("regular", lats.shape, lats.reshape(-1), lons.reshape(-1), **rest)


def test_extent() -> None:
    row = row_of(regular([90, 0, -90], [0, 90, 180, 270], name="quarter"))
    assert (row["grid"], row["kind"], row["shape"], row["n_cells"]) == ("quarter", "regular", "3 x 4", 12)
    assert (row["lat_min"], row["lat_max"], row["lon_min"], row["lon_max"]) == (-90, 90, 0, 270)
    assert row["n_bad_coordinates"] == 0


@pytest.mark.parametrize(
    ("latitudes", "orientation"),
    [
        ([60, 50, 40], "north_to_south"),
        ([-10, 0, 10], "south_to_north"),
        ([0, 10, 5], "mixed"),
        ([5], "unknown"),
    ],
)
def test_orientation(latitudes: list[float], orientation: str) -> None:
    grid = regular(latitudes, [0, 1])
    assert row_of(grid)["orientation"] == orientation
    lat, lon = grid.latitudes, grid.longitudes
    assert lat is not None
    assert lon is not None
    turned = Grid(
        "regular", grid.shape[::-1], lat.reshape(grid.shape).T.reshape(-1), lon.reshape(grid.shape).T.reshape(-1)
    )
    assert row_of(turned)["orientation"] == orientation
    flat = Grid("reduced_gaussian", (grid.n_cells,), lat, lon)
    assert row_of(flat)["orientation"] == orientation


@pytest.mark.parametrize(
    ("longitudes", "convention"),
    [([0, 359], "0_360"), ([-180, 179], "-180_180"), ([0, 90, 180], "both_fit"), ([-10, 350], "mixed")],
)
def test_longitude_convention(longitudes: list[float], convention: str) -> None:
    assert row_of(regular([0, 1], longitudes))["longitude_convention"] == convention


def test_a_doubled_seam() -> None:
    assert row_of(regular([10, 0, -10], [0, 90, 180, 270, 360]))["n_duplicate_cells"] == 3
    assert row_of(regular([10, 0, -10], [-180, -90, 0, 90, 180]))["n_duplicate_cells"] == 3
    assert row_of(regular([90, 0, -90], [0, 90, 180, 270]))["n_duplicate_cells"] == 0  # cells at a pole are not doubled
    assert row_of(regular([0.0, 0.5, 0.5], [0, 90]))["n_duplicate_cells"] == 2
    close = np.float32(0.1), np.float64(0.1), 360.1
    assert row_of(regular([0], close))["n_duplicate_cells"] == 2


def test_bad_coordinates() -> None:
    lat, lon = np.array([0, 91.0, np.nan, 10]), np.array([0.0, 10, 20, 9.97e36])
    row = row_of(Grid("unstructured", (4,), lat, lon))
    assert row["n_bad_coordinates"] == 3
    assert (row["lat_max"], row["lon_max"]) == (10, 20)
    assert row["n_duplicate_cells"] == 0


def test_no_coordinates() -> None:
    row = row_of(grid_of(7, weights_origin="no coordinates"))
    assert (row["orientation"], row["longitude_convention"], row["n_duplicate_cells"]) == ("unknown", "unknown", 0)
    assert np.isnan(row["lat_min"])
    assert row["area_weights"] == "none: no coordinates"


def test_weights_and_problems_are_told() -> None:
    row = row_of(
        regular([1, 0], [0, 1], area_weights=np.full(4, 0.25), weights_origin="cell edges", problem="Ni is wrong")
    )
    assert row["area_weights"] == "cell edges"
    assert row["problem"] == "Ni is wrong"
    assert row_of(grid_of(2))["area_weights"] == "none"
