"""Messages that arrive at a server of our own, and those that cannot; no secret is ever told."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs

import pytest
from reports.listeners import listening

from dqwatch.errors import MissingExtraError, UsageError
from dqwatch.reports.notify import Message, check, send

MESSAGE = Message("dqwatch FAIL é.zarr", "nan.none <script>\nline 2", "fail", '{"status": "fail"}')


def test_a_webhook_gets_the_document() -> None:
    with listening(204) as server:
        urls = [f"json://us%40er:pass%20word@{server.place}/a/b?c=d"]
        check(urls)
        assert send(urls, MESSAGE) == []
    (post,) = server.posts
    assert json.loads(post.body) == {"status": "fail"}
    assert post.path == "/a/b?c=d"
    assert post.headers["Content-Type"] == "application/json"
    assert base64.b64decode(post.headers["Authorization"].removeprefix("Basic ")) == b"us@er:pass word"


def test_a_service_of_apprise_gets_title_and_text() -> None:
    with listening() as server:
        urls = [f"form://{server.place}/x"]
        check(urls)
        assert send(urls, MESSAGE) == []
    (post,) = server.posts
    fields = {key: value[0] for key, value in parse_qs(post.body.decode()).items()}
    assert (fields["title"], fields["message"], fields["type"]) == (MESSAGE.title, MESSAGE.body, "failure")


@pytest.mark.parametrize("status", [302, 404, 500])
@pytest.mark.parametrize("scheme", ["json", "form"])
def test_what_is_not_taken_is_told_without_secrets(scheme: str, status: int) -> None:
    with listening(status) as server:
        problems = send([f"{scheme}://me:secret@{server.place}/token?key=secret"], MESSAGE)
    (problem,) = problems
    assert problem.startswith(f"could not notify {scheme}://")
    assert "secret" not in problem
    assert "token" not in problem
    assert "\n" not in problem


def test_one_that_fails_does_not_keep_others_from_being_told() -> None:
    with listening() as server, listening() as closed:
        gone = closed.place
        urls = [f"json://{server.place}", f"json://{server.place}/2"]
    with listening() as server:
        urls = [f"json://{gone}/hook", f"json://{server.place}"]
        (problem,) = send(urls, MESSAGE)
    assert "address 1" in problem
    assert "refused" in problem
    assert len(server.posts) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nothing", "address 2 is no URL"),
        ("json://", "address 2 is no URL"),
        ("json://host:port/secret", "address 2 is no URL"),
        ("nosuch://secret", r"address 2 \(nosuch://...\) is of no service"),
        ("slack://secret", r"address 2 \(slack://...\) is of no service"),
    ],
)
def test_a_wrong_address_is_refused_before_the_work(url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        check(["json://localhost", url])
    assert "secret" not in str(raised.value)


def test_without_apprise_webhooks_work_and_others_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check(["json://localhost", "jsons://localhost:8443/x"])
    with pytest.raises(MissingExtraError, match=r"pip install 'dqwatch\[notify\]'"):
        check(["mailto://user:secret@example.org"])
