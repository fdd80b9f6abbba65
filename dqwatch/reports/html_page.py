"""The shell of every page: style, figures and the one script that draws them; no page needs a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.reports.findings import clean

if TYPE_CHECKING:
    import plotly.graph_objects as go

SCRIPTS = ("plotly.js", "page.js")
"""What draws figures, in the order in which it is run."""
_FIGURE = '<div class="plot"'
_COAST = '"coast"'


def page(title: str, body: str, *, served: bool = False) -> str:
    """A whole HTML document.

    Parameters
    ----------
    title : str
        Text; escaped here.
    body : str
        HTML in which everything that comes from data is escaped.
    served : bool
        The scripts are not part of the page, but lie beside it, at the paths of `SCRIPTS`.

    Returns
    -------
    str
        With the library that draws in it if there is a figure to draw.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>\n{style()}</style></head>\n'
        f"<body>\n{body}\n{_scripts(body, served)}</body></html>\n"
    )


@cache
def style() -> str:
    """The style sheet of all pages."""
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def figure_block(figure: go.Figure, height: int, label: str) -> str:
    """A figure as a part of a page; its colours may be names of the style sheet, `var(--ink)`.

    Parameters
    ----------
    figure : plotly Figure
        Text in it is escaped by whoever made it: the library takes text for markup.
    height : int
        [px]; holds the place until the figure is drawn.
    label : str
        What the figure shows, for those who cannot see it.
    """
    figure.update_layout(
        height=height,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "var(--ink)", "size": 13},
        hoverlabel={"font": {"size": 13}},
        template="none",
    )
    figure.update_xaxes(gridcolor="var(--grid)", linecolor="var(--line)", zerolinecolor="var(--line)", automargin=True)
    figure.update_yaxes(gridcolor="var(--grid)", linecolor="var(--line)", zerolinecolor="var(--line)", automargin=True)
    packed = _embed(figure.to_json())
    return (
        f'{_FIGURE} role="img" aria-label="{escape(label)}" style="height:{height}px">'
        f'<script type="application/json">{packed}</script></div>'
    )


def _embed(text: str) -> str:
    """JSON that can stand in a page: no character in it ends the element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script(name: str) -> str:
    """One of the scripts of pages.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    if name == "plotly.js":
        from plotly.offline import get_plotlyjs

        return str(get_plotlyjs())
    return {name: Path(__file__).with_name(name) for name in SCRIPTS}[name].read_text(encoding="utf-8")


def _scripts(body: str, served: bool) -> str:
    """What draws the figures of a page, if it has any."""
    if _FIGURE not in body:
        return ""
    land = f'<script type="application/json" id="land">{_land()}</script>\n' if _COAST in body else ""
    drawing = (f'<script src="/{name}"></script>' if served else f"<script>{script(name)}</script>" for name in SCRIPTS)
    return (
        "<noscript><p>The figures are drawn by a script that this page holds; allow it to see them.</p></noscript>"
        f"\n{land}{''.join(drawing)}\n"
    )


@cache
def _land() -> str:
    """Per cent of land in boxes of one degree, as the script reads it."""
    from dqwatch.metrics.earth import share_of_land

    land = np.rint(share_of_land()).astype(np.uint8)
    packed = base64.b64encode(land.tobytes()).decode("ascii")
    rows, columns = land.shape
    return json.dumps({"rows": rows, "columns": columns, "west": -179.5, "north": 89.5, "step": 1.0, "share": packed})


def number(value: Any) -> str:
    """A value for people: six digits of a number, parts of a list or mapping one after the other, nothing for None."""
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(number, value))
    return "" if value is None else clean(value)


def some(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def not_drawn(more: int, what: str, where: str) -> str:
    """How many more there are of what figures show the first of, and where to see them; '' where none is left out.

    Parameters
    ----------
    more : int
        How many are left out.
    what : str
        One of them, the noun first: `column with findings`.
    where : str
        What has them all: `the table drift of --tables`.
    """
    if more <= 0:
        return ""
    noun, _, rest = what.partition(" ")
    told = f"{noun}{'s' * (more != 1)} {rest}".strip()
    return f"<p class='soft'>{more:,} more {told} {'is' if more == 1 else 'are'} not drawn: see {where}.</p>"
