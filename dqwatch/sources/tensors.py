"""Fields that are in memory already as arrays or tensors with names: an inference state, a batch, anybody's arrays."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.catalogue import load_catalogue
from dqwatch.errors import UsageError
from dqwatch.sources import grids
from dqwatch.sources.anemoi_metadata import make_variables
from dqwatch.types import Block, Field, Grid, StoredArray, TimeAxis, Variable


@dataclass(frozen=True, eq=False)
class Tensors:
    """Named fields in memory, as a DATA argument of `dqwatch.audit`, `dqwatch.gate` and so on.

    Parameters
    ----------
    fields : mapping of name to array
        Each (cell,) or (time, cell): numpy arrays, torch tensors (of any device), or whatever `numpy.asarray` takes.
        Names are ECMWF short names, with the level where there is one: `2t`, `t_850`.
    latitudes, longitudes : array (cell,), degrees, optional
        Without them there are no area weights.
    times : sequence of datetime, datetime64 or ISO text, optional
        One per time; UTC. Without them fields have no time.
    units : mapping of name to units, optional
        Where a name is absent, the units of the catalogue are assumed.
    name : str
        What reports call the data.
    metadata : mapping of name to mapping, optional
        What an anemoi store, or a checkpoint, says of each variable (`variables_metadata`): names that the field does
        not use are understood by it. Units given in `units` go before those in it.
    """

    fields: Mapping[str, Any]
    latitudes: Any = None
    longitudes: Any = None
    times: Sequence[Any] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    name: str = "tensors"
    metadata: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def open_tensors(data: Any, **_options: Any) -> TensorSource | None:
    """`Tensors`, or an anemoi-inference state whose `fields` are arrays, as a source; None for anything else.

    Raises
    ------
    UsageError
        If the arrays do not fit each other, the coordinates or the times.
    """
    if isinstance(data, Tensors):
        return TensorSource(data, "tensors")
    if isinstance(data, Mapping) and isinstance(data.get("fields"), Mapping):
        return TensorSource(_from_state(data), "state")
    return None


def _from_state(state: Mapping[str, Any]) -> Tensors:
    """A state of anemoi-inference: `date` is the time of the last step; what came before it has no date of its own."""
    fields = {name: to_numpy(values) for name, values in state["fields"].items()}
    steps = {values.shape[0] for values in fields.values() if values.ndim == 2}
    dates = None if state.get("date") is None or steps - {1} else [state["date"]]
    return Tensors(fields, state.get("latitudes"), state.get("longitudes"), dates, name="state")


def to_numpy(values: Any) -> np.ndarray:
    """An array or tensor as float32 or float64 on the host, without a copy where that can be."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(values.dtype) in ("torch.bfloat16", "torch.float16"):
            values = values.float()
        values = values.numpy()
    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.itemsize < 4 else np.float64)
    return np.ascontiguousarray(array)


class TensorSource:
    """Arrays in memory; see `dqwatch.types.Source`."""

    notes: tuple[str, ...] = ()

    def __init__(self, data: Tensors, kind: str) -> None:
        self.name, self.kind = data.name, kind
        self.attributes: Mapping[str, Any] = {}
        arrays = {name: to_numpy(values) for name, values in data.fields.items()}
        self._arrays = [a[None] if a.ndim == 1 else a for a in arrays.values()]
        self._check(list(arrays), data)
        n_cells = self._arrays[0].shape[1] if self._arrays else 0
        self.grids: tuple[Grid, ...] = (_grid(data, n_cells),)
        lengths = sorted({a.shape[0] for a in self._arrays})
        self.times: tuple[TimeAxis, ...] = tuple(_axis(data.times, n, k) for k, n in enumerate(lengths))
        described = _described(list(arrays), data)
        self.variables = tuple(
            dataclasses.replace(described[name], times=lengths.index(a.shape[0]))
            if name in described
            else _variable(name, data.units.get(name), lengths.index(a.shape[0]))
            for name, a in zip(arrays, self._arrays, strict=True)
        )
        self.identity = _identity(data, arrays)

    def _check(self, names: Sequence[str], data: Tensors) -> None:
        sizes = {"latitudes": data.latitudes, "longitudes": data.longitudes}
        expected = {k: np.size(v) for k, v in sizes.items() if v is not None}
        for name, array in zip(names, self._arrays, strict=True):
            if array.ndim != 2:
                raise UsageError(f"{data.name}: '{name}' has {array.ndim} dimensions; allowed: (cell,) or (time, cell)")
            expected.setdefault(f"'{name}'", array.shape[1])
            for other, size in expected.items():
                if size != array.shape[1]:
                    raise UsageError(
                        f"{data.name}: '{name}' has {array.shape[1]} cells, {other} {size}; they must agree"
                    )

    def arrays(self) -> list[StoredArray]:
        """One per variable; nothing is stored, so there are no chunks."""
        return [
            StoredArray(v.source_name, ("time", "cell"), a.shape, str(a.dtype))
            for v, a in zip(self.variables, self._arrays, strict=True)
        ]

    def blocks(self) -> Sequence[Block]:
        """One field each."""
        return [
            Block((t,), (v,)) for t in range(max((len(a) for a in self.times), default=0)) for v in self._holding(t)
        ]

    def _holding(self, time: int) -> list[int]:
        return [v for v, a in enumerate(self._arrays) if time < a.shape[0]]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """Views of the arrays themselves."""
        for time in block.times:
            for v in block.variables:
                yield Field(time, v, 0, self._arrays[v][time])

    def close(self) -> None:
        """Nothing to let go of."""


def _grid(data: Tensors, n_cells: int) -> Grid:
    if data.latitudes is None or data.longitudes is None:
        return Grid("unknown", (n_cells,), weights_origin="none: no coordinates were given")
    return grids.unstructured_grid(to_numpy(data.latitudes), to_numpy(data.longitudes))


def _axis(times: Sequence[Any] | None, n: int, k: int) -> TimeAxis:
    name = "time" if k == 0 else f"time{k + 1}"
    if times is not None and len(times) == n:
        stamps = np.array([_stamp(t) for t in times], "datetime64[s]")
        labels = np.datetime_as_string(stamps, unit="s").tolist()
        return TimeAxis(name, labels, stamps.astype(np.int64))
    nowhere = np.full(n, np.iinfo(np.int64).min)
    if n == 1:
        return TimeAxis(name, [""], nowhere, kind="static")
    if times is not None:
        raise UsageError(f"{len(times)} times are given for fields of {n} times; they must agree")
    return TimeAxis(name, [f"step {i - n + 1}" for i in range(n)], nowhere, kind="index")


def _stamp(time: Any) -> np.datetime64:
    if getattr(time, "tzinfo", None) is not None:
        time = (time - time.utcoffset()).replace(tzinfo=None)
    try:
        return np.datetime64(time, "s")
    except (ValueError, TypeError) as error:
        raise UsageError(f"the time {time!r} is no datetime, datetime64 or ISO text") from error


def _described(names: Sequence[str], data: Tensors) -> dict[str, Variable]:
    """The variables by what is said of them; those without a word left out."""
    known = [name for name in names if data.metadata.get(name)]
    said = {name: {**data.metadata[name], **_units(data, name)} for name in known}
    made = make_variables(known, {"variables_metadata": said}, 1)
    return {name: v if v.units else _with_usual_units(v) for name, v in zip(known, made, strict=True)}


def _with_usual_units(variable: Variable) -> Variable:
    entry = load_catalogue().identify(variable.param, level_type=variable.level_type, naming="ecmwf")
    return variable if entry is None else dataclasses.replace(variable, units=entry.units)


def _units(data: Tensors, name: str) -> dict[str, str]:
    return {"units": data.units[name]} if name in data.units else {}


def _variable(name: str, units: str | None, axis: int) -> Variable:
    catalogue = load_catalogue()
    stem, level = catalogue.split_level(name) or (name, None)
    level_type = None if level is None else "pl"
    entry = catalogue.identify(stem, units=units, level_type=level_type, naming="ecmwf")
    param = stem if entry is None else entry.param
    if units is None and entry is not None:
        units = entry.units
    canonical = param if level is None else f"{param}_{level:g}"
    return Variable(canonical, param, name, level, level_type, units=units, times=axis)


def _identity(data: Tensors, arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, values in arrays.items():
        digest.update(f"{name} {values.shape} {values.dtype} {data.units.get(name)} ".encode())
    digest.update(repr([str(t) for t in (() if data.times is None else data.times)]).encode())
    return digest.hexdigest()
