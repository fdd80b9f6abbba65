"""A remote Zarr store as zarr 3 wants it, for chunks that only zarr itself can decode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

if TYPE_CHECKING:
    from dqwatch.sources.remote_zarr import RemoteFolder


class RemoteStore(Store):
    """Documents out of memory, chunks from the server; nothing can be written."""

    supports_writes = False
    supports_deletes = False
    supports_partial_writes = False
    supports_listing = True

    def __init__(self, folder: RemoteFolder) -> None:
        super().__init__(read_only=True)
        self.folder = folder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteStore) and other.folder is self.folder

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RemoteStore('{self.folder}')"

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The content of an object, or a part of it, as a buffer; None if there is none."""
        content = await asyncio.to_thread(self.folder.content, key)
        return None if content is None else prototype.buffer.from_bytes(content[_part(byte_range)])

    async def get_partial_values(self, prototype: Any, key_ranges: Iterable[tuple[str, Any]]) -> list[Any]:
        """Parts of several objects."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return await asyncio.to_thread(self.folder.content, key) is not None

    async def set(self, key: str, value: Any) -> NoReturn:
        """Refused."""
        raise PermissionError(f"{self.folder}: opened for reading only")

    async def delete(self, key: str) -> NoReturn:
        """Refused."""
        raise PermissionError(f"{self.folder}: opened for reading only")

    async def list(self) -> AsyncIterator[str]:
        """The documents; chunks are not listed."""
        for key in await asyncio.to_thread(self._documents):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """The documents that begin with a prefix."""
        for key in await asyncio.to_thread(self._documents):
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names directly under a prefix."""
        above = f"{prefix.rstrip('/')}/" if prefix else ""
        keys = await asyncio.to_thread(self._documents)
        for name in sorted({k[len(above) :].partition("/")[0] for k in keys if k.startswith(above)}):
            yield name

    def _documents(self) -> Iterable[str]:
        return self.folder.documents.all


def _part(byte_range: Any) -> slice:
    if isinstance(byte_range, RangeByteRequest):
        return slice(byte_range.start, byte_range.end)
    if isinstance(byte_range, OffsetByteRequest):
        return slice(byte_range.offset, None)
    if isinstance(byte_range, SuffixByteRequest):
        return slice(-byte_range.suffix, None)
    return slice(None)
