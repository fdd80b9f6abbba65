"""What a page says of drift: how rare the state is, which variables it is about, and what they were in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dqwatch.reports.drift_lines import count_named, drift_lines
from dqwatch.reports.findings import short_time
from dqwatch.reports.html_page import figure_block, not_drawn, number
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {"step_": "of its change since the state before", "background_": "of its departure from the background"}
_KINDS |= {"alone_": "of what the other variables do not explain"}
_SCORES = {
    "mean": "mean over the globe or domain",
    "ms": "mean square departure",
    "scan": "largest departure of a region",
    "block_ms": "mean square departure by blocks",
    "pattern": "projection on training's pattern",
    "peak": "largest departure of a cell",
    "roughness": "differences of neighbours",
    "low_tail": "lowest values",
    "high_tail": "highest values",
    "at_minimum": "share of cells at the minimum",
    "at_maximum": "share of cells at the maximum",
    "equal_beside": "share of equal neighbours",
}
_FAR = 20.0
"""Times the range of training: farther away than this a score is drawn on a logarithmic axis."""


def score_words(score: str) -> str:
    """A score in words: `largest departure of a region of its change since the state before`; else its name."""
    kind = next((k for k in _KINDS if score.startswith(k)), "")
    what = _SCORES.get(score.removeprefix(kind))
    return score if what is None else f"{what} {_KINDS.get(kind, '')}".strip()


def drift_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """How rare the worst cycle is, which variables, where, what leads to it; and what drifts slowly."""
    drift = verdict.drift
    if drift is None:
        return ""
    named = [v for v in drift["variables"] if v.get("named") or v.get("exact")]
    rare = drift["p_cycle"] is None or drift["p_cycle"] <= 0.01 or any(v.get("exact") for v in named)
    told = _table(named, verdict, options["variables"]) + _effects(named, options["effects"]) if named and rare else ""
    (first, *_) = drift_lines(drift)
    return (
        f'<h2>Drift</h2><div id="drift"><p class="soft">{escape(first)}</p>'
        f"<p>{_rarity(drift)}{_of_many(verdict)}</p>{told}"
        f"{_slow(drift.get('slow', ()), options['variables'])}</div>"
    )


def _rarity(drift: Mapping[str, Any]) -> str:
    """How often a sound state is as unusual, in a sentence."""
    p, n, years = drift["p_cycle"], int(drift["null_size"]), int(drift.get("null_years", 0))
    if p is None:
        return "It has no p-value: see the reasons and notes."
    null = f"{n:,} training states of {years} years, each scored with its own years held out"
    if p * (n + 1) < 1.5:
        return f"It is <b>further from training than every one</b> of {null}."
    if p <= 0.05:
        return f"About <b>one in {1 / p:,.0f}</b> of {null}, is as far from the rest as this state."
    return f"This is usual: {100 * p:.0f} % of {null}, are as far from the rest."


def _of_many(verdict: Verdict) -> str:
    """What the worst of several cycles is the worst of."""
    cycles = verdict.tables.get("cycles")
    if cycles is None or len(cycles) < 2:
        return ""
    p = cycles["p_cycle"]
    return (
        f" It is the worst of {len(cycles):,} cycles, of which {int((p <= 0.01).sum()):,} have p of 0.01 or less; by "
        f"chance {0.01 * int(p.notna().sum()):.1f} would."
    )


def _table(named: Sequence[Mapping[str, Any]], verdict: Verdict, most: int) -> str:
    rows = "".join(_row(v, _extreme(verdict.tables.get("areas"), v["variable"])) for v in named[:most])
    rest = f"<p class='soft'>and {len(named) - most:,} more</p>" if len(named) > most else ""
    return (
        "<p>What it is about:</p><div class='scroll'><table id='named'><tr><th>Variable</th><th>Where</th>"
        "<th>How far</th><th>What tells</th><th class='n'>Now</th><th class='n'>Usually</th><th class='n'>p</th></tr>"
        f"{rows}</table></div>{rest}"
    )


def _row(variable: Mapping[str, Any], extreme: str) -> str:
    told = score_words(variable["leading_score"] or "")
    told = "; ".join(filter(None, (told, variable.get("exact", ""))))
    cells = [escape(number(variable[key])[:9]) for key in ("score", "usual_score")]
    p = "" if variable["p_value"] is None else f"{variable['p_value']:.2g}"
    return (
        f"<tr><td><b>{escape(variable['variable'])}</b></td>"
        f"<td class='when'>{escape(variable['region'] or 'everywhere')}</td>"
        f"<td>{escape(extreme)}</td><td>{escape(told)}</td>"
        f"<td class='n'>{cells[0]}</td><td class='n'>{cells[1]}</td><td class='n'>{p}</td></tr>"
    )


def _extreme(areas: pd.DataFrame | None, name: str) -> str:
    """The largest departure of the mean of an area: `+2.1 sd`; '' where areas are not known."""
    if areas is None or areas.empty:
        return ""
    own = areas[(areas["variable"] == name) & areas["mean"].notna()]
    if own.empty:
        return ""
    of = {"step": "of its change", "background": "from the background"}.get(own["kind"].iloc[0], "")
    return f"up to {own['mean'].loc[own['mean'].abs().idxmax()]:+.1f} sd {of}".strip()


def _effects(named: Sequence[Mapping[str, Any]], effects: Mapping[str, str]) -> str:
    """What a layout says of the quantities that the drift is about, each text once."""
    texts = dict.fromkeys(
        text
        for v in named
        for key, text in effects.items()
        if key in (v["variable"], str(v["variable"]).rpartition("_")[0])
    )
    return "".join(f'<p class="finding info"><b>Why it matters.</b> {escape(text)}</p>' for text in texts)


def _slow(slow: Sequence[Mapping[str, Any]], most: int) -> str:
    if not slow:
        return ""
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in
        (one["variable"], one["direction"], score_words(one["source"]), one["region"] or "everywhere",
         short_time(one["onset"]), short_time(one["reached"]))) + "</tr>"
        for one in slow[:most]
    )  # fmt: skip
    rest = f"<p class='soft'>and {len(slow) - most:,} more</p>" if len(slow) > most else ""
    return (
        f"<h3>Slow drift: {len(slow):,} variables are beyond what training years do</h3><div class='scroll'>"
        "<table id='slow'><tr><th>Variable</th><th>Which way</th><th>What</th><th>Where</th><th>Since about</th>"
        f"<th>Found</th></tr>{rows}</table></div>{rest}"
    )


def nulls_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Histograms: the leading score of each variable named, in training and in this state."""
    figure = null_histograms(verdict.tables, options["most"])
    if figure is None:
        return ""
    n = len({trace.yaxis for trace in figure.data})
    told = "Bars: how many training states, each scored with its own years held out, had which score. Line: this state."
    block = figure_block(figure, 60 + 210 * n, "Scores of this state against those of training")
    more = not_drawn(count_named(verdict, "nulls") - n, "variable", "the table drift of --tables")
    return f"<h2>Against training</h2><p class='soft'>{told}</p><div id='nulls'>{block}</div>{more}"


def null_histograms(tables: Mapping[str, pd.DataFrame], most: int) -> go.Figure | None:
    """A histogram of the scores of training for each variable that the drift is about, and where this state is.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `nulls` and `drift`.
    most : int
        Histograms at most.

    Returns
    -------
    plotly Figure or None
        None where no variable is named.
    """
    nulls, drift = tables.get("nulls"), tables.get("drift")
    if nulls is None or nulls.empty or drift is None:
        return None
    names = list(dict.fromkeys(nulls["variable"]))[:most]
    scores = {name: str(nulls.loc[nulls["variable"] == name, "score"].iloc[0]) for name in names}
    titles = [f"{escape(name)}: {escape(score_words(scores[name]))}" for name in names]
    figure = make_subplots(rows=len(names), cols=1, subplot_titles=titles, vertical_spacing=0.3 / len(names))
    for row, name in enumerate(names, 1):
        own = nulls[nulls["variable"] == name]
        at = (drift["variable"] == name) & (drift["time"] == own["time"].iloc[0])
        now = float(drift.loc[at & (drift["member"] == own["member"].iloc[0]), "score"].iloc[0])
        _histogram(figure, row, own, now)
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 20, "t": 30, "b": 30}, bargap=0)
    figure.update_annotations(font_size=13, xanchor="left", x=0)
    figure.update_yaxes(title="states")
    return figure


def _histogram(figure: go.Figure, row: int, own: pd.DataFrame, now: float) -> None:
    left, right = own["left"].to_numpy(), own["right"].to_numpy()
    count = own["n_cycles"].to_numpy()
    far = left[0] > 0 and now > right[-1] + _FAR * (right[-1] - left[0])
    bars = go.Scatter(
        x=np.concatenate([left, right[-1:]]),
        y=np.concatenate([count, count[-1:]]),
        mode="lines",
        line={"shape": "hv", "color": "var(--c1)", "width": 1},
        fill="tozeroy",
        fillcolor="var(--band)",
        hovertemplate="from %{x:.4g}: %{y} training states<extra></extra>",
    )
    top = float(count.max())
    here = go.Scatter(
        x=[now, now],
        y=[0, top],
        mode="lines+markers+text",
        line={"color": "var(--c2)", "width": 3},
        marker={"size": [0, 9], "symbol": "diamond"},
        text=["", f"this state: {now:.3g}"],
        textposition="middle left" if now > right[-1] else "middle right",
        textfont={"color": "var(--c2)"},
        hovertemplate="this state: %{x:.4g}<extra></extra>",
    )
    figure.add_trace(bars, row=row, col=1)
    figure.add_trace(here, row=row, col=1)
    figure.update_yaxes(rangemode="tozero", row=row, col=1)
    if far:
        figure.update_xaxes(type="log", row=row, col=1)
