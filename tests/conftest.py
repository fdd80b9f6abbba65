"""What all tests share: real data, the rule that CI skips nothing, no network, hypothesis settings."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# The first call of a kernel compiles it, and machines of CI are slow: time says nothing about a property.
settings.register_profile("dqwatch", deadline=None, print_blob=True, derandomize=IN_CI)
settings.load_profile("dqwatch")


def real_data(*parts: str) -> Path:
    """A path under the folder of real data, `../shared/data` beside the checkout or $DQWATCH_REAL_DATA.

    Skips the test where there is no such folder; fails where the folder lacks the file.
    """
    folder = Path(os.environ.get("DQWATCH_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; say where they are with DQWATCH_REAL_DATA")
    path = folder.joinpath(*parts)
    assert path.exists(), f"{path} is missing from the real data"
    return path


def project_files() -> list[Path]:
    """The files of the project, relative to its root: all that git tracks or would track."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file())


def _must_run(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a skip of this report is a failure: in CI, unless it is a GPU test, or one of Prometheus."""
    return IN_CI and report.skipped and not {"gpu", "prometheus"} & set(getattr(report, "keywords", ()))


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else getattr(report, "wasxfail", report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{report.nodeid}: with CI=true nothing may be skipped: {reason}"
    if hasattr(report, "wasxfail"):
        del report.wasxfail


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if _must_run(report):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if _must_run(report):
        _fail(report)
    return report


@pytest.fixture(autouse=True, scope="session")
def _no_network():
    """Let sockets reach this machine only."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address):
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise OSError(f"a test tried to reach {address}; tests use no network")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield
