"""Telling people and machines: messages by Apprise, the JSON document by webhook (`json://`, `jsons://`)."""

from __future__ import annotations

import base64
import http.client
import importlib.util
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from dqwatch.errors import MissingExtraError, UsageError

_TIMEOUT = 15.0
"""Seconds to wait for a webhook."""
_WEBHOOKS = {"json": http.client.HTTPConnection, "jsons": http.client.HTTPSConnection}
_KINDS = {"pass": "success", "warn": "warning"}


class Message(NamedTuple):
    """What is told."""

    title: str
    body: str
    status: str
    """As of a verdict."""
    document: str
    """The JSON, for webhooks."""


def check(urls: Sequence[str]) -> None:
    """Complain of addresses that nothing can be sent to; secrets in them are not shown.

    Raises
    ------
    UsageError
        If one is no URL, or of no service that Apprise knows.
    MissingExtraError
        If Apprise is needed and not installed.
    """
    for number, url in enumerate(urls, 1):
        parts = _split(url)
        if parts is None:
            raise UsageError(f"--notify: address {number} is no URL; give one such as mailto://... or json://host/path")
        if parts.scheme not in _WEBHOOKS:
            _service(url, number)


def send(urls: Sequence[str], message: Message) -> list[str]:
    """Send a message to each address; why that failed, one clause for each address that did.

    Parameters
    ----------
    urls : sequence of str
        `json://` and `jsons://` (HTTPS) get the document by POST, with user and password of the URL if there are any;
        all others get title and body by Apprise.
    message : Message
    """
    problems = []
    for number, url in enumerate(urls, 1):
        parts = _split(url)
        if parts is not None and parts.scheme in _WEBHOOKS:
            problem = _post(parts, message.document)
            name = f"{parts.scheme}://{parts.hostname}"
        else:
            problem = _tell(url, number, message)
            name = f"{url.partition('://')[0]}://..."
        if problem:
            problems.append(f"could not notify {name} (address {number}): {problem}")
    return problems


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 (it raises where it is no number)
    except ValueError:
        return None
    if parts.scheme in _WEBHOOKS and not parts.hostname:
        return None
    return parts if parts.scheme and "://" in url else None


def _post(parts: SplitResult, document: str) -> str:
    """Post a document; '' or why that failed. A redirection is a failure: the address is to be corrected."""
    headers = {"Content-Type": "application/json", "User-Agent": "dqwatch"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _WEBHOOKS[parts.scheme](str(parts.hostname), parts.port, timeout=_TIMEOUT)
    try:
        connection.request("POST", path, document.encode("utf-8"), headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return "" if 200 <= status < 300 else f"it answered {status}"


def _service(url: str, number: int) -> Any:
    """What Apprise makes of a URL.

    Raises
    ------
    UsageError, MissingExtraError
        As `check`.
    """
    if importlib.util.find_spec("apprise") is None:
        raise MissingExtraError("--notify: needs the package apprise: pip install 'dqwatch[notify]'")
    import apprise

    asset = apprise.AppriseAsset(app_id="dqwatch", app_desc="dqwatch", async_mode=False)
    with _hushed("apprise"):  # it writes what it does not understand, secrets and all
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        scheme = url.partition("://")[0]
        raise UsageError(
            f"--notify: address {number} ({scheme}://...) is of no service that Apprise knows, or lacks a part; "
            "see https://github.com/caronc/apprise/wiki"
        )
    return service


@contextmanager
def _hushed(name: str) -> Iterator[None]:
    """Let a logger say nothing."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _tell(url: str, number: int, message: Message) -> str:
    import apprise

    service = _service(url, number)
    sender = apprise.Apprise()
    sender.add(service)
    kind = _KINDS.get(message.status, "failure")
    sent = sender.notify(message.body, message.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
    return "" if sent else "the service did not take it"
