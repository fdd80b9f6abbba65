"""How data lie in storage, and what reading them costs, as a picture and a table of a page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from dqwatch.reports.html_page import figure_block, number
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_HEAD = (
    "Array",
    "Shape",
    "Chunks",
    "Type",
    "Size, MB",
    "Stored, MB",
    "Ratio",
    "Chunk, MB",
    "Objects",
    "Missing",
    "Codec",
)
_KEYS = ("array", "shape", "chunks", "dtype", "size_mb", "stored_mb", "ratio", "chunk_mb", "objects", "missing_chunks",
         "codec")  # fmt: skip
_PATTERNS = {"date_amplification": "one time, all cells", "series_amplification": "one cell, all times"}


def storage_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The arrays, largest first; what patterns of reading cost, where a rule asked for it."""
    arrays = verdict.tables.get("arrays")
    if arrays is None or arrays.empty:
        return ""
    arrays = arrays.sort_values("size_mb", ascending=False, kind="stable", na_position="last")
    shown = arrays[: options["most"]]
    rows = "".join(f"<tr>{''.join(_cell(key, row[key]) for key in _KEYS)}</tr>" for row in shown.to_dict("records"))
    rest = len(arrays) - len(shown)
    more = f"<p class='soft'>and {rest:,} smaller arrays</p>" if rest else ""
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    figure = storage_figure(shown)
    block = figure_block(figure, 110 + 34 * len(shown), "Sizes of arrays and what reading them costs")
    return (
        f"<h2>Storage and access</h2><div id='storage'>{block}</div><details><summary>{len(arrays):,} arrays</summary>"
        f"<div class='scroll'><table><tr>{head}</tr>{rows}</table></div>{more}</details>"
    )


def _cell(key: str, value: Any) -> str:
    if isinstance(value, float | np.floating):
        text = "" if np.isnan(value) else f"{value:,.3g}"
    else:
        text = "" if key in ("objects", "missing_chunks") and value < 0 else number(value)
    return f"<td>{escape(text)}</td>"


def storage_figure(arrays: pd.DataFrame) -> go.Figure:
    """Bars of sizes; beside them, where they are known, what a byte wanted costs by pattern.

    Parameters
    ----------
    arrays : pd.DataFrame
        Rows of the table `arrays`.
    """
    from plotly.subplots import make_subplots

    names = [escape(str(name)) for name in arrays["array"]]
    known = [key for key in _PATTERNS if key in arrays.columns and arrays[key].notna().any()]
    titles = ["Size", "Bytes decoded for each byte wanted"] if known else ["Size"]
    figure = make_subplots(rows=1, cols=len(titles), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.06)
    for key, name, colour in (("size_mb", "uncompressed", "var(--c1)"), ("stored_mb", "stored", "var(--c3)")):
        if arrays[key].notna().any():
            bar = go.Bar(x=1e6 * arrays[key], y=names, orientation="h", name=name, marker={"color": colour},
                         hovertemplate=f"%{{y}}<br>{name} %{{x:.4s}}B<extra></extra>")  # fmt: skip
            figure.add_trace(bar, row=1, col=1)
    for key, colour in zip(known, ("var(--c2)", "var(--c4)"), strict=False):
        bar = go.Bar(x=arrays[key], y=names, orientation="h", name=_PATTERNS[key], marker={"color": colour},
                     hovertemplate=f"%{{y}}<br>{_PATTERNS[key]}: %{{x:,.4g}} times<extra></extra>")  # fmt: skip
        figure.add_trace(bar, row=1, col=2)
    legend = {"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0}
    figure.update_layout(barmode="group", legend=legend, margin={"l": 10, "r": 15, "t": 30, "b": 40})
    figure.update_xaxes(type="log", dtick=1, tickformat="~s")
    figure.update_xaxes(ticksuffix="B", row=1, col=1)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_annotations(font_size=13)
    return figure
