"""Rules evaluated by a process of their own, which imports Great Expectations while this one reads the data.

The import holds the interpreter's lock for seconds: a thread would not run beside it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dqwatch.expectations import suites
from dqwatch.types import RuleSet

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import pandas as pd

    from dqwatch.expectations.suites import Evaluation
    from dqwatch.expectations.waivers import WaiverFile

_LINK: ContextVar[Connection | None] = ContextVar("link", default=None)
_IMPORTED = "great_expectations"


@contextmanager
def ahead() -> Iterator[None]:
    """Within it, the first `evaluate` is left to a process that begins now; its `answers` stay there.

    Where that would gain nothing (Great Expectations is imported here already, or there is one core), or such a process
    cannot be had, nothing is left to it.
    """
    child = None if _IMPORTED in sys.modules or _n_cores() < 2 else _start()
    if child is None:
        yield
        return
    process, link = child
    token = _LINK.set(link)
    try:
        yield
    finally:
        _LINK.reset(token)
        link.close()
        process.kill()
        process.wait()


def evaluate(
    rule_sets: Sequence[RuleSet], tables: Mapping[str, pd.DataFrame], waivers: WaiverFile | None = None
) -> Evaluation:
    """Run every rule over the tables, here or within `ahead` there; see `suites.evaluate`."""
    link = _LINK.get()
    if link is None:
        return suites.evaluate(rule_sets, tables, waivers)
    wanted = {rule.table for rule_set in rule_sets for rule in rule_set.rules}
    try:
        link.send((rule_sets, {name: table for name, table in tables.items() if name in wanted}, waivers))
        found: Evaluation | Exception = link.recv()
    except (OSError, EOFError):  # the process is gone, killed for its memory say
        return suites.evaluate(rule_sets, tables, waivers)
    if isinstance(found, Exception):
        raise found
    return found


def _start() -> tuple[subprocess.Popen[bytes], Connection] | None:
    """A process that serves, and the way to it; None where there can be none."""
    if os.name != "posix":
        return None
    from multiprocessing.connection import Connection

    ours, theirs = socket.socketpair()
    with theirs:
        # -P: what lies in the working directory is not imported.
        command = [sys.executable, "-P", "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
        try:
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        except OSError:
            ours.close()
            return None
    return process, Connection(ours.detach())


def serve(number: int) -> None:
    """Evaluate once, for whoever holds the other end of a socket (a file descriptor), and end the process."""
    from multiprocessing.connection import Connection

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; whoever asked ends this process
    with Connection(number) as link, suppress(EOFError, OSError):  # whoever asked is gone
        suites.preload()
        rule_sets, tables, waivers = link.recv()
        try:
            found: Evaluation | Exception = suites.evaluate(rule_sets, tables, waivers)._replace(answers=())
        except Exception as error:  # noqa: BLE001 - raised anew where it was asked for
            found = error
        link.send(found)
    os._exit(0)  # there is nothing to put away, which would take long


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
