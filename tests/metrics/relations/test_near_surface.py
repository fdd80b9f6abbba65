"""Moisture, extremes, rain, wind, gusts and clouds against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.relations.scalar import check, lattice, relation, unpacked

from dqwatch.metrics.relations import Context

TEMPERATURES = lattice(250, 256, 1 / 16)


@given(TEMPERATURES, TEMPERATURES)
def test_dew_point(dewpoint: np.ndarray, temperature: np.ndarray) -> None:
    fields = {"2d": dewpoint, "2t": temperature}
    found = relation("td_le_t")(fields, Context(packing=unpacked("2d", "2t")))
    check(found, fields, lambda _2d, _2t: _2d - _2t, 0.1)


@given(
    TEMPERATURES, TEMPERATURES, TEMPERATURES, st.sampled_from([("mn2t", "2t"), ("2t", "mx2t"), ("mn2t", "mx2t"), ()])
)
def test_extremes(low: np.ndarray, middle: np.ndarray, high: np.ndarray, pair: tuple[str, ...]) -> None:
    fields = {"mn2t": low, "2t": middle, "mx2t": high}
    context = Context(packing=unpacked(*fields))
    if pair:
        first, second = pair
        fields = {first: fields[first], second: fields[second]}
        found = relation("tas_order")(fields, context)
        check(found, fields, lambda **cell: cell[f"_{first}"] - cell[f"_{second}"], 0.1)
    else:
        found = relation("tas_order")(fields, context)
        check(found, fields, lambda _mn2t, _2t, _mx2t: max(_mn2t - _2t, _2t - _mx2t), 0.1)


def test_one_temperature_alone_cannot_be_out_of_order() -> None:
    assert relation("tas_order")({"2t": np.ones(3)}, Context()).n_checked == 0


def over_water(kelvin: float) -> float:
    """Magnus form of Bolton (1980), within 0.5 % of that in use between -35 and 40 degC."""
    return 611.2 * math.exp(17.67 * (kelvin - 273.15) / (kelvin - 29.65))


def over_ice(kelvin: float) -> float:
    """Goff-Gratch (WMO 1988 form)."""
    ratio = 273.16 / kelvin
    exponent = -9.09685 * (ratio - 1) - 3.56654 * math.log10(ratio) + 0.87682 * (1 - 1 / ratio) + 0.78614
    return 100 * 10**exponent


@pytest.mark.parametrize("kelvin", [240.0, 255.0, 270.0, 280.0, 300.0])
@pytest.mark.parametrize("depression", [0.0, 5.0, 20.0])
@pytest.mark.parametrize("moisture", ["2d", "2sh"])
def test_relative_humidity_over_water_and_ice_is_right(kelvin: float, depression: float, moisture: str) -> None:
    vapour = over_water(kelvin - depression)
    water = 100 * vapour / over_water(kelvin)
    ice = 100 * vapour / over_ice(kelvin) if kelvin < 273.16 else water
    told = np.array([water - 4, water, 0.5 * (water + ice), ice, ice + 4, water - 6, ice + 6])
    fields = {"2r": told, "2t": np.full(7, kelvin), "2d": np.full(7, kelvin - depression)}
    if moisture == "2sh":
        del fields["2d"]
        # Mixing ratio w = 0.622 e / (p - e), specific humidity w / (1 + w).
        mixing = 0.622 * vapour / (90000.0 - vapour)
        fields |= {"2sh": np.full(7, mixing / (1 + mixing)), "sp": np.full(7, 90000.0)}
    found = relation("humidity", moisture)(fields, Context())
    # The formulas differ by 0.5 %, of at most 150 %: less than the 1 % between 4, 5 and 6.
    assert found[:2] == (7, 2)
    assert found.worst == pytest.approx(6, abs=1)
    assert found.worst_cell in (5, 6)


RAIN = lattice(-0.001, 0.02, 2.0**-16)


@pytest.mark.parametrize(("name", "first", "second"), [("cp_le_tp", "cp", "tp"), ("sf_le_tp", "sf", "tp")])
@given(data=st.data())
def test_parts_of_rain(name: str, first: str, second: str, data: st.DataObject) -> None:
    fields = {first: data.draw(RAIN), second: data.draw(RAIN)}
    found = relation(name, first, second)(fields, Context(packing=unpacked(*fields)))
    check(found, fields, lambda **cell: cell[f"_{first}"] - cell[f"_{second}"], 1e-5)


@given(RAIN, RAIN, RAIN)
def test_rain_is_the_sum_of_its_parts(convective: np.ndarray, large_scale: np.ndarray, total: np.ndarray) -> None:
    total = np.where(np.arange(total.size) % 2, total, convective + large_scale)
    fields = {"cp": convective, "lsp": large_scale, "tp": total}
    found = relation("rain_parts", "tp")(fields, Context(packing=unpacked(*fields)))
    check(found, fields, lambda _cp, _lsp, _tp: abs(_cp + _lsp - _tp), 1e-5)


@given(RAIN, RAIN)
def test_accumulations_only_grow(before: np.ndarray, after: np.ndarray) -> None:
    fields = {"tp": after, "tp@previous": before}
    found = relation("accum", "tp")(fields, Context(packing=unpacked(*fields)))
    check(found, fields, lambda **cell: cell["_tp@previous"] - cell["_tp"], 1e-5)


@pytest.mark.parametrize(
    ("step", "lead", "checked"),
    [
        (6.0, 12.0, 3),
        (6.0, 6.0, 3),
        (6.0, None, 3),
        (None, 6.0, 3),
        (None, 0.0, 0),
        (6.0, 0.0, 0),
        (-6.0, 6.0, 0),
        (12.0, 6.0, 0),
    ],
)
def test_the_field_before_must_be_of_the_same_forecast(step: float | None, lead: float | None, checked: int) -> None:
    fields = {"tp": np.zeros(3), "tp@previous": np.ones(3)}
    assert relation("accum", "tp")(fields, Context(step_h=step, lead_h=lead))[:2] == (checked, checked)


@given(RAIN)
def test_accumulations_start_at_zero(rain: np.ndarray) -> None:
    start = relation("accum_start", "tp")
    context = Context(lead_h=0.0, packing=unpacked("tp"))
    check(start({"tp": rain}, context), {"tp": rain}, lambda _tp: max(_tp, -_tp), 1e-5)
    assert start({"tp": rain}, Context(lead_h=6.0)).n_checked == 0
    assert start({"tp": rain}, Context()).n_checked == 0


WINDS = lattice(-20, 20, 1 / 4)


@given(WINDS, WINDS, WINDS, st.sampled_from(["10", "100", "_850"]))
def test_wind_speed(u: np.ndarray, v: np.ndarray, speed: np.ndarray, where: str) -> None:
    u, v = np.where(np.arange(u.size) % 3, u, 3.0), np.where(np.arange(u.size) % 3, v, 4.0)
    speed = np.where(np.arange(u.size) % 3, np.abs(speed), 5.0)
    names = (f"u{where}", f"v{where}", f"ws{where}") if where[0] == "_" else (f"{where}u", f"{where}v", f"{where}si")
    fields = dict(zip(names, (u, v, speed), strict=True))
    pattern = "ws_*" if where[0] == "_" else names[2]

    def excess(sign: int):
        def departure(**cell: float) -> float:
            east, north, speed = cell.values()
            off = speed - math.sqrt(east**2 + north**2)
            return abs(off) if sign == 0 else sign * off

        return departure

    def tolerance(**cell: float) -> float:
        east, north, speed = cell.values()
        return 0.01 + 1e-3 * max(speed, math.sqrt(east**2 + north**2))

    context = Context(packing=unpacked(*names))
    check(relation("wind", pattern)(fields, context), fields, excess(0), tolerance)
    check(relation("wind_mean", pattern)(fields, context), fields, excess(-1), tolerance)


def test_the_mean_of_speeds_may_exceed_the_speed_of_the_mean() -> None:
    rng = np.random.default_rng(1)
    u, v = rng.normal(2, 5, (2, 24, 100))
    means = {"10u": u.mean(axis=0), "10v": v.mean(axis=0), "10si": np.hypot(u, v).mean(axis=0)}
    assert relation("wind_mean", "10si")(means, Context()).n_violations == 0
    assert relation("wind", "10si")(means, Context()).share > 0.9
    assert relation("wind", "10si").kinds == ("instant",)


@pytest.mark.parametrize("name", ["10fg", "i10fg"])
@given(data=st.data())
def test_gusts(name: str, data: st.DataObject) -> None:
    fields = {name: data.draw(lattice(0, 30, 1 / 8)), "10u": data.draw(WINDS), "10v": data.draw(WINDS)}
    found = relation("gust", name)(fields, Context())
    check(found, fields, lambda _10u, _10v, **gust: math.sqrt(_10u**2 + _10v**2) - gust[f"_{name}"], 0.5)


COVERS = lattice(-0.25, 1.25, 1 / 32)


@given(COVERS, st.dictionaries(st.sampled_from(["lcc", "mcc", "hcc"]), COVERS, min_size=1))
def test_clouds(total: np.ndarray, layers: dict[str, np.ndarray]) -> None:
    fields = {"tcc": total, **layers}

    def departure(_tcc: float, **layers: float) -> float:
        beyond = _tcc - min(1.0, sum(layers.values())) if len(layers) == 3 else -math.inf
        return max(max(layers.values()) - _tcc, beyond)

    check(relation("clouds")(fields, Context(packing=unpacked(*fields))), fields, departure, 0.01)


def test_a_total_alone_is_not_judged() -> None:
    assert relation("clouds")({"tcc": np.ones(3)}, Context()).n_checked == 0


def test_packing_is_allowed_for() -> None:
    """Rain of a hundredth of a millimetre packed to tenths: convective may exceed total by the error of total."""
    rng = np.random.default_rng(2)
    total = rng.gamma(0.5, 4e-3, 5000)
    convective = np.rint(total * 1e5) / 1e5
    packed = np.rint(total * 1e4) / 1e4
    fields = {"cp": convective.astype(np.float32), "tp": packed.astype(np.float32)}
    found = relation("cp_le_tp", "cp")(fields, Context())
    assert found.n_violations == 0
    assert 4e-5 < found.worst < 5.6e-5
    # Told that neither is packed, the relation takes the difference for real.
    assert relation("cp_le_tp", "cp")(fields, Context(packing=unpacked("cp", "tp"))).share > 0.3
    # And more than the errors of both explain is one in any case.
    more = {**fields, "cp": fields["tp"] + np.float32(1.3e-4)}
    assert relation("cp_le_tp", "cp")(more, Context()).share == 1
