"""Grids as CF variables have them, their places and the order of their cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.cf_data import Plain, axis, by_place, places, plain

from dqwatch.sources.cf import CFSource
from dqwatch.sources.horizontal import unrotated
from dqwatch.types import Grid


def source_of(*arrays: Plain) -> CFSource:
    return CFSource("test", "test", plain(*arrays), {})


def only_grid(*arrays: Plain) -> Grid:
    (grid,) = source_of(*arrays).grids
    return grid


def numbered(name: str, dims: tuple[str, ...], shape: tuple[int, ...], **attrs) -> Plain:
    return Plain(name, dims, np.arange(np.prod(shape), dtype="f4").reshape(shape), **attrs)


LAT2 = np.array([[10.0, 11, 12], [20, 21, 22]])
LON2 = np.array([[5.0, 6, 7], [5.5, 6.5, 7.5]])


def test_a_regular_grid():
    lat, lon = places()
    grid = only_grid(lat, lon, numbered("t2m", ("lat", "lon"), (3, 4)))
    assert (grid.kind, grid.shape, grid.name) == ("regular", (3, 4), "lat, lon")
    assert grid.latitudes.tolist() == np.repeat([60.0, 0, -60], 4).tolist()
    assert grid.longitudes.tolist() == np.tile([0.0, 90, 180, 270], 3).tolist()
    assert grid.area_weights.sum() == pytest.approx(1, rel=1e-12)


def test_cells_of_a_grid_stored_by_longitude_come_by_latitude():
    source = source_of(*places(), numbered("t2m", ("lon", "lat"), (4, 3)))
    assert source.grids[0].shape == (3, 4)
    assert by_place(source)["2t", 0, 0].tolist() == np.arange(12.0).reshape(4, 3).T.ravel().tolist()


@pytest.mark.parametrize("reference", ["lat2 lon2", ""])
def test_a_curvilinear_grid(reference):
    attrs = {"coordinates": reference} if reference else {}
    names = ("lat2", "lon2") if reference else ("nav_lat", "nav_lon")
    source = source_of(
        Plain(names[0], ("y", "x"), LAT2, units="degrees_north"),
        Plain(names[1], ("y", "x"), LON2, units="degrees_east"),
        numbered("tos", ("x", "y"), (3, 2), **attrs),
    )
    grid = source.grids[0]
    assert (grid.kind, grid.shape) == ("curvilinear", (2, 3))
    assert grid.latitudes.tolist() == LAT2.ravel().tolist()
    assert next(iter(by_place(source).values())).tolist() == [0, 2, 4, 1, 3, 5]


def test_latitudes_that_only_their_name_tells():
    grid = only_grid(
        Plain("nav_lat", ("y", "x"), LAT2), Plain("nav_lon", ("y", "x"), LON2), numbered("tos", ("y", "x"), (2, 3))
    )
    assert grid.kind == "curvilinear"


def test_latitudes_that_are_written_for_every_time():
    grid = only_grid(
        Plain("XLAT", ("Time", "y", "x"), np.stack([LAT2, LAT2]), units="degree_north"),
        Plain("XLONG", ("Time", "y", "x"), np.stack([LON2, LON2]), units="degree_east"),
        numbered("T2", ("Time", "y", "x"), (2, 2, 3), coordinates="XLONG XLAT"),
    )
    assert (grid.kind, grid.latitudes.tolist()) == ("curvilinear", LAT2.ravel().tolist())


def test_staggered_winds_have_grids_of_their_own():
    lat, lon = places()
    source = source_of(
        *(lat, lon, axis("lon_u", np.arange(4) * 90.0 + 45, units="degrees_east")),
        *(numbered("u10", ("lat", "lon_u"), (3, 4)), numbered("t2m", ("lat", "lon"), (3, 4))),
    )
    assert [g.name for g in source.grids] == ["lat, lon_u", "lat, lon"]
    assert {v.source_name: v.grid for v in source.variables} == {"u10": 0, "t2m": 1}


@pytest.mark.parametrize("dim", ["cell", "ncol", "values", "station", "whatever"])
def test_an_unstructured_grid(dim):
    rng = np.random.default_rng(0)
    grid = only_grid(
        Plain("lat", (dim,), rng.uniform(-90, 90, 7), units="degrees_north"),
        Plain("lon", (dim,), rng.uniform(0, 360, 7), units="degrees_east"),
        numbered("t2m", ("time", dim), (2, 7), coordinates="lat lon"),
        axis("time", [0, 1], units="days since 2000-01-01"),
    )
    assert (grid.kind, grid.shape) == ("unstructured", (7,))


def test_radians_become_degrees():
    grid = only_grid(
        Plain("clat", ("cell",), np.radians([10.0, 20, 40]), units="radian", standard_name="latitude"),
        Plain("clon", ("cell",), np.radians([0.0, 7, 350]), units="radian", standard_name="longitude"),
        numbered("t2m", ("cell",), (3,), coordinates="clat clon"),
    )
    assert grid.latitudes == pytest.approx([10, 20, 40], rel=1e-12)
    assert grid.longitudes == pytest.approx([0, 7, 350], rel=1e-12)


def test_the_faces_of_a_mesh():
    grid = only_grid(
        Plain("m", (), 0, cf_role="mesh_topology", face_coordinates="fx fy", node_coordinates="nx ny"),
        Plain("fx", ("face",), [0.0, 10, 20], standard_name="longitude", units="degrees_east"),
        Plain("fy", ("face",), [1.0, 2, 3], standard_name="latitude", units="degrees_north"),
        Plain("nx", ("node",), [0.0, 10], standard_name="longitude", units="degrees_east"),
        Plain("ny", ("node",), [1.0, 2], standard_name="latitude", units="degrees_north"),
        Plain("faces", ("face", "three"), np.zeros((3, 3), "i4"), cf_role="face_node_connectivity"),
        numbered("t2m", ("face",), (3,), mesh="m", location="face"),
    )
    assert (grid.shape, grid.latitudes.tolist(), grid.longitudes.tolist()) == ((3,), [1, 2, 3], [0, 10, 20])


def rotation(pole_latitude: float, pole_longitude: float) -> np.ndarray:
    """The matrix from vectors on the rotated grid to true ones, of two turns about coordinate axes.

    The rotated pole is brought to its latitude by a turn about the y axis, and to its longitude by one about the z
    axis; the true pole then lies on the meridian of grid longitude 0 by CF's convention, hence the half turn first.
    """
    tilt, turn = np.radians(90 - pole_latitude), np.radians(pole_longitude)
    half = np.diag([-1.0, -1, 1])
    about_y = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    about_z = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return about_z @ about_y @ half


@given(st.floats(-89, 89), st.floats(-180, 180), st.floats(-180, 180), st.floats(-88, 88), st.floats(-179, 179))
def test_rotated_places_are_those_of_a_rotation(pole_latitude, pole_longitude, grid_longitude, lat, lon):
    phi, lam = np.radians(lat), np.radians(lon - grid_longitude)
    there = np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    true = rotation(pole_latitude, pole_longitude) @ there
    found_lat, found_lon = unrotated(np.array([lat]), np.array([lon]), pole_latitude, pole_longitude, grid_longitude)
    phi, lam = np.radians(found_lat[0]), np.radians(found_lon[0])
    assert [np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)] == pytest.approx(true, abs=1e-7)


def test_the_origin_of_a_grid_over_britain():
    lat, lon = unrotated(np.array([0.0, 90]), np.array([0.0, 0]), 37.5, 177.5, 0.0)
    assert lat == pytest.approx([52.5, 37.5], abs=1e-9)
    assert lon == pytest.approx([-2.5, 177.5], abs=1e-9)


def rotated(**attrs) -> tuple[Plain, ...]:
    return (
        Plain("pole", (), 0, grid_mapping_name="rotated_latitude_longitude", **attrs),
        axis("rlat", [-1.0, 0, 1], standard_name="grid_latitude", units="degrees"),
        axis("rlon", [-2.0, 0, 2, 4], standard_name="grid_longitude", units="degrees"),
    )


def test_a_rotated_grid_without_true_places():
    pole = {"grid_north_pole_latitude": 37.5, "grid_north_pole_longitude": 177.5}
    grid = only_grid(*rotated(**pole), numbered("psl", ("rlat", "rlon"), (3, 4), grid_mapping="pole"))
    assert (grid.kind, grid.shape) == ("curvilinear", (3, 4))
    assert grid.latitudes[5] == pytest.approx(52.5)
    # The cells of a rotated grid are as large as those of the same grid on the equator.
    rows = np.sin(np.radians([-0.5, 0.5, 1.5])) - np.sin(np.radians([-1.5, -0.5, 0.5]))
    assert grid.area_weights == pytest.approx(np.repeat(rows / rows.sum() / 4, 4), rel=1e-9)


def test_a_pole_that_is_no_number_leaves_the_grid_unknown():
    pole = {"grid_north_pole_latitude": "north", "grid_north_pole_longitude": np.array([1.0, 2.0])}
    grid = only_grid(*rotated(**pole), numbered("psl", ("rlat", "rlon"), (3, 4), grid_mapping="pole"))
    assert (grid.kind, grid.latitudes) == ("unknown", None)


def test_a_projected_grid_without_places_is_said_to_be_unknown():
    source = source_of(
        Plain("crs", (), 0, grid_mapping_name="lambert_conformal_conic"),
        axis("y", [0.0, 1000], standard_name="projection_y_coordinate", units="m"),
        axis("x", [0.0, 1000, 2000], standard_name="projection_x_coordinate", units="m"),
        numbered("t2m", ("y", "x"), (2, 3), grid_mapping="crs"),
    )
    (grid,) = source.grids
    assert (grid.kind, grid.shape, grid.latitudes, grid.area_weights) == ("unknown", (2, 3), None, None)
    assert source.notes == ("grid 'y, x' has no latitudes and longitudes: its checks are left out",)


def test_a_zonal_mean():
    lat = axis("lat", [60.0, 0, -60], units="degrees_north")
    grid = only_grid(lat, numbered("ta", ("lat",), (3,)))
    assert (grid.kind, grid.shape, grid.longitudes) == ("regular", (3,), None)
    assert grid.latitudes.tolist() == [60, 0, -60]
    # Bands half-way between rows: 30 to 90 (or as far beyond 60 as 30 lies before it), -30 to 30.
    assert grid.area_weights == pytest.approx([0.25, 0.5, 0.25], rel=1e-12)


def test_rows_that_all_lie_on_one_latitude_have_no_weights():
    lat = axis("lat", [10.0, 10, 10], units="degrees_north")
    grid = only_grid(lat, places()[1], numbered("t2m", ("lat", "lon"), (3, 4)))
    assert (grid.area_weights, grid.weights_origin) == (None, "none: a single latitude has no extent")


def test_a_section_along_a_meridian():
    grid = only_grid(
        axis("lat", [60.0, 0, -60], units="degrees_north"),
        Plain("lon", (), 20.0, units="degrees_east"),
        numbered("ta", ("lat",), (3,), coordinates="lon"),
    )
    assert grid.longitudes.tolist() == [20, 20, 20]


def test_series_of_a_single_place():
    grid = only_grid(axis("time", [0, 1], units="days since 2000-01-01"), numbered("soi", ("time",), (2,)))
    assert (grid.kind, grid.shape, grid.n_cells) == ("profile", (1,), 1)


def test_a_track_has_no_cells():
    source = source_of(
        axis("time", [0, 1], units="days since 2000-01-01"),
        Plain("lat", ("time",), [1.0, 2], units="degrees_north"),
        Plain("lon", ("time",), [1.0, 2], units="degrees_east"),
        numbered("t2m", ("time",), (2,), coordinates="lat lon"),
    )
    assert [g.kind for g in source.grids] == ["profile"]
    assert len(source.times[0]) == 2


def test_cell_areas_of_the_file_are_the_weights():
    area = Plain("areacella", ("lon", "lat"), np.arange(12.0).reshape(4, 3), standard_name="cell_area", units="m2")
    source = source_of(*places(), area, numbered("t2m", ("lat", "lon"), (3, 4), cell_measures="area: areacella"))
    (grid,) = source.grids
    assert grid.area_weights == pytest.approx(np.arange(12.0).reshape(4, 3).T.ravel() / 66, rel=1e-12)
    assert grid.weights_origin == "cell areas 'areacella' of the source"
    assert [v.source_name for v in source.variables] == ["t2m"]


def test_missing_cell_areas_weigh_nothing():
    values = np.array([[1.0, 1e20, 3, 4]] * 3)
    area = Plain("area", ("lat", "lon"), values, _FillValue=1e20)
    grid = only_grid(*places(), area, numbered("t2m", ("lat", "lon"), (3, 4), cell_measures="area: area"))
    assert grid.area_weights == pytest.approx(np.array([1, 0, 3, 4] * 3) / 24)


@pytest.mark.parametrize("bad", [-1.0, 0.0])
def test_impossible_cell_areas_are_not_used(bad):
    area = Plain("area", ("lat", "lon"), np.full((3, 4), bad))
    source = source_of(*places(), area, numbered("t2m", ("lat", "lon"), (3, 4), cell_measures="area: area"))
    assert "cell areas 'area' are negative or all missing: not used" in source.notes
    assert source.grids[0].weights_origin == "latitude bands half-way between rows"
