"""NetCDF files, classic and NetCDF-4, as a source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource

_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (0, 512, 1024, 2048)
"""Where the content of an HDF5 file may begin."""


def open_netcdf(data: Any, **_options: Any) -> CFSource | None:
    """A NetCDF file as a source; None if `data` is no path of one.

    Parameters
    ----------
    data : str or os.PathLike

    Raises
    ------
    SourceError
        If the file is NetCDF by its first bytes but broken, or HDF5 but not NetCDF.
    """
    if not isinstance(data, str | os.PathLike) or not Path(data).is_file():
        return None
    path = Path(data)
    try:
        kind = netcdf_format(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    if kind == "classic":
        from dqwatch.sources.classic import open_classic

        arrays, attributes = open_classic(path)
        return CFSource(path.name, "netcdf", arrays, attributes)
    if kind == "hdf5":
        from dqwatch.sources.hdf5 import open_hdf5

        described, attributes, file = open_hdf5(path)
        try:
            return CFSource(path.name, "netcdf", described, attributes, file.close)
        except BaseException:
            file.close()
            raise
    return None


def netcdf_format(path: Path) -> str | None:
    """'classic' or 'hdf5' by the first bytes of a file; None if it is neither."""
    with path.open("rb") as stream:
        if stream.read(3) == b"CDF":
            return "classic"
        for start in _USER_BLOCKS:
            stream.seek(start)
            if stream.read(8) == _HDF5:
                return "hdf5"
    return None
