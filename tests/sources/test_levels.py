"""Vertical coordinates: pressure in hPa whatever its units, heights and depths in metres, the rest by its own name."""

from __future__ import annotations

import numpy as np
import pytest

from dqwatch.sources.levels import level_text, make_levels


def levels(name: str, values, hint: str = "", **attrs):
    return make_levels(name, attrs, np.atleast_1d(np.asarray(values, np.float64)), hint)


@pytest.mark.parametrize(
    ("units", "values"),
    [("Pa", [85000, 50000]), ("hPa", [850, 500]), ("millibars", [850, 500]), ("mbar", [850, 500]), ("kPa", [85, 50])],
)
def test_pressure_comes_in_hpa(units, values):
    found = levels("plev", values, units=units)
    assert (found.type, found.units, found.remark) == ("pl", units, "")
    assert found.values.tolist() == [850.0, 500.0]


@pytest.mark.parametrize(
    ("values", "kind", "hpa"),
    [
        ([1000, 850, 500], "pl", [1000, 850, 500]),
        ([1, 2, 3, 5, 7, 10], "pl", [1, 2, 3, 5, 7, 10]),
        ([100000, 85000], "pl", [1000, 850]),
        ([500], "pl", [500]),
        ([1, 2, 3, 4], "ml", [1, 2, 3, 4]),
        ([137, 136, 135], "ml", [137, 136, 135]),
        ([60], "ml", [60]),
        ([0, 10, 100], "ml", [0, 10, 100]),
    ],
)
def test_levels_without_units_are_told_by_their_values(values, kind, hpa):
    found = levels("level", values)
    assert (found.type, found.values.tolist()) == (kind, hpa)
    assert bool(found.remark) == (kind == "pl")


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("lev", {"standard_name": "atmosphere_hybrid_sigma_pressure_coordinate", "units": "hPa"}),
        ("lev", {"formula_terms": "a: hyam b: hybm", "units": "1"}),
        ("model_level_number", {"units": "1"}),
        ("hybrid", {}),
        ("bottom_top", {}),
    ],
)
def test_model_levels(name, attrs):
    assert levels(name, [1.0, 2.5], **attrs).type == "ml"


@pytest.mark.parametrize(
    ("name", "attrs", "kind", "metres"),
    [
        ("height", {"units": "m", "positive": "up"}, "hl", 2.0),
        ("height", {"units": "km"}, "hl", 2000.0),
        ("altitude", {"units": "m", "standard_name": "altitude"}, "altitude", 2.0),
        ("depth", {"units": "m", "positive": "down"}, "depth", 2.0),
        ("z_t", {"units": "centimeters", "positive": "down"}, "depth", 0.02),
        ("lev", {"units": "m", "standard_name": "depth"}, "depth", 2.0),
        ("sdepth", {"units": "m", "standard_name": "depth"}, "soil", 2.0),
        ("soil_layer", {}, "soil", 2.0),
    ],
)
def test_heights_and_depths(name, attrs, kind, metres):
    found = levels(name, 2, **attrs)
    assert found.type == kind
    assert found.values[0] == pytest.approx(metres, rel=1e-12)


def test_a_depth_of_soil_is_told_by_the_variable():
    assert levels("depth", 0.1, hint="mrsol mass_content_of_water_in_soil_layer", units="m").type == "soil"


def test_what_is_not_known_keeps_its_word():
    assert levels("theta", [300, 315], units="K").type == "theta"
    assert levels("group/wavelength", [0.5], units="um").type == "wavelength"


@pytest.mark.parametrize(
    ("level", "text"),
    [(850.0, "850"), (0.5, "0.5"), (12.75, "12.75"), (4.999938011169434, "4.99994"), (1e6, "1000000"), (0.01, "0.01")],
)
def test_levels_in_names(level, text):
    assert level_text(level) == text
