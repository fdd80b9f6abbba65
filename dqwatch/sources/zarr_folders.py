"""The folders of Zarr stores: their metadata documents and chunk objects, on this machine; `remote_zarr` has others."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

from dqwatch.sources.stored import File, Stored
from dqwatch.sources.zarr_layout import Layout
from dqwatch.sources.zarr_objects import find_objects

MARKS = (".zarray", ".zgroup", "zarr.json")
"""Metadata that say what a folder is."""
_LOCAL_STORES = ("LocalStore", "DirectoryStore", "NestedDirectoryStore")


class Folder(Protocol):
    """The folder of a group or array; its text stands in messages."""

    def inner(self, name: str) -> Folder:
        """A folder inside this one."""

    def document(self, name: str) -> bytes | None:
        """A metadata file; None if it is not there.

        Raises
        ------
        OSError
            If it cannot be read.
        """

    def marked(self, but: Collection[str]) -> Iterator[tuple[str, str]]:
        """Folders inside this one, but for some names, with each of `MARKS` that lies in them."""

    def open(self, key: str, *, whole: bool) -> Stored | None:
        """The chunk object `key`; None if there is none.

        Parameters
        ----------
        key : str
        whole : bool
            Whether all of it will be asked for, or only parts.

        Raises
        ------
        OSError
            If it is there but cannot be read, or nobody can tell whether it is.
        """

    def objects(self, layout: Layout) -> Iterator[tuple[tuple[int, ...], int]] | None:
        """Index and bytes of each chunk object of the array; None where they cannot be listed."""


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = str(path)

    def __str__(self) -> str:
        return self._text

    def inner(self, name: str) -> LocalFolder:
        """See `Folder.inner`."""
        return LocalFolder(self.path / name)

    def document(self, name: str) -> bytes | None:
        """See `Folder.document`."""
        path = self.path / name
        return path.read_bytes() if path.exists() else None

    def marked(self, but: Collection[str]) -> Iterator[tuple[str, str]]:
        """See `Folder.marked`."""
        with os.scandir(self.path) as entries:
            names = [entry.name for entry in entries if entry.name not in but and entry.is_dir()]
        for name in names:
            for mark in MARKS:
                if os.path.exists(f"{self._text}/{name}/{mark}"):
                    yield name, mark

    def open(self, key: str, *, whole: bool) -> File | None:
        """See `Folder.open`."""
        try:
            return File(os.open(f"{self._text}/{key}", os.O_RDONLY | os.O_CLOEXEC))
        except FileNotFoundError:
            return None

    def objects(self, layout: Layout) -> Iterator[tuple[tuple[int, ...], int]]:
        """See `Folder.objects`."""
        return find_objects(self.path, layout)


def folder_of(group: Any) -> Folder | None:
    """Where a group of zarr lies; None for stores of others."""
    folder: Folder | None = getattr(group.store, "folder", None)
    if folder is None and type(group.store).__name__ in _LOCAL_STORES:
        folder = LocalFolder(Path(getattr(group.store, "root", None) or group.store.path))
    for name in filter(None, group.path.split("/")):
        folder = folder.inner(name) if folder else None
    return folder
