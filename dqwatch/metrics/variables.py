"""The table `variables`: one row for each variable, over all its fields."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch import tables
from dqwatch.metrics.coherence import coherence
from dqwatch.metrics.field_table import Seen
from dqwatch.metrics.known import Knowledge
from dqwatch.metrics.masks import Mask
from dqwatch.types import Grid, Source, Variable

if TYPE_CHECKING:
    import pandas as pd


class Moments(NamedTuple):
    """Of all finite values of several fields; NaN if there are none."""

    n: int
    min: float
    max: float
    mean: float
    std: float


def merge(n: np.ndarray, least: np.ndarray, most: np.ndarray, means: np.ndarray, stds: np.ndarray) -> Moments:
    """Moments of all from those of parts, in exact sums: the same for any order of the parts.

    Parameters
    ----------
    n : (part,) int64
        Finite values.
    least, most, means, stds : (part,) float64
    """
    filled = n > 0
    total = int(n.sum())
    if total == 0:
        return Moments(0, math.nan, math.nan, math.nan, math.nan)
    shares, means, stds = n[filled] / total, means[filled], stds[filled]
    low, high = float(least[filled].min()), float(most[filled].max())
    mean = min(max(math.fsum(shares * means), low), high)
    with np.errstate(over="ignore"):
        scale = float(max(stds.max(), np.abs(means - mean).max()))
    if scale == 0.0 or not math.isfinite(scale):
        return Moments(total, low, high, mean, scale)
    squares = (stds / scale) ** 2 + ((means - mean) / scale) ** 2
    return Moments(total, low, high, mean, scale * math.sqrt(math.fsum(shares * squares)))


def variables_table(
    source: Source,
    knowledge: Sequence[Knowledge],
    seen: Seen,
    masks: Sequence[Mask],
    more: Mapping[str, Sequence[Any]] | None = None,
) -> pd.DataFrame:
    """The table `variables`.

    Parameters
    ----------
    source : Source
    knowledge : sequence of Knowledge, one per variable
    seen : Seen
    masks : sequence of Mask, one per variable
    more : mapping of column to sequence, optional
        Optional columns, a value for each variable.
    """
    level_units: dict[str, set[str]] = defaultdict(set)
    for variable in source.variables:
        if variable.level_units:
            level_units[variable.param].add(variable.level_units)
    columns: dict[str, list[Any]] = {column.name: [] for column in tables.TABLES["variables"]}
    fitting, worlds = coherence(source, seen), [_is_global(grid) for grid in source.grids]
    for v, variable in enumerate(source.variables):
        row = {
            "variable": variable.name,
            "param": variable.param,
            "source_name": variable.source_name,
            "level": math.nan if variable.level is None else variable.level,
            "level_units_agree": len(level_units[variable.param]) <= 1,
            **_counted(source, variable, seen, v),
            **_judged(variable, knowledge[v], seen, v, world=worlds[variable.grid]),
            **fitting[v],
            "mask_constant": masks[v].constant,
            "nan_allowed": masks[v].allowed,
        }
        if row["repeats"]:
            row["n_absent"] = 0  # what repeats some fields of another does not promise them all
        for name, value in row.items():
            columns[name].append(value)
    return tables.frame("variables", {**columns, **(more or {})})


def _moments(seen: Seen, v: int) -> Moments:
    own = seen.of(v)
    finite = seen.ints["n"][own] - seen.ints["n_nan"][own] - seen.ints["n_inf"][own]
    return merge(finite, *(seen.floats[name][own] for name in ("min", "max", "mean", "std")))


def _counted(source: Source, variable: Variable, seen: Seen, v: int) -> dict[str, Any]:
    own, scanned = seen.of(v), seen.of(v, declared=True)
    moments = _moments(seen, v)
    hashes = seen.hashes["data_hash"][own]
    return {
        "n_fields": len(scanned),
        "n_absent": source.times[variable.times].n_sampled * variable.members - len(scanned),
        "n_values": moments.n,
        "n_nan": int(seen.ints["n_nan"][own].sum()),
        "min": moments.min,
        "max": moments.max,
        "mean": moments.mean,
        "std": moments.std,
        "constant_in_time": len(own) > 1 and bool((hashes == hashes[0]).all()),
    }


def _judged(variable: Variable, known: Knowledge, seen: Seen, v: int, *, world: bool) -> dict[str, Any]:
    """Units, and whether the values have the size that they promise."""
    entry = known.entry
    suspected = None
    if entry is not None:
        moments = _moments(seen, v)
        weighted = seen.floats["wmean"][seen.of(v)]
        weighted = weighted[np.isfinite(weighted)]
        mean = math.fsum(weighted / len(weighted)) if world and len(weighted) else moments.mean
        suspected = entry.suspect(
            mean,
            moments.min,
            moments.max,
            variable.units,
            level=variable.level,
            level_type=variable.level_type,
            period=variable.period,
            is_global=world,
        )
    return {
        "known": entry is not None,
        "units": variable.units or "",
        "catalogue_units": entry.units if entry is not None else "",
        "units_given": bool(variable.units),
        "units_ok": entry is None or entry.fits_units(variable.units) is not False,
        "magnitude_ok": suspected is None,
        "suspected_units": suspected or "",
    }


def _is_global(grid: Grid) -> bool:
    """Whether the cells reach round the globe and near both poles."""
    if grid.latitudes is None or grid.longitudes is None or grid.n_cells < 20:
        return False
    with np.errstate(invalid="ignore"):
        near_poles = np.nanmin(grid.latitudes) < -80 and np.nanmax(grid.latitudes) > 80
        sectors = np.unique(np.floor(grid.longitudes[np.isfinite(grid.longitudes)] % 360 / 60))
    return bool(near_poles and len(sectors) == 6)
