"""Attributes of an anemoi data set → variables and a time axis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dqwatch.catalogue import Catalogue, Entry, load_catalogue
from dqwatch.sources.times import SECONDS, decode_times, labels_of
from dqwatch.types import NOT_A_TIME, TimeAxis, Variable

_LEVEL_TYPES = {"pl": "pl", "ml": "ml", "hl": "hl", "sfc": "sfc", "sol": "soil", "o3d": "depth", "o2d": "sfc"}
"""MARS level type -> ours; others keep their own word."""
_KINDS = {
    "accumulation": "accumulation",
    "accum": "accumulation",
    "average": "mean",
    "mean": "mean",
    "minimum": "minimum",
    "min": "minimum",
    "maximum": "maximum",
    "max": "maximum",
    "instantaneous": "instant",
    "instant": "instant",
}
_SPAN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")
_ISO_SPAN = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_CLOCK = re.compile(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)")


def read_span(value: Any) -> int | None:
    """Seconds of a length of time as anemoi writes it.

    Parameters
    ----------
    value : Any
        `6` and `"6"` (hours), `"6h"`, `"30m"`, `"1d"`, `"PT6H"`, `"6:00:00"`, `"1 day, 0:00:00"`.

    Returns
    -------
    int or None
        None if it is nothing of the kind.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    iso = _ISO_SPAN.fullmatch(text)
    if iso and any(iso.groups()):
        return sum(int(n or 0) * s for n, s in zip(iso.groups(), (604800, 86400, 3600, 60, 1), strict=True))
    clock = _CLOCK.fullmatch(text)
    if clock:
        return sum(int(n or 0) * s for n, s in zip(clock.groups(), (86400, 3600, 60, 1), strict=True))
    found = _SPAN.fullmatch(text)
    if not found:
        return None
    # Unlike in CF units, a bare number counts hours and "m" is a minute.
    length = {"": 3600.0, "m": 60.0, "w": 604800.0}.get(found[2].lower(), SECONDS.get(found[2].lower()))
    return None if length is None else round(float(found[1]) * length)


def make_variables(
    names: Sequence[str], attributes: Mapping[str, Any], members: int, catalogue: Catalogue | None = None
) -> tuple[Variable, ...]:
    """The variables of an anemoi data set.

    Parameters
    ----------
    names : sequence of str
        In the order of their axis, without repeats.
    attributes : mapping
        Of the root; `variables_metadata`, `allow_nans`, `variables_with_nans`, `constant_fields` are used.
    members : int
        Length of the ensemble dimension.
    catalogue : Catalogue, optional
        The shipped one if left out.
    """
    catalogue = catalogue or load_catalogue()
    described = [_describe(name, attributes, catalogue) for name in names]
    canonical = [_canonical(name, **d) for name, d in zip(names, described, strict=True)]
    found = []
    for i, (source_name, parts) in enumerate(zip(names, described, strict=True)):
        # Two names of one quantity would be one name: then both keep their own.
        unique = canonical.count(canonical[i]) == 1 and (canonical[i] == source_name or canonical[i] not in names)
        entry: Entry | None = parts["entry"]
        metadata = _metadata_of(source_name, attributes)
        kind, period = _processing(metadata)
        if metadata.get("constant_in_time") or (not metadata and source_name in _texts(attributes, "constant_fields")):
            kind = "constant"
        found.append(
            Variable(
                name=canonical[i] if unique else source_name,
                param=entry.param if entry else parts["stem"],
                source_name=source_name,
                level=parts["level"],
                level_type=parts["level_type"],
                units=parts["units"],
                kind=kind,
                period=period,
                nan_allowed=_nan_allowed(source_name, attributes),
                members=members,
                attributes=metadata,
            )
        )
    return tuple(found)


def _metadata_of(name: str, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    every = attributes.get("variables_metadata")
    found = every.get(name) if isinstance(every, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _texts(attributes: Mapping[str, Any], key: str) -> list[str]:
    value = attributes.get(key)
    return [v for v in value if isinstance(v, str)] if isinstance(value, list | tuple) else []


def _describe(name: str, attributes: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Quantity and level of a variable: what its metadata say, else what its name says."""
    metadata = _metadata_of(name, attributes)
    units = metadata.get("units")
    units = units if isinstance(units, str) else None
    mars = metadata.get("mars")
    if isinstance(mars, Mapping) and isinstance(mars.get("param"), str):
        stem = str(mars["param"])
        level_type, level = _mars_level(mars)
        entry = catalogue.identify(stem, units=units, level_type=level_type, naming="ecmwf")
        entry = entry or catalogue.identify(name, units=units, level_type=level_type, naming="ecmwf")
        if level is None or level_type == "sfc":
            # Some stores give the level of a pressure-level variable in its name alone.
            by_name = _named_level(name, catalogue)
            if by_name and by_name[0] == stem and level_type != "sfc":
                level_type, level = by_name[2], by_name[1]
        return {"stem": stem, "level": level, "level_type": level_type, "units": units, "entry": entry}
    stem, level, level_type = _named_level(name, catalogue) or (name, None, None)
    entry = catalogue.identify(stem, units=units, level_type=level_type, naming="ecmwf")
    return {"stem": stem, "level": level, "level_type": level_type, "units": units, "entry": entry}


def _mars_level(mars: Mapping[str, Any]) -> tuple[str | None, float | None]:
    declared = mars.get("levtype")
    level_type = _LEVEL_TYPES.get(declared, declared) if isinstance(declared, str) else None
    value: Any = mars.get("levelist")
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    try:
        level = None if level_type == "sfc" or value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        level = None
    return level_type, level


def _named_level(name: str, catalogue: Catalogue) -> tuple[str, float, str | None] | None:
    """`t_850` as ('t', 850.0, 'pl'), `vsw_1` as ('vsw', 1.0, 'soil'); None without a level suffix."""
    pressure = catalogue.split_level(name)
    if pressure:
        return (*pressure, "pl")
    found = re.fullmatch(r"(.+)_(\d+)", name)
    if found is None or catalogue.identify(name, naming="ecmwf"):
        return None
    entry = catalogue.identify(found[1], naming="ecmwf")
    return found[1], float(found[2]), "soil" if entry and entry.vertical == "soil" else None


def _canonical(source_name: str, *, entry: Entry | None, level: float | None, level_type: str | None, **_: Any) -> str:
    if entry is None:
        return source_name
    return entry.param if level is None or level_type == "sfc" else f"{entry.param}_{level:g}"


def _processing(metadata: Mapping[str, Any]) -> tuple[str, float | None]:
    kind = _KINDS.get(str(metadata.get("process", "")).lower(), "instant")
    period = metadata.get("period")
    if kind == "instant" or not isinstance(period, list | tuple) or len(period) != 2:
        return kind, None
    begin, end = (read_span(p) for p in period)
    return kind, None if begin is None or end is None or end <= begin else (end - begin) / 3600


def _nan_allowed(name: str, attributes: Mapping[str, Any]) -> bool | None:
    """What the store says of NaN; `variables_with_nans` of older ones lists names, `allow_nans` may."""
    listed = [
        attributes[k] for k in ("allow_nans", "variables_with_nans") if isinstance(attributes.get(k), list | tuple)
    ]
    if listed:
        return any(name in names for names in listed)
    allowed = attributes.get("allow_nans")
    return allowed if isinstance(allowed, bool) else None


def make_time_axis(dates: np.ndarray, attributes: Mapping[str, Any]) -> tuple[TimeAxis, list[str]]:
    """The time axis of an anemoi data set.

    Parameters
    ----------
    dates : np.ndarray (time,), datetime64
    attributes : mapping
        Of the root; `frequency`, `missing_dates`, `start_date`, `end_date` and `dqwatch_cadence` are used.

    Returns
    -------
    TimeAxis
    notes : list of str
        What of the attributes could not be used.
    """
    times = decode_times(dates, {}, "dates")
    notes: list[str] = []
    missing, unread = read_dates(attributes.get("missing_dates") or ())
    declared = np.isin(times.seconds, missing) & (times.seconds != NOT_A_TIME)
    elsewhere = int((~np.isin(missing, times.seconds)).sum())
    if unread:
        notes.append(f"{unread} of missing_dates are no dates")
    if elsewhere:
        notes.append(f"{elsewhere} of missing_dates are not among the dates")
    frequency = read_span(attributes.get("frequency"))
    if frequency is None and attributes.get("frequency") is not None:
        notes.append(f"frequency {str(attributes['frequency'])[:40]!r} is not understood")
    ends, _ = read_dates(d for d in (attributes.get("start_date"), attributes.get("end_date")) if d is not None)
    hours, every = _cadence(attributes.get("dqwatch_cadence"))
    axis = TimeAxis(
        name="dates",
        labels=labels_of(times.seconds, times.calendar, dates),
        seconds=times.seconds,
        calendar=times.calendar,
        declared_missing=declared,
        frequency=frequency,
        hours=hours,
        every=every,
        declared_range=(int(ends[0]), int(ends[1])) if len(ends) == 2 else None,
        problem=times.problem,
    )
    return axis, notes


def declared_constant(name: str, attributes: Mapping[str, Any]) -> bool | None:
    """Whether a store says that a variable is constant in time; None where it says nothing about any."""
    if _metadata_of(name, attributes).get("constant_in_time") or name in _texts(attributes, "constant_fields"):
        return True
    return False if isinstance(attributes.get("constant_fields"), list | tuple) else None


def read_dates(values: Iterable[Any]) -> tuple[np.ndarray, int]:
    """Seconds since 1970 of ISO dates, and how many of the values are none."""
    texts = np.array([v if isinstance(v, str) else "" for v in values], dtype=object)
    seconds = decode_times(texts, {}, "dates").seconds
    return seconds[seconds != NOT_A_TIME], int((seconds == NOT_A_TIME).sum())


def _cadence(declared: Any) -> tuple[tuple[int, ...] | None, int | None]:
    """Hours of the day, and seconds after which they come again."""
    if not isinstance(declared, Mapping) or not isinstance(declared.get("hours"), list | tuple):
        return None, None
    hours = tuple(h for h in declared["hours"] if isinstance(h, int) and 0 <= h < 24)
    return hours or None, read_span(declared.get("every")) if "every" in declared else None
