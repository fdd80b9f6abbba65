"""The pages of a history in a real browser, under the policy that the server sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.pages import check_drawn, opened, to_file
from playwright.sync_api import Browser
from serving.conftest import EVIL, address, serving

import dqwatch
from dqwatch.reports import html_history

__all__ = ["address"]  # the fixture: a history with names that are markup


@pytest.fixture(scope="module")
def site(address: str) -> Iterator[str]:
    with serving(address) as server:
        yield server.address.rstrip("/")


@pytest.mark.slow
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
@pytest.mark.parametrize(
    ("path", "figures"),
    [("/runs", 0), ("/run/1", 2), ("/cycles", 2), ("/variables", 0), ("/variable?name=t_850", 1), ("/report", 3)],
)
def test_pages_are_drawn_without_complaint(
    browser: Browser, site: str, path: str, figures: int, look: str, screenshots: Path
) -> None:
    with opened(browser, site + path, look) as page:
        assert page.locator("nav").is_visible()
        assert check_drawn(page) == figures
        name = path.strip("/").partition("?")[0].replace("/", "-")
        page.screenshot(path=screenshots / f"serve-{name}-{look}.png", full_page=True)


@pytest.mark.slow
def test_the_report_of_a_period_is_drawn_from_a_file(
    browser: Browser, address: str, tmp_path: Path, screenshots: Path
) -> None:
    text = html_history.render(dqwatch.report(address, since="30d"))
    assert len(text.encode()) < 8e6
    with opened(browser, to_file(tmp_path, "report", text)) as page:
        assert page.locator("#verdict .word").is_visible()
        assert check_drawn(page) == 3
        assert EVIL in page.locator("body").inner_text()
        page.screenshot(path=screenshots / "history-report.png", full_page=True)


def test_people_find_their_way_from_the_runs_to_a_variable(browser: Browser, site: str) -> None:
    with opened(browser, site) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a name was run: {dialog.message}"))
        assert EVIL in page.locator("#runs").inner_text()
        page.get_by_role("link", name="✕ fail").first.click()
        assert page.locator("#verdict .word").inner_text() == "✕ FAIL"
        page.get_by_role("link", name="Variables").click()
        page.get_by_role("link", name=EVIL).click()
        page.wait_for_selector("html[data-drawn]", state="attached")
        assert check_drawn(page) >= 1
        assert page.locator("h1").inner_text() == EVIL
        page.locator("select[name=label]").select_option("source=ifs")
        page.get_by_role("button", name="Show").click()
        assert "not held against training" in page.locator("body").inner_text()


def test_a_token_is_asked_for_and_does_not_stay_in_the_address(browser: Browser, address: str) -> None:
    with serving(address, "abcdefgh-12345") as server:
        where = f"{server.address}runs?token=abcdefgh-12345"
        with opened(browser, where) as page:
            assert page.url == f"{server.address}runs"
            page.get_by_role("link", name="Variables").click()
            assert page.locator("#variables").is_visible()
