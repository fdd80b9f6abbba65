"""Zarr groups and arrays of formats 2 and 3, opened with plain zarr (2.18 or 3), without consolidated metadata."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.urls import is_url
from dqwatch.sources.zarr_array import ZarrArray, attributes, one_line
from dqwatch.sources.zarr_folders import Folder, LocalFolder, folder_of

__all__ = ["ZarrArray", "attributes", "open_arrays", "open_group"]

_GROUP_MARKS = (".zgroup", ".zattrs", ".zmetadata", "zarr.json")
_SINGLE_ARRAY = "{}: a single Zarr array; give the group (the folder above) that it belongs to"


def open_group(data: str | os.PathLike[str], cache: str | os.PathLike[str] | None = None) -> Any | None:
    """The Zarr group in a local folder or at a URL.

    Parameters
    ----------
    data : path or URL
    cache : path, optional
        Folder in which what is fetched from a URL is kept.

    Returns
    -------
    zarr.Group or None
        None if there is no folder, or one without any sign of Zarr.

    Raises
    ------
    SourceError
        If the folder looks like a Zarr store (metadata files, or a name that ends in `.zarr`) but cannot be opened, or
        a server does not give what it holds.
    UnsupportedDataError
        If it is a single array.
    """
    if is_url(data):
        return _open_url(str(data), cache)
    path = Path(data)
    if not path.is_dir():
        return None
    folder = LocalFolder(path)
    if (path / ".zarray").exists():
        raise UnsupportedDataError(_SINGLE_ARRAY.format(folder))
    if not any((path / mark).exists() for mark in _GROUP_MARKS):
        if path.suffix == ".zarr":
            what = "is empty" if not any(path.iterdir()) else "has no Zarr metadata (.zgroup or zarr.json)"
            raise SourceError(f"{folder}: no Zarr store: the folder {what}; was it copied or written completely?")
        return None
    return _open(folder, lambda: str(path))


def _open_url(url: str, cache: str | os.PathLike[str] | None) -> Any | None:
    from dqwatch.sources.remote import Remote
    from dqwatch.sources.remote_zarr import make_store, open_remote

    folder = open_remote(Remote(url, cache))
    if folder is None:
        return None
    if folder.document(".zarray") is not None:
        raise UnsupportedDataError(_SINGLE_ARRAY.format(folder))
    return _open(folder, lambda: make_store(folder))


def _open(folder: Folder, make_store: Callable[[], Any]) -> Any:
    import zarr

    before_3 = zarr.__version__.startswith("2.")
    if before_3 and folder.document(".zgroup") is None and folder.document("zarr.json") is not None:
        raise SourceError(
            f"{folder}: Zarr format 3, which the installed zarr {zarr.__version__} cannot read: install zarr>=3"
        )
    _check_marks(folder)
    options = {} if before_3 else {"use_consolidated": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(make_store(), mode="r", **options)
            attributes(group)
    except Exception as error:  # broken metadata make zarr raise anything, by version
        raise SourceError(f"{folder}: cannot be opened as a Zarr group: {one_line(error)}") from error
    return group


def _check_marks(folder: Folder) -> None:
    """Refuse what zarr takes for an empty group, or for something else than a group."""
    for mark, version in (("zarr.json", 3), (".zgroup", 2)):
        file = f"{folder}/{mark}"
        try:
            document = folder.document(mark)
            if document is None:
                continue
            found = json.loads(document)
        except (OSError, ValueError) as error:
            raise SourceError(f"{file}: cannot be opened as a Zarr group: {one_line(error)}") from error
        if not isinstance(found, dict) or found.get("zarr_format") != version:
            raise SourceError(f"{file}: cannot be opened as a Zarr group: 'zarr_format' should be {version}")
        if version == 3 and found.get("node_type") == "array":
            raise UnsupportedDataError(_SINGLE_ARRAY.format(folder))
        if version == 3 and found.get("node_type") != "group":
            raise SourceError(f"{file}: cannot be opened as a Zarr group: 'node_type' should be 'group'")
        return


def open_arrays(group: Any) -> dict[str, ZarrArray]:
    """The arrays of a group by name, those of groups inside it as `group/array`, sorted by name.

    Raises
    ------
    SourceError
        If the metadata of one are broken.
    """
    arrays: dict[str, ZarrArray] = {}
    _collect(group, "", folder_of(group), arrays)
    return dict(sorted(arrays.items()))


def _collect(group: Any, prefix: str, folder: Folder | None, arrays: dict[str, ZarrArray]) -> None:
    where = folder or group
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(group.arrays())
            groups = list(group.groups())
    except SourceError:
        raise
    except Exception as error:  # the same
        raise SourceError(f"{where}: broken Zarr metadata: {one_line(error)}") from error
    _check_complete(folder, {name for name, _ in found}, {name for name, _ in groups})
    for name, array in found:
        arrays[prefix + name] = ZarrArray(array, prefix + name, folder.inner(name) if folder else None)
    for name, inner in groups:
        _collect(inner, f"{prefix}{name}/", folder.inner(name) if folder else None, arrays)


def _check_complete(folder: Folder | None, arrays: set[str], groups: set[str]) -> None:
    """Refuse a group with members that zarr passes over, or takes for groups, because their metadata are broken."""
    for name, mark in folder.marked(arrays) if folder else ():
        if name not in groups or mark == ".zarray":
            raise SourceError(f"{folder}/{name}/{mark}: broken Zarr metadata: neither an array nor a group")
