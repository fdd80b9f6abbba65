"""A real Prometheus for tests, which scrapes a text that stays as it is."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

_WAIT = 60.0
"""Seconds for it to start and to scrape twice."""


class Prometheus:
    """What answers queries, at an address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address

    def ask(self, path: str, **parameters: Any) -> Any:
        """The data of an answer of the API."""
        with urlopen(f"{self._address}/api/v1/{path}?{urlencode(parameters)}", timeout=30) as answer:  # noqa: S310
            document = json.load(answer)
        assert document["status"] == "success", document
        return document["data"]

    def has_scraped(self) -> bool:
        """Whether it has scraped its target twice."""
        try:
            return len(self.ask("query", query="sum_over_time(up[1m]) > 1")["result"]) > 0
        except HTTPError as error:
            if error.code != 503:  # it is starting
                raise
        except URLError:
            pass
        return False


@contextmanager
def scraping(program: str, text: str, folder: Path) -> Iterator[Prometheus]:
    """A server that has scraped the text, at least twice."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as exposed, socket.create_server(("127.0.0.1", 0)) as free:
        thread = Thread(target=exposed.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        port = free.getsockname()[1]
        free.close()
        targets = [{"targets": [f"127.0.0.1:{exposed.server_port}"]}]
        settings = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "n", "static_configs": targets}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(settings))
        words = [
            program,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with (
            open(folder / "log", "w+", encoding="utf-8") as log,
            subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
        ):
            try:
                found = Prometheus(f"http://127.0.0.1:{port}")
                until = time.monotonic() + _WAIT
                while not found.has_scraped():
                    log.seek(0)
                    assert process.poll() is None, log.read()
                    assert time.monotonic() < until, log.read()
                    time.sleep(0.2)
                yield found
            finally:
                process.terminate()
                process.wait(30)
                exposed.shutdown()
                thread.join()
