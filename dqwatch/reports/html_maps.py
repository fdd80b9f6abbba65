"""Maps of a page, with coastlines that need no network: fields with findings, and where a state departs."""

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
from dqwatch.types import FieldMap, Verdict

if TYPE_CHECKING:
    import pandas as pd

_STEP = 2.0
"""Degrees between the points of a map of areas."""
_MOST = 6.0
"""Standard deviations at which colours end."""
_DIVERGING = [[k / 4, f"var(--div{k})"] for k in range(5)]
_SEQUENTIAL = [[k / 4, f"var(--seq{k})"] for k in range(5)]
_HEIGHT = 430
"""[px] of a map before the width of the page is known."""
_GAP = 0.16
"""Between maps, of all of the height, over their number."""


def fields_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Maps of the first fields with findings."""
    from dqwatch.metrics.field_maps import list_fields

    shown = [one for one in verdict.maps if one.values.size][: options["most"]]
    if not shown:
        return ""
    block = figure_block(field_maps(shown), 40 + _HEIGHT * len(shown), "Maps of fields with findings")
    more = not_drawn(
        len(list_fields(verdict.results)) - len(shown), "field that findings name", "the table fields of --tables"
    )
    return (
        "<h2>The fields in question</h2><p class='soft'>Means over boxes about as large as the cells. Crosses: cells "
        f"that are missing, infinite, impossible, unusual or isolated.</p><div id='maps'>{block}</div>{more}"
    )


def field_maps(shown: Sequence[FieldMap]) -> go.Figure:
    """A map below the other for each field, with what is wrong as crosses."""
    figure = make_subplots(rows=len(shown), cols=1, subplot_titles=[_title(one) for one in shown],
                           vertical_spacing=_GAP / len(shown) if len(shown) > 1 else 0)  # fmt: skip
    for row, one in enumerate(shown, 1):
        heat = go.Heatmap(
            x=np.float32(one.longitudes),
            y=np.float32(one.latitudes),
            z=np.float32(one.values),
            colorscale=_SEQUENTIAL,
            colorbar=_bar(figure, row, escape(one.units)),
            hovertemplate="%{y:.1f} N %{x:.1f} E<br>%{z:.5g}<extra></extra>",
        )
        figure.add_trace(heat, row=row, col=1)
        if one.bad_latitudes.size:
            longitudes = one.bad_longitudes
            crosses = go.Scatter(
                x=np.where(longitudes > one.longitudes.max() + 1, longitudes - 360, longitudes),
                y=one.bad_latitudes,
                mode="markers",
                marker={"symbol": "x-thin", "size": 7, "line": {"width": 2, "color": "var(--c2)"}},
                hovertemplate=f"{one.bad}, %{{y:.2f}} N %{{x:.2f}} E<extra></extra>",
            )
            figure.add_trace(crosses, row=row, col=1)
        _frame(figure, row, one.latitudes, one.longitudes)
    return _finish(figure, len(shown))


def _title(one: FieldMap) -> str:
    n, shown = one.n_bad, one.bad_latitudes.size
    drawn = f", {shown} of them marked" if 0 < shown < n else ""
    told = f": {n:,} cell{'s' * (n != 1)} {one.bad}{drawn}" if n else ""
    return escape(f"{one.variable} {short_time(one.time)}{told}")


def departures_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """Maps of the mean departure of each area, for each variable that the drift is about."""
    figure = departure_maps(verdict.tables, options["most"])
    if figure is None:
        return ""
    n = sum(isinstance(trace, go.Heatmap) for trace in figure.data)
    block = figure_block(figure, 40 + _HEIGHT * n, "Maps of departures from training")
    more = not_drawn(count_named(verdict, "areas") - n, "variable", "the table scorecard of --tables")
    return (
        "<h2>Where it departs from training</h2><p class='soft'>Mean departure of each area from what is usual at this "
        f"time of year, in standard deviations.</p><div id='departures'>{block}</div>{more}"
    )


def departure_maps(tables: Mapping[str, pd.DataFrame], most: int = 6) -> go.Figure | None:
    """A map of the mean departure of each area, for each variable that the drift is about.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `areas`.
    most : int
        Maps at most.

    Returns
    -------
    plotly Figure or None
        None where no variable is named, or areas have no coordinates.
    """
    areas = tables.get("areas")
    if areas is None or areas.empty or areas["south"].isna().any():
        return None
    names = list(areas["variable"].unique())[:most]
    kinds = areas.groupby("variable")["kind"].first()
    titles = [escape(name if kinds[name] == "state" else f"{name} ({_what(kinds[name])})") for name in names]
    figure = make_subplots(rows=len(names), cols=1, subplot_titles=titles,
                           vertical_spacing=_GAP / len(names) if len(names) > 1 else 0)  # fmt: skip
    for row, name in enumerate(names, 1):
        lat, lon, drawn = rasterise(areas[areas["variable"] == name])
        heat = go.Heatmap(
            x=np.float32(lon),
            y=np.float32(lat),
            z=np.float32(np.round(drawn, 2)),
            zmin=-_MOST,
            zmax=_MOST,
            colorscale=_DIVERGING,
            colorbar=_bar(figure, row, "sd"),
            hovertemplate="%{y} N %{x} E<br>%{z:.2f} sd<extra></extra>",
        )
        figure.add_trace(heat, row=row, col=1)
        _frame(figure, row, lat, lon)
    return _finish(figure, len(names))


def _what(kind: str) -> str:
    return "its change since the step before" if kind == "step" else "its departure from the background"


def _bar(figure: go.Figure, row: int, title: str) -> dict[str, Any]:
    """A bar of colours beside the map of a row."""
    low, high = figure.get_subplot(row, 1).yaxis.domain
    return {"title": {"text": title}, "len": (high - low) * 1.02, "y": (low + high) / 2, "thickness": 12, "xpad": 4}


def _frame(figure: go.Figure, row: int, lat: np.ndarray, lon: np.ndarray) -> None:
    """Axes that show the data and no more, in the proportions of a map in its middle latitude."""
    step = [float(np.diff(a).mean()) if a.size > 1 else 1.0 for a in (lat, lon)]
    south, north = max(lat.min() - step[0] / 2, -90.0), min(lat.max() + step[0] / 2, 90.0)
    west, east = lon.min() - step[1] / 2, lon.max() + step[1] / 2
    axes = figure.get_subplot(row, 1)
    common = {"showgrid": False, "zeroline": False, "ticks": "outside", "nticks": 7}
    figure.update_xaxes(range=[west, east], ticksuffix="°", constrain="domain", **common, row=row, col=1)
    figure.update_yaxes(range=[south, north], ticksuffix="°", constrain="domain", **common, row=row, col=1)
    x = axes.xaxis.plotly_name.replace("axis", "")
    ratio = 1 / max(float(np.cos(np.radians((south + north) / 2))), 0.2) if east - west < 180 else 1.0
    figure.update_yaxes(scaleanchor=x, scaleratio=ratio, row=row, col=1)


def _finish(figure: go.Figure, n: int) -> go.Figure:
    axes = [{"xaxis": f"x{k or ''}", "yaxis": f"y{k or ''}"} for k in (0, *range(2, n + 1))]
    shapes = [_shape(figure, row) for row in range(1, n + 1)]
    if len({tuple(figure.get_subplot(row, 1).xaxis.range) for row in range(1, n + 1)}) == 1:
        for row in range(1, n):  # those of the last are those of all
            figure.update_xaxes(showticklabels=False, ticks="", row=row, col=1)
    figure.update_layout(
        meta={"coast": axes, "aspect": sum(shapes), "gaps": _GAP * (n - 1) / n},
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 30, "b": 20},
    )
    figure.update_annotations(font_size=14, xanchor="left", x=0)
    return figure


def _shape(figure: go.Figure, row: int) -> float:
    """Height over width of a map."""
    axes = figure.get_subplot(row, 1)
    height, width = (float(np.ptp(axis.range)) for axis in (axes.yaxis, axes.xaxis))
    return min(axes.yaxis.scaleratio * height / width, 1.5)


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
