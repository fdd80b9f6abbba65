"""From values as stored to physical values, by the CF rules: fill values, packing, unsigned integers.

The result has the bits that xarray's decoding gives, with two differences: it is always float32 or float64, and a fill
value of another type than the data (a double `missing_value` beside float data) masks nevertheless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqwatch.buffers import Buffers


class NoFieldsError(ValueError):
    """An array holds no fields; the message is the reason, one clause."""


@dataclass(frozen=True, eq=False)
class Decoder:
    """How the values of one array are decoded."""

    stored: np.dtype
    """Type of the raw values, reinterpreted where `_Unsigned` says so."""
    result: np.dtype
    """float32 or float64."""
    fills: tuple[Any, ...] = ()
    """Values of type `stored` that stand for a missing value."""
    scale: Any = None
    offset: Any = None
    remark: str = ""
    """What is wrong with the attributes, one clause; '' if nothing is."""

    @property
    def changes_nothing(self) -> bool:
        """Whether raw values are decoded values."""
        return self.stored == self.result and not self.fills and self.scale is None and self.offset is None


def make_decoder(dtype: np.dtype, attrs: Mapping[str, Any]) -> Decoder:
    """The decoder that the attributes of an array ask for.

    Parameters
    ----------
    dtype : np.dtype
        Type of the raw values: boolean, integer or floating.
    attrs : mapping
        Attributes as stored; the types of `scale_factor` and `add_offset` decide on the type of the result.

    Raises
    ------
    NoFieldsError
        If the values are not numbers, or `scale_factor` or `add_offset` is not one.
    """
    if dtype.kind not in "biuf":
        raise NoFieldsError(f"its values are of type {dtype}, no numbers")
    scale, offset = _number(attrs, "scale_factor"), _number(attrs, "add_offset")
    stored = _reinterpreted(dtype, attrs.get("_Unsigned"))
    fills, remark = _fill_values(dtype, stored, attrs)
    return Decoder(stored, _result_type(stored, scale, offset), fills, scale, offset, remark)


def _number(attrs: Mapping[str, Any], name: str) -> Any:
    if name not in attrs:
        return None
    value = np.asarray(attrs[name])
    if value.size != 1 or value.dtype.kind not in "biufSU":
        raise NoFieldsError(f"its {name} is {attrs[name]!r}, no number")
    try:
        return float(value.item()) if value.dtype.kind in "bSU" else value.reshape(-1)[0]
    except ValueError as error:
        raise NoFieldsError(f"its {name} is {attrs[name]!r}, no number") from error


def _reinterpreted(dtype: np.dtype, unsigned: Any) -> np.dtype:
    if dtype.kind in "iu" and str(unsigned).lower() in ("true", "false"):
        return np.dtype(f"{'u' if str(unsigned).lower() == 'true' else 'i'}{dtype.itemsize}")
    return dtype


def _result_type(stored: np.dtype, scale: Any, offset: Any) -> np.dtype:
    """As xarray chooses: the type of scale and offset where they agree, float64 where precision could suffer."""
    narrow = stored.kind == "b" or stored.itemsize <= (4 if stored.kind == "f" else 2)
    plain = np.dtype(np.float32 if narrow else np.float64)
    if scale is None and offset is None:
        return plain
    if offset is None:
        kind = np.dtype(type(scale))
    else:
        kind = np.dtype(type(offset) if scale is None or type(scale) is type(offset) else np.float64)
        if scale is None or (stored.kind in "iu" and stored.itemsize == 4):
            kind = np.dtype(np.float64)
    return kind if kind in (np.float32, np.float64) else np.dtype(np.float64)


def _fill_values(dtype: np.dtype, stored: np.dtype, attrs: Mapping[str, Any]) -> tuple[tuple[Any, ...], str]:
    """The fill values as values of the stored type, and what is odd about them."""
    fills: list[Any] = []
    odd: dict[Any, str] = {}
    for name in ("_FillValue", "missing_value"):
        for given in np.ravel(attrs[name]) if name in attrs and attrs[name] is not None else ():
            fill = _as_stored(given, dtype, stored)
            if fill is None:
                if not _is_nan(given):
                    odd[str(given)] = f"{name} {given} is no value of type {stored}: ignored"
                continue
            if any(fill == other for other in fills):
                continue
            if stored.kind == "f" and float(fill) != float(given):
                odd[fill] = f"{name} {given} taken as {fill}, its value in {stored}"
            fills.append(fill)
    return tuple(fills), "; ".join(odd.values())


def _is_nan(given: Any) -> bool:
    return isinstance(given, float | np.floating) and bool(np.isnan(given))


def _as_stored(given: Any, dtype: np.dtype, stored: np.dtype) -> Any:
    """A fill value in the type of the data; None if it is none of its values, or NaN, which needs no masking."""
    try:
        number = float(given) if isinstance(given, str | bytes | float | np.floating) else int(given)
    except ValueError:
        return None
    if stored.kind == "f":
        with np.errstate(over="ignore"):
            fill = stored.type(number)
        return None if np.isnan(fill) or (np.isinf(fill) and not np.isinf(number)) else fill
    if stored.kind == "b" or isinstance(number, float):
        if number != number or number in (float("inf"), float("-inf")) or number != int(number):
            return None
        number = int(number)
    for kind in (stored, dtype):
        if kind.kind != "b" and np.iinfo(kind).min <= number <= np.iinfo(kind).max:
            return np.array(number, kind).astype(stored)[()]
    return None


_RAW_FILLS: Mapping[str, tuple[int, ...]] = {
    "i1": (-127, -128, 127),
    "u1": (255,),
    "i2": (-32767, -32768, 32767, -9999),
    "u2": (65535,),
    "i4": (-2147483647, -2147483648, 2147483647),
    "u4": (4294967295,),
}
"""By type: the defaults of netCDF, and the ends of the type."""


def undeclared_fills(decoder: Decoder) -> tuple[float, ...]:
    """What the well-known fill values of packed integers become, those left out that are declared.

    Where nobody declared them, `-32767 * scale + offset` is a number like any other, and none that is known for a fill.
    """
    raw = [x for x in _RAW_FILLS.get(decoder.stored.str[1:], ()) if not any(x == fill for fill in decoder.fills)]
    if not raw or (decoder.scale is None and decoder.offset is None):
        return ()
    decoded = np.empty(len(raw), decoder.result)
    decode(decoder, np.array(raw, decoder.stored), decoded, Buffers())
    return tuple(decoded[np.isfinite(decoded)].tolist())


def decode(decoder: Decoder, raw: np.ndarray, out: np.ndarray, buffers: Buffers) -> None:
    """Decode raw values into `out`.

    Parameters
    ----------
    decoder : Decoder
    raw : np.ndarray
        Of the raw type, in any memory order; may be `out` itself where the two types are the same.
    out : np.ndarray
        C-contiguous, of `raw`'s shape and of type `decoder.result`.
    buffers : Buffers
        For the mask.
    """
    if raw.dtype != decoder.stored:
        raw = raw.view(decoder.stored)
    missing = None
    if decoder.fills:
        missing = buffers.take("decode.missing", raw.shape, np.bool_)
        np.equal(raw, decoder.fills[0], out=missing)
        if len(decoder.fills) > 1:
            further = buffers.take("decode.further", raw.shape, np.bool_)
            for fill in decoder.fills[1:]:
                missing |= np.equal(raw, fill, out=further)
    # Overflow to infinity is for the scan to find.
    with np.errstate(all="ignore"):
        if out is not raw:
            np.copyto(out, raw, casting="unsafe")
        if decoder.scale is not None:
            np.multiply(out, decoder.scale, out=out, casting="same_kind")
        if decoder.offset is not None:
            np.add(out, decoder.offset, out=out, casting="same_kind")
    if missing is not None:
        np.copyto(out, np.nan, where=missing)
