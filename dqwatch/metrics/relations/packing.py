"""How much packing into integers may have changed values: found from the lattice on which unpacked values lie."""

from __future__ import annotations

import numpy as np

_SAMPLE = 1 << 15
_FEWEST = 8
_FARTHEST = 64
"""Gaps longer than this many steps say nothing of the step: rounding adds up."""


def packing_error(values: np.ndarray) -> float:
    """Half the step of packed values.

    Parameters
    ----------
    values : np.ndarray (cell,)
        Unpacked, in any units.

    Returns
    -------
    float
        The largest error of rounding to the lattice, in the units of `values`; 0 if they lie on none, or if there are
        fewer than 9 different values (of the 32768 looked at) to tell.
    """
    stride = max(1, values.size // _SAMPLE)
    sample = values[::stride]
    levels = np.unique(sample[np.isfinite(sample)].astype(np.float64))
    if levels.size <= _FEWEST:
        return 0.0
    rounding = float(np.finfo(values.dtype).eps) * float(np.abs(levels[[0, -1]]).max())
    gaps = np.diff(levels)
    gaps = gaps[gaps > 4 * rounding]
    if gaps.size < _FEWEST:
        return 0.0
    step = float(gaps.min())
    gaps = gaps[gaps < _FARTHEST * step]
    multiples = np.rint(gaps / step)
    # The smallest gap is off by rounding: the mean over all steps counted is not.
    step = float(gaps.sum() / multiples.sum())
    off = np.abs(gaps - np.rint(gaps / step) * step)
    on_lattice = np.mean(off < 0.05 * step + 2 * rounding) > 0.95
    return 0.5 * step if on_lattice and step > 8 * rounding else 0.0
