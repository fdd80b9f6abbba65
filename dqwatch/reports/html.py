"""A verdict as one self-contained HTML page: what is wrong, where, and what to do, readable offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any, NamedTuple

from dqwatch.reports import (
    html_advice,
    html_calendar,
    html_drift,
    html_findings,
    html_histograms,
    html_losses,
    html_maps,
    html_picture,
    html_scorecard,
    html_series,
    html_storage,
)
from dqwatch.reports.findings import clean
from dqwatch.reports.html_page import page
from dqwatch.reports.layouts import Layout, Option, list_layouts, read_layout
from dqwatch.types import SEVERITIES, Verdict


class Section(NamedTuple):
    """A part of the page: what makes its HTML, '' where there is nothing to say, and the options that it takes."""

    render: Callable[[Verdict, Mapping[str, Any]], str]
    options: Mapping[str, Option] = {}


SECTIONS: dict[str, Section] = {
    "verdict": Section(html_findings.verdict_section),
    "drift": Section(
        html_drift.drift_section,
        {
            "variables": Option(6, most=100, meaning="variables told one by one"),
            "effects": Option({}, meaning="quantity: what a model may make of it, told where the drift is about it"),
        },
    ),
    "departures": Section(
        html_maps.departures_section,
        {"most": Option(4, most=20, meaning="maps of where a state departs from training")},
    ),
    "histograms": Section(
        html_histograms.histograms_section,
        {"most": Option(6, most=6, meaning="histograms of values beside those of training")},
    ),
    "nulls": Section(
        html_drift.nulls_section, {"most": Option(4, most=20, meaning="histograms of scores in training")}
    ),
    "scorecard": Section(html_scorecard.scorecard_section, {"most": Option(200, meaning="variables")}),
    "cycles": Section(html_series.cycles_section, {"variables": Option(3, most=12, meaning="variables drawn")}),
    "findings": Section(
        html_findings.findings_section,
        {
            "most": Option(60, meaning="rules"),
            "variables": Option(12, meaning="variables told for each rule"),
            "failures": Option(20, meaning="rows that fail, for each rule"),
            "severity": Option("info", SEVERITIES, meaning="the least to be shown"),
        },
    ),
    "maps": Section(html_maps.fields_section, {"most": Option(3, most=10, meaning="maps of fields with findings")}),
    "series": Section(
        html_series.series_section,
        {
            "most": Option(6, most=50, meaning="series of what was found"),
            "points": Option(1500, least=50, most=2500, meaning="points of a series; of more times extremes are drawn"),
        },
    ),
    "picture": Section(html_picture.picture_section),
    "calendar": Section(html_calendar.calendar_section),
    "storage": Section(html_storage.storage_section, {"most": Option(12, most=100, meaning="arrays")}),
    "weights": Section(html_advice.weights_section, {"most": Option(40, most=500, meaning="variables")}),
    "losses": Section(html_losses.losses_section, {"most": Option(6, most=12, meaning="variables drawn")}),
    "notes": Section(html_findings.notes_section),
    "passed": Section(html_findings.passed_section),
    "about": Section(html_findings.about_section),
}
"""What a layout may name."""


def render(verdict: Verdict, layout: str | None = None) -> str:
    """The page, as a layout says.

    Parameters
    ----------
    verdict : Verdict
    layout : str, optional
        The name of a layout in `dashboards/`, or the path of a file of your own; by default that named like the verb,
        or `verdict`.

    Returns
    -------
    str
        A whole HTML document; needs no network. All text of the data is escaped.

    Raises
    ------
    RuleFileError
        If there is no such layout, or it asks for what there is not.
    """
    return page(*render_parts(verdict, layout))


def render_parts(verdict: Verdict, layout: str | None = None) -> tuple[str, str]:
    """The title of the page, as text, and its body, as HTML.

    Parameters
    ----------
    verdict, layout
        As for `render`.

    Raises
    ------
    RuleFileError
        If there is no such layout, or it asks for what there is not.
    """
    if layout is None:
        layout = verdict.verb if verdict.verb in list_layouts() else "verdict"
    chosen = check_layout(layout)
    names = ", ".join(clean(i["name"]) for i in verdict.inputs)
    title = chosen.title.format(verb=verdict.verb, name=names)
    body = [SECTIONS[name].render(verdict, options) for name, options in chosen.sections]
    return title, f"<h1>{escape(title)}</h1>\n" + "\n".join(filter(None, body))


def check_layout(layout: str) -> Layout:
    """The layout of that name or file.

    Raises
    ------
    RuleFileError
        If there is no such layout, or it asks for what there is not.
    """
    return read_layout(layout, {name: section.options for name, section in SECTIONS.items()})
