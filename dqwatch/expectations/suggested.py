"""Rules that data keep to: what is there, ranges and masks by variable, units, cadence and grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dqwatch.expectations.ranges import Range, find_counts, find_range, hold_tight

if TYPE_CHECKING:
    import pandas as pd

Tables = Mapping[str, "pd.DataFrame"]
_STATISTICS = {
    "min": ("The smallest value is not where it used to be", "smallest value"),
    "max": ("The largest value is not where it used to be", "largest value"),
    "mean": ("The mean is not where it used to be", "mean"),
    "std": ("The spread is not what it used to be", "standard deviation"),
}
_MOST_SETS = 24
_MONTH, _YEAR = (672.0, 744.0), (8760.0, 8784.0)
"""Hours of a month of 28 to 31 days and of a year."""


class Suggestion(NamedTuple):
    """A rule, and what its reader should know of how it was made."""

    rule: dict[str, Any]
    remarks: tuple[str, ...] = ()


def make_rules(tables: Tables, fields: pd.DataFrame) -> list[Suggestion]:
    """The rules of a file, as entries.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        As a scan makes them.
    fields : DataFrame
        Those rows of the table `fields` that have values, and are not declared missing.
    """
    return [found for make in _MAKERS for found in make(tables, fields)]


def _rule(name: str, title: str, hint: str, **keys: Any) -> dict[str, Any]:
    return {"id": f"suggested.{name}", "title": title, "severity": "critical", **keys, "hint": hint}


def _presence(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    names = list(dict.fromkeys(fields["variable"]))
    yield Suggestion(
        _rule(
            "present",
            "A variable is not there",
            "Fetch the variables that are missing; a model needs every one that it was trained with.",
            table="variables",
            column="variable",
            expect="expect_column_distinct_values_to_contain_set",
            arguments={"value_set": names},
        )
    )


def _ranges(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    """Limits of the statistics of each field, by variable."""
    constant = _constant(tables)
    for column, (title, word) in _STATISTICS.items():
        found: dict[str, Range] = {}
        for name, rows in fields.groupby("variable", sort=False):
            values = rows[column].to_numpy(np.float64)
            spread = float(rows["std"].median())
            scale = spread if np.isfinite(spread) else 0.0
            known = values[np.isfinite(values)]
            if len(known):
                limits = hold_tight(known, scale) if name in constant else find_range(known, scale)
                found[str(name)] = _open(limits, values, 0.0 if column == "std" else -np.inf)
        own = {name: ends for name, limits in found.items() if (ends := _ends(limits))}
        unknown = {"missing": "ignore"} if fields[column].isna().any() else {}
        rule = _rule(
            column,
            title,
            f"Compare the {word} with that of other times: units, sign, a wrong variable, lost cells? "
            "If it is right, widen the limit.",
            table="fields",
            column=column,
            expect="between",
            where={"declared_missing": False, "all_nan": False},
            if_empty="skipped",
            by_variable=own,
            **unknown,
        )
        if own:
            remarks = ["fields without a finite value are not looked at"] if unknown else []
            yield Suggestion(rule, (*_widened(found), *remarks))


def _open(limits: Range, values: np.ndarray, least: float) -> Range:
    """A range that is open where values are infinite, and that begins at `least` or above."""
    low = -np.inf if np.isneginf(values).any() else max(limits.low, least)
    high = np.inf if np.isposinf(values).any() else limits.high
    return Range(low, high, limits.beyond + int(np.isinf(values).sum()))


def _ends(limits: Range) -> dict[str, float]:
    """A range as it stands in a file; an open end is left out."""
    return {key: end for key, end in (("min", limits.low), ("max", limits.high)) if np.isfinite(end)}


def _gaps(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    """Numbers of NaN, and where they are."""
    counts = {
        str(name): find_counts(rows["n_nan"].to_numpy(), int(rows["n"].max()))
        for name, rows in fields.groupby("variable", sort=False)
    }
    yield Suggestion(
        _rule(
            "nan",
            "More or fewer NaN than there used to be",
            "Look where they are: a mask of another grid, a hole, or values where there should be none.",
            table="fields",
            column="n_nan",
            expect="between",
            where={"declared_missing": False},
            if_empty="skipped",
            by_variable={n: {"min": int(r.low), "max": int(r.high)} for n, r in counts.items()},
        ),
        _widened(counts),
    )
    masked = fields[fields["n_nan"] > 0].groupby("variable", sort=False)["nan_hash"].unique()
    same = {str(name): [int(hashes[0])] for name, hashes in masked.items() if len(hashes) == 1}
    same = {name: hashes for name, hashes in same.items() if counts[name].low == counts[name].high}
    if same:
        yield Suggestion(
            _rule(
                "mask",
                "NaN in other cells than usual",
                "Compare the mask with the one that the model knows: was the field cut, shifted, flipped or regridded?",
                table="fields",
                column="nan_hash",
                expect="in_set",
                where={"declared_missing": False},
                if_empty="skipped",
                by_variable={name: {"values": hashes} for name, hashes in same.items()},
            )
        )


def _constants(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    names = _constant(tables)
    if names:
        yield Suggestion(
            _rule(
                "constant",
                "A field that never changed has changed",
                "Orography, masks and soil types are made once; compare the versions and take one of them throughout.",
                table="variables",
                column="constant_in_time",
                expect="in_set",
                values=[True],
                where={"variable": sorted(names), "n_fields": {"min": 2}},
                if_empty="skipped",
            )
        )


def _units(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    given = tables["variables"][["variable", "units"]]
    units = {str(v): {"values": [str(u)]} for v, u in given.itertuples(index=False) if u}
    if units:
        yield Suggestion(
            _rule(
                "units",
                "Other units than before",
                "Another spelling is harmless; other units need converting.",
                table="variables",
                column="units",
                expect="in_set",
                by_variable=units,
            )
            | {"severity": "warning"}
        )


def _cadence(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    """Hours of the day, and steps between times."""
    times = tables["times"]
    times = times[times["present"] & times["decodable"]]
    where = {"present": True, "decodable": True}
    hours = sorted(times["hour"].dropna().unique().tolist())
    if 0 < len(hours) <= _MOST_SETS:
        yield Suggestion(
            _rule(
                "hours",
                "Hours of the day that did not occur",
                "Check time zone (UTC) and cycle; a model that was trained on certain hours knows no others.",
                table="times",
                column="hour",
                expect="in_set",
                values=hours,
                where=where,
                if_empty="skipped",
            )
        )
    steps = times["step_h"].dropna()
    if len(steps):
        yield Suggestion(
            _rule(
                "step",
                "A step between times that did not occur",
                "Look at the times around it: a gap, a doubled time, data of another frequency?",
                table="times",
                column="step_h",
                where=where,
                missing="ignore",
                if_empty="skipped",
                **_steps(steps),
            ),
            _rare(steps),
        )


def _steps(steps: pd.Series) -> dict[str, Any]:
    """The steps that may be; of months and years, any length that a month or year has."""
    distinct = sorted(steps.unique().tolist())
    for low, high in (_MONTH, _YEAR):
        if len(distinct) > 1 and low <= distinct[0] and distinct[-1] <= high:
            return {"expect": "between", "min": low, "max": high}
    if len(distinct) > _MOST_SETS:
        return {"expect": "between", "min": distinct[0], "max": distinct[-1]}
    return {"expect": "in_set", "values": distinct}


def _rare(steps: pd.Series) -> tuple[str, ...]:
    counts = steps.value_counts(normalize=True)
    rare = sorted(counts.index[counts < 0.01].tolist())
    words = ", ".join(f"{step:g} h" for step in rare[:5]) + (", ..." if len(rare) > 5 else "")
    return (f"rare, gaps perhaps: {words}",) if rare else ()


def _grid(tables: Tables, fields: pd.DataFrame) -> Iterator[Suggestion]:
    """Number, order and convention of the cells."""
    about: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
        "n_cells": ("cells", "Another number of cells", int),
        "orientation": ("orientation", "Rows in another order", str),
        "longitude_convention": ("longitudes", "Longitudes in another convention", str),
    }
    grid = tables["grid"]
    for column, (name, title, kind) in about.items():
        values = [kind(v) for v in dict.fromkeys(grid[column])]
        if values:
            yield Suggestion(
                _rule(
                    name,
                    title,
                    "Bring the data to the grid that the model knows, cell by cell in its order.",
                    table="grid",
                    column=column,
                    expect="in_set",
                    values=values,
                    if_empty="skipped",
                )
            )


def _constant(tables: Tables) -> set[str]:
    variables = tables["variables"]
    return set(variables.loc[variables["constant_in_time"], "variable"])


def _widened(found: Mapping[str, Range]) -> tuple[str, ...]:
    """A remark on limits that hold values which stand out."""
    names = [f"{name} ({r.beyond})" for name, r in found.items() if r.beyond]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return (f"widened to hold fields that stand out, look at them: {shown}",) if names else ()


_MAKERS: tuple[Callable[[Tables, pd.DataFrame], Iterator[Suggestion]], ...] = (
    _presence,
    _gaps,
    _ranges,
    _constants,
    _units,
    _cadence,
    _grid,
)
