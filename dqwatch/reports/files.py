"""Reports as files: complete or not there at all, and refused before the work if they cannot be written."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from dqwatch.errors import UsageError


def check_file(path: str, option: str) -> None:
    """Make sure that `path` can be written.

    Raises
    ------
    UsageError
        If it is a folder, or no file can be made beside it; the message names `option`.
    """
    if Path(path).is_dir():
        raise UsageError(f"{option} {path}: is a folder; give the name of a file")
    if not _is_special(path):
        _check_folder(Path(os.path.realpath(path)).parent, f"{option} {path}")


def check_folder(path: str, option: str) -> None:
    """Make the folder `path` and make sure that files can be written there.

    Raises
    ------
    UsageError
        If that is impossible; the message names `option`.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot make this folder: {error.strerror}; choose another") from error
    _check_folder(Path(path), f"{option} {path}")


def write_text(path: str, text: str) -> None:
    """Write `text` and a newline to `path` as UTF-8, in one step.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    content = f"{text.rstrip()}\n".encode("utf-8", "backslashreplace")
    try:
        if _is_special(path):
            Path(path).write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; choose another place") from error


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file gets."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _is_special(path: str) -> bool:
    """Whether `path` is a pipe or device (/dev/stdout, /dev/null), which must not be replaced by a file."""
    target = Path(path)
    return target.exists() and not target.is_file()


def _check_folder(folder: Path, where: str) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"{where}: cannot write in {folder}: {error.strerror}; choose another place") from error
