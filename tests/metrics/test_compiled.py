"""Where machine code is kept: beside the package, in the user's cache, in a private temporary folder, or nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dqwatch
from dqwatch.metrics import compiled

PROGRAM = """
import sys, tempfile
if sys.argv[1:]:
    tempfile.tempdir = sys.argv[1]
import numpy as np
from dqwatch.metrics.compiled import cache_folder
from dqwatch.metrics.kernel_hash import finish
assert finish(np.uint64(3), 5) > 0
print(cache_folder(), sum(finish.stats.cache_hits.values()))
"""


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A copy of the package, without its cache."""
    package = Path(dqwatch.__file__).parent
    copy = tmp_path / "site"
    shutil.copytree(package, copy / "dqwatch", ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.nb*"))
    return copy


def lock(installation: Path) -> None:
    """Let nobody make the package's cache folder, root neither: a file stands in its place."""
    (installation / "dqwatch" / "metrics" / "__pycache__").write_text("")


def compile_in(installation: Path, *arguments: str, **environment: str) -> tuple[str, int]:
    """Where code is kept, and how many functions were found there."""
    clean = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "PYTHONPATH")}
    clean |= {"PYTHONPATH": str(installation), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    command = [sys.executable, "-W", "error", "-c", PROGRAM, *arguments]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, cwd=installation, check=False)
    assert done.returncode == 0, done.stderr
    folder, hits = done.stdout.split()
    return folder, int(hits)


def kept(folder: str | Path) -> list[Path]:
    return list(Path(folder).rglob("*.nbc"))


def test_beside_the_package(installation: Path) -> None:
    folder, hits = compile_in(installation, HOME="/dev/null")
    assert Path(folder).parent == installation / "dqwatch" / "metrics" / "__pycache__"
    assert hits == 0
    assert kept(folder)
    assert compile_in(installation, HOME="/dev/null") == (folder, 1)


def test_other_kernels_have_another_folder(installation: Path) -> None:
    before, _ = compile_in(installation, HOME="/dev/null")
    layout = installation / "dqwatch" / "metrics" / "kernel_layout.py"
    stamp = layout.stat()
    layout.write_text(layout.read_text().replace("BINS = 256", "BINS = 128"))  # of the same size, and not its own file
    os.utime(layout, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    after, hits = compile_in(installation, HOME="/dev/null")
    assert after != before
    assert hits == 0
    assert not Path(before).exists()


def test_in_the_users_cache(installation: Path, tmp_path: Path) -> None:
    lock(installation)
    folder, _ = compile_in(installation, HOME=str(tmp_path / "home"))
    assert Path(folder).parent == tmp_path / "home" / ".cache" / "dqwatch"
    folder, _ = compile_in(installation, HOME=str(tmp_path / "home"), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert Path(folder).parent == tmp_path / "cache" / "dqwatch"
    assert kept(folder)


def test_in_a_private_temporary_folder(installation: Path, tmp_path: Path) -> None:
    lock(installation)
    folder, _ = compile_in(installation, HOME="/dev/null", TMPDIR=str(tmp_path))
    assert Path(folder).parent == tmp_path / f"dqwatch-{os.getuid()}"
    assert Path(folder).parent.stat().st_mode & 0o777 == 0o700
    assert kept(folder)


def test_nowhere(installation: Path) -> None:
    lock(installation)
    assert compile_in(installation, "/dev/null", HOME="/dev/null") == ("None", 0)


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    planted.chmod(0o777)
    assert not compiled._usable(planted)
    assert not compiled._usable(planted / "inside")
    planted.chmod(0o700)
    assert compiled._usable(planted / "inside")
    link = tmp_path / "link"
    link.symlink_to(planted)
    assert not compiled._usable(link)


def test_numbas_own_setting_stays() -> None:
    before = compiled._settings.CACHE_DIR
    compiled.compiled(lambda x: x)
    assert before == compiled._settings.CACHE_DIR
