"""A data set opened by anemoi-datasets as a source: whatever it is made of, read date by date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers
from dqwatch.errors import SourceError, UnsupportedDataError
from dqwatch.sources.anemoi_metadata import declared_constant, make_time_axis, make_variables, read_span
from dqwatch.sources.grids import unstructured_grid
from dqwatch.storage import StoredArray, StoredStatistics
from dqwatch.types import Block, Field, Grid, TimeAxis, Variable

_DIMENSIONS = ("time", "variable", "ensemble", "cell")
_STATISTICS = ("mean", "stdev", "minimum", "maximum")


def make_source(dataset: Any, name: str, where: str, spec: Any) -> AnemoiDataset:
    """A data set of anemoi-datasets as a source.

    Parameters
    ----------
    dataset : anemoi.datasets Dataset
    name : str
        Short, for people.
    where : str
        For messages.
    spec : Any
        What it was opened by; with the stores behind it and the dates it makes its identity.

    Raises
    ------
    UnsupportedDataError
        If its items are no fields on dates: observations, trajectories, pairs, windows of dates.
    SourceError
        If it names a variable twice, or has no coordinates or dates.
    """
    shape = _ask(dataset, "shape")
    whole = isinstance(shape, tuple) and all(isinstance(n, int | np.integer) for n in shape)
    if not whole or len(shape) != 4 or 0 in shape or _ask(dataset, "dates") is None:
        raise UnsupportedDataError(
            f"{where}: what open_dataset makes of this has shape {shape} and is no (time, variable, ensemble, cell) "
            "with dates; leave out zip, xy, trajectories, observations and skip_missing_dates"
        )
    names = list(dataset.variables)
    if len(set(names)) != len(names):
        raise SourceError(f"{where}: variables are named more than once; rename or drop them in the specification")
    if shape[0] != len(dataset.dates) or shape[1] != len(names):
        raise SourceError(
            f"{where}: the data have shape {tuple(map(int, shape))}, but {len(dataset.dates)} dates and {len(names)} "
            "variables"
        )
    return AnemoiDataset(dataset, name, where, _identity(spec, dataset))


class AnemoiDataset:
    """What `anemoi.datasets.open_dataset` returns, as `Source`."""

    kind = "anemoi_dataset"

    def __init__(self, dataset: Any, name: str, where: str, identity: str) -> None:
        self.name, self.identity = name, identity
        self._dataset, self._where = dataset, where
        self._shape = tuple(int(n) for n in dataset.shape)
        self._names: list[str] = list(dataset.variables)
        self._missing = frozenset(int(i) for i in dataset.missing)
        self.attributes: Mapping[str, Any] = _attributes(dataset, self._missing)
        axis, notes = make_time_axis(np.asarray(dataset.dates), self.attributes)
        self.times: tuple[TimeAxis, ...] = (axis,)
        self.variables: tuple[Variable, ...] = make_variables(self._names, self.attributes, self._shape[2])
        self.grids: tuple[Grid, ...] = (_grid(dataset, where, self._shape[3]),)
        self.notes: tuple[str, ...] = tuple(notes)
        self._statistics: Sequence[StoredStatistics | None] | None = None

    def arrays(self) -> list[StoredArray]:
        """One that stands for all: the stores behind it are not looked into."""
        dtype = str(_ask(self._dataset, "dtype") or "float32")
        return [StoredArray("data", _DIMENSIONS, self._shape, dtype, length_ok=True)]

    def stored_statistics(self) -> Sequence[StoredStatistics | None]:
        """What the data set says that it is to be normalised by, of all its dates, read once."""
        if self._statistics is None:
            self._statistics = self._read_statistics()
        return self._statistics

    def _read_statistics(self) -> Sequence[StoredStatistics | None]:
        said = _vectors(_ask(self._dataset, "statistics"), len(self._names))
        seconds = np.asarray(self.times[0].seconds)
        if not said or not seconds.size:
            return [None] * len(self._names)
        step = self.times[0].frequency
        changes = _vectors(_ask(self._dataset, "statistics_tendencies", call=True), len(self._names)) if step else {}
        nothing = np.full(len(self._names), np.nan)
        mean, stdev, least, most = (said.get(key, nothing) for key in _STATISTICS)
        known = bool(step) and {"mean", "stdev"} <= changes.keys()
        return [
            StoredStatistics(
                mean=float(mean[v]),
                stdev=float(stdev[v]),
                minimum=float(least[v]),
                maximum=float(most[v]),
                window=(int(seconds.min()), int(seconds.max())),
                n_times=self._shape[0] - len(self._missing),
                constant=declared_constant(name, self.attributes),
                tendencies={int(step or 0): (float(changes["mean"][v]), float(changes["stdev"][v]))} if known else {},
                effective=True,
            )
            for v, name in enumerate(self._names)
        ]

    def blocks(self) -> Sequence[Block]:
        """One for each date, of all variables."""
        every = tuple(range(len(self._names)))
        return [Block((t,), every) for t in range(self._shape[0])]

    def read(self, block: Block, buffers: Buffers) -> Iterator[Field]:
        """The fields of a block; those of a date that is missing are NaN."""
        for time in sorted(set(block.times)):
            state = None if time in self._missing else self._state(time)
            for variable in sorted(set(block.variables)):
                for member in range(self._shape[2]):
                    if state is None:
                        values = buffers.take("anemoi.missing", (self._shape[3],), np.float32)
                        values[...] = np.nan
                    else:
                        values = np.ascontiguousarray(state[variable, member])
                    yield Field(time, variable, member, values)

    def _state(self, time: int) -> np.ndarray:
        """All fields of a date, (variable, member, cell) float32 or float64."""
        label = self.times[0].labels[time]
        try:
            state = np.asarray(self._dataset[time])
        except Exception as error:  # whatever a store, a codec or a network raises
            said = " ".join(str(error).split())
            raise SourceError(f"{self._where}: {label} cannot be read: {type(error).__name__}: {said}") from error
        if state.shape != self._shape[1:]:
            raise SourceError(f"{self._where}: {label} has shape {state.shape}, expected {self._shape[1:]}")
        return state if state.dtype in (np.float32, np.float64) else state.astype(np.float64)

    def close(self) -> None:
        """Nothing is held open."""


def store_attributes(dataset: Any) -> list[Mapping[str, Any]]:
    """The attributes of every store that a data set is made of, in its order."""
    return list(_attributes_within(_ask(dataset, "metadata_specific", call=True)))


def _attributes_within(described: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(described, Mapping):
        attrs = described.get("attrs")
        if isinstance(attrs, Mapping):
            yield attrs
        for key, value in described.items():
            if key != "attrs":
                yield from _attributes_within(value)
    elif isinstance(described, list | tuple):
        for value in described:
            yield from _attributes_within(value)


def _ask(dataset: Any, name: str, *, call: bool = False) -> Any:
    """What a data set says of itself; None where it does not know."""
    try:
        found = getattr(dataset, name)
        return found() if call else found
    except Exception:  # noqa: BLE001 - combinations that do not support a property raise as they please
        return None


def _attributes(dataset: Any, missing: frozenset[int]) -> dict[str, Any]:
    """What an anemoi store would say in its attributes, of the data set as it is handed out."""
    stores = store_attributes(dataset)
    names = set(dataset.variables)
    dates = np.asarray(dataset.dates)
    frequency = _ask(dataset, "frequency")
    seconds = None if frequency is None else int(frequency.total_seconds())
    found: dict[str, Any] = {
        "variables": list(dataset.variables),
        "variables_metadata": _ask(dataset, "variables_metadata") or {},
        "missing_dates": [str(dates[i].astype("M8[s]")) for i in sorted(missing)],
        "resolution": _ask(dataset, "resolution"),
    }
    if seconds is not None and seconds > 0:
        found["frequency"] = f"{seconds}s"
    for key in ("constant_fields", "variables_with_nans"):
        lists = [attrs[key] for attrs in stores if isinstance(attrs.get(key), list | tuple)]
        if lists:
            found[key] = sorted(names.intersection(*[set().union(*lists)]))
    allowed = [attrs.get("allow_nans") for attrs in stores]
    if allowed and all(isinstance(given, bool) for given in allowed):
        found["allow_nans"] = any(allowed)
    cadence = stores[0].get("dqwatch_cadence") if stores else None
    if cadence and all((a.get("dqwatch_cadence"), read_span(a.get("frequency"))) == (cadence, seconds) for a in stores):
        found["dqwatch_cadence"] = cadence
    return found


def _vectors(said: Any, size: int) -> dict[str, np.ndarray]:
    """Statistics by name, float64 (variable,), as far as they are of that length."""
    if not isinstance(said, Mapping):
        return {}
    arrays = {key: np.asarray(values, np.float64) for key, values in said.items() if key in _STATISTICS}
    return {key: values for key, values in arrays.items() if values.shape == (size,)}


def _grid(dataset: Any, where: str, cells: int) -> Grid:
    latitudes, longitudes = (np.asarray(_ask(dataset, key), np.float64) for key in ("latitudes", "longitudes"))
    if {latitudes.shape, longitudes.shape} != {(cells,)}:
        got = f"{latitudes.shape} and {longitudes.shape}"
        raise SourceError(f"{where}: its latitudes and longitudes are {got}, its fields have {cells} cells")
    shape = _ask(dataset, "field_shape")
    known = isinstance(shape, tuple | list) and all(isinstance(n, int | np.integer) for n in shape)
    name = str(_ask(dataset, "resolution") or "grid")
    return unstructured_grid(latitudes, longitudes, name, tuple(int(n) for n in shape) if known else None)


def _identity(spec: Any, dataset: Any) -> str:
    """A digest of what was asked for, the stores behind it, sizes and dates."""
    uuids = [str(attrs.get("uuid")) for attrs in store_attributes(dataset)]
    said = [spec, uuids, [int(n) for n in dataset.shape], [str(date) for date in dataset.dates[[0, -1]]]]
    return f"sha256:{hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()}"
