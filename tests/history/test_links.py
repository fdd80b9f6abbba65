"""Links from the report of a history to verdicts: they lead there from where the page is, and say on which machine."""

from __future__ import annotations

import json
import re
import socket
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from history.verdicts import FAILED, make_verdict

from dqwatch.cli import main
from dqwatch.history import rows
from dqwatch.history.appending import append
from dqwatch.history.store import open_history


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of a run that failed, recorded in h.db by a machine of another name."""
    monkeypatch.setattr(rows.socket, "gethostname", lambda: "node<7>")
    page = tmp_path / "runs" / "a #1.html"
    page.parent.mkdir()
    page.write_text("<h1>verdict</h1>")
    history = open_history(str(tmp_path / "h.db"), create=True)
    append(history, make_verdict("fail", results=[FAILED]), files={"json": None, "html": str(page)})
    history.close()
    monkeypatch.undo()
    return page


def test_the_link_is_relative_to_the_page_and_tells_the_machine(
    failed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "pages" / "month.html"
    page.parent.mkdir()
    told = tmp_path / "month.json"
    assert main(["report", "--history", str(tmp_path / "h.db"), "--html", str(page), "--json", str(told)]) == 0
    (row,) = re.findall(r'<table id="failed">.*</table>', page.read_text("utf-8"), flags=re.DOTALL)
    ((href, text),) = re.findall(r'<a href="(.*?)">(.*?)</a>', row)
    assert href == "../runs/a%20%231.html"
    assert (page.parent / unquote(unescape(href))).resolve() == failed
    assert unescape(text) == f"node<7>:{failed}"
    assert f"-> node<7>:{failed}" in capfd.readouterr().err
    (one,) = json.loads(told.read_text("utf-8"))["failed"]
    assert (one["host"], one["html"]) == ("node<7>", str(failed))


def test_on_this_machine_the_text_has_the_path_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    history = open_history(str(tmp_path / "h.db"), create=True)
    append(history, make_verdict("fail", results=[FAILED]), files={"html": "a.html"})
    history.close()
    assert main(["report", "--history", str(tmp_path / "h.db")]) == 0
    err = capfd.readouterr().err
    assert f"-> {Path('a.html').absolute()}" in err
    assert f"{socket.gethostname()}:" not in err
