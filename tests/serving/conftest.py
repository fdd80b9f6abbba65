"""A history with runs of all kinds, and a server of it on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from threading import Thread

import pytest
from browser.cases import full_verdict
from history.verdicts import FAILED, WAIVED, make_verdict

from dqwatch.history.store import open_history
from dqwatch.history_verbs import record
from dqwatch.serving.pages import Site
from dqwatch.serving.server import Server

EVIL = "<script>alert('t')</script>"


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run 1 is a full verdict whose names are markup; 2 passes, 3 fails, 4 ended in an error."""
    path = str(tmp_path_factory.mktemp("served") / "history.db")
    record(full_verdict(), path, labels={"source": EVIL})
    times = [f"2020-03-{day:02d}T06:00:00" for day in range(1, 11)]
    p = {time: {"t_850": 0.001 if day == 4 else 0.5, "q_850": 0.4} for day, time in enumerate(times)}
    cycles = {time: 0.0005 if day == 4 else 0.5 for day, time in enumerate(times)}
    record(make_verdict(p=p, p_cycle=cycles), path, labels={"source": "ifs"})
    record(make_verdict("fail", results=[FAILED, WAIVED], name="bad.zarr"), path, labels={"source": "ifs"})
    record(replace(make_verdict("error", verb="audit", results=[]), error=f"no such {EVIL}"), path)
    return path


@contextmanager
def serving(address: str, token: str | None = None) -> Iterator[Server]:
    """A server that ends with the block."""
    with closing(open_history(address)) as opened, Server(Site(opened, address), "127.0.0.1", 0, token) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def site(address: str) -> Iterator[str]:
    """The address of a server without a token."""
    with serving(address) as server:
        yield server.address.rstrip("/")
