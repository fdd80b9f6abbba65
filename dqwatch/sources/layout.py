"""How each CF variable lies in its array: which dimensions are cells, times, levels and members."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dqwatch.sources.axes import Moments, bounds_hours, find_moments, make_axis
from dqwatch.sources.coordinates import Collection, declared_role
from dqwatch.sources.decoding import Decoder, NoFieldsError, make_decoder
from dqwatch.sources.horizontal import Cells, Grids, find_cells
from dqwatch.sources.left_out import LeftOut
from dqwatch.sources.levels import Levels, make_levels
from dqwatch.sources.raw import RawArray
from dqwatch.types import Grid, TimeAxis

MOST_STEPS = 4096
"""A variable with more levels than this is none of fields."""


class Step(NamedTuple):
    """One level of a variable."""

    at: tuple[int, ...]
    """Along each level dimension."""
    level: float | None
    level_type: str | None
    level_units: str | None
    suffix: str
    """What further dimensions add to the name: `_expver1`; '' if there are none."""
    is_dimension: bool


@dataclass(frozen=True, eq=False)
class Layout:
    """A variable and what its dimensions are; positions are into `array.dims`."""

    array: RawArray
    decoder: Decoder
    cells: tuple[int, ...]
    times: tuple[int, ...]
    levels: tuple[int, ...]
    members: tuple[int, ...]
    steps: tuple[Step, ...]
    grid: int
    axis: int
    axis_shape: tuple[int, ...]
    """Lengths of the time dimensions by the axis; those of an array still being written may be shorter."""
    height: float | None
    """Of a scalar height coordinate, m."""
    period: float | None
    """Hours between the bounds of each time."""

    def lengths(self, positions: Sequence[int]) -> tuple[int, ...]:
        """Lengths of some dimensions."""
        return tuple(self.array.shape[p] for p in positions)

    @property
    def n_members(self) -> int:
        """Members per field."""
        return math.prod(self.lengths(self.members))


@dataclass
class Plan:
    """All that a reader of a collection needs."""

    layouts: list[Layout] = field(default_factory=list)
    axes: list[TimeAxis] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    """Data that cannot be made fields of; what is no data (text, single values) has a note only."""


def make_plan(collection: Collection) -> Plan:
    """The layouts of all data variables of a collection, their axes and grids, and notes on what is left out."""
    plan, left_out = Plan(), dict[str, list[str]]()
    candidates = [a for a in collection.arrays.values() if _is_data(collection, a, left_out)]
    cells = {a.name: find_cells(collection, a) for a in candidates}
    gridded = [a for a in candidates if cells[a.name] is not None]
    gridded = gridded or [a for a in candidates if _rest(collection, a)] or [a for a in candidates if a.shape]
    chosen = {a.name for a in gridded}
    for array in candidates:
        if array.name not in chosen:
            left_out.setdefault("no horizontal dimensions" if array.shape else "single values", []).append(array.name)
    _Planner(collection, plan).add(gridded, cells, left_out)
    plan.notes += [f"left out: {', '.join(sorted(names))} ({why})" for why, names in left_out.items()]
    plan.left_out += [LeftOut(name, why) for why in _BROKEN for name in left_out.get(why, ())]
    return plan


_EMPTY, _TWICE = "empty", "one dimension twice"
_BROKEN = (_EMPTY, _TWICE)
"""What keeps data that should be fields from being ones; further reasons are those of NoFieldsError."""


def _is_data(collection: Collection, array: RawArray, left_out: dict[str, list[str]]) -> bool:
    """Whether an array holds data; those that are neither data nor in use are noted."""
    name = array.name
    if name in collection.bounds or name in collection.supports:
        return False
    role = collection.role(name)
    why = ""
    if name in collection.measures:
        why = "" if array.dtype.kind in "iuf" else "cell measure, no numbers"
    elif role == "auxiliary" and array.dims != (name,):
        why = "auxiliary coordinates"
    elif role is None and array.dtype.kind not in "biuf":
        why = "times" if array.dtype.kind in "Mm" else "text or no numbers"
    elif role is None and declared_role(array) == "time":
        why = "times"
    elif role is None and 0 in array.shape:
        why = _EMPTY
    elif role is None and len(set(array.dims)) < len(array.dims):
        why = _TWICE
    if why:
        left_out.setdefault(why, []).append(name)
    return not why and role is None and name not in collection.measures


def _rest(collection: Collection, array: RawArray) -> tuple[str, ...]:
    """Dimensions that are neither time, level nor member: cells without places."""
    known = ("time", "reference", "lead", "vertical", "member", "index")
    moving = {d for c in collection.coordinates(array) if collection.role(c.name) in known for d in c.dims}
    return tuple(d for d in array.dims if collection.dim_role(d) not in known and d not in moving)


class _Planner:
    """Makes layouts that share axes and grids."""

    def __init__(self, collection: Collection, plan: Plan) -> None:
        self.collection = collection
        self.plan = plan
        self.grids = Grids(collection)
        self.axes: dict[tuple[Any, ...], int] = {}

    def add(
        self, arrays: Sequence[RawArray], cells: Mapping[str, Cells | None], left_out: dict[str, list[str]]
    ) -> None:
        for array in arrays:
            try:
                self.plan.layouts.append(self.layout(array, cells[array.name]))
            except NoFieldsError as error:
                left_out.setdefault(str(error), []).append(array.name)
                self.plan.left_out.append(LeftOut(array.name, str(error)))
        self.plan.grids = self.grids.made
        self.plan.notes += self.grids.notes

    def layout(self, array: RawArray, cells: Cells | None) -> Layout:
        decoder = make_decoder(array.dtype, array.attrs)
        if decoder.remark:
            self.plan.notes.append(f"{array.name}: {decoder.remark}")
        cells = cells or self.unplaced(array)
        free = [d for d in array.dims if d not in cells.dims]
        moments = find_moments(self.collection, array, free)
        others = [d for d in free if d not in moments.dims]
        members = [d for d in others if self.collection.dim_role(d) == "member"]
        levels = [d for d in others if d not in members]
        steps, height = self.steps(array, levels)
        axis, axis_shape = self.axis(array, moments)
        return Layout(
            array=array,
            decoder=decoder,
            cells=tuple(array.dims.index(d) for d in cells.dims),
            times=tuple(array.dims.index(d) for d in moments.dims),
            levels=tuple(array.dims.index(d) for d in levels),
            members=tuple(array.dims.index(d) for d in members),
            steps=steps,
            grid=self.grids.index(cells, array),
            axis=axis,
            axis_shape=axis_shape,
            height=height,
            period=bounds_hours(self.collection, moments),
        )

    def unplaced(self, array: RawArray) -> Cells:
        """Cells of an array without horizontal coordinates: what is no other dimension, or a single cell."""
        dims = _rest(self.collection, array)[-2:]
        shape = tuple(array.shape[array.dims.index(d)] for d in dims) or (1,)
        kind = "unknown" if dims else "profile"
        why = "none: there are no latitudes and longitudes" if dims else "none: there are no horizontal dimensions"
        name = ", ".join(dims) or "single place"
        return Cells(dims, (kind, dims, shape), lambda: Grid(kind, shape, None, None, None, why, name))

    def axis(self, array: RawArray, moments: Moments) -> tuple[int, tuple[int, ...]]:
        """The position of the axis of an array, and its lengths along the time dimensions."""
        lengths = dict(zip(array.dims, array.shape, strict=True))
        for coordinate in (moments.lead, moments.reference, moments.valid):
            if coordinate is not None:  # the array itself may be unfinished
                lengths.update(zip(coordinate.dims, coordinate.shape, strict=True))
        shape = tuple(lengths[d] for d in moments.dims)
        key = (*moments.key, *shape)
        if key not in self.axes:
            self.plan.axes.append(make_axis(self.collection, moments, lengths, array.attrs))
            self.axes[key] = len(self.plan.axes) - 1
        return self.axes[key], shape

    def steps(self, array: RawArray, dims: Sequence[str]) -> tuple[tuple[Step, ...], float | None]:
        """The levels of a variable: one for each combination along its level dimensions."""
        lengths = [array.shape[array.dims.index(d)] for d in dims]
        if math.prod(lengths) > MOST_STEPS:
            raise NoFieldsError(f"{math.prod(lengths)} combinations of {', '.join(dims)}, more than {MOST_STEPS}")
        vertical = [d for d in dims if self.collection.dim_role(d) == "vertical"][:1]
        vertical = vertical or [d for d in dims if self.vertical_on(array, d) is not None][:1]
        levels = self.levels_on(array, vertical[0], lengths[dims.index(vertical[0])]) if vertical else None
        scalar = None if vertical else self.scalar_level(array)
        steps = []
        for at in np.ndindex(*lengths):
            suffix = "".join(
                f"_{d.rsplit('/', 1)[-1]}{self.position(d, i)}"
                for d, i in zip(dims, at, strict=True)
                if d not in vertical
            )
            if levels is not None:
                value = float(levels.values[at[dims.index(vertical[0])]])
                steps.append(Step(at, value, levels.type, levels.units, suffix, True))
            elif scalar is not None:
                steps.append(Step(at, float(scalar.values[0]), scalar.type, scalar.units, suffix, False))
            else:
                steps.append(Step(at, None, None, None, suffix, False))
        height = float(scalar.values[0]) if scalar is not None and scalar.type == "hl" else None
        return tuple(steps), height

    def vertical_on(self, array: RawArray, dim: str) -> RawArray | None:
        """The vertical coordinate along a dimension, its own before others."""
        found = [
            c
            for c in self.collection.coordinates(array)
            if c.dims == (dim,) and self.collection.role(c.name) == "vertical" and c.dtype.kind in "iuf"
        ]
        return next((c for c in found if c.name == dim), found[0] if found else None)

    def levels_on(self, array: RawArray, dim: str, length: int) -> Levels:
        coordinate = self.vertical_on(array, dim)
        if coordinate is None:
            return Levels(dim.rsplit("/", 1)[-1], np.arange(1.0, length + 1), None)
        return self.noted(self.levels(array, coordinate))

    def scalar_level(self, array: RawArray) -> Levels | None:
        for c in self.collection.coordinates(array):
            if not c.shape and self.collection.role(c.name) == "vertical" and c.dtype.kind in "iuf":
                levels = self.levels(array, c)
                if np.isfinite(levels.values).all():
                    return levels
        return None

    def levels(self, array: RawArray, coordinate: RawArray) -> Levels:
        hint = " ".join(str(array.attrs.get(k, "")) for k in ("standard_name", "long_name"))
        return make_levels(
            coordinate.name, coordinate.attrs, np.atleast_1d(self.collection.values(coordinate)), f"{array.name} {hint}"
        )

    def noted(self, levels: Levels) -> Levels:
        if levels.remark and levels.remark not in self.plan.notes:
            self.plan.notes.append(levels.remark)
        return levels

    def position(self, dim: str, index: int) -> str:
        """The value of a further dimension as it stands in names."""
        array = self.collection.along(dim)
        if array is not None and array.dtype.kind in "iu":
            return str(int(self.collection.values(array)[index]))
        return str(index)
