"""Isolated cells: rain that falls on one cell among dry ones, values that stand off all around them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dqwatch import units as units_of
from dqwatch.metrics.geometry import Geometry
from dqwatch.metrics.kernel_graph import list_graph_steps
from dqwatch.metrics.kernel_neighbours import (
    count_spikes_in_rows,
    count_spikes_on_graph,
    count_wet_in_rows,
    count_wet_on_graph,
)
from dqwatch.metrics.kernel_rows import list_row_steps

if TYPE_CHECKING:
    from dqwatch.metrics.view import FieldView

RAIN = ("tp", "cp", "lsp", "tprate", "cprate", "lsprate")
"""Quantities of which wet cells among dry ones are looked for."""
WET, DRY = 1.0, 0.1
"""Rain in 6 h (mm) of a wet cell, and below that of a dry one."""
SPIKE = 8.0
"""Robust standard deviations of the differences of neighbours by which a spike stands off: a proposal."""
_HOURS = 6.0
_UPPER_QUARTILE = 1.1503493803760079
"""Of |x|, x normal of standard deviation 1: Phi(1.1503..) = 7/8."""


class RainLimits(NamedTuple):
    """In the units of the data."""

    wet: float
    """A wet cell has so much or more."""
    dry: float
    """A dry cell has less."""


def rain_limits(units: str | None, hours: float | None, *, wet: float = WET, dry: float = DRY) -> RainLimits | None:
    """What counts as wet and dry.

    Parameters
    ----------
    units : str or None
        Of a depth of rain, a mass per area, or a rate of either.
    hours : float or None
        Period of an accumulation; 6 h where it is unknown. Rates need none.
    wet, dry : float, mm in 6 h

    Returns
    -------
    RainLimits or None
        None where the units are none of rain.
    """
    per_second = 1 / (_HOURS * 3600)
    period = (hours if hours and hours > 0 else _HOURS) / _HOURS
    for known, factor in (("mm", period), ("kg m-2", period), ("mm s-1", per_second), ("kg m-2 s-1", per_second)):
        convert = units_of.converter(known, units)
        if convert is not None:
            return RainLimits(convert(wet * factor), convert(dry * factor))
    return None


class Isolated(NamedTuple):
    """Cells that stand alone."""

    n: float
    """NaN where neighbours are unknown."""
    cell: int
    """The one that stands out most; -1 without any."""


NOWHERE = Isolated(math.nan, -1)


def find_isolated_rain(values: np.ndarray, geometry: Geometry, limits: RainLimits) -> Isolated:
    """Wet cells all of whose neighbours are dry ("rain pox"), and the wettest of them.

    Neighbours are the eight around a cell where the grid has rows (see `kernel_neighbours`), else the nearest cells.
    Neighbours that are not finite do not count; a cell without any finite neighbour is not isolated.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64
    geometry : Geometry
    limits : RainLimits, units of the values

    Returns
    -------
    Isolated
    """
    rows, graph = geometry.rows, geometry.graph
    wet, dry = (values.dtype.type(limit) for limit in limits)
    if graph is not None:
        found = count_wet_on_graph(values, graph.starts, graph.cells, wet, dry)
    elif rows is not None:
        found = count_wet_in_rows(values, rows.starts, rows.lengths, rows.closed, rows.first, rows.step, wet, dry)
    else:
        return NOWHERE
    return Isolated(float(found[0]), int(found[1]))


def find_isolated(view: FieldView) -> Isolated | None:
    """Isolated cells as suits the variable: of rain wet ones among dry, else those off all around them.

    Returns
    -------
    Isolated or None
        None for constants of nature and for skewed quantities other than rain, whose patches have sharp edges.
    """
    if view.entry is not None and view.variable.param in RAIN:
        limits = rain_limits(view.variable.units or view.entry.units, view.variable.period)
        return None if limits is None else find_isolated_rain(view.values, view.geometry, limits)
    if view.variable.kind == "constant":
        return None
    if view.entry is not None and (view.entry.histogram == "skewed" or view.entry.kind == "constant"):
        return None
    return find_spikes(view.values, view.geometry)


def list_isolated(view: FieldView, most: int) -> tuple[np.ndarray, int]:
    """The isolated cells of a field, those that stand out most first.

    Parameters
    ----------
    view : FieldView
        Its values are changed.
    most : int

    Returns
    -------
    cells : np.ndarray int64 (found,)
        At most so many.
    n : int
        How many there are.
    """
    cells: list[int] = []
    found = find_isolated(view)
    n = 0 if found is None or not found.n > 0 else int(found.n)
    while found is not None and found.cell >= 0 and len(cells) < min(n, most):
        cells.append(found.cell)
        view.values[found.cell] = np.nan  # a neighbour that is not finite does not count
        found = find_isolated(view)
    return np.array(cells, np.int64), n


def find_spikes(values: np.ndarray, geometry: Geometry, *, strength: float = SPIKE) -> Isolated:
    """Cells above all their neighbours, or below them all, by more than `strength` times `step_scale`.

    Neighbours as for `find_isolated_rain`.

    Parameters
    ----------
    values : np.ndarray (cell,), float32 or float64, of a smooth variable
    geometry : Geometry
    strength : float

    Returns
    -------
    Isolated
        NaN also where a quarter of the field has no differences: not smooth.
    """
    threshold = strength * step_scale(values, geometry)
    rows, graph = geometry.rows, geometry.graph
    if not threshold > 0:
        return NOWHERE
    if graph is not None:
        found = count_spikes_on_graph(values, graph.starts, graph.cells, threshold)
    elif rows is not None:
        places = (rows.starts, rows.lengths, rows.closed, rows.first, rows.step)
        found = count_spikes_in_rows(values, *places, threshold)
    else:
        return NOWHERE
    return Isolated(float(found[0]), int(found[1]))


def step_scale(values: np.ndarray, geometry: Geometry) -> float:
    """Robust standard deviation of the differences of neighbours: the upper quartile of their size over 1.150.

    The quartile is an element: of n finite differences in ascending order the one at (3 (n - 1)) // 4, taken to
    float32. Pairs are those of a row (not around the globe), or all neighbours where there are no rows.

    Returns
    -------
    float
        NaN where there is no pair, or the quartile is 0.
    """
    rows, graph = geometry.rows, geometry.graph
    if rows is not None:
        steps = np.empty(values.size, np.float32)
        list_row_steps(values, rows.starts, rows.lengths, steps)
    elif graph is not None:
        steps = np.empty(graph.cells.size // 2, np.float32)
        list_graph_steps(values, *graph, steps)
    else:
        return math.nan
    n = int(np.count_nonzero(np.isfinite(steps)))
    if n == 0:
        return math.nan
    place = (3 * (n - 1)) // 4
    steps.partition(place)  # what is not finite comes last
    return float(steps[place]) / _UPPER_QUARTILE or math.nan
