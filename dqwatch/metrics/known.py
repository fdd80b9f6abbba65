"""What the catalogue says of the variables of one source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dqwatch.catalogue import Catalogue, Entry, Limits
from dqwatch.metrics.histogram import Bins, linear_bins, skewed_bins
from dqwatch.types import Source, Variable

_UNLIMITED = Limits(-math.inf, math.inf, -math.inf, math.inf)
_ROUNDING = 16 * float(np.finfo(np.float64).eps)
_ECMWF_NAMES = ("anemoi", "grib")
"""Readers whose names are ECMWF's for certain."""


@dataclass(frozen=True)
class Knowledge:
    """What is known of one variable before a value has been seen."""

    entry: Entry | None
    limits: Limits
    bins: Bins | None
    """None where only the values can tell."""

    @property
    def bounded(self) -> bool:
        """Whether any value is known to be impossible."""
        return math.isfinite(self.limits.lo) or math.isfinite(self.limits.hi)


def know(source: Source, catalogue: Catalogue) -> list[Knowledge]:
    """What is known of each variable of the source, in its order."""
    certain = source.kind.startswith(_ECMWF_NAMES)
    return [_of(variable, _entry(variable, catalogue, certain)) for variable in source.variables]


def _entry(variable: Variable, catalogue: Catalogue, certain: bool) -> Entry | None:
    """The entry of a variable; a name that the source gave itself may only look like one of the catalogue."""
    entry = catalogue.entries.get(variable.param)
    if entry is None or variable.param != variable.source_name.rsplit("/", 1)[-1]:
        return entry
    standard_name = variable.attributes.get("standard_name")
    found = catalogue.identify(
        variable.param,
        standard_name=standard_name if isinstance(standard_name, str) else None,
        units=variable.units,
        level_type=variable.level_type,
        height=variable.level if variable.level_type == "hl" else None,
        attributes=variable.attributes,
        naming="ecmwf" if certain else None,
    )
    return entry if found is not None and found.param == entry.param else None


def _of(variable: Variable, entry: Entry | None) -> Knowledge:
    if entry is None:
        return Knowledge(None, _UNLIMITED, None)
    limits = entry.limits(variable.level, variable.level_type, variable.period, variable.units)
    return Knowledge(entry, limits, _bins(entry, limits))


def _bins(entry: Entry, limits: Limits) -> Bins | None:
    usual = (limits.usual_lo, limits.usual_hi)
    low, high = usual if all(map(math.isfinite, usual)) else limits[:2]
    if entry.histogram == "skewed":
        return skewed_bins(high) if math.isfinite(high) and high > 0 else None
    return linear_bins(low, high) if math.isfinite(low) and math.isfinite(high) else None


def rounded(limits: Sequence[float], dtype: np.dtype) -> np.ndarray:
    """Limits in the type of a field; a value that the conversion of units rounded is not beyond them."""
    given = np.array(limits, np.float64)
    slack = np.array([-_ROUNDING, _ROUNDING] * (len(given) // 2)) * np.where(np.isfinite(given), np.abs(given), 0.0)
    with np.errstate(over="ignore"):
        return (given + slack).astype(dtype)
