"""What a metric is: one function, told by a decorator which columns it fills; registered by entry point.

The scan runs a metric only if a rule wants one of its columns, on each field while it is in cache, in the one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dqwatch import registry, tables
from dqwatch.columns import Column
from dqwatch.errors import UsageError

if TYPE_CHECKING:
    from dqwatch.metrics.view import FieldView

_DERIVED = {"tendency": "change", "stuck_excess": "same_inside", "slope_change": "spectrum_slope"}
_DERIVED |= {"isolated_excess": "isolated_share", "isolated_training": "isolated_share"}
"""Columns made from another once the pass is over: from its series (`field_table`), or with what a baseline knows."""

Wanted = Mapping[str, Collection[str]]
"""Table -> the columns that somebody will look at."""
Params = Mapping[str, Collection[str]]
"""Column of the table `fields` -> the quantities of which somebody will look at it."""


@dataclass(frozen=True)
class FieldMetric:
    """A function of one field, and the columns of the table `fields` that its results fill."""

    function: Callable[[FieldView], Sequence[float]]
    columns: tuple[str, ...]
    needs_previous: bool = False
    dates: int | None = None
    """At most so many times of an axis are looked at, evenly spread; None: all."""

    def __call__(self, view: FieldView) -> Sequence[float]:
        """The results, one per column; NaN where a field has none."""
        return self.function(view)


def field_metric(
    *columns: str | Column, previous: bool = False, dates: int | None = None
) -> Callable[[Callable[[FieldView], Sequence[float]]], FieldMetric]:
    """Make a metric of a function `f(view) -> one float per column`.

    Parameters
    ----------
    *columns : str or Column
        Optional columns of the table `fields` by name; or whole, to declare new ones.
    previous : bool
        The function looks at the field before (`view.previous`), which the scan then keeps.
    dates : int, optional
        Look at so many times of each axis only, evenly spread (ends included): for what costs more than the rest of the
        scan, and tells of the whole series rather than of single fields. The others are NaN.

    Raises
    ------
    KeyError
        If a column is named that the table has not, and is not declared here.
    ValueError
        If a column is not of dtype 'float': a metric may have no result, which is NaN.
    """
    for column in columns:
        if isinstance(column, Column):
            tables.declare("fields", column)
    names = tuple(c.name if isinstance(c, Column) else c for c in columns)
    known = {c.name: c for c in tables.columns_of("fields")}
    for name in names:
        if name not in known:
            raise KeyError(f"table 'fields' has no column '{name}'; declare it as a Column")
        if known[name].dtype != "float":
            raise ValueError(f"column '{name}' has the dtype '{known[name].dtype}'; what a metric fills is 'float'")
    return lambda function: FieldMetric(function, names, previous, dates)


def field_metrics(wanted: Wanted | None) -> list[FieldMetric]:
    """The registered metrics that fill a wanted column of `fields`, in order of their names.

    Raises
    ------
    UsageError
        If what is registered as a metric is none, or two metrics fill one column.
    """
    names = set((wanted or {}).get("fields", ()))
    names |= {source for column, source in _DERIVED.items() if column in names}
    if "tendency_error" in (wanted or {}).get("variables", ()):
        names.add("change")  # stored statistics of changes are held against it
    base = {c.name for c in tables.TABLES["fields"]}
    if not names - base:
        return []
    found: list[FieldMetric] = []
    for name in sorted(registry.names("metrics")):
        metric = registry.load("metrics", name)
        if not isinstance(metric, FieldMetric):
            raise UsageError(f"metric '{name}' is a {type(metric).__name__}; make it with dqwatch.metrics.field_metric")
        if names & set(metric.columns):
            taken = {c for m in found for c in m.columns} & set(metric.columns)
            if taken:
                raise UsageError(
                    f"metric '{name}' fills {', '.join(sorted(taken))}, which another metric fills already"
                )
            found.append(metric)
    return found


def params_of(metric: FieldMetric, wanted: Wanted, params: Params | None) -> frozenset[str] | None:
    """The quantities of which somebody looks at a column of a metric; None for all.

    Parameters
    ----------
    metric : FieldMetric
    wanted : mapping of table to columns
    params : mapping of column to quantities, optional
        Of the table `fields`; columns that it lacks are wanted of all.
    """
    if params is None or ("change" in metric.columns and "tendency_error" in wanted.get("variables", ())):
        return None
    looked_at = [c for c in wanted.get("fields", ()) if _DERIVED.get(c, c) in metric.columns or c in metric.columns]
    if any(column not in params for column in looked_at):
        return None
    return frozenset(p for column in looked_at for p in params[column])
