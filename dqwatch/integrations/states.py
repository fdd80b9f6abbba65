"""States of anemoi-inference, of arrays or of an earthkit FieldList, as tensors that know their checkpoint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.errors import UsageError
from dqwatch.sources.tensors import Tensors

Namer = Callable[[Any, Any], str]
"""From a field and its MARS metadata to the name that the model has for it."""


class Model(NamedTuple):
    """What is known of the data set that a model takes; nothing where its metadata say nothing."""

    name: str = "data"
    variables: Mapping[str, Mapping[str, Any]] = {}
    """Name -> what the training data said of it, as `variables_metadata` of an anemoi store."""
    inputs: frozenset[str] = frozenset()
    """Names that the model takes; empty: nobody knows."""
    lags: tuple[dt.timedelta, ...] = ()
    """Times of the input steps, relative to the date of the state, the last one 0."""
    namer: Namer | None = None


def describe_model(metadata: Any) -> Model:
    """What the metadata of a checkpoint (of any release of anemoi-inference) say.

    Parameters
    ----------
    metadata : anemoi.inference Metadata or None
    """
    described = _ask(metadata, "variables_metadata")
    lags = _ask(metadata, "lagged")
    namer = _ask(metadata, "default_namer")
    return Model(
        name=str(_ask(metadata, "dataset_name") or "data"),
        variables={str(k): dict(v) for k, v in described.items()} if isinstance(described, Mapping) else {},
        inputs=frozenset(map(str, _ask(metadata, "variable_to_input_tensor_index") or ())),
        lags=tuple(sorted(lags)) if lags else (),
        namer=namer() if callable(namer) else None,
    )


def _ask(metadata: Any, name: str) -> Any:
    """What metadata say; None where those of this release, or of this checkpoint, do not know."""
    try:
        return getattr(metadata, name)
    except Exception:  # noqa: BLE001 - properties that read a checkpoint fail on what it lacks in many ways
        return None


def as_tensors(state: Mapping[str, Any], model: Model, namer: Namer | None = None) -> Any:
    """A state as a DATA argument of `dqwatch.gate`: every input step, by the names and units of its model.

    Parameters
    ----------
    state : mapping
        `date`, `latitudes`, `longitudes` and `fields`: arrays (cell,) or (time, cell) by name, or a FieldList.
    model : Model
    namer : callable, optional
        Names the fields of a FieldList instead of the model's own.

    Raises
    ------
    UsageError
        If it holds no fields, or fields of a FieldList cannot be placed.
    """
    fields = state.get("fields")
    if isinstance(fields, Mapping):
        return _from_arrays(state, fields, model)
    namer = namer or model.namer
    if fields is None or not hasattr(fields, "__len__"):
        raise UsageError(f"state: 'fields' is a {type(fields).__name__}; expected arrays by name, or a FieldList")
    return state if namer is None else _from_fieldlist(state, fields, model, namer)


def _from_arrays(state: Mapping[str, Any], fields: Mapping[str, Any], model: Model) -> Tensors:
    steps = max((np.shape(values)[0] if np.ndim(values) == 2 else 1 for values in fields.values()), default=1)
    times = _times(state, model, steps)
    units = {name: str(v.units) for name, v in (state.get("_variables") or {}).items() if _ask(v, "units") is not None}
    return _tensors(state, dict(fields), times, model, {n: u for n, u in units.items() if n in fields})


def _times(state: Mapping[str, Any], model: Model, steps: int) -> list[Any] | None:
    """The times of the input steps; None where nothing says them."""
    date = state.get("date")
    if date is None:
        return None
    if steps == 1:
        return [date]
    return [date + lag for lag in model.lags] if len(model.lags) == steps else None


def _from_fieldlist(state: Mapping[str, Any], fields: Iterable[Any], model: Model, namer: Namer) -> Tensors:
    """The fields that the model takes, all others left out; what is missing at a time is NaN there.

    The input `cutout` of anemoi-inference 0.13 has one field of a variable, (step, cell), without a time of its own.
    """
    found: dict[str, dict[str, Any]] = {}
    stacked: dict[str, np.ndarray] = {}
    units: dict[str, str] = {}
    for field in fields:
        name = namer(field, field.metadata(namespace="mars"))
        if model.inputs and name not in model.inputs:
            continue
        time = field.metadata("valid_datetime", default=None)
        if time is None:
            values = field.to_numpy(dtype=np.float32)
            if values.ndim != 2:
                raise UsageError(f"state: a field of '{name}' has no valid time; it cannot be placed")
            stacked[name] = values
            continue
        found.setdefault(name, {})[str(time)] = field
        said = field.metadata("units", default=None)
        if said is not None:
            units[name] = str(said)
    if stacked and found:
        raise UsageError(
            f"state: fields of {_some(sorted(found))} have valid times, those of {_some(sorted(stacked))} none"
        )
    if stacked:
        return _from_arrays(state, stacked, model)
    if not found:
        raise UsageError(f"state: none of its fields is one that the model takes ({_some(sorted(model.inputs))})")
    times = sorted({time for of in found.values() for time in of})
    arrays = {name: _stacked(of, times) for name, of in found.items()}
    return _tensors(state, arrays, times, model, units)


def _stacked(of: Mapping[str, Any], times: Sequence[str]) -> np.ndarray:
    """Float32 (time, cell)."""
    values = {time: field.to_numpy(flatten=True, dtype=np.float32) for time, field in of.items()}
    size = next(iter(values.values())).size
    if any(v.size != size for v in values.values()):
        raise UsageError(
            f"state: fields of one variable have {', '.join(sorted({str(v.size) for v in values.values()}))} cells"
        )
    return np.stack([values.get(time, np.full(size, np.nan, np.float32)) for time in times])


def _tensors(
    state: Mapping[str, Any], arrays: Mapping[str, Any], times: Any, model: Model, units: Mapping[str, str]
) -> Tensors:
    places = {key: state.get(key) for key in ("latitudes", "longitudes")}
    return Tensors(arrays, **places, times=times, units=units, name=label(state, model), metadata=model.variables)


def label(state: Mapping[str, Any], model: Model) -> str:
    """What messages call a state."""
    date = state.get("date")
    when = f" of {date.isoformat(timespec='minutes')}" if isinstance(date, dt.datetime) else ""
    return f"state{when}" + ("" if model.name == "data" else f" [{model.name}]")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
