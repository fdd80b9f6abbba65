"""Means over two kinds of areas in one pass, against numpy's sums over each kind by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.baselines.pieces import Means, Pieces
from dqwatch.metrics.geometry import geometry_of
from dqwatch.scores.areas import Areas
from dqwatch.scores.view import Place
from dqwatch.types import Grid


def place(of_cell: np.ndarray, weights: np.ndarray) -> Place:
    grid = Grid("unstructured", (of_cell.size,))
    return Place(geometry_of(grid), areas(of_cell), weights)


def areas(of_cell: np.ndarray) -> Areas:
    return Areas(of_cell.astype(np.int32), np.full((int(of_cell.max()) + 1, 4), np.nan))


def independent(x: np.ndarray, of_cell: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of x and of its square, float64, area by area."""
    x, n = x.astype(np.float64), int(of_cell.max()) + 1
    known = np.isfinite(x)
    w = np.where(known, weights, 0.0)
    x = np.where(known, x, 0.0)
    size, first, second = (np.bincount(of_cell, w * y, n) for y in (known, x, x**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return first / size, second / size


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), n_fine=st.integers(1, 5), n_coarse=st.integers(1, 9))
def test_means_are_those_of_each_kind_by_itself(seed: int, n: int, n_fine: int, n_coarse: int) -> None:
    rng = np.random.default_rng(seed)
    # Runs of cells and single ones, an area in several pieces; some cells without a value, or an infinite one.
    fine = np.unique(rng.integers(n_fine, size=n), return_inverse=True)[1].reshape(-1)
    coarse = np.unique(np.sort(rng.integers(n_coarse, size=n)), return_inverse=True)[1].reshape(-1)
    weights = rng.uniform(0.1, 1, n)
    values = rng.choice([*rng.normal(280, 10, 8), np.nan, np.inf, -np.inf], n).astype(np.float32)
    before = rng.choice([*rng.normal(280, 10, 8), np.nan], n).astype(np.float32)
    pieces = Pieces(place(fine, weights), areas(coarse))
    with np.errstate(invalid="ignore"):
        change = values - before
    for x, found in ((values, pieces.means(values)), (change, pieces.means(values, before))):
        np.testing.assert_allclose(found.of_areas, independent(x, fine, weights)[0], rtol=1e-12)
        mean, square = independent(x, coarse, weights)
        np.testing.assert_allclose(found.of_coarse, mean, rtol=1e-12)
        np.testing.assert_allclose(found.coarse_squares, square, rtol=1e-12)
    np.testing.assert_allclose(pieces.area_weights, np.bincount(fine, weights))
    np.testing.assert_allclose(pieces.coarse_weights, np.bincount(coarse, weights))


def test_small_grids_have_no_coarse_areas() -> None:
    pieces = Pieces(place(np.array([0, 0, 1]), np.ones(3)))
    found = pieces.means(np.array([1.0, 3.0, np.nan]))
    assert isinstance(found, Means)
    assert found.of_areas.tolist() == [2.0, pytest.approx(np.nan, nan_ok=True)]
    assert found.of_coarse.size == found.coarse_squares.size == pieces.coarse_weights.size == 0
