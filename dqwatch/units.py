"""Units as files spell them: one spelling (`normalise`), and conversions that never raise.

Spellings of CF/UDUNITS, of ECMWF and GRIB (`m s**-1`, `(0 - 1)`, `m of water equivalent`), and everyday ones. Pint is
imported only for what the tables below do not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np

    Number = TypeVar("Number", float, np.ndarray)

_LONGEST = 200
"""Characters; a longer text is no unit."""
_UNKNOWN = frozenset({"", "-", "~", "none", "unknown", "no_unit", "n/a", "na", "undefined", "unspecified", "various"})
"""Words that say nothing; lower case."""

_DIMENSIONLESS = re.compile(
    r"[([]?0 ?(-|to|\.\.) ?1[)\]]?|\(?code table [0-9.]+\)?|\(-\)|\[-\]"
    r"|dimensionless|unitless|non-?dim(ensional)?|fraction(al)?|proportion|ratio|numeric|index|category|code|flag|boolean|bool",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"^\w+ +since ", re.IGNORECASE)
_WATER = re.compile(r"(?<=m)\s+(of\s+)?(liquid\s+)?(water(\s+(equivalent|eq\.?))?|w\.?\s?e\.?)\s*$", re.IGNORECASE)
_DEGREE = re.compile(
    r"\b(deg(ree)?s?)[\s_.]*(c(elsius)?|k(elvin)?|f(ahrenheit)?|n(orth)?|e(ast)?|true)\b", re.IGNORECASE
)
_LETTERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻µμ", "0123456789-uu")
_TOKEN = re.compile(
    r"(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)(\s*(\^|\*\*)\s*\(?(?P<power>[+-]?\d+)\)?)?"
    r"|(?P<name>[A-Za-z°%_]+)(\s*(\^|\*\*)\s*\(?(?P<marked>[+-]?\d+)\)?|(?P<plain>[+-]?\d+))?"
    r"|(?P<open>\()|(?P<close>\))(\s*(\^|\*\*)\s*\(?(?P<outer>[+-]?\d+)\)?|(?P<tail>[+-]?\d+))?"
    r"|(?P<times>\*|\.|·|\s)|(?P<over>/)"
)

_SPELLINGS: Mapping[str, str] = {
    spelling: name
    for name, spellings in {
        "K": "K k kelvin kelvins degk",
        "degC": "C °C oC degC degc celsius centigrade",
        "degF": "F °F oF degF degf fahrenheit",
        "Pa": "Pa pascal pascals",
        "hPa": "hPa HPa hpa hectopascal hectopascals mb mbar mbars millibar millibars",
        "m": "m meter meters metre metres gpm geopotential_meter geopotential_metre geopotential_meters",
        "dam": "dam gpdam gpdm decameter decameters decametre",
        "km": "km kilometer kilometers kilometre kilometres",
        "cm": "cm centimeter centimeters centimetre centimetres",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "inch": "inch inches in",
        "s": "s sec secs second seconds",
        "min": "min mins minute minutes",
        "h": "h hr hrs hour hours",
        "day": "day days d",
        "kg": "kg kilogram kilograms kgs",
        "g": "g gram grams gramme grammes",
        "W": "W watt watts",
        "J": "J joule joules",
        "N": "N newton newtons",
        "%": "% percent per_cent pct percentage",
        "degree": "degree degrees deg ° degT degreeT",
        "rad": "rad radian radians",
        "kt": "kt kts knot knots kn",
        "ppm": "ppm ppmv",
        "ppb": "ppb ppbv",
        "psu": "psu PSU pss PSS psal",
        "okta": "okta oktas octa octas",
        "DU": "DU dobson dobsons Dobson",
        "mol": "mol mole moles",
    }.items()
    for spelling in spellings.split()
}
_COMPASS = {"n": "degree", "e": "degree", "t": "degree", "c": "degC", "k": "K", "f": "degF"}

_BASE = frozenset({"m", "kg", "s", "K", "mol", "degree"})
_FROM_PINT = {"meter": "m", "kilogram": "kg", "second": "s", "kelvin": "K", "mole": "mol"}
_PASCAL = {"kg": 1, "m": -1, "s": -2}
_JOULE = {"kg": 1, "m": 2, "s": -2}
_REDUCTIONS: Mapping[str, tuple[float, Mapping[str, int]]] = {
    "Pa": (1.0, _PASCAL),
    "hPa": (1e2, _PASCAL),
    "kPa": (1e3, _PASCAL),
    "J": (1.0, _JOULE),
    "kJ": (1e3, _JOULE),
    "MJ": (1e6, _JOULE),
    "W": (1.0, {"kg": 1, "m": 2, "s": -3}),
    "N": (1.0, {"kg": 1, "m": 1, "s": -2}),
    "dam": (10.0, {"m": 1}),
    "km": (1e3, {"m": 1}),
    "cm": (1e-2, {"m": 1}),
    "mm": (1e-3, {"m": 1}),
    "g": (1e-3, {"kg": 1}),
    "mg": (1e-6, {"kg": 1}),
    "ug": (1e-9, {"kg": 1}),
    "min": (60.0, {"s": 1}),
    "h": (3600.0, {"s": 1}),
    "day": (86400.0, {"s": 1}),
    "kt": (1852.0 / 3600.0, {"m": 1, "s": -1}),
    "%": (1e-2, {}),
    "ppm": (1e-6, {}),
    "ppb": (1e-9, {}),
    "psu": (1e-3, {}),
    "okta": (0.125, {}),
    "rad": (180.0 / math.pi, {"degree": 1}),
    "PVU": (1e-6, {"K": 1, "m": 2, "kg": -1, "s": -1}),
    # 2.6867e20 molecules per square metre.
    "DU": (4.46137e-4, {"mol": 1, "m": -2}),
    "degC": (1.0, {"K": 1}),
    "degF": (5.0 / 9.0, {"K": 1}),
}
_OFFSETS = {"degC": 273.15, "degF": 459.67 * 5.0 / 9.0}


@dataclass(frozen=True)
class Conversion:
    """The affine map from one unit to another: `value * factor + offset`; works on numbers and arrays."""

    factor: float
    offset: float = 0.0

    def __call__(self, value: Number) -> Number:
        """`value` in the other unit."""
        return value * self.factor + self.offset


class _Parsed(NamedTuple):
    """Value in the product of `powers` = value in the unit * factor + offset."""

    factor: float
    offset: float
    powers: Mapping[str, int]


@lru_cache(maxsize=4096)
def normalise(units: str | None) -> str:
    """The CF spelling of units: `m s**-1` and `m/s` give `m s-1`, `(0 - 1)` gives `1`, `C` gives `degC`.

    Parameters
    ----------
    units : str or None

    Returns
    -------
    str
        '' for units that say nothing (None, '', 'none', '~'); the text itself where it cannot be understood.
    """
    text = _tidy(units)
    if not text or _REFERENCE.match(text):
        return text
    if _DIMENSIONLESS.fullmatch(text):
        return "1"
    terms = _terms(text)
    if terms is None:
        return text
    scale, names = terms
    parts = [f"{name}{power if power != 1 else ''}" for name, power in names.items() if power]
    if scale != 1 or not parts:
        parts.insert(0, f"{scale:.15g}")
    return " ".join(parts)


def differ(a: str | None, b: str | None) -> bool:
    """Whether both say something, and not the same: `m2 s-2` and `m**2 s**-2` do not differ; nor does ''."""
    first, second = normalise(a), normalise(b)
    return bool(first and second) and first != second


def comparable(a: str | None, b: str | None) -> bool:
    """Whether both units are understood, so that `convertible` means something; False for unknown or absent units."""
    first, second = normalise(a), normalise(b)
    if not first or not second:
        return False
    if first == second:
        return True
    return _known(first) and _known(second)


def convertible(a: str | None, b: str | None) -> bool:
    """Whether values in units `a` can be expressed in units `b`; False where either is not understood."""
    return converter(a, b) is not None


@lru_cache(maxsize=4096)
def converter(source: str | None, target: str | None) -> Conversion | None:
    """The map from values in `source` to values in `target`.

    Returns
    -------
    Conversion or None
        None where the units do not convert, or either is unknown.
    """
    first, second = normalise(source), normalise(target)
    if not first or not second:
        return None
    if first == second:
        return Conversion(1.0)
    if _REFERENCE.match(first) or _REFERENCE.match(second):
        return None
    a, b = _parsed(first), _parsed(second)
    if a is None or b is None or a.powers != b.powers:
        return None
    return Conversion(a.factor / b.factor, (a.offset - b.offset) / b.factor)


def convert(value: Number, source: str | None, target: str | None) -> Number | None:
    """`value` in units `target`; None where the units do not convert."""
    found = converter(source, target)
    return None if found is None else found(value)


def _known(text: str) -> bool:
    return bool(_REFERENCE.match(text)) or _parsed(text) is not None


def _tidy(units: str | None) -> str:
    """Blanks and phrases made regular; '' for words that say nothing."""
    text = " ".join(str(units).translate(_LETTERS).split()) if units is not None else ""
    if text.lower() in _UNKNOWN:
        return ""
    if _REFERENCE.match(text):
        return text
    text = _WATER.sub("", text)
    return _DEGREE.sub(lambda m: _COMPASS[m.group(3)[0].lower()], text)


@lru_cache(maxsize=4096)
def _terms(text: str) -> tuple[float, dict[str, int]] | None:
    """A product of powers: its scale and the power of each name; None if `text` is not one."""
    if len(text) > _LONGEST:
        return None
    tokens, position = list[re.Match[str]](), 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return None
        tokens.append(token)
        position = token.end()
    product = _product(iter(tokens), nested=False)
    return None if product is None or not math.isfinite(product.scale) or product.scale == 0 else product[:2]


class _Product(NamedTuple):
    scale: float
    names: dict[str, int]
    power: int


def _product(tokens: Iterator[re.Match[str]], *, nested: bool) -> _Product | None:
    """What stands up to the end or, if `nested`, up to the closing bracket, which may carry a power."""
    scale, names, sign, pending = 1.0, dict[str, int](), 1, True
    for token in tokens:
        if token["times"]:
            continue
        if token["over"]:
            sign, pending = -1, True
            continue
        if token["close"]:
            return _Product(scale, names, _int(token["outer"], token["tail"])) if nested and not pending else None
        if token["open"]:
            part = _product(tokens, nested=True)
        elif token["number"]:
            part = _Product(float(token["number"]), {}, _int(token["power"]))
        else:
            part = _Product(1.0, {_spelling(token["name"]): 1}, _int(token["marked"], token["plain"]))
        if part is None:
            return None
        scale *= _raise(part.scale, sign * part.power)
        for name, power in part.names.items():
            names[name] = names.get(name, 0) + power * sign * part.power
        # mm/6h is per six hours, not times hours.
        sign = sign if token["number"] and token.string[token.end() : token.end() + 1].isalpha() else 1
        pending = False
    return None if nested or pending else _Product(scale, names, 1)


def _int(*texts: str | None) -> int:
    return int(next((text for text in texts if text), 1))


def _raise(base: float, power: int) -> float:
    """`base ** power`; NaN where that is no number."""
    try:
        return base**power
    except ArithmeticError:
        return math.nan


def _spelling(name: str) -> str:
    """The one spelling of a name; capitals count in symbols (`K`, `Pa`), not in words (`Kelvin`)."""
    words = name.lower() if len(name) > 2 else name
    return _SPELLINGS.get(name) or _SPELLINGS.get(words) or name


def _closing_power(text: str, start: int) -> int | None:
    """The power of the bracket that opened just before `start`; None if it never closes."""
    depth = 1
    for token in _TOKEN.finditer(text, start):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0:
            return int(token["outer"] or token["tail"] or 1)
    return None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> _Parsed | None:
    """In base units; None for what is no product of powers, or has a name that neither the tables nor pint know."""
    terms = _terms(text)
    if terms is None:
        return None
    factor, powers = terms[0], dict[str, int]()
    for name, power in terms[1].items():
        reduction = (1.0, {name: 1}) if name in _BASE else _REDUCTIONS.get(name) or _by_pint(name)
        if reduction is None:
            return None
        factor *= _raise(reduction[0], power)
        for part, n in reduction[1].items():
            powers[part] = powers.get(part, 0) + n * power
    if not math.isfinite(factor) or factor == 0:
        return None
    # A temperature has an offset only when it stands alone: degC m-1 is a difference per metre.
    alone = len(terms[1]) == 1 and next(iter(terms[1].values())) == 1
    offset = _OFFSETS.get(next(iter(terms[1])), 0.0) if alone else 0.0
    return _Parsed(factor, offset, {name: n for name, n in powers.items() if n})


@lru_cache(maxsize=1024)
def _by_pint(name: str) -> tuple[float, Mapping[str, int]] | None:
    """One unit in base units; None if pint does not know it, or it has an offset or is logarithmic."""
    try:
        base = _registry().Quantity(1.0, name).to_base_units()
        powers = {_FROM_PINT.get(part, part): int(n) for part, n in base.unit_items()}
    except (AttributeError, ValueError, TypeError, ArithmeticError):
        return None
    return float(base.magnitude), powers


@lru_cache(maxsize=1)
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()
