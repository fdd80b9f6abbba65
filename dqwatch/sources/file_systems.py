"""The file system of fsspec behind a URL, set up as users ask for it through the environment."""

from __future__ import annotations

from typing import Any

import fsspec
import fsspec.config
import fsspec.core

from dqwatch.errors import MissingExtraError, SourceError, UnsupportedDataError
from dqwatch.sources.urls import protocol_of, shown

SILENCE_S = 60.0
"""A server of HTTP that sends nothing for so long is given up."""
CONNECT_S = 30.0

HTTP = ("http", "https")
_OF_EXTRA = (*HTTP, "s3", "s3a")
"""Protocols whose packages come with dqwatch[url]."""
_TESTED = ("file", "http", "https", "memory", "s3")
_OTHERS = ("abfs", "ftp", "gs", "hdfs", "sftp", "webdav")


def connect(url: str, **options: Any) -> tuple[Any, str]:
    """The file system of a URL, and the path of the URL in it; `options` are passed to the file system.

    Options come from fsspec's configuration (`FSSPEC_S3='{"anon": true}'`, `~/.config/fsspec/*.json`) and from what the
    libraries behind it look for (`AWS_ENDPOINT_URL`, `AWS_PROFILE`, `HTTPS_PROXY`).

    Raises
    ------
    UnsupportedDataError
        If no file system has this protocol.
    MissingExtraError
        If the file system is not installed.
    SourceError
        If it cannot be set up with the options given.
    """
    protocol = protocol_of(url)
    if "::" in url:
        raise UnsupportedDataError(f"{shown(url)}: chained URLs cannot be read; give the URL of the data themselves")
    if protocol not in fsspec.available_protocols():
        others = [name for name in _OTHERS if name in fsspec.available_protocols()]
        raise UnsupportedDataError(
            f"{shown(url)}: unknown protocol '{protocol}'; there are {', '.join(_TESTED)}, "
            f"and with packages of their own {', '.join(others)} and more"
        )
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise _missing(url, protocol, error) from error
    try:
        options |= {"use_listings_cache": False} | (_http_options() if protocol in HTTP else {})
        fs, path = fsspec.core.url_to_fs(url, **options)
    except Exception as error:  # options of the user's own may make it raise anything
        text = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{shown(url)}: {protocol} cannot be set up: {text}; look at FSSPEC_* and AWS_*") from error
    return fs, path


def _missing(url: str, protocol: str, error: ImportError) -> MissingExtraError:
    if protocol in _OF_EXTRA:
        package = "aiohttp" if protocol in HTTP else "s3fs"
        return MissingExtraError(f"{shown(url)}: reading {protocol} needs {package}: pip install 'dqwatch[url]'")
    return MissingExtraError(f"{shown(url)}: reading {protocol} needs a package: {' '.join(str(error).split())}")


def _http_options() -> dict[str, Any]:
    """What the user configured, with patience for long downloads, the proxies of the environment, and no compression.

    A compressed answer would make nonsense of byte ranges.
    """
    import aiohttp

    given: dict[str, Any] = {}
    for protocol in HTTP:
        given |= fsspec.config.conf.get(protocol, {})
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
    return {
        "headers": {"Accept-Encoding": "identity", **given.get("headers", {})},
        "client_kwargs": {"timeout": timeout, "trust_env": True, **given.get("client_kwargs", {})},
    }
