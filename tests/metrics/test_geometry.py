"""Rows, neighbours and weights of grids of every kind, against counting and a matrix of distances."""

from __future__ import annotations

import dataclasses
import gc
import threading
import weakref

import numpy as np
import pytest
from metrics import grid_cases as cases

from dqwatch.metrics.geometry import Geometry, geometry_of
from dqwatch.metrics.graph import nearest_graph
from dqwatch.metrics.rows import find_rows
from dqwatch.sources.grids import curvilinear_grid, regular_grid, unstructured_grid
from dqwatch.types import Grid


@pytest.mark.parametrize("grid", cases.all_grids()[:4], ids=lambda g: g.name)
def test_rows_hold_each_cell_once(grid: Grid) -> None:
    rows = cases.rows_of(grid)
    found = [list(range(s, s + n)) for s, n in zip(rows.starts, rows.lengths, strict=True)]
    assert found == cases.row_cells(grid)
    assert rows.stacked
    assert rows.closed.all() == (grid.name in ("regular", "reduced"))
    assert rows.closed.any() == rows.closed.all()


def test_latitudes_and_poles_of_rows() -> None:
    np.testing.assert_array_equal(cases.rows_of(cases.regular()).latitudes, np.linspace(90, -90, 37))
    assert cases.rows_of(cases.regular()).poles.tolist() == [0, 36]
    assert cases.rows_of(cases.reduced()).poles.size == 0
    assert np.isnan(cases.rows_of(cases.curvilinear()).latitudes).all()
    assert cases.rows_of(cases.curvilinear()).poles.size == 0


def test_longitudes_in_any_convention_and_order() -> None:
    for longitudes in (
        np.arange(36) * 10.0,
        np.arange(36) * 10.0 - 180,
        (np.arange(36) * 10.0 + 200) % 360,
        -np.arange(36) * 10.0 % 360,
        np.arange(36.0, dtype=np.float32) * np.float32(360 / 36),
    ):
        assert cases.rows_of(regular_grid(np.arange(5.0), longitudes)).closed.all()
    for longitudes in (np.arange(35) * 10.0 + 90, np.arange(37) * 10.0, np.array([0.0]), np.array([3.0, 4.0])):
        assert not cases.rows_of(regular_grid(np.arange(5.0), longitudes)).closed.any()
    shuffled = regular_grid(np.arange(5.0), np.array([0.0, 50, 10, 60, 20]))
    assert geometry_of(shuffled).rows is None
    assert geometry_of(shuffled).graph is not None


def test_two_columns_may_go_round() -> None:
    assert cases.rows_of(regular_grid(np.arange(3.0), np.array([0.0, 180.0]))).closed.all()


def test_shuffled_latitudes_are_rows_that_do_not_lie_side_by_side() -> None:
    grid = regular_grid(np.array([10.0, 30.0, 20.0]), np.arange(8) * 45.0)
    assert not cases.rows_of(grid).stacked
    assert geometry_of(grid).graph is not None


def test_reduced_rows_of_rounded_longitudes() -> None:
    latitudes = np.repeat([60.0, 20.0, -20.0, -60.0], [7, 13, 13, 7])
    longitudes = np.round(np.concatenate([np.arange(n) * 360 / n for n in (7, 13, 13, 7)]), 3)
    rows = cases.rows_of(unstructured_grid(latitudes, longitudes))
    assert rows.closed.all()
    np.testing.assert_array_equal(rows.step, 360 / rows.lengths)


def test_a_part_of_a_reduced_grid_is_open() -> None:
    whole = cases.reduced()
    assert whole.latitudes is not None
    assert whole.longitudes is not None
    kept = (whole.latitudes > 20) & ((whole.longitudes + 40) % 360 < 100)
    order = np.lexsort(((whole.longitudes[kept] + 40) % 360, -whole.latitudes[kept]))
    part = unstructured_grid(whole.latitudes[kept][order], whole.longitudes[kept][order])
    rows = cases.rows_of(part)
    assert not rows.closed.any()
    assert (np.abs(rows.first + 40 - 360) < 20).all(), "places of all rows are counted from one longitude"


def test_a_curvilinear_grid_around_the_globe_is_closed() -> None:
    lon, lat = np.meshgrid(np.arange(24) * 15.0, np.linspace(-75, 75, 11))
    assert cases.rows_of(curvilinear_grid(lat + np.sin(np.radians(lon)), lon)).closed.all()
    assert not cases.rows_of(curvilinear_grid(lat[:, :12] + np.sin(np.radians(lon[:, :12])), lon[:, :12])).closed.any()


def test_rows_without_coordinates() -> None:
    rows = find_rows(Grid("unknown", (3, 5)))
    assert rows is not None
    assert rows.starts.tolist() == [0, 5, 10]
    assert not rows.closed.any()


@pytest.mark.parametrize(
    "grid", [Grid("unknown", (7,)), Grid("profile", ()), Grid("unknown", (0, 4)), Grid("unknown", (0,))], ids=str
)
def test_neither_rows_nor_neighbours(grid: Grid) -> None:
    assert geometry_of(grid).rows is None
    assert geometry_of(grid).graph is None


def test_the_graph_of_nearest_cells() -> None:
    grid = cases.scattered()
    graph = geometry_of(grid).graph
    assert graph is not None
    found = [graph.cells[a:b].tolist() for a, b in zip(graph.starts[:-1], graph.starts[1:], strict=True)]
    assert found == cases.neighbours(grid)
    for i in range(grid.n_cells):
        ahead = graph.cells[graph.ahead[i] : graph.starts[i + 1]]
        assert ahead.tolist() == [j for j in found[i] if j > i]


def test_cells_at_one_place_and_cells_nowhere() -> None:
    latitudes = np.array([10.0] * 12 + [11.0, np.nan, 12.0])
    graph = nearest_graph(latitudes, np.zeros(15))
    table = [graph.cells[a:b].tolist() for a, b in zip(graph.starts[:-1], graph.starts[1:], strict=True)]
    assert table[13] == []
    for i, others in enumerate(table):
        assert i not in others
        assert all(i in table[j] for j in others)
        assert len(others) >= 6 or i == 13
        assert others == sorted(set(others))
    few = nearest_graph(np.array([0.0, 1.0, 5.0]), np.zeros(3))
    assert few.cells.tolist() == [1, 2, 0, 2, 0, 1]
    assert nearest_graph(np.array([0.0]), np.zeros(1)).cells.size == 0


def test_weights_are_those_of_rows_where_they_can_be() -> None:
    for grid in (cases.regular(), cases.reduced(), cases.limited()):
        made = geometry_of(grid)
        rows = cases.rows_of(grid)
        assert made.weights.size == 0
        assert grid.area_weights is not None
        np.testing.assert_allclose(np.repeat(made.row_weights, rows.lengths), grid.area_weights, rtol=1e-6)
    for grid in (cases.curvilinear(), cases.scattered()):
        made = geometry_of(grid)
        assert made.row_weights.size == 0
        np.testing.assert_array_equal(made.weights, grid.area_weights)
    bare = dataclasses.replace(cases.reduced(), area_weights=None)
    np.testing.assert_array_equal(geometry_of(bare).row_weights, 1.0)


def test_a_geometry_is_made_once_and_forgotten_with_its_grid() -> None:
    grid = regular_grid(np.arange(4.0), np.arange(5.0))
    made: list[Geometry] = []
    threads = [threading.Thread(target=lambda one=grid: made.append(geometry_of(one))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del thread
    assert len(set(map(id, made))) == 1
    calls: list[Geometry] = []

    def count(geometry: Geometry) -> int:
        calls.append(geometry)
        return len(calls)

    assert [made[0].once(count) for _ in range(3)] == [1, 1, 1]
    gone = weakref.ref(made[0])
    made.clear()
    threads.clear()
    calls.clear()
    del grid
    gc.collect()
    assert gone() is None
