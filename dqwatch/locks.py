"""A file that tells other processes that a folder is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from dqwatch.errors import UsageError


def lock(path: Path, work: str) -> TextIO:
    """A lock that ends with the process, or when the file is closed; on systems that know none there is none.

    Parameters
    ----------
    path : Path
        The file; made if it is not there.
    work : str
        What another process would be doing, for the message: 'making this baseline'.

    Raises
    ------
    UsageError
        If another process holds it.
    OSError
        If the file cannot be opened.
    """
    file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (held open as long as the work lasts)
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UsageError(f"{path.parent}: another process is {work}; wait for it") from error
    except (ImportError, OSError):
        pass
    return file
