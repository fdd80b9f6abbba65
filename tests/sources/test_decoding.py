"""Decoding by the CF rules: the bits of xarray's own, and what it is that we do otherwise."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from sources.cf_data import same_bits

from dqwatch.buffers import Buffers
from dqwatch.sources.decoding import NoFieldsError, decode, make_decoder, undeclared_fills

STORED = ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"]


def decoded(raw: np.ndarray, attrs: dict) -> np.ndarray:
    decoder = make_decoder(raw.dtype, attrs)
    out = np.full(raw.shape, 7, decoder.result)
    decode(decoder, raw, out, Buffers())
    return out


def by_xarray(raw: np.ndarray, attrs: dict) -> np.ndarray:
    data = xr.Dataset({"a": ("x", raw, attrs)})
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return xr.decode_cf(data)["a"].values


@st.composite
def packed(draw):
    """Raw values with the attributes that CF allows for them, fill values of the type of the data."""
    dtype = np.dtype(draw(st.sampled_from(STORED)))
    if dtype.kind == "f":
        elements = st.floats(width=dtype.itemsize * 8, allow_nan=True, allow_infinity=True)
    else:
        info = np.iinfo(dtype)
        elements = st.integers(int(info.min), int(info.max))
    raw = np.array(draw(st.lists(elements, min_size=1, max_size=20)), dtype)
    attrs = {}
    numbers = st.floats(-1e3, 1e3, width=32).filter(lambda x: abs(x) > 1e-3)
    kind = draw(st.sampled_from([np.float32, np.float64]))
    if draw(st.booleans()):
        attrs["scale_factor"] = kind(draw(numbers))
    if draw(st.booleans()):
        other = draw(st.sampled_from([kind, np.float64]))
        attrs["add_offset"] = other(draw(numbers))
    fills = [raw[0], *([raw[-1]] if draw(st.booleans()) else [])]
    if draw(st.booleans()):
        attrs["_FillValue"] = fills[0]
    if draw(st.booleans()):
        attrs["missing_value"] = np.array(fills, dtype) if len(fills) > 1 else fills[0]
    return raw, attrs


def exact_in(raw: np.ndarray, kind: np.dtype) -> bool:
    """Whether raw values are told apart in a type of floats."""
    with np.errstate(over="ignore"):
        return np.array_equal(raw.astype(kind).astype(np.float64), raw.astype(np.float64), equal_nan=True)


@given(packed())
def test_the_bits_are_those_of_xarray(case):
    raw, attrs = case
    ours = decoded(raw, attrs)
    theirs = by_xarray(raw, attrs)
    assume(exact_in(raw, ours.dtype))  # xarray compares with the fill value after rounding, and misses it
    assert same_bits(ours, theirs)
    if theirs.dtype.kind == "f":
        assert ours.dtype == theirs.dtype
    assert ours.dtype in (np.float32, np.float64)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
def test_unsigned_integers_are_stored_as_signed(dtype):
    raw = np.array([-1, 0, 1, -128, 127], dtype)
    attrs = {"_Unsigned": "true", "_FillValue": raw.dtype.type(-1), "scale_factor": 0.5}
    assert same_bits(decoded(raw, attrs), by_xarray(raw, attrs))
    assert np.isnan(decoded(raw, attrs)[0])
    assert decoded(raw, attrs)[3] == (2 ** (8 * raw.itemsize) - 128) / 2


def test_signed_integers_may_be_stored_as_unsigned():
    raw = np.array([255, 0, 1, 128], "u1")
    attrs = {"_Unsigned": "false", "_FillValue": np.uint8(128)}
    assert decoded(raw, attrs)[:3].tolist() == [-1, 0, 1]
    assert np.isnan(decoded(raw, attrs)[3])


def test_a_double_fill_value_masks_float_data():
    raw = np.array([1e20, 1, 2], "f4")
    decoder = make_decoder(raw.dtype, {"missing_value": 1e20})
    assert decoder.remark == "missing_value 1e+20 taken as 1.0000000200408773e+20, its value in float32"
    assert np.isnan(decoded(raw, {"missing_value": 1e20})).tolist() == [True, False, False]


def test_one_fill_value_in_two_types_is_no_remark():
    assert make_decoder(np.dtype("f4"), {"_FillValue": np.float32(1e20), "missing_value": 1e20}).remark == ""


@pytest.mark.parametrize(
    ("dtype", "fill"), [("i2", 1e20), ("i2", 0.5), ("u1", -1), ("i2", 99999), ("f4", 1e300), ("i2", "none")]
)
def test_a_fill_value_that_no_value_can_have_is_ignored(dtype, fill):
    decoder = make_decoder(np.dtype(dtype), {"_FillValue": fill})
    assert decoder.fills == ()
    assert str(fill) in decoder.remark or f"{fill:g}" in decoder.remark
    assert decoder.remark.endswith("ignored")


def test_a_fill_value_of_nan_needs_no_mask():
    assert make_decoder(np.dtype("f4"), {"_FillValue": np.nan}).changes_nothing
    assert make_decoder(np.dtype("i2"), {"_FillValue": np.nan, "scale_factor": 0.1}).fills == ()


def test_the_default_fill_value_stays_unless_declared():
    raw = np.array([9.96921e36, 1], "f4")
    assert decoded(raw, {})[0] == np.float32(9.96921e36)


def test_numbers_written_as_text_are_read():
    raw = np.array([1, 2, -9], "i2")
    assert decoded(raw, {"scale_factor": "0.5", "_FillValue": "-9"})[:2].tolist() == [0.5, 1.0]
    assert np.isnan(decoded(raw, {"scale_factor": "0.5", "_FillValue": "-9"})[2])


@pytest.mark.parametrize("attrs", [{"scale_factor": "big"}, {"add_offset": [1.0, 2.0]}])
def test_packing_that_is_no_number_is_refused(attrs):
    with pytest.raises(NoFieldsError, match="no number"):
        make_decoder(np.dtype("i2"), attrs)


@pytest.mark.parametrize("dtype", ["S3", "O", "M8[s]", "c16", "U2"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(NoFieldsError, match="no numbers"):
        make_decoder(np.dtype(dtype), {})


def test_decoding_in_place_and_from_any_order_is_the_same():
    raw = np.arange(24, dtype="f4").reshape(2, 3, 4)
    decoder = make_decoder(raw.dtype, {"_FillValue": np.float32(5), "missing_value": np.float32([7, 8])})
    away = np.empty((4, 3, 2), "f4")
    decode(decoder, raw.T, away, Buffers())
    decode(decoder, raw, raw, Buffers())
    assert same_bits(away.T, raw)
    assert sorted(np.flatnonzero(np.isnan(raw.ravel())).tolist()) == [5, 7, 8]


def test_booleans_and_halves_become_single():
    assert decoded(np.array([True, False]), {}).tolist() == [1.0, 0.0]
    assert decoded(np.array([1.5], "f2"), {}).dtype == np.float32
    assert decoded(np.array([2**40], "i8"), {}).tolist() == [2.0**40]


@pytest.mark.parametrize(
    ("dtype", "attrs", "expected"),
    [
        ("i2", {"scale_factor": 0.5, "add_offset": 10.0}, [-16373.5, -16374.0, 16393.5, -4989.5]),
        ("i2", {"scale_factor": 0.5, "_FillValue": -32767}, [-16384.0, 16383.5, -4999.5]),
        ("u1", {"add_offset": 2.0}, [257.0]),
        ("i1", {"_Unsigned": "true", "scale_factor": 2.0}, [510.0]),
        ("i2", {}, []),  # of values as they are the usual fill values are known
        ("f4", {"scale_factor": 2.0}, []),
    ],
)
def test_what_undeclared_fill_values_become(dtype: str, attrs: dict, expected: list[float]) -> None:
    assert list(undeclared_fills(make_decoder(np.dtype(dtype), attrs))) == expected
