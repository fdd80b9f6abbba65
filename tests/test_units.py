"""Units: one spelling for many, conversions against closed forms, silence about the unknown."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.units import Conversion, comparable, convert, converter, convertible, differ, normalise

SPELLINGS = {
    "m s-1": ["m s**-1", "m/s", "m.s-1", "m s^-1", "m·s⁻¹", "metres per second".replace(" per ", "/"), "m s^(-1)"],
    "kg m-2 s-1": ["kg m**-2 s**-1", "kg/m2/s", "kg/(m^2 s)", "kg m-2 s-1", "kg.m-2.s-1", "kg/m²/s", "kg (m2 s)-1"],
    "1": [
        "(0 - 1)",
        "0-1",
        "0 - 1",
        "[0-1]",
        "fraction",
        "Fraction",
        "dimensionless",
        "Numeric",
        "kg kg**-1",
        "m3 m-3",
    ],
    "K": ["K", "kelvin", "Kelvin", "degK", "deg K", "degrees_kelvin"],
    "degC": [
        "C",
        "celsius",
        "Celsius",
        "degC",
        "deg C",
        "°C",
        "degree_Celsius",
        "degrees C",
        "degree_C",
        "degrees_celsius",
    ],
    "degF": ["degF", "deg F", "fahrenheit", "°F", "degrees Fahrenheit"],
    "hPa": ["hPa", "mb", "mbar", "millibar", "millibars", "hectopascals"],
    "m": ["m", "metres", "gpm", "m of water equivalent", "m of water", "m w.e.", "m water equivalent"],
    "mm day-1": ["mm/day", "mm day-1", "mm d-1", "mm/d", "mm day**-1"],
    "J m-2": ["J m**-2", "J/m2", "J m^-2", "joules m-2"],
    "%": ["%", "percent", "pct", "per_cent"],
    "m2 s-2": ["m**2 s**-2", "m2/s2", "m²/s²", "m^2 s^-2"],
    "degree": ["degrees", "deg", "degrees_north", "degree_east", "degrees_N", "°", "degree true", "Degree true"],
    "0.001": ["1e-3", "0.001", "10^-3", "1.0E-3", "10**-3"],
    "ug m-3": ["µg m-3", "μg/m3", "ug m**-3"],
    "s-1": ["s**-1", "1/s", "/s", "s^-1"],
    "": ["", "none", "None", "~", "-", "unknown", "no_unit", "  "],
}


@pytest.mark.parametrize(("normal", "spelling"), [(n, s) for n, many in SPELLINGS.items() for s in many])
def test_spellings_have_one_form(normal: str, spelling: str) -> None:
    assert normalise(spelling) == normal
    assert normalise(normal) == normal


def test_code_tables_have_no_dimension() -> None:
    assert normalise("Code table 4.2") == normalise("(Code table 4.213)") == "1"


def test_absent_units_are_the_empty_string() -> None:
    assert normalise(None) == ""


@pytest.mark.parametrize("text", ["(m s-1", "m)", "**", "m /", "not a unit!", "YYYYMO", "days since 1900-01-01"])
def test_what_is_not_understood_stays_as_it_is(text: str) -> None:
    assert normalise(text) == text


# source, target, value there, value here: closed forms, computed by hand from the definitions of the units.
CLOSED_FORMS = [
    ("degC", "K", -40.0, 233.15),
    ("degF", "K", -40.0, 233.15),
    ("degF", "degC", 212.0, 100.0),
    ("K", "degC", 0.0, -273.15),
    ("hPa", "Pa", 1013.25, 101325.0),
    ("kPa", "hPa", 101.325, 1013.25),
    ("%", "1", 45.0, 0.45),
    ("okta", "%", 2.0, 25.0),
    ("mm day-1", "m s-1", 86.4, 1e-6),
    ("mm/6h", "mm h-1", 12.0, 2.0),
    ("kg m-2 (6h)-1", "kg m-2 day-1", 1.0, 4.0),
    ("J kg-1", "m2 s-2", 7.0, 7.0),
    ("W m-2 s", "J m-2", 3.0, 3.0),
    ("N m-2", "Pa", 3.0, 3.0),
    ("kt", "m s-1", 3600.0, 1852.0),
    ("km/h", "m s-1", 36.0, 10.0),
    ("mph", "m s-1", 1.0, 0.44704),
    ("g kg-1", "1", 12.0, 0.012),
    ("psu", "1e-3", 35.0, 35.0),
    ("rad", "degree", math.pi, 180.0),
    ("gpdam", "gpm", 552.0, 5520.0),
    ("PVU", "K m2 kg-1 s-1", 2.0, 2e-6),
    ("DU", "mol m-2", 1.0, 2.6867e20 / 6.02214076e23),
    ("inch", "mm", 1.0, 25.4),
    ("ug m-3", "kg m-3", 5.0, 5e-9),
    ("degC m-1", "K m-1", 0.0065, 0.0065),
]


@pytest.mark.parametrize(("source", "target", "value", "expected"), CLOSED_FORMS)
def test_conversions_against_closed_forms(source: str, target: str, value: float, expected: float) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-5 if source == "DU" else 1e-12, abs=1e-12)
    assert convert(expected, target, source) == pytest.approx(value, rel=1e-5 if source == "DU" else 1e-12, abs=1e-10)
    assert convertible(source, target)
    assert comparable(source, target)


@pytest.mark.parametrize(("a", "b"), [("K", "m"), ("m", "kg m-2"), ("W m-2", "J m-2"), ("m", "m s-1"), ("degree", "1")])
def test_known_units_of_other_dimensions_do_not_convert(a: str, b: str) -> None:
    assert comparable(a, b)
    assert not convertible(a, b)
    assert converter(a, b) is None
    assert convert(1.0, a, b) is None


@pytest.mark.parametrize(
    "unknown", [None, "", "none", "~", "foo bar", "dBZ", "YYYYMO", "level", "((", "1e999 m", "m" * 50]
)
def test_unknown_units_are_not_comparable(unknown: str | None) -> None:
    assert not comparable(unknown, "K")
    assert not comparable("K", unknown)
    assert not convertible(unknown, "K")


def test_unknown_units_equal_themselves_but_absent_ones_do_not() -> None:
    assert convertible("dBZ", "dBZ")
    assert not convertible("", "")
    assert not convertible(None, None)


def test_times_since_a_date_are_known_and_convert_to_nothing_else() -> None:
    assert comparable("days since 1900-01-01", "K")
    assert not convertible("days since 1900-01-01", "K")
    assert not convertible("days since 1900-01-01", "hours since 1900-01-01")


def test_a_conversion_maps_arrays() -> None:
    np.testing.assert_allclose(Conversion(100.0)(np.array([1.0, np.nan, 3.0])), [100.0, np.nan, 300.0])


UNITS = sorted({u for source, target, *_ in CLOSED_FORMS for u in (source, target)})


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.floats(-1e6, 1e6))
def test_round_trip(a: str, b: str, value: float) -> None:
    there = convert(value, a, b)
    assert (there is not None) == convertible(b, a)
    if there is not None:
        back = convert(there, b, a)
        # Offsets of temperatures cost up to 460 units of rounding.
        assert back == pytest.approx(value, rel=1e-12, abs=1e-9)


@given(st.sampled_from(UNITS), st.sampled_from(UNITS), st.sampled_from(UNITS), st.floats(-1e3, 1e3))
def test_two_steps_are_one(a: str, b: str, c: str, value: float) -> None:
    middle = convert(value, a, b)
    direct = convert(value, a, c)
    if middle is not None and direct is not None:
        assert convert(middle, b, c) == pytest.approx(direct, rel=1e-10, abs=1e-9 * abs(convert(1.0, b, c) or 1.0))


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_raises(a: str, b: str) -> None:
    assert normalise(normalise(a)) == normalise(a)
    assert convertible(a, b) == convertible(b, a)
    assert comparable(a, b) or normalise(a) == normalise(b) or not convertible(a, b)


SYMBOLS = st.sampled_from(
    ["m", "kg", "s", "K", "Pa", "hPa", "J", "W", "mm", "%", "day", "°C", "foo", "2", "1e3", "(", ")", "/"]
)


@given(st.lists(st.tuples(SYMBOLS, st.sampled_from(["", "-1", "2", "**-2", "^3", "0"])), max_size=6))
def test_no_expression_raises(parts: list[tuple[str, str]]) -> None:
    text = " ".join(symbol + power for symbol, power in parts)
    assert normalise(normalise(text)) == normalise(text)
    assert comparable(text, "m") in (True, False)


def test_usual_units_need_no_pint() -> None:
    code = (
        "import sys; from dqwatch.units import convertible; assert convertible('degC', 'K'); "
        "assert not convertible('W m-2', 'J m-2'); assert 'pint' not in sys.modules"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True)


def test_units_differ_in_what_they_mean_not_in_how_they_are_written() -> None:
    assert not differ("m**2 s**-2", "m2 s-2")
    assert not differ("(0 - 1)", "1")
    assert differ("degC", "K")
    assert differ("m", "mm")
    assert differ("furlongs", "K")
    assert not any(differ(a, b) for a in (None, "", "~") for b in ("K", None))
