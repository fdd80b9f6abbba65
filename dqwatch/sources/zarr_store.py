"""Zarr groups and arrays of formats 2 and 3, opened with plain zarr (2.18 or 3), without consolidated metadata."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.zarr_array import ZarrArray, attributes, one_line

__all__ = ["ZarrArray", "attributes", "local_folder", "open_arrays", "open_group"]

_GROUP_MARKS = (".zgroup", ".zattrs", ".zmetadata", "zarr.json")
_SINGLE_ARRAY = "{}: a single Zarr array; give the group (the folder above) that it belongs to"
_LOCAL_STORES = ("LocalStore", "DirectoryStore", "NestedDirectoryStore")


def open_group(path: str | os.PathLike[str]) -> Any | None:
    """The Zarr group in a local folder.

    Returns
    -------
    zarr.Group or None
        None if `path` is no folder, or one without any sign of Zarr.

    Raises
    ------
    SourceError
        If the folder looks like a Zarr store (metadata files, or a name that ends in `.zarr`) but cannot be opened.
    UnsupportedDataError
        If it is a single array.
    """
    folder = Path(path)
    if not folder.is_dir():
        return None
    if (folder / ".zarray").exists():
        raise UnsupportedDataError(_SINGLE_ARRAY.format(folder))
    if not any((folder / mark).exists() for mark in _GROUP_MARKS):
        if folder.suffix == ".zarr":
            what = "is empty" if not any(folder.iterdir()) else "has no Zarr metadata (.zgroup or zarr.json)"
            raise SourceError(f"{folder}: no Zarr store: the folder {what}; was it copied or written completely?")
        return None
    return _open(folder)


def _open(folder: Path) -> Any:
    import zarr

    before_3 = zarr.__version__.startswith("2.")
    if before_3 and not (folder / ".zgroup").exists() and (folder / "zarr.json").exists():
        raise SourceError(
            f"{folder}: Zarr format 3, which the installed zarr {zarr.__version__} cannot read: install zarr>=3"
        )
    _check_marks(folder)
    options = {} if before_3 else {"use_consolidated": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(str(folder), mode="r", **options)
            attributes(group)
    except Exception as error:  # broken metadata make zarr raise anything, by version
        raise SourceError(f"{folder}: cannot be opened as a Zarr group: {one_line(error)}") from error
    return group


def _check_marks(folder: Path) -> None:
    """Refuse what zarr takes for an empty group, or for something else than a group."""
    for mark, version in (("zarr.json", 3), (".zgroup", 2)):
        file = folder / mark
        if not file.exists():
            continue
        try:
            found = json.loads(file.read_bytes())
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
    _collect(group, "", local_folder(group), arrays)
    return dict(sorted(arrays.items()))


def _collect(group: Any, prefix: str, folder: Path | None, arrays: dict[str, ZarrArray]) -> None:
    where = folder or group
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(group.arrays())
            groups = list(group.groups())
    except Exception as error:  # the same
        raise SourceError(f"{where}: broken Zarr metadata: {one_line(error)}") from error
    _check_complete(folder, {name for name, _ in found}, {name for name, _ in groups})
    for name, array in found:
        arrays[prefix + name] = ZarrArray(array, prefix + name, folder / name if folder else None)
    for name, inner in groups:
        _collect(inner, f"{prefix}{name}/", folder / name if folder else None, arrays)


def _check_complete(folder: Path | None, arrays: set[str], groups: set[str]) -> None:
    """Refuse a group with members that zarr passes over, or takes for groups, because their metadata are broken."""
    if folder is None:
        return
    with os.scandir(folder) as entries:
        others = [entry for entry in entries if entry.name not in arrays and entry.is_dir()]
    for entry in others:
        for mark in (".zarray",) if entry.name in groups else (".zarray", ".zgroup", "zarr.json"):
            if os.path.exists(f"{entry.path}/{mark}"):
                raise SourceError(f"{entry.path}/{mark}: broken Zarr metadata: neither an array nor a group")


def local_folder(group: Any) -> Path | None:
    """Where a group lies on this machine; None for other stores."""
    if type(group.store).__name__ not in _LOCAL_STORES:
        return None
    root = getattr(group.store, "root", None) or group.store.path
    return Path(root) / group.path
