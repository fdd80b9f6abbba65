"""Losses of a training on the page: a curve for each variable that stands out, with its spikes and where it parts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dqwatch.reports import losses
from dqwatch.reports.html_page import figure_block, not_drawn
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_HEIGHT = 200
_CERTAIN = 0.01
_MARKS = (("step_p", "step_at", "another level"), ("stall_p", "stall_since", "no longer falling"))
"""Columns of p and of the step, and what is said there."""


def losses_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """What stands out in words, and the losses by step."""
    table, curves = verdict.tables.get("losses"), verdict.tables.get("loss_curves")
    if table is None or table.empty:
        return ""
    lines = losses.render(verdict).splitlines()
    told = "".join(f"<li>{escape(line)}</li>" for line in lines)
    words = f"<ul id='outstanding'>{told}</ul>" if told else "<p>Nothing stands out.</p>"
    if curves is None or curves.empty or not options["most"]:
        return f"<h2>Losses</h2><div id='losses'>{words}</div>"
    figure = draw_losses(curves, table, options["most"])
    n = len({trace.yaxis for trace in figure.data})
    more = not_drawn(int((table["n"] > 0).sum()) - n, "variable", "the table losses of --tables")
    block = figure_block(figure, 60 + _HEIGHT * n, "Losses by step")
    return (
        f"<h2>Losses</h2>{words}<p class='soft'>Losses by step, the variables that stand out most first. Diamonds: "
        "spikes. Of many steps the extremes of each stretch are drawn, and every spike.</p>"
        f"<div id='losses'>{block}</div>{more}"
    )


def draw_losses(curves: pd.DataFrame, table: pd.DataFrame, most: int) -> go.Figure:
    """A graph below the other for each variable, on a logarithmic axis where all its losses are above zero.

    Parameters
    ----------
    curves : DataFrame
        The table `loss_curves`, with a row at least.
    table : DataFrame
        The table `losses`.
    most : int
        Variables at most.
    """
    parts = [own for _, own in curves.groupby("variable", sort=False)][:most]
    rows = table.set_index("variable")
    titles = [escape(str(own["variable"].iloc[0])) for own in parts]
    figure = make_subplots(rows=len(parts), cols=1, subplot_titles=titles, vertical_spacing=0.3 / len(parts))
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    for row, own in enumerate(parts, 1):
        _draw(figure, row, own)
        _mark(figure, row, rows.loc[own["variable"].iloc[0]])
    figure.update_xaxes(title="step", row=len(parts), col=1)
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 15, "t": 30, "b": 40})
    return figure


def _draw(figure: go.Figure, row: int, own: pd.DataFrame) -> None:
    step, loss = own["step"].to_numpy(), own["loss"].to_numpy(np.float64)
    spike = own["spike"].to_numpy(bool)
    shown = "step %{x}<br>%{y:.4g}<extra></extra>"
    line = {"color": "var(--c1)", "width": 1.2}
    figure.add_trace(go.Scatter(x=step, y=loss, mode="lines", line=line, hovertemplate=shown), row=row, col=1)
    if spike.any():
        marker = {"color": "var(--c2)", "size": 9, "symbol": "diamond"}
        dots = go.Scatter(x=step[spike], y=loss[spike], mode="markers", marker=marker, name="spikes",
                          hovertemplate=shown.replace("step", "spike at step"))  # fmt: skip
        figure.add_trace(dots, row=row, col=1)
    if (loss > 0).all():
        figure.update_yaxes(type="log", exponentformat="power", row=row, col=1)


def _mark(figure: go.Figure, row: int, judged: Mapping[str, Any]) -> None:
    """Lines where the losses of a variable rise to stay, or fall no further."""
    for p, step, words in _MARKS:
        if judged[p] <= _CERTAIN and judged[step] >= 0:
            figure.add_vline(
                x=int(judged[step]), line={"color": "var(--c3)", "dash": "dash", "width": 1.5}, row=row, col=1,
                annotation={"text": words, "font": {"size": 12, "color": "var(--c3)"}, "yanchor": "top"},
            )  # fmt: skip
