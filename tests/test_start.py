"""A command that reads no data starts at once: it imports none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HEAVY = {
    *("dask", "eccodes", "great_expectations", "h5netcdf", "h5py", "numba", "pandas", "pint", "plotly"),
    *("pyarrow", "scipy", "sqlalchemy", "torch", "xarray", "zarr"),
}
SHOW_MODULES = """
import sys
sys.argv = ["dqwatch", *sys.argv[1:]]
try:
    from dqwatch.cli import main
    code = main()
except SystemExit as stop:
    code = stop.code
print("\\n" + " ".join(sorted({name.split(".")[0] for name in sys.modules})))
sys.exit(code)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("audit --help", 0),
        ("gate --help", 0),
        ("inspect --help", 0),
        ("rules --help", 0),
        ("rules list --help", 0),
        ("no-such-verb", 2),
        ("audit --no-such-option", 2),
    ],
)
def test_help_imports_nothing_heavy(line: str, code: int) -> None:
    finished = python("-c", SHOW_MODULES, *line.split())
    assert finished.returncode == code, finished.stderr
    loaded = set(finished.stdout.splitlines()[-1].split())
    assert "dqwatch" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("module", ["dqwatch", "dqwatch.errors", "dqwatch.types", "dqwatch.registry", "dqwatch.tables"])
def test_the_lowest_modules_import_the_standard_library_only(module: str) -> None:
    code = f"import {module}, sys; print(*{{n.split('.')[0] for n in sys.modules}} - sys.stdlib_module_names)"
    before = set(python("-c", code.replace(f"{module}, ", "")).stdout.split())
    finished = python("-c", code)
    assert finished.returncode == 0, finished.stderr
    assert set(finished.stdout.split()) - before == {"dqwatch"}


def test_the_installed_command_prints_its_help() -> None:
    program = Path(sysconfig.get_path("scripts")) / "dqwatch"
    finished = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0
    assert "audit" in finished.stdout
    assert finished.stderr == ""
