"""Patches of missing values shaped like the blocks in which a field is stored or was computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_LEAST_CELLS = 16
"""A smaller block says nothing: every coast follows the edges of single cells."""
_SHARP = 0.9
"""Of the cells across the edges of a patch that must be there."""


def count_lost_blocks(
    missing: np.ndarray, shape: Sequence[int], block: Sequence[int], expected: np.ndarray | None = None
) -> float:
    """Blocks that are missing throughout while the cells around them are there: chunks or tiles that got lost.

    Blocks that touch along an edge are one patch. The blocks of a patch count if nine tenths of the cells across its
    edges are there; those of natural gaps do not, as these end anywhere.

    Parameters
    ----------
    missing : np.ndarray (cell,), bool
    shape : sequence of int
        Of the grid; its product is the number of cells.
    block : sequence of int
        Cells of a block along each axis; the first block begins with the first cell, the last may be cut short.
    expected : np.ndarray (cell,), bool, optional
        Cells that are missing by nature (land in sea temperatures). They neither make a block nor disturb one.

    Returns
    -------
    float
        Number of blocks; NaN for blocks of fewer than 16 cells or as large as the field.

    Raises
    ------
    ValueError
        If `block` has not one length for each axis.
    """
    if len(shape) != len(block):
        raise ValueError(f"a block of {len(block)} lengths on a grid of shape {tuple(shape)}; give one for each axis")
    block = [min(b, n) for b, n in zip(block, shape, strict=True)]
    if math.prod(block) < _LEAST_CELLS or math.prod(block) == math.prod(shape):
        return math.nan
    natural = np.zeros(missing.shape, bool) if expected is None else expected
    gone = (missing & ~natural).reshape(shape)
    if not gone.any():
        return 0.0
    present = (~missing & ~natural).reshape(shape)
    return _count(gone, present, block)


def _count(gone: np.ndarray, present: np.ndarray, block: Sequence[int]) -> float:
    from scipy.ndimage import label

    full = (_in_blocks(gone, block) > 0) & (_in_blocks(present, block) == 0)
    patches, n_patches = label(full)
    beyond = np.zeros((2, n_patches + 1), np.int64)
    for axis, width in enumerate(block):
        along = [np.arange(n) // b for n, b in zip(gone.shape, block, strict=True)]
        edges = np.arange(width, gone.shape[axis], width)
        for inner, outer in ((edges - 1, edges), (edges, edges - 1)):
            own, other = (patches[np.ix_(*along[:axis], c // width, *along[axis + 1 :])] for c in (inner, outer))
            outside = (own > 0) & (other == 0)
            for row, state in zip(beyond, (present, gone), strict=True):
                across = outside & state.take(outer, axis)
                row += np.bincount(own[across], minlength=n_patches + 1)
    there, missing = beyond
    lost = (there > 0) & (there >= _SHARP * (there + missing))
    return float(np.count_nonzero(lost[patches] & full))


def _in_blocks(mask: np.ndarray, block: Sequence[int]) -> np.ndarray:
    """Number of cells of a mask in each block."""
    counts = mask.astype(np.int64)
    for axis, width in enumerate(block):
        counts = np.add.reduceat(counts, np.arange(0, mask.shape[axis], width), axis=axis)
    return counts
