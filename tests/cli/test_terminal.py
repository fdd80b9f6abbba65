"""Streams: chatter is kept away, ours come through, readers may leave, only terminals see a bar."""

import errno
import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest

from dqwatch import terminal


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False, **options)


@contextmanager
def a_terminal():
    """Both ends of a pseudo-terminal: what the user sees is read from the first, the second is the stream."""
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    try:
        yield ours, stream
    finally:
        stream.close()
        os.close(ours)


def read_all(terminal: int) -> str:
    """What was written to the other end, which has been closed."""
    seen = b""
    try:
        while piece := os.read(terminal, 65536):
            seen += piece
    except OSError as error:
        if error.errno != errno.EIO:  # how Linux tells that the other end is closed
            raise
    return seen.decode()


CHATTER = """
import logging, os, sys, warnings
from dqwatch.terminal import private_stderr
with private_stderr(verbose={verbose}) as stderr:
    print("python-out"); print("python-err", file=sys.stderr)
    os.write(1, b"c-out "); os.write(2, b"c-err ")
    warnings.warn("a-warning"); logging.getLogger("x").error("a-record")
    print("ours", file=stderr, flush=True)
print("after-out"); print("after-err", file=sys.stderr)
warnings.warn("later-warning"); logging.getLogger("x").error("later-record")
"""


def test_chatter_of_libraries_goes_nowhere():
    done = python(CHATTER.format(verbose=False))
    assert done.stdout == "after-out\n"
    assert re.sub(r"<string>:\d+: |  warnings.*\n", "", done.stderr) == (
        "ours\nafter-err\nUserWarning: later-warning\nlater-record\n"
    )


def test_chatter_is_on_stderr_if_verbose_and_never_on_stdout():
    done = python(CHATTER.format(verbose=True))
    assert done.stdout == "after-out\n"
    for word in ("python-out", "python-err", "c-out", "c-err", "a-warning", "a-record", "ours"):
        assert word in done.stderr


def test_the_streams_come_back_after_an_error():
    code = """
import sys
from dqwatch.terminal import private_stderr
try:
    with private_stderr(False): raise KeyError
except KeyError: print("out"); print("err", file=sys.stderr)
"""
    done = python(code)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_a_reader_that_has_gone_is_no_error():
    code = """
import sys
from dqwatch.terminal import say
sys.stdin.readline()
for _ in range(3): say("x" * 100_000, sys.stdout)
say("end", sys.stderr)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write("go\n")
        process.stdin.close()
        assert process.stderr.read() == "end\n"
        assert process.wait(20) == 0


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closed_streams_are_led_nowhere(closed, tmp_path):
    code = """
import os, sys
from dqwatch.terminal import open_standard_streams, private_stderr, say
open_standard_streams()
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2, file.fileno()
    with private_stderr(False) as stderr: say("to stderr", stderr)
    say("to stdout", sys.stdout)
"""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}>&-', "sh", sys.executable, "-c", code, str(tmp_path / "data")],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data").read_text() == ""
    assert done.stdout == ("" if closed == 1 else "to stdout\n")
    assert done.stderr == ("" if closed == 2 else "to stderr\n")


def test_colour_needs_a_terminal_and_may_be_declined(monkeypatch, tmp_path):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with a_terminal() as (_, stream), open(tmp_path / "log", "w") as file:
        assert terminal.has_colour(stream)
        assert not terminal.has_colour(file)
        monkeypatch.setenv("NO_COLOR", "1")
        assert not terminal.has_colour(stream)
        monkeypatch.setenv("NO_COLOR", "")  # no-color.org: only when it is not empty
        assert terminal.has_colour(stream)
        monkeypatch.setenv("TERM", "dumb")
        assert not terminal.has_colour(stream)


def test_a_file_has_no_width(tmp_path):
    with open(tmp_path / "log", "w") as file:
        assert terminal.width(file) is None


def test_the_bar_shows_title_and_numbers_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with a_terminal() as (ours, stream):
        with terminal.bar(stream, "audit [a].zarr") as show:
            assert show is not None
            show(3, 7)
        stream.close()
        seen = read_all(ours)
    assert "audit [a].zarr" in seen
    assert "3/7" in seen


def test_there_is_no_bar_in_a_log(tmp_path):
    with open(tmp_path / "log", "w") as file, terminal.bar(file, "audit") as show:
        assert show is None
    assert (tmp_path / "log").read_text() == ""
