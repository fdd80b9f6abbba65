"""Where a state departs from training, for the page: maps of the variables named, and the scorecard by region."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

if TYPE_CHECKING:
    import pandas as pd

_STEP = 2.0
"""Degrees between the points of a map."""
_MOST = 6.0
"""Standard deviations at which colours end."""
_COLOURS = [[0.0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1.0, "#b2182b"]]


def departure_maps(tables: Mapping[str, pd.DataFrame]) -> go.Figure | None:
    """A map of the mean departure of each area, for each variable that the drift is about.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `areas`.

    Returns
    -------
    plotly Figure or None
        None where no variable is named, or areas have no coordinates.
    """
    areas = tables.get("areas")
    if areas is None or areas.empty or areas["south"].isna().any():
        return None
    names = list(areas["variable"].unique())
    kinds = areas.groupby("variable")["kind"].first()
    titles = [escape(name if kinds[name] == "state" else f"{name} ({_what(kinds[name])})") for name in names]
    figure = make_subplots(rows=len(names), cols=1, subplot_titles=titles, vertical_spacing=0.25 / len(names))
    for row, name in enumerate(names, 1):
        lat, lon, drawn = rasterise(areas[areas["variable"] == name])
        heat = go.Heatmap(
            x=lon,
            y=lat,
            z=drawn,
            zmin=-_MOST,
            zmax=_MOST,
            colorscale=_COLOURS,
            showscale=row == 1,
            colorbar={"title": "standard<br>deviations"},
            hovertemplate="%{y} N %{x} E<br>%{z:.2f} sd<extra></extra>",
        )
        figure.add_trace(heat, row=row, col=1)
    figure.update_layout(
        height=60 + 300 * len(names),
        margin={"l": 10, "r": 10, "t": 40, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808890"},
        template="none",
    )
    figure.update_xaxes(ticksuffix="°E")
    figure.update_yaxes(ticksuffix="°N")
    return figure


def _what(kind: str) -> str:
    return "its change since the step before" if kind == "step" else "its departure from the background"


def rasterise(areas: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitudes, longitudes from -180, and at each pair the mean departure of the area there; NaN outside of all."""
    lat = np.arange(-90 + _STEP / 2, 90, _STEP)
    lon = np.arange(-180 + _STEP / 2, 180, _STEP)
    found = np.full((lat.size, lon.size), np.nan)
    for area in areas.itertuples():
        inside = (lat >= area.south) & (lat < area.north)
        along = (lon - area.west) % 360.0 < area.east - area.west
        found[np.ix_(inside, along)] = area.mean
    known = np.isfinite(found)
    rows, columns = known.any(axis=1), known.any(axis=0)
    return lat[rows], lon[columns], found[np.ix_(rows, columns)]


def scorecard(tables: Mapping[str, pd.DataFrame]) -> str:
    """The scorecard as a table of HTML: variables by region, the mean departure in colour; '' without one."""
    card = tables.get("scorecard")
    if card is None or card.empty:
        return ""
    regions = list(dict.fromkeys(card["region"]))
    head = "".join(f"<th>{escape(r)}</th>" for r in regions)
    body = []
    for name, own in sorted(card.groupby("variable", sort=False), key=_by_level):
        cells = own.set_index("region")
        named = "<b>" if cells["named"].any() else ""
        values = "".join(_cell(cells["mean"].get(r, np.nan), cells["rms"].get(r, np.nan)) for r in regions)
        body.append(f"<tr><td>{named}{escape(str(name))}{'</b>' if named else ''}</td>{values}</tr>")
    when = escape(str(card["time"].iloc[0]))
    return (
        f"<h2>Scorecard by region, {when}</h2><p class='soft'>Mean departure from what is usual, in standard deviations"
        " of areas; in brackets the root mean square departure of cells, usually about 1.</p><div class='scroll'>"
        f"<table id='scorecard'><tr><th>Variable</th>{head}</tr>{''.join(body)}</table></div>"
    )


def _by_level(item: tuple[object, pd.DataFrame]) -> tuple[str, float]:
    own = item[1].iloc[0]
    return str(own["param"]), -1.0 if np.isnan(own["level"]) else float(own["level"])


def _cell(mean: float, rms: float) -> str:
    if not np.isfinite(mean):
        return "<td></td>"
    strength = min(abs(mean) / 3.0, 1.0)
    colour = "178,24,43" if mean > 0 else "33,102,172"
    return f'<td class="n" style="background:rgba({colour},{0.6 * strength:.2f})">{mean:+.2f} ({rms:.2f})</td>'
