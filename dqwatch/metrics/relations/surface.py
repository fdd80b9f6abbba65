"""Snow, soil, sea ice and the mask of the sea."""

from __future__ import annotations

import numpy as np

from dqwatch.metrics.relations.order import judge_packed
from dqwatch.metrics.relations.relation import NOTHING, Context, Fields, Violations, judge, pool

SNOW = 0.01
"""m of water: less is not worth a word."""
WARM = 293.15
"""K."""
LIGHTEST, DENSEST = 30.0, 950.0
"""kg m-3."""
NEGATIVE = 1e-5
"""m of water."""
ICE = 0.15
"""Less sea ice than this counts as open water, as in ice charts; blurred edges hold less."""
ICE_SST = 275.0
"""K."""
POROSITY = 0.8
POROSITIES = np.array([POROSITY, 0.403, 0.439, 0.430, 0.520, 0.614, 0.766, 0.472])
"""m3 m-3 by soil type (0 none, 1 coarse .. 6 organic, 7 tropical organic): saturation in the ECMWF land scheme."""
SOIL = 0.02
"""m3 m-3: interpolation between soil types."""
LAND, SEA = 0.99, 0.01
"""Cells with a land fraction in between may have a sea surface temperature or not."""


def snow_not_negative(fields: Fields, context: Context) -> Violations:
    """Snow `sd` [m of water] >= 0."""
    return judge_packed(-fields["sd"], NEGATIVE, fields, context, ("sd",))


def no_snow_in_warmth(fields: Fields, context: Context) -> Violations:
    """No more than 1 cm of water in snow `sd` [m] where `2t` [K] is above 20 degC; the other cells are not checked."""
    known = np.isfinite(fields["sd"]) & (fields["2t"] > WARM)
    return judge(np.where(known, fields["sd"] - SNOW, np.nan))


def snow_has_density(fields: Fields, context: Context) -> Violations:
    """Density of snow, 1000 `sd` / `sde` [m of water, m of snow], between 30 and 950 kg m-3 where `sd` > 1 cm."""
    density = np.where(fields["sd"] > SNOW, 1000 * fields["sd"] / np.maximum(fields["sde"], 1e-6), np.nan)
    return judge(np.maximum(LIGHTEST - density, density - DENSEST))


def ice_is_cold(fields: Fields, context: Context) -> Violations:
    """`sst` [K] below 275 K where sea ice `ci` covers 15 % and more; the other cells are not checked."""
    return judge(np.where(fields["ci"] >= ICE, fields["sst"] - ICE_SST, np.nan))


def soil_water_fits_pores(fields: Fields, context: Context) -> Violations:
    """Soil water `swvl1`..`swvl4` [m3 m-3] <= the porosity of the soil type `slt`, or 0.8 where that is unknown."""
    layers = [fields[name] for name in ("swvl1", "swvl2", "swvl3", "swvl4") if name in fields]
    if not layers:
        return NOTHING
    porosity: float | np.ndarray = POROSITY
    if "slt" in fields:
        kind = np.nan_to_num(np.rint(fields["slt"]), nan=0.0, posinf=0.0, neginf=0.0)
        # Between whole numbers the type is an interpolated one, and says nothing.
        certain = np.abs(fields["slt"] - kind) < 1e-3
        kind = np.where(certain & (kind >= 0) & (kind < POROSITIES.size), kind, 0).astype(np.int64)
        porosity = POROSITIES[kind]
    return pool(judge(layer - porosity, SOIL) for layer in layers)


def sea_is_where_land_is_not(fields: Fields, context: Context) -> Violations:
    """`sst` is missing on land and given at sea, by the land fraction `lsm`; coasts (1..99 % land) are not checked.

    Nothing is checked if `sst` is missing nowhere (it was filled) or everywhere. The departure of a cell is 1.
    """
    missing, land = np.isnan(fields["sst"]), fields["lsm"]
    if missing.all() or not missing.any():
        return NOTHING
    certain = (land >= LAND) | (land <= SEA)
    return judge(np.where(certain, (missing != (land >= LAND)).astype(np.float64), np.nan), 0.5)
