"""Colours of the page can be read by everybody: contrasts as WCAG 2.1 (AA) asks, in both schemes."""

from __future__ import annotations

import re

import pytest

from dqwatch.reports.html_page import page, script, style

TEXT = ("ink", "soft", "good", "warn", "bad", "odd", "link")
LINES = ("c1", "c2", "c3", "c4", "coast", "warn", "bad")


def schemes() -> dict[str, dict[str, str]]:
    """The colours of both schemes by name; the dark one changes some of the light."""
    light, dark = re.findall(r":root(?::not\(\.on-paper\))? \{(.*?)\}", style(), flags=re.DOTALL)
    given = [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", text)) for text in (light, dark)]
    return {"light": given[0], "dark": given[0] | given[1]}


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_the_largest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out(scheme: str) -> None:
    colours = schemes()[scheme]
    for name in TEXT:
        for ground in ("paper", "card"):
            assert contrast(colours[name], colours[ground]) >= 4.5, f"{name} on {ground}"
    for name in ("good", "warn", "bad", "odd"):
        assert contrast(colours[name], colours[f"{name}-back"]) >= 4.5, name
        assert contrast(colours["ink"], colours[f"{name}-back"]) >= 4.5, name
    for name in LINES:
        assert contrast(colours[name], colours["paper"]) >= 3, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ordered_colours_are_ordered_by_lightness_too(scheme: str) -> None:
    colours = schemes()[scheme]
    for family in ("seq", "cls"):
        steps = [luminance(colours[f"{family}{k}"]) for k in range(5)]
        assert steps in (sorted(steps), sorted(steps, reverse=True)), family


def test_scripts_are_part_of_a_file_and_beside_a_served_page() -> None:
    body = '<div class="plot"></div>'
    alone, served = page("t", body), page("t", body, served=True)
    assert script("page.js") in alone
    assert script("plotly.js") in alone
    assert "<script src=" not in alone
    assert re.findall(r'<script src="(.*?)">', served) == ["/plotly.js", "/page.js"]
    assert len(served) < 20_000
    assert "<script" not in page("<b>", "<p>nothing drawn</p>")
    with pytest.raises(KeyError):
        script("page.css")
