"""The page of a verdict in a real browser: drawn, readable, escaped, the same offline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser.cases import full_verdict
from browser.pages import check_drawn, opened, to_file
from playwright.sync_api import Browser
from reports.test_html import EVIL, fields, verdict
from sources.zarr_files import make_anemoi

import dqwatch
from dqwatch.reports import html_inspection
from dqwatch.reports.html import SECTIONS, render
from examples.loss_series import make_table

FIGURES = ("departures", "maps", "histograms", "nulls", "cycles", "series", "advice", "picture", "calendar", "storage")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with all sections."""
    text = render(full_verdict())
    assert len(text.encode()) < 8e6
    return to_file(tmp_path_factory.mktemp("pages"), "full", text)


@pytest.mark.parametrize("look", ["light", *(pytest.param(look, marks=pytest.mark.slow) for look in ("dark", "phone"))])
def test_the_verdict_is_seen_and_every_graph_is_drawn(
    browser: Browser, address: str, look: str, screenshots: Path
) -> None:
    with opened(browser, address, look) as page:
        word = page.locator("#verdict .word")
        assert word.is_visible()
        assert word.inner_text() == "✕ FAIL"
        box = word.bounding_box()
        assert box is not None
        assert box["y"] < 300, "the answer is the first thing on the page"
        # advice has two figures; all sections but the words have one
        assert check_drawn(page) == len(FIGURES) + 1
        for name in FIGURES:
            assert page.locator(f"#{name} .main-svg").count(), name
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(13, 17, 23)") == (look == "dark")
        page.screenshot(path=screenshots / f"report-{look}.png", full_page=True)


def test_names_that_are_markup_stay_text(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a name was run: {dialog.message}"))
        assert EVIL in page.locator("#findings").inner_text()
        assert EVIL in page.locator("#scorecard").inner_text()
        drawn = page.locator("#picture .ytick").all_text_contents() + page.locator("#maps text").all_text_contents()
        assert any(EVIL in text for text in drawn)
        assert page.locator("script", has_text="alert('t')").count() == 0


@pytest.mark.slow
def test_coastlines_are_drawn_on_maps(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        for name in ("maps", "departures"):
            paths = page.locator(f"#{name} .contourlayer path").evaluate_all(
                "all => all.map(one => one.getAttribute('d'))"
            )
            # the outlines of the continents have thousands of points, and so long paths
            assert max(len(path or "") for path in paths) > 2000, name


@pytest.mark.slow
def test_colours_follow_the_scheme_of_the_reader(browser: Browser, address: str) -> None:
    ink = "document.querySelector('#series .xtick text').style.fill"
    with opened(browser, address) as page:
        assert page.evaluate(ink) == "rgb(27, 31, 36)"
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(f"{ink} === 'rgb(230, 237, 243)'")


@pytest.mark.slow
def test_it_prints_in_light_colours_on_pages_of_paper(browser: Browser, address: str, screenshots: Path) -> None:
    with opened(browser, address, "dark") as page:
        paper = page.pdf(format="A4")
        assert paper.startswith(b"%PDF")
        (screenshots / "report.pdf").write_bytes(paper)
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        ink = "document.querySelector('#series .xtick text').style.fill"
        page.wait_for_function(f"{ink} === 'rgb(27, 31, 36)'")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        widths = page.locator(".plot .main-svg").evaluate_all("all => all.map(one => one.clientWidth)")
        assert max(widths) <= 700, "figures fit on paper"


@pytest.mark.slow
def test_a_hundred_thousand_fields_are_a_page_that_can_be_used(browser: Browser, tmp_path: Path) -> None:
    times = [f"{1980 + k // 336}-{k // 28 % 12 + 1:02d}-{k % 28 + 1:02d}T00:00:00" for k in range(10_000)]
    names = [EVIL, *(f"v_{k}" for k in range(9))]
    table = fields(names, times, {(EVIL, times[777]): 7})
    text = render(verdict(table=table))
    assert len(text.encode()) < 6e6
    with opened(browser, to_file(tmp_path, "large", text)) as page:
        assert "100,000 fields were looked at" in page.locator("body").inner_text()
        assert "the worst shown" in page.locator("#picture").inner_text()
        assert check_drawn(page) == 1


def test_the_short_page_needs_no_script(browser: Browser, tmp_path: Path) -> None:
    with opened(
        browser, to_file(tmp_path, "brief", render(full_verdict(), "brief")), java_script_enabled=False
    ) as page:
        assert page.locator("#verdict .word").is_visible()
        assert EVIL in page.locator("#findings").inner_text()
        assert page.locator("script").count() == 0


@pytest.mark.slow
def test_the_page_of_an_inspection_is_drawn(browser: Browser, tmp_path: Path, screenshots: Path) -> None:
    values = np.random.default_rng(3).normal(280, 5, (240, 4, 1, 2000)).astype("f4")
    make_anemoi(tmp_path / "a.zarr", values, ["2t", "msl", "t_850", "t_500"], hours=24)
    text = html_inspection.render(dqwatch.inspect(tmp_path / "a.zarr", pattern="time=180d,cell=10,variable=2t"))
    with opened(browser, to_file(tmp_path, "inspect", text), "phone") as page:
        assert check_drawn(page) == 2
        page.screenshot(path=screenshots / "inspect-phone.png", full_page=True)


def test_all_sections_are_in_the_full_page() -> None:
    text = render(full_verdict())
    empty = [name for name, section in SECTIONS.items() if not section.render(full_verdict(), _defaults(name))]
    assert empty == []
    assert text.count('<div class="plot"') == len(FIGURES) + 1


def _defaults(name: str) -> dict[str, object]:
    return {key: option.default for key, option in SECTIONS[name].options.items()}


@pytest.mark.slow
@pytest.mark.parametrize("look", ["light", "phone"])
def test_losses_are_drawn_with_their_spikes(browser: Browser, tmp_path: Path, look: str, screenshots: Path) -> None:
    table = make_table(11, size=0.05)
    table.loc[[900, 1500], "swvl1"] *= 4
    text = dqwatch.losses(table).to_html()
    with opened(browser, to_file(tmp_path, "losses", text), look) as page:
        assert check_drawn(page) == 1
        assert page.locator("#losses .scatterlayer path.point").count() == 2
        assert "swvl1" in page.locator("#outstanding").inner_text()
        page.screenshot(path=screenshots / f"losses-{look}.png", full_page=True)
