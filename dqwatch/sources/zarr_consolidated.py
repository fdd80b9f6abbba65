"""Consolidated metadata of Zarr stores: copies of all metadata documents in one, which may be out of date."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dqwatch.sources.zarr_folders import LocalFolder, folder_of


def consolidated(root: Mapping[str, bytes]) -> dict[str, Any]:
    """Documents by path, as far as the root has copies of them.

    Parameters
    ----------
    root : mapping of name to content
        The documents of the root; `.zmetadata` or `zarr.json` hold the copies.
    """
    try:
        if "zarr.json" in root:
            held = json.loads(root["zarr.json"]).get("consolidated_metadata") or {}
            return {f"{path}/zarr.json": content for path, content in held.get("metadata", {}).items()}
        return dict(json.loads(root.get(".zmetadata", b"{}")).get("metadata", {}))
    except (ValueError, AttributeError, TypeError):
        return {}  # broken documents are complained of where the group is opened, others are not needed


def stale_notes(group: Any, arrays: Iterable[str]) -> tuple[str, ...]:
    """A note where the copies are not what lies beside the arrays; dqwatch itself does not rely on them.

    Parameters
    ----------
    group : zarr.Group
        Only stores on this machine are looked at: elsewhere each document costs a request.
    arrays : iterable of str
        Names of the arrays that are there.
    """
    folder = folder_of(group)
    if not isinstance(folder, LocalFolder):
        return ()
    root = {name: text for name in ("zarr.json", ".zmetadata") if (text := folder.document(name)) is not None}
    copies = consolidated(root)
    if not copies:
        return ()
    mark = "zarr.json" if "zarr.json" in root else ".zarray"
    stale = [path for path, copy in copies.items() if _text(copy) != _document(folder, path)]
    stale += [f"{name}/{mark}" for name in arrays if f"{name}/{mark}" not in copies]
    if not stale:
        return ()
    more = f" (+{len(stale) - 1})" if len(stale) > 1 else ""
    told = f"consolidated metadata are not up to date: {min(stale)}{more}"
    return (f"{told}; programs that rely on them see other data, make them anew (zarr.consolidate_metadata)",)


def _document(folder: LocalFolder, path: str) -> str:
    """The document itself, as `_text` writes it; '' if there is none or it is broken."""
    text = folder.document(path)
    try:
        return "" if text is None else _text(json.loads(text))
    except ValueError:
        return ""


def _text(content: Any) -> str:
    """One text for one meaning; groups of format 3 may hold copies of their own."""
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key != "consolidated_metadata"}
    return json.dumps(content, sort_keys=True)
