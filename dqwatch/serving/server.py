"""The server: hands out pages, and nothing but pages, to those who may see them."""

from __future__ import annotations

import gzip
import sys
from functools import cache
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from dqwatch.errors import DqwatchError, UsageError
from dqwatch.reports.findings import clean
from dqwatch.reports.html_page import SCRIPTS, page, script
from dqwatch.serving.access import COOKIE, brings, is_loopback, names_loopback
from dqwatch.serving.pages import Site

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data: blob:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SECONDS = 30
"""That a client may take to say what it wants."""


class Server(ThreadingHTTPServer):
    """Serves a history; a thread for each request.

    Parameters
    ----------
    site : Site
    host : str
    port : int
        0: any that is free.
    token : str, optional
        Without it only this machine may ask.

    Raises
    ------
    UsageError
        If the address cannot be had, or others could reach it and there is no token.
    """

    daemon_threads = True

    def __init__(self, site: Site, host: str, port: int, token: str | None = None) -> None:
        if token is None and not is_loopback(host):
            raise UsageError(f"host: {host} can be reached by others; give a token that they must bring")
        self.site, self.token = site, token
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot listen at {host}:{port}: {why}; choose another --host or --port") from error

    @property
    def address(self) -> str:
        """Where a browser finds it, without the token."""
        return f"http://{self.server_address[0]}:{self.server_address[1]}/"  # type: ignore[str-bytes-safe]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away; of anything else a line."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            sys.stderr.write(f"dqwatch: serve: {clean(f'{type(error).__name__}: {error}')}\n")


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    timeout = _SECONDS
    server_version = "dqwatch"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a page or a script."""
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, max_num_fields=20))
        given = query.pop("token", None)
        if not self._allowed(given):
            return
        if given is not None:  # kept in a cookie from now on, so that it stays out of addresses
            self._redirect(f"{parts.path}?{urlencode(query)}" if query else parts.path)
            return
        name = parts.path.removeprefix("/")
        if name in SCRIPTS:
            self._send(HTTPStatus.OK, _packed(name), "text/javascript", {"Content-Encoding": "gzip"})
            return
        status, text = self._answer(parts.path, query)
        self._send(status, text.encode("utf-8", "backslashreplace"), "text/html")

    def do_HEAD(self) -> None:
        """Answer as to GET, without the page itself."""
        self.do_GET()

    def _allowed(self, given: str | None) -> bool:
        token = self.server.token
        if token is None:
            if names_loopback(self.headers.get("Host", "")):
                return True
            self._refuse(HTTPStatus.FORBIDDEN, "Only this machine may ask here, by the name localhost.")
            return False
        if brings(token, self.headers, given):
            return True
        self._refuse(
            HTTPStatus.UNAUTHORIZED,
            "Bring the token that the server said when it began: add ?token=... to the address.",
        )
        return False

    def _answer(self, path: str, query: dict[str, str]) -> tuple[HTTPStatus, str]:
        try:
            found = self.server.site.answer(path, query)
        except UsageError as error:
            return HTTPStatus.BAD_REQUEST, _told(str(error))
        except DqwatchError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, _told(str(error))
        if found is None:
            return HTTPStatus.NOT_FOUND, _told("There is no such page.")
        return HTTPStatus.OK, found

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self._send(status, _told(text).encode(), "text/html")

    def _redirect(self, path: str) -> None:
        cookie = f"{COOKIE}={self.server.token}; HttpOnly; SameSite=Strict; Path=/" if self.server.token else ""
        where = "/" + path.lstrip("/\\")  # a path that begins with two slashes would be another host
        more = {"Location": where} | ({"Set-Cookie": cookie} if cookie else {})
        self._send(HTTPStatus.SEE_OTHER, b"", "text/html", more)

    def _send(self, status: HTTPStatus, content: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        cached = "max-age=3600" if kind == "text/javascript" else "no-store"
        lines = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(content)), "Cache-Control": cached}
        for name, value in {**_HEADERS, **lines, **(more or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is that of the base)
        """Keep quiet: paths may hold a token."""


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(script(name).encode("utf-8"), 6, mtime=0)


def _told(text: str) -> str:
    return page("dqwatch", f'<h1>dqwatch</h1><p>{escape(clean(text))}</p><p><a href="/">all runs</a></p>')
