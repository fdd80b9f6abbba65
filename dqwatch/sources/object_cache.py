"""A folder that keeps what was fetched: a file for each version of a remote object, or for each block of a large one.

The name of an entry is made of the URL and of what the server says of the content (entity tag, size, time), so an
entry never stands for other content, and anything may be deleted at any time. fsspec's own caches do not meet this:
`filecache` takes HTTP objects for unchanging, `simplecache` all objects.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dqwatch.errors import SourceError, UsageError

BLOCK_BYTES = 1 << 20
"""Of large objects that are read in parts, blocks of this size are kept."""

_ABANDONED_S = 86400.0
"""A file still being written after that time belongs to a process that died."""


class ObjectCache:
    """Entries under a folder, for any number of threads, processes and users at once.

    An entry is written beside its place and renamed, so that it is whole or not there. When a version of an object
    comes in, other versions of it are deleted: the folder holds at most what was read of the remote data. Nothing else
    is ever deleted.

    Parameters
    ----------
    folder : path
        Made if it is not there.

    Raises
    ------
    UsageError
        If files cannot be made there.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = os.path.abspath(os.fspath(folder))
        self._parts = f"{self._folder}/.parts"
        try:
            os.makedirs(self._parts, exist_ok=True)
            with open(self._new_part(), "xb") as probe:
                os.unlink(probe.name)
            for entry in os.scandir(self._parts):
                with suppress(FileNotFoundError):
                    if time.time() - entry.stat().st_mtime > _ABANDONED_S:
                        os.unlink(entry)
        except OSError as error:
            raise UsageError(
                f"cache {self._folder}: cannot be used: {error.strerror}; give a folder that can be written"
            ) from error

    def open(self, url: str, version: str, size: int, block: int | None = None) -> int | None:
        """Descriptor of an entry of that size; None if there is none."""
        try:
            descriptor = os.open(self._path(url, version, block), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._broken(error) from error
        if os.fstat(descriptor).st_size == size:
            return descriptor
        os.close(descriptor)
        return None

    def keep(self, url: str, version: str, content: bytes | memoryview, block: int | None = None) -> None:
        """Make an entry of the content of an object, or of one of its blocks.

        Raises
        ------
        SourceError
            If it cannot be written; the disk may be full.
        """
        with self.writing(url, version, block) as part:
            try:
                with open(part, "xb") as file:
                    file.write(content)
            except OSError as error:
                raise self._broken(error) from error

    @contextmanager
    def writing(self, url: str, version: str, block: int | None = None) -> Iterator[str]:
        """The name of a file to be written, which becomes the entry when all goes well.

        Raises
        ------
        SourceError
            If the entry cannot be made.
        """
        part = self._new_part()
        try:
            yield part
            self._enter(part, url, version, block)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)

    def _enter(self, part: str, url: str, version: str, block: int | None) -> None:
        path = self._path(url, version, block)
        folder = os.path.dirname(path)
        try:
            is_new = block is None or not os.path.isdir(folder)
            os.makedirs(folder, exist_ok=True)
            os.replace(part, path)
            if is_new:
                self._delete_other_versions(url, version)
        except OSError as error:
            raise self._broken(error) from error

    def link(self, url: str, version: str, path: str) -> None:
        """Make `path` a link to an entry."""
        os.symlink(self._path(url, version, None), path)

    def _new_part(self) -> str:
        return f"{self._parts}/{uuid.uuid4().hex}"

    def _path(self, url: str, version: str, block: int | None) -> str:
        name = _digest(url, 40)
        path = f"{self._folder}/{name[:3]}/{name}-{_digest(version, 24)}"
        return path if block is None else f"{path}.blocks/{block}"

    def _delete_other_versions(self, url: str, version: str) -> None:
        own = self._path(url, version, None)
        folder, name = os.path.split(own)
        for entry in os.listdir(folder):
            if entry.startswith(name.partition("-")[0]) and not entry.startswith(name):
                path = f"{folder}/{entry}"
                if entry.endswith(".blocks"):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    with suppress(FileNotFoundError):
                        os.unlink(path)

    def _broken(self, error: OSError) -> SourceError:
        why = error.strerror or str(error)
        return SourceError(f"cache {self._folder}: cannot be used: {why}; make room or choose another folder")


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
