"""Servers of HTTP and S3 on this machine, what they were asked, and data put there."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import fsspec


class Request(NamedTuple):
    method: str
    path: str
    range: str
    authorization: str
    query: str


class DataServer(ThreadingHTTPServer):
    """Serves the files of a folder over HTTP/1.1, with ranges; what it must do wrong is set before it is asked."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.log: list[Request] = []
        self.failing: dict[str, int | list[int | None]] = {}
        """Ends of paths, and the status of all answers, or those of the answers to come: 0 breaks the connection, None
        is none."""
        self.hidden: set[str] = set()
        """Ends of paths that are not there."""
        self.silent: set[str] = set()
        """Ends of paths to which no answer comes."""
        self.cut: set[str] = set()
        """Ends of paths of which half is sent."""
        self.ranges = self.heads = self.lengths = True
        self.unsaid: set[str] = set()
        """Headers that are left out."""
        self.index = False
        self.s3_codes: dict[int, str] = {}
        """What S3 calls statuses."""
        self.delay = 0.0
        self.busy = self.busiest = 0
        """Requests in work now, and most at once."""
        self.lock = threading.Lock()
        self.awake = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def bodies(self, end: str = "") -> list[Request]:
        """The requests so far that asked for content."""
        return [r for r in self.log if r.method == "GET" and r.path.endswith(end)]

    def handle_error(self, request, client_address) -> None:
        """Clients go away as they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: DataServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        said = [self.headers.get(name, "") for name in ("Range", "Authorization")]
        with server.lock:
            server.log.append(Request(self.command, path, *said, parts.query))
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
        try:
            self.answer(path)
        finally:
            with server.lock:
                server.busy -= 1

    do_HEAD = do_GET  # noqa: N815 (the name that http.server looks for)

    def answer(self, path: str) -> None:
        server = self.server
        time.sleep(server.delay)
        if self.matches(server.silent, path):
            server.awake.wait(30)
            self.close_connection = True
            return
        end = self.matches(server.failing, path)
        status = server.failing.get(end)
        if isinstance(status, list):
            status = status.pop(0) if status else None
        if status is not None:
            self.fail(status)
            return
        file = server.root / path.strip("/")
        if self.command == "HEAD" and not server.heads:
            self.fail(405)
        elif file.is_dir() and server.index:
            links = "".join(f'<a href="{p.name}{"/" * p.is_dir()}">{p.name}</a>' for p in sorted(file.iterdir()))
            self.send(200, f"<html>{links}</html>".encode(), {"Content-Type": "text/html"})
        elif not file.is_file() or self.matches(server.hidden, path):
            self.fail(404)
        else:
            self.send_file(file)

    def matches(self, ends, path: str) -> str:
        return next((end for end in ends if path.endswith(end)), "")

    def fail(self, status: int) -> None:
        if status:
            code = self.server.s3_codes.get(status, "")
            text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>" if code else f"<h1>{status}</h1>"
            self.send(status, text.encode(), {"Content-Type": "application/xml" if code else "text/html"})
        else:
            self.close_connection = True

    def send_file(self, file: Path) -> None:
        content = file.read_bytes()
        headers = {
            "Content-Type": "application/octet-stream",
            "ETag": f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
            "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True),
        }
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.server.ranges:
            start, stop = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content))
            if start >= len(content):
                self.fail(416)
                return
            headers |= {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
            self.send(206, content[start:stop], headers)
        else:
            self.send(200, content, headers)

    def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name in headers.keys() - self.server.unsaid:
            self.send_header(name, headers[name])
        if self.server.lengths:
            self.send_header("Content-Length", str(len(content)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "GET":
            if self.matches(self.server.cut, self.path):
                content = content[: len(content) // 2]
                self.close_connection = True
            self.wfile.write(content)


@contextmanager
def data_server(root: Path) -> Iterator[DataServer]:
    """A server while it is needed."""
    server = DataServer(root)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.awake.set()
        server.shutdown()
        server.server_close()
        thread.join()


def put(path: Path, url: str) -> str:
    """Copy a file or folder to where a URL of fsspec points."""
    fs, target = fsspec.core.url_to_fs(url)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            fs.pipe_file(f"{target}/{file.relative_to(path)}" if path.is_dir() else target, file.read_bytes())
    return url
