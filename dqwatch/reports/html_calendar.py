"""The calendar of a page: on which days times, fields or values are missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dqwatch.reports.html_page import figure_block
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

CLASSES = ("nothing missing", "declared missing", "some values missing", "a time missing or empty")
_COLOURS = ("var(--cls0)", "var(--c3)", "var(--cls2)", "var(--cls4)")
_MOST_MONTHS = 60
"""Of more months a row is a year, and a column a month: the worst day is shown."""
_DATE = re.compile(r"(\d{4,})-(\d\d)-(\d\d)")
_FEWEST = 2
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def calendar_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The calendar, where there are two days or more."""
    days = worst_days(verdict.tables)
    if len(days) < _FEWEST:
        return ""
    figure, rows, column = draw_calendar(days)
    counts = [sum(worst == k for worst in days.values()) for k in range(len(CLASSES))]
    told = "; ".join(f"{n:,} days: {text}" for n, text in zip(counts, CLASSES, strict=True) if n)
    block = figure_block(figure, 90 + 17 * rows, "Calendar of missing data")
    return (
        f"<h2>Calendar of missing data</h2><p class='soft'>{told}. A box is a {column}; its worst is shown.</p>"
        f"<div id='calendar'>{block}</div>"
    )


def worst_days(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[int, int, int], int]:
    """The worst class of each day: (year, month, day) to a position in `CLASSES`.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `times` and `fields`.
    """
    worst: dict[tuple[int, int, int], int] = {}
    times, fields = tables.get("times"), tables.get("fields")
    if times is None or times.empty:
        return worst
    spoilt: set[str] = set()
    if fields is not None and not fields.empty:
        spoilt = set(fields.loc[fields["n_nan_unexpected"] > 0, "time"])
    lost = ~times["present"] & times["expected"] | times["all_nan"]
    declared = times["declared_missing"]
    some = times["time"].isin(spoilt)
    classes = np.select([declared, lost, some], [1, 3, 2], 0)
    for label, found in zip(times["time"], classes.tolist(), strict=True):
        date = _DATE.match(label)
        if date:
            day = (int(date[1]), int(date[2]), int(date[3]))
            worst[day] = max(worst.get(day, 0), found)
    return worst


def draw_calendar(days: Mapping[tuple[int, int, int], int]) -> tuple[go.Figure, int, str]:
    """The calendar as boxes, the number of its rows, and what a box is.

    Parameters
    ----------
    days : mapping of (year, month, day) to a position in `CLASSES`
    """
    months = sorted({day[:2] for day in days})
    by_year = len(months) > _MOST_MONTHS
    cells: dict[tuple[Any, int], int] = {}
    for (year, month, day), found in days.items():
        cell = (year, month) if by_year else ((year, month), day)
        cells[cell] = max(cells.get(cell, 0), found)
    rows = sorted({row for row, _ in cells})
    columns = list(range(1, 13 if by_year else 32))
    grid = np.full((len(rows), len(columns)), np.nan)
    place = {row: k for k, row in enumerate(rows)}
    for (row, column), found in cells.items():
        grid[place[row], column - 1] = found
    n = len(CLASSES)
    scale = [edge for k, colour in enumerate(_COLOURS) for edge in ([k / n, colour], [(k + 1) / n, colour])]
    labels = [str(row) if by_year else f"{_MONTHS[row[1] - 1]} {row[0]}" for row in rows]
    heat = go.Heatmap(
        z=grid,
        x=[_MONTHS[c - 1] for c in columns] if by_year else columns,
        y=labels,
        zmin=-0.5,
        zmax=n - 0.5,
        colorscale=scale,
        showscale=True,
        colorbar={"tickvals": list(range(n)), "ticktext": list(CLASSES), "orientation": "h", "y": 1,
                  "yanchor": "bottom",                  "thickness": 10, "x": 0, "xanchor": "left", "len": 1},
        customdata=np.array([*CLASSES, ""], object)[np.where(np.isnan(grid), n, grid).astype(int)],
        hovertemplate="%{y}, %{x}: %{customdata}<extra></extra>",
        xgap=2,
        ygap=2,
    )  # fmt: skip
    figure = go.Figure(heat)
    figure.update_layout(margin={"l": 10, "r": 10, "t": 50, "b": 30})
    figure.update_xaxes(showgrid=False, dtick=1 if by_year else 5, tick0=0)
    figure.update_yaxes(showgrid=False, autorange="reversed", type="category")
    return figure, len(rows), "month" if by_year else "day"
