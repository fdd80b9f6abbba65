"""How kernels are compiled: by numba, without the GIL, kept on disk wherever a folder can be had.

Compiled functions live in files named `kernel*.py`. Numba notices a change only in a function's own file, and only by
size and time of that file; so all those files together name the folder in which their machine code is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba

FASTMATH = {"reassoc", "contract", "nsz"}
"""What sums may do. Never nnan or ninf: fields hold both, and the compiler would assume them away."""

_settings: Any = numba.config
_PACKAGE = Path(__file__).resolve().parent.parent


def compiled(function: Callable[..., Any], *, fastmath: set[str] | None = None) -> Any:
    """`function` compiled by numba when it is first called.

    Parameters
    ----------
    function : callable
        Of a file named `kernel*.py`; what it calls is compiled already.
    fastmath : set of str, optional
        LLVM's flags for floating-point arithmetic; none by default.

    Returns
    -------
    numba dispatcher
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath or False}
    folder = cache_folder()
    if folder is None:
        return numba.njit(**options)(function)
    with _numba_cache(folder):
        return numba.njit(cache=True, **options)(function)


def sums(function: Callable[..., Any]) -> Any:
    """`compiled`, its sums in any order (the same order in every run on one type of CPU)."""
    return compiled(function, fastmath=FASTMATH)


@cache
def cache_folder() -> Path | None:
    """The folder for machine code: in the package, in the user's cache, or private in the temporary folder.

    None if none of them can be written; kernels are then compiled in every process.
    """
    name = f"kernels-{kernel_digest()}"
    for base in _bases():
        folder = base / name
        if _usable(folder):
            if base.name == "__pycache__":
                _forget_others(folder)
            return folder
    return None


def kernel_digest() -> str:
    """What tells these kernels from others."""
    sources = sorted(_PACKAGE.glob("*/kernel*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _bases() -> Iterator[Path]:
    yield Path(__file__).resolve().parent / "__pycache__"
    if cache_home := os.environ.get("XDG_CACHE_HOME"):
        yield Path(cache_home) / "dqwatch"
    with contextlib.suppress(RuntimeError):  # no home at all
        yield Path.home() / ".cache" / "dqwatch"
    with contextlib.suppress(OSError):  # no temporary folder that can be written
        yield Path(tempfile.gettempdir()) / f"dqwatch-{os.getuid()}"


def _usable(folder: Path) -> bool:
    """Whether files can be made in `folder`, and by nobody else: who can write there can run code in our name."""
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        return all(_ours(path) for path in (folder, folder.parent))
    except OSError:
        return False


def _ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & stat.S_IWOTH


def _forget_others(folder: Path) -> None:
    """Remove what earlier versions of the kernels left beside `folder`, in this installation's own folder."""
    for other in folder.parent.glob("kernels-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


@contextlib.contextmanager
def _numba_cache(folder: Path) -> Iterator[None]:
    """Numba's setting, which it reads when a function is decorated, changed for that moment."""
    before = _settings.CACHE_DIR
    _settings.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        _settings.CACHE_DIR = before
