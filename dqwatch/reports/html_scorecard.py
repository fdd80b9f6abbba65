"""The scorecard of a page: variables and levels by region, triangles by sign and size, as forecasters know them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.reports.findings import short_time
from dqwatch.types import Verdict

if TYPE_CHECKING:
    import pandas as pd

EDGES = (0.5, 1.0, 2.0)
"""Standard deviations from which on a triangle is small, middle and large; below the first there is a dot."""
_SIDES = (0, 8, 13, 18)
_CLASSES = ("below 0.5", "0.5 to 1", "1 to 2", "above 2")


def scorecard_section(verdict: Verdict, options: Mapping[str, Any]) -> str:
    """The scorecard, where data were held against a baseline."""
    return scorecard(verdict.tables, options["most"])


def scorecard(tables: Mapping[str, pd.DataFrame], most: int = 200) -> str:
    """The scorecard as a table of HTML; '' without one.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Uses `scorecard`.
    most : int
        Variables at most; those that depart most are shown, and how many there are is said.
    """
    card = tables.get("scorecard")
    if card is None or card.empty:
        return ""
    regions = list(dict.fromkeys(card["region"]))
    groups = sorted(card.groupby("variable", sort=False), key=_by_level)
    shown = _worst(groups, most)
    body = "".join(_row(str(name), own, regions) for name, own in shown)
    head = "".join(f"<th>{escape(r)}</th>" for r in regions)
    rest = f"<p class='soft'>The {most:,} of {len(groups):,} variables that depart most.</p>" * (len(groups) > most)
    when = escape(short_time(str(card["time"].iloc[0])))
    return (
        f"<h2>Scorecard by region, {when}</h2>{_legend()}{rest}<div class='scroll'><table id='scorecard' "
        f"class='scorecard'><tr><th>Variable</th>{head}</tr>{body}</table></div>"
    )


def triangle(mean: float) -> str:
    """An upward triangle for what is above the usual, a downward one for what is below, a dot for little: SVG."""
    size = _SIDES[int(np.searchsorted(EDGES, abs(mean), side="right"))]
    if not size:
        return '<svg width="20" height="18" aria-hidden="true"><circle class="level" cx="10" cy="9" r="2"/></svg>'
    half, top, base = size / 2, 9 - size / 2, 9 + size / 2
    points = (10 - half, base, 10 + half, base, 10, top) if mean > 0 else (10 - half, top, 10 + half, top, 10, base)
    css = "up" if mean > 0 else "down"
    path = " ".join(f"{value:g}" for value in points)
    return f'<svg width="20" height="18" aria-hidden="true"><polygon class="{css}" points="{path}"/></svg>'


def _legend() -> str:
    shown = [(triangle(value), text) for value, text in zip((0.0, 0.7, 1.5, 3.0), _CLASSES, strict=True)]
    parts = "".join(f"<span>{svg} {text}</span>" for svg, text in shown)
    return (
        "<p class='soft'>Mean departure of the state from what is usual at this time of year, in standard deviations "
        f"of areas.</p><div class='legend'><span>{triangle(1.5)} above</span>"
        f"<span>{triangle(-1.5)} below the usual</span>{parts}</div>"
    )


def _row(name: str, own: pd.DataFrame, regions: list[str]) -> str:
    cells = own.set_index("region")
    named = bool(cells["named"].any())
    values = "".join(_cell(cells["mean"].get(r, np.nan), cells["rms"].get(r, np.nan)) for r in regions)
    bold = f"<b>{escape(name)}</b> <span class='soft small'>named</span>" if named else escape(name)
    css = ' class="named"' if named else ""
    return f"<tr{css}><th>{bold}</th>{values}</tr>"


def _cell(mean: float, rms: float) -> str:
    if not np.isfinite(mean):
        return '<td class="cell"></td>'
    told = f"mean {mean:+.2f} standard deviations, root mean square departure of cells {rms:.2f}"
    return f'<td class="cell" title="{told}">{triangle(mean)}<span class="soft small">{mean:+.2f}</span></td>'


def _by_level(item: tuple[object, pd.DataFrame]) -> tuple[str, float]:
    own = item[1].iloc[0]
    return str(own["param"]), -1.0 if np.isnan(own["level"]) else float(own["level"])


def _worst(groups: list[tuple[object, pd.DataFrame]], most: int) -> list[tuple[object, pd.DataFrame]]:
    """The groups that depart most in any region, in their order."""
    if len(groups) <= most:
        return groups
    departures = [-float(np.nan_to_num(own["mean"].abs().max())) for _, own in groups]
    keep = set(np.argsort(departures, kind="stable")[:most].tolist())
    return [group for i, group in enumerate(groups) if i in keep]
