"""What kind of data a path holds, by its first bytes or its folder, before any reader is loaded."""

from __future__ import annotations

from pathlib import Path

from dqwatch.errors import SourceError, SourceNotFoundError, UnsupportedDataError
from dqwatch.sources.grib_sections import FIRST_WITHIN, first_message
from dqwatch.sources.netcdf import HEAD_BYTES, format_of

_ZARR_MARKS = (".zgroup", ".zattrs", ".zmetadata", ".zarray", "zarr.json")
_UNSUPPORTED = {
    ".parquet": "Parquet",
    ".csv": "a table of text",
    ".tsv": "a table of text",
    ".feather": "Arrow",
    ".arrow": "Arrow",
    ".zip": "a zip archive: unpack it first",
    ".json": "JSON",
    ".yaml": "YAML at a URL (an open_dataset specification must be a local file)",
    ".yml": "YAML at a URL (an open_dataset specification must be a local file)",
    ".pp": "the Met Office PP format: convert it to NetCDF",
    ".npy": "a bare numpy array",
    ".npz": "bare numpy arrays",
}
_SPEC = (".yaml", ".yml")
_GRIB = (".grib", ".grb", ".grib2", ".grb2", ".grib1", ".grb1", ".gb2")
_NETCDF = (".nc", ".nc4", ".cdf", ".netcdf", ".h5", ".hdf5", ".hdf")


def sniff(path: Path) -> str:
    """'netcdf', 'zarr', 'grib' or 'spec' (YAML: what anemoi-datasets is to open).

    Raises
    ------
    SourceNotFoundError
        If there is nothing at `path`.
    UnsupportedDataError
        If it is of a kind that is known and not read.
    SourceError
        If it is empty, unreadable, or of no known kind.
    """
    try:
        if not path.exists():
            raise SourceNotFoundError(f"{path}: no such file or folder")
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            raise SourceError(f"{path}: neither a file nor a folder")
        return _file(path)
    except OSError as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _folder(path: Path) -> str:
    if path.suffix == ".zarr" or any((path / mark).exists() for mark in _ZARR_MARKS):
        return "zarr"
    inside = sorted(p for p in path.iterdir() if p.suffix in (*_NETCDF, *_GRIB, ".zarr"))
    hint = f"; give what is in it, {path / f'*{inside[0].suffix}'}" if inside else ""
    raise SourceError(f"{path}: a folder without Zarr metadata (.zgroup or zarr.json){hint}")


def _file(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(HEAD_BYTES)
    if path.suffix.lower() in _SPEC and format_of(start) is None and first_message(start) is None:
        return "spec"
    return judge(str(path), path.suffix.lower(), start)


def judge(where: str, suffix: str, start: bytes) -> str:
    """'netcdf' or 'grib' by the first bytes of a file.

    Parameters
    ----------
    where : str
        For messages.
    suffix : str
        Of the name, in lower case.
    start : bytes
        At least the first `HEAD_BYTES`, if there are as many.

    Raises
    ------
    UnsupportedDataError
        If the file is of a kind that is known and not read.
    SourceError
        If it is empty or of no known kind.
    """
    if not start:
        raise SourceError(f"{where}: an empty file")
    if format_of(start) is not None:
        return "netcdf"
    if first_message(start) is not None:
        return "grib"
    if start[:4] == b"PAR1":
        suffix = ".parquet"
    if suffix in _UNSUPPORTED:
        raise UnsupportedDataError(f"{where}: {_UNSUPPORTED[suffix]} cannot be read; give Zarr, NetCDF or GRIB")
    if suffix in _GRIB:
        within = min(len(start), FIRST_WITHIN)
        raise SourceError(f"{where}: no GRIB file: no message of edition 1 or 2 begins in its first {within} bytes")
    if suffix in _NETCDF:
        raise SourceError(f"{where}: no NetCDF file: it begins with {start[:8]!r}")
    raise SourceError(f"{where}: neither NetCDF, GRIB nor a Zarr store: it begins with {start[:8]!r}")
