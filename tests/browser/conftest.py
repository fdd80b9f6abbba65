"""Pages in a real Chromium, headless, with no network; screenshots are kept in `.screenshots/` to be looked at.

Where there is no Chromium these tests are skipped, but in CI they fail (`.ci/run` installs it). Where Playwright is not
installed, as among the lowest pins, they are not collected.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of this machine, or $CHROMIUM; it finds no host but this one."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium, or say where it is with CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, headless=True, args=[*_FLAGS])
        yield found
        found.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures of pages are kept; git ignores it."""
    folder = ROOT / ".screenshots"
    folder.mkdir(exist_ok=True)
    return folder
