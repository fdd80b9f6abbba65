"""GRIB messages: what each one says of itself, and its values.

A file is walked once, headers only; later any thread reads any message by its offset.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from dqwatch.errors import MissingExtraError, SourceError
from dqwatch.sources.grib_sections import FIRST_WITHIN, Part, part_bytes, section_groups

_MISSING = 3.0e37
"""Stands for a missing value while a message is decoded; larger than any quantity of weather."""
_HEADER = re.compile(
    rb"(?:[\0\x01\x03\s]|\*{4}\d{10}\*{4}|\d{8}0[01]|\d{3,5}(?=\s)|[A-Z]{4}\d\d [A-Z]{4} \d{6}(?: [A-Z]{3})?(?=\s))*"
)
"""Headers and ends of WMO bulletins, which may stand around messages: `HTXA85 KWBC 311200`, `****0000012345****`."""
_STEP_SECONDS = {"": 3600, "h": 3600, "m": 60, "s": 1}


class Message(NamedTuple):
    """One field of a GRIB file as its headers describe it."""

    part: Part
    short_name: str
    name: str
    units: str
    level_type: str
    level: float
    layer: tuple[float, float] | None
    """Upper and lower bound of a layer, as `level` counts."""
    start: int
    """Reference time, seconds since 1970."""
    lead: int
    """End of the step, seconds."""
    period: int
    """Length of the step range, seconds; 0 for an instant."""
    step_type: str
    number: int
    grid_type: str
    grid_key: str
    n_points: int
    packing: str
    bits: int


class Library(Protocol):
    """What reads the fields that messages describe."""

    def values(self, message: Message) -> np.ndarray:
        """Values float64 (point,), NaN where missing; any thread may ask."""

    def geometry(self, message: Message) -> dict[str, Any]:
        """Coordinates and scanning mode, as `read_geometry` gives them."""

    def digest(self, message: Message) -> bytes:
        """Tells two messages with the same headers apart."""

    def close(self) -> None:
        """Let go of files; harmless when called twice."""


class Files:
    """The messages of some files."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._descriptors = {path: os.open(path, os.O_RDONLY) for path in paths}

    def values(self, message: Message) -> np.ndarray:
        """Values float64 (point,) in the order of the scanning mode."""
        path = message.part.path
        return read_values(message.part, self._descriptors[path], Path(path).name)

    def geometry(self, message: Message) -> dict[str, Any]:
        """Coordinates and scanning mode."""
        return read_geometry(message.part)

    def digest(self, message: Message) -> bytes:
        """Hash of the bytes of the message."""
        return hashlib.sha256(part_bytes(self._descriptors[message.part.path], message.part)).digest()

    def close(self) -> None:
        """Close the files."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors = {}


@cache
def library() -> Any:
    """The eccodes module, its own chatter silenced.

    Raises
    ------
    MissingExtraError
        If eccodes or its library is not installed.
    """
    try:
        import eccodes
    except (ImportError, RuntimeError) as error:  # RuntimeError: the Python package is there, the C library is not
        raise MissingExtraError("reading GRIB needs eccodes: pip install 'dqwatch[grib]'") from error
    if hasattr(eccodes, "codes_context_set_logging"):  # older ones have no such function, and talk
        silence = open(os.devnull, "w")  # noqa: SIM115 (the library writes to it as long as the process lives)
        atexit.register(silence.close)
        eccodes.codes_context_set_logging(silence)
    return eccodes


def walk(path: str | os.PathLike[str]) -> Iterator[Message]:
    """Every field of a file, in stored order.

    Raises
    ------
    SourceError
        If a message cannot be decoded, is cut short, or bytes between messages are neither zeros, nor the header of a
        WMO bulletin, nor a message.
    """
    ec = library()
    name = Path(path).name
    end = count = 0
    with open(path, "rb") as stream:
        while True:
            try:
                handle = ec.codes_grib_new_from_file(stream, headers_only=True)
            except ec.CodesInternalError as error:
                raise SourceError(
                    f"{name}: GRIB message {count + 1}, after byte {end}, cannot be decoded ({_reason(error)}); "
                    f"{count} were sound; fetch the file anew"
                ) from error
            if handle is None:
                break
            offset, length = ec.codes_get_message_offset(handle), ec.codes_get_message_size(handle)
            _check_gap(stream.fileno(), name, end, offset)
            end, count = offset + length, count + 1
            part = Part(str(path), ec.codes_get(handle, "edition"), offset, length)
            try:
                yield from _fields(ec, stream.fileno(), handle, part, name)
            finally:
                ec.codes_release(handle)
        _check_gap(stream.fileno(), name, end, os.fstat(stream.fileno()).st_size)
    if count == 0:
        raise SourceError(f"{name}: no GRIB message in it; is this the right file?")


def _reason(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).strip() or type(error).__name__


def _check_gap(descriptor: int, name: str, start: int, stop: int) -> None:
    while start < stop:
        piece = os.pread(descriptor, min(stop - start, 1 << 20), start)
        if piece.strip(b"\0\n\r ") and not (stop - start <= FIRST_WITHIN and _HEADER.fullmatch(piece)):
            raise SourceError(
                f"{name}: bytes {start} to {stop} are no GRIB message; the file is damaged, fetch it anew"
            )
        start += len(piece) or stop


def _fields(ec: Any, descriptor: int, handle: Any, part: Part, name: str) -> Iterator[Message]:
    groups = section_groups(descriptor, part) if part.edition == 2 else []
    if len(groups) <= 1:
        yield _describe(ec, handle, part, name)
        return
    for sections in groups:
        piece = part._replace(sections=sections)
        inner = ec.codes_new_from_message(part_bytes(descriptor, piece))
        try:
            yield _describe(ec, inner, piece, name)
        finally:
            ec.codes_release(inner)


def _describe(ec: Any, handle: Any, part: Part, file_name: str) -> Message:
    def get(key: str, kind: type | None = None, default: Any = None) -> Any:
        try:
            return ec.codes_get(handle, key, kind)
        except ec.CodesInternalError:
            if default is None:
                where = f"{file_name}: GRIB message at byte {part.offset}"
                raise SourceError(f"{where} has no '{key}'; it cannot be placed, so it is not trusted") from None
            return default

    first, last = _step(get("startStep", str, "0")), _step(get("endStep", str, "0"))
    short_name = get("shortName", str, "unknown")
    if short_name in ("unknown", "~", ""):
        short_name = _unknown_name(get, part.edition)
    level = get("level", float, 0.0)
    top, bottom = get("topLevel", float, level), get("bottomLevel", float, level)
    step_type = get("stepType", str, "instant")
    return Message(
        part=part,
        short_name=short_name,
        name=get("name", str, ""),
        units=get("units", str, ""),
        level_type=get("typeOfLevel", str, "unknown"),
        level=level,
        layer=(top, bottom) if top != bottom else None,
        start=_reference_time(get("dataDate", int), get("dataTime", int), file_name, part.offset),
        lead=last,
        period=0 if step_type == "instant" else last - first,
        step_type=step_type,
        number=get("number", int, 0),
        grid_type=get("gridType", str, "unknown"),
        grid_key=get("md5GridSection", str, "none"),
        n_points=get("numberOfPoints", int, 0) or get("numberOfValues", int, 0),
        packing=get("packingType", str, "unknown"),
        bits=get("bitsPerValue", int, -1),
    )


def _unknown_name(get: Any, edition: int) -> str:
    keys = (
        ("discipline", "parameterCategory", "parameterNumber")
        if edition == 2
        else ("table2Version", "indicatorOfParameter")
    )
    return "unknown_" + "_".join(str(get(key, int, -1)) for key in keys)


def _step(text: str) -> int:
    match = re.fullmatch(r"(-?\d+)([hms]?)", text)
    if match is None:
        raise SourceError(f"GRIB step '{text}' is neither hours, minutes ('30m') nor seconds ('90s')")
    return int(match[1]) * _STEP_SECONDS[match[2]]


def _reference_time(date: int, time: int, file_name: str, offset: int) -> int:
    try:
        moment = datetime(date // 10000, date // 100 % 100, date % 100, time // 100, time % 100, tzinfo=UTC)
    except ValueError:
        raise SourceError(
            f"{file_name}: GRIB message at byte {offset} has the date {date} {time:04d}, which is none"
        ) from None
    return int(moment.timestamp())


def read_values(part: Part, descriptor: int, file_name: str) -> np.ndarray:
    """The values of a message, float64 (point,), in the order of its scanning mode, NaN where its bitmap says missing.

    Raises
    ------
    SourceError
        If the data section cannot be decoded.
    """
    ec = library()
    handle = None
    try:
        handle = ec.codes_new_from_message(part_bytes(descriptor, part))
        has_bitmap = bool(ec.codes_get(handle, "bitmapPresent"))
        if has_bitmap:
            ec.codes_set(handle, "missingValue", _MISSING)
        values: np.ndarray = ec.codes_get_array(handle, "values")
    except ec.CodesInternalError as error:
        raise SourceError(
            f"{file_name}: the values of the GRIB message at byte {part.offset} cannot be decoded ({_reason(error)})"
        ) from error
    finally:
        if handle is not None:
            ec.codes_release(handle)
    if has_bitmap:
        values[values == _MISSING] = np.nan
    return values


def read_geometry(part: Part) -> dict[str, Any]:
    """Coordinates and scanning mode of a message.

    Returns
    -------
    dict
        latitudes, longitudes: float64 (point,), or absent where the library cannot make them, then `problem` says why;
        ni, nj: int or None; `alternate`, `columns_first`: the scanning mode; `pl`: points per row of a reduced grid.
    """
    ec = library()
    with open(part.path, "rb") as stream:
        handle = ec.codes_new_from_message(part_bytes(stream.fileno(), part))
    geometry: dict[str, Any] = {}
    try:
        for key, name in (
            ("ni", "Ni"),
            ("nj", "Nj"),
            ("alternate", "alternativeRowScanning"),
            ("columns_first", "jPointsAreConsecutive"),
        ):
            try:
                missing = ec.codes_is_missing(handle, name)
                geometry[key] = None if missing else ec.codes_get(handle, name, int)
            except ec.CodesInternalError:
                geometry[key] = None
        try:
            geometry["latitudes"] = ec.codes_get_array(handle, "latitudes")
            geometry["longitudes"] = ec.codes_get_array(handle, "longitudes")
        except ec.CodesInternalError as error:
            geometry.pop("latitudes", None)
            geometry["problem"] = _reason(error)
    finally:
        ec.codes_release(handle)
    return geometry
