"""The catalogue's file: read, checked, made into entries."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from dqwatch import units as units_of
from dqwatch.catalogue.entries import EVERYTHING, Band, Entry, Pair
from dqwatch.catalogue.names import Catalogue
from dqwatch.errors import RuleFileError
from dqwatch.resources import folder
from dqwatch.yaml_files import read_yaml

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": ("instant", "accumulation", "mean", "minimum", "maximum", "constant"),
    "vertical": ("surface", "level", "soil", "depth"),
    "mask": ("none", "land", "sea", "below_ground", "ice", "any"),
    "histogram": ("linear", "skewed"),
}


@lru_cache(maxsize=8)
def load_catalogue(path: str | os.PathLike[str] | None = None) -> Catalogue:
    """The shipped catalogue, or that of another file.

    Raises
    ------
    RuleFileError
        If the file cannot be read, is not YAML, or an entry is not as `rules/variables.schema.json` says; the message
        names file, variable and key.
    """
    file = Path(path) if path is not None else folder("rules") / "variables.yaml"
    document, _ = read_yaml(file, shipped=path is None)
    variables = document.get("variables") if isinstance(document, dict) else None
    if not isinstance(variables, dict) or document.get("version") != 1 or set(document) != {"version", "variables"}:
        raise RuleFileError(f"{file}: a catalogue has the keys version (1) and variables (a mapping by short name)")
    return Catalogue(str(file), {str(p): _entry(f"{file}: variable '{p}'", str(p), e) for p, e in variables.items()})


_KEYS = {f.name: f for f in fields(Entry) if f.name != "param"}


def _entry(where: str, param: str, raw: Any) -> Entry:
    """One checked entry."""
    if not isinstance(raw, dict):
        raise RuleFileError(f"{where}: got {raw!r}; an entry is a mapping with name, units, range, range_source, ...")
    for key in raw:
        if key not in _KEYS:
            raise RuleFileError(f"{where}: unknown key '{key}'; an entry takes {', '.join(_KEYS)}")
    for key, field in _KEYS.items():
        if field.default is MISSING and key not in raw:
            raise RuleFileError(f"{where}: key '{key}' is missing; every entry needs it")
    if "usual" in raw and not raw.get("usual_source"):
        raise RuleFileError(f"{where}: key 'usual_source' is missing; every figure needs its source")
    entry = Entry(param=param, **{key: _checked(f"{where}: key '{key}'", key, raw[key]) for key in raw})
    for unit, factor in entry.confusions:
        if factor is None and entry.conversion(unit) is None:
            raise RuleFileError(
                f"{where}: key 'confusions': '{unit}' does not convert to '{entry.units}'; give a factor"
            )
    for key in entry.weak:
        if key != param and key not in entry.aliases:
            raise RuleFileError(
                f"{where}: key 'weak': '{key}' is no name of this entry; allowed: {param} and its aliases"
            )
    return entry


def _checked(where: str, key: str, value: Any) -> Any:
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            raise RuleFileError(f"{where}: got {value!r}; allowed: {', '.join(_CHOICES[key])}")
        return value
    if key in ("range", "usual", "heights", "mean", "global_mean"):
        return _pair(where, value)
    if key == "growth":
        growth = _number(where, value)
        if not 0 < growth <= 1:
            raise RuleFileError(f"{where}: got {value!r}; allowed: above 0, at most 1")
        return growth
    if key in ("aliases", "weak", "standard_names"):
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise RuleFileError(
                f"{where}: got {value!r}; allowed: a list of names (quote those that YAML reads otherwise)"
            )
        return tuple(value)
    if key == "levels":
        return tuple(_band(where, band) for band in _items(where, value))
    if key in ("equivalents", "confusions"):
        return tuple(_unit(where, item, needs_factor=key == "equivalents") for item in _items(where, value))
    if not isinstance(value, str) or not value.strip():
        raise RuleFileError(f"{where}: got {value!r}; allowed: text")
    if key == "units" and not units_of.normalise(value):
        raise RuleFileError(f"{where}: got {value!r}; allowed: units in CF spelling, '1' if there are none")
    return value


def _items(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise RuleFileError(f"{where}: got {value!r}; allowed: a list")
    return value


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RuleFileError(f"{where}: got {value!r}; allowed: a number")
    return float(value)


def _pair(where: str, value: Any) -> Pair:
    if not isinstance(value, list) or len(value) != 2:
        raise RuleFileError(f"{where}: got {value!r}; allowed: [low, high], null for an open end")
    lo, hi = (end if given is None else _number(where, given) for given, end in zip(value, EVERYTHING, strict=True))
    if not lo < hi:
        raise RuleFileError(f"{where}: got {value!r}; allowed: low below high")
    return lo, hi


def _band(where: str, raw: Any) -> Band:
    allowed = ("type", "min", "max", "range", "usual")
    if not isinstance(raw, dict) or "range" not in raw or not set(raw) <= set(allowed):
        raise RuleFileError(f"{where}: got {raw!r}; a band takes {', '.join(allowed)}, and needs range")
    lo, hi = _pair(where, [raw.get("min"), raw.get("max")])
    usual = _pair(where, raw["usual"]) if "usual" in raw else None
    return Band(str(raw.get("type", "pl")), lo, hi, _pair(where, raw["range"]), usual)


def _unit(where: str, raw: Any, *, needs_factor: bool) -> tuple[str, float | None]:
    item = {"units": raw} if isinstance(raw, str) else raw
    wrong = (
        not isinstance(item, dict) or not set(item) <= {"units", "factor"} or not units_of.normalise(item.get("units"))
    )
    if wrong or (needs_factor and "factor" not in item):
        raise RuleFileError(f"{where}: got {raw!r}; allowed: {{units: ..., factor: ...}}")
    if "factor" not in item:
        return str(item["units"]), None
    factor = _number(f"{where}: factor", item["factor"])
    if factor <= 0:
        raise RuleFileError(f"{where}: factor: got {factor!r}; allowed: above 0")
    return str(item["units"]), factor
