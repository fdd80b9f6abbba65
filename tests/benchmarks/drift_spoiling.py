"""How fields are spoilt: each way is a function of a moment and a variable (the list is in drift_faults.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from examples.faults import DRY, WET
from examples.land import Land
from examples.sphere import Grid, octahedral_grid
from examples.weather import VARIABLES


@dataclass(frozen=True, eq=False)
class World:
    """What does not change: the grid, the land, and how much each variable varies.

    sd : variable -> float32 (cell,), standard deviation in training without season and hour of the day
    """

    grid: Grid
    land: Land
    sd: dict[str, np.ndarray]

    @cached_property
    def near(self) -> np.ndarray:
        """The 8 nearest cells of each, int64 (cell, 8)."""
        return self.grid.neighbours(8)

    @cached_property
    def vectors(self) -> np.ndarray:
        """Unit vectors to the cells, float64 (cell, 3)."""
        return self.grid.vectors

    def typical_sd(self, name: str) -> float:
        """One standard deviation for a variable, its mean square over the area; soil has one on land only."""
        there = self.sd[name] > 0
        weights = self.grid.area_weights * there
        return float(np.sqrt((weights * self.sd[name].astype(np.float64) ** 2).sum() / weights.sum()))

    def rows(self, values: np.ndarray) -> list[np.ndarray]:
        """The rows of a field from north to south."""
        return np.split(values, np.cumsum(self.grid.rows)[:-1])


class Moment(NamedTuple):
    """A time at which a field is spoilt."""

    world: World
    field: Callable[[str, int], np.ndarray]
    """(variable, hours before) -> the clean field, float32 (cell,)."""
    year: float
    """Of the year that has passed."""
    place: np.random.Generator
    """The same at both steps: where a fault is."""
    fresh: np.random.Generator
    """Another at each step."""


class Fault(NamedTuple):
    """One fault of one size, in one variable or several."""

    family: str
    where: str
    """The variables, in short."""
    size: str
    variables: tuple[str, ...]
    spoil: Callable[[Moment, str], np.ndarray]
    packed: bool = True
    """Whether the store rounds what was spoilt as it rounds all else."""
    held: bool = False
    """Whether a fault that lasts repeats the very field."""

    @property
    def name(self) -> str:
        """`offset t_850 .5 sd`."""
        return f"{self.family} {self.where} {self.size}"


def spoil(fault: Fault, moment: Moment) -> dict[str, np.ndarray]:
    """The spoilt fields of a moment, float32 (cell,)."""
    found = {}
    for name in fault.variables:
        values = np.asarray(fault.spoil(moment, name), np.float64)
        step = VARIABLES[name].step
        found[name] = (np.rint(values / step) * step if fault.packed else values).astype(np.float32)
    return found


# Each takes a moment and a variable, and gives its spoilt values (cell,).


def times(m: Moment, v: str, factor: float = 1.0, plus: float = 0.0) -> np.ndarray:
    """Units, factors, signs."""
    return m.field(v, 0).astype(np.float64) * factor + plus


def offset(m: Moment, v: str, sds: float, where: str = "all") -> np.ndarray:
    """A constant number of standard deviations, everywhere or on land; soil has values on land only."""
    sd = m.world.typical_sd(v)
    there = m.world.land.is_land if where == "land" else m.world.sd[v] > 0
    return m.field(v, 0) + sds * sd * there


def ramp(m: Moment, v: str, yearly: float) -> np.ndarray:
    """What has grown since the year began, units of the variable a year."""
    return m.field(v, 0) + yearly * m.year * (m.world.sd[v] > 0)


def local(m: Moment, v: str, sds: float, radius: float) -> np.ndarray:
    """Standard deviations of each cell within some degrees of a place, on land for what soil holds."""
    world = m.world
    centres = np.flatnonzero(world.land.is_land & (np.abs(world.grid.latitudes) < 60))
    disc = world.grid.distance(int(m.place.choice(centres))) <= radius
    return m.field(v, 0) + sds * world.sd[v] * disc


def shifted(m: Moment, v: str, cells: float) -> np.ndarray:
    """Moved eastward along every row, by its waves where by parts of a cell."""
    found = []
    for row in m.world.rows(m.field(v, 0).astype(np.float64)):
        if float(cells).is_integer():
            found.append(np.roll(row, int(cells)))
        else:
            turn = np.exp(-2j * np.pi * np.arange(row.size // 2 + 1) * cells / row.size)
            found.append(np.fft.irfft(np.fft.rfft(row) * turn, row.size))
    return np.concatenate(found)


def flipped(m: Moment, v: str) -> np.ndarray:
    """South for north."""
    return np.concatenate(m.world.rows(m.field(v, 0))[::-1])


def rolled(m: Moment, v: str) -> np.ndarray:
    """By 180 degrees of longitude."""
    return np.concatenate([np.roll(row, row.size // 2) for row in m.world.rows(m.field(v, 0))])


def blended(m: Moment, v: str, other: str, share: float) -> np.ndarray:
    """A share of the way to another variable."""
    return m.field(v, 0) + share * (m.field(other, 0) - m.field(v, 0))


def swapped(m: Moment, v: str, pair: tuple[str, str]) -> np.ndarray:
    """One for the other."""
    return m.field(pair[1 - pair.index(v)], 0)


def holed(m: Moment, v: str, share: float) -> np.ndarray:
    """NaN in the cells nearest to a place."""
    values = m.field(v, 0).astype(np.float64)
    apart = m.world.grid.distance(int(m.place.integers(values.size)))
    values[np.argsort(apart)[: max(1, round(share * values.size))]] = np.nan
    return values


def smoothed(m: Moment, v: str, strength: float) -> np.ndarray:
    """A share of the way to the mean of the neighbours, several times if above 1; soil stays on land."""
    values, there = m.field(v, 0).astype(np.float64), m.world.sd[v] > 0
    near = m.world.near
    for _ in range(int(np.ceil(strength))):
        around = (values[near] * there[near]).sum(axis=1) / np.maximum(there[near].sum(axis=1), 1)
        values = np.where(there & there[near].any(axis=1), values + min(strength, 1.0) * (around - values), values)
    return values


def regridded(m: Moment, v: str, number: int, points: int) -> np.ndarray:
    """To a coarser grid and back, by the nearest cell or by inverse distances to several."""
    coarse = octahedral_grid(number).vectors
    fine = m.world.vectors
    on_coarse = _interpolate(m.field(v, 0).astype(np.float64), fine, coarse, points)
    return _interpolate(on_coarse, coarse, fine, points)


def _interpolate(values: np.ndarray, of: np.ndarray, at: np.ndarray, points: int) -> np.ndarray:
    apart, index = cKDTree(of).query(at, points)
    if points == 1:
        return values[index]
    weights = 1 / np.maximum(apart, 1e-6)
    return (weights * values[index]).sum(axis=1) / weights.sum(axis=1)


def repacked(m: Moment, v: str, bits: int) -> np.ndarray:
    """As GRIB packs: so many levels between the extremes."""
    values = m.field(v, 0).astype(np.float64)
    low, high = values.min(), values.max()
    quantum = (high - low) / (2**bits - 1)
    return low + np.rint((values - low) / quantum) * quantum


def earlier(m: Moment, v: str, hours: int) -> np.ndarray:
    """The field of some hours before."""
    return m.field(v, hours)


def partly_earlier(m: Moment, v: str, share: float) -> np.ndarray:
    """The cells nearest to a place as they were a day before: tiles that were not updated."""
    apart = m.world.grid.distance(int(m.place.integers(m.world.grid.size)))
    return np.where(apart <= np.quantile(apart, share), m.field(v, 24), m.field(v, 0))


def flattened(m: Moment, v: str) -> np.ndarray:
    """One value everywhere."""
    return np.full(m.world.grid.size, m.field(v, 0).mean())


def poxed(m: Moment, v: str, share: float) -> np.ndarray:
    """8 mm of rain in dry cells among dry ones."""
    rain = m.field(v, 0).astype(np.float64)
    dry = np.flatnonzero((rain < DRY) & (rain[m.world.near] < DRY).all(axis=1))
    rain[m.fresh.permutation(dry)[: max(1, round(share * rain.size))]] += 8 * WET
    return rain


def mask_moved(m: Moment, v: str, share: float, *, outward: bool) -> np.ndarray:
    """Soil in a share of the sea cells at the coast, or none in as much of the land there."""
    values, land = m.field(v, 0).astype(np.float64), m.world.land.is_land
    near = m.world.near
    coast = np.flatnonzero((~land & land[near].any(axis=1)) if outward else (land & ~land[near].all(axis=1)))
    cells = m.place.permutation(coast)[: max(1, round(share * coast.size))]
    around = (values[near] * land[near]).sum(axis=1) / np.maximum(land[near].sum(axis=1), 1)
    values[cells] = around[cells] if outward else 0.0
    return values


def noisy(m: Moment, v: str, sds: float) -> np.ndarray:
    """White noise, of a share of each cell's standard deviation; rain stays positive."""
    values = m.field(v, 0) + sds * m.world.sd[v] * m.fresh.standard_normal(m.world.grid.size)
    return np.maximum(values, 0.0) if v in {"tp", "cp", "q_850", "swvl1", "swvl2"} else values


def spiked(m: Moment, v: str, sds: float) -> np.ndarray:
    """One cell off by so many of its standard deviations."""
    values = m.field(v, 0).astype(np.float64)
    cell = int(m.fresh.choice(np.flatnonzero(m.world.sd[v] > 0)))
    values[cell] += sds * m.world.sd[v][cell]
    return values


def clipped(m: Moment, v: str, share: float) -> np.ndarray:
    """The largest share of values cut off."""
    values = m.field(v, 0)
    return np.minimum(values, np.quantile(values, 1 - share))


def longer(m: Moment, v: str) -> np.ndarray:
    """Rain of 12 hours in place of 6."""
    return m.field(v, 0) + m.field(v, 6)
