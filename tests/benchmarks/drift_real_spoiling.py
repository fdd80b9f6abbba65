"""How fields of real series are spoilt: small grids, regions, cells without values (the list is in drift_faults.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from tests.benchmarks.drift_spoiling import Moment

Spoil = Callable[[Moment, str], np.ndarray]


class RealFault(NamedTuple):
    """One fault of one size, to be planted in every variable that it makes sense for."""

    family: str
    size: str
    spoil: Spoil
    only: tuple[str, ...] = ()
    """Parameters; all where none is named."""
    least: int = 1
    """Rows and columns that a grid must have."""
    step: str = ""
    """'day', 'month' or 'year': series with that time step only."""
    held: bool = False
    """Whether a fault that lasts repeats the very field."""


def masked(m: Moment, v: str, way: Spoil) -> np.ndarray:
    """A way that knows no missing values: these are filled with the mean for it, and are missing after it."""
    known = np.isfinite(m.field(v, 0))

    def filled(name: str, back: int) -> np.ndarray:
        values = m.field(name, back).astype(np.float64)
        return np.where(np.isfinite(values), values, np.nanmean(values))

    return np.where(known, way(m._replace(field=filled), v), np.nan)


def on_values(way: Callable[..., np.ndarray], **how: object) -> Spoil:
    """A way with its settings, for fields with missing values."""
    return partial(masked, way=partial(way, **how))


def widened(m: Moment, v: str, factor: float) -> np.ndarray:
    """Deviations from the mean of the field, times a factor."""
    values = m.field(v, 0).astype(np.float64)
    return values.mean() + factor * (values - values.mean())


def moved(m: Moment, v: str, cells: float) -> np.ndarray:
    """Moved eastward by interpolation; the western edge of a region stands still."""
    found = []
    for row, longitudes in zip(m.world.rows(m.field(v, 0)), m.world.rows(m.world.grid.longitudes), strict=True):
        places = np.arange(row.size) - cells
        around = np.ptp(longitudes) > 360.0 * (1 - 1.5 / row.size)
        places = places % row.size if around else np.maximum(places, 0.0)
        low = np.floor(places).astype(np.int64)
        share = places - low
        high = (low + 1) % row.size
        found.append(np.where(share > 0, (1 - share) * row[low] + share * row[high], row[low]))
    return np.concatenate(found)


def changed_there(m: Moment, v: str, sds: float, share: float) -> np.ndarray:
    """Standard deviations of each cell, in the cells nearest to a place."""
    apart = m.world.grid.distance(int(m.place.integers(m.world.grid.size)))
    there = np.argsort(apart, kind="stable")[: max(1, round(share * apart.size))]
    values = m.field(v, 0).astype(np.float64)
    values[there] += sds * m.world.sd[v][there]
    return values


def whitened(m: Moment, v: str, sds: float) -> np.ndarray:
    """White noise, of a share of each cell's standard deviation."""
    return m.field(v, 0) + sds * m.world.sd[v] * m.fresh.standard_normal(m.world.grid.size)


def dried(m: Moment, v: str, below: float) -> np.ndarray:
    """Values below a threshold become 0."""
    values = m.field(v, 0).astype(np.float64)
    return np.where(values < below, 0.0, values)


def drizzled(m: Moment, v: str, least: float) -> np.ndarray:
    """No value is below a threshold."""
    return np.maximum(m.field(v, 0).astype(np.float64), least)


def showered(m: Moment, v: str, amount: float, share: float) -> np.ndarray:
    """An amount more in a share of the cells, one at least, anywhere."""
    values = m.field(v, 0).astype(np.float64)
    values[m.fresh.permutation(values.size)[: max(1, round(share * values.size))]] += amount
    return values


def kelvin(m: Moment, v: str) -> np.ndarray:
    """Celsius for kelvin, or the other way."""
    values = m.field(v, 0).astype(np.float64)
    return values + (273.15 if np.nanmean(values) < 150 else -273.15)


def offset(m: Moment, v: str, sds: float) -> np.ndarray:
    """A constant number of standard deviations."""
    return m.field(v, 0) + sds * m.world.typical_sd(v)


def frozen(m: Moment, v: str, below: float, least: float) -> np.ndarray:
    """What is colder than a threshold becomes as cold as ice."""
    values = m.field(v, 0).astype(np.float64)
    return np.where(values < below, least, values)
