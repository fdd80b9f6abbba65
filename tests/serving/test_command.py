"""The command: says where it serves, ends when interrupted, and refuses what others could guess."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from dqwatch.cli import main


def test_it_serves_until_interrupted(address: str) -> None:
    # Where these tests run in the background, interrupts are ignored, and so they are by all that is started there.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", f"{code}from dqwatch.cli import main; sys.exit(main())"]
    command += ["serve", "--history", address, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.fullmatch(r"dqwatch: serving history\.db at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends\)\n", said)
        assert found, said
        with urllib.request.urlopen(found[1], timeout=30) as answer:  # noqa: S310 (an address of this machine)
            assert b"Runs of history.db" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "dqwatch: ended\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--token", "short"], "--token: give 12 or more letters"),
        (["--token", "has spaces in it"], "--token: give 12 or more letters"),
        (["--host", "no.such.host.invalid"], "cannot listen at no.such.host.invalid"),
    ],
)
def test_wrong_arguments_are_told(
    address: str, capfd: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["serve", "--history", address, "--port", "0", *arguments]) == 2
    assert message in capfd.readouterr().err


def test_a_history_that_is_not_there_is_told(capfd: pytest.CaptureFixture[str], tmp_path) -> None:
    assert main(["serve", "--history", str(tmp_path / "none.db")]) == 3
    assert "there is no such history" in capfd.readouterr().err
