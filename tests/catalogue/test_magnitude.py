"""Values left in other units are found out, healthy and merely spoilt ones are not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.catalogue import Entry, load_catalogue

CATALOGUE = load_catalogue()
ENTRIES = list(CATALOGUE.entries.values())


def entry(param: str) -> Entry:
    return CATALOGUE.entries[param]


# param, level, healthy (mean, min, max) in the catalogue's units, units it may be left in, their closed-form inverse.
HEALTHY: list[tuple[str, float | None, tuple[float, float, float], str, Any]] = [
    ("2t", None, (278.5, 205.0, 320.0), "degC", lambda x: x - 273.15),
    ("2t", None, (235.0, 190.0, 271.0), "degC", lambda x: x - 273.15),  # Antarctica
    ("2t", None, (300.0, 296.0, 304.0), "degF", lambda x: x * 9 / 5 - 459.67),
    ("skt", None, (279.0, 195.0, 345.0), "degC", lambda x: x - 273.15),
    ("sst", None, (287.0, 271.4, 307.0), "degC", lambda x: x - 273.15),
    ("stl1", None, (284.0, 220.0, 325.0), "degC", lambda x: x - 273.15),
    ("t", 850.0, (274.6, 220.0, 310.0), "degC", lambda x: x - 273.15),
    ("t", 50.0, (212.5, 180.0, 238.0), "degC", lambda x: x - 273.15),
    ("msl", None, (100960.0, 93000.0, 106000.0), "hPa", lambda x: x / 100),
    ("sp", None, (96570.0, 48000.0, 106000.0), "hPa", lambda x: x / 100),
    ("z", 500.0, (54115.0, 45000.0, 58800.0), "m", lambda x: x / 9.80665),
    ("gh", 500.0, (5518.0, 4600.0, 5990.0), "m2 s-2", lambda x: x * 9.80665),
    ("gh", 500.0, (5518.0, 4600.0, 5990.0), "dam", lambda x: x / 10),
    ("q", 1000.0, (0.00703, 1e-5, 0.024), "g kg-1", lambda x: x * 1000),
    ("q", 50.0, (2.68e-6, 1.2e-6, 4.2e-6), "g kg-1", lambda x: x * 1000),
    ("tcc", None, (0.62, 0.0, 1.0), "%", lambda x: x * 100),
    ("lsm", None, (0.34, 0.0, 1.0), "%", lambda x: x * 100),
    ("ci", None, (0.06, 0.0, 1.0), "%", lambda x: x * 100),
    ("swvl1", None, (0.24, 0.0, 0.55), "%", lambda x: x * 100),
    ("tp", None, (5.8e-4, 0.0, 0.06), "mm", lambda x: x * 1000),
    ("sd", None, (0.9, 0.0, 10.0), "mm", lambda x: x * 1000),
    ("tprate", None, (2.7e-5, 0.0, 0.004), "mm day-1", lambda x: x * 86400),
    ("avg_sdswrf", None, (187.0, 0.0, 1050.0), "J m-2", lambda x: x * 3600),
    ("thetao", None, (13.6, -1.9, 30.0), "K", lambda x: x + 273.15),
]


@pytest.mark.parametrize(("param", "level", "healthy", "left_in", "inverse"), HEALTHY)
def test_values_left_in_other_units_are_found_out_and_clean_ones_are_not(
    param: str, level: float | None, healthy: tuple[float, float, float], left_in: str, inverse: Any
) -> None:
    e = entry(param)
    where: dict[str, Any] = {"level": level, "level_type": None if level is None else "pl"}
    where["period"] = 6.0 if e.kind == "accumulation" else None
    mean, low, high = (inverse(v) for v in healthy)
    for declared in (e.units, None, ""):
        assert e.suspect(*healthy, declared, **where) is None
        assert e.suspect(mean, low, high, declared, **where) == left_in
    limits = e.limits(units=e.units, **where)
    assert limits.lo <= healthy[1] <= healthy[2] <= limits.hi
    if e.fits_units(left_in):
        assert e.suspect(mean, low, high, left_in, **where) is None  # says what it is


@pytest.mark.parametrize(("param", "level", "healthy", "left_in", "inverse"), HEALTHY[:13])
def test_values_that_are_better_than_their_attribute_are_found_out(
    param: str, level: float | None, healthy: tuple[float, float, float], left_in: str, inverse: Any
) -> None:
    e = entry(param)
    if e.fits_units(left_in):  # kelvin under an attribute that says degC
        assert e.suspect(*healthy, left_in, level=level, level_type="pl" if level else None) == e.units


def test_low_values_are_found_out_over_the_globe_only() -> None:
    """A dry or dark region has small values too; the globe has not."""
    for param, mean, high, unit, period in (
        ("tp", 6e-4, 0.06, "mm", 6.0),  # metres labelled mm
        ("tcc", 0.62, 1.0, "%", None),  # a fraction labelled %
        ("ssrd", 187.0, 1100.0, "J m-2", 6.0),  # W m-2 labelled J m-2
    ):
        e = entry(param)
        assert e.suspect(mean, 0.0, high, unit, period=period) is None
        expected = e.units if unit != e.units else "W m-2"
        assert e.suspect(mean, 0.0, high, unit, period=period, is_global=True) == expected


def test_spoilt_values_are_no_unit() -> None:
    t, tp = entry("2t"), entry("tp")
    assert t.suspect(1e34, 200.0, 9.97e36, "K") is None  # unmasked fills
    assert t.suspect(140.0, 0.0, 310.0, "K") is None  # half the field is zero
    assert t.suspect(0.0, 0.0, 0.0, "K") is None  # all of it
    assert t.suspect(math.nan, math.nan, math.nan, "K") is None
    assert t.suspect(280.0, 200.0, 310.0, "Pa") is None  # units.match says it
    assert tp.suspect(1e-3, 0.0, 5.0, "m", period=6) is None  # one spike
    assert tp.suspect(0.0, 0.0, 0.0, "m", period=6) is None  # a dry day


MEANS = st.floats(0, 1)


@given(st.sampled_from(ENTRIES), st.lists(MEANS, min_size=3, max_size=3), st.sampled_from([None, 1.0, 6.0, 24.0]))
def test_what_is_possible_is_never_suspected(e: Entry, parts: list[float], period: float | None) -> None:
    limits = e.limits(period=period)
    low, mean, high = (limits.lo + p * (limits.hi - limits.lo) for p in sorted(parts))
    assert e.suspect(min(mean, limits.hi), max(low, limits.lo), min(high, limits.hi), period=period) is None
