"""A remote Zarr store as zarr 2 wants it, for chunks that only zarr itself can decode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from zarr.storage import Store

if TYPE_CHECKING:
    from dqwatch.sources.remote_zarr import RemoteFolder


class RemoteStore(Store):
    """Documents out of memory, chunks from the server; nothing can be written."""

    def __init__(self, folder: RemoteFolder) -> None:
        self.folder = folder

    def __getitem__(self, key: str) -> bytes:
        content = self.folder.content(key)
        if content is None:
            raise KeyError(key)
        return content

    def getitems(self, keys: Sequence[str], *, contexts: Mapping[str, Any]) -> dict[str, bytes]:
        """Those of the chunks that are there; each is asked for once."""
        found = ((key, self.folder.content(key)) for key in keys)
        return {key: content for key, content in found if content is not None}

    def __iter__(self) -> Iterator[str]:
        return iter(self.folder.documents.all)

    def __len__(self) -> int:
        return len(self.folder.documents.all)

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        raise PermissionError(f"{self.folder}: opened for reading only")

    def __delitem__(self, key: str) -> NoReturn:
        raise PermissionError(f"{self.folder}: opened for reading only")
