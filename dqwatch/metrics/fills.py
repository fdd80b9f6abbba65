"""Values that programs write for "missing", and that a reader may have left undecoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_SIGNED = (999.0, 9999.0, 99999.0, 1e20, 1e30, 1e34, 1e35, 1e36, 9.999e20, 9.99e33, 9.969209968386869e36, 3.4e38)
FILLS = (
    *_SIGNED,
    *(-fill for fill in _SIGNED),
    -32767.0,
    -32768.0,
    32767.0,
    -2147483647.0,
    -2147483648.0,
    float(np.finfo(np.float32).max),
    float(np.finfo(np.float32).min),
    float(np.finfo(np.float64).max),
    float(np.finfo(np.float64).min),
)
"""9.97e36 is netCDF's own, 9.999e20 wgrib2's, 9.99e33 GrADS's, 1e34 Ferret's, 1e20 CMIP's, 1e36 CESM's; -32767,
-32768 and -2147483647 those of packed integers."""


def fills(dtype: np.dtype, more: Sequence[float] = ()) -> np.ndarray:
    """The fill values as a field of this type may hold them; in float64 also as they look after a stay in float32.

    `more` are those of the variable alone.
    """
    wanted = (*FILLS, *more)
    with np.errstate(over="ignore"):
        short = np.array(wanted).astype(np.float32)
    every = short if dtype == np.float32 else np.concatenate([wanted, short.astype(np.float64)])
    return np.unique(every[np.isfinite(every)]).astype(dtype)
