"""NetCDF files, classic and NetCDF-4, as a source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.raw import RawArray
from dqwatch.sources.urls import is_url, short_name

_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (0, 512, 1024, 2048)
"""Where the content of an HDF5 file may begin."""
_IN_PARTS = ("http", "https", "s3", "s3a", "memory")
"""Protocols by which a NetCDF-4 file is not fetched whole."""
HEAD_BYTES = 4096
"""So many bytes tell what a file is."""


def open_netcdf(data: Any, *, cache: str | os.PathLike[str] | None = None, **_options: Any) -> CFSource | None:
    """A NetCDF file as a source; None if `data` is no path or URL of one.

    A remote NetCDF-4 file is read in parts, a classic one is fetched whole.

    Parameters
    ----------
    data : str or os.PathLike
        A path or URL.
    cache : path, optional
        Folder in which what is fetched from a URL is kept.

    Raises
    ------
    SourceError
        If the file is NetCDF by its first bytes but broken, or HDF5 but not NetCDF.
    """
    if is_url(data):
        return _open_url(data, cache)
    if not isinstance(data, str | os.PathLike) or not Path(data).is_file():
        return None
    path = Path(data)
    try:
        with path.open("rb") as stream:
            kind = format_of(stream.read(HEAD_BYTES))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    return _open_as(kind, path) if kind is not None else None


def format_of(start: bytes) -> str | None:
    """'classic' or 'hdf5' by the first `HEAD_BYTES` of a file; None if it is neither."""
    if start[:3] == b"CDF":
        return "classic"
    return "hdf5" if any(start[at : at + len(_HDF5)] == _HDF5 for at in _USER_BLOCKS) else None


def _open_as(kind: str, path: Path, also_close: Callable[[], None] = lambda: None) -> CFSource:
    if kind == "classic":
        from dqwatch.sources.classic import open_classic

        arrays, attributes = open_classic(path)
        return CFSource(path.name, "netcdf", arrays, attributes, also_close)
    from dqwatch.sources.hdf5 import open_hdf5

    described, attributes, file = open_hdf5(path)

    def close() -> None:
        file.close()
        also_close()

    return _source(path.name, described, attributes, close)


def _source(
    name: str, arrays: Mapping[str, RawArray], attributes: Mapping[str, Any], close: Callable[[], None]
) -> CFSource:
    try:
        return CFSource(name, "netcdf", arrays, attributes, close)
    except BaseException:
        close()
        raise


def _open_url(url: str, cache: str | os.PathLike[str] | None) -> CFSource | None:
    from dqwatch.sources.remote import Remote
    from dqwatch.sources.remote_files import Fetched

    remote = Remote(url, cache)
    kind = format_of(remote.head() or b"")
    if kind is None:
        return None
    if kind == "hdf5" and remote.protocol in _IN_PARTS and remote.has_ranges():
        from dqwatch.sources.remote_hdf5 import open_remote_hdf5

        return _source(short_name(url), *open_remote_hdf5(remote))
    fetched = Fetched([url], cache)
    try:
        return _open_as(kind, Path(fetched.paths[0]), fetched.close)
    except BaseException as error:
        fetched.close()
        if isinstance(error, SourceError):
            raise fetched.complain(error) from error
        raise
