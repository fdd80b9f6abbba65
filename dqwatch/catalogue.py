"""What is known of each variable: names, units, possible values, masks. The facts are in `rules/variables.yaml`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from dqwatch import units as units_of
from dqwatch.errors import RuleFileError
from dqwatch.resources import folder

Pair = tuple[float, float]
_EVERYTHING: Pair = (-math.inf, math.inf)
_ANY_PERIOD = (1.0, 360.0)
"""Hours that an accumulation of unknown period may have run: from one step to a forecast of 15 days."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": ("instant", "accumulation", "mean", "minimum", "maximum", "constant"),
    "vertical": ("surface", "level", "soil", "depth"),
    "mask": ("none", "land", "sea", "below_ground", "ice", "any"),
    "histogram": ("linear", "skewed"),
}
_ON: Mapping[str, tuple[str, ...]] = {
    "pl": ("level",),
    "ml": ("level",),
    "hl": ("level", "surface"),
    "soil": ("soil", "surface"),
    "depth": ("depth", "surface"),
}
"""Level type -> what an entry's `vertical` may be there; other level types say nothing."""

_DERIVED = re.compile(
    r"\b(anomal(?:y|ies)|tendency|increment|difference|error|uncertainty|standard deviation|variance|perturbation)\b"
)
_DERIVED_METHOD = re.compile(r"\b(variance|standard_deviation|range|sum_of_squares)\b")
_LEVEL_SUFFIX = re.compile(r"(?P<stem>.*?[A-Za-z])(?P<joint>_?)(?P<level>\d+(\.\d+)?)(_?(hPa|mb|millibars))?")
_USUAL_LEVELS = frozenset({10, 20, 30, 50, 70, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550})
_USUAL_LEVELS |= {600, 650, 700, 750, 775, 800, 825, 850, 875, 900, 925, 950, 975, 1000}


class Limits(NamedTuple):
    """Values outside `lo`..`hi` are wrong, outside `usual_lo`..`usual_hi` rare; open ends are infinite."""

    lo: float
    hi: float
    usual_lo: float
    usual_hi: float


class Band(NamedTuple):
    """Possible values at some levels: `lo` <= level <= `hi` of a level type, both ends included."""

    type: str
    lo: float
    hi: float
    range: Pair
    usual: Pair | None


@dataclass(frozen=True)
class Entry:
    """One variable of the catalogue; the fields are the keys of `rules/variables.yaml`, explained at its top."""

    param: str
    name: str
    units: str
    range: Pair
    range_source: str
    usual: Pair | None = None
    usual_source: str = ""
    growth: float | None = None
    levels: tuple[Band, ...] = ()
    kind: str = "instant"
    vertical: str = "surface"
    heights: Pair | None = None
    mask: str = "none"
    histogram: str = "linear"
    aliases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    standard_names: tuple[str, ...] = ()
    equivalents: tuple[tuple[str, float], ...] = ()
    confusions: tuple[tuple[str, float | None], ...] = ()
    mean: Pair | None = None
    global_mean: Pair | None = None

    def conversion(self, units: str | None) -> units_of.Conversion | None:
        """The map from `units` to the units of the catalogue, water conventions included; None if there is none."""
        direct = units_of.converter(units, self.units)
        if direct is not None:
            return direct
        for unit, factor in self.equivalents:
            there = units_of.converter(units, unit)
            if there is not None:
                return units_of.Conversion(there.factor * factor, there.offset * factor)
        return None

    def fits_units(self, units: str | None) -> bool | None:
        """Whether `units` convert to the catalogue's; None where they are absent or not understood."""
        if self.conversion(units) is not None:
            return True
        return False if units_of.comparable(units, self.units) else None

    def limits(
        self,
        level: float | None = None,
        level_type: str | None = None,
        period: float | None = None,
        units: str | None = None,
    ) -> Limits:
        """Possible and usual values, in the units of the data.

        Parameters
        ----------
        level, level_type : float, str, optional
            As in `dqwatch.types.Variable`; without them the ranges hold at any level.
        period : float, optional, [h]
            Of an accumulation; without it the ranges hold for 1 to 360 h.
        units : str, optional
            Units of the data. If absent or not understood those of the catalogue are assumed.

        Returns
        -------
        Limits
            Infinite throughout where `units` do not convert: that is another finding.
        """
        convert = self._reading(units)
        if convert is None:
            return Limits(*_EVERYTHING, *_EVERYTHING)
        possible, usual = self._ranges(level, level_type, period)
        return Limits(*((v - convert.offset) / convert.factor for v in (*possible, *usual)))

    def allows_nan(self, level: float | None = None, level_type: str | None = None) -> bool:
        """Whether NaN is natural in some cells, by the entry's mask."""
        if self.mask == "below_ground":
            return level is None or (level_type == "pl" and level >= 500)
        return self.mask != "none"

    def suspect(
        self,
        mean: float,
        minimum: float,
        maximum: float,
        units: str | None = None,
        *,
        level: float | None = None,
        level_type: str | None = None,
        period: float | None = None,
        is_global: bool = False,
    ) -> str | None:
        """The units that values fit, if they do not have the size which the declared units promise.

        Alarms only where the mean itself is impossible (or values are, and the mean is that of no healthy domain; or
        the domain is the globe and its mean is none that the globe has), and the same numbers in other units are
        possible throughout. So neither a spike nor a small, dry, polar or constant domain alarms.

        Parameters
        ----------
        mean, minimum, maximum : float, [units]
            Of all values.
        units : str, optional
            As declared; if absent or not understood the catalogue's are assumed.
        level, level_type, period : optional
            As for `limits`.
        is_global : bool, optional
            Whether the values cover the globe (a natural mask left out).

        Returns
        -------
        str or None
            `degC`, or several joined by ' or '. None where all is well, nothing fits, or units do not convert.
        """
        declared = self._reading(units)
        if declared is None or not (math.isfinite(mean) and minimum < maximum):
            return None
        possible, _ = self._ranges(level, level_type, period)
        healthy = self._scaled(self.mean, self.growth, period) if self.mean else possible
        world = self._world(level_type, period) if is_global else _EVERYTHING

        def plausible(reading: units_of.Conversion) -> bool:
            low, middle, high = reading(minimum), reading(mean), reading(maximum)
            inside = _within(low, possible) and _within(high, possible)
            return _within(middle, possible) and (inside or _within(middle, healthy)) and _within(middle, world)

        def possible_in(reading: units_of.Conversion) -> bool:
            ends = _within(reading(minimum), possible) and _within(reading(maximum), possible)
            return ends and _within(reading(mean), healthy) and _within(reading(mean), world)

        if plausible(declared):
            return None
        found = [unit for unit, reading in self._readings() if reading != declared and possible_in(reading)]
        return " or ".join(found) or None

    def _reading(self, units: str | None) -> units_of.Conversion | None:
        """How numbers in `units` are read; the catalogue's units where none are known; None if they do not convert."""
        found = self.conversion(units)
        if found is None and self.fits_units(units) is None:
            return units_of.Conversion(1.0)
        return found

    def _readings(self) -> Iterator[tuple[str, units_of.Conversion]]:
        """The units that values may be in: the catalogue's, then those that they are often left in."""
        yield self.units, units_of.Conversion(1.0)
        for unit, factor in self.confusions:
            reading = units_of.Conversion(factor) if factor is not None else self.conversion(unit)
            if reading is not None:
                yield unit, reading

    def _ranges(self, level: float | None, level_type: str | None, period: float | None) -> tuple[Pair, Pair]:
        bands = [b for b in self.levels if b.type == level_type and (b.type == "sfc" or _in_band(level, b))]
        possible = _hull([b.range for b in bands]) if bands else self.range
        usual = _hull([b.usual for b in bands if b.usual]) if bands and all(b.usual for b in bands) else self.usual
        return self._scaled(possible, self.growth, period), self._scaled(usual or _EVERYTHING, self.growth, period)

    def _world(self, level_type: str | None, period: float | None) -> Pair:
        """Bounds of a mean over the globe; accumulations grow with time, and need a known period."""
        if self.global_mean is None or level_type in ("pl", "ml") or (self.growth is not None and not period):
            return _EVERYTHING
        return self._scaled(self.global_mean, None if self.growth is None else 1.0, period)

    @staticmethod
    def _scaled(pair: Pair, growth: float | None, period: float | None) -> Pair:
        if growth is None:
            return pair
        factors = [hours**growth for hours in ((period,) if period and period > 0 else _ANY_PERIOD)]
        return min(pair[0] * f for f in factors), max(pair[1] * f for f in factors)


@dataclass(frozen=True)
class Catalogue:
    """Entries by canonical name."""

    path: str
    entries: Mapping[str, Entry]

    @cached_property
    def _names(self) -> Mapping[str, tuple[Entry, ...]]:
        """Canonical names and aliases -> entries, the one of that canonical name first."""
        found: dict[str, list[Entry]] = {param: [entry] for param, entry in self.entries.items()}
        for entry in self.entries.values():
            for alias in entry.aliases:
                found.setdefault(alias, []).append(entry)
        return {name: tuple(dict.fromkeys(entries)) for name, entries in found.items()}

    @cached_property
    def _weak(self) -> frozenset[str]:
        return frozenset(name for entry in self.entries.values() for name in entry.weak)

    @cached_property
    def _standard_names(self) -> Mapping[str, tuple[Entry, ...]]:
        found: dict[str, list[Entry]] = {}
        for entry in self.entries.values():
            for name in entry.standard_names:
                found.setdefault(name, []).append(entry)
        return {name: tuple(entries) for name, entries in found.items()}

    def identify(
        self,
        name: str,
        *,
        standard_name: str | None = None,
        units: str | None = None,
        level_type: str | None = None,
        height: float | None = None,
        attributes: Mapping[str, Any] | None = None,
        naming: Literal["ecmwf"] | None = None,
    ) -> Entry | None:
        """The entry of a variable of some source, or None.

        Of the entries that a telling name (first) or the standard name points to, the first whose units fit; else one
        that a weak name (`t`, `z`, `temp`) points to, which needs fitting units or a level; else the first of all,
        units or not. Statistics of a quantity (anomaly, error, tendency) are not the quantity.

        Parameters
        ----------
        name : str
            In the source, without a level.
        standard_name, units : str, optional
            As declared.
        level_type : str, optional
            As in `dqwatch.types.Variable`.
        height : float, optional, [m above ground]
            Of a scalar height coordinate, or of the level.
        attributes : mapping, optional
            Of the variable: long_name, description, cell_methods, GRIB_shortName are looked at.
        naming : 'ecmwf', optional
            The source's names are ECMWF short names for certain: none of them is weak.
        """
        attributes = attributes or {}
        name = name.rsplit("/", 1)[-1]
        short_name = attributes.get("GRIB_shortName")
        if isinstance(short_name, str) and short_name in self.entries:
            name, naming = short_name, "ecmwf"
        named = [e for e in self._names.get(name, ()) if e.param == name or _vertical_fits(e, level_type)]
        certain = [e for e in named if name not in self._weak or (naming == "ecmwf" and e.param == name)]
        weak = [e for e in named if e not in certain and _weak_fits(e, name, standard_name, units, level_type)]
        certain += self._by_standard_name(standard_name, level_type, height, attributes)
        ordered = [e for e in certain if e.fits_units(units) is not False] + weak + certain
        return next((e for e in ordered if not _is_derived(e, standard_name, attributes)), None)

    def find(self, name: str) -> Entry | None:
        """The entry that a person means by a name: canonical, alias or standard name, capitals aside."""
        exact = (*self._names.get(name, ()), *self._standard_names.get(name, ()))
        if exact:
            return exact[0]
        wanted = name.casefold().replace(" ", "_")
        every = ((key, entry) for table in (self._names, self._standard_names) for key, (entry, *_) in table.items())
        loose = (entry for key, entry in every if key.casefold() == wanted)
        titled = (e for e in self.entries.values() if e.name.casefold().replace(" ", "_") == wanted)
        return next(loose, None) or next(titled, None)

    def split_level(self, name: str) -> tuple[str, float] | None:
        """`t_850` or `z500` as ('t', 850.0); None for names without a pressure level, and for those like `u10`."""
        match = _LEVEL_SUFFIX.fullmatch(name)
        if name in self._names or match is None:
            return None
        stem, level = match["stem"], float(match["level"])
        on_levels = any(e.vertical == "level" for e in self._names.get(stem, ()))
        known = 0 < level <= 1100 if match["joint"] else level in _USUAL_LEVELS
        return (stem, level) if on_levels and known else None

    def _by_standard_name(
        self, standard_name: str | None, level_type: str | None, height: float | None, attributes: Mapping[str, Any]
    ) -> list[Entry]:
        """Entries with this standard name, best first: those of this very height, this very extreme."""
        method = _extreme(str(attributes.get("cell_methods", "")))
        ranked = []
        for entry in self._standard_names.get(standard_name or "", ()):
            near = entry.heights is not None and height is not None and _within(height, entry.heights)
            extreme = entry.kind in ("minimum", "maximum")
            if (entry.heights and not near) or (extreme and entry.kind != method):
                continue
            if _vertical_fits(entry, level_type):
                ranked.append((near + extreme, entry))
        return [entry for _, entry in sorted(ranked, key=lambda r: -r[0])]


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
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RuleFileError(f"{file}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    variables = document.get("variables") if isinstance(document, dict) else None
    if not isinstance(variables, dict) or document.get("version") != 1 or set(document) != {"version", "variables"}:
        raise RuleFileError(f"{file}: a catalogue has the keys version (1) and variables (a mapping by short name)")
    return Catalogue(str(file), {str(p): _entry(f"{file}: variable '{p}'", str(p), e) for p, e in variables.items()})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key}' given twice", node.start_mark)
        return super().construct_mapping(node, deep)


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
        return _number(where, value)
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
        raise RuleFileError(f"{where}: got {value!r}; allowed: a number (write 1.0e-4, not 1e-4)")
    return float(value)


def _pair(where: str, value: Any) -> Pair:
    if not isinstance(value, list) or len(value) != 2:
        raise RuleFileError(f"{where}: got {value!r}; allowed: [low, high], null for an open end")
    lo, hi = (end if given is None else _number(where, given) for given, end in zip(value, _EVERYTHING, strict=True))
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
    return str(item["units"]), _number(where, item["factor"]) if "factor" in item else None


def _within(value: float, pair: Pair) -> bool:
    return pair[0] <= value <= pair[1]


def _in_band(level: float | None, band: Band) -> bool:
    return level is not None and band.lo <= level <= band.hi


def _hull(pairs: Iterable[Pair]) -> Pair:
    lows, highs = zip(*pairs, strict=True)
    return min(lows), max(highs)


def _vertical_fits(entry: Entry, level_type: str | None) -> bool:
    return level_type not in _ON or entry.vertical in _ON[level_type or ""]


def _weak_fits(entry: Entry, name: str, standard_name: str | None, units: str | None, level_type: str | None) -> bool:
    """Whether a generic name can be meant: its units fit, or none are given and it lies on levels as the entry does."""
    if standard_name and entry.standard_names and standard_name not in entry.standard_names:
        return False
    if not _vertical_fits(entry, level_type):
        return False
    fits = entry.fits_units(units)
    on_levels = level_type in _ON and entry.vertical != "surface"
    return bool(fits) or (fits is None and on_levels)


def _is_derived(entry: Entry, standard_name: str | None, attributes: Mapping[str, Any]) -> bool:
    """Whether the variable is a statistic of the quantity (an anomaly, an error) and not the quantity itself."""
    words = " ".join(str(attributes.get(key, "")) for key in ("long_name", "description", "GRIB_name")).lower()
    if any(word not in entry.name for word in _DERIVED.findall(words)):
        return True
    if " " in (standard_name or "").strip():
        return True
    return _DERIVED_METHOD.search(str(attributes.get("cell_methods", ""))) is not None


def _extreme(cell_methods: str) -> str:
    match = re.search(r"time: (minimum|maximum)\b", cell_methods)
    return match[1] if match else ""
