"""What kind of data a URL holds, and which URLs a pattern means."""

from __future__ import annotations

import glob
import os
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from dqwatch.errors import SourceNotFoundError, UnsupportedDataError
from dqwatch.sources.file_systems import HTTP
from dqwatch.sources.remote import Remote
from dqwatch.sources.remote_errors import AccessDeniedError
from dqwatch.sources.remote_zarr import open_remote
from dqwatch.sources.sniff import judge
from dqwatch.sources.urls import protocol_of, short_name, shown


def sniff_url(url: str, cache: str | os.PathLike[str] | None = None) -> str:
    """'netcdf', 'zarr' or 'grib', as `sniff` tells it of a path.

    Raises
    ------
    SourceNotFoundError
        If there is nothing at the URL.
    UnsupportedDataError
        If it is of a kind that is known and not read, or of an unknown protocol.
    SourceError
        If it cannot be read, or is of no known kind.
    """
    remote = Remote(url, cache)
    denied: AccessDeniedError | None = None
    start: bytes | None = None
    looks_like_store = short_name(url).endswith(".zarr") or url.endswith("/")
    for look_for_store in (looks_like_store, not looks_like_store):
        try:
            if look_for_store and open_remote(remote) is not None:
                return "zarr"
            if not look_for_store:
                start = remote.head()
                if start is not None and not looks_like_store:
                    return judge(str(remote), PurePosixPath(short_name(url)).suffix.lower(), start)
        except AccessDeniedError as error:  # of what is not there, too, where a bucket may not be listed
            denied = denied or error
    if denied is not None:
        raise denied
    if start is not None:
        return judge(str(remote), PurePosixPath(short_name(url)).suffix.lower(), start)
    raise SourceNotFoundError(f"{remote}: there is no such file, and no Zarr store with this address")


def expand(url: str) -> list[str]:
    """The URLs that a pattern means; over HTTP a URL is no pattern.

    Raises
    ------
    SourceNotFoundError
        If nothing matches.
    UnsupportedDataError
        If the path of a URL of HTTP has a '*' in it.
    """
    if protocol_of(url) in HTTP and "*" in urlsplit(url).path:
        raise UnsupportedDataError(f"{shown(url)}: over HTTP files cannot be listed, '*' means nothing; give each URL")
    if protocol_of(url) in HTTP or not glob.has_magic(url):
        return [url]
    remote = Remote(url)
    found = remote.matching()
    if not found:
        raise SourceNotFoundError(f"{shown(url)}: no file or folder matches")
    return found
