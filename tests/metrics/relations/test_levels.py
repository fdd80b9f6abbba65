"""Heights, thicknesses, potential temperature and surface pressure against plain arithmetic and known atmospheres."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.relations.clean import clean_context, clean_state
from metrics.relations.scalar import check, lattice, relation

from dqwatch.metrics.relations import Context

LEVELS = (1000, 925, 850, 700, 500, 400, 300, 250, 200, 150, 100)


def standard(level: float) -> tuple[float, float]:
    """Height (m) and temperature (K) of the International Standard Atmosphere (ISO 2533) at a pressure (hPa)."""
    lapse, gas, gravity = 0.0065, 287.05287, 9.80665
    temperature = 288.15 * (level / 1013.25) ** (gas * lapse / gravity)
    if temperature > 216.65:
        return (288.15 - temperature) / lapse, temperature
    return 11000 + gas * 216.65 / gravity * math.log(226.3206 / level), 216.65


def test_the_standard_atmosphere_is_hydrostatic() -> None:
    states = {p: standard(p) for p in LEVELS}
    fields = {f"gh_{p}": np.full(3, z) for p, (z, _) in states.items()}
    fields |= {f"t_{p}": np.full(3, t) for p, (_, t) in states.items()}
    found = relation("hydrostatic", "gh_*")(fields, Context())
    assert found.n_checked == 30
    assert found.n_violations == 0
    # From 250 to 200 hPa the tropopause bends the profile: the mean of 220.8 and 216.65 K is 1.15 K too much.
    assert 4 < found.worst < 8
    assert relation("levels_height", "gh_*")(fields, Context()).n_violations == 0
    assert relation("levels_theta")(fields, Context()).n_violations == 0
    # In geopotential (m2 s-2).
    geopotential = {name.replace("gh", "z"): f * (9.80665 if name[0] == "g" else 1) for name, f in fields.items()}
    again = relation("hydrostatic", "z_*")(geopotential, Context())
    assert again[:2] == found[:2]
    assert again.worst == pytest.approx(found.worst, abs=1e-6)
    # Geopotential taken for height is off by g.
    wrong = {name.replace("z", "gh"): f for name, f in geopotential.items()}
    assert relation("hydrostatic", "gh_*")(wrong, Context()).share == 1


def virtual(t: float, q: float) -> float:
    """With 461.525 and 287.0597 J kg-1 K-1."""
    return t * (1 + (461.525 / 287.0597 - 1) * q)


@given(st.data(), st.sampled_from([(1000, 850), (500, 400), (100, 50)]))
def test_thickness_of_a_moist_layer(data: st.DataObject, pair: tuple[int, int]) -> None:
    low, high = pair
    depth = 287.0597 / 9.80665 * math.log(low / high)
    fields = {
        f"gh_{low}": data.draw(lattice(0, 100, 1 / 4)),
        f"gh_{high}": data.draw(lattice(round(depth * 250), round(depth * 250) + 200, 1 / 4)),
        f"t_{low}": data.draw(lattice(230, 260, 1 / 8)),
        f"t_{high}": data.draw(lattice(240, 270, 1 / 8)),
        f"q_{low}": data.draw(lattice(0, 0.0156, 2.0**-10)),
        f"q_{high}": data.draw(lattice(0, 0.0156, 2.0**-10)),
    }

    def expected(**c: float) -> float:
        lower, upper = (virtual(c[f"_t_{p}"], c[f"_q_{p}"]) for p in pair)
        return depth * (lower + upper) / 2

    def departure(**c: float) -> float:
        return abs(expected(**c) - (c[f"_gh_{high}"] - c[f"_gh_{low}"]))

    def tolerance(**c: float) -> float:
        return max(20.0, 0.01 * expected(**c), 300.0 * math.log(low / high) ** 2)

    check(relation("hydrostatic", "gh_*")(fields, Context()), fields, departure, tolerance)


def test_without_humidity_any_moisture_will_do() -> None:
    """Air of 300 K at 850 hPa holds up to 26 g/kg: its layer may be 26 m thicker than a dry one."""
    t = np.array([300.0, 250.0])
    rise = 287.0597 / 9.80665 * math.log(850 / 700)
    fields = {"t_850": t, "t_700": t, "gh_850": np.zeros(2)}
    hydrostatic = relation("hydrostatic", "gh_*")

    def judged(extra: float) -> np.ndarray:
        found = [
            hydrostatic(
                {n: f[i : i + 1] for n, f in fields.items()} | {"gh_700": rise * t[i : i + 1] + extra}, Context()
            )
            for i in (0, 1)
        ]
        return np.array([f.n_violations for f in found])

    assert not judged(0.0).any()
    assert judged(40.0).tolist() == [0, 1]  # moist air may be as thick; cold air holds no water
    assert judged(120.0).tolist() == [1, 1]
    assert judged(-25.0).tolist() == [1, 1]


def test_levels_under_the_ground_are_left_out() -> None:
    fields = {name: np.full(4, value) for name, value in {"t_850": 280.0, "t_700": 270.0, "gh_850": 1450.0}.items()}
    fields["gh_700"] = np.full(4, 3500.0)
    hydrostatic = relation("hydrostatic", "gh_*")
    assert hydrostatic(fields, Context())[:2] == (4, 4)
    assert hydrostatic(fields | {"sp": np.array([84999.0, 85001.0, np.nan, 1e5])}, Context())[:2] == (3, 3)
    assert hydrostatic(fields | {"z": 9.80665 * np.array([1449.0, 1451.0, 0.0, 4000.0])}, Context())[:2] == (2, 2)


@given(lattice(0, 2000, 1), lattice(0, 2000, 1), st.sampled_from(["z", "gh"]))
def test_height_grows(low: np.ndarray, high: np.ndarray, name: str) -> None:
    factor = 9.80665 if name == "z" else 1.0
    fields = {f"{name}_850": low * factor, f"{name}_700": high * factor}
    least = 1000 * math.log(850 / 700)
    found = relation("levels_height", f"{name}_*")(fields, Context())
    check(found, {"low": low, "high": high}, lambda _low, _high: least - (_high - _low))


@given(lattice(200, 320, 1 / 4), lattice(200, 320, 1 / 4), st.sampled_from([(1000, 5.0), (500, 5.0), (400, 1.0)]))
def test_potential_temperature_grows(low: np.ndarray, high: np.ndarray, level: tuple[int, float]) -> None:
    # From a level that may lie under the ground more is allowed.
    kappa = 287.0597 / 1004.709
    pressure, allowed = level

    def departure(_low: float, _high: float) -> float:
        return _low * (1000 / pressure) ** kappa - _high * (1000 / 200) ** kappa

    fields = {"t_200": high, f"t_{pressure}": low}
    check(relation("levels_theta")(fields, Context()), {"low": low, "high": high}, departure, allowed)


def test_one_level_has_no_neighbour() -> None:
    assert relation("levels_theta")({"t_500": np.ones(3)}, Context()).n_checked == 0
    assert relation("levels_height", "z_*")({"z_500": np.ones(3), "z": np.ones(3)}, Context()).n_checked == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_surface_pressure_against_a_regression(weighted: bool) -> None:
    context = clean_context() if weighted else Context()
    state = clean_state(clean_context())
    noise = np.random.default_rng(0).normal(0, 0.05, state["sp"].size)
    pressure = state["sp"] * np.exp(noise)
    pressure[5], state["orog"][7] = np.nan, np.nan
    found = relation("sp_orography", "orog")({"sp": pressure, "orog": state["orog"]}, context)
    known = np.isfinite(pressure) & np.isfinite(state["orog"])
    x, y = state["orog"][known], np.log(pressure[known])
    w = context.area_weights[known] if weighted else np.ones(known.sum())
    # Weighted least squares by QR, not by moments.
    design = np.stack([np.ones_like(x), x], axis=1) * np.sqrt(w)[:, None]
    line = np.linalg.lstsq(design, y * np.sqrt(w), rcond=None)[0]
    residual = y - line[0] - line[1] * x
    mean = np.average(y, weights=w)
    unexplained = np.sum(w * residual**2) / np.sum(w * (y - mean) ** 2)
    assert found.n_checked == known.sum()
    assert found.worst == pytest.approx(unexplained, rel=1e-9)
    assert found.n_violations == (found.n_checked if unexplained > 0.05 else 0)
    assert found.worst_cell == np.flatnonzero(known)[np.argmax(np.abs(residual))]


def test_even_ground_and_pressure_that_rises_with_it() -> None:
    state = clean_state(clean_context())
    judged = relation("sp_orography", "z")
    assert judged({"sp": state["sp"], "z": 0.1 * state["z"]}, Context()).n_checked == 0  # hills of 100 m
    assert judged({"sp": state["sp"], "z": np.zeros_like(state["z"])}, Context()).n_checked == 0
    upside_down = judged({"sp": 1e10 / state["sp"], "z": state["z"]}, Context())
    assert upside_down.share == 1
    assert upside_down.worst == 1
    assert judged({"sp": np.full_like(state["sp"], 1e5), "z": state["z"]}, Context()).worst == 1
