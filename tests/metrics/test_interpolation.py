"""Reading fields between their cells: exact where it must be, the same as other people's interpolation elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.grid_cases import curvilinear, limited, reduced, regular, scattered, smooth
from scipy.interpolate import RegularGridInterpolator

from dqwatch.metrics.interpolation import Boxes, Interpolator, Reading, covers_globe, moved, vectors
from dqwatch.metrics.latitude_rows import latitude_rows
from dqwatch.sources.grids import regular_grid, unstructured_grid
from dqwatch.types import Grid


def values_of(reading: Reading, field: np.ndarray) -> np.ndarray:
    """The sums that a reading stands for, the slow way; NaN outside."""
    out = np.full(reading.inside.size, np.nan)
    for p in np.flatnonzero(reading.inside):
        part = slice(reading.starts[p], reading.starts[p + 1])
        out[p] = (reading.weights[part] * field[reading.cells[part]]).sum()
    return out


def everywhere(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random places, evenly on the sphere."""
    rng = np.random.default_rng(seed)
    return np.degrees(np.arcsin(rng.uniform(-1, 1, n))), rng.uniform(-180, 360, n)


def shuffled(grid: Grid, order: np.ndarray) -> Grid:
    return unstructured_grid(grid.latitudes[order], grid.longitudes[order])


@pytest.mark.parametrize("grid", [regular(), limited(), reduced()], ids=lambda g: g.name)
def test_rows_are_found_in_any_order(grid: Grid) -> None:
    order = np.random.default_rng(1).permutation(grid.n_cells)
    plain, mixed = latitude_rows(grid), latitude_rows(shuffled(grid, order))
    assert plain is not None
    assert mixed is not None
    for name in ("starts", "lengths", "latitudes", "closed"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(mixed, name))
    np.testing.assert_allclose(plain.first % 360, mixed.first % 360, atol=1e-9)
    np.testing.assert_array_equal(order[mixed.cells], plain.cells)
    assert (np.diff(plain.latitudes) > 0).all()
    assert plain.closed.all() == (grid.name != "limited")
    lon = grid.longitudes[plain.cells]
    for start, length, first, step in zip(plain.starts, plain.lengths, plain.first, plain.step, strict=True):
        expected = first + step * np.arange(length)
        np.testing.assert_allclose((lon[start : start + length] - expected + 180) % 360 - 180, 0, atol=1e-6)


@pytest.mark.parametrize("grid", [curvilinear(), scattered()], ids=lambda g: g.name)
def test_cells_without_rows_have_none(grid: Grid) -> None:
    assert latitude_rows(grid) is None


def test_a_repeated_meridian_is_left_out() -> None:
    grid = regular_grid(np.linspace(-80, 80, 9), np.arange(0, 361, 30.0))
    rows = latitude_rows(grid)
    assert rows is not None
    assert rows.lengths.tolist() == [12] * 9
    assert rows.closed.all()
    assert rows.cells.max() < grid.n_cells


def test_between_rows_it_is_bilinear() -> None:
    """Against scipy on the same lattice, closed by a copy of its columns."""
    grid, (lat, lon) = regular(), everywhere()
    field = smooth(grid, dtype=np.float64)
    rows, columns = np.unique(grid.latitudes), np.append(grid.longitudes[:72], 360.0)
    table = field.reshape(grid.shape)[::-1]
    expected = RegularGridInterpolator((rows, columns), np.hstack([table, table[:, :1]]))(np.stack([lat, lon % 360], 1))
    reading = Interpolator(grid).read(lat, lon)
    assert reading.inside.all()
    np.testing.assert_allclose(values_of(reading, field), expected, rtol=1e-12)
    assert np.diff(reading.starts).max() <= 4
    np.testing.assert_allclose(np.add.reduceat(reading.weights, reading.starts[:-1]), 1, rtol=1e-12)


def test_between_rows_of_different_length_longitudes_and_latitudes_are_exact() -> None:
    """A field linear in latitude, and one linear in longitude away from the meridian where it jumps."""
    grid, (lat, lon) = reduced(), everywhere()
    ends = np.abs(grid.latitudes).max()
    lat = np.clip(lat, -ends, ends)
    reading = Interpolator(grid).read(lat, lon)
    np.testing.assert_allclose(values_of(reading, grid.latitudes), lat, atol=1e-9)
    away = np.abs((lon % 360) - 180) < 150
    np.testing.assert_allclose(values_of(reading, grid.longitudes)[away], (lon % 360)[away], atol=1e-6)


@pytest.mark.parametrize("grid", [scattered(4000), curvilinear()], ids=lambda g: g.name)
def test_planes_are_exact_for_what_is_linear(grid: Grid) -> None:
    """A plane through the sphere is linear along its surface, up to the square of a spacing."""
    rng = np.random.default_rng(3)
    cells = rng.integers(grid.n_cells, size=300)
    lat, lon = moved(
        grid.latitudes[cells], grid.longitudes[cells], rng.uniform(-0.4, 0.4, 300), rng.uniform(-0.4, 0.4, 300)
    )
    interpolator = Interpolator(grid)
    reading = interpolator.read(lat, lon)
    normal = np.array([0.3, -0.5, 0.8])
    found, expected = values_of(reading, vectors(grid.latitudes, grid.longitudes) @ normal), vectors(lat, lon) @ normal
    assert reading.inside.mean() > 0.85
    error = np.abs(found - expected)[reading.inside]
    assert error.max() < 3 * np.radians(interpolator.spacing) ** 2


@pytest.mark.parametrize("grid", [regular(), reduced(), scattered(), limited(), curvilinear()], ids=lambda g: g.name)
def test_at_a_cell_it_is_the_cell(grid: Grid) -> None:
    reading = Interpolator(grid).read(grid.latitudes, grid.longitudes + 360.0)
    assert reading.inside.all()
    field = smooth(grid, dtype=np.float64)
    np.testing.assert_allclose(values_of(reading, field), field, rtol=1e-6)
    alone = np.diff(reading.starts) == 1
    assert alone.mean() > 0.95  # no neighbour has a share, whose missing value would spread


def test_outside_a_region_there_is_nothing() -> None:
    """`limited` runs from 30 to 60 degrees north and from 10 west to 30 east."""
    interpolator = Interpolator(limited())
    lat = np.array([45.0, 29.9, 60.1, 45.0, 45.0, 45.0, 30.0, 60.0])
    lon = np.array([0.0, 0.0, 0.0, -10.1, 30.1, 180.0, -10.0, 30.0])
    assert interpolator.read(lat, lon).inside.tolist() == [True, False, False, False, False, False, True, True]
    scattered_cap = unstructured_grid(
        *(c[scattered(4000).latitudes > 30] for c in (scattered(4000).latitudes, scattered(4000).longitudes))
    )
    cap = Interpolator(scattered_cap)
    south = np.array([60.0, 40.0, 27.0, 10.0, -50.0])
    assert cap.read(south, np.full(5, 77.0)).inside.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("grid", "whole"),
    [(regular(), True), (reduced(), True), (scattered(), True), (limited(), False), (curvilinear(), False)],
    ids=lambda x: getattr(x, "name", x),
)
def test_what_covers_the_globe(grid: Grid, whole: bool) -> None:
    assert covers_globe(Interpolator(grid)) is whole


def test_the_mean_over_a_box() -> None:
    """Four places along 8 degrees lie 3 and 1 degrees beside the middle x, at cells: of x² the mean is x² + 5."""
    lon = np.arange(0.0, 60.0)
    grid = regular_grid(np.arange(-10.0, 11.0), lon)
    boxes = Boxes(np.zeros(3), np.array([20.0, 30.0, 41.0]), np.full(3, 8.0), np.full(3, 8.0))
    reading = Interpolator(grid).read_boxes(boxes, 4)
    expected = np.array([20.0, 30.0, 41.0]) ** 2 + 5.0
    # rtol: the box is as wide as great circles, not rows
    np.testing.assert_allclose(values_of(reading, grid.longitudes**2), expected, rtol=3e-4)
    np.testing.assert_allclose(values_of(reading, grid.longitudes), [20, 30, 41], atol=1e-6)


def test_many_places_are_read_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are worked on in pieces, which leaves no trace."""
    lat, lon = everywhere(100)
    boxes = Boxes(lat, lon, np.full(100, 3.0), np.full(100, 3.0))
    for grid in (reduced(), scattered()):
        whole = Interpolator(grid).read_boxes(boxes, 2)
        monkeypatch.setattr("dqwatch.metrics.interpolation._AT_ONCE", 28)
        pieces = Interpolator(grid).read_boxes(boxes, 2)
        monkeypatch.undo()
        for a, b in zip(whole, pieces, strict=True):
            np.testing.assert_array_equal(a, b)


@given(st.floats(-89, 89), st.floats(-180, 360), st.floats(-3, 3), st.floats(-3, 3))
def test_moving_a_place(lat: float, lon: float, east: float, north: float) -> None:
    """Along a tangent: the distance is the arc whose tangent is the step, in the direction asked for."""
    there = moved(*(np.array([v]) for v in (lat, lon, east, north)))
    step = np.hypot(np.radians(east), np.radians(north))
    cosine = float((vectors(np.array([lat]), np.array([lon])) * vectors(*there)).sum())
    assert np.arccos(np.clip(cosine, -1, 1)) == pytest.approx(np.arctan(step), abs=1e-7)
    if abs(north) > 1e-3 and east == 0:
        assert np.sign(there[0][0] - lat) == np.sign(north) or abs(lat) > 86


def test_cells_on_a_line_at_one_place_or_alone() -> None:
    """Nothing to lay a plane through: the nearest cell is read."""
    line = unstructured_grid(np.array([3.0, 1.0, 2.0, 0.0, 5.0]), np.full(5, 10.0))
    for lat, lon in (
        (line.latitudes, line.longitudes),
        (np.zeros(7), np.full(7, 5.0)),
        (np.array([1.0]), np.array([2.0])),
    ):
        reading = Interpolator(unstructured_grid(lat, lon)).read(lat, lon)
        assert reading.inside.all()
        assert np.diff(reading.starts).tolist() == [1] * lat.size
        np.testing.assert_array_equal(lat[reading.cells], lat)


def test_a_grid_without_places_is_refused() -> None:
    with pytest.raises(ValueError, match="grid 'grid' has no coordinates"):
        Interpolator(Grid("unknown", (4,)))
