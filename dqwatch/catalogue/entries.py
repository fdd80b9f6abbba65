"""One variable of the catalogue: its possible values in any units, and whether values have the size they should."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dqwatch import units as units_of

Pair = tuple[float, float]
EVERYTHING: Pair = (-math.inf, math.inf)
_ANY_PERIOD = (1.0, 360.0)
"""Hours that an accumulation of unknown period may have run: from one step to a forecast of 15 days."""


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
            return Limits(*EVERYTHING, *EVERYTHING)
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
            The likeliest, `degC`. None where all is well, nothing fits, or units do not convert.
        """
        declared = self._reading(units)
        if declared is None or not (math.isfinite(mean) and minimum < maximum):
            return None
        possible, _ = self._ranges(level, level_type, period)
        healthy = self._scaled(self.mean, self.growth, period) if self.mean else possible
        world = self._world(level_type, period) if is_global else EVERYTHING

        def plausible(reading: units_of.Conversion) -> bool:
            low, middle, high = reading(minimum), reading(mean), reading(maximum)
            inside = within(low, possible) and within(high, possible)
            return within(middle, possible) and (inside or within(middle, healthy)) and within(middle, world)

        def possible_in(reading: units_of.Conversion) -> bool:
            ends = within(reading(minimum), possible) and within(reading(maximum), possible)
            return ends and within(reading(mean), healthy) and within(reading(mean), world)

        if plausible(declared):
            return None
        readings = self._readings(period)
        return next((unit for unit, reading in readings if reading != declared and possible_in(reading)), None)

    def _reading(self, units: str | None) -> units_of.Conversion | None:
        """How numbers in `units` are read; the catalogue's units where none are known; None if they do not convert."""
        found = self.conversion(units)
        if found is None and self.fits_units(units) is None:
            return units_of.Conversion(1.0)
        return found

    def _readings(self, period: float | None) -> Iterator[tuple[str, units_of.Conversion]]:
        """The units that values may be in: the catalogue's, then those that they are often left in."""
        hours = (period or 1.0) if self.growth is not None else 1.0
        yield self.units, units_of.Conversion(1.0)
        for unit, factor in self.confusions:
            reading = units_of.Conversion(factor * hours) if factor is not None else self.conversion(unit)
            if reading is not None:
                yield unit, reading

    def _ranges(self, level: float | None, level_type: str | None, period: float | None) -> tuple[Pair, Pair]:
        bands = [b for b in self.levels if b.type == level_type and (b.type == "sfc" or _in_band(level, b))]
        possible = _hull([b.range for b in bands]) if bands else self.range
        usual = _hull([b.usual for b in bands if b.usual]) if bands and all(b.usual for b in bands) else self.usual
        return self._scaled(possible, self.growth, period), self._scaled(usual or EVERYTHING, self.growth, period)

    def _world(self, level_type: str | None, period: float | None) -> Pair:
        """Bounds of a mean over the globe; accumulations grow with time, and need a known period."""
        if self.global_mean is None or level_type in ("pl", "ml") or (self.growth is not None and not period):
            return EVERYTHING
        return self._scaled(self.global_mean, None if self.growth is None else 1.0, period)

    @staticmethod
    def _scaled(pair: Pair, growth: float | None, period: float | None) -> Pair:
        if growth is None:
            return pair
        factors = [hours**growth for hours in ((period,) if period and period > 0 else _ANY_PERIOD)]
        return min(pair[0] * f for f in factors), max(pair[1] * f for f in factors)


def within(value: float, pair: Pair) -> bool:
    """Whether a value lies in a range, ends included; NaN does not."""
    return pair[0] <= value <= pair[1]


def _in_band(level: float | None, band: Band) -> bool:
    return level is not None and band.lo <= level <= band.hi


def _hull(pairs: Iterable[Pair]) -> Pair:
    lows, highs = zip(*pairs, strict=True)
    return min(lows), max(highs)
