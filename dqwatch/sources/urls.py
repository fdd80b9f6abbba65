"""URLs as users write them: which they are, what they are called, and how they stand in messages."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from dqwatch.errors import UnsupportedDataError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?=://|::)|file(?=:/)", re.IGNORECASE)
_LOCAL = ("file", "local")


def is_url(data: Any) -> bool:
    """Whether `data` is a text that begins like a URL, and not the name of a file that is there."""
    return isinstance(data, str) and _URL.match(data) is not None and not os.path.lexists(data)


def protocol_of(url: str) -> str:
    """'https' of `https://...`, in lower case."""
    found = _URL.match(url)
    return found[0].lower() if found else ""


def local_path(url: str) -> str | None:
    """The path behind a `file:` URL; None for other protocols.

    Raises
    ------
    UnsupportedDataError
        If the URL names another machine.
    """
    if protocol_of(url) not in _LOCAL or "::" in url:
        return None
    host, path = urlsplit(url).netloc, url.split(":", 1)[1]
    if path.startswith("//"):
        path = path[2 + len(host) :]
    if host not in ("", "localhost"):
        raise UnsupportedDataError(f"{url}: '{host}' would be a machine; an absolute path begins with a third slash")
    return path if os.path.lexists(path) else unquote(path)


def shown(url: str) -> str:
    """A URL without what may be secret: user, password and what is asked for behind '?'."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https", "ftp", "sftp", "webdav"):
        return url
    host = parts.netloc.rpartition("@")[2]
    query = "?..." if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"


def joined(url: str, key: str) -> str:
    """The address of what lies at `key` below a URL; that of the URL itself for ''."""
    if not key:
        return url
    if protocol_of(url) not in ("http", "https"):
        return f"{url.rstrip('/')}/{key}"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{key}"))


def short_name(data: str | os.PathLike[str]) -> str:
    """The last part of a path or URL, which people call the data by."""
    if not is_url(data):
        return os.path.basename(os.path.abspath(data))
    address = str(data).split("://", 1)[1]
    path = address.split("?", 1)[0] if protocol_of(str(data)) in ("http", "https") else address
    return unquote(path.rstrip("/").rpartition("/")[2])
