"""Objects behind a URL, read through fsspec: whole, in parts, or from a cache on this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.sources.file_systems import HTTP, connect
from dqwatch.sources.object_cache import BLOCK_BYTES, ObjectCache
from dqwatch.sources.remote_errors import AccessDeniedError, explain, is_absent, is_passing
from dqwatch.sources.remote_parts import Blocks, Info, Parts, ReadRange
from dqwatch.sources.stored import File, Held, Stored
from dqwatch.sources.urls import joined, protocol_of, shown

PAUSES_S = (0.2, 1.0)
"""After a failure over HTTP that may pass, the request is sent again after these times; s3fs does that itself."""

SMALL = 8 * BLOCK_BYTES
"""Objects up to this size are kept whole, whatever part of them is asked for."""
_AT_ONCE = 8
_VERSIONS = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "updated", "generation")
"""What file systems call the things that change with the content."""


class Remote:
    """Objects at a URL and below it, for any number of threads.

    Keys are relative to the URL; '' is what the URL itself names. Everything raises SourceError, with the URL and the
    reason, unless there is certainly no such object.

    Parameters
    ----------
    url : str
    cache : path, optional
        Folder in which what was fetched is kept.

    Raises
    ------
    UnsupportedDataError
        If no file system has this protocol.
    MissingExtraError
        If the file system is not installed.
    UsageError
        If the cache cannot be written.
    """

    HEAD_BYTES = 1 << 16

    def __init__(self, url: str, cache: str | os.PathLike[str] | None = None) -> None:
        self.protocol = protocol_of(url)
        self.fs, self._root = connect(url)
        self.cache = ObjectCache(cache) if cache is not None else None
        self.url = url
        self._shown = shown(url)
        self._locks = [threading.Lock() for _ in range(256)]
        self.info = lru_cache(maxsize=4096)(self._ask_info)
        self._gives_parts: bool | None = None
        self._head = lru_cache(maxsize=64)(self._read_head)

    def __str__(self) -> str:
        return self._shown

    def where(self, key: str = "") -> str:
        """The URL of an object, for messages."""
        return joined(self._shown, key)

    def open(self, key: str, *, whole: bool, read_range: ReadRange | None = None) -> Stored | None:
        """An object, opened; None if there is none.

        Parameters
        ----------
        key : str
        whole : bool
            Whether all of it will be asked for. If not, it is fetched in parts where its length is known.
        read_range : callable, optional
            What fetches the parts; `read_range` of this object by default.
        """
        if whole and self.cache is None:
            content = self.read(key)
            return None if content is None else Held(content)
        info = self.info(key)
        if info is None:
            return None
        kept = self.cache if info.version and info.size is not None else None
        if not info.size or whole or (kept and info.size <= SMALL) or not self.has_ranges(key):
            return self._open_whole(key, info, kept)
        fetch = read_range or self.read_range
        return Blocks(self.name(key), key, info, fetch, kept) if kept else Parts(self, key, info, fetch)

    def _open_whole(self, key: str, info: Info, kept: ObjectCache | None) -> Stored | None:
        if kept is None or info.size is None:
            content = self.read(key)
            return None if content is None else Held(content)
        name = self.name(key)
        with self._locks[hash(name) % len(self._locks)]:  # lest two workers fetch the same
            descriptor = kept.open(name, info.version, info.size)
            if descriptor is not None:
                return File(descriptor)
            content = self.read(key)
            if content is None or len(content) != info.size:
                got = "is gone" if content is None else f"has {len(content)} bytes in place of {info.size}"
                raise SourceError(f"{self.where(key)}: {got}: it changed while it was read; read it again")
            kept.keep(name, info.version, content)
        return Held(content)

    def read(self, key: str) -> bytes | None:
        """The content of an object, fetched now; None if there is none."""
        # s3fs asks for the length first, unless a start is given.
        options = {"start": 0} if self.protocol in ("s3", "s3a") else {}
        found: bytes | None = self._call(key, lambda path: self.fs.cat_file(path, **options))
        return found

    def read_all(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The content of those objects that are there, fetched several at once."""
        found = self.try_all(keys)
        for content in found.values():
            if isinstance(content, AccessDeniedError):
                raise content
        return {key: content for key, content in found.items() if isinstance(content, bytes)}

    def try_all(self, keys: Iterable[str]) -> dict[str, bytes | AccessDeniedError]:
        """As `read_all`, with the errors of those that may not be seen."""

        def read(key: str) -> bytes | AccessDeniedError | None:
            try:
                return self.read(key)
            except AccessDeniedError as error:
                return error

        keys = list(keys)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(read, keys)
            return {key: content for key, content in zip(keys, found, strict=True) if content is not None}

    def read_range(self, key: str, info: Info, start: int, stop: int) -> bytes:
        """The bytes `start` to `stop` of an object, fetched now."""

        def fetch(path: str) -> bytes:
            if self.protocol not in HTTP:
                return bytes(self.fs.cat_file(path, start=start, end=stop))
            # cat_file takes whatever the server sends for the range; the file does not.
            with self.fs.open(path, cache_type="none", size=info.size) as file:
                return bytes(file._fetch_range(start, stop))

        return self.check_range(key, start, stop, fetch)

    def check_range(self, key: str, start: int, stop: int, fetch: Callable[[str], bytes]) -> bytes:
        """What `fetch` gets from the path of an object, if it is as long as it must be."""
        content: bytes | None = self._call(key, fetch)
        if content is None or len(content) != stop - start:
            got = "is gone" if content is None else f"gives {len(content)} bytes"
            raise SourceError(f"{self.where(key)}: {got}, {stop - start} from byte {start} on were asked for")
        return content

    def has_ranges(self, key: str = "") -> bool:
        """Whether the server gives parts of objects; found out with the first that is not empty."""
        info = self.info(key)
        if info is None or not info.size:
            return False
        if self._gives_parts is None:
            self._gives_parts = self.protocol not in HTTP or self._gives_last_byte(key, info, info.size)
        return self._gives_parts

    def _gives_last_byte(self, key: str, info: Info, size: int) -> bool:
        try:
            self.read_range(key, info, size - 1, size)
        except SourceError as error:
            if isinstance(error.__cause__, ValueError):  # what fsspec raises where all of it comes
                return False
            raise
        return True

    def matching(self) -> list[str]:
        """The URLs that the URL means as a pattern, sorted."""
        found = self._call("", self.fs.glob)
        return sorted(f"{self.protocol}://{path.lstrip('/')}" for path in found or ())

    def _ask_info(self, key: str) -> Info | None:
        """Length and version of an object; None if there is none. Asked once for each key."""
        found = self._call(key, self.fs.info)
        if found is None or found.get("type") == "directory":
            return None
        said = [str(found[name]) for name in _VERSIONS if found.get(name)]
        if not said and self.protocol == "memory":
            said = [str(self.fs.modified(self._path(key)))]
        size = found.get("size")
        return Info(size, f"{size} {' '.join(said)}" if said else "")

    def head(self, key: str = "") -> bytes | None:
        """The first bytes of an object; None if there is none."""
        return self._head(key)

    def _read_head(self, key: str) -> bytes | None:
        info = self.info(key)
        if info is None:
            return None
        if info.size is None:
            found: bytes | None = self._call(key, self._stream_head)
            return found
        length = min(self.HEAD_BYTES, info.size)
        if self.cache is None or not info.version or not (info.size <= SMALL or self.has_ranges(key)):
            return self.read_range(key, info, 0, length) if length else b""
        stored = self.open(key, whole=False)
        if stored is None:
            return None
        with closing(stored):
            return stored.fill(np.empty(length, np.uint8), 0).tobytes()

    def _stream_head(self, path: str) -> bytes:
        with self.fs.open(path, block_size=0) as file:
            return bytes(file.read(self.HEAD_BYTES))

    def inside(self, key: str = "") -> list[str] | None:
        """Names of what lies directly under a key; None where the server does not tell."""
        path = self._path(key)
        try:
            found = self._call(key, lambda path: self.fs.ls(path, detail=False))
        except AccessDeniedError:
            return None
        if self.protocol in HTTP:
            below = urlsplit(path).path.rstrip("/") + "/"
            paths = [urlsplit(one).path for one in found or ()]
            return [unquote(p[len(below) :].rstrip("/")) for p in paths if p.startswith(below)] or None
        return [one.rstrip("/").rpartition("/")[2] for one in found or ()]

    def sizes(self, key: str) -> dict[str, int] | None:
        """Bytes of everything under a key, by path relative to it; None where the server does not tell."""
        if self.protocol in HTTP:
            return None
        try:
            found = self._call(key, lambda path: self.fs.find(path, detail=True))
        except AccessDeniedError:
            return None
        below = len(self._path(key).strip("/")) + 1
        return {path.strip("/")[below:]: int(info["size"] or 0) for path, info in (found or {}).items()}

    def save(self, path: str, key: str = "") -> None:
        """Fetch an object into a file of this machine, through the cache if there is one.

        Raises
        ------
        SourceError
            If that fails or there is no such object.
        """
        info = self.info(key)
        if info is None:
            raise SourceError(f"{self.where(key)}: there is no such file")
        if self.cache is None or not info.version or info.size is None:
            self._download(key, path, info)
            return
        name = self.name(key)
        descriptor = self.cache.open(name, info.version, info.size)
        if descriptor is None:
            with self.cache.writing(name, info.version) as part:
                self._download(key, part, info)
        else:
            os.close(descriptor)
        self.cache.link(name, info.version, path)

    def _download(self, key: str, path: str, info: Info) -> None:
        if getattr(self.fs, "async_impl", False):
            self._call(key, lambda remote: self.fs.get_file(remote, path) or True)
        else:
            # Others may share one position among all who read a file.
            with open(path, "wb") as file:
                for start in range(0, info.size or 0, SMALL):
                    file.write(self.read_range(key, info, start, min(start + SMALL, info.size or 0)))
        got = os.path.getsize(path) if os.path.exists(path) else 0
        if info.size is not None and got != info.size:
            raise SourceError(f"{self.where(key)}: {got} bytes came of {info.size}; fetch it again")

    def _call(self, key: str, function: Callable[[str], Any]) -> Any:
        """What a function of the file system returns for the path of a key; None if there is no such object."""
        path = self._path(key)
        for pause in (*(PAUSES_S if self.protocol in HTTP else ()), None):
            try:
                return function(path)
            except Exception as error:  # each file system raises what its own library does
                if is_absent(error):
                    return None
                if pause is None or not is_passing(error):
                    raise explain(error, self.where(key), self.protocol) from error
            time.sleep(pause)
        return None

    def _path(self, key: str) -> str:
        return joined(self._root, quote(key) if self.protocol in HTTP else key)

    def name(self, key: str) -> str:
        """What an object is called in the cache."""
        return joined(self.url, key)
