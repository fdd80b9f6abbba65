"""Vertical coordinates: what kind of level, and its values in hPa, metres or the source's own unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from dqwatch import units as units_of

_MODEL = re.compile(r"hybrid|sigma|model_?level|generalvertical|bottom_top|sleve|ln_pressure|ocean_s_", re.IGNORECASE)
_PRESSURE = re.compile(r"p?lev(?:el)?s?(?:_?\d+)?|pressure(?:_?levels?)?|isobaric\w*|p", re.IGNORECASE)
_SOIL = re.compile(r"soil|sdepth|below_?land", re.IGNORECASE)
_UP = re.compile(r"height|alt|depth|z|h?lev", re.IGNORECASE)
_HIGHEST_PRESSURE = 1100.0
_SHORTEST_PRESSURE = 100.0
"""A single level without units below this, in hPa, is as likely the number of a model level."""


class Levels(NamedTuple):
    """The levels of a dimension or scalar coordinate."""

    type: str
    """As `dqwatch.types.Variable.level_type`."""
    values: np.ndarray
    """float64 (level,): hPa for 'pl', m for 'hl', 'depth' and 'soil' where they convert."""
    units: str | None
    """As declared."""
    remark: str = ""
    """What was guessed, one clause; '' if nothing was."""


def make_levels(name: str, attrs: Mapping[str, Any], values: np.ndarray, hint: str = "") -> Levels:
    """What some vertical coordinate values mean.

    Parameters
    ----------
    name : str
        Of the coordinate.
    attrs : mapping
        Of the coordinate: standard_name, units, positive, long_name, formula_terms are looked at.
    values : np.ndarray (level,), float64
    hint : str
        Names of the variable on these levels, in which 'soil' may stand.
    """
    last = name.rsplit("/", 1)[-1]
    units = str(attrs["units"]).strip() if attrs.get("units") is not None else None
    standard_name, words = str(attrs.get("standard_name", "")), f"{last} {attrs.get('long_name', '')}"
    positive = str(attrs.get("positive", "")).lower()
    if _MODEL.search(standard_name) or "formula_terms" in attrs or _MODEL.match(last):
        return Levels("ml", values, units)
    pressure = _factor(units, "hPa")
    if pressure is not None and standard_name != "sea_water_pressure":
        return Levels("pl", _rounded(values * pressure), units)
    metres = _factor(units, "m")
    if _SOIL.search(words) or (_SOIL.search(hint) and (metres is not None or units is None)):
        return Levels("soil", _rounded(values * (metres or 1.0)), units)
    if metres is not None and (positive or standard_name or attrs.get("axis") or _UP.match(last)):
        down = positive == "down" or standard_name == "depth" or last.lower().startswith("depth")
        kind = "depth" if down else "altitude" if standard_name == "altitude" else "hl"
        return Levels(kind, _rounded(values * metres), units)
    if _PRESSURE.fullmatch(last) or standard_name == "air_pressure":
        return _without_units(last, values, units)
    return Levels(last, values, units)


def _factor(units: str | None, wanted: str) -> float | None:
    """How many of the wanted units one is; None if they are no such units."""
    if not units or units in ("1", "level", "layer", "levels"):
        return None
    found = units_of.converter(units, wanted)
    return found.factor if found is not None and found.offset == 0 else None


def _rounded(values: np.ndarray) -> np.ndarray:
    """To ten digits, so that 85000 Pa * 0.01 is 850 hPa."""
    return np.array([float(f"{v:.10g}") for v in values.ravel()], np.float64)


def _without_units(name: str, values: np.ndarray, units: str | None) -> Levels:
    """Pressure or model levels, told by the values."""
    steps = np.diff(np.sort(values))
    counted = values.size > 1 and bool((steps == 1).all())
    lone = values.size == 1 and bool((values < _SHORTEST_PRESSURE).all())
    if counted or lone or not bool(((values > 0) & np.isfinite(values)).all()):
        return Levels("ml", values, units)
    if values.max() <= _HIGHEST_PRESSURE:
        return Levels("pl", values, units, f"'{name}' has no units of pressure: taken as hPa")
    if values.max() <= 100 * _HIGHEST_PRESSURE:
        return Levels("pl", _rounded(values / 100), units, f"'{name}' has no units of pressure: taken as Pa")
    return Levels("ml", values, units)


def level_text(level: float) -> str:
    """A level as it stands in names: 850, 0.5, 12.75; six digits tell levels apart."""
    return f"{level:.6g}" if abs(level) < 1e6 else f"{level:.0f}"
