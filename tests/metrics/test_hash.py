"""Hashes: equal for equal fields, different for fields that differ in a bit or a place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics.fake_source import row_of

DTYPES = [np.float32, np.float64]


def field(dtype: type, n: int = 40_001) -> np.ndarray:
    return np.random.default_rng(7).normal(size=n).astype(dtype)


def data_hash(values: np.ndarray) -> int:
    return row_of(values)["data_hash"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_have_the_same_hash(dtype: type) -> None:
    values = field(dtype)
    shifted: np.ndarray = np.empty(values.size + 1, dtype)[1:]
    shifted[:] = values
    assert data_hash(values) == data_hash(shifted) != 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 16384, 16385, 40_001])
@given(data=st.data())
def test_one_bit_changes_the_hash(dtype: type, n: int, data: st.DataObject) -> None:
    values = field(dtype, n)
    bits = values.view(f"u{values.itemsize}")
    place = data.draw(st.integers(0, n - 1))
    before = data_hash(values)
    bits[place] ^= bits.dtype.type(1 << data.draw(st.integers(0, 22 if dtype is np.float32 else 51)))
    assert data_hash(values) != before


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_places_count(dtype: type, data: st.DataObject) -> None:
    values = field(dtype, 40_000)
    a, b = data.draw(st.lists(st.integers(0, 39_999), min_size=2, max_size=2, unique=True))
    before = data_hash(values)
    values[[a, b]] = values[[b, a]]
    assert data_hash(values) != before


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_two_shifts_or_lengths_of_a_field_have_the_same_hash(dtype: type) -> None:
    values = field(dtype, 16_390)
    hashes = {data_hash(np.roll(values, shift)) for shift in range(300)} | {
        data_hash(values[:n]) for n in range(1, 300)
    }
    assert len(hashes) == 599
    zeros = {data_hash(np.zeros(n, dtype)) for n in range(1, 300)}
    assert len(zeros | hashes) == 898


@pytest.mark.parametrize("dtype", DTYPES)
def test_whatever_a_nan_carries_is_one(dtype: type) -> None:
    values = field(dtype)
    values[100:200] = np.nan
    others = values.copy()
    bits = others.view(f"u{others.itemsize}")
    bits[100:200] |= bits.dtype.type(1 << (others.itemsize * 8 - 1))
    bits[150] ^= bits.dtype.type(5)
    assert np.isnan(others[100:200]).all()
    assert data_hash(values) == data_hash(others)


def test_the_sign_of_zero_counts() -> None:
    assert data_hash(np.array([0.0, 1.0])) != data_hash(np.array([-0.0, 1.0]))


def test_the_pattern_of_nan() -> None:
    values = field(np.float64)
    assert row_of(values)["nan_hash"] == 0
    values[[5, 16383, 16384, 33_000]] = np.nan
    masked = row_of(values)["nan_hash"]
    assert masked != 0
    assert row_of((values * 2 + 1).astype(np.float32))["nan_hash"] == masked
    values[5], values[6] = 1.0, np.nan
    assert row_of(values)["nan_hash"] != masked
    assert row_of(np.full(5, np.inf))["nan_hash"] == 0


WORD, LONG = 2**32 - 1, 2**64 - 1


def splitmix(count: int) -> list[int]:
    """The upper halves of the first numbers of splitmix64 from 0."""
    keys = []
    for i in range(1, count + 1):
        z = i * 0x9E3779B97F4A7C15 & LONG
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & LONG
        z = (z ^ z >> 27) * 0x94D049BB133111EB & LONG
        keys.append(z >> 32)
    return keys


def slow_hash(words: list[int], n: int, per_block: int) -> int:
    """The hash in Python's own integers: hashes are kept in records, so a kernel must not change them."""
    keys = splitmix(32768)
    state = 0
    for start in range(0, len(words), per_block):
        block = words[start : start + per_block]
        half, h = len(block) // 2, 0
        for i in range(half):
            u, v = block[i] + keys[i] & WORD, block[half + i] + keys[16384 + i] & WORD
            h += u * v + (u << 32) + v
        if len(block) % 2:
            h += (block[-1] + keys[half] & WORD) * (keys[16384 + half] | 1)
        state = ((state ^ h) & LONG) * 0x9E3779B97F4A7C15 & LONG
        state ^= state >> 29
    h = (state ^ n) * 0xBF58476D1CE4E5B9 & LONG
    h = (h ^ h >> 32) * 0x94D049BB133111EB & LONG
    return (h ^ h >> 29) or 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 5, 16384, 40_001])
def test_the_hash_is_the_documented_one(dtype: type, n: int) -> None:
    values = field(dtype, n)
    words = values.view(np.uint32).tolist()
    assert data_hash(values) == slow_hash(words, n, 16384 * values.itemsize // 4)
    values[::3] = np.nan
    assert row_of(values)["nan_hash"] == slow_hash(np.isnan(values).astype(int).tolist(), n, 16384)
