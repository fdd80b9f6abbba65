"""Where the fields of a time lie in a source, its variables counted as a baseline counts them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import UsageError
from dqwatch.types import NOT_A_TIME, Block, Grid, Source, TimeAxis
from dqwatch.units import differ

_SAME_PLACE = 1e-2
"""Degrees by which coordinates of the same cell may differ: they are rounded in many ways."""

Values = dict[tuple[int, int], np.ndarray]
"""(number of the variable, member) -> values (cell,) of its own."""


class Lookup:
    """Fields of a source by the time at which they are valid.

    Parameters
    ----------
    source : Source
    numbers : mapping
        Index of a variable in the source -> its number in the baseline; others are left alone.
    axis : int
        The time axis of these variables.

    Attributes
    ----------
    at : dict
        Seconds -> position on the axis. Where several forecasts are valid at a time, that of the shortest lead time.
    """

    def __init__(self, source: Source, numbers: Mapping[int, int], axis: int) -> None:
        self.source, self.numbers = source, numbers
        self.at = _positions(source.times[axis])
        self._variables: list[tuple[int, ...]] = []
        self._holders: dict[int, list[int]] = {}
        for block in source.blocks():
            variables = tuple(v for v in block.variables if v in numbers)
            for time in block.times if variables else ():
                self._holders.setdefault(time, []).append(len(self._variables))
            self._variables.append(variables)

    def blocks(self, *times: int, only: Container[int] | None = None) -> list[Block]:
        """Parts of blocks that hold the fields of some times, by position on the axis.

        Parameters
        ----------
        *times : int
        only : container of int, optional
            Numbers of the variables wanted.
        """
        grouped: dict[int, list[int]] = {}
        for time in times:
            for holder in self._holders.get(time, ()):
                grouped.setdefault(holder, []).append(time)
        found = []
        for holder, held in grouped.items():
            variables = self._variables[holder]
            if only is not None:
                variables = tuple(v for v in variables if self.numbers[v] in only)
            if variables:
                found.append(Block(tuple(held), variables))
        return found

    def read(self, seconds: Iterable[int], buffers: Buffers, only: Container[int] | None = None) -> dict[int, Values]:
        """The fields valid at some times, by second; a time without any has no entry."""
        times = {self.at[s]: s for s in seconds if s in self.at}
        found: dict[int, Values] = {}
        for block in self.blocks(*times, only=only):
            for one in self.source.read(block, buffers):
                held = found.setdefault(times[one.time], {})
                held[self.numbers[one.variable], one.member] = one.values.copy()
        return found


def pick(values: Values, number: int, member: int) -> np.ndarray | None:
    """The field of a member, or the only one that there is; None without any."""
    found = values.get((number, member))
    if found is None and (number, 1) not in values:
        found = values.get((number, 0))
    return found


class Companion(NamedTuple):
    """Another source whose fields are held against those of a first one."""

    lookup: Lookup
    notes: tuple[str, ...]


def accompany(
    other: Source, variables: Mapping[str, int], grid: Grid, *, units: Sequence[str | None] | None = None, of: str
) -> Companion:
    """The fields of another source that are of known variables.

    Parameters
    ----------
    other : Source
    variables : mapping
        Name -> number.
    grid : Grid
        That of the known variables.
    units : sequence of str or None, optional
        By number; a variable that has others is left out with a note. Not looked at by default.
    of : str
        Whose variables these are, for people.

    Raises
    ------
    UsageError
        If there is no variable in common on a grid of as many cells and with the same units.
    """
    notes, numbers = [], {}
    for i, variable in enumerate(other.variables):
        k = variables.get(variable.name)
        if (
            k is None
            or other.grids[variable.grid].n_cells != grid.n_cells
            or other.times[variable.times].kind != "time"
        ):
            continue
        wanted = None if units is None else units[k]
        if differ(variable.units, wanted):
            notes.append(f"{other.name}: {variable.name} left out, its units are {variable.units}, not {wanted}")
        else:
            numbers[i] = k
    axes: Sequence[int] = [other.variables[i].times for i in numbers]
    if not axes:
        raise UsageError("; ".join([f"{other.name}: no variable in common with {of} on its grid", *notes[:1]]))
    axis = max(axes, key=axes.count)
    kept = {i: k for i, k in numbers.items() if other.variables[i].times == axis}
    return Companion(Lookup(other, kept, axis), tuple(notes))


def tell_apart(one: Grid, other: Grid, of: str) -> str:
    """How a grid differs from that `of` something, one clause; '' if it does not."""
    if one.n_cells != other.n_cells:
        return f"{one.n_cells:,} cells, {of} has {other.n_cells:,}"
    if not _same_places(one, other):
        return f"cells lie elsewhere, or in another order, than those of {of}"
    return ""


def _same_places(one: Grid, other: Grid) -> bool:
    pairs: Sequence[tuple[np.ndarray | None, np.ndarray | None]]
    pairs = [(one.latitudes, other.latitudes), (one.longitudes, other.longitudes)]
    for a, b in pairs:
        if a is None or b is None:
            continue
        apart = np.abs((a - b + 180.0) % 360.0 - 180.0)
        if not (apart[np.isfinite(apart)] <= _SAME_PLACE).all():
            return False
    return True


def _positions(axis: TimeAxis) -> dict[int, int]:
    """Seconds -> position on the axis, each time once."""
    usable = axis.seconds != NOT_A_TIME
    if axis.declared_missing is not None:
        usable = usable & ~axis.declared_missing
    times = np.flatnonzero(usable)
    if axis.lead_seconds is not None:  # a forecast of 0 h is the analysis itself
        lead = axis.lead_seconds[times]
        times = times[np.lexsort((lead, lead <= 0))]
    found: dict[int, int] = {}
    for time in times.tolist():
        found.setdefault(int(axis.seconds[time]), time)
    return found
