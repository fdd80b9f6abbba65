"""The pages of the demo in a real browser: they tell the story of the soil alone, drawn and without complaint."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.pages import check_drawn, opened
from examples.test_demo import ran
from playwright.sync_api import Browser

__all__ = ["ran"]  # the fixture: the folder of the demo, and what it printed

pytestmark = pytest.mark.slow


def test_the_report_tells_the_story(browser: Browser, ran: tuple[Path, str], screenshots: Path) -> None:
    with opened(browser, (ran[0] / "report.html").as_uri()) as page:
        assert page.locator("#verdict .word").inner_text() == "✕ FAIL"
        verdict = page.locator("#verdict").inner_text()
        assert "The state is unlike anything in training" in verdict
        assert "swvl1" in verdict
        rows = {row.split("\t")[0]: row for row in page.locator("#named tr").all_inner_texts()[1:]}
        assert set(rows) == {"swvl1", "swvl2"}
        assert all("N " in row.split("\t")[1] and "E" in row.split("\t")[1] for row in rows.values()), (
            "they are located"
        )
        for sentence in ("rain pox", "spurious single points of rain", "Do not start it"):
            assert page.get_by_text(sentence).first.is_visible(), sentence
        for name in ("departures", "histograms", "nulls", "storage"):
            assert page.locator(f"#{name} .main-svg").first.is_visible(), name
        titles = " ".join(page.locator("#departures text, #histograms text").all_text_contents())
        assert "swvl1" in titles
        assert "swvl2" in titles
        assert page.locator("#histograms .trace").count() >= 4, "bars and a line of each variable"
        assert check_drawn(page) >= 4
        page.screenshot(path=screenshots / "demo-report.png", full_page=True)


def test_the_page_of_the_weights_says_what_to_change(
    browser: Browser, ran: tuple[Path, str], screenshots: Path
) -> None:
    with opened(browser, (ran[0] / "weights.html").as_uri()) as page:
        assert page.locator("#verdict .word").is_visible()
        rows = page.locator("#weights tr").all_inner_texts()
        assert any(row.startswith("swvl1") for row in rows)
        assert page.locator("#advice .main-svg").first.is_visible()
        assert "swvl2" in " ".join(page.locator("#advice text").all_text_contents())
        assert check_drawn(page) >= 2
        page.screenshot(path=screenshots / "demo-weights.png", full_page=True)
