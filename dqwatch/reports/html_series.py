"""Series over time of a page: what was found against the limits of its rule, and cycles against training."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dqwatch.reports.html_page import figure_block, not_drawn
from dqwatch.types import Finding, Rule, Verdict

if TYPE_CHECKING:
    import pandas as pd

_FEWEST = 5
"""Times of which a series is drawn."""
_LEVELS = {0.01: ("var(--warn)", "warning"), 0.001: ("var(--bad)", "critical")}
_POINTS = 4000
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+)?")


class Series(NamedTuple):
    """A column of a table over time, and the limits that a rule gives it."""

    title: str
    times: np.ndarray
    values: np.ndarray
    low: float | None
    high: float | None


def series_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """What was found, over time."""
    found = find_series(verdict, options["most"])
    if not found:
        return ""
    binned = any(len(one.times) > options["points"] for one in found)
    told = "Orange: beyond the limits of the rule, which are dashed."
    told += f" Of more than {options['points']:,} times the extremes of each stretch are drawn." if binned else ""
    block = figure_block(draw_series(found, options["points"]), 50 + 190 * len(found), "Findings over time")
    more = not_drawn(_count_series(verdict) - len(found), "column with findings", "the tables of --tables")
    return f"<h2>Over time</h2><p class='soft'>{told}</p><div id='series'>{block}</div>{more}"


def _count_series(verdict: Verdict) -> int:
    """Columns that findings are about and that have values at several times."""
    rules = {rule.id for rule_set in verdict.rule_sets for rule in rule_set.rules}
    drawable = {name for name, table in verdict.tables.items() if _has_times(table)}
    found = {
        (finding.table, finding.column, finding.variable)
        for finding in verdict.results
        if finding.status == "fail" and finding.rule in rules and finding.table in drawable
    }
    return sum(_is_numeric(verdict.tables[table], column) for table, column, _ in found)


def _has_times(table: pd.DataFrame) -> bool:
    return "time" in table.columns and bool(table.loc[table["time"] != "", "time"].nunique() >= _FEWEST)


def _is_numeric(table: pd.DataFrame, column: str | None) -> bool:
    return column in table.columns and table[column].dtype.kind in "iuf"


def find_series(verdict: Verdict, most: int) -> list[Series]:
    """Series of the columns that the worst findings are about, each once; only those with five times or more."""
    rules = {rule.id: rule for rule_set in verdict.rule_sets for rule in rule_set.rules}
    found: dict[tuple[str, str, str], Series] = {}
    for finding in verdict.results:
        key = (finding.table, finding.column or "", finding.variable or "")
        if finding.status == "fail" and key not in found and len(found) < most and finding.rule in rules:
            one = _series(finding, rules[finding.rule], verdict.tables)
            if one is not None:
                found[key] = one
    return list(found.values())


def _series(finding: Finding, rule: Rule, tables: Mapping[str, pd.DataFrame]) -> Series | None:
    table, column = tables.get(finding.table), finding.column
    if table is None or "time" not in table.columns or not _is_numeric(table, column):
        return None
    own = table
    if finding.variable and rule.per and rule.per in table.columns:
        own = table[table[rule.per] == finding.variable]
    own = own[(own["time"] != "") & own[column].notna()].sort_values("time", kind="stable")
    if own["time"].nunique() < _FEWEST:
        return None
    arguments = {**rule.arguments, **rule.by_variable.get(finding.variable or "", {})}
    low, high = (arguments.get(key) for key in ("min_value", "max_value"))
    title = f"{finding.variable or finding.table}: {column}"
    return Series(title, own["time"].to_numpy(), own[column].to_numpy(np.float64), _number(low), _number(high))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def draw_series(found: Sequence[Series], points: int) -> go.Figure:
    """A graph below the other for each series: values, limits, and what is beyond them."""
    figure = make_subplots(rows=len(found), cols=1, subplot_titles=[escape(one.title) for one in found],
                           vertical_spacing=0.35 / len(found) if len(found) > 1 else 0)  # fmt: skip
    for row, one in enumerate(found, 1):
        times, values = thin(one.times, one.values, points)
        bad = np.zeros(values.shape, bool)
        for limit, beyond in ((one.low, np.less), (one.high, np.greater)):
            if limit is not None:
                bad |= beyond(values, limit)
                line = {"color": "var(--warn)", "dash": "dash", "width": 1.5}
                figure.add_hline(y=limit, line=line, row=row, col=1)
        _add(figure, row, times, values, bad)
        time_axis(figure, row, one.times)
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 15, "t": 30, "b": 20})
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    return figure


def _add(figure: go.Figure, row: int, times: np.ndarray, values: np.ndarray, bad: np.ndarray) -> None:
    line = {"color": "var(--c1)", "width": 1.2}
    shown = "%{x}<br>%{y:.5g}<extra></extra>"
    figure.add_trace(go.Scatter(x=times, y=values, mode="lines", line=line, hovertemplate=shown), row=row, col=1)
    if bad.any():
        marker = {"color": "var(--c2)", "size": 6}
        dots = go.Scatter(x=times[bad], y=values[bad], mode="markers", marker=marker, hovertemplate=shown)
        figure.add_trace(dots, row=row, col=1)


def thin(times: np.ndarray, values: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Of more than `points` values the smallest and the largest of each of `points // 2` stretches, in order."""
    if len(values) <= points:
        return times, values
    edges = np.linspace(0, len(values), points // 2 + 1).astype(np.int64)
    kept = []
    for start, stop in pairwise(edges.tolist()):
        part = values[start:stop]
        kept += sorted({start + int(np.argmin(part)), start + int(np.argmax(part))})
    return times[kept], values[kept]


def time_axis(figure: go.Figure, row: int, times: Sequence[str] | np.ndarray) -> None:
    """An axis of dates, where all labels are such; else one of labels in their order."""
    dates = all(_DATE.fullmatch(label) for label in times) and _exist(times)
    if dates:
        figure.update_xaxes(type="date", row=row, col=1)
    else:
        figure.update_xaxes(type="category", nticks=10, row=row, col=1)


def _exist(times: Sequence[str] | np.ndarray) -> bool:
    """Whether all are dates of the calendar in common use: 30 February is not."""
    try:
        np.array(times, "M8[s]")
    except ValueError:
        return False
    return True


def cycles_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The p-values of many cycles, and how far the variables that departed most are out, against training."""
    figure = cycles_figure(verdict.tables, options["variables"])
    if figure is None:
        return ""
    n = sum(isinstance(trace, go.Scatter) and trace.name == "series" for trace in figure.data)
    told = (
        "Top: p of each cycle; by chance one sound cycle in 100 lies below the upper dashed line, one in 1,000 below "
        "the lower. Below: how far out the leading score of a variable is; 99 % of training states lie in the band."
    )
    cycles = verdict.tables["cycles"]
    told += f" Of {len(cycles):,} cycles the extremes of each stretch are drawn." if len(cycles) > _POINTS else ""
    block = figure_block(figure, 50 + 200 * n, "Cycles against training")
    drift = verdict.tables["drift"]
    known = drift.loc[drift["departure"].notna(), "variable"].nunique()
    more = not_drawn(known - (n - 1), "variable", "the table drift of --tables")
    return f"<h2>Cycle by cycle</h2><p class='soft'>{told}</p><div id='cycles'>{block}</div>{more}"


def cycles_figure(tables: Mapping[str, pd.DataFrame], variables: int) -> go.Figure | None:
    """The p of each cycle, and the departures of the variables that were furthest out; None of fewer than five.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `cycles` and `drift`.
    variables : int
        Variables at most.
    """
    cycles, drift = tables.get("cycles"), tables.get("drift")
    if cycles is None or drift is None or cycles["time"].nunique() < _FEWEST:
        return None
    least = cycles.groupby("time", sort=True)["p_cycle"].min()
    far = drift.groupby("variable")["departure"].quantile(0.9).dropna().sort_values(ascending=False)[:variables]
    if least.isna().all():
        return None
    titles = ["p of each cycle", *(escape(str(name)) for name in far.index)]
    figure = make_subplots(rows=len(titles), cols=1, subplot_titles=titles, vertical_spacing=0.35 / len(titles))
    times, p = thin(least.index.to_numpy(), np.nan_to_num(least.to_numpy(np.float64), nan=1.0), _POINTS)
    colours = np.where(p <= 0.001, "var(--bad)", np.where(p <= 0.01, "var(--warn)", "var(--c1)"))
    shown = "%{x}<br>p %{y:.3g}<extra></extra>"
    dots = go.Scatter(x=times, y=p, mode="markers", marker={"size": 5, "color": colours.tolist()}, name="series",
                      hovertemplate=shown)  # fmt: skip
    figure.add_trace(dots, row=1, col=1)
    for level, (colour, _) in _LEVELS.items():
        figure.add_hline(y=level, line={"color": colour, "dash": "dash", "width": 1.5}, row=1, col=1)
    figure.update_yaxes(
        type="log",
        range=[min(-3.2, float(np.log10(p.min())) - 0.1), 0.05],
        dtick=1,
        exponentformat="power",
        row=1,
        col=1,
    )
    for row, name in enumerate(far.index, 2):
        own = drift[drift["variable"] == name].groupby("time", sort=True)["departure"].max().dropna()
        times, values = thin(own.index.to_numpy(), own.to_numpy(np.float64), _POINTS)
        line = go.Scatter(x=times, y=values, mode="lines", line={"color": "var(--c2)", "width": 1.2}, name="series",
                          hovertemplate="%{x}<br>%{y:.3g} times what 1 % of training<extra></extra>")  # fmt: skip
        figure.add_trace(line, row=row, col=1)
        figure.add_hrect(y0=0, y1=1, fillcolor="var(--band)", line_width=0, row=row, col=1)
        figure.update_yaxes(rangemode="tozero", row=row, col=1)
    for row in range(1, len(titles) + 1):
        time_axis(figure, row, cycles["time"].to_numpy())
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 15, "t": 30, "b": 20})
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    return figure
