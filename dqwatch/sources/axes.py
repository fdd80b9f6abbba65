"""Time axes of CF variables: plain, of forecasts (start and lead time), of climatologies, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqwatch.sources.coordinates import Collection, role_of_name
from dqwatch.sources.raw import RawArray
from dqwatch.sources.times import Times, decode_leads, decode_times, has_reference, labels_of, raw_text
from dqwatch.types import NOT_A_TIME, TimeAxis

LONGEST_FORECAST = 400 * 86400
"""Seconds. Beyond it a "lead time" is the age of a free-running simulation, which says nothing about a field."""

_FREQUENCIES = {"yr": None, "mon": None, "fx": None, "day": 86400, "daily": 86400, "hourly": 3600}
_HOURS = re.compile(r"(\d+)_?hr?(?:pt|cm)?|pt(\d+)h")
_DAYS = re.compile(r"(?:p)?(\d+)d(?:ay)?")


class Moments(NamedTuple):
    """The time coordinates of a variable; its time dimensions are those of the three together."""

    dims: tuple[str, ...]
    valid: RawArray | None = None
    reference: RawArray | None = None
    lead: RawArray | None = None
    kind: str = "time"

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for variables on the same axis."""
        names = (a.name if a is not None else None for a in (self.valid, self.reference, self.lead))
        return (self.kind, self.dims, *names)


def find_moments(collection: Collection, array: RawArray, dims: Sequence[str]) -> Moments:
    """The time coordinates of a variable.

    Parameters
    ----------
    collection : Collection
    array : RawArray
        The variable.
    dims : sequence of str
        Its dimensions but the horizontal ones.
    """
    valid = _best(collection, array, dims, "time")
    reference = _best(collection, array, dims, "reference")
    lead = _best(collection, array, dims, "lead")
    if lead is not None and reference is None and valid is not None:
        # `time` beside `step`: the start of the forecast, unless another time runs along both.
        starts = [a for a in _candidates(collection, array, dims, "time") if len(a.dims) < len(valid.dims)]
        if set(lead.dims) - set(valid.dims):
            reference, valid = valid, None
        elif set(lead.dims) and starts:
            reference = starts[0]
    if valid is None and (reference is None or lead is None):
        return _without_valid(collection, dims, reference, lead)
    parts = [a for a in (valid, reference, lead) if a is not None]
    leading = set(lead.dims) if lead is not None else set()
    own = [d for d in dims if any(d in a.dims for a in parts)]
    return Moments(tuple(sorted(own, key=lambda d: (d in leading, dims.index(d)))), valid, reference, lead)


def _without_valid(
    collection: Collection, dims: Sequence[str], reference: RawArray | None, lead: RawArray | None
) -> Moments:
    if reference is not None:
        return Moments(tuple(d for d in dims if d in reference.dims), valid=reference)
    named = tuple(d for d in dims if collection.dim_role(d) == "time" or role_of_name(d) == "time")
    if named:
        return Moments(named)
    if lead is not None and lead.dims:
        return Moments(tuple(d for d in dims if d in lead.dims), valid=lead, kind="index")
    counted = tuple(d for d in dims if role_of_name(d) == "index")
    return Moments(counted, kind="index" if counted else "static")


def _candidates(collection: Collection, array: RawArray, dims: Sequence[str], role: str) -> list[RawArray]:
    """Coordinates of a role that fit some dimensions; scalars only if the variable refers to them, or nobody does."""
    own = {c.name for c in collection.coordinates(array)}
    own |= set(str(collection.attributes.get("coordinates", "")).split())
    found = [a for a in collection.with_role(role) if a.name != array.name and set(a.dims) <= set(dims)]
    moving = any(a.dims for a in collection.with_role("time"))
    return [a for a in found if a.name in own or a.dims or (a.name not in collection.referenced and not moving)]


def _best(collection: Collection, array: RawArray, dims: Sequence[str], role: str) -> RawArray | None:
    """The widest of several candidates that can be decoded."""
    own = [c.name for c in collection.coordinates(array)]

    def rank(candidate: RawArray) -> tuple[bool, int, bool]:
        decodable = candidate.dtype.kind in "Mm" or has_reference(candidate.attrs) or role == "lead"
        return decodable, len(candidate.dims), candidate.name in own

    found = _candidates(collection, array, dims, role)
    found = [a for a in found if role != "lead" or decode_leads(np.zeros(1, a.dtype), a.attrs) is not None]
    return max(found, key=rank, default=None)


def make_axis(
    collection: Collection, moments: Moments, lengths: Mapping[str, int], attrs: Mapping[str, Any]
) -> TimeAxis:
    """The axis that some time coordinates make up.

    Parameters
    ----------
    collection : Collection
    moments : Moments
    lengths : mapping
        Length of each dimension.
    attrs : mapping
        Of a variable on the axis, for its declared frequency.
    """
    shape = tuple(lengths[d] for d in moments.dims)
    if moments.kind == "static":
        return TimeAxis("static", [""], np.full(1, NOT_A_TIME, np.int64), kind="static")
    if moments.kind == "index":
        return _index_axis(collection, moments, shape)
    if moments.valid is None and moments.reference is None:
        nothing = np.full(shape, NOT_A_TIME, np.int64).ravel()
        problem = f"dimension '{', '.join(moments.dims)}' has no values"
        return TimeAxis(
            ", ".join(moments.dims), [str(i) for i in range(nothing.size)], nothing, "standard", problem=problem
        )
    times, raw, leads = _decoded(collection, moments, shape)
    named = moments.valid or moments.reference
    return TimeAxis(
        name=named.name if named is not None else "",
        labels=labels_of(times.seconds, times.calendar, raw, leads),
        seconds=times.seconds,
        calendar=times.calendar,
        lead_seconds=leads,
        frequency=_frequency(attrs, collection.attributes) if moments.dims else None,
        problem=times.problem,
    )


def _decoded(
    collection: Collection, moments: Moments, shape: tuple[int, ...]
) -> tuple[Times, np.ndarray, np.ndarray | None]:
    """Valid times and the raw values that name them, and lead times of forecasts; all (time,)."""

    def spread(array: RawArray, values: np.ndarray) -> np.ndarray:
        inner = [array.dims.index(d) for d in moments.dims if d in array.dims]
        where = [slice(None) if d in array.dims else None for d in moments.dims]
        return np.broadcast_to(np.transpose(values, inner)[tuple(where)], shape).ravel()

    def decoded(array: RawArray) -> Times:
        times = decode_times(collection.values(array), array.attrs, array.name)
        return times._replace(seconds=spread(array, times.seconds))

    lead = None
    if moments.lead is not None:
        found = decode_leads(collection.values(moments.lead), moments.lead.attrs)
        lead = None if found is None else spread(moments.lead, found)
    start = decoded(moments.reference) if moments.reference is not None else None
    if moments.valid is not None:
        times = decoded(moments.valid)
        raw = spread(moments.valid, collection.raw(moments.valid))
        if lead is None and start is not None and start.calendar == times.calendar:
            lead = _combined(times.seconds, start.seconds, -1)
    else:
        assert start is not None  # noqa: S101 - one of the two is what makes an axis
        assert moments.reference is not None  # noqa: S101 - the same
        known = lead if lead is not None else np.zeros_like(start.seconds)
        times = start._replace(seconds=_combined(start.seconds, known, 1))
        raw = spread(moments.reference, collection.raw(moments.reference))
    return times, raw, lead if lead is not None and _is_forecast(lead) else None


def _combined(a: np.ndarray, b: np.ndarray, sign: int) -> np.ndarray:
    good = (a != NOT_A_TIME) & (b != NOT_A_TIME)
    return np.where(good, np.where(good, a, 0) + sign * np.where(good, b, 0), NOT_A_TIME)


def _is_forecast(leads: np.ndarray) -> bool:
    """Whether lead times are those of forecasts: not all zero, none negative or of a free run of years."""
    known = leads[leads != NOT_A_TIME]
    return known.size > 0 and known.min() >= 0 and 0 < known.max() <= LONGEST_FORECAST


def bounds_hours(collection: Collection, moments: Moments) -> float | None:
    """Hours between the bounds of each time, if they are the same for all; None if not, or without bounds."""
    valid = moments.valid
    found = next(collection.named(valid, "bounds"), None) if valid is not None else None
    if valid is None or found is None or found.shape != (*valid.shape, 2) or found.dtype.kind not in "iufM":
        return None
    attrs = {**valid.attrs, **{k: v for k, v in found.attrs.items() if k in ("units", "calendar")}}
    edges = decode_times(collection.values(found), attrs, found.name).seconds
    lengths = np.unique(_combined(edges[..., 1], edges[..., 0], -1))
    return int(lengths[0]) / 3600 if lengths.size == 1 and lengths[0] > 0 else None


def _index_axis(collection: Collection, moments: Moments, shape: tuple[int, ...]) -> TimeAxis:
    """An axis that is no time: its labels are the values of its coordinates."""
    columns = []
    for dim, length in zip(moments.dims, shape, strict=True):
        array = collection.along(dim)
        values = collection.raw(array) if array is not None else np.arange(length)
        columns.append([raw_text(v) for v in values])
    labels = columns[0]
    if len(columns) > 1:
        labels = [
            ",".join(f"{d}={c[i]}" for d, c, i in zip(moments.dims, columns, at, strict=True))
            for at in np.ndindex(*shape)
        ]
    return TimeAxis(", ".join(moments.dims), labels, np.full(len(labels), NOT_A_TIME, np.int64), kind="index")


def _frequency(*attributes: Mapping[str, Any]) -> int | None:
    """The step in seconds that attributes declare; None for months and years, whose length varies, and if none do."""
    for attrs in attributes:
        for key in ("frequency", "time_coverage_resolution"):
            declared = str(attrs.get(key, "")).strip().lower()
            if declared in _FREQUENCIES:
                return _FREQUENCIES[declared]
            hours, days = _HOURS.fullmatch(declared), _DAYS.fullmatch(declared)
            if hours is not None:
                return int(hours[1] or hours[2]) * 3600
            if days is not None:
                return int(days[1]) * 86400
    return None
