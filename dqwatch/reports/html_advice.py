"""The advice of a page as pictures: loss weights before and after, and shares of the loss on three scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from dqwatch.reports import html_weights
from dqwatch.reports.html_page import figure_block
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_SCALES = {"raw_share": ("by weight alone", "var(--c1)", "circle"),
           "sd_share": ("in standard deviations", "var(--c3)", "square"),
           "tendency_share": ("in tendencies", "var(--c2)", "diamond")}  # fmt: skip


def weights_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Whose part of the loss is how large, what is suggested, and why."""
    weights = verdict.tables.get("weights")
    if weights is None or weights.empty:
        return ""
    shown = _largest(weights, options["most"])
    less = f"; the {len(shown):,} of {len(weights):,} variables with the largest" if len(shown) < len(weights) else ""
    parts = figure_block(shares_figure(shown), 90 + 22 * len(shown), "Parts of the loss by variable")
    pictures = f"{_changes(verdict, options['most'])}<h3>Shares as they are, per cent{less}</h3>{parts}"
    return f"<div id='advice'>{html_weights.weights(verdict, pictures)}</div>"


def _largest(weights: pd.DataFrame, most: int) -> pd.DataFrame:
    size = weights[list(_SCALES)].max(axis=1)
    return weights.loc[size.sort_values(ascending=False, kind="stable").index[:most]]


def shares_figure(weights: pd.DataFrame) -> go.Figure:
    """Dots for the part of each variable on each scale, logarithmic.

    Parameters
    ----------
    weights : pd.DataFrame
        Rows of the table `weights`.
    """
    figure = go.Figure()
    names = [escape(str(name)) for name in weights["variable"]]
    for key, (name, colour, symbol) in _SCALES.items():
        marker = {"color": colour, "symbol": symbol, "size": 9}
        x = 100 * weights[key]
        figure.add_trace(go.Scatter(x=x, y=names, mode="markers", name=name, marker=marker,
                                    hovertemplate=f"%{{y}}: %{{x:.3g}} % {name}<extra></extra>"))  # fmt: skip
    return _by_variable(figure)


def _by_variable(figure: go.Figure) -> go.Figure:
    """A row for each variable, the first on top; the legend above."""
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    figure.update_layout(legend=legend, margin={"l": 10, "r": 15, "t": 40, "b": 30})
    figure.update_xaxes(type="log", nticks=8, showgrid=True)
    figure.update_yaxes(autorange="reversed", type="category", dtick=1)
    return figure


def _changes(verdict: Verdict, most: int) -> str:
    """Weights before and after, of those that change."""
    records = (verdict.advice or {}).get("variables", ())
    changed = [r for r in records if abs(r["suggested"] - r["weight"]) > 1e-6 * abs(r["weight"])]
    if not changed:
        return ""
    changed.sort(key=lambda r: r["suggested"] / r["weight"] if r["weight"] else 1.0)
    block = figure_block(changes_figure(changed[:most]), 90 + 26 * len(changed[:most]), "Weights before and after")
    more = f"<p class='soft'>and {len(changed) - most:,} more</p>" if len(changed) > most else ""
    return f"<h3>Suggested: before and after</h3>{block}{more}"


def changes_figure(changed: Sequence[Mapping[str, Any]]) -> go.Figure:
    """A line from the weight to the suggested one, for each variable.

    Parameters
    ----------
    changed : sequence of mapping
        With `variable`, `weight` and `suggested`.
    """
    figure = go.Figure()
    names = [escape(str(r["variable"])) for r in changed]
    for name, record in zip(names, changed, strict=True):
        figure.add_trace(go.Scatter(x=[record["weight"], record["suggested"]], y=[name, name], mode="lines",
                                    line={"color": "var(--soft)", "width": 2}, showlegend=False,
                                    hoverinfo="skip"))  # fmt: skip
    for key, name, colour in (("weight", "before", "var(--soft)"), ("suggested", "after", "var(--c2)")):
        marker = {"color": colour, "size": 11}
        figure.add_trace(go.Scatter(x=[r[key] for r in changed], y=names, mode="markers", name=name, marker=marker,
                                    hovertemplate=f"%{{y}}, {name}: %{{x:.3g}}<extra></extra>"))  # fmt: skip
    return _by_variable(figure)
