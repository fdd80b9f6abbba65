"""Equal areas: as many as wanted, equal in size, each cell in the box that it lies in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.scores.areas import Areas, bands, lay_areas
from dqwatch.types import Grid


def globe(n_lat: int = 60, n_lon: int = 120) -> Grid:
    lat = np.repeat((np.arange(n_lat) + 0.5) * 180 / n_lat - 90, n_lon)
    lon = np.tile(np.arange(n_lon) * 360 / n_lon - 180, n_lat)
    return Grid("regular", (n_lat, n_lon), lat, lon)


@given(st.integers(1, 5000))
def test_all_boxes_have_the_same_area(count: int) -> None:
    """A box between sines s and t, of width 2 pi / m, has the area (t - s) 2 pi / m."""
    edges, numbers = bands(count)
    areas = np.diff(edges) * 2 * np.pi / numbers
    assert np.allclose(areas, 4 * np.pi / numbers.sum(), rtol=1e-9)
    assert edges[0] == -1
    assert edges[-1] == pytest.approx(1, abs=1e-12)
    assert 0.6 * count - 3 <= numbers.sum() <= 1.5 * count + 3


def test_each_cell_lies_in_the_box_of_its_area() -> None:
    grid = globe()
    areas = lay_areas(grid, 192)
    assert 150 <= areas.size <= 240
    south, north, west, east = areas.boxes[areas.of_cell].T
    lat, lon = grid.latitudes, grid.longitudes % 360
    assert ((lat >= south - 1e-9) & (lat <= north + 1e-9) & (lon >= west - 1e-9) & (lon <= east + 1e-9)).all()
    assert (np.bincount(areas.of_cell) > 0).all()


def test_a_small_domain_is_cut_as_finely() -> None:
    lat, lon = np.meshgrid(np.linspace(50, 52, 30), np.linspace(5, 8, 30), indexing="ij")
    areas = lay_areas(Grid("unstructured", (900,), lat.ravel(), lon.ravel()), 100)
    assert 75 <= areas.size <= 400


@pytest.mark.parametrize("n", [1, 3, 20])
def test_few_cells_are_areas_of_their_own_at_most(n: int) -> None:
    lat = np.linspace(-60, 60, n)
    assert 1 <= lay_areas(Grid("unstructured", (n,), lat, np.zeros(n)), 192).size <= n


def test_without_coordinates_areas_are_runs_of_cells() -> None:
    areas = lay_areas(Grid("unknown", (10,)), 5)
    assert areas.of_cell.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert areas.name(np.array([False, True, True, False, False])) == "cells 2-5"
    assert areas.touching[1].tolist() == [True, True, True, False, False]


def boxes(*corners: tuple[float, float, float, float]) -> Areas:
    return Areas(np.arange(len(corners), dtype=np.int32), np.array(corners))


def test_a_region_is_named_by_its_box_across_the_prime_meridian_too() -> None:
    areas = boxes((30, 42, 350, 360), (30, 42, 0, 10), (-10, 0, 100, 120))
    assert areas.name(np.array([True, True, False])) == "30N-42N 10W-10E"
    assert areas.name(np.array([False, False, True])) == "10S-0N 100E-120E"
    assert areas.touching.tolist() == [[True, True, False], [True, True, False], [False, False, True]]


def test_a_ring_has_all_longitudes() -> None:
    areas = boxes(*((0, 10, 60 * k, 60 * k + 60) for k in range(6)))
    assert areas.name(np.ones(6, bool)) == "0N-10N all longitudes"
