"""From the names in a source to entries of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from dqwatch.catalogue.entries import Entry, within

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
        if standard_name in (None, "", "unknown"):
            standard_name = name if name in self._standard_names else None
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
        entries = (*self._names.get(stem, ()), *self._standard_names.get(stem, ()))
        on_levels = any(e.vertical == "level" for e in entries)
        known = 0 < level <= 1100 if match["joint"] else level in _USUAL_LEVELS
        return (stem, level) if on_levels and known else None

    def period(self, name: str) -> float | None:
        """Hours that a name says it runs over, 6.0 for `total_precipitation_6hr`; None if it says nothing."""
        match = re.search(r"_(\d+)hr?$", name)
        return float(match[1]) if match else None

    def _by_standard_name(
        self, standard_name: str | None, level_type: str | None, height: float | None, attributes: Mapping[str, Any]
    ) -> list[Entry]:
        """Entries with this standard name, best first: those of this very height, this very extreme."""
        method = _extreme(str(attributes.get("cell_methods", "")))
        ranked = []
        for entry in self._standard_names.get(standard_name or "", ()):
            near = entry.heights is not None and height is not None and within(height, entry.heights)
            extreme = entry.kind in ("minimum", "maximum")
            if (entry.heights and not near) or (extreme and entry.kind != method):
                continue
            if _vertical_fits(entry, level_type):
                ranked.append((near + extreme, entry))
        return [entry for _, entry in sorted(ranked, key=lambda r: -r[0])]


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
