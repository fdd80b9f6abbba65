"""What the README tells people to type works.

Every line of its ```sh blocks runs, in order, in one folder that holds the files of the project and, in `demo/`, the
example data. A line is expected to succeed, or to return N where it ends in `# exit N`. Lines that set up a machine
are left out; of `make X` it is checked that the target exists. `dqwatch serve` is begun, asked for its first page, and
interrupted, as people end it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, project_files

pytestmark = pytest.mark.slow

SET_UP = ("git ", "cd ", "pip ", "python3 -m pip ", "python3 -m venv ", ". .venv", "source .venv", ".venv/bin/pip ")
SCRIPTS = sysconfig.get_path("scripts")


class Line(NamedTuple):
    command: str
    code: int
    number: int


def blocks(text: str, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language: the number of their first line, and what they hold."""
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, block.start(1)) + 1, block[1]) for block in found]


def lines(text: str) -> list[Line]:
    """The commands in all sh blocks; a line that ends in a backslash goes on in the next."""
    found = []
    for start, block in blocks(text, "sh"):
        for match in re.finditer(r"(?:.*\\\n)*.*\n", block):
            command = match[0].replace("\\\n", " ").strip()
            expected = re.search(r"#.*\bexit (\d+)", command)
            if command and not command.startswith("#"):
                number = start + block.count("\n", 0, match.start())
                found.append(Line(command, int(expected[1]) if expected else 0, number))
    return found


def run(command: str | list[str], folder: Path, exported: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, or a list as it is, with the `dqwatch` of this installation on the path."""
    if isinstance(command, str):
        command = ["bash", "-o", "pipefail", "-c", command.replace(".venv/bin/", f"{SCRIPTS}/")]
    return subprocess.run(
        command, cwd=folder, env=environment(exported), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def environment(exported: Mapping[str, str]) -> dict[str, str]:
    return os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"} | exported


def serve(command: str, folder: Path, exported: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run a line that serves until it is interrupted, at a free port: ask it for its first page, then interrupt it."""
    # Where tests run in the background interrupts are ignored, and so they would be by all that is started there.
    start = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", start, *shlex.split(command, comments=True), "--port", "0"]
    with subprocess.Popen(
        words, cwd=folder, env=environment(exported), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://\S+", said)
        if found:
            with urllib.request.urlopen(found[0], timeout=60) as page:  # noqa: S310 (an address of this machine)
                assert b"<h1>" in page.read()
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    code = process.returncode if found else process.returncode or -1
    return subprocess.CompletedProcess(words, code, out, said + err)


def replay(text: str, folder: Path, name: str = "README.md", known: Mapping[str, str] = {}) -> list[str]:
    """Run the commands of the file `name` in `folder`; the commands that were run.

    A key of `known` stands for its value, as the name of a server for one of this machine. What a line exports, those
    after it have.
    """
    ran: list[str] = []
    exported: dict[str, str] = {}
    for line in lines(text):
        command = line.command
        for written, here in known.items():
            command = command.replace(written, here)
        if command.startswith("make "):
            target = shlex.split(command, comments=True)
            finished, code = run(["make", "--dry-run", "-C", str(ROOT), *target[1:]], folder), 0
        elif command.startswith(SET_UP):
            continue
        elif command.startswith("export "):
            exported |= [command.removeprefix("export ").split("=", 1)]
            continue
        else:
            call = serve if command.startswith("dqwatch serve ") else run
            finished, code = call(command, folder, exported), line.code
            ran.append(command)
        report = f"{name}:{line.number}: {command}\n{finished.stdout}\n{finished.stderr}"
        assert finished.returncode == code, f"{report}\nreturned {finished.returncode}, not {code}"
        assert "Traceback" not in finished.stderr, report
    assert ran, "there is no command to run in a block marked sh"
    return ran


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the project with the example data made."""
    folder = tmp_path_factory.mktemp("readme")
    for path in project_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    made = run([sys.executable, "examples/make_data.py", "demo"], folder)
    assert made.returncode == 0, made.stderr
    return folder


def test_the_readme(folder: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    ran = replay(text, folder)
    assert any(command.startswith("dqwatch ") for command in ran)
    python = blocks(text, "python")
    assert python
    for number, block in python:
        finished = run([sys.executable, "-W", "error::SyntaxWarning", "-c", block], folder)
        assert finished.returncode == 0, f"README.md:{number}:\n{finished.stderr}"


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), f"README.md links to {target}"


def test_lines_are_found_and_joined() -> None:
    text = "```sh\necho a \\\n  b  # exit 3\n# a remark\n\nmake test\n```\n```text\nnot this\n```\n```sh\nls\n```\n"
    assert lines(text) == [Line("echo a    b  # exit 3", 3, 2), Line("make test", 0, 6), Line("ls", 0, 12)]


def test_a_wrong_readme_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no command to run"):
        replay("```text\nls\n```\n", tmp_path)
    with pytest.raises(AssertionError, match="no command to run"):
        replay("```sh\nmake help\n```\n", tmp_path)
    with pytest.raises(AssertionError, match="returned 0, not 1"):
        replay("```sh\ntrue  # exit 1\n```\n", tmp_path)
    with pytest.raises(AssertionError, match=r"README.md:3: false"):
        replay("```sh\ntrue\nfalse\n```\n", tmp_path)
    with pytest.raises(AssertionError, match="make no-such-target"):
        replay("```sh\nmake no-such-target\n```\n", tmp_path)
    assert replay("```sh\ntrue\nfalse  # closed: exit 1\n```\n", tmp_path) == ["true", "false  # closed: exit 1"]
    with pytest.raises(AssertionError, match="there is no such history"):
        replay("```sh\ndqwatch serve --history none.db\n```\n", tmp_path)
    replay('```sh\nexport A=name\ntest "$A" = here\n```\n', tmp_path, known={"name": "here"})
