"""Fields as maps of boxes, small enough for a page: those that something is wrong with are read once more for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.catalogue import Limits, load_catalogue
from dqwatch.metrics.isolation import list_isolated
from dqwatch.metrics.known import Knowledge, know, rounded
from dqwatch.metrics.tiles import Tiles
from dqwatch.metrics.view import FieldView
from dqwatch.types import Block, FieldMap, Finding, Grid, Source

_MOST_ROWS, _MOST_COLUMNS = 180, 360
_FINEST = 0.05
"""Degrees; a box is never smaller."""
_ROOM = 1.25
"""Widths of a cell that a box is wide, where cells are larger than boxes need be."""
_MOST_MARKS = 300
_MOST_HOLES = 0.05
"""Share of cells without a value from which on they are not marked: land under a sea, or a hole that is seen anyhow."""
_MOST_MAPS = 10
"""As many as a layout may ask for."""
_REACH = 3
"""Boxes, on the equator, over which a box without cells takes the value of its neighbour in the row."""
_BAD = {"n_nan": "missing", "n_nan_unexpected": "missing", "n_inf": "infinite", "n_out_of_bounds": "impossible"}
_BAD |= {"n_unusual": "unusual", "isolated_share": "isolated", "isolated_excess": "isolated"}

Wish = tuple[str, str, int, str]
"""Variable, label of the time, member, and the column of `fields` that is wrong."""


def map_findings(source: Source, results: Sequence[Finding]) -> tuple[FieldMap, ...]:
    """Maps of the first fields that findings name, the worst first; nothing is read where none does.

    Parameters
    ----------
    source : Source
    results : sequence of Finding
        The worst first.
    """
    return map_fields(source, list_fields(results)[:_MOST_MAPS])


def list_fields(results: Sequence[Finding]) -> list[Wish]:
    """The fields that findings name, each once, with the column that the first of them is about.

    Of every finding its first field, in their order; then their further failures.
    """
    wishes: dict[tuple[str, str, int], str] = {}
    named = [f for f in results if f.status == "fail" and f.table == "fields" and f.variable and f.time is not None]
    for finding in named:
        member = next((int(row.get("member") or 0) for row in finding.first_failures), 0)
        wishes.setdefault((str(finding.variable), str(finding.time), member), finding.column or "")
    for finding in named:
        for row in finding.first_failures:
            if row.get("time"):
                field = str(finding.variable), str(row["time"]), int(row.get("member") or 0)
                wishes.setdefault(field, finding.column or "")
    return [(*key, column) for key, column in wishes.items()]


def map_fields(source: Source, wishes: Sequence[Wish]) -> tuple[FieldMap, ...]:
    """Maps of some fields of a source.

    Parameters
    ----------
    source : Source
    wishes : sequence of (variable, time, member, column)

    Returns
    -------
    tuple of FieldMap
        In the order of the wishes; without those whose field is not there, or whose grid has no coordinates.
    """
    if not wishes:
        return ()
    knowledge = know(source, load_catalogue())
    made: dict[Wish, FieldMap] = {}
    for block, wanted in _find_blocks(source, wishes).items():
        for field in source.read(block, Buffers()):
            for wish in wanted.get((field.variable, field.member), ()):
                i, (_, time, _, column) = field.variable, wish
                bad = _BAD.get(column, "")
                cells, n = _find_bad(source, i, field.values, bad, knowledge[i])
                made[wish] = _map(source, i, time, field.values, bad, cells, n)
    return tuple(made[wish] for wish in wishes if wish in made)


def _find_blocks(source: Source, wishes: Sequence[Wish]) -> dict[Block, dict[tuple[int, int], list[Wish]]]:
    """What to read, the fields of a time together -> variable and member -> the wishes for that field."""
    left: dict[tuple[int, str], list[Wish]] = {}
    names = {variable.name: i for i, variable in enumerate(source.variables)}
    for wish in wishes:
        i = names.get(wish[0])
        if i is not None and source.grids[source.variables[i].grid].latitudes is not None:
            left.setdefault((i, wish[1]), []).append(wish)
    found: dict[Block, dict[tuple[int, int], list[Wish]]] = {}
    for block in source.blocks():
        if not left:
            break
        of_block = [i for i in block.variables if any(i == k for k, _ in left)]
        for time in block.times if of_block else ():
            label = source.times[source.variables[of_block[0]].times].labels[time]
            here = tuple(i for i in of_block if (i, label) in left)
            if here:
                wanted = found.setdefault(Block((time,), here), {})
                for wish in (w for i in here for w in left.pop((i, label))):
                    wanted.setdefault((names[wish[0]], wish[2]), []).append(wish)
    return found


def _find_bad(source: Source, i: int, values: np.ndarray, bad: str, known: Knowledge) -> tuple[np.ndarray, int]:
    """The cells to be marked, and how many there are."""
    if bad != "isolated":
        cells = np.flatnonzero(_spoilt(values, bad, known.limits))
        few = cells if bad != "missing" or cells.size <= _MOST_HOLES * values.size else cells[:0]
        return few[np.linspace(0, few.size - 1, min(few.size, _MOST_MARKS)).astype(np.int64)], cells.size
    variable = source.variables[i]
    view = FieldView(Tiles(source))
    view.show(values.copy(), variable, source.grids[variable.grid], 0)
    view.entry = known.entry
    return list_isolated(view, _MOST_MARKS)


def _spoilt(values: np.ndarray, bad: str, limits: Limits) -> np.ndarray:
    """The cells that a finding is about, bool; none where it is not about cells."""
    lo, hi, usual_lo, usual_hi = rounded(limits, values.dtype)
    with np.errstate(invalid="ignore"):
        if bad == "missing":
            return np.isnan(values)
        if bad == "infinite":
            return np.isinf(values)
        if bad == "impossible":
            return np.isfinite(values) & ((values < lo) | (values > hi))
        if bad == "unusual":
            return np.isfinite(values) & ((values < usual_lo) | (values > usual_hi))
    return np.zeros(values.shape, bool)


def _map(source: Source, i: int, time: str, values: np.ndarray, bad: str, shown: np.ndarray, n: int) -> FieldMap:
    variable, grid = source.variables[i], source.grids[source.variables[i].grid]
    latitudes, longitudes = grid.latitudes, centred(grid)
    assert latitudes is not None  # noqa: S101 (whoever calls has looked)
    lat, lon, drawn = draw_boxes(latitudes, longitudes, values)
    return FieldMap(
        variable=variable.name,
        time=time,
        units=variable.units or "",
        latitudes=lat,
        longitudes=lon,
        values=drawn,
        bad=bad,
        n_bad=n,
        bad_latitudes=latitudes[shown],
        bad_longitudes=longitudes[shown],
    )


def centred(grid: Grid) -> np.ndarray:
    """Longitudes of the cells from -180 to 180; of a region across the date line, from 0 to 360."""
    east = np.asarray(grid.longitudes, np.float64) % 360.0
    west = (east + 180.0) % 360.0 - 180.0
    return east if np.ptp(east) < np.ptp(west) - 1.0 else west


def draw_boxes(lat: np.ndarray, lon: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over boxes of latitude and longitude, about as large as the cells are, or larger.

    Parameters
    ----------
    lat, lon, values : np.ndarray (cell,)
        Degrees, and the field.

    Returns
    -------
    latitudes, longitudes : np.ndarray (row,), (column,)
        Centres of the boxes, ascending.
    np.ndarray (row, column)
        NaN where no value is, or no cell.
    """
    known = np.isfinite(lat) & np.isfinite(lon)
    lat, lon, values = lat[known], lon[known], values[known].astype(np.float64)
    if not lat.size:
        return np.empty(0), np.empty(0), np.empty((0, 0))
    height, width = max(np.ptp(lat), _FINEST), max(np.ptp(lon), _FINEST)
    side = max(_ROOM * np.sqrt(height * width / lat.size), height / _MOST_ROWS, width / _MOST_COLUMNS, _FINEST)
    n_rows, n_columns = int(np.ceil(height / side)) + 1, int(np.ceil(width / side)) + 1
    south, west = lat.min() - side / 2, lon.min() - side / 2
    box = ((lat - south) / side).astype(np.int64) * n_columns + ((lon - west) / side).astype(np.int64)
    finite = np.isfinite(values)
    cells = np.bincount(box, minlength=n_rows * n_columns)
    counts = np.bincount(box[finite], minlength=n_rows * n_columns)
    sums = np.bincount(box[finite], values[finite], minlength=n_rows * n_columns)
    drawn = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0).reshape(n_rows, n_columns)
    rows, columns = south + side * (np.arange(n_rows) + 0.5), west + side * (np.arange(n_columns) + 0.5)
    return rows, columns, _fill(drawn, cells.reshape(n_rows, n_columns) > 0, rows)


def _fill(drawn: np.ndarray, known: np.ndarray, latitudes: np.ndarray) -> np.ndarray:
    """Boxes between cells of their row take the value of the nearer of them; those farther away stay empty."""
    filled = drawn.copy()
    for row, latitude in enumerate(latitudes):
        here = np.flatnonzero(known[row])
        if not here.size:
            continue
        empty = np.flatnonzero(~known[row])
        after = np.searchsorted(here, empty)
        left, right = here[np.maximum(after - 1, 0)], here[np.minimum(after, here.size - 1)]
        nearer = np.where(abs(empty - left) <= abs(right - empty), left, right)
        reach = _REACH / max(np.cos(np.radians(latitude)), 0.05)
        close = abs(nearer - empty) <= reach
        filled[row, empty[close]] = drawn[row, nearer[close]]
    return filled
