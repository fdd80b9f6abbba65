"""From a path or an object to a `Source`: the data opened as fields."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dqwatch import registry
from dqwatch.errors import SourceError, SourceNotFoundError, UnsupportedDataError
from dqwatch.sources.joined import join
from dqwatch.sources.selection import narrow
from dqwatch.sources.sniff import sniff
from dqwatch.sources.urls import is_url, local_path
from dqwatch.types import Source

_READERS = {"netcdf": ("netcdf",), "zarr": ("anemoi_zarr", "xarray_zarr"), "grib": ("grib",), "spec": ("anemoi_spec",)}
"""Readers of each kind that `sniff` tells, the choosier first."""
_MANY_FILES = ("grib",)
"""Readers that take several files at once; those of others are joined."""


def open_source(
    data: Any,
    *,
    select: str | Iterable[str] | None = None,
    start: Any = None,
    end: Any = None,
    every: int = 1,
    cache: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Source:
    """Open data as a source of fields.

    Parameters
    ----------
    data : path, URL, glob pattern, sequence of paths or URLs, or object
        An anemoi or xarray-style Zarr store, NetCDF or GRIB files (several are joined), a YAML file or dict that
        `anemoi.datasets.open_dataset` takes, an xarray.Dataset, or what any other registered reader takes.
    select : str or iterable of str, optional
        Variables to look at, by canonical name (`t_850`), name in the source, or quantity (`t` for all its levels);
        a text may hold several, separated by commas.
    start, end : str, datetime or numpy.datetime64, optional
        Period to look at, both ends included; a date alone means its whole day, a month its whole month.
    every : int
        Look at the fields of every n-th time only.
    cache : path, optional
        Folder in which what is fetched from URLs is kept: whole objects (chunks and files), or the blocks that were
        read of large ones, so that the next reading fetches only what has changed. Several threads, processes and users
        may share it. It holds one version of each object and grows up to what was read of the data; anything in it may
        be deleted.
    **options
        Passed to the reader.

    Returns
    -------
    Source
        To be closed by the caller.

    Raises
    ------
    SourceNotFoundError
        If there is nothing at a path.
    SourceError
        If something is there that cannot be read as what it claims to be.
    UnsupportedDataError
        If no reader takes data of this kind.
    UsageError
        If `select`, `start`, `end` or `every` is wrong, or the cache cannot be written.
    MissingExtraError
        If data of this kind, or URLs, need a package that is not installed.
    """
    source = _open(data, options if cache is None else {**options, "cache": cache})
    try:
        return narrow(source, select=select, start=start, end=end, every=every)
    except BaseException:
        source.close()
        raise


def _open(data: Any, options: dict[str, Any]) -> Source:
    if isinstance(data, str | os.PathLike):
        return _open_path(os.fspath(data), options)
    if isinstance(data, Sequence) and data and all(isinstance(p, str | os.PathLike) for p in data):
        return _open_paths([_local(os.fspath(p)) for p in data], options)
    source = _ask(
        data, [n for n in registry.names("readers") if n not in ("netcdf", "grib", *_READERS["zarr"])], options
    )
    if source is None:
        kind = f"{type(data).__module__}.{type(data).__qualname__}"
        raise UnsupportedDataError(
            f"data of type {kind} cannot be read; give a path, an xarray.Dataset, a FieldList, a state with "
            "'fields', or arrays as dqwatch.sources.tensors.Tensors"
        )
    return source


def _open_path(path: str, options: dict[str, Any]) -> Source:
    """One path, URL or pattern."""
    if not path:
        raise SourceNotFoundError("no such file or folder: the name is empty")
    path = _local(path)
    if is_url(path):
        from dqwatch.sources.remote_sniff import expand

        return _open_paths(expand(path), options)
    if glob.has_magic(path) and not os.path.lexists(path):
        paths = sorted(glob.glob(path, recursive=True))
        if not paths:
            raise SourceNotFoundError(f"{path}: no file or folder matches")
        return _open_paths(paths, options)
    return _open_paths([path], options)


def _local(path: str) -> str:
    """The path behind a `file:` URL; others as they are."""
    return (local_path(path) or path) if is_url(path) else path


def _kind(path: str, options: dict[str, Any]) -> str:
    if not is_url(path):
        return sniff(Path(path))
    from dqwatch.sources.remote_sniff import sniff_url

    return sniff_url(path, options.get("cache"))


def _open_paths(paths: list[str], options: dict[str, Any]) -> Source:
    """Files or stores, all of one kind."""
    try:
        kinds = [_kind(path, options) for path in paths]
    except SourceNotFoundError:
        raise
    except (SourceError, UnsupportedDataError):
        found = _ask(paths[0] if len(paths) == 1 else paths, _others(), options)
        if found is None:
            raise
        return found
    if len(set(kinds)) > 1:
        other = next(p for p, kind in zip(paths, kinds, strict=True) if kind != kinds[0])
        raise UnsupportedDataError(f"{paths[0]} and {other}: data of several kinds ({', '.join(sorted(set(kinds)))})")
    if len(paths) == 1 or (kinds[0] in _MANY_FILES and len({is_url(path) for path in paths}) == 1):
        return _open_as(kinds[0], paths[0] if len(paths) == 1 else paths, options)
    parts: list[Source] = []
    try:
        parts.extend(_open_as(kinds[0], path, options) for path in paths)
        return join(parts)
    except BaseException:
        for part in parts:
            part.close()
        raise


def _open_as(kind: str, data: str | list[str], options: dict[str, Any]) -> Source:
    readers = [name for name in _READERS[kind] if name in registry.names("readers")]
    source = _ask(data, [*readers, *_others()], options)
    if source is None:
        where = data if isinstance(data, str) else data[0]
        raise SourceError(f"{where}: looks like {kind}, but no reader can make fields of it")
    return source


def _others() -> list[str]:
    """Names of the readers of third parties."""
    ours = {*(name for names in _READERS.values() for name in names), "memory", "tensors", "fieldlist"}
    return [name for name in registry.names("readers") if name not in ours]


def _ask(data: Any, readers: Iterable[str], options: dict[str, Any]) -> Source | None:
    """The source of the first reader that takes the data; None if none does."""
    for name in readers:
        source: Source | None = registry.load("readers", name)(data, **options)
        if source is not None:
            return source
    return None
