"""The rules that `conftest.py` makes for all tests, tried on small test files of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

from conftest import real_data

def test_real():
    real_data()

@pytest.mark.gpu
def test_gpu():
    pytest.skip("no device")

@pytest.mark.prometheus
def test_server():
    pytest.skip("no server")

@pytest.mark.xfail(reason="later", strict=False)
def test_later():
    assert False

def test_runs():
    pass
"""
CONFIG = """
[pytest]
pythonpath = .
markers =
    gpu: needs a device
    prometheus: needs a server
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Run `text` as a test file beside the conftest of this folder, in an environment of its own."""

    def run(text: str, **environment: str) -> dict[str, int]:
        for name in ("CI", "DQWATCH_REAL_DATA", "PYTEST_ADDOPTS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        pytester.makefile(".ini", pytest=CONFIG)
        pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider").parseoutcomes()

    return run


def test_skips_are_skips_outside_ci(run) -> None:
    assert run(SKIPS) == {"skipped": 3, "xfailed": 1, "passed": 1}


def test_skips_are_failures_in_ci_unless_a_gpu_is_needed(run) -> None:
    assert run(SKIPS, CI="true") == {"failed": 2, "skipped": 2, "passed": 1}


def test_a_module_that_skips_itself_is_an_error_in_ci(run) -> None:
    text = "import pytest\npytest.importorskip('no_such_package_at_all')\ndef test_it(): pass\n"
    assert run(text) == {"skipped": 1}
    assert run(text, CI="true").keys() == {"errors"}


def test_real_data_are_found_by_environment(run, tmp_path) -> None:
    (tmp_path / "a.nc").touch()
    text = """
import pytest
from conftest import real_data
def test_there(): assert real_data("a.nc").exists()
def test_not_there():
    with pytest.raises(AssertionError, match="b.nc is missing"):
        real_data("b.nc")
"""
    assert run(text, DQWATCH_REAL_DATA=str(tmp_path), CI="true") == {"passed": 2}


def test_the_network_is_closed_and_this_machine_open() -> None:
    with socket.socket() as server, socket.socket() as client:
        with pytest.raises(OSError, match="tests use no network"):
            client.connect(("192.0.2.1", 80))  # an address reserved for documentation (RFC 5737)
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_an_unknown_mark_is_an_error(tmp_path) -> None:
    (tmp_path / "test_it.py").write_text("import pytest\n@pytest.mark.unheard_of\ndef test_it(): pass\n")
    config = Path(__file__).parent.parent / "pyproject.toml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(config), str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert finished.returncode == 2
    assert "'unheard_of' not found in `markers`" in finished.stdout
