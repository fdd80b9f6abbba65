"""An xarray Dataset or DataArray as a source, decoded or as stored, in memory, lazy or of dask chunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError
from dqwatch.sources.cf import CFSource
from dqwatch.sources.raw import Selection
from dqwatch.sources.times import EPOCH
from dqwatch.types import StoredArray

if TYPE_CHECKING:
    import xarray as xr

_UNNAMED = "data"


class MemoryArray:
    """A variable of an xarray Dataset as `RawArray`."""

    def __init__(self, name: str, variable: xr.Variable, attrs: Mapping[str, Any]) -> None:
        self.name = name
        self.dims: tuple[str, ...] = tuple(str(d) for d in variable.dims)
        self.shape: tuple[int, ...] = tuple(variable.shape)
        self.attrs = attrs
        self.fill_value: Any = None
        self._variable = variable
        known = isinstance(variable.dtype, np.dtype)
        self._stored_dtype: np.dtype = variable.dtype if known else _as_numpy(variable)
        kind = self._stored_dtype.kind
        self.dtype: np.dtype = self._stored_dtype.newbyteorder("=") if kind in "biuf" else self._stored_dtype
        chunks = variable.chunks
        self.chunks: tuple[int, ...] | None = tuple(max(c) if c else 1 for c in chunks) if chunks else None

    def read(self, selection: Selection, out: np.ndarray | None, buffers: Buffers) -> np.ndarray:
        """Values of a part of the array; see `RawArray.read`."""
        try:
            part = np.asarray(self._variable[selection].values)
        except Exception as error:  # a lazy variable may raise whatever its file or graph raises
            raise SourceError(f"variable '{self.name}' cannot be computed: {' '.join(str(error).split())}") from error
        if out is None:
            return part.astype(self.dtype)
        np.copyto(out, part, casting="unsafe")
        return out

    def describe(self) -> StoredArray:
        """The array as it lies in memory."""
        return StoredArray(
            name=self.name,
            dims=self.dims,
            shape=self.shape,
            dtype=str(self._stored_dtype),
            chunks=self.chunks,
            calendar=self.attrs.get("calendar"),
        )


def _as_numpy(variable: xr.Variable) -> np.dtype:
    """What the values of an extension type (strings, categories) become in numpy."""
    return np.asarray(variable[(slice(0, 1),) * variable.ndim].values).dtype


def open_memory(data: Any, **_options: Any) -> CFSource | None:
    """An xarray.Dataset or xarray.DataArray as a source; None for anything else.

    Raises
    ------
    SourceError
        If a coordinate cannot be computed.
    """
    if not type(data).__module__.startswith("xarray"):
        import sys

        if "xarray" not in sys.modules:
            return None
    import xarray as xr

    if isinstance(data, xr.DataArray):
        name = str(data.name) if data.name is not None else _UNNAMED
        data = data.to_dataset(name=name, promote_attrs=False)
    if not isinstance(data, xr.Dataset):
        return None
    arrays = {str(name): _make(data, name) for name in data.variables}
    return CFSource("dataset", "memory", arrays, dict(data.attrs))


def _make(data: xr.Dataset, name: Any) -> MemoryArray:
    """A variable with the attributes that tell what xarray keeps apart: coordinates, packing, calendars."""
    variable = data.variables[name]
    attrs = dict(variable.attrs)
    if name not in data.coords:
        belonging = [str(c) for c in data[name].coords if c not in variable.dims]
        attrs["coordinates"] = " ".join([*str(attrs.get("coordinates", "")).split(), *belonging])
        for key in ("grid_mapping", "cell_measures"):
            if key in variable.encoding:
                attrs.setdefault(key, variable.encoding[key])
    if variable.dtype == object:
        return _from_objects(str(name), variable, attrs)
    return MemoryArray(str(name), variable, attrs)


def _from_objects(name: str, variable: xr.Variable, attrs: dict[str, Any]) -> MemoryArray:
    """Dates of cftime as numbers with units and calendar; other objects as they are."""
    import cftime
    import xarray as xr

    values = np.asarray(variable.values, object)
    dates = [v for v in values.ravel() if isinstance(v, cftime.datetime)]
    if not dates:
        return MemoryArray(name, variable, attrs)
    calendar = dates[0].calendar
    numbers = np.full(values.shape, np.nan)
    for at, value in np.ndenumerate(values):
        if isinstance(value, cftime.datetime):
            numbers[at] = cftime.date2num(value, EPOCH, calendar)
    attrs.update(units=EPOCH, calendar=calendar)
    return MemoryArray(name, xr.Variable(variable.dims, numbers), attrs)
