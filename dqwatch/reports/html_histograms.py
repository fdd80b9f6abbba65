"""Histograms: the values of the worst cycle beside those of training at that time of the year and of the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dqwatch.reports.drift_lines import count_named
from dqwatch.reports.findings import short_time
from dqwatch.reports.html_page import figure_block, not_drawn
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_HEIGHT = 210
_TICKS = 7
_TALL = 3.0
"""Times all others: a range that is higher than this, such as that of soil moisture over the sea, is cut off."""


def histograms_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Histograms of values, of this state and of training; without any, why there are none."""
    tables = verdict.tables
    figure = value_histograms(tables, options["most"])
    title = "<h2>Values against the baseline</h2>"
    if figure is None:
        why = _why_none(verdict)
        return f"{title}<div id='histograms'><p class='soft'>{why}</p></div>" if why else ""
    table = tables["histograms"]
    n = len({trace.yaxis for trace in figure.data})
    when = escape(short_time(str(table["time"].iloc[0])))
    told = (
        f"Line: the values of {when}. Bars: those of training at that time of the year and of the day. The outermost "
        "ranges hold all that lies further out."
    )
    block = figure_block(figure, 60 + _HEIGHT * n, "Values of this state against those of training")
    more = not_drawn(count_named(verdict, "histograms") - n, "variable", "the table scorecard of --tables")
    return f"{title}<p class='soft'>{told}</p><div id='histograms'>{block}</div>{more}"


def _why_none(verdict: Verdict) -> str:
    """Why there are none although the drift is about some variables; '' without such drift, or without tables."""
    drift, table = verdict.drift, verdict.tables.get("drift")
    if drift is None or table is None or not any(v.get("named") or v.get("exact") for v in drift["variables"]):
        return ""
    if "histograms" not in verdict.tables:
        return (
            "The baseline has no histograms of values, only stored statistics; a full one has: "
            "<code>dqwatch baseline DATA -o BASELINE</code>."
        )
    return "The baseline knows no values at that hour of the day." if verdict.tables["histograms"].empty else ""


def value_histograms(tables: Mapping[str, pd.DataFrame], most: int) -> go.Figure | None:
    """Values of the worst cycle and of training, for each variable that is in the table.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `histograms`.
    most : int
        Variables at most.

    Returns
    -------
    plotly Figure or None
        None where the table is empty or absent.
    """
    table = tables.get("histograms")
    if table is None or table.empty or not most:
        return None
    parts = [own for _, own in table.groupby("variable", sort=False)][:most]
    titles = [escape(_title(own)) for own in parts]
    figure = make_subplots(rows=len(parts), cols=1, subplot_titles=titles, vertical_spacing=0.3 / len(parts))
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    for row, own in enumerate(parts, 1):
        _draw(figure, row, own)
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1, "xanchor": "right"}
    figure.update_layout(legend=legend, margin={"l": 10, "r": 20, "t": 40, "b": 30}, hovermode="x unified")
    figure.update_yaxes(title="% of cells", rangemode="tozero")
    return figure


def _title(own: pd.DataFrame) -> str:
    units = str(own["units"].iloc[0])
    return f"{own['variable'].iloc[0]} [{units}]" if units else str(own["variable"].iloc[0])


def _draw(figure: go.Figure, row: int, own: pd.DataFrame) -> None:
    """One variable; ranges that widen are drawn equally wide, with their ends beside them."""
    left, right = own["left"].to_numpy(), own["right"].to_numpy()
    widths = right - left
    even = bool((np.abs(widths[:-1] - widths[0]) <= 1e-6 * np.abs(widths[0])).all())
    ends = np.append(left, right[-1])
    places = ends if even else np.arange(ends.size, dtype=np.float64)
    texts = [f"{a:.4g} to {b:.4g}" for a, b in zip(left, right, strict=True)]
    usual, now = (100 * own[name].to_numpy() for name in ("share_usual", "share_now"))
    figure.add_trace(
        go.Bar(
            x=(places[:-1] + places[1:]) / 2, y=usual, width=np.diff(places), name="training", legendgroup="training",
            showlegend=row == 1, marker={"color": "var(--band)", "line": {"color": "var(--c1)", "width": 0.5}},
            customdata=texts, hovertemplate="%{customdata}: %{y:.2f} %<extra>training</extra>",
        ), row=row, col=1,
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=places, y=np.append(now, now[-1:]), mode="lines", name="this state", legendgroup="now",
            showlegend=row == 1, line={"shape": "hv", "color": "var(--c2)", "width": 2},
            customdata=[*texts, texts[-1]], hovertemplate="%{customdata}: %{y:.2f} %<extra>this state</extra>",
        ), row=row, col=1,
    )  # fmt: skip
    _cut(figure, row, places, usual, now)
    if not even:
        at = np.unique(np.linspace(0, ends.size - 1, _TICKS).astype(int)).tolist()
        figure.update_xaxes(tickvals=at, ticktext=_ticks(ends, at), row=row, col=1)


def _cut(figure: go.Figure, row: int, places: np.ndarray, usual: np.ndarray, now: np.ndarray) -> None:
    """End the axis above all ranges but one that is far higher than they, and say how high that is."""
    high = np.maximum(usual, now)
    k = int(high.argmax())
    rest = np.delete(high, k).max(initial=0.0)
    if not 0 < _TALL * rest < high[k]:
        return
    figure.update_yaxes(range=[0, 1.25 * rest], row=row, col=1)
    left = k < high.size / 2
    figure.add_annotation(
        x=places[k + 1] if left else places[k], y=1.2 * rest, showarrow=False, font={"size": 12},
        xanchor="left" if left else "right", yanchor="top", xshift=6 if left else -6,
        text=f"↑ training {usual[k]:.3g} %, now {now[k]:.3g} %", row=row, col=1,
    )  # fmt: skip


def _ticks(ends: np.ndarray, at: Sequence[int]) -> list[str]:
    return [f"{ends[k]:.2g}" for k in at]
