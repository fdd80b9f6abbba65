"""Training data of a few cells and years: a season, moving weather with memory, missing values, a constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from metrics.fake_source import FakeSource, axis_of

from dqwatch.types import Grid, Variable

DAY = 86400
N_LAT, N_LON = 8, 16
LAT = np.repeat((np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90, N_LON)
LON = np.tile(np.arange(N_LON) * 360 / N_LON, N_LAT)
SEA = np.cos(np.radians(3 * LON)) > 0.3


def grid() -> Grid:
    weights = np.cos(np.radians(LAT))
    return Grid("regular", (N_LAT, N_LON), LAT, LON, weights / weights.sum())


def make_fields(seed: int, n: int, *, days: float = 5.0) -> dict[str, np.ndarray]:
    """Fields (time, cell), float32, of `t` (smooth weather), `sst` (missing over land) and `lsm` (constant)."""
    rng = np.random.default_rng(seed)
    modes = np.stack([f(k * np.radians(LON)) * np.cos(m * np.radians(LAT)) for f in (np.sin, np.cos)
                      for k in (1, 2, 3) for m in (1, 2)])  # fmt: skip
    state, path = rng.standard_normal((2, len(modes))), np.empty((n, 2, len(modes)))
    for k in range(n):
        state = 0.7 * state + 0.7 * rng.standard_normal(state.shape)
        path[k] = state
    fraction = (np.arange(n) * days / 365.25) % 1
    season = np.cos(2 * np.pi * fraction)[:, None] * np.sin(np.radians(LAT))
    t = 280 + 20 * np.cos(np.radians(LAT)) + 8 * season + 2 * path[:, 0] @ modes + rng.normal(0, 0.3, (n, LAT.size))
    sst = 285 + 3 * season + path[:, 1] @ modes + rng.normal(0, 0.1, (n, LAT.size))
    sst = np.where(SEA, sst, np.nan)
    lsm = np.broadcast_to(np.where(SEA, 0.0, 1.0), (n, LAT.size))
    return {"t": t.astype(np.float32), "sst": sst.astype(np.float32), "lsm": lsm.astype(np.float32)}


def make_source(fields: Mapping[str, np.ndarray], *, first: int = 0, days: float = 5.0, **rest: Any) -> FakeSource:
    """The fields as a source; `first` is the number of the first time."""
    n = len(next(iter(fields.values())))
    seconds = ((first + np.arange(n)) * days * DAY).astype(np.int64)
    named = {Variable(name, name, name, units="K"): values for name, values in fields.items()}
    return FakeSource(named, axis=axis_of(seconds), grid=grid(), **rest)
