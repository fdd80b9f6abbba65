"""Zarr stores behind a URL: their metadata documents, fetched once, and their chunk objects, fetched when asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from typing import Any

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.sources.remote import Remote
from dqwatch.sources.remote_errors import AccessDeniedError
from dqwatch.sources.stored import Stored
from dqwatch.sources.zarr_consolidated import consolidated
from dqwatch.sources.zarr_folders import MARKS
from dqwatch.sources.zarr_layout import Layout
from dqwatch.sources.zarr_objects import find_keys

ROOT = (".zgroup", ".zattrs", ".zmetadata", ".zarray", "zarr.json")
_ANEMOI = (
    *("data", "dates", "latitudes", "longitudes", "latitude", "longitude", "count", "sums", "squares"),
    *("mean", "stdev", "minimum", "maximum", "has_nans"),
)
"""Arrays of anemoi stores, to be asked for where nothing lists what is there."""


class Documents:
    """The metadata documents of a store by path; those of its arrays are fetched when first asked for."""

    def __init__(self, remote: Remote, root: Mapping[str, bytes]) -> None:
        self._remote = remote
        self._root = root

    @cached_property
    def all(self) -> Mapping[str, bytes]:
        """Every document."""
        return {**self._root, **_inner_documents(self._remote, self._root)}

    def get(self, key: str) -> bytes | None:
        """One document; None if there is none."""
        return self.all.get(key) if "/" in key else self._root.get(key)


class RemoteFolder:
    """The folder of a group or array as `zarr_folders.Folder`.

    Parameters
    ----------
    remote : Remote
        Of the store.
    documents : Documents
        All metadata of the store.
    path : str
        Of this folder in the store; '' for its root.
    """

    def __init__(self, remote: Remote, documents: Documents, path: str = "") -> None:
        self.remote = remote
        self.documents = documents
        self._path = path

    def __str__(self) -> str:
        return self.remote.where(self._path)

    def inner(self, name: str) -> RemoteFolder:
        """See `Folder.inner`."""
        return RemoteFolder(self.remote, self.documents, self._key(name))

    def document(self, name: str) -> bytes | None:
        """See `Folder.document`."""
        return self.documents.get(self._key(name))

    def marked(self, but: Collection[str]) -> Iterator[tuple[str, str]]:
        """See `Folder.marked`."""
        above = self._key("")
        for key in self.documents.all:
            name, _, mark = key.removeprefix(above).partition("/")
            if key.startswith(above) and mark in MARKS and name not in but:
                yield name, mark

    def open(self, key: str, *, whole: bool) -> Stored | None:
        """See `Folder.open`."""
        return self.remote.open(self._key(key), whole=whole)

    def objects(self, layout: Layout) -> Iterator[tuple[tuple[int, ...], int]] | None:
        """See `Folder.objects`."""
        sizes = self.remote.sizes(self._path)
        return None if sizes is None else find_keys(sizes, layout)

    def content(self, key: str) -> bytes | None:
        """A document of the store or, fetched now, a chunk object; None if there is none."""
        name = key.rpartition("/")[2]
        if name.startswith((".z", "zarr.")):
            return self.documents.get(self._key(key))
        stored = self.open(key, whole=True)
        if stored is None:
            return None
        with closing(stored):
            return stored.fill(np.empty(stored.size, np.uint8), 0).tobytes()

    def _key(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name


def make_store(folder: RemoteFolder) -> Any:
    """A store for the version of zarr that is installed."""
    import zarr

    if zarr.__version__.startswith("2."):
        from dqwatch.sources import store_zarr2 as stores
    else:
        from dqwatch.sources import store_zarr3 as stores  # type: ignore[no-redef]
    return stores.RemoteStore(folder)


def open_remote(remote: Remote) -> RemoteFolder | None:
    """The root of a Zarr store; None if there is no sign of one at the URL.

    The documents are those that the arrays themselves have, as in a local folder. Consolidated metadata only tell which
    there are, where the server lists nothing; a store without them can be read over HTTP if the server sends pages that
    list its folders, or if it is one of anemoi.

    Raises
    ------
    SourceError
        If documents cannot be fetched; later, if what the store holds cannot be found out.
    """
    root = _root_documents(remote)
    return RemoteFolder(remote, Documents(remote, root)) if root else None


def _root_documents(remote: Remote) -> dict[str, bytes]:
    """What there is of `ROOT`; what may not be seen is not there if consolidated metadata do not know of it.

    Buckets that may not be listed answer so for all that is not there.
    """
    found: dict[str, bytes] = {}
    denied: dict[str, AccessDeniedError] = {}
    for name, content in remote.try_all(ROOT).items():
        if isinstance(content, AccessDeniedError):
            denied[name] = content
        else:
            found[name] = content
    known = consolidated(found)
    for name, error in denied.items():
        if not known or name in known:
            raise error
    return found


def _inner_documents(remote: Remote, root: Mapping[str, bytes]) -> dict[str, bytes]:
    copies = consolidated(root)
    lists = remote.protocol not in ("http", "https")
    names = remote.inside() if lists or not copies else None
    if names is None and copies:
        found = remote.read_all(key for key in copies if key not in root)
        return {key: json.dumps(content).encode() for key, content in copies.items() if key not in root} | found
    if names is None and b'"variables"' in root.get(".zattrs", root.get("zarr.json", b"")):
        return _of_folders(remote, _ANEMOI, root, groups=False)
    if names is None:
        raise SourceError(
            f"{remote}: Zarr without consolidated metadata, and the server does not list what there is: "
            "consolidate them (zarr.consolidate_metadata), or read it from where it can be listed"
        )
    return _walk(remote, "", names, root)


def _walk(remote: Remote, path: str, names: Iterable[str], root: Mapping[str, bytes]) -> dict[str, bytes]:
    """The documents of the folders `names` in `path`, and of all groups among them."""
    folders = [f"{path}{name}" for name in names if not name.startswith(".") and name != "zarr.json"]
    found = _of_folders(remote, folders, root)
    for folder in folders:
        if f"{folder}/.zgroup" in found or b'"group"' in found.get(f"{folder}/zarr.json", b""):
            found |= _walk(remote, f"{folder}/", remote.inside(folder) or (), root)
    return found


def _of_folders(
    remote: Remote, folders: Iterable[str], root: Mapping[str, bytes], *, groups: bool = True
) -> dict[str, bytes]:
    """The documents of folders, in the format of the root; `groups` tells whether there may be groups among them."""
    folders = list(folders)
    if "zarr.json" in root:
        return remote.read_all(f"{folder}/zarr.json" for folder in folders)
    found = remote.read_all(f"{folder}/.zarray" for folder in folders)
    others = [folder for folder in folders if f"{folder}/.zarray" not in found]
    found |= remote.read_all(f"{folder}/.zgroup" for folder in (others if groups else ()))
    return found | remote.read_all(f"{key.rpartition('/')[0]}/.zattrs" for key in found)
