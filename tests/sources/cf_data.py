"""Data sets in the forms that CF allows, and what xarray makes of them, for the tests of readers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from packaging.version import Version
from sources.zarr_files import FORMATS, OLD_ZARR, make_array

from dqwatch.buffers import Buffers
from dqwatch.sources.raw import RawArray, Selection
from dqwatch.types import Field, Source, StoredArray

LATITUDE_DIMS = ("lat", "latitude", "y", "grid_latitude", "rLat", "dim0")
LONGITUDE_DIMS = ("lon", "longitude", "x", "grid_longitude", "rLon", "dim1", "cell", "nexample_C4_face")
TIME_DIMS = ("time", "time_counter", "month")

# From 2024.10 on xarray asks zarr 2 for what only zarr 3 has: there plain zarr writes and reads what xarray encodes.
XARRAY_HAS_ZARR = not OLD_ZARR or Version(xr.__version__) < Version("2024.10")


class Plain:
    """An array in memory as `RawArray`, which counts what is read of it."""

    fill_value = None

    def __init__(self, name: str, dims: tuple[str, ...], values: Any, chunks: Any = None, **attrs: Any) -> None:
        self.name, self.dims, self.values = name, dims, np.asarray(values)
        self.shape, self.dtype, self.chunks, self.attrs = self.values.shape, self.values.dtype, chunks, attrs
        self.reads: list[int] = []

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        part = np.asarray(self.values[selection])
        self.reads.append(part.nbytes)
        if out is None:
            return np.array(part)
        np.copyto(out, part)
        return out

    def describe(self) -> StoredArray:
        return StoredArray(self.name, self.dims, self.shape, str(self.dtype))


def plain(*arrays: Plain) -> dict[str, RawArray]:
    return {a.name: a for a in arrays}


def axis(name: str, values: Any, **attrs: Any) -> Plain:
    """A dimension coordinate."""
    return Plain(name, (name,), values, **attrs)


def places(n_lat: int = 3, n_lon: int = 4) -> tuple[Plain, Plain]:
    return (
        axis("lat", np.linspace(60, -60, n_lat), units="degrees_north"),
        axis("lon", np.arange(n_lon) * 360 / n_lon, units="degrees_east"),
    )


def steps(n: int = 5, units: str = "hours since 2020-01-01", every: int = 6) -> Plain:
    return axis("time", np.arange(n) * every, units=units)


def fields(source: Source) -> Iterator[Field]:
    """All fields of a source, with values of their own."""
    buffers = Buffers()
    for block in source.blocks():
        for field in source.read(block, buffers):
            yield field._replace(values=field.values.copy())


def by_place(source: Source) -> dict[tuple[str, int, int], np.ndarray]:
    """Values by variable, time and member; every field comes once."""
    found: dict[tuple[str, int, int], np.ndarray] = {}
    for field in fields(source):
        key = (source.variables[field.variable].name, field.time, field.member)
        assert key not in found
        found[key] = field.values
    return found


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal bit by bit, as float64; all NaN count as the same."""
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    nan = np.isnan(a)
    return a.shape == b.shape and bool((nan == np.isnan(b)).all()) and a[~nan].tobytes() == b[~nan].tobytes()


def expected(data: xr.Dataset, source: Source) -> dict[tuple[str, int, int], np.ndarray]:
    """What xarray decodes, in the form of `by_place`: levels in stored order, cells by latitude and longitude."""
    found = {}
    seen: dict[str, int] = {}
    for variable in source.variables:
        array = data[variable.source_name]
        times = [d for d in array.dims if d in TIME_DIMS]
        cells = [d for names in (LATITUDE_DIMS, LONGITUDE_DIMS) for d in array.dims if d in names]
        members = [d for d in array.dims if d in ("number", "member", "realization")]
        levels = [d for d in array.dims if d not in (*times, *cells, *members)]
        values = array.transpose(*levels, *times, *members, *cells).values
        shape = (-1, *(max(1, int(np.prod([array.sizes[d] for d in g]))) for g in (times, members, cells)))
        level = seen.get(variable.source_name, 0)
        seen[variable.source_name] = level + 1
        for (time, member), field in _split(values.reshape(shape)[level]):
            found[variable.name, time, member] = field
    return found


def _split(values: np.ndarray) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    for time in range(values.shape[0]):
        for member in range(values.shape[1]):
            yield (time, member), values[time, member]


def opened(path: Path | str, **options: Any) -> xr.Dataset:
    """A file as xarray opens it; what it warns of is no concern of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.open_dataset(path, decode_timedelta=False, **options)


def opened_zarr(
    path: Path | str, *, consolidated: bool = False, decode_cf: bool = True, decode_times: bool = True
) -> xr.Dataset:
    """A store as xarray opens it."""
    if XARRAY_HAS_ZARR:
        options = {"decode_cf": decode_cf, "decode_times": decode_times}
        return opened(path, engine="zarr", consolidated=consolidated, **options)
    group = (zarr.open_consolidated if consolidated else zarr.open_group)(str(path), mode="r")
    data = xr.Dataset({name: _raw(array) for name, array in group.arrays()}, attrs=dict(group.attrs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.decode_cf(
            data,
            mask_and_scale=decode_cf,
            decode_times=decode_cf and decode_times,
            decode_coords=decode_cf,
            concat_characters=decode_cf,
            decode_timedelta=False,
        )


def _raw(array: Any) -> xr.Variable:
    attrs = dict(array.attrs)
    dims = attrs.pop("_ARRAY_DIMENSIONS")
    if array.fill_value is not None:
        attrs["_FillValue"] = array.fill_value
    return xr.Variable(dims, array[...], attrs, {"chunks": array.chunks})


def write_zarr(
    data: xr.Dataset,
    path: Path,
    zarr_format: int = 2,
    encoding: Any = None,
    *,
    consolidated: bool = False,
    group: str | None = None,
    mode: str = "w",
) -> Path:
    """A store written by xarray."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # format 3 does not specify consolidated metadata
        if XARRAY_HAS_ZARR:
            options: Any = {} if OLD_ZARR else {"zarr_format": zarr_format}
            data.to_zarr(path, encoding=encoding, consolidated=consolidated, group=group, mode=mode, **options)
        else:
            _write_encoded(data, zarr.open_group(str(path), path=group, mode=mode), encoding)
            if consolidated:
                zarr.consolidate_metadata(str(path))
    return path


def _write_encoded(data: xr.Dataset, group: Any, encoding: Any) -> None:
    variables = {name: variable.copy(deep=False) for name, variable in data.variables.items()}
    for name, given in (encoding or {}).items():
        variables[name].encoding = dict(given)
    chunks = {name: variable.encoding.pop("chunks", variable.shape) for name, variable in variables.items()}
    variables, attributes = xr.conventions.cf_encoder(variables, data.attrs)
    group.attrs.update(attributes)
    for name, variable in variables.items():
        attrs = {key: getattr(value, "item", lambda value=value: value)() for key, value in variable.attrs.items()}
        fill = attrs.pop("_FillValue", None)
        values = np.asarray(variable.values)
        make_array(group, str(name), values, chunks[name], dims=variable.dims, attrs=attrs, fill_value=fill)


def written(data: xr.Dataset, folder: Path, form: str, encoding: Any = None) -> Path:
    """Written by xarray as 'classic', 'offset64', 'netcdf4', 'h5netcdf', 'zarr2' or 'zarr3'."""
    if form.startswith("zarr"):
        return write_zarr(data, folder / f"{form}.zarr", int(form[-1]), encoding)
    engines = {"classic": "NETCDF3_CLASSIC", "offset64": "NETCDF3_64BIT", "netcdf4": "NETCDF4"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = folder / f"{form}.nc"
        engine = "h5netcdf" if form == "h5netcdf" else "netcdf4"
        data.to_netcdf(path, engine=engine, format=engines.get(form), encoding=encoding)
    return path


FORMS = ("classic", "offset64", "netcdf4", "h5netcdf", *(f"zarr{number}" for number in FORMATS))
