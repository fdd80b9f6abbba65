"""Sizes and places that the kernels and their callers share."""

from __future__ import annotations

BLOCK = 16384
"""Values looked at together: 64 KiB of float32, which stay in the cache of a core. The hashes depend on it."""
BINS = 256
SLOTS = BINS + 2
"""Slot 0 holds what lies below the bins (with NaN and -Inf), the last slot what lies above (with +Inf)."""
SAMPLES = 16
QUANTILES = (0.01, 0.5, 0.99)
ABSURD = 1e19
"""No quantity of weather is as large."""

INTS = ("n", "n_nan", "n_inf", "n_sentinel", "n_out_of_bounds", "n_unusual")
FLOATS = ("min", "max", "mean", "std", "wmean", "q01", "q50", "q99")
HASHES = ("nan_hash", "data_hash")
"""Columns of a field's row of integers, of floats and of hashes; their places:"""
N, N_NAN, N_INF, N_SENTINEL, N_OUT_OF_BOUNDS, N_UNUSUAL = range(6)
MIN, MAX, MEAN, STD, WMEAN, Q01 = range(6)
NAN_HASH, DATA_HASH = range(2)

MAGNITUDE, INFINITY, LOWEST, HIGHEST, CANONICAL_NAN, FIRST_KEY, KEY_SHIFT = range(7)
"""Places in `codes`, integers of the field's width: what tells its values apart, and the bins that follow its bits."""
NO_BINS, EQUAL_BINS, BIT_BINS = range(3)
"""How a field is binned."""
BIN_LOW, BIN_INVERSE, ONE, LAST_SLOT, ZERO = range(5)
"""Places in `bins`, numbers of the field's type: the bins of equal width."""
LOW, HIGH, USUAL_LOW, USUAL_HIGH = range(4)
"""Places in `limits`, numbers of the field's type."""

S1, S2, SW, W, S1_ERROR, SW_ERROR = range(6)
"""Places in `totals`: sums of d, d², weight · d and weight, d = scale · (value - shift), and their rounding errors."""

NAN_LOOK, BOUNDS_LOOK, USUAL_LOOK, FILL_LOOK, BIN_LOOK = 1, 2, 4, 8, 16
"""Why a field deserves a second look."""
