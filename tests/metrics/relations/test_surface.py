"""Snow, sea ice, soil and the land mask against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from metrics.relations.scalar import answer, check, lattice, relation, unpacked

from dqwatch.metrics.relations import Context

SNOW = lattice(-0.125, 0.5, 1 / 256)
TEMPERATURE = lattice(285, 300, 1 / 8)


@given(SNOW)
def test_snow_is_not_negative(snow: np.ndarray) -> None:
    found = relation("snow_sign")({"sd": snow}, Context(packing=unpacked("sd")))
    check(found, {"sd": snow}, lambda _sd: -_sd, 1e-5)


@given(SNOW, TEMPERATURE)
def test_no_snow_in_warmth(snow: np.ndarray, temperature: np.ndarray) -> None:
    fields = {"sd": snow, "2t": temperature}
    found = relation("snow_warm")(fields, Context())
    check(found, fields, lambda _sd, _2t: _sd - 0.01 if _2t > 293.15 else math.nan)


@given(SNOW, lattice(0, 4, 1 / 64))
def test_density_of_snow(water: np.ndarray, depth: np.ndarray) -> None:
    def departure(_sd: float, _sde: float) -> float:
        if _sd <= 0.01:
            return math.nan
        density = 1000 * _sd / _sde if _sde > 0 else 1000 * _sd / 1e-6
        return max(30 - density, density - 950)

    fields = {"sd": water, "sde": depth}
    check(relation("snow_density")(fields, Context()), fields, departure)


@given(lattice(0, 1, 1 / 32), lattice(270, 280, 1 / 8))
def test_ice_is_cold(ice: np.ndarray, temperature: np.ndarray) -> None:
    fields = {"ci": ice, "sst": temperature}
    found = relation("sst_ice")(fields, Context())
    check(found, fields, lambda _ci, _sst: _sst - 275 if _ci >= 0.15 else math.nan)


POROSITY = {1: 0.403, 2: 0.439, 3: 0.43, 4: 0.52, 5: 0.614, 6: 0.766, 7: 0.472}


@given(lattice(0, 1, 1 / 64), lattice(0, 1, 1 / 64), lattice(-1, 9, 1 / 2))
def test_soil_water_fits_the_pores(upper: np.ndarray, lower: np.ndarray, kind: np.ndarray) -> None:
    context = Context()
    porous = [POROSITY.get(k, 0.8) for k in kind.tolist()]  # halves, NaN and unknown types: 0.8
    for slt, pores in ((None, [0.8] * kind.size), (kind, porous)):
        fields = {"swvl1": upper, "swvl3": lower} | ({} if slt is None else {"slt": slt})
        found = relation("soil_porosity")(fields, context)
        both = [w - p for layer in (upper, lower) for w, p in zip(layer.tolist(), pores, strict=True)]
        expected = answer(both, [0.02] * len(both))
        assert found[:2] == expected[:2]
        np.testing.assert_allclose(found.worst, expected[2], atol=1e-12)


def test_no_soil_no_answer() -> None:
    assert relation("soil_porosity")({"slt": np.ones(3)}, Context()).n_checked == 0


@given(lattice(0, 1, 1 / 128), lattice(272, 274, 1))
def test_the_sea_is_where_land_is_not(land: np.ndarray, temperature: np.ndarray) -> None:
    found = relation("lsm")({"lsm": land, "sst": temperature}, Context())
    missing = np.isnan(temperature)
    if missing.all() or not missing.any():
        assert found.n_checked == 0
        return
    departures = [
        math.nan if not (f >= 0.99 or f <= 0.01) else float((f >= 0.99) != m)
        for f, m in zip(land.tolist(), missing.tolist(), strict=True)
    ]
    expected = answer(departures, [0.5] * len(departures))
    np.testing.assert_equal(tuple(found), expected)
