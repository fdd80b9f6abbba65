"""The command `dqwatch serve`: a history as pages, until it is told to end."""

from __future__ import annotations

import re
import secrets
import sys
from contextlib import closing
from functools import partial

from dqwatch import history_options
from dqwatch.options import Run
from dqwatch.terminal import say

_TOKEN = re.compile(r"[A-Za-z0-9._-]{12,}")


def serve(
    history: history_options.HistoryToRead,
    host: history_options.Host = "127.0.0.1",
    port: history_options.Port = 8642,
    token: history_options.Token = None,
) -> Run:
    """Browse a history: runs, cycles, variables, maps. Only reads, and only this machine may ask unless told otherwise.

    Example: dqwatch serve --history history.db
    """
    return partial(_serve, history, host, port, token)


def _serve(address: str, host: str, port: int, token: str | None) -> int:
    """Serve until interrupted: that is how it ends, so it is no error."""
    from dqwatch.errors import UsageError
    from dqwatch.history.store import open_history
    from dqwatch.serving.access import is_loopback
    from dqwatch.serving.pages import Site
    from dqwatch.serving.server import Server

    if token is not None and not _TOKEN.fullmatch(token):
        raise UsageError(
            "--token: give 12 or more letters, digits, and '-', '.', '_'; others could guess a shorter one"
        )
    if token is None and not is_loopback(host):
        token = secrets.token_hex(16)
    with closing(open_history(address)) as opened, Server(Site(opened, address), host, port, token) as server:
        shown = f"{server.address}?token={token}" if token else server.address
        say(f"dqwatch: serving {opened.name} at {shown} (Ctrl-C ends)", sys.stderr)
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            say("dqwatch: ended", sys.stderr)
    return 0
