"""Names of sources lead to the right entry, or to none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqwatch.catalogue import Entry, load_catalogue

CATALOGUE = load_catalogue()


def entry(param: str) -> Entry:
    return CATALOGUE.entries[param]


NAMED: list[tuple[str, dict[str, Any], str | None]] = [
    ("t2m", {"units": "K"}, "2t"),
    ("2m_temperature", {}, "2t"),
    ("TREFHT", {"units": "K"}, "2t"),
    ("tas", {"standard_name": "air_temperature", "units": "K"}, "2t"),
    ("air_temperature", {"standard_name": "air_temperature", "height": 1.5, "units": "K"}, "2t"),
    ("air_temperature", {"standard_name": "air_temperature", "level_type": "pl", "units": "K"}, "t"),
    ("air_temperature", {"units": "K"}, "t"),
    ("x", {"standard_name": "air_temperature", "height": 2.0, "attributes": {"cell_methods": "time: maximum"}}, "mx2t"),
    ("x", {"standard_name": "air_temperature", "height": 2.0, "attributes": {"cell_methods": "time: mean"}}, "2t"),
    ("x", {"standard_name": "eastward_wind", "height": 10.0}, "10u"),
    ("x", {"standard_name": "eastward_wind", "height": 100.0}, "100u"),
    ("wind", {"standard_name": "eastward_wind", "units": "m s-1"}, "u"),
    ("wind", {"units": "m s-1"}, "10si"),
    ("t", {"units": "K", "level_type": "pl"}, "t"),
    ("t", {"units": "s"}, None),
    ("t", {}, None),
    ("t", {"naming": "ecmwf"}, "t"),
    ("t", {"units": "Pa", "naming": "ecmwf"}, "t"),
    ("t", {"level_type": "pl"}, "t"),
    ("T", {"units": "degC", "level_type": "depth"}, "thetao"),
    ("temperature", {"units": "degC", "level_type": "depth"}, "thetao"),
    ("theta", {"units": "K", "standard_name": "sea_water_potential_temperature", "level_type": "depth"}, "thetao"),
    ("theta", {"units": "K", "level_type": "ml"}, "pt"),
    ("z", {"units": "m"}, "gh"),
    ("z", {"units": "m**2 s**-2"}, "z"),
    ("z", {"units": "m", "standard_name": "altitude"}, None),
    ("r", {"units": "%", "level_type": "pl"}, "r"),
    ("r", {"units": "ohm"}, None),
    ("w", {"units": "m s-1", "level_type": "ml"}, "wz"),
    ("w", {"units": "Pa s-1"}, "w"),
    ("vo", {"units": "s**-1", "level_type": "pl"}, "vo"),
    ("vo", {"units": "m s-1", "level_type": "depth"}, "ocv"),
    ("sp", {"units": "Pa"}, "sp"),
    ("sp", {"units": "kg"}, None),
    ("tp", {"units": "m"}, "tp"),
    ("tp", {"units": "mm"}, "tp"),
    ("tp", {"units": "mm/day"}, "tprate"),
    ("tp", {"units": "K"}, "tp"),
    ("total_precipitation_6hr", {"units": "m"}, "tp"),
    ("pr", {"standard_name": "precipitation_flux", "units": "kg m-2 s-1"}, "tprate"),
    ("ssrd", {"standard_name": "surface_downwelling_shortwave_flux_in_air", "units": "J m**-2"}, "ssrd"),
    ("ssrd", {"units": "W m-2"}, "avg_sdswrf"),
    ("soil_temperature_level_1", {"standard_name": "surface_temperature", "units": "K"}, "stl1"),
    ("surface_temperature", {"standard_name": "surface_temperature", "units": "K"}, "ts"),
    ("msl", {"units": "kelvin"}, "msl"),
    ("x", {"standard_name": "air_pressure_at_sea_level", "units": "kelvin"}, "msl"),
    ("data", {"standard_name": "toa_brightness_temperature", "units": "K"}, "clbt"),
    ("/group/t2m", {"units": "K"}, "2t"),
    ("whatever", {"attributes": {"GRIB_shortName": "swvl1"}, "units": "m**3 m**-3"}, "swvl1"),
    ("t2m", {"units": "K", "attributes": {"long_name": "2 metre temperature anomaly"}}, None),
    ("t2m", {"units": "K", "attributes": {"cell_methods": "time: standard_deviation"}}, None),
    ("tas", {"standard_name": "air_temperature standard_error", "units": "K"}, None),
    ("sdor", {"units": "m", "attributes": {"long_name": "Standard deviation of orography"}}, "sdor"),
    ("w", {"units": "Pa s**-1", "attributes": {"long_name": "Vertical velocity (pressure tendency)"}}, "w"),
    ("cp", {"units": "m", "standard_name": "unknown"}, "cp"),
    ("snw", {"units": "kg m-2"}, "snw"),
    ("sd", {"units": "m of water equivalent"}, "sd"),
    ("unheard_of", {"units": "K"}, None),
]


@pytest.mark.parametrize(("name", "known", "param"), NAMED)
def test_identify(name: str, known: dict[str, Any], param: str | None) -> None:
    found = CATALOGUE.identify(name, **known)
    assert (found.param if found else None) == param


@pytest.mark.parametrize("param", CATALOGUE.entries)
def test_every_canonical_name_is_itself(param: str) -> None:
    found = CATALOGUE.identify(param, units=entry(param).units, naming="ecmwf")
    assert found is entry(param)


@given(st.text(max_size=12), st.sampled_from([None, "K", "m", "", "?"]), st.sampled_from([None, "pl", "depth", "odd"]))
def test_no_name_raises(name: str, unit: str | None, level_type: str | None) -> None:
    found = CATALOGUE.identify(name, units=unit, level_type=level_type)
    assert found is None or name in {found.param, *found.aliases, *found.standard_names}


def test_find_for_people() -> None:
    for name in ("2t", "T2M", "2 metre temperature", "TAS", "2m_temperature"):
        assert CATALOGUE.find(name) is entry("2t")
    assert CATALOGUE.find("sea_ice_area_fraction") is entry("ci")
    assert CATALOGUE.find("no such thing") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("t_850", ("t", 850.0)), ("geopotential_500", ("geopotential", 500.0)), ("z500", ("z", 500.0)),
        ("q_0.5", ("q", 0.5)), ("t850hPa", ("t", 850.0)), ("specific_humidity_1000", ("specific_humidity", 1000.0)),
        ("hus850", ("hus", 850.0)), ("u10", None), ("u_10", ("u", 10.0)),
        ("no2", None), ("co2", None), ("swvl1", None), ("t2m", None), ("100u", None), ("2t", None), ("msl_500", None),
        ("t_2000", None), ("t", None), ("", None), ("500", None),
    ],
)  # fmt: skip
def test_levels_in_names(name: str, expected: tuple[str, float] | None) -> None:
    assert CATALOGUE.split_level(name) == expected


def test_periods_in_names() -> None:
    assert CATALOGUE.period("total_precipitation_6hr") == 6.0
    assert CATALOGUE.period("total_precipitation_24h") == 24.0
    assert CATALOGUE.period("tp") is None
