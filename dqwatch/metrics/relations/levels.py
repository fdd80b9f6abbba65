"""Relations between pressure levels: height, thickness and temperature."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from dqwatch.metrics.relations.humidity import GAS, GRAVITY, KAPPA, most_humid, virtual_temperature
from dqwatch.metrics.relations.relation import NOTHING, Context, Fields, Violations, judge, on_levels, pool

THICKNESS = 20.0
"""m."""
THICKNESS_RELATIVE = 0.01
CURVATURE = 300.0
"""m: the error of the mean of two temperatures grows with the square of ln(pressure ratio)."""
THINNEST = 1000.0
"""m for each unit of ln(pressure ratio)."""
OVERTURN = 1.0
"""K of potential temperature."""
UNDERGROUND, OVERTURN_UNDERGROUND = 500.0, 5.0
"""hPa, K: a level from here downward may lie under the ground, where temperatures are extrapolated."""
MOUNTAINOUS = 450.0
"""m: standard deviation of the height of the ground. Weather moves ln(sp) by about 0.013, as 100 m of height do; below
450 m no healthy regression explains 95 %."""
UNEXPLAINED = 0.05


def thickness_is_hydrostatic(fields: Fields, context: Context) -> Violations:
    """Thickness of layers between neighbouring levels against their mean virtual temperature [m].

    From `z_*` [m2 s-2] or `gh_*` [m], `t_*` [K] and, where both levels have it, `q_*` [kg kg-1]; without humidity any
    value from dry to saturated air will do. Cells whose lower level is under the ground are left out if surface
    pressure `sp` [Pa] or the geopotential of the ground `z` [m2 s-2] is given.
    """
    heights, temperatures, humidities = _heights(fields), on_levels(fields, "t"), on_levels(fields, "q")
    common = [level for level in heights if level in temperatures]
    parts = []
    for low, high in pairwise(common):
        thickness = heights[high] - heights[low]
        pair = temperatures[low], temperatures[high]
        if low in humidities and high in humidities:
            dry = moist = _thickness(low, high, *map(virtual_temperature, pair, (humidities[low], humidities[high])))
        else:
            humid = (most_humid(t, 100 * level) for t, level in zip(pair, (low, high), strict=True))
            dry, moist = _thickness(low, high, *pair), _thickness(low, high, *map(virtual_temperature, pair, humid))
        departure = np.maximum(dry - thickness, thickness - moist)
        departure = np.where(_underground(fields, low, heights[low]), np.nan, departure)
        curvature = CURVATURE * math.log(low / high) ** 2
        parts.append(judge(departure, np.maximum(THICKNESS_RELATIVE * moist, max(THICKNESS, curvature))))
    return pool(parts)


def height_grows_upward(fields: Fields, context: Context) -> Violations:
    """`z_*` [m2 s-2] or `gh_*` [m] above that of the level below; by how much a layer is too thin, in m.

    A layer must be as thick as one of air at 34 K, so that a level that is a copy of another is found.
    """
    heights = _heights(fields)
    return pool(
        judge(THINNEST * math.log(low / high) - (heights[high] - heights[low])) for low, high in pairwise(heights)
    )


def potential_temperature_grows_upward(fields: Fields, context: Context) -> Violations:
    """Potential temperature from `t_*` [K] on each level at least that of the level below, up to 1 K.

    Up to 5 K from a level that may lie under the ground.
    """
    temperatures = on_levels(fields, "t")
    return pool(
        judge(
            temperatures[low] * (1000 / low) ** KAPPA - temperatures[high] * (1000 / high) ** KAPPA,
            OVERTURN if low < UNDERGROUND else OVERTURN_UNDERGROUND,
        )
        for low, high in pairwise(temperatures)
    )


def pressure_follows_ground(fields: Fields, context: Context) -> Violations:
    """Surface pressure against the height of the ground: share of ln(sp) that a straight line does not explain.

    From `sp` [Pa] and `z` [m2 s-2] or `orog` [m], weighted by area where weights are known. Nothing is checked where
    the ground is too even to tell (a standard deviation below 450 m; the globe has more).
    """
    ground = np.asarray(fields["orog"] if "orog" in fields else fields["z"] / GRAVITY, np.float64)
    logarithm = np.log(np.asarray(fields["sp"], np.float64))
    known = np.isfinite(ground) & np.isfinite(logarithm)
    n = int(np.count_nonzero(known))
    if n < 3:
        return NOTHING
    weights = known / n if context.area_weights is None else known * context.area_weights
    weights = weights / weights.sum()
    x, y = np.where(known, ground, 0.0), np.where(known, logarithm, 0.0)
    # einsum, not BLAS: its threads wait for each other longer than such products take.
    x, y = (v - np.einsum("i,i->", weights, v) for v in (x, y))
    xx, xy, yy = (np.einsum("i,i,i->", weights, a, b) for a, b in ((x, x), (x, y), (y, y)))
    if not xx >= MOUNTAINOUS**2:
        return NOTHING
    unexplained = float(1 - xy * xy / (xx * yy)) if yy > 0 else 1.0
    # Pressure that rises with height fits a line as well, and is as wrong.
    unexplained = unexplained if xy < 0 else 1.0
    cell = int(np.argmax(np.where(known, np.abs(y - xy / xx * x), -1.0)))
    return Violations(n, n if unexplained > UNEXPLAINED else 0, max(unexplained, 0.0), cell)


def _heights(fields: Fields) -> dict[float, np.ndarray]:
    """Geopotential height [m] by level, the highest pressure first."""
    given = on_levels(fields, "gh")
    return given or {level: values / GRAVITY for level, values in on_levels(fields, "z").items()}


def _thickness(low: float, high: float, at_low: np.ndarray, at_high: np.ndarray) -> np.ndarray:
    """Hypsometric equation: the mean virtual temperature is that of the two levels."""
    return GAS / GRAVITY * math.log(low / high) * 0.5 * (at_low + at_high)


def _underground(fields: Fields, level: float, height: np.ndarray) -> np.ndarray:
    """Where a level lies below the ground, bool (cell,); nowhere if neither pressure nor height of it is known."""
    if "sp" in fields:
        return np.asarray(fields["sp"] < 100 * level)
    if "z" in fields:
        return np.asarray(height < fields["z"] / GRAVITY)
    return np.zeros(height.shape, bool)
