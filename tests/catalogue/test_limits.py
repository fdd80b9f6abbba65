"""Limits: in any units, at any level, for any period; records, the standard atmosphere and real models lie inside."""

from __future__ import annotations

import csv
import math
import re

import pytest
from conftest import real_data

from dqwatch.catalogue import Entry, load_catalogue

CATALOGUE = load_catalogue()


def entry(param: str) -> Entry:
    return CATALOGUE.entries[param]


def test_limits_in_the_units_of_the_data() -> None:
    assert entry("2t").limits(units="K")[:2] == (183.15, 333.15)
    assert entry("2t").limits(units="degC")[:2] == pytest.approx((-90.0, 60.0))
    assert entry("msl").limits(units="hPa")[:2] == pytest.approx((850.0, 1120.0))
    assert entry("lsm").limits(units="%")[:2] == pytest.approx((-1.0, 101.0))
    assert entry("q").limits(1000, "pl", units="g kg-1").hi == pytest.approx(60.0)
    assert entry("2t").limits(units="nonsense") == entry("2t").limits()
    assert entry("2t").limits(units="Pa") == (-math.inf, math.inf, -math.inf, math.inf)


def test_water_converts_by_convention_where_the_entry_says_so() -> None:
    assert entry("tp").limits(period=6, units="kg m-2") == pytest.approx(entry("tp").limits(period=6, units="mm"))
    assert entry("tp").fits_units("kg m**-2")
    assert entry("tprate").fits_units("mm/day")
    assert entry("tprate").limits(units="mm day-1").hi == pytest.approx(0.15 * 86400)  # 1 kg m-2 is 1 mm
    assert entry("tp").fits_units("kg m-2 s-1") is False
    assert entry("2t").fits_units("kg m-2") is False
    assert entry("2t").fits_units("") is entry("2t").fits_units("blah") is None


# World records of rainfall (WMO archive): hours, metres.
@pytest.mark.parametrize(
    ("hours", "metres"), [(1, 0.305), (12, 1.144), (24, 1.825), (48, 2.493), (72, 3.930), (96, 4.936)]
)
def test_rain_may_be_as_heavy_as_the_records_and_not_much_more(hours: float, metres: float) -> None:
    limit = entry("tp").limits(period=hours).hi
    assert metres < limit < 2 * metres


def test_accumulations_grow_with_their_period() -> None:
    ssrd = entry("ssrd")
    assert ssrd.limits(period=1).hi == pytest.approx(1600 * 3600)
    assert ssrd.limits(period=24).hi == pytest.approx(24 * 1600 * 3600)
    unknown = ssrd.limits()
    assert unknown.hi >= ssrd.limits(period=240).hi
    assert unknown.lo <= ssrd.limits(period=240).lo
    assert ssrd.limits(period=0) == unknown
    assert entry("tp").limits(period=24).usual_hi == pytest.approx(0.3, rel=1e-3)


def test_limits_by_level() -> None:
    t = entry("t")
    assert t.limits(850, "pl").lo > t.limits().lo
    assert t.limits(100, "pl").hi < 270 < t.limits(1000, "pl").hi
    assert t.limits(850, "ml") == t.limits(850) == t.limits()
    edge, below, above = t.limits(85, "pl"), t.limits(80, "pl"), t.limits(90, "pl")
    assert (edge.lo, edge.hi) == (min(below.lo, above.lo), max(below.hi, above.hi))
    z = entry("z")
    assert z.limits(None, "sfc").hi < z.limits(300, "pl").hi < z.limits().hi


# The International Standard Atmosphere: geopotential height [m], temperature [K] on pressure levels [hPa].
ISA = [(1000, 110.9, 287.43), (850, 1457.3, 278.68), (500, 5574.4, 251.92), (250, 10363, 220.79), (100, 16180, 216.65)]


@pytest.mark.parametrize(("level", "height", "temperature"), ISA)
def test_the_standard_atmosphere_lies_well_inside(level: float, height: float, temperature: float) -> None:
    for param, value, room in (("t", temperature, 15), ("gh", height, 800), ("z", height * 9.80665, 8000)):
        limits = entry(param).limits(level, "pl")
        assert limits.lo + room < value < limits.hi - room


def test_nan_is_natural_where_the_mask_says() -> None:
    assert entry("sst").allows_nan()
    assert entry("swvl1").allows_nan()
    assert not entry("2t").allows_nan()
    assert entry("t").allows_nan(925, "pl")
    assert not entry("t").allows_nan(250, "pl")
    assert not entry("t").allows_nan(137, "ml")


def known_statistics() -> list[tuple[str, Entry, float | None, float, float, float, str | None]]:
    """Rows of the table of statistics that state units or leave none in doubt."""
    named = {
        "TMP.2_m_above_ground": "2t", "DPT.2_m_above_ground": "2d", "UGRD.10_m_above_ground": "10u",
        "VGRD.10_m_above_ground": "10v", "UGRD.100_m_above_ground": "100u", "TMP.surface": "skt", "HGT.surface": "orog",
        "PRES.surface": "sp", "SPFH.2_m_above_ground": "2sh", "RH.2_m_above_ground": "2r", "LAND.surface": "lsm",
    }  # fmt: skip
    in_units = {"TCDC": "%", "LCDC": "%", "MCDC": "%", "HCDC": "%", "WEASD": "kg m-2", "TOZNE": "DU", "CNWAT": "kg m-2"}
    rows = []
    for row in csv.DictReader(real_data("ERA5_VARIABLE_STATS.csv").read_text().splitlines()):
        if not row["min"] or row["min"].startswith("["):
            continue
        base, _, place = row["variable"].partition(".")
        level = re.fullmatch(r"([\d.]+)_mb", place)
        found = entry(named[row["variable"]]) if row["variable"] in named else CATALOGUE.find(base)
        if found is not None:
            low, mean, high = (float(row[key]) for key in ("min", "mean", "max"))
            rows.append(
                (row["variable"], found, float(level[1]) if level else None, low, mean, high, in_units.get(base))
            )
    return rows


def test_statistics_of_healthy_models_are_possible_and_not_suspected() -> None:
    rows = known_statistics()
    assert len(rows) > 500
    for name, found, level, low, mean, high, unit in rows:
        level_type = None if level is None else "pl"
        limits = found.limits(level, level_type, units=unit)
        assert limits.lo <= low <= high <= limits.hi, f"{name}: {low}..{high} beyond {limits}"
        assert found.suspect(mean, low, high, unit, level=level, level_type=level_type) is None, name
