"""The picture of a verdict: which variables are spoilt at which times, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dqwatch.reports.html_page import figure_block
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_DEFECTS = {
    "n_nan_unexpected": "missing",
    "n_inf": "infinite",
    "n_sentinel": "undecoded fill",
    "n_out_of_bounds": "impossible",
    "n_unusual": "unusual",
}
_CLASSES = ("none", "below 0.1 %", "0.1-1 %", "1-10 %", "above 10 %")
_EDGES = (0.0, 1e-3, 1e-2, 1e-1)
"""Shares of cells; a share belongs to the class of the last edge that it exceeds."""
_COLOURS = tuple(f"var(--cls{k})" for k in range(len(_CLASSES)))
"""Ordered by lightness, so that the classes stay apart for colour-blind readers and in grey print."""
_MAX_ROWS = 60
_MAX_COLUMNS = 240


def picture_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Which fields are spoilt, by variable and time."""
    figure = defect_map(verdict.tables)
    if figure is None:
        return ""
    n_fields = len(verdict.tables["fields"])
    if not np.nanmax(figure.data[0].z, initial=0) > 0:
        return f"<h2>Where and when</h2><p>{n_fields:,} fields were looked at: no cell is spoilt.</p>"
    block = figure_block(figure, max(240, 140 + 22 * figure.layout.meta["rows"]), "Spoilt cells by variable and time")
    return (
        f'<h2>Where and when</h2><p class="soft">{n_fields:,} fields were looked at.</p><div id="picture">{block}</div>'
    )


def defect_map(tables: Mapping[str, pd.DataFrame]) -> go.Figure | None:
    """Share of spoilt cells by variable and time, or by variable and kind of defect where there is one time only.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `fields`.

    Returns
    -------
    plotly Figure or None
        None if no field was scanned. Times are binned to at most 240 columns, of which each shows its worst field; of
        more than 60 variables the 60 worst are drawn, and the title says so.
    """
    fields = tables.get("fields")
    if fields is None or fields.empty:
        return None
    shares = fields[list(_DEFECTS)].div(fields["n"].clip(lower=1), axis=0)
    shares.columns = list(_DEFECTS.values())
    if fields["time"].nunique() > 1:
        return _by_time(fields, shares.drop(columns="unusual").max(axis=1))
    return _by_defect(fields, shares)


def _by_time(fields: pd.DataFrame, share: pd.Series) -> go.Figure:
    labels = np.sort(fields["time"].unique())
    n_columns = min(len(labels), _MAX_COLUMNS)
    column = np.searchsorted(labels, fields["time"].to_numpy()) * n_columns // len(labels)
    first = [str(labels[-(-c * len(labels) // n_columns)]) for c in range(n_columns)]
    grid = share.groupby([fields["variable"], column]).max().unstack()
    grid = grid.reindex(columns=range(n_columns))
    binned = "" if n_columns == len(labels) else f"; a column is {len(labels) / n_columns:.1f} times, the worst shown"
    return _heatmap(grid, first, f"Spoilt cells by variable and time{binned}")


def _by_defect(fields: pd.DataFrame, shares: pd.DataFrame) -> go.Figure:
    grid = shares.groupby(fields["variable"]).max()
    time = str(fields["time"].iloc[0])
    when = f", {time}" if time else ""
    return _heatmap(grid, list(grid.columns), f"Spoilt cells by variable and kind of defect{when}")


def _heatmap(grid: pd.DataFrame, columns: list[str], title: str) -> go.Figure:
    worst = grid.max(axis=1).sort_values(ascending=False, kind="stable")
    if len(worst) > _MAX_ROWS:
        title += f"; the worst {_MAX_ROWS} of {len(worst)} variables"
        grid = grid.loc[sorted(worst.index[:_MAX_ROWS])]
    share = grid.to_numpy(dtype=float)
    classes = np.where(np.isnan(share), np.nan, (share[..., None] > np.array(_EDGES)).sum(axis=-1))
    n = len(_CLASSES)
    scale: list[Any] = []
    for k, colour in enumerate(_COLOURS):
        scale += [(k / n, colour), ((k + 1) / n, colour)]
    figure = go.Figure(
        go.Heatmap(
            z=classes,
            x=[escape(c) for c in columns],
            y=[escape(str(v)) for v in grid.index],
            customdata=share,
            hovertemplate="%{y}<br>%{x}<br>share of cells %{customdata:.3%}<extra></extra>",
            zmin=-0.5,
            zmax=n - 0.5,
            colorscale=scale,
            colorbar={
                "tickvals": list(range(n)),
                "ticktext": list(_CLASSES),
                "title": {"text": "spoilt cells"},
                "thickness": 12,
            },
            xgap=1 if len(columns) <= _MAX_COLUMNS // 4 else 0,
            ygap=1,
        )
    )
    figure.update_layout(
        title={"text": title.replace("; ", "<br>"), "font": {"size": 14}, "x": 0, "xref": "container"},
        meta={"rows": len(grid), "narrow": {"margin": {"l": 5, "r": 5, "t": 60, "b": 30}}},
        margin={"l": 10, "r": 10, "t": 50, "b": 40},
    )
    figure.update_xaxes(type="category", automargin=True, nticks=12)
    figure.update_yaxes(type="category", automargin=True, autorange="reversed")
    return figure
