"""Lost blocks among natural gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics import grid_cases as cases

from dqwatch.metrics.patches import count_lost_blocks
from dqwatch.types import Grid


def lose(grid: Grid, block: tuple[int, ...], *places: tuple[int, ...], into: np.ndarray | None = None) -> np.ndarray:
    """A mask with the blocks of some numbers gone."""
    mask = np.zeros(grid.shape, bool) if into is None else into.reshape(grid.shape).copy()
    for place in places:
        mask[tuple(slice(p * b, (p + 1) * b) for p, b in zip(place, block, strict=True))] = True
    return mask.ravel()


def land(grid: Grid) -> np.ndarray:
    field = cases.smooth(grid, lmax=6)
    return field > np.quantile(field, 0.7)


@pytest.mark.parametrize("block", [(8, 8), (5, 9), (4, 72), (37, 10), (10, 30)], ids=str)
def test_blocks_of_a_table(block: tuple[int, int]) -> None:
    grid = cases.regular()
    last = tuple((n - 1) // b for n, b in zip(grid.shape, block, strict=True))
    for places in ([(0, 0)], [last], [(0, 0), last], [(last[0] // 2, last[1] // 2)]):
        assert count_lost_blocks(lose(grid, block, *places), grid.shape, block) == len(set(places))
    assert count_lost_blocks(np.zeros(grid.n_cells, bool), grid.shape, block) == 0
    assert count_lost_blocks(np.ones(grid.n_cells, bool), grid.shape, block) == 0


def test_blocks_side_by_side_are_counted_each() -> None:
    grid = cases.regular()
    mask = lose(grid, (8, 8), (1, 1), (1, 2), (2, 1), (2, 2), (3, 5))
    assert count_lost_blocks(mask, grid.shape, (8, 8)) == 5


def test_pieces_of_the_cell_axis() -> None:
    grid = cases.reduced()
    for places in ([(0,)], [(3,), (4,), (9,)], [(31,)]):
        assert count_lost_blocks(lose(grid, (100,), *places), grid.shape, (100,)) == len(places)


def test_a_piece_off_the_edges_of_blocks_is_no_block() -> None:
    grid = cases.regular()
    mask = np.zeros(grid.shape, bool)
    mask[9:26, 9:26] = True  # a whole block of 8 x 8 lies within
    assert count_lost_blocks(mask.ravel(), grid.shape, (8, 8)) == 0
    mask[:] = False
    mask[8:16, 8:15] = True
    assert count_lost_blocks(mask.ravel(), grid.shape, (8, 8)) == 0


@pytest.mark.parametrize("grid", [cases.regular(), cases.limited(), cases.curvilinear()], ids=lambda g: g.name)
@pytest.mark.parametrize("block", [(4, 4), (5, 7), (10, 10)], ids=str)
def test_natural_gaps_hold_no_blocks_and_hide_none(grid: Grid, block: tuple[int, int]) -> None:
    mask = land(grid)
    assert count_lost_blocks(mask, grid.shape, block) == 0
    assert count_lost_blocks(mask, grid.shape, block, mask) == 0
    blocks = [tuple(p) for p in np.ndindex(*(n // b for n, b in zip(grid.shape, block, strict=True)))]
    sea = [p for p in blocks if not (lose(grid, block, p) & mask).any()]
    coast = [p for p in blocks if (one := lose(grid, block, p) & mask).any() and one.sum() < math.prod(block) - 4]
    assert sea
    assert coast
    for place in (sea[0], sea[-1], coast[0], coast[-1]):
        spoilt = lose(grid, block, place, into=mask)
        assert count_lost_blocks(spoilt, grid.shape, block, mask) == 1


def test_a_few_missing_cells_beside_a_lost_block_do_not_hide_it() -> None:
    grid = cases.regular()
    mask = lose(grid, (8, 8), (2, 2)).reshape(grid.shape)
    mask[16, 15] = mask[24, 20] = True
    assert count_lost_blocks(mask.ravel(), grid.shape, (8, 8)) == 1
    mask[16:20, 15] = True
    assert count_lost_blocks(mask.ravel(), grid.shape, (8, 8)) == 0


@given(st.integers(1, 12), st.integers(1, 12), st.integers(4, 7), st.integers(4, 7), st.integers(0, 2**32 - 1))
def test_scattered_blocks_against_looking_at_each(ny: int, nx: int, by: int, bx: int, seed: int) -> None:
    # Blocks lost at random: a patch is lost unless all blocks are; every block of one is whole, its edges are clean.
    shape = (ny * by, nx * bx)
    lost = np.random.default_rng(seed).random((ny, nx)) < 0.4
    mask = np.kron(lost, np.ones((by, bx), bool)).ravel()
    found = count_lost_blocks(mask, shape, (by, bx))
    if ny * nx == 1:
        assert math.isnan(found)
    else:
        assert found == (0 if lost.all() else lost.sum())


@pytest.mark.parametrize("block", [(3, 5), (1, 1), (37, 72), (100, 100)], ids=str)
def test_blocks_too_small_or_as_large_as_the_field(block: tuple[int, int]) -> None:
    assert math.isnan(count_lost_blocks(land(cases.regular()), cases.regular().shape, block))


def test_a_block_has_a_length_for_each_axis() -> None:
    with pytest.raises(ValueError, match="a block of 1 lengths on a grid of shape"):
        count_lost_blocks(np.zeros(2664, bool), (37, 72), (5,))
