"""Statistics that a store carries against those of its data: the pooled moments of the fields of the same pass."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from dqwatch.metrics.field_table import Seen
from dqwatch.metrics.variables import Moments, merge
from dqwatch.storage import CarriesStatistics, StoredStatistics
from dqwatch.types import Source

COLUMNS = (
    *("stats_valid", "stats_compared", "stats_effective", "stored_mean", "stored_stdev", "true_mean", "true_stdev"),
    *("d_mean", "sd_ratio", "stats_error", "stats_differences", "tendency_error", "constant_as_declared"),
)
"""Optional columns of the table `variables`."""
ENOUGH = 3
"""Fields below which a variable that does not change says nothing, nor in a part of its dates."""
_SINGLE = float(np.finfo(np.float32).eps)
_SLACK = 4
"""Roundings to float32 by which two extremes may differ and still be the same."""


def statistics_columns(source: Source, seen: Seen, wanted: Collection[str]) -> dict[str, list[Any]]:
    """Columns of the table `variables` about the statistics that the store carries.

    They are held against the fields of the dates that they are of, without dates declared missing; of a variable of
    which not all of these were looked at (`stats_compared` is false), nothing is said but whether they are sound.

    Parameters
    ----------
    source : Source
    seen : Seen
        What the pass saw. Changes (`change`) are needed for `tendency_error`.
    wanted : collection of str
        Columns that somebody will look at.

    Returns
    -------
    dict of column to list, one value per variable
        Empty if none is wanted, or the source carries no statistics.
    """
    if not set(COLUMNS) & set(wanted) or not isinstance(source, CarriesStatistics):
        return {}
    stored = source.stored_statistics()
    if not any(stored):
        return {}
    rows = [_row(source, seen, v, of) for v, of in enumerate(stored)]
    return {name: [row[name] for row in rows] for name in COLUMNS}


def without_tendencies(source: Source, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Collection[str]]:
    """What is wanted, without `tendency_error` (which needs every change) where the store has no such statistics."""
    if "tendency_error" not in wanted.get("variables", ()):
        return wanted
    stored = source.stored_statistics() if isinstance(source, CarriesStatistics) else ()
    if any(of is not None and of.tendencies for of in stored):
        return wanted
    return {**wanted, "variables": frozenset(wanted["variables"]) - {"tendency_error"}}


def _row(source: Source, seen: Seen, v: int, stored: StoredStatistics | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, math.nan)
    row |= {"stats_valid": None, "stats_compared": False, "stats_differences": "", "constant_as_declared": None}
    row["stats_effective"] = stored is not None and stored.effective
    if stored is None:
        return row
    row |= {"stats_valid": _is_valid(stored), "stored_mean": stored.mean, "stored_stdev": stored.stdev}
    own = _in_window(source, seen, v, stored)
    complete = len(own) > 0 and len(own) == stored.n_times * source.variables[v].members
    row["constant_as_declared"] = _as_declared(source, seen, v, stored, complete)
    if not complete:
        return row
    true = _moments(seen, own)
    row |= {"stats_compared": true.n > 0, "true_mean": true.mean, "true_stdev": true.std}
    if true.n > 0:
        floor = _SINGLE * max(abs(true.min), abs(true.max))
        row["d_mean"] = _over(abs(stored.mean - true.mean), max(true.std, floor))
        row["sd_ratio"] = _over(max(stored.stdev, floor), max(true.std, floor), both_zero=1.0)
        row["stats_error"] = float(np.fmax(row["d_mean"], abs(row["sd_ratio"] - 1.0)))
        row["stats_differences"] = "; ".join(_differences(stored, true, int(seen.ints["n_nan"][own].sum())))
        row["tendency_error"] = _tendency_error(source, seen, v, own, stored, floor)
    return row


def _is_valid(stored: StoredStatistics) -> bool:
    """Finite, in order, with a deviation where there are two values, and not contradicting one another."""
    if not all(map(math.isfinite, stored[:4])):
        return False
    slack = _SLACK * _SINGLE * max(abs(stored.minimum), abs(stored.maximum))
    in_order = stored.minimum - slack <= stored.mean <= stored.maximum + slack and stored.minimum <= stored.maximum
    spread = stored.stdev > 0 or (stored.stdev == 0 and stored.maximum - stored.minimum <= slack)
    summed = stored.sums / stored.counted if stored.counted > 0 else math.nan
    agrees = math.isnan(summed) or abs(summed - stored.mean) <= 1e-3 * stored.stdev + slack
    return in_order and spread and agrees


def _in_window(source: Source, seen: Seen, v: int, stored: StoredStatistics) -> np.ndarray:
    """Positions of the fields that the statistics are of, in order of time."""
    own = seen.of(v)
    if stored.window is None:
        return own[:0]
    seconds = np.asarray(source.times[source.variables[v].times].seconds)[seen.time[own]]
    return own[(seconds >= stored.window[0]) & (seconds <= stored.window[1])]


def _finite(seen: Seen, own: np.ndarray) -> np.ndarray:
    return seen.ints["n"][own] - seen.ints["n_nan"][own] - seen.ints["n_inf"][own]


def _moments(seen: Seen, own: np.ndarray) -> Moments:
    return merge(_finite(seen, own), *(seen.floats[name][own] for name in ("min", "max", "mean", "std")))


def _over(a: float, b: float, *, both_zero: float = 0.0) -> float:
    if b == 0:
        return both_zero if a == 0 else math.inf
    return a / b


def _differences(stored: StoredStatistics, true: Moments, n_nan: int) -> list[str]:
    """Extremes and counts that are not those of the data, in words."""
    found = []
    for name, said, is_so in (("minimum", stored.minimum, true.min), ("maximum", stored.maximum, true.max)):
        if abs(said - is_so) > _SLACK * _SINGLE * max(abs(said), abs(is_so)):
            found.append(f"{name} {said:g}, of the data {is_so:g}")
    if not math.isnan(stored.counted) and stored.counted != true.n:
        found.append(f"count {stored.counted:.0f}, of the data {true.n}")
    if stored.has_nans is not None and stored.has_nans != (n_nan > 0):
        found.append(f"has_nans {str(stored.has_nans).lower()}, NaN in the data {n_nan}")
    return found


def _as_declared(source: Source, seen: Seen, v: int, stored: StoredStatistics, complete: bool) -> bool | None:
    """Whether the variable is constant in time where it is declared to be, and only there; None where none can tell."""
    own, variable = seen.of(v), source.variables[v]
    own = own[~seen.all_nan[own]]
    of_member = [seen.hashes["data_hash"][own[seen.member[own] == m]] for m in range(variable.members)]
    most = max((len(hashes) for hashes in of_member), default=0)
    if stored.constant is None or most < 2:
        return None
    constant = all((hashes == hashes[0]).all() for hashes in of_member if len(hashes))
    if stored.constant or not constant:
        return bool(constant) == stored.constant
    return False if complete and most >= ENOUGH else None


def _tendency_error(
    source: Source, seen: Seen, v: int, own: np.ndarray, stored: StoredStatistics, floor: float
) -> float:
    """How far the stored mean and deviation of the changes are off: the larger of both, in true deviations.

    Of steps that are those of two neighbouring dates; the moments of a change follow from the means of two fields and
    the root mean square change between them, as long as both have the same cells.
    """
    change = seen.extra.get("change")
    if change is None or not stored.tendencies:
        return math.nan
    seconds = np.asarray(source.times[source.variables[v].times].seconds)
    errors = []
    for step, (mean, stdev) in stored.tendencies.items():
        means, squares, n = [], [], []
        for member in range(source.variables[v].members):
            mine = own[seen.member[own] == member]
            before, after = mine[:-1], mine[1:]
            near = (seen.time[after] - seen.time[before] == 1) & (
                seconds[seen.time[after]] - seconds[seen.time[before]] == step
            )
            before, after = before[near], after[near]
            same = seen.hashes["nan_hash"][before] == seen.hashes["nan_hash"][after]
            known = same & np.isfinite(change[after])
            if not known.all() and (_finite(seen, after[~known]) > 0).any():
                return math.nan
            before, after = before[known], after[known]
            means.append(seen.floats["mean"][after] - seen.floats["mean"][before])
            squares.append(change[after] ** 2)
            n.append(_finite(seen, after))
        if n and sum(map(len, n)):
            pairs = np.concatenate(means), np.concatenate(squares), np.concatenate(n)
            errors.append(_error(*pairs, mean, stdev, floor))
    return max(errors, default=math.nan)


def _error(means: np.ndarray, squares: np.ndarray, n: np.ndarray, mean: float, stdev: float, floor: float) -> float:
    shares = n / n.sum()
    true = math.fsum(shares * means)
    spread = math.sqrt(max(0.0, math.fsum(shares * squares) - true * true))
    scale = max(spread, floor)
    off = max(_over(abs(mean - true), scale), abs(_over(max(stdev, floor), scale, both_zero=1.0) - 1.0))
    return math.inf if math.isnan(mean) or math.isnan(stdev) else off
