"""Pictures of a history: p of cycles over time, alarms against what chance brings, variables over time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.chance import usual

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_LEVELS = {0.01: "warning, p 0.01", 0.001: "critical, p 0.001"}
_LEAST = 1e-4
"""p that is drawn for 0."""
MOST = 40
"""Variables of a picture."""
_FEW = 5
"""Variables: of fewer the bar of colours is short."""
_ALARM = 0.01
POINTS = 3000
"""Cycles that alarm, and cycles that do not, that are drawn at most; of more some, evenly."""
COLUMNS = 1000
"""Of the picture of variables; of more times some share one."""
_SCALE = [[k / 4, f"var(--seq{k})"] for k in range(5)]
_COLOURS, _SYMBOLS = ("var(--c1)", "var(--c3)", "var(--c4)"), ("circle", "square", "diamond", "cross")
_RED, _GREY = "var(--c2)", "var(--soft)"


def _figure(height: int) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(height=height, margin={"l": 60, "r": 20, "t": 30, "b": 40}, hoverlabel={"namelength": -1})
    return figure.update_layout(legend={"orientation": "h", "y": 1.1})


def height_of(figure: go.Figure) -> int:
    """The height that a figure was made for [px]."""
    return int(figure.layout.height)


def _places(rows: pd.DataFrame) -> pd.Series:
    """Where to draw rows on the axis of time: by date, else by label."""
    return rows["valid_at"] if rows["valid_at"].notna().all() else rows["time"]


def p_of_cycles(cycles: pd.DataFrame) -> go.Figure | None:
    """The p of every cycle over time, with the levels of the rules; None without any.

    Parameters
    ----------
    cycles : pd.DataFrame
        Of a `Digest`.
    """
    known = cycles[cycles["p_cycle"].notna()]
    if known.empty:
        return None
    figure = _figure(360)
    share = max(1, known["series"].nunique())
    for k, (series, everything) in enumerate(known.groupby("series", sort=False)):
        rows = _thinned(everything, POINTS // share)
        low = rows["p_cycle"].to_numpy() <= _ALARM
        text = [_plain(f"{t}: {v}" if v else t) for t, v in zip(rows["time"], rows["variables"], strict=True)]
        colours = np.where(low, _RED, _COLOURS[k % len(_COLOURS)]).tolist()
        figure.add_scatter(
            x=_places(rows), y=rows["p_cycle"].clip(lower=_LEAST), mode="markers", text=text,
            name=name_series(series) + (f" ({len(rows):,} of {n:,})" if len(rows) < (n := len(everything)) else ""),
            marker={"size": np.where(low, 8, 5), "line": {"width": 0}, "color": colours, "symbol": _SYMBOLS[k % 4]},
            hovertemplate="%{text}<br>p %{y:.3g}<extra></extra>",
        )  # fmt: skip
    for level, name in _LEVELS.items():
        figure.add_hline(y=level, line={"color": _GREY, "dash": "dash", "width": 1})
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": np.log10(level), "yanchor": "bottom"}
        figure.add_annotation(text=name, showarrow=False, font={"color": _GREY}, **place)
    figure.update_layout(showlegend=True)
    lowest = np.log10(_LEAST) - 0.1
    figure.update_yaxes(type="log", title="p of the cycle", range=[lowest, 0.1], dtick=1, exponentformat="power")
    return figure


def _thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows that alarm, the lowest p of them, and as many that do not, evenly; in order."""
    p = rows["p_cycle"].to_numpy()
    low = np.flatnonzero(p <= _ALARM)
    low, rest = low[np.argsort(p[low], kind="stable")[:most]], np.flatnonzero(p > _ALARM)
    if rest.size > most:
        rest = rest[np.linspace(0, rest.size - 1, most).round().astype(np.int64)]
    return rows.iloc[np.sort(np.concatenate([low, rest]))]


def name_series(series: str) -> str:
    """The labels of a series, as pictures name it."""
    labels = json.loads(series)
    return _plain(" ".join(f"{key}={value}" for key, value in labels.items())) or "cycles"


def _plain(text: str) -> str:
    """Text in which plotly finds no markup."""
    return escape(text, quote=False)


def alarm_budget(cycles: pd.DataFrame) -> go.Figure | None:
    """Alarms so far, and the band in which 95 of 100 histories without drift lie; None without any cycle."""
    known = cycles[cycles["p_cycle"].notna()]
    if known.empty:
        return None
    n, spent = np.arange(1, len(known) + 1), np.cumsum(known["p_cycle"].to_numpy() <= _ALARM)
    drawn = np.flatnonzero(np.diff(spent, prepend=0))[: POINTS // 2]  # every step of it, and some between
    drawn = np.union1d(drawn, np.linspace(0, n.size - 1, min(n.size, POINTS // 2)).round().astype(np.int64))
    n, spent, x = n[drawn], spent[drawn], _places(known).iloc[drawn]
    low, high = usual(n, _ALARM)
    figure = _figure(300)
    figure.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    figure.add_scatter(
        x=x, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor="var(--band)",
        name="chance, 95 of 100", hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(x=x, y=n * 0.01, mode="lines", line={"color": _GREY, "dash": "dash"}, name="expected")
    figure.add_scatter(x=x, y=spent, mode="lines", line={"color": _RED, "shape": "hv"}, name="alarms at p 0.01")
    figure.update_yaxes(title="alarms so far", rangemode="tozero")
    return figure


def p_of_variables(drift: pd.DataFrame, named: Sequence[tuple[Mapping[str, Any], str]]) -> go.Figure | None:
    """The p of the variables that drifted, each a row, over time; None without any.

    Parameters
    ----------
    drift : pd.DataFrame
        Of a `Digest`.
    named : sequence of (labels, variable)
        Those that drifted, the worst first; at most 40 are drawn.
    """
    chosen = named[:MOST]
    if not chosen:
        return None
    kept = drift[drift["variable"].isin([name for _, name in chosen])]
    texts = {series: json.loads(series) for series in kept["series"].unique()}
    rows, names, places = [], [], _places(kept)
    columns = sorted(places.dropna().unique())
    together = -(-len(columns) // COLUMNS)
    number = {place: k // together for k, place in enumerate(columns)}
    columns = columns[::together]
    several = len(texts) > 1
    for labels, variable in chosen:
        own = kept["variable"].eq(variable) & kept["series"].isin([s for s, of in texts.items() if of == labels])
        line = np.full(len(columns), np.nan)
        values = -np.log10(kept.loc[own, "p_value"].clip(lower=_LEAST).to_numpy())
        np.fmax.at(line, [number[p] for p in places[own]], values)  # of several members and times the least p
        rows.append(line)
        of = " ".join(map(str, labels.values())) if several else ""
        names.append(_plain(f"{variable} {of}".strip()))
    figure = _figure(120 + 22 * len(rows))
    figure.add_heatmap(
        x=columns, y=names, z=rows, zmin=0, zmax=4, colorscale=_SCALE, hoverongaps=False,
        colorbar={"title": "p", **_ticks(2 if len(rows) < _FEW else 1)},
        hovertemplate="%{y} %{x}<br>p 10<sup>-%{z:.2f}</sup><extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", automargin=True)
    if together > 1:
        figure.update_xaxes(title=f"the least p of {together} times each")
    return figure


def _ticks(step: int) -> dict[str, Any]:
    """Each p of the bar of colours, or every other."""
    values = [0, 1, 2, 3, 4][::step]
    return {"tickvals": values, "ticktext": [f"{10**-k:.4g}" for k in values]}
