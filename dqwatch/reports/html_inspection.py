"""An inspection as one self-contained HTML page: what the data are, how they are stored, what reading them costs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from dqwatch import __version__
from dqwatch.metrics.inspection import Inspection, ReadCost
from dqwatch.reports import inspection as texts
from dqwatch.reports.drawing import draw
from dqwatch.reports.findings import clean
from dqwatch.reports.html_page import figure_block, page
from dqwatch.reports.inspection import clean_line
from dqwatch.reports.lines import size
from dqwatch.reports.read_costs import title_of

_COLOURS = ("var(--c1)", "var(--c3)", "var(--c2)", "var(--c4)", "var(--soft)")


def render(inspection: Inspection) -> str:
    """The page; needs no network. All text of the data is escaped.

    Parameters
    ----------
    inspection : Inspection
    """
    title = f"dqwatch inspect of {clean(inspection.name)}"
    parts = [f"<h1>{escape(title)}</h1>", _overview(inspection), _reading(inspection), _layout(inspection)]
    parts += [_options(inspection), _text(inspection), f'<p class="soft small">dqwatch {escape(__version__)}</p>']
    return page(title, "\n".join(filter(None, parts)))


def render_failure(names: Sequence[str], reason: str) -> str:
    """The page of an inspection that ended in an error: an older one must not stand.

    Parameters
    ----------
    names : sequence of str
        Of the data.
    reason : str
        The error, in one line.
    """
    title = f"dqwatch inspect of {', '.join(map(clean, names))}"
    body = f'<div class="verdict error" id="verdict"><b class="word">! ERROR</b><p>{escape(reason)}</p></div>'
    return page(title, f"<h1>{escape(title)}</h1>{body}")


def _overview(inspection: Inspection) -> str:
    cells = max((grid.n_cells for grid in inspection.grids), default=0)
    dates = max(map(len, inspection.times), default=0)
    stored = [a.stored_bytes for a in inspection.arrays if a.stored_bytes is not None]
    facts = [
        (f"{len(inspection.variables):,}", "variables"),
        (f"{dates:,}", "times"),
        (f"{cells:,}", "cells"),
        (size(inspection.bytes), "uncompressed"),
        *([(size(sum(stored)), "in storage")] if stored else []),
        (size(inspection.memory.date), "a date in memory"),
    ]
    told = "".join(f"<li><b>{escape(number)}</b> {text}</li>" for number, text in facts)
    notes = "".join(f"<li>{escape(clean(note))}</li>" for note in inspection.notes)
    return f'<ul class="counts" id="facts">{told}</ul>' + (f"<ul>{notes}</ul>" if notes else "")


def _reading(inspection: Inspection) -> str:
    if not inspection.reads:
        return ""
    block = figure_block(reads_figure(inspection.reads), 110 + 62 * len(inspection.reads), "What reading costs")
    rows = "".join(
        f"<tr><td><b>{escape(clean(read.pattern.name))}</b></td>"
        f"<td>{escape(read.pattern.meaning or read.pattern.text)}</td>"
        f'<td class="n">{read.access.amplification:,.3g}</td><td class="n">{read.access.chunks:,}</td></tr>'
        for read in inspection.reads
    )
    return (
        "<h2>What each way of reading costs</h2><p class='soft'>A chunk (a page of a file without chunks, a message) "
        f"is decoded whole, however little of it is wanted.</p><div id='reads'>{block}</div><div class='scroll'><table>"
        "<tr><th>Pattern</th><th>What it is</th><th class='n'>Decoded for each byte wanted</th>"
        "<th class='n'>Chunks</th></tr>"
        f"{rows}</table></div>"
    )


def reads_figure(reads: Sequence[ReadCost]) -> go.Figure:
    """Bars for each pattern, logarithmic: bytes wanted, decoded, and fetched from storage.

    Parameters
    ----------
    reads : sequence of ReadCost
    """
    names = [escape(clean(read.pattern.name)) for read in reads]
    bars: dict[str, list[int | None]] = {
        "wanted": [read.access.wanted_bytes for read in reads],
        "decoded": [read.access.decoded_bytes for read in reads],
        "fetched from storage": [read.stored_bytes for read in reads],
    }
    figure = go.Figure()
    for (name, values), colour in zip(bars.items(), _COLOURS, strict=False):
        if any(values):
            shown = f"%{{y}}: %{{x:.4s}}B {name}<extra></extra>"
            bar = go.Bar(x=values, y=names, orientation="h", name=name, marker={"color": colour}, hovertemplate=shown)
            figure.add_trace(bar)
    figure.update_xaxes(type="log", tickformat="~s", ticksuffix="B", dtick=1)
    return _rows(figure)


def _rows(figure: go.Figure) -> go.Figure:
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
    figure.update_layout(barmode="group", legend=legend, margin={"l": 10, "r": 15, "t": 40, "b": 30})
    return figure.update_yaxes(autorange="reversed", type="category")


def _layout(inspection: Inspection) -> str:
    if inspection.main is None:
        return ""
    drawn = "\n".join(escape(clean_line(line)) for line in draw(inspection.main))
    return f"<h2>How {escape(clean(inspection.main.stored.name))} lies in storage</h2><pre id='layout'>{drawn}</pre>"


def _options(inspection: Inspection) -> str:
    if inspection.as_stored is None or not inspection.options:
        return ""
    figure = options_figure(inspection)
    block = figure_block(figure, 110 + 70 * len(inspection.as_stored.accesses), "What other chunks would bring")
    told = (
        "Bytes decoded for each byte wanted, by pattern, as stored and with other chunks. One is the best there can be."
    )
    return f"<h2>Other chunks</h2><p class='soft'>{told}</p><div id='options'>{block}</div>"


def options_figure(inspection: Inspection) -> go.Figure:
    """Bars for each pattern, logarithmic: bytes decoded for each byte wanted, as stored and with other chunks.

    Parameters
    ----------
    inspection : Inspection
        With options.
    """
    assert inspection.as_stored is not None  # noqa: S101 (whoever calls has looked)
    names = list(inspection.as_stored.accesses)
    layouts = {"as stored": inspection.as_stored}
    layouts |= {f"best for {title_of(option, names)}": option.candidate for option in inspection.options}
    figure = go.Figure()
    for k, (name, candidate) in enumerate(layouts.items()):
        values = [candidate.accesses[n].amplification for n in names]
        shown = f"%{{y}}: %{{x:.3g}} times, {escape(name)}<extra></extra>"
        bar = go.Bar(x=values, y=[escape(clean(n)) for n in names], orientation="h", name=escape(name),
                     marker={"color": _COLOURS[k % len(_COLOURS)]}, hovertemplate=shown)  # fmt: skip
        figure.add_trace(bar)
    figure.update_xaxes(type="log", dtick=1)
    return _rows(figure)


def _text(inspection: Inspection) -> str:
    text = escape(texts.render(inspection))
    summary = "<summary>as text, with the command that rechunks</summary>"
    return f"<h2>All of it</h2><details>{summary}<pre>{text}</pre></details>"
