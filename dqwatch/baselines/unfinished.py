"""The folder of an unfinished baseline: parts that are written whole or not at all, and found again after a kill."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO
from zipfile import BadZipFile

import numpy as np

from dqwatch.errors import SourceError, UsageError
from dqwatch.locks import lock

_FACTS = "facts.json"
_FILES = "files"
_LOCK = "lock"
_OWN = {_LOCK, f".{_FACTS}"}
"""What a run that broke off at once may leave."""
PAUSE = 60.0
"""Seconds between checkpoints of a part that is not done."""
_SHARE = 20.0
"""Times as long as a checkpoint takes, at least, the next one waits."""


class Unfinished:
    """Parts of a baseline in the making; a context manager that forgets a folder in which nothing is worth keeping.

    Parameters
    ----------
    path : Path, optional
        The folder; without one it is temporary, and gone at the end.
    facts : mapping, optional
        What the baseline is made of, plain values: parts of a baseline of anything else are thrown away.

    Raises
    ------
    UsageError
        On entering, if the folder cannot be written, holds something else, or another process works in it.
    """

    def __init__(self, path: Path | None = None, facts: Mapping[str, Any] | None = None) -> None:
        self._facts = json.loads(json.dumps(dict(facts or {})))
        self._temporary = path is None
        self.path = path or Path(tempfile.gettempdir())
        self._written, self._took = time.monotonic(), 0.0
        self._lock: TextIO | None = None
        self.other = False
        """Whether parts of something else were thrown away."""

    def __enter__(self) -> Unfinished:
        try:
            if self._temporary:
                self.path = Path(tempfile.mkdtemp(prefix="dqwatch-"))
            self.path.mkdir(exist_ok=True)
            known = _read_facts(self.path)
            if known is None and {p.name for p in self.path.iterdir()} - _OWN:
                raise UsageError(
                    f"{self.path}: is needed for what is not finished, and holds something else; move it, or give "
                    "another name for the output"
                )
            self._lock = lock(self.path / _LOCK, "making this baseline")
            if known != self._facts:
                self.other = known is not None
                self._clear()
                _write_json(self.path / _FACTS, self._facts)
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._temporary or not self.parts():
            self.remove()
        elif self._lock is not None:
            self._lock.close()

    def parts(self) -> list[str]:
        """Names of the parts that are whole."""
        return sorted(p.name for p in self.path.iterdir() if p.is_dir() and not p.name.startswith("."))

    def has(self, part: str) -> bool:
        """Whether a part is there, which then is whole."""
        return (self.path / part).is_dir()

    def found(self) -> list[str]:
        """What was found of a former run, one clause at most."""
        if self.other:
            return [f"{self.path.name} was of other data or options: it is thrown away"]
        parts = self.parts()
        return [f"goes on from what {self.path.name} holds ({len(parts)} parts)"] if parts else []

    def elsewhere(self) -> Unfinished:
        """The same folder for another process, which neither locks nor removes it."""
        return Unfinished(self.path, self._facts)

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._written >= max(PAUSE, _SHARE * self._took)

    def write(self, part: str, files: Mapping[str, Mapping[str, np.ndarray]], facts: Mapping[str, Any]) -> None:
        """Write a part in place of an older one of the same name.

        Parameters
        ----------
        part : str
        files : mapping
            Name -> arrays.
        facts : mapping
            Plain values.

        Raises
        ------
        SourceError
            If the disk is full or the folder cannot be written.
        """
        began = time.monotonic()
        own = f"{socket.gethostname()}-{os.getpid()}"
        new, old = self.path / f".{part}-new-{own}", self.path / f".{part}-old-{own}"
        try:
            for one in (new, old):
                shutil.rmtree(one, ignore_errors=True)
            new.mkdir()
            for name, arrays in files.items():
                with open(new / f"{name}.npz", "wb") as file:
                    np.savez(file, **arrays)  # type: ignore[arg-type]  # a keyword of numpy 2 is no array
            _write_json(new / _FACTS, {**facts, _FILES: sorted(files)})
            if self.has(part):
                (self.path / part).rename(old)
            new.rename(self.path / part)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise SourceError(
                f"{self.path}: cannot be written: {error.strerror or error}; what is done is kept: "
                "the same command goes on from there"
            ) from error
        self._written = time.monotonic()
        self._took = self._written - began

    def facts(self, part: str) -> dict[str, Any]:
        """The plain values of a part."""
        found = _read_facts(self.path / part)
        if found is None or _FILES not in found:
            raise self._broken(part)
        return found

    def read(self, part: str, name: str) -> dict[str, np.ndarray]:
        """The arrays of one name; none if there are none.

        Raises
        ------
        SourceError
            If they are broken.
        """
        if name not in self.facts(part)[_FILES]:
            return {}
        try:
            with np.load(self.path / part / f"{name}.npz", allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise self._broken(part) from error

    def drop(self, part: str) -> None:
        """Remove a part; harmless if it is not there."""
        shutil.rmtree(self.path / part, ignore_errors=True)

    def remove(self) -> None:
        """Remove the folder and let go of it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        forget(self.path)

    def _clear(self) -> None:
        for one in self.path.iterdir():
            if one.is_dir():
                shutil.rmtree(one)
            elif one.name != _LOCK:
                one.unlink()

    def _broken(self, part: str) -> SourceError:
        return SourceError(f"{self.path}: its part {part} is broken; remove the folder and start anew")


def place_beside(target: str | os.PathLike[str]) -> Path:
    """The folder of what is to become a baseline at a path."""
    path = Path(target).absolute()
    return path.with_name(f"{path.name}.unfinished")


def forget(folder: Path) -> None:
    """Remove the folder of what is finished; harmless if there is none."""
    shutil.rmtree(folder, ignore_errors=True)


def _read_facts(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write_json(path: Path, facts: Mapping[str, Any]) -> None:
    new = path.with_name(f".{path.name}")
    new.write_text(json.dumps(dict(facts)), encoding="utf-8")
    new.replace(path)
