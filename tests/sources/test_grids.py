"""Area weights against closed forms: bands, quadrature weights, the octahedron, equal areas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.legendre import leggauss

from dqwatch.sources import areas, grids
from dqwatch.types import Grid


def weights_of(grid: Grid) -> np.ndarray:
    assert grid.area_weights is not None, grid.weights_origin
    return grid.area_weights


def gaussian_latitudes(rows: int) -> np.ndarray:
    return np.degrees(np.arcsin(leggauss(rows)[0][::-1]))


def reduced(latitudes: np.ndarray, lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    lat = np.repeat(latitudes, lengths)
    return lat, np.concatenate([np.arange(n) * 360 / n for n in lengths])


def octahedral(number: int) -> tuple[np.ndarray, np.ndarray]:
    half = [20 + 4 * i for i in range(number)]
    return reduced(gaussian_latitudes(2 * number), [*half, *half[::-1]])


def fibonacci(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of nearly equal areas, far from any row or column."""
    i = np.arange(n) + 0.5
    return np.degrees(np.arcsin(1 - 2 * i / n)), np.degrees(np.pi * (1 + 5**0.5) * i) % 360 - 180


def test_regular_rows_have_the_area_of_their_bands():
    lat, lon = np.arange(89.5, -90, -1.0), np.arange(0.5, 360, 1.0)
    grid = grids.regular_grid(lat, lon, "one degree")
    # The area between two latitudes is 2 pi (sin b - sin a); a row's cells share it.
    edges = np.sin(np.radians(np.arange(90, -91, -1.0)))
    expected = np.repeat((edges[:-1] - edges[1:]) / 2 / 360, 360)
    np.testing.assert_allclose(weights_of(grid), expected, rtol=1e-12)
    assert (grid.kind, grid.shape, grid.name) == ("regular", (180, 360), "one degree")
    assert grid.latitudes is not None
    assert grid.longitudes is not None
    np.testing.assert_array_equal(grid.latitudes.reshape(180, 360)[:, 5], lat)
    np.testing.assert_array_equal(grid.longitudes.reshape(180, 360)[7], lon)


def test_rows_on_the_poles_have_half_a_band():
    grid = grids.regular_grid(np.array([-90.0, 0.0, 90.0]), np.array([0.0, 120.0, 240.0]))
    cap = (1 - np.sin(np.pi / 4)) / 2
    np.testing.assert_allclose(weights_of(grid).reshape(3, 3)[:, 0] * 3, [cap, 1 - 2 * cap, cap], rtol=1e-12)


@given(
    st.lists(st.floats(-90, 90), min_size=2, max_size=12, unique_by=lambda x: round(x, 3)),
    st.permutations(range(6)),
)
def test_the_order_of_rows_and_columns_does_not_matter(latitudes, order):
    lat, lon = np.array(sorted(latitudes)), np.array([0.0, 60, 120, 180, 240, 300])
    sorted_weights = weights_of(grids.regular_grid(lat, lon))
    turned = weights_of(grids.regular_grid(lat[::-1], lon[list(order)]))
    np.testing.assert_allclose(turned.reshape(-1, 6)[::-1], sorted_weights.reshape(-1, 6), rtol=1e-9)


def test_bands_of_a_part_of_the_globe_end_half_a_step_beyond_the_rows():
    total = areas.band_areas(np.array([35.0, 40.0, 45.0])).sum()
    assert total == pytest.approx(2 * np.pi * (np.sin(np.radians(47.5)) - np.sin(np.radians(32.5))), rel=1e-12)


def test_repeated_rows_and_columns_share_their_area():
    np.testing.assert_allclose(
        areas.band_areas(np.array([0.0, 10, 10])), areas.band_areas(np.array([0.0, 10]))[[0, 1, 1]] / [1, 2, 2]
    )
    widths = areas.longitude_widths(np.array([0.0, 90, 180, 270, 360]))
    np.testing.assert_allclose(np.degrees(widths), [45, 90, 90, 90, 45])


def test_uneven_and_partial_longitudes():
    np.testing.assert_allclose(np.degrees(areas.longitude_widths(np.array([350.0, 0, 10, 30]))), [10, 10, 15, 20])
    np.testing.assert_allclose(np.degrees(areas.longitude_widths(np.array([-180.0, -90, 0, 90]))), [90] * 4)
    np.testing.assert_allclose(areas.longitude_widths(np.array([5.0])), [2 * np.pi])


@pytest.mark.parametrize("rows", [2, 3, 32, 64, 97, 640])
def test_gaussian_rows_have_the_weights_of_the_quadrature(rows):
    found = areas.gaussian_areas(gaussian_latitudes(rows))
    assert found is not None
    np.testing.assert_allclose(found, 2 * np.pi * leggauss(rows)[1], rtol=1e-9)
    assert found.sum() == pytest.approx(4 * np.pi, rel=1e-12)


def test_rounded_gaussian_rows_are_still_recognised_and_other_rows_are_not():
    rounded = areas.gaussian_areas(np.round(gaussian_latitudes(96), 3))
    assert rounded is not None
    np.testing.assert_allclose(rounded, 2 * np.pi * leggauss(96)[1], rtol=1e-9)
    assert areas.gaussian_areas(np.arange(89.5, -90, -1)) is None
    assert areas.gaussian_areas(np.arange(90.0, -91, -1)) is None
    assert areas.gaussian_areas(gaussian_latitudes(64)[:40]) is None
    assert areas.gaussian_areas(np.repeat(gaussian_latitudes(32), 2)) is None


def test_bands_come_close_to_the_weights_of_the_quadrature():
    """The two ways agree: to 1 % away from the poles, where the rows next to them are narrower."""
    bands = areas.band_areas(gaussian_latitudes(64))
    np.testing.assert_allclose(bands[3:-3], 2 * np.pi * leggauss(64)[1][3:-3], rtol=0.01)
    assert bands.sum() == pytest.approx(4 * np.pi, rel=1e-12)


def test_an_octahedral_grid():
    lat, lon = octahedral(16)
    grid = grids.unstructured_grid(lat, lon)
    assert (grid.kind, grid.shape) == ("reduced_gaussian", (1600,))
    half = [20 + 4 * i for i in range(16)]
    lengths = [*half, *half[::-1]]
    np.testing.assert_allclose(weights_of(grid), np.repeat(leggauss(32)[1] / 2 / lengths, lengths), rtol=1e-9)


def test_a_part_of_a_reduced_grid_keeps_the_ratios_of_the_whole():
    lat, lon = octahedral(32)
    whole = grids.unstructured_grid(lat, lon)
    box = (lat > 10) & (lat < 60) & (lon > 20) & (lon < 90)
    part = grids.unstructured_grid(lat[box], lon[box])
    assert part.kind == "reduced_gaussian"
    expected = weights_of(whole)[box] / weights_of(whole)[box].sum()
    np.testing.assert_allclose(weights_of(part), expected, rtol=0.01)


def test_flattened_regular_grids_are_recognised():
    lat, lon = np.arange(80.0, -81, -20), np.arange(0.0, 360, 30)
    flat = np.repeat(lat, 12), np.tile(lon, 9)
    for shape in (None, (9, 12), (108,)):
        grid = grids.unstructured_grid(*flat, field_shape=shape)
        assert (grid.kind, grid.shape) == ("regular", (9, 12))
        np.testing.assert_allclose(weights_of(grid), weights_of(grids.regular_grid(lat, lon)))
    turned = grids.unstructured_grid(np.tile(lat, 12), np.repeat(lon, 9))
    assert turned.kind == "unstructured"
    expected = weights_of(grids.regular_grid(lat, lon))
    np.testing.assert_allclose(weights_of(turned), expected.reshape(9, 12).T.ravel(), rtol=1e-12)


@pytest.mark.parametrize("n", [12, 300, 5000])
def test_voronoi_cells_fill_the_sphere_evenly(n):
    lat, lon = fibonacci(n)
    grid = grids.unstructured_grid(lat, lon)
    assert (grid.kind, grid.weights_origin) == ("unstructured", "Voronoi cells")
    assert areas.voronoi_areas(lat, lon).sum() == pytest.approx(4 * np.pi, rel=1e-10)
    np.testing.assert_allclose(weights_of(grid) * n, 1, atol=0.08)


def test_voronoi_cells_of_the_octahedron():
    lat, lon = np.array([90.0, -90, 0, 0, 0, 0]), np.array([0.0, 0, 0, 90, 180, 270])
    np.testing.assert_allclose(areas.voronoi_areas(lat, lon), np.full(6, 4 * np.pi / 6), rtol=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 400), st.integers(0, 2**31))
def test_voronoi_cells_of_any_places_are_what_is_nearest(n, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    lat, lon = np.degrees(np.arcsin(points[:, 2])), np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    try:
        found = areas.voronoi_areas(lat, lon)
    except areas.NoAreaError:
        return  # a few places may all lie on one side
    probes = rng.normal(size=(40_000, 3))
    hits = np.bincount((probes @ points.T).argmax(axis=1), minlength=n) / len(probes)
    share = found / (4 * np.pi)
    # Counting errors of a share p among N probes: sqrt(p / N); seven of them.
    assert (np.abs(hits - share) < 7 * np.sqrt((share + 1e-4) / len(probes))).all()


def test_cells_at_the_same_place_share_the_area():
    lat, lon = fibonacci(100)
    found = areas.voronoi_areas(np.append(lat, lat[3]), np.append(lon, lon[3] + 360))
    once = areas.voronoi_areas(lat, lon)
    np.testing.assert_allclose(found[[3, 100]], once[3] / 2)


def test_healpix_cells_are_equal():
    nside, lat = 4, []
    for ring in range(1, 4 * nside):  # Gorski et al. 2005, from the north pole
        north = min(ring, 4 * nside - ring)
        z = 1 - north**2 / (3 * nside**2) if north < nside else 4 / 3 - 2 * ring / (3 * nside)
        lat += [np.degrees(np.arcsin(z if ring <= 2 * nside or north >= nside else -z))] * 4 * min(north, nside)
    shuffled = np.random.default_rng(1).permutation(lat)
    grid = grids.unstructured_grid(shuffled, np.linspace(0, 359, len(lat)))
    assert len(lat) == 12 * nside**2
    assert grid.weights_origin == "equal areas of HEALPix"
    np.testing.assert_array_equal(weights_of(grid), 1 / len(lat))


def test_a_curvilinear_grid_that_is_regular_has_the_areas_of_its_bands():
    lat, lon = np.arange(-59.5, 60, 1.0), np.arange(0.5, 360, 1.0)
    grid = grids.curvilinear_grid(*np.meshgrid(lat, lon, indexing="ij"))
    assert (grid.kind, grid.shape) == ("curvilinear", (120, 360))
    # Sides of the cells are great circles, not parallels: 1e-4 at one degree.
    np.testing.assert_allclose(weights_of(grid), weights_of(grids.regular_grid(lat, lon)), rtol=3e-4)


def test_a_turned_curvilinear_grid_keeps_its_areas():
    lat, lon = np.meshgrid(np.arange(-5, 5.1, 0.5), np.arange(-8, 8.1, 0.5), indexing="ij")
    plain = areas.quadrilateral_areas(lat, lon)
    x, y, z = np.moveaxis(areas.unit_vectors(lat, lon), -1, 0)
    turn = np.radians(70)
    x, z = x * np.cos(turn) - z * np.sin(turn), x * np.sin(turn) + z * np.cos(turn)
    turned = areas.quadrilateral_areas(np.degrees(np.arcsin(z)), np.degrees(np.arctan2(y, x)))
    np.testing.assert_allclose(turned, plain, rtol=1e-9)
    # The patch reaches half a step beyond its outermost rows and columns.
    patch = np.radians(16.5) * 2 * np.sin(np.radians(5.25))
    assert plain.sum() == pytest.approx(patch, rel=1e-3)


def test_a_two_dimensional_field_shape_of_scattered_rows_is_curvilinear():
    y, x = np.meshgrid(np.arange(6.0), np.arange(8.0), indexing="ij")
    lat, lon = 50 + y + 0.05 * x, 5 + x * 1.5 + 0.1 * y
    grid = grids.unstructured_grid(lat.ravel(), lon.ravel(), field_shape=(6, 8))
    assert (grid.kind, grid.shape) == ("curvilinear", (6, 8))
    assert weights_of(grid).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("lat", "lon", "reason"),
    [
        ([10.0, np.nan, 5], [1.0, 2, 3], "NaN or infinite"),
        ([10.0, 91, 5], [1.0, 2, 3], "beyond 90"),
        ([], [], "no cells"),
        ([1.0, 2.5, 4], [3.0, 1, 7], "fewer than four places"),
        ([0.0, 10, 20, 30, 40], [0.0, 0, 0, 0, 0], "circle"),
    ],
)
def test_no_weights_without_a_reason(lat, lon, reason):
    grid = grids.unstructured_grid(np.array(lat), np.array(lon))
    assert grid.area_weights is None
    assert grid.weights_origin.startswith("none: ")
    assert reason in grid.weights_origin


def test_a_region_of_scattered_cells_has_no_voronoi_weights():
    lat, lon = fibonacci(20_000)
    box = (lat > 30) & (lat < 60) & (lon > -20) & (lon < 40)
    grid = grids.unstructured_grid(lat[box], lon[box])
    assert grid.area_weights is None
    assert "uncovered" in grid.weights_origin


def test_many_scattered_cells_are_left_without_weights():
    lat, lon = fibonacci(grids.VORONOI_CELLS + 1)
    grid = grids.unstructured_grid(lat, lon)
    assert grid.area_weights is None
    assert "20001 unstructured cells" in grid.weights_origin


def test_one_row_or_column_of_a_curvilinear_grid_has_no_area():
    grid = grids.curvilinear_grid(np.zeros((1, 3)), np.array([[0.0, 1, 2]]))
    assert grid.area_weights is None
    assert "no extent" in grid.weights_origin


def test_a_single_row_is_weighted_by_its_longitudes():
    grid = grids.regular_grid(np.array([-88.57]), np.array([0.0, 187.5]))
    np.testing.assert_allclose(weights_of(grid), [0.5, 0.5])
