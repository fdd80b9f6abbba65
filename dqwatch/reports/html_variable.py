"""One variable over the cycles of a history, as pictures: its p, and how far its leading score is out."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dqwatch.reports.html_series import thin, time_axis

if TYPE_CHECKING:
    import pandas as pd

_LEAST = 1e-5
_MOST = 4000
_COLOURS = ("var(--c1)", "var(--c3)", "var(--c4)", "var(--soft)")


def variable_figure(rows: pd.DataFrame) -> go.Figure | None:
    """The p and the departure of one variable by time, each series in a colour of its own; None without any.

    Parameters
    ----------
    rows : pd.DataFrame
        With `series`, `time`, `p_value` and `departure`, of one variable.
    """
    known = rows[rows["p_value"].notna()]
    if known.empty:
        return None
    titles = ("p of the variable", "Times what 1 % of training reaches; 99 % of it lie in the band")
    figure = make_subplots(rows=2, cols=1, subplot_titles=titles, vertical_spacing=0.16)
    for k, (series, own) in enumerate(known.groupby("series", sort=True)):
        least = own.groupby("time", sort=True)[["p_value", "departure"]].agg({"p_value": "min", "departure": "max"})
        name, colour = escape(_name(str(series))), _COLOURS[k % len(_COLOURS)]
        for row, column in enumerate(least.columns, 1):
            values = np.maximum(least[column].to_numpy(np.float64), _LEAST if row == 1 else -np.inf)
            times, values = thin(least.index.to_numpy(), values, _MOST)
            figure.add_trace(
                go.Scatter(x=times, y=values, mode="lines+markers", name=name, legendgroup=name, showlegend=row == 1,
                           line={"color": colour, "width": 1}, marker={"size": 5},
                           hovertemplate="%{x}<br>%{y:.3g}<extra></extra>"),
                row=row, col=1,
            )  # fmt: skip
    for level, colour in ((0.01, "var(--warn)"), (0.001, "var(--bad)")):
        figure.add_hline(y=level, line={"color": colour, "dash": "dash", "width": 1.5}, row=1, col=1)
    figure.add_hrect(y0=0, y1=1, fillcolor="var(--band)", line_width=0, row=2, col=1)
    for row in (1, 2):
        time_axis(figure, row, known["time"].to_numpy())
    figure.update_yaxes(type="log", dtick=1, exponentformat="power", row=1, col=1)
    figure.update_yaxes(rangemode="tozero", row=2, col=1)
    legend = {"orientation": "h", "y": -0.1, "yanchor": "top", "x": 0}
    figure.update_layout(legend=legend, margin={"l": 10, "r": 15, "t": 30, "b": 40})
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    return figure


def _name(series: str) -> str:
    return " ".join(f"{key}={value}" for key, value in json.loads(series).items()) or "cycles"
