"""Edges and halos of missing values against growing masks cell by cell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics import grid_cases as cases
from scipy import ndimage

from dqwatch.metrics.geometry import geometry_of
from dqwatch.metrics.halo import FARTHEST, Halo, compare_masks, count_mask_edge
from dqwatch.types import Grid


def grow(mask: np.ndarray, grid: Grid) -> np.ndarray:
    return np.array([m or mask[others].any() for m, others in zip(mask, cases.neighbours(grid), strict=True)])


def slow_width(mask: np.ndarray, target: np.ndarray, grid: Grid) -> float:
    for width in range(FARTHEST + 1):
        if not (target & ~mask).any():
            return width
        mask = grow(mask, grid)
    return FARTHEST + 1


def sea(grid: Grid) -> np.ndarray:
    """A mask of a few large pieces."""
    field = cases.smooth(grid, lmax=6)
    return field > np.quantile(field, 0.7)


@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_cell_by_cell(grid: Grid) -> None:
    geometry, mask = geometry_of(grid), sea(grid)
    edge = sum(m and not mask[others].all() for m, others in zip(mask, cases.neighbours(grid), strict=True))
    assert count_mask_edge(mask, geometry) == edge > 10
    wider, speck = grow(mask, grid), mask.copy()
    speck[np.random.default_rng(0).choice(np.flatnonzero(~mask), 3, replace=False)] = True
    others = [mask, wider, grow(wider, grid), speck, ~mask, np.zeros_like(mask), np.ones_like(mask)]
    for other in others:
        expected = Halo(
            (other & ~mask).sum(), (mask & ~other).sum(), slow_width(mask, other, grid), slow_width(other, mask, grid)
        )
        assert compare_masks(other, mask, geometry) == expected
        assert compare_masks(mask, other, geometry) == Halo(*np.array(expected)[[1, 0, 3, 2]])


def test_against_the_dilation_of_scipy() -> None:
    grid = cases.limited()
    mask = sea(grid)
    table = mask.reshape(grid.shape)
    inner = ndimage.binary_erosion(table, np.ones((3, 3)), border_value=1)
    assert count_mask_edge(mask, geometry_of(grid)) == (table & ~inner).sum()
    for n in range(1, FARTHEST + 1):
        wider = ndimage.binary_dilation(table, np.ones((3, 3)), iterations=n).ravel()
        assert compare_masks(wider, mask, geometry_of(grid)) == (wider.sum() - mask.sum(), 0, n, 0)


@pytest.mark.parametrize("grid", cases.all_grids(), ids=lambda g: g.name)
def test_the_same_mask_has_no_halo(grid: Grid) -> None:
    for mask in (sea(grid), np.zeros(grid.n_cells, bool), np.ones(grid.n_cells, bool)):
        assert compare_masks(mask, mask, geometry_of(grid)) == (0, 0, 0, 0)
    for mask in (np.zeros(grid.n_cells, bool), np.ones(grid.n_cells, bool)):
        assert count_mask_edge(mask, geometry_of(grid)) == 0


def test_a_hole_in_a_field_without_gaps() -> None:
    grid = cases.reduced()
    hole = np.zeros(grid.n_cells, bool)
    hole[[700, 701]] = True
    assert compare_masks(hole, np.zeros_like(hole), geometry_of(grid)) == (2, 0, FARTHEST + 1, 0)


def test_unknown_neighbours() -> None:
    geometry = geometry_of(Grid("unknown", (5,)))
    mask, other = np.array([True, False, False, False, True]), np.zeros(5, bool)
    assert math.isnan(count_mask_edge(mask, geometry))
    for reference in (other, np.array([True, False, False, False, False])):
        found = compare_masks(mask, reference, geometry)
        assert found[:2] == (mask.sum() - reference.sum(), 0)
        assert math.isnan(found.dilation)
        assert found.erosion == 0
