"""The folder in which what the pieces of a scan gave waits, each in a file, until all of them are there."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO
from zipfile import BadZipFile

import numpy as np

from dqwatch.errors import SourceError, UsageError
from dqwatch.locks import lock

_FACTS = "audit.json"
_LOCK = "lock"


class KeptPieces:
    """Files of finished pieces; a context manager. A temporary folder is gone at the end, one of the user's stays.

    Parameters
    ----------
    folder : path, optional
        The user's own; made if it is not there.
    facts : mapping
        What is scanned, and how; plain values.

    Raises
    ------
    UsageError
        On entering, if the folder cannot be written, holds something else, or is in use by another process.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, facts: Mapping[str, Any]) -> None:
        self._given = folder
        self._facts = json.loads(json.dumps(dict(facts)))
        self._lock: TextIO | None = None
        self.folder = Path()

    def __enter__(self) -> KeptPieces:
        try:
            if self._given is None:
                self.folder = Path(tempfile.mkdtemp(prefix="dqwatch-"))
                return self
            self.folder = Path(self._given).absolute()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._check()
            self._lock = lock(self.folder / _LOCK, "working on this audit")
            _write(self.folder / _FACTS, json.dumps(self._facts).encode())
        except OSError as error:
            if isinstance(error, UsageError):
                raise
            raise UsageError(f"{self.folder}: cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
        if self._given is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self) -> None:
        """Take no folder for ours that is not."""
        found = _read_facts(self.folder)
        if found is None and any(self.folder.iterdir()):
            raise UsageError(f"{self.folder}: holds something else than pieces of an audit; give a folder of its own")
        different = sorted(k for k in self._facts if found is not None and found.get(k) != self._facts[k])
        if different:
            raise UsageError(
                f"{self.folder}: holds pieces of another audit ({', '.join(different)} differ); remove it to begin "
                "anew, or give another folder"
            )

    def has(self, number: int) -> bool:
        """Whether a piece is there, which then is whole."""
        return self._path(number).exists()

    def write(self, number: int, packed: bytes) -> None:
        """Keep what a piece gave.

        Raises
        ------
        SourceError
            If the disk is full or the folder cannot be written.
        """
        try:
            _write(self._path(number), packed)
        except OSError as error:
            raise SourceError(f"{self.folder}: cannot be written: {error.strerror or error}") from error

    def read(self, number: int) -> dict[str, np.ndarray]:
        """What a piece gave.

        Raises
        ------
        SourceError
            If the file is broken.
        """
        path = self._path(number)
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise SourceError(f"{path}: is broken; remove it and run the command again") from error

    def _path(self, number: int) -> Path:
        return self.folder / f"piece-{number:06d}.npz"


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of a file."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def forget(folder: str | os.PathLike[str]) -> None:
    """Remove a folder of pieces that nobody needs any more; harmless if it is none."""
    path = Path(folder)
    if _read_facts(path) is not None:
        for one in (*path.glob("piece-*.npz"), path / _LOCK, path / _FACTS):
            one.unlink(missing_ok=True)
        if not any(path.iterdir()):
            path.rmdir()


def _read_facts(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, content: bytes) -> None:
    """A file that is whole as soon as it is there."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
