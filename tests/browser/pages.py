"""Opening pages as people do, and complaining of what they would: errors, what is not drawn, what runs off the edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

WIDTHS = {"light": 1100, "dark": 1100, "phone": 390}


@contextmanager
def opened(browser: Browser, address: str, look: str = "light", **settings: Any) -> Iterator[Page]:
    """A page, when its figures are drawn; no error may have been written, and nothing asked of a network.

    Parameters
    ----------
    browser : Browser
    address : str
        Of a file, or on this machine.
    look : str
        One of WIDTHS.
    """
    scheme: Any = "dark" if look == "dark" else "light"
    size: Any = {"width": WIDTHS[look], "height": 844}
    context = browser.new_context(viewport=size, color_scheme=scheme, **settings)
    said: list[str] = []
    asked: list[str] = []
    try:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        if page.query_selector(".plot"):
            page.wait_for_selector("html[data-drawn]", state="attached")
        yield page
        assert said == []
        parts = urlsplit(address)
        own = address if parts.scheme == "file" else f"{parts.scheme}://{parts.netloc}/"
        assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []
    finally:
        context.close()


def check_drawn(page: Page) -> int:
    """How many figures the page has; each of them must have traces, and must fit into the width."""
    boxes = page.query_selector_all(".plot")
    for box in boxes:
        assert box.query_selector(".main-svg"), "a figure is not drawn"
        assert box.query_selector(".trace, .hm, .contour, .heatmaplayer image"), "a figure is empty"
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"the page is {over} px wider than the window"
    return len(boxes)


def to_file(folder: Path, name: str, text: str) -> str:
    """The address of a page written to a file."""
    path = folder / f"{name}.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()
