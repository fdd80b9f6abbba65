"""An earthkit FieldList as a source: its fields have the headers of GRIB messages, wherever they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from dqwatch.errors import SourceError
from dqwatch.sources.grib import MessageSource
from dqwatch.sources.grib_messages import Message
from dqwatch.sources.grib_sections import Part

_LEVEL_TYPES = {"pl": "isobaricInhPa", "ml": "hybrid", "sfc": "surface", "sol": "soilLayer", "pt": "theta"}


def open_fieldlist(data: Any, **_options: Any) -> MessageSource | None:
    """An earthkit FieldList, or an anemoi-inference state that holds one, as a source; None for anything else.

    Raises
    ------
    SourceError
        If a field lacks a name or a time.
    """
    if isinstance(data, Mapping):
        data = data.get("fields")
    if not _is_fieldlist(data):
        return None
    fields = [data[k] for k in range(len(data))]
    messages = [_describe(field, k) for k, field in enumerate(fields)]
    return MessageSource("fieldlist", "fieldlist", messages, Fields(fields), {"fields": len(fields)})


def _is_fieldlist(data: Any) -> bool:
    """Whether it walks like a FieldList, which has `__getitem__` and `__len__` but is no Iterable."""
    return all(hasattr(data, name) for name in ("sel", "order_by", "to_numpy", "metadata", "__getitem__", "__len__"))


class Fields:
    """Reads the fields of a list; see `grib_messages.Library`."""

    def __init__(self, fields: Sequence[Any]) -> None:
        self._fields = list(fields)

    def values(self, message: Message) -> np.ndarray:
        """Values float64 (point,)."""
        values: np.ndarray = self._fields[message.part.offset].to_numpy(flatten=True, dtype=np.float64)
        return values.copy() if not values.flags.c_contiguous else values

    def geometry(self, message: Message) -> dict[str, Any]:
        """Coordinates and scanning mode."""
        field = self._fields[message.part.offset]
        rows, columns = (*field.shape, None)[:2] if len(field.shape) > 1 else (None, None)
        places = field.to_latlon(flatten=True)
        return {
            "latitudes": np.asarray(places["lat"], np.float64),
            "longitudes": np.asarray(places["lon"], np.float64),
            "ni": columns,
            "nj": rows,
            "alternate": _get(field, "alternativeRowScanning", default=0),
            "columns_first": _get(field, "jPointsAreConsecutive", default=0),
        }

    def digest(self, message: Message) -> bytes:
        """Hash of the values."""
        return hashlib.sha256(self.values(message).tobytes()).digest()

    def close(self) -> None:
        """Forget the fields."""
        self._fields = []


def _get(field: Any, *keys: str, default: Any = None) -> Any:
    """The first of some metadata keys that a field has."""
    for key in keys:
        value = field.metadata(key, default=None)
        if value is not None:
            return value
    return default


def _describe(field: Any, k: int) -> Message:
    name = _get(field, "shortName", "param", "name")
    if name is None:
        raise SourceError(f"fieldlist: field {k} has neither 'shortName' nor 'param'; it cannot be named")
    level_type = str(_get(field, "typeOfLevel", default=_LEVEL_TYPES.get(str(_get(field, "levtype")), "unknown")))
    start, lead = _times(field, k)
    step_type = str(_get(field, "stepType", default="instant"))
    first = _get(field, "startStep", default=0)
    n_points = int(np.prod(field.shape))
    return Message(
        part=Part("", int(_get(field, "edition", default=0)), k, 8 * n_points),
        short_name=str(name),
        name=str(_get(field, "name", default="")),
        units=str(_get(field, "units", default="")),
        level_type=level_type,
        level=float(_get(field, "level", "levelist", default=0.0)),
        layer=None,
        start=start,
        lead=lead,
        period=0 if step_type == "instant" else lead - 3600 * int(first),
        step_type=step_type,
        number=int(_get(field, "number", default=0)),
        grid_type=str(_get(field, "gridType", default="unknown")),
        grid_key=str(_get(field, "md5GridSection", default=f"{n_points} points")),
        n_points=n_points,
        packing=str(_get(field, "packingType", default="memory")),
        bits=int(_get(field, "bitsPerValue", default=-1)),
    )


def _times(field: Any, k: int) -> tuple[int, int]:
    """Start of the forecast and lead time, seconds."""
    times = field.datetime()
    base, valid = times.get("base_time"), times.get("valid_time")
    if valid is None:
        raise SourceError(f"fieldlist: field {k} has no valid time; it cannot be placed")
    base = valid if base is None else base
    return _seconds(base), _seconds(valid) - _seconds(base)


def _seconds(time: datetime) -> int:
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
