"""What the pages of a history say, and that they say nothing to those who may not ask."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import sqlite3
from urllib.parse import quote, urlsplit

import pytest
from history.verdicts import make_verdict
from serving.conftest import EVIL, serving

from dqwatch.cli import main
from dqwatch.errors import UsageError
from dqwatch.history.store import open_history
from dqwatch.history_verbs import record
from dqwatch.reports.html_page import script
from dqwatch.serving.pages import Site
from dqwatch.serving.recorded import read_verdict
from dqwatch.serving.server import Server
from dqwatch.types import VERBS


def ask(site: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer."""
    parts = urlsplit(site)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return answer.status, content.decode(), dict(answer.headers.items())
    finally:
        connection.close()


def cells(text: str, table: str) -> list[list[str]]:
    """The rows of a table as text."""
    (found,) = re.findall(rf'<table id="{table}">(.*?)</table>', text, flags=re.DOTALL)
    rows = [re.findall(r"<td.*?>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", found, flags=re.DOTALL)]
    return [[re.sub(r"<.*?>", "", cell) for cell in row] for row in rows if row]


def test_runs_are_listed_newest_first_and_lead_to_their_pages(site: str) -> None:
    status, text, _ = ask(site, "/")
    assert status == 200
    rows = cells(text, "runs")
    assert [row[1:4] for row in rows][:3] == [
        ["! error", "audit", "ic.zarr"],
        ["✕ fail", "gate", "bad.zarr"],
        ["✓ pass", "gate", "ic.zarr"],
    ]
    assert rows[1][7] == "nan.none t_850"
    assert '<a href="/run/3">' in text
    assert "source=&lt;script&gt;" in text


def test_runs_of_a_verb_or_label(site: str) -> None:
    assert len(cells(ask(site, "/runs?verb=audit")[1], "runs")) == 1
    assert len(cells(ask(site, "/runs?label=source%3Difs")[1], "runs")) == 2
    assert len(cells(ask(site, f"/runs?label={quote('source=' + EVIL)}")[1], "runs")) == 1
    status, text, _ = ask(site, "/runs?verb=sing")
    assert (status, "verb: got &#x27;sing&#x27;; give one of audit, gate" in text) == (400, True)


@pytest.mark.parametrize("verb", VERBS)
def test_runs_of_every_verb_are_chosen(tmp_path, verb: str) -> None:
    path = str(tmp_path / "verbs.db")
    for one in VERBS:
        record(make_verdict(verb=one), path)
    with serving(path) as server:
        status, text, _ = ask(server.address, f"/runs?verb={verb}")
    assert (status, [row[2] for row in cells(text, "runs")]) == (200, [verb])


def test_runs_of_losses_that_the_command_recorded_are_chosen(tmp_path, capfd: pytest.CaptureFixture[str]) -> None:
    series, path = tmp_path / "loss.csv", str(tmp_path / "losses.db")
    rows = [f"{step},{1 / (1 + step)},{2 / (1 + step)}" for step in range(60)]
    series.write_text("\n".join(["step,t_850,q_850", *rows]) + "\n")
    assert main(["losses", str(series), "--history", path]) in (0, 1), capfd.readouterr().err
    with serving(path) as server:
        status, text, _ = ask(server.address, "/runs?verb=losses")
        assert (status, [row[2] for row in cells(text, "runs")]) == (200, ["losses"])
        assert '<option value="losses" selected>' in text
        assert cells(ask(server.address, "/runs?verb=gate")[1], "runs") == []
        assert ask(server.address, "/run/1")[0] == 200


def test_many_runs_are_turned_over_in_pages(tmp_path) -> None:
    path = str(tmp_path / "many.db")
    for _ in range(103):
        record(make_verdict(), path)
    with serving(path) as server:
        first, second = ask(server.address, "/runs")[1], ask(server.address, "/runs?page=2")[1]
    assert len(cells(first, "runs")) == 100
    assert 'href="/runs?page=2">older' in first
    assert len(cells(second, "runs")) == 3
    assert 'href="/runs?page=1">newer' in second
    assert "older" not in second


def test_the_page_of_a_run_is_that_of_its_verdict(site: str) -> None:
    status, text, _ = ask(site, "/run/3")
    assert status == 200
    assert '<b class="word">✕ FAIL</b>' in text
    assert "waived by Ann until 2030-01-01: known" in text
    assert "2 of 8" in text
    assert "no such &lt;script&gt;" in ask(site, "/run/4")[1]
    full = ask(site, "/run/1")[1]
    for name in ("drift", "departures", "findings", "scorecard", "cycles"):
        assert f'id="{name}"' in full or f"id='{name}'" in full, name
    assert "Why it matters" not in full, "the drift is not about soil"


def test_a_recorded_verdict_is_the_one_that_was_made(address: str) -> None:
    opened = open_history(address)
    try:
        found = read_verdict(opened, 3)
        assert found is not None
        assert (found.status, found.exit_code, found.labels) == ("fail", 1, {"source": "ifs"})
        one, waived = found.results
        assert (one.variable, one.level, one.observed, one.n_failed, one.n_checked) == ("t_850", 850.0, 12, 2, 8)
        assert one.first_failures[0]["n_nan"] == 12
        assert waived.waiver == {"owner": "Ann", "reason": "known", "expires": "2030-01-01"}
        many = read_verdict(opened, 2)
        assert many is not None
        assert many.drift is not None
        assert (many.drift["time"], many.drift["p_cycle"]) == ("2020-03-05T06:00:00", 0.0005)
        assert [(v["variable"], v["p_value"], v["named"]) for v in many.drift["variables"]] == [
            ("t_850", 0.001, True),
            ("q_850", 0.4, False),
        ]
        assert read_verdict(opened, 99) is None
    finally:
        opened.close()


def test_variables_are_counted_and_drawn(site: str) -> None:
    rows = {row[0]: row[1:] for row in cells(ask(site, "/variables?label=source%3Difs")[1], "variables")}
    # ten cycles, one of which alarms
    assert rows == {"t_850": ["10", "1", "0.1", "1"], "q_850": ["10", "0", "0.1", "0"]}
    text = ask(site, "/variable?name=t_850")[1]
    assert cells(text, "alarms") == [["2020-03-05T06", "run 2", "0.001", "", "mean", "source=ifs"]]
    (spec,) = re.findall(r'<script type="application/json">(.*?)</script>', text)
    figure = json.loads(spec)
    assert [trace["name"] for trace in figure["data"]] == ["source=ifs"] * 2
    assert len(figure["data"][0]["x"]) == 10
    assert "not held against training" in ask(site, "/variable?name=none")[1]
    evil = ask(site, f"/variable?name={quote(EVIL)}")[1]
    assert EVIL not in evil


def test_cycles_and_the_report_of_a_period(site: str) -> None:
    text = ask(site, "/cycles?label=source%3Difs")[1]
    assert "Cycles with p of 0.01 or less: 1 of 10" in text
    assert [row[:3] for row in cells(text, "alarms")] == [["2020-03-05T06", "run 2", "0.0005"]]
    status, text, _ = ask(site, "/report?since=7d")
    assert (status, "dqwatch report of history.db" in text) == (200, True)
    assert ask(site, "/report?since=soon")[0] == 400


def test_runs_of_the_report_lead_to_their_pages(site: str) -> None:
    text = ask(site, "/report?since=7d")[1]
    rows = re.findall(r"<tr>.*?</tr>", text.partition('id="failed"')[2].partition("</table>")[0])[1:]
    links = [re.findall(r'href="(.*?)"', row) for row in rows]
    assert [link for link in links if link in (["/run/4"], ["/run/3"])] == [["/run/4"], ["/run/3"]]
    for (link,) in links:
        status, page, _ = ask(site, link)
        assert (status, f"Run {link.rpartition('/')[2]}, recorded" in page) == (200, True)


@pytest.mark.parametrize(("number", "said"), [(100, ""), (103, "3 older ones are left out.")])
def test_alarms_that_a_table_leaves_out_are_counted(tmp_path, number: int, said: str) -> None:
    path = str(tmp_path / "many.db")
    times = [f"{1900 + year}-03-01T06:00:00" for year in range(number)]
    record(make_verdict(p={time: {"t_850": 0.001} for time in times}, p_cycle=dict.fromkeys(times, 0.0005)), path)
    with serving(path) as server:
        for page in ("/cycles", "/variable?name=t_850"):
            text = ask(server.address, page)[1]
            assert len(cells(text, "alarms")) == 100
            assert re.findall(r">([^<]*left out\.)<", text) == ([said] if said else [])


@pytest.mark.parametrize(
    "path",
    ["/none", "/run/99", "/run/1/2", "/run", "/../etc/passwd", "/%2e%2e/pyproject.toml", "/page.css", "/plotly.js/"],
)
def test_what_is_not_there_is_not_given(site: str, path: str) -> None:
    status, text, _ = ask(site, path)
    assert status == 404
    assert "There is no such page" in text


@pytest.mark.parametrize("number", ["x", "0", "-1", "1e3", "9" * 400, "²"])
def test_numbers_that_are_none_are_told(site: str, number: str) -> None:
    assert ask(site, f"/run/{quote(number)}")[0] == 400
    assert ask(site, f"/runs?page={quote(number)}")[0] == 400


def test_scripts_are_those_of_the_pages(site: str) -> None:
    status, text, headers = ask(site, "/page.js")
    assert (status, text) == (200, script("page.js"))
    assert headers["Content-Type"].startswith("text/javascript")
    assert ask(site, "/plotly.js")[1] == script("plotly.js")


def test_answers_forbid_what_pages_do_not_need(site: str) -> None:
    _, _, headers = ask(site, "/")
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]


def test_nothing_can_be_written(site: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(site, "/", method)[0] == 501
    status, text, headers = ask(site, "/", "HEAD")
    assert (status, text) == (200, "")
    assert int(headers["Content-Length"]) > 1000


def test_names_of_elsewhere_are_refused(site: str) -> None:
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "192.0.2.1"):
        assert ask(site, "/", Host=host)[0] == 403, host
    for host in ("localhost:8642", "127.0.0.1", "[::1]:8642"):
        assert ask(site, "/", Host=host)[0] == 200, host


def test_others_need_the_token(address: str) -> None:
    token = "abcdefgh-12345"  # noqa: S105 (of this test)
    with serving(address, token) as server:
        site = server.address.rstrip("/")
        assert ask(site, "/")[0] == 401
        assert ask(site, "/page.js")[0] == 401
        assert ask(site, "/?token=wrong")[0] == 401
        assert ask(site, "/", Cookie="dqwatch_token=wrong")[0] == 401
        assert ask(site, "/", Authorization=f"Bearer {token}")[0] == 200
        status, text, headers = ask(site, f"/runs?verb=gate&token={token}")
        assert (status, text, headers["Location"]) == (303, "", "/runs?verb=gate")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert ask(site, "/", Cookie=cookie.partition(";")[0])[0] == 200
        assert ask(site, f"//evil.example/?token={token}")[2]["Location"] == "/evil.example/"


def test_a_server_that_others_reach_has_a_token(address: str) -> None:
    opened = open_history(address)
    try:
        with pytest.raises(UsageError, match=r"0\.0\.0\.0 can be reached by others; give a token"):
            Server(Site(opened, address), "0.0.0.0", 0)  # noqa: S104 (what is refused)
    finally:
        opened.close()


def test_a_port_that_is_taken_is_told(address: str) -> None:
    with serving(address) as server:
        port = server.server_address[1]
        opened = open_history(address)
        try:
            with pytest.raises(UsageError, match=rf"cannot listen at 127\.0\.0\.1:{port}: .*choose another"):
                Server(Site(opened, address), "127.0.0.1", int(port))
        finally:
            opened.close()


def test_a_history_that_went_away_is_a_line(tmp_path) -> None:
    path = tmp_path / "gone.db"
    record(make_verdict(), str(path))
    with serving(str(path)) as server:
        assert ask(server.address, "/")[0] == 200
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE dqwatch_findings")
            connection.execute("DROP TABLE dqwatch_labels")
        connection.close()
        status, text, _ = ask(server.address, "/")
    assert status == 503
    assert "history gone.db: no such table" in text
    assert "Traceback" not in text
